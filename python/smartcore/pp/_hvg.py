"""Highly variable genes from sparse counts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.sparsefuncs import mean_variance_axis

from smartcore.pp._sparse import value_blocks

# With fewer points than 1 / span, loess ends the process.
_LEAST_TO_FIT = 4


def highly_variable(
    counts: sp.csr_matrix,
    features: NDArray[np.intp],
    n_top: int,
    sections: Sequence[NDArray[np.intp]] | None = None,
) -> NDArray[np.intp]:
    """The ``n_top`` columns among ``features`` whose counts vary most for their mean.

    Seurat 3's way (Stuart et al., Cell 177, 1888 (2019), "vst"): variance of the counts, each
    divided by the standard deviation expected at its gene's mean and clipped at √n_spots. Over
    several sections, each ranks its genes; those of the lowest median rank among the sections
    that have them in their top are taken, of equals those in the top of more sections. The
    result is that of ``scanpy.pp.highly_variable_genes(flavor="seurat_v3")`` with ``batch_key``,
    without copies of all counts; of equals the first are taken.

    Parameters
    ----------
    counts
        Shape (n_spots, n_columns).
    features
        Columns to choose from.
    sections
        Rows of each section; ``None``: all rows are one. Sections too small to tell have no say,
        with a warning.

    Returns
    -------
    Column numbers, sorted, shape (min(n_top, len(features)),).

    Raises
    ------
    ValueError
        If in no section variance can be fitted by mean, for want of different values.
    """
    if n_top >= len(features):
        return features
    scores, problem = [], None
    for part in [counts] if sections is None else (counts[rows] for rows in sections):
        try:
            scores.append(_standardized_variance(part, features))
        except ValueError as err:
            problem = err
    if not scores:
        raise ValueError(
            f"{problem}: too few to tell which are highly variable; take all: n_top_genes=None."
        ) from problem
    n_sections = len(sections or [1])
    if len(scores) < n_sections:
        warnings.warn(
            f"{n_sections - len(scores)} of {n_sections} sections are too small to tell which "
            "genes are highly variable; the others choose for them.",
            stacklevel=3,
        )
    varying = np.any(scores, axis=0)
    if np.count_nonzero(varying) < n_top:
        warnings.warn(f"Only {np.count_nonzero(varying)} genes vary over the spots.", stacklevel=3)
    ranks = np.argsort(np.argsort(-np.array(scores), axis=1, kind="stable"), axis=1)
    in_top = (ranks < n_top) & (np.array(scores) > 0)
    median = np.ma.median(np.ma.array(ranks, mask=~in_top), axis=0).filled(np.inf)
    best = np.lexsort((-in_top.sum(axis=0), median))
    return np.sort(features[best[:n_top]])


def _standardized_variance(
    counts: sp.csr_matrix, features: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Variance of each feature, relative to what its mean lets expect; 0 for a constant one."""
    from skmisc.loess import loess

    n = counts.shape[0]
    mean, variance = (v[features].astype(np.float64) for v in mean_variance_axis(counts, axis=0))
    variance *= n / max(1, n - 1)
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
            "means and variances"
        ) from err
    limit = np.full(counts.shape[1], np.inf, np.float64)
    limit[features] = expected * np.sqrt(n) + mean
    total, squares = _clipped_sums(counts, limit)
    clipped = n * mean**2 + squares[features] - 2 * mean * total[features]
    return np.where(varying, clipped / ((n - 1) * expected**2), 0)


def _clipped_sums(counts: sp.csr_matrix, limit: NDArray) -> tuple[NDArray, NDArray]:
    """Per column, sum and sum of squares of the values, none taken above its limit."""
    total, squares = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for block in value_blocks(counts.nnz):
        column = counts.indices[block]
        value = np.minimum(counts.data[block], limit[column])
        total += np.bincount(column, value, len(total))
        squares += np.bincount(column, value * value, len(total))
    return total, squares
