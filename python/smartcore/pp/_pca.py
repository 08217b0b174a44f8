"""Principal components of sparse data, without ever making them dense."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smartcore.pp._alignment import Alignment, align
from smartcore.pp._blocks import Blocks
from smartcore.pp._eigen import leading_eigenvectors
from smartcore.pp._sparse import column_sums, gram, row_blocks, transposed
from smartcore.pp._threads import in_order, n_threads

logger = logging.getLogger("smartcore")

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
    x: Blocks,
    n_comps: int | None,
    *,
    scale: bool,
    what: str,
    seed: int = 0,
    codes: NDArray[np.intp] | None = None,
    groups: str = "sections",
) -> Components:
    """PCA of ``x``, its columns centred and, if asked, scaled to variance 1; or so by section.

    ``x`` stays sparse: centring and scaling are implicit in each product with it. Of few columns
    the covariance matrix is made, in one pass or two; of more, the components come from repeated
    passes (see :func:`~smartcore.pp._eigen.leading_eigenvectors`), some five to fifteen.

    Parameters
    ----------
    x
        Shape (n_spots, n_features).
    n_comps
        Components wanted; fewer, with a warning, where ``x`` has not so many. ``None``: 30, or as
        many as there are.
    what
        Name of the features in messages.
    seed
        Of the start of the iteration.
    codes
        Section of each spot, from 0 up, (n_spots,): columns are then centred and scaled within
        sections, as far as :func:`~smartcore.pp._alignment.align` does.
    groups
        What the codes stand for, in messages: "sections" or "batches".

    Raises
    ------
    ValueError
        If no feature varies, in any section if there are ``codes``.
    """
    n, n_features = x.shape
    logger.info("Principal components of %d spots.", n)
    known = n_features <= _COVARIANCE_UP_TO[x.dear]
    by_row = () if codes is None else (codes,)
    size = np.array([n]) if codes is None else np.bincount(codes)
    if known and codes is None:
        total, products = x.sums(_gram_and_sums)
        squares = products.diagonal()[None]
    else:
        total, squares = x.sums(partial(column_sums, n_sections=len(size)), *by_row)
    aligned = align(size, total, squares, scale=scale)
    variance = aligned.variance
    varying = np.flatnonzero(~is_constant(aligned))
    if not varying.size:
        where = "over the spots: nothing to embed."
        if len(size) > 1:
            where = (
                f"within each of the {len(size)} {groups}; align_sections=False makes components "
                "of what differs between them."
            )
        raise ValueError(f"All {n_features} {what}s are constant {where}")
    n_comps = _how_many(n_comps, n, len(varying), what)
    factor = np.zeros(n_features)
    factor[varying] = 1 / np.sqrt(variance[varying]) if scale else 1
    if known:
        if codes is not None:
            (products,) = x.sums(partial(_gram, aligned), codes)
        covariance = aligned.covariance(products)
        covariance = covariance[np.ix_(varying, varying)]
        covariance *= np.multiply.outer(factor[varying], factor[varying])
        values, vectors = _eigenvectors(covariance, n_comps, seed)
    else:
        values, vectors = leading_eigenvectors(
            partial(
                _covariance_product,
                x,
                aligned,
                factor[varying],
                varying,
                by_row,
                # What is read from disk is worked on block by block in threads as it is.
                1 if x.dear else n_threads(),
            ),
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
        scores=x.rows(partial(scores_of, aligned, loadings * factor[:, None]), *by_row),
        loadings=loadings.astype(np.float32),
        variance=values,
        variance_ratio=values / (aligned.total_variance * factor**2).sum(),
    )


def is_constant(aligned: Alignment) -> NDArray[np.bool_]:
    """Which features do not vary, but for rounding, (n_features,)."""
    return aligned.variance <= (_ROUNDING * aligned.mean) ** 2


def _how_many(n_comps: int | None, n: int, n_varying: int, what: str) -> int:
    most = min(n - 1, n_varying)
    if n_comps is None:
        return min(_MOST_COMPS, most)
    if n_comps > most:
        warnings.warn(
            f"{n_comps} components asked for, {most} are there ({n} spots, "
            f"{n_varying} {what}s that vary); {most} are taken.",
            stacklevel=5,
        )
    return min(n_comps, most)


def _gram_and_sums(block: sp.csr_matrix) -> tuple[NDArray, NDArray]:
    return column_sums(block)[0], gram(block)


def _gram(aligned: Alignment, block: sp.csr_matrix, codes: NDArray[np.intp]) -> tuple[NDArray]:
    return (gram(block, partial(aligned.part, codes=codes)),)


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
    aligned: Alignment,
    factor: NDArray[np.float64],
    varying: NDArray[np.intp],
    by_row: tuple[NDArray[np.intp], ...],
    threads: int,
    vectors: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Covariance matrix of the ``varying`` columns, times their ``factor``, times ``vectors``."""
    scaled = np.zeros((x.shape[1], vectors.shape[1]), np.float32)
    scaled[varying] = vectors * factor[:, None]
    offset = aligned.offset[:, varying]
    brackets = partial(_product, aligned, scaled, offset @ scaled[varying], threads)
    product, sums = x.sums(brackets, *by_row)
    product = product[varying]
    product -= offset.T @ sums
    product *= factor[:, None] / (x.shape[0] - 1)
    return product.astype(np.float32)


