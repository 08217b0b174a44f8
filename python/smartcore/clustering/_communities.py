"""Clusters as communities of the nearest-neighbour graph."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from smartcore.clustering._embedding import Floats

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger("smartcore")

GRAPH_METHODS = ("leiden", "louvain")

_MIN_RESOLUTION = 1e-4
_MANY = 8192  # from here on scanpy searches approximately


class ClusterCountError(ValueError):
    """A graph has no partition into the number of clusters asked for."""


def graph_clusters(
    z: Floats, n_clusters: int, method: str, n_neighbors: int, seed: int
) -> tuple[npt.NDArray[Any], float]:
    """Partition the nearest-neighbour graph into exactly ``n_clusters`` communities.

    Parameters
    ----------
    z
        Array of shape (n_spots, n_dims).
    n_clusters, n_neighbors, seed
        As in :func:`cluster_embedding`.
    method
        ``"leiden"`` or ``"louvain"``.

    Returns
    -------
    The communities, shape (n_spots,), and the resolution that gives them.

    Raises
    ------
    ClusterCountError
        If no resolution tried gives ``n_clusters`` communities.
    """
    partition = _partitioner(z, method, n_neighbors, seed)
    found: dict[int, tuple[npt.NDArray[Any], float]] = {}

    def count(resolution: float) -> int:
        labels = partition(resolution)
        n_found = len(np.unique(labels))
        found.setdefault(n_found, (labels, resolution))
        return n_found

    low = high = 1.0
    n_low = n_high = count(1.0)
    while n_low > n_clusters and low > _MIN_RESOLUTION:
        low /= 4
        n_low = count(low)
    while n_high < n_clusters and high < 4 * len(z):
        high *= 4
        n_high = count(high)
    if n_low < n_clusters < n_high:
        while n_clusters not in found and high / low > 1.001:
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if count(middle) < n_clusters else (low, middle)
        # The count wavers with the resolution, so a number may lie to either side.
        for resolution in np.geomspace(low / 1.3, high * 1.3, 40):
            if n_clusters in found:
                break
            count(float(resolution))
    if n_clusters in found:
        labels, resolution = found[n_clusters]
        logger.info("%s: %d clusters at resolution %.6g", method, n_clusters, resolution)
        return labels, resolution
    below, above = ([n for n in sorted(found) if (n < n_clusters) is low] for low in (True, False))
    nearest = " and ".join(map(str, below[-1:] + above[:1]))
    raise ClusterCountError(
        f"{method} finds no partition into {n_clusters} clusters (graph of {n_neighbors} neighbours, "
        f"seed={seed}); nearest numbers reached: {nearest}. Ask for one of "
        "these, try another n_neighbors (more neighbours join parts of the graph) or seed, or "
        "use method='shrunk', 'gmm' or 'kmeans', which take the number as given"
    )


def communities_at(
    z: Floats, resolution: float, method: str, n_neighbors: int, seed: int
) -> npt.NDArray[Any]:
    """Partition the nearest-neighbour graph at a resolution; the rest as :func:`graph_clusters`."""
    return _partitioner(z, method, n_neighbors, seed)(resolution)


def _partitioner(
    z: Floats, method: str, n_neighbors: int, seed: int
) -> Callable[[float], npt.NDArray[Any]]:
    """The graph, and a function from a resolution to communities."""
    n_neighbors = min(n_neighbors, len(z) - 1)
    # The libraries for it take seconds to load.
    logger.info("%s: graph of the %d nearest neighbours of each spot", method, n_neighbors)
    import scanpy as sc
    from anndata import AnnData
    from threadpoolctl import threadpool_limits

    graph = AnnData(z)
    # Puts numbers of threads back: numba, used here, sets that of torch, whose results depend on it.
    with threadpool_limits(None):
        sc.pp.neighbors(
            graph,
            n_neighbors=n_neighbors,
            use_rep="X",
            random_state=seed,
            transformer=_search(len(z), n_neighbors, seed) if len(z) >= _MANY else None,
        )
    return _leiden(graph, seed) if method == "leiden" else _louvain(graph, seed)


def _search(n_spots: int, n_neighbors: int, seed: int) -> Any:
    """Scanpy's own search among many spots, its result as the matrix that scanpy takes."""
    import scanpy as sc
    from pynndescent import PyNNDescentTransformer

    class Search(PyNNDescentTransformer):
        def fit_transform(self, x: Floats, y: None = None, **options: Any) -> sp.csr_matrix:
            # An array since pynndescent 0.7, which scanpy 1.11 does not know.
            return sp.csr_matrix(super().fit_transform(x, y, **options))

    return Search(
        n_neighbors=n_neighbors,
        random_state=seed,
        n_jobs=sc.settings.n_jobs,
        n_trees=min(64, 5 + round(n_spots**0.5 / 20)),
        n_iters=max(5, round(np.log2(n_spots))),
    )


def _leiden(graph: AnnData, seed: int) -> Callable[[float], npt.NDArray[Any]]:
    import scanpy as sc

    def partition(resolution: float) -> npt.NDArray[Any]:
        sc.tl.leiden(
            graph,
            resolution=resolution,
            flavor="igraph",
            n_iterations=2,
            directed=False,
            random_state=seed,
        )
        return np.asarray(graph.obs["leiden"].cat.codes)

    return partition


def _louvain(graph: AnnData, seed: int) -> Callable[[float], npt.NDArray[Any]]:
    import igraph

    weights = sp.triu(graph.obsp["connectivities"], k=1).tocoo()
    edges = np.column_stack([weights.row, weights.col])
    network = igraph.Graph(n=graph.n_obs, edges=edges)

    def partition(resolution: float) -> npt.NDArray[Any]:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            communities = network.community_multilevel(weights.data, resolution=resolution)
        finally:
            igraph.set_random_number_generator(random)  # igraph's default
        return np.asarray(communities.membership)

    return partition
