"""Clusters of an embedding, as many as asked for."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from smartcore.clustering._communities import graph_clusters
from smartcore.clustering._embedding import (
    Floats,
    check_embedding,
    check_integer,
    distinct_rows,
    reduce_embedding,
    row_order,
)
from smartcore.clustering._mclust import mclust_eee, mclust_input, missing_for_mclust
from smartcore.clustering._mixture import gaussian_mixture, kmeans

logger = logging.getLogger("smartcore")

METHODS = ("mclust", "gmm", "leiden", "louvain", "kmeans")

_MAX_SEED = 2**31 - 1  # the largest that R takes

Labels = npt.NDArray[np.int32]


def cluster_embedding(
    embedding: npt.ArrayLike,
    n_clusters: int,
    *,
    method: str | None = None,
    n_pcs: int | None = 20,
    n_neighbors: int = 50,
    seed: int = 0,
) -> Labels:
    """Cluster the rows of an embedding into a given number of clusters.

    The embedding is reduced to its first principal components, and these are
    clustered by one of

    - ``"mclust"``: a mixture of Gaussians with one shared, full covariance
      (model EEE) by R's package mclust, as in the paper [1]_ [2]_: the likeliest
      of those from mclust's own start, two more hierarchical ones, and, where
      ``"gmm"`` has many starts, the clusters of that. It needs R, mclust and rpy2.
    - ``"gmm"``: the same model without R: scikit-learn's ``GaussianMixture`` with
      a tied covariance. Starts are Ward's hierarchical clusters in three scalings
      of the components of at most 2,000 spots. Where these are two or more for
      each parameter of the mixture, so are twenty quick k-means in each, of which
      the most promising are followed to their end [3]_. The likeliest is kept.
    - ``"leiden"``, ``"louvain"``: communities of the nearest-neighbour graph that
      scanpy builds, at a resolution searched for the number of clusters.
    - ``"kmeans"``: k-means, the best of ten starts.

    Parameters
    ----------
    embedding
        Array of shape (n_spots, n_dims), finite.
    n_clusters
        Number of clusters, from 1 to the number of distinct rows.
    method
        One of the above. None takes ``"mclust"`` where it can run and ``"gmm"``
        elsewhere, and logs which.
    n_pcs
        Number of principal components to cluster, at most as many as have
        variance beyond rounding; None clusters the embedding as it is.
    n_neighbors
        Neighbours of a spot in the graph of ``"leiden"`` and ``"louvain"``, at
        most ``n_spots - 1``.
    seed
        Seed of all random numbers, in [0, 2**31). No global state is touched.

    Returns
    -------
    Labels of shape (n_spots,), 0 for the largest cluster, clusters of one size
    by their first spot. A mixture may leave a cluster without a spot: then
    there are fewer labels than asked for, and a warning says so.

    Raises
    ------
    TypeError
        If the embedding is not numeric, or a number is not of its kind.
    ValueError
        If the embedding is not two-dimensional or not finite, ``method`` is
        unknown, there are fewer distinct rows than ``n_clusters``, or the graph
        has no partition into ``n_clusters`` communities.
    ImportError
        If ``method="mclust"`` and R, mclust or rpy2 is absent.
    RuntimeError
        If mclust cannot fit the mixture.

    References
    ----------
    .. [1] Du et al., Nature Communications 17, 2876 (2026).
    .. [2] Scrucca et al., The R Journal 8, 289 (2016).
    .. [3] Biernacki, Celeux and Govaert, Comput Stat Data Anal 41, 561 (2003).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.clustering import cluster_embedding
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (30, 5)), rng.normal(9, 1, (50, 5))])
    >>> labels = cluster_embedding(x, 2, method="gmm")
    >>> labels[:2], labels[-2:]
    (array([1, 1], dtype=int32), array([0, 0], dtype=int32))
    """
    x = check_embedding(embedding)
    n_spots = len(x)
    n_clusters = check_integer("n_clusters", n_clusters, 1, n_spots, "the number of spots")
    n_neighbors = check_integer("n_neighbors", n_neighbors, 2)
    seed = check_integer("seed", seed, 0, _MAX_SEED)
    method = resolve_method(method)
    z = reduce_embedding(x, n_pcs)
    if n_clusters == 1:
        return np.zeros(n_spots, dtype=np.int32)
    # Rounding is no difference: without a direction of variance all rows are one.
    distinct = distinct_rows(x, n_clusters + 1) if z.shape[1] else np.zeros(n_spots, dtype=np.intp)
    n_distinct = int(distinct.max()) + 1
    if n_distinct < n_clusters:
        raise ValueError(
            f"n_clusters={n_clusters}, but the embedding has only {n_distinct} distinct "
            f"row(s) in {n_spots} spots: ask for at most {n_distinct} cluster(s)"
        )
    if n_distinct == n_clusters:
        return _by_size(distinct)
    order = row_order(z)
    labels = np.empty(n_spots, dtype=np.intp)
    labels[order] = _partition(z[order], n_clusters, method, n_neighbors, seed)
    labels = _by_size(labels)
    n_found = int(labels.max()) + 1
    if n_found < n_clusters:
        warnings.warn(
            f"{n_clusters - n_found} of the {n_clusters} clusters of method={method!r} hold no "
            f"spot: {n_found} labels are returned",
            stacklevel=2,
        )
    return labels


def resolve_method(method: str | None) -> str:
    """Name the clustering method that ``method`` stands for here.

    Parameters
    ----------
    method
        A name of ``METHODS``, or None: ``"mclust"`` where it can run, else ``"gmm"``.

    Returns
    -------
    A name of ``METHODS``.

    Raises
    ------
    ValueError
        If the name is unknown.
    ImportError
        If ``"mclust"`` is asked for and cannot run; the message says what to install.
    """
    if method is None:
        missing = missing_for_mclust()
        chosen = "gmm" if missing else "mclust"
        logger.info("clustering with method=%r%s", chosen, f": {missing}" if missing else "")
        return chosen
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}, or None")
    if method == "mclust" and (missing := missing_for_mclust()):
        raise ImportError(
            f"method='mclust' cannot run: {missing}. Install R, its package mclust "
            "(in R: install.packages('mclust')) and rpy2 (pip install \"smartcore[r]\"), "
            "or use method='gmm', which is the same model without R"
        )
    return method


def _partition(
    z: Floats, n_clusters: int, method: str, n_neighbors: int, seed: int
) -> npt.NDArray[Any]:
    """Cluster reduced rows, more distinct ones than clusters, by one method."""
    if method == "mclust":
        x, partition = mclust_input(z, n_clusters, seed)
        return mclust_eee(x, n_clusters, seed, partition)
    if method == "gmm":
        return gaussian_mixture(z, n_clusters, seed)
    if method == "kmeans":
        return kmeans(z, n_clusters, seed)
    return graph_clusters(z, n_clusters, method, n_neighbors, seed)[0]


def _by_size(labels: npt.NDArray[Any]) -> Labels:
    """Renumber labels by decreasing size, those of one size by first occurrence."""
    _, first, inverse, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    return rank[inverse]
