"""Raw counts out of an AnnData, checked."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.pp._blocks import Blocks
from smartcore.pp._matrix import read_blocks, warn_of_repeated
from smartcore.pp._sparse import by_section, row_sums, scale_columns, value_blocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moments:
    """Sums over the spots of each section.

    Attributes
    ----------
    codes
        Section of each spot, as a number; ``None``: all are one.
    n_spots
        Shape (n_sections,).
    total, squares
        Shape (n_sections, n_features): sums of the counts and of their squares.
    """

    codes: NDArray[np.intp] | None
    n_spots: NDArray[np.intp]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts of one modality.

    Attributes
    ----------
    blocks
        CSR float32, spots × all features of the object. They may share memory with the object:
        not to be written to.
    features
        Columns to be used: those counted in enough spots.
    moments
        Of all features.
    """

    blocks: Blocks
    features: NDArray[np.intp]
    moments: Moments

    @property
    def use(self) -> NDArray[np.float64]:
        """1 for each column that is used, 0 for the others."""
        return _indicator(self.features, self.blocks.shape[1])

    def sums(
        self, function: Callable[..., tuple[NDArray, ...]] | None = None, *by_row: NDArray
    ) -> tuple[NDArray[np.bool_], tuple[NDArray, ...]]:
        """Spots without counts, (n_spots,), and what ``function`` sums up in the same pass."""
        rows = np.arange(self.blocks.shape[0])
        step = partial(_with_empty, self.use, function, len(rows))
        empty, *others = self.blocks.sums(step, rows, *by_row)
        return empty > 0, tuple(others)

    def take(self, features: NDArray[np.intp]) -> tuple[Take, NDArray[np.intp]]:
        """What takes ``features`` out of a block, with values that may be written to.

        Returns
        -------
        The step, and the object's column for each that it keeps. Where most features are wanted
        that is all of them, and the values of those not wanted are 0: the index arrays, the
        larger part of a sparse matrix, are then the object's.
        """
        n = self.blocks.shape[1]
        take = Take(features, n)
        return take, features if take.cuts else np.arange(n)


@dataclass(frozen=True)
class Take:
    """Counts of some columns of a block.

    Attributes
    ----------
    features
        The columns.
    n_columns
        Of the block.
    """

    features: NDArray[np.intp]
    n_columns: int

    @property
    def cuts(self) -> bool:
        """Whether columns are cut out, rather than filled with zeros."""
        return len(self.features) < self.n_columns // 2

    def __call__(self, block: sp.csr_matrix) -> sp.csr_matrix:
        """A matrix of its own values."""
        if self.cuts:
            return block[:, self.features]
        x = sp.csr_matrix((block.data.copy(), block.indices, block.indptr), shape=block.shape)
        if len(self.features) < self.n_columns:
            scale_columns(x, _indicator(self.features, self.n_columns))
        return x


def get_counts(
    adata: AnnData,
    *,
    layer: str | None,
    what: str,
    min_spots: int,
    check: bool,
    progress: bool,
    keep: NDArray[np.bool_],
    codes: NDArray[np.intp] | None = None,
) -> Counts:
    """Counts in ``X`` or ``layer``, in memory or on disk.

    Parameters
    ----------
    what
        Name of the features in messages: "gene", "protein" or "peak".
    min_spots
        Features counted in fewer spots are not used.
    check
        Refuse values that are no whole numbers.
    progress
        Draw progress bars for what is read from disk.
    keep
        Which features may be used, (n_features,).
    codes
        Section of each spot, for moments of each.

    Raises
    ------
    KeyError
        If there is no such layer.
    ValueError
        If the values cannot be counts, or nothing is left to work on.
    ImportError
        If the counts are on disk and dask is not there.
    """
    blocks, place = read_blocks(adata, layer, what, needed="counts", progress=progress)
    n_spots = blocks.shape[0]
    size = np.array([n_spots]) if codes is None else np.bincount(codes)
    n_counted, total, squares = blocks.sums(
        partial(_first_pass, len(size), place, check), *([] if codes is None else [codes])
    )
    features = _features(adata, np.where(keep, n_counted, 0), what, min_spots)
    return Counts(blocks, features, Moments(codes, size, total, squares))


def warn_of_empty(n_empty: int, n_spots: int, what: str) -> None:
    """Say aloud that there are spots without counts, to whom called the public function."""
    if n_empty:
        warnings.warn(
            f"{n_empty} of {n_spots} spots have no {what} counts: they are taken as not measured "
            "there, and their components are NaN.",
            stacklevel=4,
        )


def _first_pass(
    n_sections: int,
    place: str,
    whole: bool,
    block: sp.csr_matrix,
    codes: NDArray[np.intp] | None = None,
) -> tuple[NDArray, NDArray, NDArray]:
    """Spots in which each column is counted; sum and sum of squares by section and column."""
    _check_values(block, place, whole=whole)
    n = block.shape[1]
    n_counted = np.zeros(n, np.intp)
    total, squares = np.zeros(n_sections * n), np.zeros(n_sections * n)
    for column, cell, value in by_section(block, codes):
        # A sparse matrix may hold zeros.
        n_counted += np.bincount(column[value != 0], minlength=n)
        total += np.bincount(cell, value, len(total))
        squares += np.bincount(cell, value * value, len(total))
    shape = (n_sections, n)
    return n_counted, total.reshape(shape), squares.reshape(shape)


def _with_empty(
    use: NDArray[np.float64],
    function: Callable[..., tuple[NDArray, ...]] | None,
    n_spots: int,
    block: sp.csr_matrix,
    rows: NDArray[np.intp],
    *by_row: NDArray,
) -> tuple[NDArray, ...]:
    empty = np.zeros(n_spots, np.int8)
    empty[rows] = row_sums(block, use) == 0
    return (empty, *(function(block, *by_row) if function else ()))


def _features(
    adata: AnnData, n_counted: NDArray[np.intp], what: str, min_spots: int
) -> NDArray[np.intp]:
    features = np.flatnonzero(n_counted >= max(1, min_spots))
    if not features.size:
        raise ValueError(
            f"No {what} is counted in {max(1, min_spots)} spots or more (most: "
            f"{n_counted.max()}); "
            + ("a lower min_spots would do." if n_counted.any() else "all counts are 0.")
        )
    logger.info("%d of %d %ss are used.", len(features), len(n_counted), what)
    warn_of_repeated(adata.var_names, what, stacklevel=6)
    return features


def _indicator(features: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    use = np.zeros(n)
    use[features] = 1
    return use


def _check_values(matrix: sp.csr_matrix, place: str, *, whole: bool) -> None:
    for part in value_blocks(matrix.nnz):
        block = matrix.data[part]
        if (bad := ~np.isfinite(block)).any():
            raise ValueError(
                f"{place} has {block[bad][0]} among its values; remove or replace what is NaN or "
                "infinite."
            )
        if block.min() < 0:
            raise ValueError(
                f"{place} has negative values (such as {block.min():g}): scaled or centred data, "
                "not counts. Give raw counts (layer=), or components of your own (reps= of "
                "smartcore.tl.smart)."
            )
        if whole and (odd := block != np.rint(block)).any():
            raise ValueError(
                f"{place} has values that are no whole numbers (such as {block[odd][0]:g}): it "
                "seems to be normalised or log-transformed. Give raw counts (layer=), or "
                "check_counts=False if these are counts all the same (ambient RNA removed, say)."
            )
