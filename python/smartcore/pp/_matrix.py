"""A matrix out of an AnnData, as blocks of its rows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from smartcore.pp._blocks import Blocks, InMemory
from smartcore.pp._on_disk import is_lazy, on_disk
from smartcore.pp._sparse import check_sparse


def read_blocks(
    adata: AnnData, layer: str | None, what: str, *, needed: str, progress: bool
) -> tuple[Blocks, str]:
    """``X`` or ``layer``, in memory or on disk, and what messages call it.

    Parameters
    ----------
    what
        Name of the features in messages, such as "gene".
    needed
        What the matrix should hold, in messages: "counts" or "values".
    progress
        Draw progress bars for what is read from disk.

    Returns
    -------
    Blocks in CSR float32, spots × features, which may share memory with the object: not to be
    written to. And "X" or "layer 'name'".

    Raises
    ------
    KeyError
        If there is no such layer.
    TypeError, ValueError
        If there is no matrix of numbers.
    ImportError
        If the matrix is on disk and dask is not there.
    """
    if layer is not None and layer not in adata.layers:
        raise KeyError(
            f"No layer {layer!r}; there are {list(adata.layers) or 'none'}."
            + (" Counts in raw become an object by adata.raw.to_adata()." if adata.raw else "")
        )
    source = adata.X if layer is None else adata.layers[layer]
    place = "X" if layer is None else f"layer {layer!r}"
    if source is None:
        raise ValueError(f"{place} is empty: {needed} are needed, in X or in a layer.")
    lazy = is_lazy(source)
    if not lazy and not isinstance(source, np.ndarray) and not sp.issparse(source):
        raise TypeError(
            f"{place} is a {type(source).__name__}; a NumPy array, a SciPy sparse matrix, one of "
            "a backed AnnData or a dask array of such is needed (AnnData.to_memory() makes one)."
        )
    if source.shape[0] < 2 or not source.shape[1]:
        raise ValueError(
            f"{place} has {source.shape[0]} spots and {source.shape[1]} {what}s; 2 spots and a "
            f"{what} are the least."
        )
    if source.dtype.kind not in "fiub":
        raise ValueError(f"{place} holds {source.dtype}, not numbers.")
    if lazy:
        blocks: Blocks = on_disk(source, place, progress=progress)
        return blocks.map(as_csr, source.shape[1]), place
    return InMemory(as_csr(source)), place


def as_csr(source: np.ndarray | sp.spmatrix) -> sp.csr_matrix:
    """CSR float32, each value once, that shares what it can with ``source``."""
    try:
        check_sparse(source)
    except ValueError as err:
        raise ValueError(f"The matrix of counts, or its file, is damaged: {err}.") from err
    # SciPy has no sparse matrix of half precision.
    matrix = sp.csr_matrix(source.astype(np.float32) if source.dtype == np.float16 else source)
    if matrix.dtype != np.float32:
        with np.errstate(over="ignore", invalid="ignore"):
            values = matrix.data.astype(np.float32)
        matrix = sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def warn_of_repeated(names: pd.Index, what: str, *, stacklevel: int) -> None:
    """Say aloud that features share a name."""
    if repeated := int(names.duplicated().sum()):
        warnings.warn(
            f"{repeated} {what} names occur more than once; each column is a {what} of its own. "
            "AnnData.var_names_make_unique() gives them names of their own.",
            stacklevel=stacklevel,
        )
