"""Arithmetic on CSR matrices block by block: what it needs beside them stays small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_BLOCK = 1 << 20


def value_blocks(n: int) -> Iterator[slice]:
    """Slices of ``n`` values."""
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def row_blocks(x: sp.csr_matrix) -> Iterator[slice]:
    """Slices of rows that hold about a block of values each."""
    step = max(1, _BLOCK * x.shape[0] // max(1, x.nnz))
    return (slice(start, min(start + step, x.shape[0])) for start in range(0, x.shape[0], step))


def scale_rows(x: sp.csr_matrix, factor: NDArray[np.floating]) -> None:
    """Multiply each row of ``x`` by its factor, in place."""
    for rows in row_blocks(x):
        ends = x.indptr[rows.start : rows.stop + 1]
        x.data[ends[0] : ends[-1]] *= np.repeat(factor[rows].astype(x.dtype), np.diff(ends))


def scale_columns(x: sp.csr_matrix, factor: NDArray[np.floating]) -> None:
    """Multiply each column of ``x`` by its factor, in place."""
    factor = factor.astype(x.dtype)
    for block in value_blocks(x.nnz):
        x.data[block] *= factor[x.indices[block]]


def row_sums(x: sp.csr_matrix, weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Sum of each row, its values times the ``weight`` of their column."""
    weight = np.ones(x.shape[1]) if weight is None else weight
    return np.concatenate([x[rows] @ weight for rows in row_blocks(x)])


def column_sums(x: sp.csr_matrix) -> NDArray[np.float64]:
    """Sum of each column."""
    total = np.zeros(x.shape[1])
    for block in value_blocks(x.nnz):
        total += np.bincount(x.indices[block], x.data[block], len(total))
    return total
