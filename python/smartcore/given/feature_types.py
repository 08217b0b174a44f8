"""What kind of measurement a feature is, by the type that a file gives it, and by its name."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

Kind = Literal["rna", "protein", "chromatin"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of modality, named for how they are preprocessed."""

COLUMN = "feature_types"
"""Column of ``var`` with the type of each feature, as scanpy and 10x's files have it."""

_OTHER_COLUMNS = ("feature_type", "modality")
"""Columns that hold the same elsewhere, where all they hold are known types of several kinds."""

FEATURE_TYPES: dict[Kind, tuple[str, ...]] = {
    "rna": ("Gene Expression",),
    "protein": ("Antibody Capture", "Protein Expression"),
    "chromatin": ("Peaks",),
}
"""The feature types of 10x files that belong to each kind."""

_ALIASES: dict[Kind, tuple[str, ...]] = {
    "rna": (
        *("gene expression", "gex", "rna", "mrna", "gene", "genes", "expression", "transcriptome"),
        *("transcript", "transcripts", "rna expression", "protein coding", "lncrna", "lincrna"),
        *("mirna", "snrna", "snorna", "rrna", "antisense", "misc rna", "tec", "endogenous"),
    ),
    "protein": (
        *("antibody capture", "protein expression", "protein", "proteins", "adt", "adts"),
        *("antibody", "antibodies", "ab", "cite", "cite seq", "surface protein"),
    ),
    "chromatin": (
        *("peaks", "peak", "atac", "chromatin", "chromatin accessibility", "atac peaks"),
        *("accessibility", "histone"),
    ),
}

MODALITY_NAMES: dict[Kind, tuple[str, ...]] = {
    "rna": (
        *("rna", "gex", "gene", "genes", "transcriptome", "mrna"),
        *("spatial", "visium", "xenium", "nanostring", "vizgen"),  # Seurat's assays
    ),
    "protein": ("protein", "proteins", "prot", "adt", "antibody", "cite"),
    "chromatin": ("chromatin", "atac", "peaks", "histone", "h3k27ac", "h3k27me3", "h3k4me3"),
}
"""Names of modalities in .h5mu and .rds files, and how they are preprocessed."""

_CONTROL_TYPES = (
    *("negative control probe", "negative control codeword", "unassigned codeword"),
    *("deprecated codeword", "genomic control", "blank codeword", "system control"),
    *("negative control", "negprobes", "negative probe", "control"),
    *("negative", "blank", "intergenic region"),
)
_OTHER_TYPES = (
    *("crispr guide capture", "multiplexing capture", "antigen capture", "custom", "vdj t"),
    *("vdj b", "vdj", "hto", "hashtag", "hashtags"),
)

_HOSTS = "mouse|rat|rabbit|goat|hamster|armenian hamster|syrian hamster|ms|rb|rt"
_CONTROL_NAMES: dict[Kind, re.Pattern[str]] = {
    "rna": re.compile(
        r"(\w+[ .-]+)?(neg(ative)? ?(control|ctrl|prb|probe)|systemcontrol|falsecode|"
        r"no ?target|(unassigned|deprecated) ?codeword|blank ?[a-z]?\d|intergenic( ?region)? ?\d|"
        r"negative ?\d+$|antisense )",
        re.IGNORECASE,
    ),
    "protein": re.compile(
        rf"(?!anti\b)(.*isotype|((.*\b)?({_HOSTS}|[mrh])? ?ig[gmade]\d?[abc]?k? ?(control|ctrl|ctl)\b)|"
        rf"(control|ctrl) ({_HOSTS})? ?ig[gm]|"
        rf"(({_HOSTS}) ?igg\d?[abc]?|[mrh]igg\d[abc]?),? ?(k|kappa|κ|lambda)?$|"
        r"neg(ative)? ?(control|ctrl))",
        re.IGNORECASE,
    ),
}
"""Probes and antibodies that are there to bind nothing. B cells do have IgD, IgG and IgM."""


def kind_of_modality(name: str) -> Kind | None:
    """Kind of a modality by its name, or None where the name says nothing."""
    plain = name.strip().lower()
    return next((kind for kind, names in MODALITY_NAMES.items() if plain in names), None)


