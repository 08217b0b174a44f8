"""Principal components of sparse data, without ever making them dense."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smartcore.pp._blocks import Blocks
from smartcore.pp._eigen import leading_eigenvectors
from smartcore.pp._sparse import column_sums, gram, row_blocks, take_rows, transposed

# Up to this many features their covariance matrix is the quicker way; the larger number where
# passes over the data are dear.
_COVARIANCE_UP_TO = {False: 1000, True: 5000}
_ALL_EIGENVECTORS_UP_TO = 1000
# Values at once of a block times some vectors.
_IN_BRACKETS = 1 << 21
_MOST_COMPS = 30
# Spread of a constant, relative to its size, after some steps in single precision.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Components:
    """Principal components.

    Attributes
    ----------
    scores
        Shape (n_spots, n_comps), float32; columns have mean 0 and falling variance.
    loadings
        Shape (n_features, n_comps), float32; rows of constant features are 0.
    variance, variance_ratio
        Shape (n_comps,): variance of each component, and its share of the total.
    """

    scores: NDArray[np.float32]
    loadings: NDArray[np.float32]
    variance: NDArray[np.float64]
    variance_ratio: NDArray[np.float64]


def principal_components(
    x: Blocks, n_comps: int | None, *, scale: bool, what: str, seed: int = 0
) -> Components:
    """PCA of ``x``, its columns centred and, if asked, scaled to variance 1.

    ``x`` stays sparse: centring and scaling are implicit in each product with it. Of few columns
    the covariance matrix is made, in one pass; of more, the components come from repeated passes
    (see :func:`~smartcore.pp._eigen.leading_eigenvectors`), some five to fifteen.

    Parameters
    ----------
    x
        Shape (n_spots, n_features), non-negative.
    n_comps
        Components wanted; fewer, with a warning, where ``x`` has not so many. ``None``: 30, or as
        many as there are.
    what
        Name of the features in messages.
    seed
        Of the start of the iteration.

    Raises
    ------
    ValueError
        If no feature varies.
    """
    n, n_features = x.shape
    known = n_features <= _COVARIANCE_UP_TO[x.dear]
    total, squares = x.sums(_gram_and_sums if known else column_sums)
    mean = total / n
    covariance = (squares - np.multiply.outer(total, mean)) / (n - 1) if known else None
    variance = (squares - total * mean) / (n - 1) if covariance is None else covariance.diagonal()
    constant = variance <= (_ROUNDING * mean) ** 2
    varying = np.flatnonzero(~constant)
    if not varying.size:
        raise ValueError(f"All {n_features} {what}s are constant over the spots: nothing to embed.")
    n_comps = _how_many(n_comps, n, len(varying), what)
    factor = np.zeros(n_features)
    factor[varying] = 1 / np.sqrt(variance[varying]) if scale else 1
    if covariance is not None:
        covariance = covariance[np.ix_(varying, varying)]
        covariance *= np.multiply.outer(factor[varying], factor[varying])
        values, vectors = _eigenvectors(covariance, n_comps, seed)
    else:
        values, vectors = leading_eigenvectors(
            partial(_covariance_product, x, mean[varying], factor[varying], varying),
            len(varying),
            n_comps,
            seed=seed,
            dtype=np.float32,
        )
    # One sign, whatever the order of the spots.
    top = np.abs(vectors).argmax(axis=0)
    loadings = np.zeros((n_features, n_comps))
    loadings[varying] = vectors * np.where(vectors[top, np.arange(n_comps)] < 0, -1, 1)
    return Components(
        scores=x.rows(partial(_scores, loadings * factor[:, None], mean)),
        loadings=loadings.astype(np.float32),
        variance=values,
        variance_ratio=values / (variance * factor**2).sum(),
    )


def _how_many(n_comps: int | None, n: int, n_varying: int, what: str) -> int:
    most = min(n - 1, n_varying)
    if n_comps is None:
        return min(_MOST_COMPS, most)
    if n_comps > most:
        warnings.warn(
            f"{n_comps} components asked for, {most} are there ({n} spots, "
            f"{n_varying} {what}s that vary); {most} are taken.",
            stacklevel=4,
        )
    return min(n_comps, most)


def _gram_and_sums(block: sp.csr_matrix) -> tuple[NDArray, NDArray]:
    return column_sums(block)[0], gram(block)


def _eigenvectors(
    matrix: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = len(matrix)
    if n > _ALL_EIGENVECTORS_UP_TO:
        return leading_eigenvectors(matrix.__matmul__, n, k, seed=seed, dtype=np.float64)
    with threadpool_limits(1, "blas"):
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=[n - k, n - 1])
    return values[::-1], vectors[:, ::-1]


def _covariance_product(
    x: Blocks,
    mean: NDArray[np.float64],
    factor: NDArray[np.float64],
    varying: NDArray[np.intp],
    vectors: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Covariance matrix of the ``varying`` columns, times their ``factor``, times ``vectors``."""
    scaled = np.zeros((x.shape[1], vectors.shape[1]), np.float32)
    scaled[varying] = vectors * factor[:, None]
    product, sums = x.sums(partial(_product, scaled, mean @ scaled[varying]))
    product = product[varying]
    product -= np.multiply.outer(mean, sums)
    product *= factor[:, None] / (x.shape[0] - 1)
    return product.astype(np.float32)


def _product(
    vectors: NDArray[np.float32], offset: NDArray[np.float64], block: sp.csr_matrix
) -> tuple[NDArray, NDArray]:
    """Transposed block · (block · vectors − offset), and the sums of what is in brackets."""
    offset = offset.astype(np.float32)
    product, sums = np.zeros(vectors.shape), np.zeros(vectors.shape[1])
    # Each part adds to all columns, so that parts of many rows are better.
    step = max(1, _IN_BRACKETS // vectors.shape[1])
    for start in range(0, block.shape[0], step):
        part = take_rows(block, slice(start, min(start + step, block.shape[0])))
        centred = part @ vectors - offset
        product += transposed(part) @ centred
        sums += centred.sum(axis=0, dtype=np.float64)
    return product, sums


def _scores(
    loadings: NDArray[np.float64], mean: NDArray[np.float64], block: sp.csr_matrix
) -> NDArray[np.float32]:
    offset = mean @ loadings
    return np.concatenate(
        [
            (take_rows(block, rows) @ loadings - offset).astype(np.float32)
            for rows in row_blocks(block)
        ]
    )
