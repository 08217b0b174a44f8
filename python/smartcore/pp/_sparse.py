"""Arithmetic on CSR matrices block by block: what it needs beside them stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_BLOCK = 1 << 19
# Share of values up to which a sparse product is quicker than a dense one.
_SPARSE_BELOW = 0.1


def check_sparse(matrix: object) -> None:
    """Refuse a matrix in CSR or CSC that points beyond its own values, columns or rows.

    Used in spite of it, it would give other values or end the process.

    Raises
    ------
    ValueError
        If it does.
    """
    if not isinstance(matrix, sp.csr_matrix | sp.csc_matrix | sp.csr_array | sp.csc_array):
        return
    # SciPy's check believes the last of these.
    if (np.diff(matrix.indptr) < 0).any() or matrix.indptr[-1] != len(matrix.indices):
        raise ValueError("index pointers do not fit the values")
    matrix.check_format(full_check=True)


def value_blocks(n: int) -> Iterator[slice]:
    """Slices of ``n`` values."""
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def row_blocks(x: sp.csr_matrix) -> Iterator[slice]:
    """Slices of rows that hold about a block of values each."""
    step = max(1, _BLOCK * x.shape[0] // max(1, x.nnz))
    return (slice(start, min(start + step, x.shape[0])) for start in range(0, x.shape[0], step))


def take_rows(x: sp.csr_matrix, rows: slice) -> sp.csr_matrix:
    """Consecutive rows, whose values and indices are those of ``x``."""
    a, b = x.indptr[rows.start], x.indptr[rows.stop]
    part = sp.csr_matrix((rows.stop - rows.start, x.shape[1]), dtype=x.dtype)
    # Given to the constructor, a small part of a large array would be copied.
    part.data, part.indices = x.data[a:b], x.indices[a:b]
    part.indptr = x.indptr[rows.start : rows.stop + 1] - a
    return part


def transposed(x: sp.csr_matrix) -> sp.csc_matrix:
    """Columns as rows, with the values and indices of ``x``."""
    y = sp.csc_matrix(x.shape[::-1], dtype=x.dtype)
    y.data, y.indices, y.indptr = x.data, x.indices, x.indptr
    return y


def by_section(
    x: sp.csr_matrix, codes: NDArray[np.intp] | None
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]]:
    """Values of a block after the other.

    Parameters
    ----------
    codes
        Section of each row, as a number; ``None``: all are 0.

    Yields
    ------
    The column of each value; its place in a flattened array, sections × columns; the value.
    """
    for rows in row_blocks(x):
        ends = x.indptr[rows.start : rows.stop + 1]
        column, value = (a[ends[0] : ends[-1]] for a in (x.indices, x.data))
        cell = column
        if codes is not None:
            cell = np.repeat(codes[rows] * x.shape[1], np.diff(ends)) + column
        yield column, cell, value.astype(np.float64)


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
    return np.concatenate([take_rows(x, rows) @ weight for rows in row_blocks(x)])


def scale_cells(
    x: sp.csr_matrix, codes: NDArray[np.intp], factor: NDArray[np.float32]
) -> sp.csr_matrix:
    """``x``, float64, each value multiplied by the ``factor`` of its row's section and column.

    Products of single precision are exact in double: sums of them can be told without them.
    """
    flat = factor.ravel()
    parts = [value * flat[cell] for _, cell, value in by_section(x, codes)]
    scaled = sp.csr_matrix(x.shape, dtype=np.float64)
    scaled.data = np.concatenate([np.empty(0), *parts])
    scaled.indices, scaled.indptr = x.indices, x.indptr
    return scaled


def column_sums(
    x: sp.csr_matrix, codes: NDArray[np.intp] | None = None, n_sections: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of each column's values, and of their squares, (n_sections, n_columns)."""
    shape = (n_sections, x.shape[1])
    total, squares = np.zeros(shape).ravel(), np.zeros(shape).ravel()
    for _, cell, value in by_section(x, codes):
        total += np.bincount(cell, value, len(total))
        squares += np.bincount(cell, value * value, len(total))
    return total.reshape(shape), squares.reshape(shape)


def gram(
    x: sp.csr_matrix, take: Callable[[sp.csr_matrix, slice], sp.csr_matrix] = take_rows
) -> NDArray[np.float64]:
    """Products of all pairs of columns, (n_columns, n_columns).

    Sparse or dense, whichever is less work: a sparse product takes some hundred times as long a
    term. ``take`` says what is made of consecutive rows.
    """
    n = x.shape[1]
    total = np.zeros((n, n))
    step = max(1, _BLOCK // max(1, n))
    for rows in row_blocks(x):
        part = take(x, rows).astype(np.float64, copy=False)
        if part.nnz < _SPARSE_BELOW * part.shape[0] * n:
            total += (part.T @ part).toarray()
            continue
        for start in range(0, part.shape[0], step):
            dense = part[start : start + step].toarray()
            total += dense.T @ dense
    return total