def one_name_each(sections: Mapping[str, Mapping[str, Kind | None]]) -> dict[str, dict[str, str]]:
    """Names under which modalities that sections call differently are one.

    Parameters
    ----------
    sections
        Section → modality, as it is called there → its kind, or ``None`` where it is not known.

    Returns
    -------
    Section → own name → common name. Modalities of one kind share a name where no section has two
    of them: that of the first section, which a log message tells.
    """
    names = {section: {own: own for own in kinds} for section, kinds in sections.items()}
    for kind in KINDS:
        own = {
            section: [name for name, one in kinds.items() if one == kind]
            for section, kinds in sections.items()
        }
        called = list(dict.fromkeys(name for found in own.values() for name in found))
        if len(called) < 2 or any(len(found) > 1 for found in own.values()):
            continue
        for section, found in own.items():
            if found:
                names[section][found[0]] = called[0]
        logger.info(
            "%s are one modality of the sections, called %r here.",
            " and ".join(map(repr, called)),
            called[0],
        )
    return names


def type_of(name: str) -> Kind | Literal["control", "other"] | None:
    """Kind of a feature type, however it is written.

    "control" stands for types of control probes, "other" for known types that are no modality
    here, ``None`` for unknown types.
    """
    plain = _plain(name)
    for kind, names in _ALIASES.items():
        if plain in map(_plain, names):
            return kind
    # Biotypes of genes, as annotations call them.
    if plain.endswith("pseudogene") or re.fullmatch(r"(ig|tr)[cdjv]gene|mt[rt]rna", plain):
        return "rna"
    if plain in map(_plain, _CONTROL_TYPES):
        return "control"
    return "other" if plain in map(_plain, _OTHER_TYPES) else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def column_in(var: pd.DataFrame) -> str | None:
    """The column of ``var`` that tells types of features; ``None`` without one."""
    if COLUMN in var:
        return COLUMN
    for name in _OTHER_COLUMNS:
        if name in var and None not in (
            kinds := {type_of(str(value)) for value in var[name].unique()}
        ):
            return name if len(kinds) > 1 else None
    return None


def types_in(var: pd.DataFrame) -> dict[str, int]:
    """Feature types with their numbers of features, the most frequent first; none without any."""
    column = column_in(var)
    if column is None:
        return {}
    return {str(name): int(n) for name, n in _texts(var[column]).value_counts().items()}


def listed(types: dict[str, int]) -> str:
    """Feature types with their numbers of features, as text."""
    named = [f"{name!r} ({n})" if name else f"no type ({n})" for name, n in types.items()]
    return ", ".join(named) or "no features"


def kinds_in(var: pd.DataFrame) -> list[Kind]:
    """Kinds that have a feature, by the types in ``var``."""
    found = {type_of(name) for name in types_in(var)}
    return [kind for kind in KINDS if kind in found]


def of_kind(var: pd.DataFrame, kind: Kind, *, source: str) -> NDArray[np.bool_]:
    """Which features are of a kind, by their types: all of them where nothing says otherwise.

    Parameters
    ----------
    var
        Features, with or without a column ``feature_types``.
    kind
        The kind asked for.
    source
        Where they come from, for messages.

    Raises
    ------
    ValueError
        If there are types, and none is of that kind; or several, some of which are not known.
    """
    types = types_in(var)
    found = {name: type_of(name) for name in types}
    unknown = {name: types[name] for name in types if found[name] is None}
    # A column of one unknown type, or of none, says nothing.
    if not types or (len(types) == 1 and unknown):
        return np.ones(len(var), bool)
    if unknown:
        raise ValueError(
            f"{source}: var[{column_in(var)!r}] holds types that are not known: {listed(unknown)}. Write "
            f"{_known()} there, or give the features of each kind as an object of their own "
            "without that column"
        )
    if kind not in found.values():
        raise ValueError(
            f"{source} has no {kind} features: var[{column_in(var)!r}] should hold "
            f"{' or '.join(map(repr, FEATURE_TYPES[kind]))}, but holds {listed(types)}. Delete "
            "that column if it is wrong"
        )
    return (_texts(var[str(column_in(var))]).map(found) == kind).to_numpy(bool)


def control_features(names: Iterable[object], kind: str) -> NDArray[np.bool_]:
    """Which features are control probes (of RNA) or isotype controls (of proteins), by name."""
    pattern = _CONTROL_NAMES.get(kind)  # type: ignore[call-overload]
    texts = [re.sub(r"[\s_.-]+", " ", str(name)).strip() for name in names]
    if pattern is None:
        return np.zeros(len(texts), bool)
    return np.array([pattern.match(text) is not None for text in texts], bool)


def _texts(column: pd.Series) -> pd.Series:
    """Values as text; "" where there is none."""
    return column.astype(object).where(column.notna(), "").astype(str)


def _known() -> str:
    return ", ".join(repr(name) for names in FEATURE_TYPES.values() for name in names)
