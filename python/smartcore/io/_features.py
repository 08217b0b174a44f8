"""The features of one kind out of what a file holds."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pandas as pd
from anndata import AnnData

from smartcore.given.feature_types import (
    FEATURE_TYPES,
    KINDS,
    Kind,
    kinds_in,
    listed,
    of_kind,
    type_of,
    types_in,
)
from smartcore.pp._sparse import check_sparse

logger = logging.getLogger("smartcore")

__all__ = ["FEATURE_TYPES", "KINDS", "Kind", "kinds_in", "listed", "types_in"]


def check_kind(kind: str) -> None:
    """Raise ValueError unless `kind` is one of :data:`KINDS`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")


def select_kind(adata: AnnData, kind: Kind, *, source: str) -> AnnData:
    """Keep the features of one kind.

    Parameters
    ----------
    adata
        Spots × features.
    kind
        The kind asked for.
    source
        Where `adata` comes from, for messages.

    Returns
    -------
    AnnData
        `adata` itself where it says nothing of feature types, else a copy of its part.

    Raises
    ------
    ValueError
        If there are feature types and none belongs to `kind`, or some are not known.
    """
    keep = of_kind(adata.var, kind, source=source)
    if keep.all():
        return adata
    logger.info(
        "%s: kept %d of %d features (%s) as %s",
        source,
        keep.sum(),
        keep.size,
        listed(types_in(adata.var)),
        kind,
    )
    return adata[:, keep].copy()


def check_matrices(adata: AnnData, source: str) -> None:
    """Refuse sparse matrices that point beyond their own columns or rows, as damaged files do.

    Raises
    ------
    ValueError
        If one does; used in spite of it, it would give other values or end the process.
    """
    for place, x in {
        "X": adata.X,
        **{f"layer {key!r}": x for key, x in adata.layers.items()},
    }.items():
        try:
            check_sparse(x)
        except ValueError as err:
            raise ValueError(f"{place} of {source} is damaged: {err}") from err


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
        If two spots have one name, or a spot or feature has none.
    """
    spots = adata.obs_names
    if not spots.is_unique:
        repeated = spots[spots.duplicated()].unique()
        raise ValueError(
            f"{source}: spot names must be unique, but {len(repeated)} occur more than once "
            f"(first: {str(repeated[0])!r})"
        )
    for what, names in (("spots", spots), ("features", adata.var_names)):
        if (names.astype(str) == "").any():
            raise ValueError(
                f"{source}: {(names.astype(str) == '').sum()} of {len(names)} {what} have no name"
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


def split_kinds(adata: AnnData, source: str, *, untyped: Kind | None = None) -> dict[str, AnnData]:
    """Split what a file holds by the types of its features.

    Parameters
    ----------
    adata
        Spots × features, with ``var["feature_types"]``.
    source
        Where it comes from, for messages.
    untyped
        Kind of the features of a file without types; ``None`` refuses it.

    Returns
    -------
    dict
        "rna", "protein" and "chromatin", as far as present, each spots × features of that kind.

    Raises
    ------
    ValueError
        If no feature has a known type.
    """
    if untyped is not None and not types_in(adata.var):
        logger.info("%s: no types of features; all are taken as %s", source, untyped)
        return {untyped: adata}
    kinds = kinds_in(adata.var)
    if not kinds:
        types = types_in(adata.var)
        found = (
            f"var['feature_types'] holds {listed(types)}"
            if types
            else f"it has no var['feature_types'] (var has {', '.join(adata.var) or 'nothing'})"
        )
        known = ", ".join(name for names in FEATURE_TYPES.values() for name in names)
        raise ValueError(
            f"{source} does not say which modality it is: {found} (known types: {known}); "
            "name its kind instead: rna, protein or chromatin"
        )
    with names_checked_later():
        return {str(kind): select_kind(adata, kind, source=source) for kind in kinds}


def left_out_types(var: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for each type of features that is no modality."""
    return tuple(
        f"{n} features of the type {name!r}, which is no modality of SMART."
        for name, n in types_in(var).items()
        if type_of(name) not in KINDS
    )


def unique_names_each(parts: Mapping[str, AnnData], *, source: str) -> dict[str, AnnData]:
    """:func:`unique_names` of each modality.

    Raises
    ------
    ValueError
        As there.
    """
    return {kind: unique_names(part, source=f"{source} ({kind})") for kind, part in parts.items()}
