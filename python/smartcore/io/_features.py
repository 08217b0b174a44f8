"""Kinds of modality and the 10x feature types that belong to them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

from anndata import AnnData

Kind = Literal["rna", "protein", "chromatin"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Kinds of modality, named for how they are preprocessed."""

FEATURE_TYPES: dict[Kind, tuple[str, ...]] = {
    "rna": ("Gene Expression",),
    "protein": ("Antibody Capture", "Protein Expression"),
    "chromatin": ("Peaks",),
}
"""The feature types of 10x files that belong to each kind."""

logger = logging.getLogger("smartcore")


def check_kind(kind: str) -> None:
    """Raise ValueError unless `kind` is one of :data:`KINDS`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")


def kinds_present(adata: AnnData) -> list[Kind]:
    """Kinds that have at least one feature in `adata`, by ``var["feature_types"]``."""
    if "feature_types" not in adata.var:
        return []
    types = set(adata.var["feature_types"].astype(str))
    return [kind for kind in KINDS if types & set(FEATURE_TYPES[kind])]


def feature_counts(adata: AnnData) -> str:
    """Feature types with their numbers of features, as text."""
    counts = adata.var["feature_types"].astype(str).value_counts()
    return ", ".join(f"{name} ({n})" for name, n in counts.items()) or "no features"


def select_kind(adata: AnnData, kind: Kind, *, source: str, strict: bool) -> AnnData:
    """Keep the features of one kind.

    Parameters
    ----------
    adata
        Spots × features.
    kind
        The kind asked for.
    source
        Where `adata` comes from, for messages.
    strict
        Whether features whose types belong to no kind are refused. Otherwise they are taken as
        being of the kind asked for, as other programs than 10x's use the column as they like.

    Returns
    -------
    AnnData
        `adata` itself where it says nothing of feature types, else a copy of its part.

    Raises
    ------
    ValueError
        If there are feature types and none belongs to `kind`.
    """
    if "feature_types" not in adata.var:
        return adata
    present = kinds_present(adata)
    if not present and not strict:
        return adata
    wanted = FEATURE_TYPES[kind]
    if kind not in present:
        raise ValueError(
            f"{source} has no {kind} features: var['feature_types'] should hold "
            f"{' or '.join(map(repr, wanted))}, but holds {feature_counts(adata)}"
        )
    keep = adata.var["feature_types"].astype(str).isin(wanted).to_numpy()
    if keep.all():
        return adata
    logger.info(
        "%s: kept %d of %d features (%s) as %s",
        source,
        keep.sum(),
        keep.size,
        feature_counts(adata),
        kind,
    )
    return adata[:, keep].copy()


@contextmanager
def names_checked_later() -> Iterator[None]:
    """Silence AnnData's warnings of repeated names until :func:`unique_names` deals with them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(Variable|Observation) names are not unique")
        yield


def unique_names(adata: AnnData, *, source: str) -> AnnData:
    """Refuse repeated spot names, and number repeated feature names in place, with a warning.

    Raises
    ------
    ValueError
        If two spots have one name.
    """
    spots = adata.obs_names
    if not spots.is_unique:
        repeated = spots[spots.duplicated()].unique()
        raise ValueError(
            f"{source}: spot names must be unique, but {len(repeated)} occur more than once "
            f"(first: {str(repeated[0])!r})"
        )
    features = adata.var_names
    if not features.is_unique:
        repeated = features[features.duplicated()].unique()
        # Two genes may share a symbol: the matrix is right, only the names need telling apart.
        with names_checked_later():
            adata.var_names_make_unique()
        warnings.warn(
            f"{source}: {len(repeated)} feature names occur more than once (first: "
            f"{str(repeated[0])!r}); the repeats were numbered, as in '{repeated[0]}-1'",
            UserWarning,
            stacklevel=3,
        )
    return adata
