"""Values that are no counts, checked: measurements of any kind, and vectors made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.pp._blocks import Blocks
from smartcore.pp._matrix import read_blocks, warn_of_repeated
from smartcore.pp._sparse import column_sums, row_sums


@dataclass(frozen=True)
class Values:
    """Values of one modality.

    Attributes
    ----------
    blocks
        CSR float32, spots × features; they may share memory with the object: not to be written to.
    measured
        Which spots were measured, (n_spots,).
    totals
        Sum of each spot, (n_spots,).
    """

    blocks: Blocks
    measured: NDArray[np.bool_]
    totals: NDArray[np.float64]


def get_values(
    adata: AnnData,
    *,
    layer: str | None,
    what: str,
    refuse_negative: str | None,
    zeros_are_values: bool,
    progress: bool,
) -> Values:
    """Values in ``X`` or ``layer``, in memory or on disk.

    Parameters
    ----------
    what
        Name of the features in messages, such as "feature".
    refuse_negative
        Why values below 0 are refused, in words that follow a comma; ``None``: they are not.
    zeros_are_values
        Whether a spot that has 0 in all features was measured all the same.
    progress
        Draw progress bars for what is read from disk.

    Returns
    -------
    Spots whose values are all NaN were not measured. Nor, unless ``zeros_are_values``, were those
    whose values are all 0, where no value of any spot is negative.

    Raises
    ------
    KeyError
        If there is no such layer.
    TypeError, ValueError
        If there is no matrix of numbers, a value is infinite, a measured spot has NaN, or a
        negative value is refused.
    ImportError
        If the values are on disk and dask is not there.
    """
    blocks, place = read_blocks(adata, layer, what, needed="values", progress=progress)
    if layer is None or blocks.shape[1] == adata.n_vars:
        warn_of_repeated(adata.var_names, what, stacklevel=5)
    n_nan, n_infinite, n_negative, n_nonzero, totals = blocks.rows(_of_rows).T
    if n_infinite.any():
        where = _where(blocks, np.isinf, n_infinite > 0, adata, what)
        raise ValueError(
            f"{place} has infinite values, or such beyond single precision, in {where}; remove "
            "or replace them."
        )
    not_measured = n_nan == blocks.shape[1]
    if (partly := (n_nan > 0) & ~not_measured).any():
        where = _where(blocks, np.isnan, partly, adata, what, but=not_measured)
        raise ValueError(
            f"{place} has NaN in {where}; remove these {what}s or spots, or fill the values in. "
            "A spot that was not measured at all has NaN everywhere, and is taken as such."
        )
    if refuse_negative and n_negative.any():
        where = _where(blocks, _negative, n_negative > 0, adata, what)
        raise ValueError(f"{place} has negative values in {where}, {refuse_negative}.")
    if not zeros_are_values and not n_negative.any():
        not_measured |= n_nonzero == 0
    if not_measured.all():
        raise ValueError("No spot has a value: all are 0 or NaN.")
    return Values(blocks, ~not_measured, totals)


def _of_rows(block: sp.csr_matrix) -> NDArray[np.float64]:
    """Numbers of NaN, infinite, negative and other values than 0 of each row, and its sum."""
    x = block.data
    finite, nan = np.isfinite(x), np.isnan(x)
    told = (nan, ~finite & ~nan, x < 0, finite & (x != 0), np.where(finite, x, 0))
    return np.column_stack([row_sums(_like(block, values)) for values in told])


def _where(
    blocks: Blocks,
    is_bad: Callable[[NDArray[np.float32]], NDArray[np.bool_]],
    rows: NDArray[np.bool_],
    adata: AnnData,
    what: str,
    but: NDArray[np.bool_] | None = None,
) -> str:
    """How many spots and features have bad values, and the first of each."""

    def count(block: sp.csr_matrix, left_out: NDArray[np.bool_]) -> tuple[NDArray]:
        bad = _like(block, is_bad(block.data))
        bad.data *= np.repeat(~left_out, np.diff(bad.indptr))
        return (column_sums(bad)[0],)

    (per_column,) = blocks.sums(count, np.zeros(len(rows), bool) if but is None else but)
    columns = per_column.ravel() > 0
    return (
        f"{rows.sum()} of {len(rows)} spots (first: {_first(adata.obs_names, rows)}) and "
        f"{columns.sum()} of {len(columns)} {what}s (first: {_first(adata.var_names, columns)})"
    )


def _first(names: pd.Index, which: NDArray[np.bool_]) -> str:
    return repr(str(names[which][0]))


def _negative(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    return values < 0


def _like(block: sp.csr_matrix, values: NDArray) -> sp.csr_matrix:
    """Other values in the places of the block's."""
    return sp.csr_matrix(
        (values.astype(np.float64), block.indices, block.indptr), shape=block.shape
    )
