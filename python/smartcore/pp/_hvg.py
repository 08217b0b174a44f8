"""Highly variable genes from sparse counts."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.pp._counts import Counts
from smartcore.pp._sparse import by_section

# With fewer points than 1 / span, loess ends the process.
_LEAST_TO_FIT = 4
# Spread of a constant, relative to its size, as sums of squares tell it.
_ROUNDING = 1e-6


def highly_variable(counts: Counts, n_top: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The ``n_top`` columns among those used whose counts vary most for their mean.

    Seurat 3's way (Stuart et al., Cell 177, 1888 (2019), "vst"): variance of the counts, each
    divided by the standard deviation expected at its gene's mean and clipped at √n_spots. Over
    several sections, each ranks its genes; those of the lowest median rank among the sections
    that have them in their top are taken, of equals those in the top of more sections. The
    result is that of ``scanpy.pp.highly_variable_genes(flavor="seurat_v3")`` with ``batch_key``,
    without copies of all counts; of equals the first are taken. Sections too small to tell have
    no say, with a warning.

    Returns
    -------
    Column numbers, sorted, shape (min(n_top, n_used),); and, from the same pass over the counts,
    which spots have none, (n_spots,).

    Raises
    ------
    ValueError
        If in no section variance can be fitted by mean, for want of different values.
    """
    features, moments = counts.features, counts.moments
    if n_top >= len(features):
        return features, counts.sums()[0]
    n = moments.n_spots[:, None]
    mean = moments.total[:, features] / n
    variance = (moments.squares[:, features] - moments.total[:, features] * mean) / np.maximum(
        1, n - 1
    )
    varying = variance > (_ROUNDING * mean) ** 2
    expected, told, problem = np.ones_like(mean), np.ones(len(mean), bool), None
    for i in range(len(mean)):
        try:
            expected[i, varying[i]] = _expected(mean[i, varying[i]], variance[i, varying[i]])
        except ValueError as err:
            problem, told[i] = (
                f"{varying[i].sum()} genes that vary over {n[i, 0]} spots {err}",
                False,
            )
    if not told.any():
        raise ValueError(
            f"{problem}: too few to tell which are highly variable; take all: n_top_genes=None."
        )
    if not told.all():
        warnings.warn(
            f"{(~told).sum()} of {len(told)} sections are too small to tell which "
            "genes are highly variable; the others choose for them.",
            stacklevel=3,
        )
    limit = np.full(moments.total.shape, np.inf)
    limit[:, features] = expected * np.sqrt(n) + mean
    by_row = [] if moments.codes is None else [moments.codes]
    empty, (total, squares) = counts.sums(partial(_clipped_sums, limit), *by_row)
    clipped = n * mean**2 + squares[:, features] - 2 * mean * total[:, features]
    scores = np.where(varying, clipped / (np.maximum(1, n - 1) * expected**2), 0)[told]
    return np.sort(features[_best(scores, n_top)]), empty


def _best(scores: NDArray[np.float64], n_top: int) -> NDArray[np.intp]:
    """Places of the best over all sections; ``scores``: sections × genes, 0 for constant ones."""
    varying = np.any(scores, axis=0)
    if np.count_nonzero(varying) < n_top:
        warnings.warn(f"Only {np.count_nonzero(varying)} genes vary over the spots.", stacklevel=4)
    ranks = np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
    in_top = (ranks < n_top) & (scores > 0)
    median = np.ma.median(np.ma.array(ranks, mask=~in_top), axis=0).filled(np.inf)
    return np.lexsort((-in_top.sum(axis=0), median))[:n_top]


def _expected(mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation that the mean of a gene lets expect."""
    from skmisc.loess import loess

    few = "have too few different means and variances"
    if len(mean) < _LEAST_TO_FIT:
        raise ValueError(few)
    try:
        fit = loess(np.log10(mean), np.log10(variance), span=0.3, degree=2)
        fit.fit()
    except ValueError as err:
        raise ValueError(few) from err
    return np.sqrt(10**fit.outputs.fitted_values)


def _clipped_sums(
    limit: NDArray[np.float64], block: sp.csr_matrix, codes: NDArray[np.intp] | None = None
) -> tuple[NDArray, NDArray]:
    """Sums of the values and of their squares, none taken above its limit; shape of ``limit``."""
    total, squares = np.zeros(limit.size), np.zeros(limit.size)
    flat = limit.ravel()
    for _, cell, value in by_section(block, codes):
        value = np.minimum(value, flat[cell])
        total += np.bincount(cell, value, len(total))
        squares += np.bincount(cell, value * value, len(total))
    return total.reshape(limit.shape), squares.reshape(limit.shape)