def _product(
    aligned: Alignment,
    vectors: NDArray[np.float32],
    offset: NDArray[np.float64],
    threads: int,
    block: sp.csr_matrix,
    codes: NDArray[np.intp] | None = None,
) -> tuple[NDArray, NDArray]:
    """Transposed block · (block · vectors − offset); sums over sections of what is in brackets."""
    product, sums = np.zeros(vectors.shape), np.zeros(offset.shape)
    step = partial(_part_of_product, aligned, vectors, offset.astype(np.float32), block, codes)
    for of_part, own in in_order(step, _row_parts(aligned, vectors.shape[1], block), threads):
        product += of_part
        for section, total in own:
            sums[section] += total
    return product, sums


def _part_of_product(
    aligned: Alignment,
    vectors: NDArray[np.float32],
    offset: NDArray[np.float32],
    block: sp.csr_matrix,
    codes: NDArray[np.intp] | None,
    rows: slice,
) -> tuple[NDArray, list[tuple[int, NDArray]]]:
    """The same of some rows; sums by section that has some of them."""
    part = aligned.part(block, rows, codes).astype(np.float32, copy=False)
    centred = part @ vectors
    if codes is None:
        centred -= offset
        own = [(0, centred.sum(axis=0, dtype=np.float64))]
    else:
        centred -= offset[codes[rows]]
        own = [
            (section, centred[codes[rows] == section].sum(axis=0, dtype=np.float64))
            for section in np.unique(codes[rows])
        ]
    return transposed(part) @ centred, own


def _row_parts(aligned: Alignment, n_vectors: int, block: sp.csr_matrix) -> Iterator[slice]:
    """Rows at once: many, as each part adds to all columns; fewer where values are copied."""
    if aligned.factor is not None:
        yield from row_blocks(block)
        return
    step = max(1, _IN_BRACKETS // n_vectors)
    for start in range(0, block.shape[0], step):
        yield slice(start, min(start + step, block.shape[0]))


def scores_of(
    aligned: Alignment,
    loadings: NDArray[np.float64],
    block: sp.csr_matrix,
    codes: NDArray[np.intp] | None = None,
) -> NDArray[np.float32]:
    """Spots of a block, aligned and centred, times ``loadings``."""
    offset = aligned.offset @ loadings
    scores = []
    for rows in row_blocks(block):
        own = offset if codes is None else offset[codes[rows]]
        scores.append((aligned.part(block, rows, codes) @ loadings - own).astype(np.float32))
    return np.concatenate(scores)
