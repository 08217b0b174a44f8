"""The features of one kind out of what a file holds."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from anndata import AnnData

from smartcore.given.feature_types import (
    FEATURE_TYPES,
    KINDS,
    Kind,
    kinds_in,
    listed,
    of_kind,
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
