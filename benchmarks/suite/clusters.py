"""Clusters of an embedding, for several numbers of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smartcore.clustering import cluster_embedding, reduce_embedding, row_order
from smartcore.clustering._mclust import fit_eee
from smartcore.clustering._mixture import mixture_start

from .shrunk import shrunk


def mclust(
    embedding: ArrayLike,
    ks: Iterable[int],
    seed: int,
    n_pcs: int = 20,
    *,
    many_starts: bool = False,
) -> dict[int, NDArray[np.intp]]:
    """Clusters of the embedding's principal components, by number of clusters.

    A number for which mclust fits no mixture is left out. Hierarchical starts alone, or with
    ``many_starts`` those of ``smartcore.clustering`` as well.
    """
    z = reduce_embedding(embedding, n_pcs)
    order = row_order(z)
    starts = {k: mixture_start(z[order], k, seed) if many_starts else None for k in ks if k > 1}
    result = {}
    for k, (labels, _) in fit_eee(z[order], starts, seed).items():
        if len(labels):
            result[k] = np.empty(len(z), np.intp)
            result[k][order] = labels
    return result


def package(
    embedding: ArrayLike, ks: Iterable[int], seed: int, *, method: str
) -> dict[int, NDArray[np.intp]]:
    """Clusters by smartcore's own `method`, by number of clusters."""
    return {k: cluster_embedding(embedding, k, method=method, seed=seed) for k in ks if k > 1}


CLUSTERS: dict[str, Callable[[ArrayLike, Iterable[int], int], dict[int, NDArray[np.intp]]]] = {
    "shrunk": shrunk,
    "gmm": partial(package, method="gmm"),
    "mclust": mclust,
}
"""Name of a way to cluster → embedding, numbers of clusters and seed → labels by number."""
