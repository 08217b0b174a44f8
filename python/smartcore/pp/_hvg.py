"""Highly variable genes from sparse counts."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.sparsefuncs import mean_variance_axis

from smartcore.pp._sparse import value_blocks

# With fewer points than 1 / span, loess ends the process.
_LEAST_TO_FIT = 4


def highly_variable(counts: sp.csr_matrix, features: NDArray[np.intp], n_top: int) -> NDArray:
    """The ``n_top`` columns among ``features`` whose counts vary most for their mean.

    Seurat 3's way (Stuart et al., Cell 177, 1888 (2019), "vst"): variance of the counts, each
    divided by the standard deviation expected at its gene's mean and clipped at √n_spots. The
    result is that of ``scanpy.pp.highly_variable_genes(flavor="seurat_v3")``, without copies of
    the counts; of equals the first are taken.

    Returns
    -------
    Column numbers, sorted, shape (min(n_top, len(features)),).

    Raises
    ------
    ValueError
        If variance cannot be fitted by mean, for want of different values.
    """
    if n_top >= len(features):
        return features
    from skmisc.loess import loess

    n = counts.shape[0]
    mean, variance = (v[features].astype(np.float64) for v in mean_variance_axis(counts, axis=0))
    variance *= n / (n - 1)
    varying = variance > 0
    expected = np.ones(len(features))
    try:
        if np.count_nonzero(varying) < _LEAST_TO_FIT:
            raise ValueError("too few points")
        fit = loess(np.log10(mean[varying]), np.log10(variance[varying]), span=0.3, degree=2)
        fit.fit()
        expected[varying] = np.sqrt(10**fit.outputs.fitted_values)
    except ValueError as err:
        raise ValueError(
            f"{np.count_nonzero(varying)} genes that vary over {n} spots have too few different "
            "means and variances to tell which are highly variable; take all: n_top_genes=None."
        ) from err
    limit = np.full(counts.shape[1], np.inf, np.float64)
    limit[features] = expected * np.sqrt(n) + mean
    total, squares = _clipped_sums(counts, limit)
    clipped = n * mean**2 + squares[features] - 2 * mean * total[features]
    score = np.where(varying, clipped / ((n - 1) * expected**2), 0)
    if np.count_nonzero(score) < n_top:
        warnings.warn(f"Only {np.count_nonzero(score)} genes vary over the spots.", stacklevel=3)
    return np.sort(features[np.argsort(-score, kind="stable")[:n_top]])


def _clipped_sums(counts: sp.csr_matrix, limit: NDArray) -> tuple[NDArray, NDArray]:
    """Per column, sum and sum of squares of the values, none taken above its limit."""
    total, squares = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for block in value_blocks(counts.nnz):
        column = counts.indices[block]
        value = np.minimum(counts.data[block], limit[column])
        total += np.bincount(column, value, len(total))
        squares += np.bincount(column, value * value, len(total))
    return total, squares
