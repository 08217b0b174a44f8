"""What becomes of the counts of a block before their components are found."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.pp._counts import Take
from smartcore.pp._sparse import column_sums, row_sums, scale_columns, scale_rows


def log_normalized(
    take: Take, use: NDArray[np.float64], target: float, block: sp.csr_matrix
) -> sp.csr_matrix:
    """Log(1 + counts), each spot's total over the columns of ``use`` brought to ``target``."""
    x = take(block)
    scale_rows(x, _to_total(row_sums(block, use), target))
    np.log1p(x.data, out=x.data)
    return x


def log_sums(block: sp.csr_matrix) -> tuple[NDArray, NDArray]:
    """Sums of log(1 + counts) of each column, and of their squares."""
    log = np.log1p(block.data)
    return column_sums(sp.csr_matrix((log, block.indices, block.indptr), shape=block.shape))


def log_ratios(
    take: Take, mean: NDArray[np.float64] | None, n_features: int, block: sp.csr_matrix
) -> sp.csr_matrix:
    """Centred log-ratios; ``mean`` is that of each protein's logarithms, else each spot's."""
    x = take(block)
    if mean is not None:
        scale_columns(x, np.exp(-mean))
    else:
        log = sp.csr_matrix((np.log1p(x.data), x.indices, x.indptr), shape=x.shape)
        scale_rows(x, np.exp(-row_sums(log) / n_features))
    np.log1p(x.data, out=x.data)
    return x


def tf_idf(
    take: Take,
    idf: NDArray[np.float64],
    scale_factor: float,
    target_sum: float,
    block: sp.csr_matrix,
) -> sp.csr_matrix:
    """TF-IDF, each spot's total brought to ``target_sum``, and log(1 + x) of it."""
    x = take(block)
    scale_rows(x, _to_total(row_sums(x), scale_factor))
    np.log1p(x.data, out=x.data)
    scale_columns(x, idf)
    scale_rows(x, _to_total(row_sums(x), target_sum))
    np.log1p(x.data, out=x.data)
    return x


def _to_total(totals: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """Factor for each spot that brings its total to ``target``; 0 for an empty one."""
    return np.divide(target, totals, out=np.zeros_like(totals), where=totals > 0)


def total_and_log(total: float | None, log1p: bool, block: sp.csr_matrix) -> sp.csr_matrix:
    """Each spot's total brought to ``total``, unless that is ``None``; log(1 + x) if asked for."""
    x = sp.csr_matrix((block.data.copy(), block.indices, block.indptr), shape=block.shape)
    if total is not None:
        scale_rows(x, _to_total(row_sums(x), total))
    if log1p:
        np.log1p(x.data, out=x.data)
    return x
