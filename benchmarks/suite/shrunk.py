"""A Gaussian mixture with one shared covariance that is shrunk towards a sphere."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from smartcore.clustering import reduce_embedding

Floats = NDArray[np.float64]

N_COMPONENTS = 10
# Robust standard deviations.
_CAP = 5.0
# Of the sphere in the covariance.
_SPHERE = 0.2
_STARTS = 20
_ROUNDS = 300
# Of the mean log-likelihood of a spot.
_TOLERANCE = 1e-6


@threadpool_limits.wrap(limits=1)
def shrunk(embedding: ArrayLike, ks: Iterable[int], seed: int) -> dict[int, NDArray[np.intp]]:
    """Clusters of the embedding's first ten principal components, by number of clusters.

    Unlike a mixture whose covariance is free, it heeds the variance of the components; and values
    beyond 5 robust standard deviations are capped, so that outlying spots win no cluster.
    """
    z = capped(reduce_embedding(embedding, N_COMPONENTS))
    return {k: _likeliest(z, k, seed) for k in ks if 1 < k < len(z)}


def capped(x: Floats) -> Floats:
    """Columns with values at most 5 robust standard deviations from their median."""
    middle = np.median(x, axis=0)
    spread = 1.4826 * np.median(np.abs(x - middle), axis=0)
    # Where most values are equal nothing is known of the spread.
    limit = np.where(spread > 0, _CAP * spread, np.inf)
    return np.clip(x, middle - limit, middle + limit)


def _likeliest(z: Floats, k: int, seed: int) -> NDArray[np.intp]:
    """Clusters of the likeliest mixture, each from a start by k-means."""
    seeds = np.random.default_rng(seed).integers(2**31, size=_STARTS)
    starts = (KMeans(k, n_init=1, random_state=int(one)).fit_predict(z) for one in seeds)
    return max((_em(z, labels, k) for labels in starts), key=lambda found: found[0])[1]


def _em(z: Floats, labels: NDArray[np.integer], k: int) -> tuple[float, NDArray[np.intp]]:
    """Mean log-likelihood of a spot, and clusters; `z` has mean 0 or near it."""
    n, d = z.shape
    second, spots = z.T @ z / n, np.ascontiguousarray(z.T)
    member, before = np.eye(k)[:, labels], -np.inf
    for _ in range(_ROUNDS):
        weight = member.sum(axis=1) / n + 1e-12
        means = member @ z / n / weight[:, None]
        own = second - (means.T * weight) @ means
        sphere = own.diagonal().mean() * np.eye(d)
        covariance = (1 - _SPHERE) * own + _SPHERE * sphere
        precision = np.linalg.inv(covariance)
        # What all clusters of a spot share cancels out, and its mean over spots is known.
        slopes = means @ precision
        log = slopes @ spots + (np.log(weight) - (slopes * means).sum(axis=1) / 2)[:, None]
        top = log.max(axis=0)
        member = np.exp(log - top)
        total = member.sum(axis=0)
        member /= total
        shared = np.linalg.slogdet(covariance)[1] + (precision * second).sum()
        likelihood = float((top + np.log(total)).mean() - shared / 2)
        if abs(likelihood - before) < _TOLERANCE:
            break
        before = likelihood
    return likelihood, member.argmax(axis=0)
