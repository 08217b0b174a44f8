"""Raw counts out of an AnnData, checked."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.pp._sparse import row_sums, scale_columns, value_blocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counts:
    """Counts of one modality.

    Attributes
    ----------
    matrix
        CSR float32, spots × all features of the object. It may share memory with the object:
        not to be written to.
    features
        Columns to be used: those counted in enough spots.
    totals
        Counts of each spot over these columns.
    """

    matrix: sp.csr_matrix
    features: NDArray[np.intp]
    totals: NDArray[np.float64]

    def take(self, features: NDArray[np.intp]) -> tuple[sp.csr_matrix, NDArray[np.intp]]:
        """Counts of ``features``, with values that may be written to.

        Returns
        -------
        The matrix, and the object's column for each of its own. Where most features are wanted
        that is all of them, and the values of those not wanted are 0: the index arrays, the
        larger part of a sparse matrix, are then the object's.
        """
        m = self.matrix
        if len(features) < m.shape[1] // 2:
            return m[:, features], features
        x = sp.csr_matrix((m.data.copy(), m.indices, m.indptr), shape=m.shape)
        if len(features) < m.shape[1]:
            scale_columns(x, _indicator(features, m.shape[1]))
        return x, np.arange(m.shape[1])


def get_counts(
    adata: AnnData, *, layer: str | None, what: str, min_spots: int, check: bool
) -> Counts:
    """Counts in ``X`` or ``layer``; says aloud what is odd about them.

    Parameters
    ----------
    what
        Name of the features in messages: "gene", "protein" or "peak".
    min_spots
        Features counted in fewer spots are not used.
    check
        Refuse values that are no whole numbers.

    Raises
    ------
    KeyError
        If there is no such layer.
    TypeError
        If ``adata`` is no AnnData.
    ValueError
        If the values cannot be counts, or nothing is left to work on.
    """
    if not isinstance(adata, AnnData):
        raise TypeError(
            f"An AnnData is needed, not {type(adata).__name__}; of a MuData give one modality, "
            "such as mdata['rna']."
        )
    if layer is not None and layer not in adata.layers:
        raise KeyError(f"No layer {layer!r}; there are {list(adata.layers) or 'none'}.")
    source = adata.X if layer is None else adata.layers[layer]
    place = "X" if layer is None else f"layer {layer!r}"
    if source is None:
        raise ValueError(f"{place} is empty: counts are needed, in X or in a layer.")
    if adata.isbacked and not isinstance(source, np.ndarray) and not sp.issparse(source):
        source = source[:]
    if not isinstance(source, np.ndarray) and not sp.issparse(source):
        raise TypeError(
            f"{place} is a {type(source).__name__}; a NumPy array or a SciPy sparse matrix is "
            "needed (AnnData.to_memory() makes one)."
        )
    if source.shape[0] < 2 or not source.shape[1]:
        raise ValueError(
            f"{place} has {source.shape[0]} spots and {source.shape[1]} {what}s; 2 spots and a "
            f"{what} are the least."
        )
    if source.dtype.kind not in "fiub":
        raise ValueError(f"{place} holds {source.dtype}, not numbers.")
    matrix = _as_float32(source)
    _check_values(matrix, place, whole=check)
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    features = _features(adata, matrix, what, min_spots)
    totals = row_sums(matrix, _indicator(features, matrix.shape[1]))
    if empty := int((totals == 0).sum()):
        warnings.warn(
            f"{empty} of {matrix.shape[0]} spots have no {what} counts; they get the components "
            "of an empty spot. Remove them, or set their components to NaN: smartcore.tl.smart "
            "then counts them as not measured.",
            stacklevel=3,
        )
    return Counts(matrix, features, totals)


def _features(adata: AnnData, matrix: sp.csr_matrix, what: str, min_spots: int) -> NDArray[np.intp]:
    n_spots = np.zeros(matrix.shape[1], np.intp)
    for block in value_blocks(matrix.nnz):
        # A sparse matrix may hold zeros.
        counted = matrix.indices[block][matrix.data[block] != 0]
        n_spots += np.bincount(counted, minlength=len(n_spots))
    features = np.flatnonzero(n_spots >= max(1, min_spots))
    if not features.size:
        raise ValueError(
            f"No {what} is counted in {max(1, min_spots)} spots or more (most: {n_spots.max()}); "
            + ("a lower min_spots would do." if n_spots.any() else "all counts are 0.")
        )
    logger.info("%d of %d %ss are used.", len(features), matrix.shape[1], what)
    if repeated := int(adata.var_names.duplicated().sum()):
        warnings.warn(
            f"{repeated} {what} names occur more than once; each column is a {what} of its own. "
            "AnnData.var_names_make_unique() gives them names of their own.",
            stacklevel=4,
        )
    return features


def _indicator(features: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    use = np.zeros(n)
    use[features] = 1
    return use


def _as_float32(source: np.ndarray | sp.spmatrix) -> sp.csr_matrix:
    """CSR that shares what it can with ``source``."""
    # SciPy has no sparse matrix of half precision.
    matrix = sp.csr_matrix(source.astype(np.float32) if source.dtype == np.float16 else source)
    if matrix.dtype == np.float32:
        return matrix
    with np.errstate(over="ignore"):
        values = matrix.data.astype(np.float32)
    return sp.csr_matrix((values, matrix.indices, matrix.indptr), shape=matrix.shape)


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
