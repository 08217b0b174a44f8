"""Features that sections have in common, by name."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping

import pandas as pd

logger = logging.getLogger(__name__)

_FEW = 0.25
"""A smaller share of the smallest section's features than this is worth a warning."""

_ENSEMBL = re.compile(r"ENS[A-Z]*G\d{6,}(\.\d+)?")


def shared_names(names: Mapping[str, pd.Index], min_shared: int) -> pd.Index:
    """Names that all sections have, in the order of the first; how many goes to the log.

    Parameters
    ----------
    names
        Section → names of its features.
    min_shared
        Fewer than this are refused, unless they are half of a section's features.

    Raises
    ------
    ValueError
        If names repeat within a section, or too few are shared; the message tells which section
        is the odd one and what differs.
    """
    for section, own in names.items():
        if not own.is_unique:
            twice = own[own.duplicated()]
            raise ValueError(
                f"{twice.nunique()} features of section {section!r} share a name with another "
                f"(first: {twice[0]!r}), so that sections cannot be matched; "
                "AnnData.var_names_make_unique() gives them names of their own."
            )
    shared = _in_all(names)
    smallest = min(map(len, names.values()))
    if len(shared) < min(min_shared, (smallest + 1) // 2):
        raise ValueError(f"{_count(names, shared)}, fewer than {min_shared}.{_advice(names)}")
    if len(shared) < _FEW * smallest:
        warnings.warn(f"{_count(names, shared)}.{_advice(names)}", stacklevel=4)
    elif len(names) > 1:
        logger.info("%s.", _count(names, shared))
    return shared


def _in_all(names: Mapping[str, pd.Index]) -> pd.Index:
    first, *others = names.values()
    shared = first
    for own in others:
        shared = shared[shared.isin(own)]
    return shared


def _count(names: Mapping[str, pd.Index], shared: pd.Index) -> str:
    sizes = ", ".join(f"{section!r}: {len(own)}" for section, own in names.items())
    return f"The {len(names)} sections share {len(shared)} features by name ({sizes})"


def _advice(names: Mapping[str, pd.Index]) -> str:
    """Which section is the odd one, if one is, and in what its names differ from the others'."""
    odd = max(names, key=lambda section: len(_in_all(_without(names, section))))
    others = _without(names, odd)
    known, own = pd.Index(_in_all(others)), names[odd]
    text = ""
    if len(names) > 2 and len(known) > 2 * len(_in_all(names)):
        text += f" Without {odd!r} the others share {len(known)}."
    apart = (own.difference(known, sort=False), known.difference(own, sort=False))
    examples = [", ".join(map(str, which[:2])) for which in apart if len(which)]
    if not examples:
        return text
    text += (
        f" Its names are like {examples[0]}" if len(names) > 2 else f" {odd!r} has {examples[0]}"
    )
    text += f"; the others' like {examples[1]}." if len(examples) > 1 else "."
    return text + _difference(own, known)


def _difference(own: pd.Index, others: pd.Index) -> str:
    ensembl = [bool(len(x)) and _share_of_ensembl(x) > 0.5 for x in (own, others)]
    if ensembl[0] != ensembl[1]:
        return (
            " One side has Ensembl ids, the other symbols: make both the same, from a column of "
            "var such as var['gene_ids'] or var['gene_symbols'] (adata.var_names = …)."
        )
    changes = {
        "upper and lower case, as between human and mouse": lambda x: x.str.upper(),
        "the version after the '.'": lambda x: x.str.replace(r"\.\d+$", "", regex=True),
        "what precedes the first '_', such as a genome": lambda x: x.str.replace(
            r"^[^_]+_", "", regex=True
        ),
    }
    plain = len(own.intersection(others))
    for what, change in changes.items():
        alike = len(change(own.astype(str)).unique().intersection(change(others.astype(str))))
        if alike > 2 * plain + 1:
            return f" {alike} would be shared but for {what}."
    return ""


def _share_of_ensembl(names: pd.Index) -> float:
    return sum(bool(_ENSEMBL.fullmatch(str(name))) for name in names) / len(names)


def _without(names: Mapping[str, pd.Index], section: str) -> dict[str, pd.Index]:
    return {other: own for other, own in names.items() if other != section}
