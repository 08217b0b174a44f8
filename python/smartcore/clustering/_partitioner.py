"""Clusters for many numbers of them, of all spots and of some."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from smartcore.clustering import _shrunk
from smartcore.clustering._arguments import DEFAULT, NPcs, resolve_n_pcs
from smartcore.clustering._cluster import Labels, cluster_embedding
from smartcore.clustering._embedding import Floats, by_size, reduce_embedding, row_order

Partition = Callable[[int, npt.NDArray[np.intp] | None], Labels]

_STARTS_OF_SOME = 3


def partitioner(
    x: npt.NDArray[np.floating], method: str, *, n_pcs: NPcs, n_neighbors: int, seed: int
) -> tuple[Floats, Partition]:
    """Make a function that clusters rows of an embedding.

    Parameters
    ----------
    x
        Embedding of shape (n_spots, n_dims), checked.
    method
        A name of ``METHODS``.
    n_pcs, n_neighbors, seed
        As in :func:`find_clusters`.

    Returns
    -------
    What is clustered, shape (n_spots, n_components); and a function of a number of clusters and
    either None, for all spots, or indices of some, which returns their labels. Where the method is
    the default, spots of a subset start from the mixture of all as well as anew.
    """
    kept = resolve_n_pcs(n_pcs, method)
    if method != DEFAULT:
        z = reduce_embedding(x, kept)

        def by_method(k: int, spots: npt.NDArray[np.intp] | None) -> Labels:
            rows = z if spots is None else z[spots]
            return cluster_embedding(
                rows, k, method=method, n_pcs=None, n_neighbors=n_neighbors, seed=seed
            )

        return z, by_method

    z = _shrunk.prepare(x, kept).scores(x)
    order = row_order(z)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    whole: dict[int, _shrunk.Fit] = {}

    def fit_all(k: int) -> _shrunk.Fit:
        if k not in whole:
            rng = np.random.default_rng(seed)
            whole[k] = _shrunk.fit_quickly(z[order], k, rng)
        return whole[k]

    def by_mixture(k: int, spots: npt.NDArray[np.intp] | None) -> Labels:
        if spots is None:
            return by_size(fit_all(k).labels(z))
        some = z[order[np.sort(place[spots])]]
        fit = _shrunk.refit(some, fit_all(k), np.random.default_rng(seed), starts=_STARTS_OF_SOME)
        return by_size(fit.labels(z[spots]))

    return z, by_mixture
