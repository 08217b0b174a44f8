"""Clusters of an embedding, as many as asked for."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from smartcore.clustering import _shrunk
from smartcore.clustering._arguments import (
    DEFAULT,
    NPcs,
    resolve_method,
    resolve_n_pcs,
    resolve_size,
)
from smartcore.clustering._communities import GRAPH_METHODS, communities_at, graph_clusters
from smartcore.clustering._embedding import (
    Floats,
    by_size,
    check_embedding,
    check_integer,
    distinct_rows,
    reduce_embedding,
    row_order,
)
from smartcore.clustering._mclust import mclust_eee, mclust_input
from smartcore.clustering._mixture import gaussian_mixture, kmeans
from smartcore.clustering._rivals import warn_of_rival
from smartcore.clustering.mixture import Mixture

logger = logging.getLogger("smartcore")

_MAX_SEED = 2**31 - 1  # the largest that R takes
# Above this share spots that belong nowhere are warned of.
_MANY_FAR = 0.01

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Clusters:
    """Clusters of the rows of an embedding, and how they were found.

    Attributes
    ----------
    labels
        Shape (n_spots,): 0 for the largest cluster, clusters of one size by their first spot.
    method
        A name of ``METHODS``.
    n_pcs
        Most principal components that could be clustered; None: the embedding as it is.
    mixture
        The fitted model, its clusters in the order of the labels; None for methods other than
        ``"shrunk"``, and where there was nothing to fit.
    far
        Share of the spots that are far from every cluster (:meth:`Mixture.far`); None without a
        model.
    resolution
        That of the communities, None for other methods.
    """

    labels: Labels
    method: str
    n_pcs: int | None
    mixture: Mixture | None = None
    far: float | None = None
    resolution: float | None = None

    @property
    def n_clusters(self) -> int:
        """Number of clusters that hold spots."""
        return int(self.labels.max(initial=-1)) + 1


def cluster_embedding(
    embedding: npt.ArrayLike,
    n_clusters: int | None = None,
    *,
    method: str | None = None,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    resolution: float | None = None,
    seed: int = 0,
) -> Labels:
    """Cluster the rows of an embedding into a given number of clusters.

    The parameters, the methods and the errors are those of :func:`find_clusters`, which gives the
    fitted model as well.

    Returns
    -------
    Labels of shape (n_spots,), 0 for the largest cluster, clusters of one size by their first spot.

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.clustering import cluster_embedding
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (30, 5)), rng.normal(9, 1, (50, 5))])
    >>> labels = cluster_embedding(x, 2)
    >>> labels[:2], labels[-2:]
    (array([1, 1], dtype=int32), array([0, 0], dtype=int32))
    """
    return find_clusters(
        embedding,
        n_clusters,
        method=method,
        n_pcs=n_pcs,
        n_neighbors=n_neighbors,
        resolution=resolution,
        seed=seed,
    ).labels


def find_clusters(
    embedding: npt.ArrayLike,
    n_clusters: int | None = None,
    *,
    method: str | None = None,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    resolution: float | None = None,
    seed: int = 0,
) -> Clusters:
    """Cluster the rows of an embedding, and keep the fitted model.

    The embedding is reduced to its first principal components, and these are clustered by one of

    - ``"shrunk"``, the default: a mixture of Gaussians with one covariance that is shrunk towards
      a sphere (four parts of its own, one of the sphere), so that components of little variance
      say little. Values beyond 5 robust standard deviations from the median are capped, unless
      a twentieth of the spots lies there. Quick k-means give starts; EM follows the promising ones
      [3]_; and a cluster is given up for the split of another as long as that is likelier [4]_.
    - ``"mclust"``: a mixture of Gaussians with one full covariance (model EEE) by R's package
      mclust, as in the paper [1]_ [2]_: the likeliest of those from mclust's own start, two more
      hierarchical ones, and, where ``"gmm"`` has many starts, the clusters of that. It needs R,
      mclust and rpy2.
    - ``"gmm"``: the same model without R: scikit-learn's ``GaussianMixture`` with a tied
      covariance. Starts are Ward's hierarchical clusters in three scalings of the components of
      at most 2,000 spots. Where these are two or more for each parameter of the mixture, so are
      twenty quick k-means in each, of which the most promising are followed to their end [3]_. The
      likeliest is kept.
    - ``"leiden"``, ``"louvain"``: communities of the nearest-neighbour graph that scanpy builds,
      at ``resolution``, or at one searched for the number of clusters.
    - ``"kmeans"``: k-means, the best of ten starts.

    Parameters
    ----------
    embedding
        Array of shape (n_spots, n_dims), finite.
    n_clusters
        Number of clusters, from 1 to the number of distinct rows. Leave it out where
        ``resolution`` is given.
    method
        One of the above; None: ``"shrunk"``.
    n_pcs
        Number of principal components to cluster, at most as many as have variance beyond
        rounding; ``"auto"``: 15 for ``"shrunk"``, and 20, as in the paper, for the others; None
        clusters the embedding as it is.
    n_neighbors
        Neighbours of a spot in the graph of ``"leiden"`` and ``"louvain"``, at most
        ``n_spots - 1``.
    resolution
        Resolution of ``"leiden"`` and ``"louvain"``, above 0, instead of a number of clusters:
        higher ones give more of them.
    seed
        Seed of all random numbers, in [0, 2**31). No global state is touched.

    Returns
    -------
    Labels, model and settings. A mixture may leave a cluster without a spot: then there are
    fewer labels than asked for, and a warning says so.

    Warns
    -----
    UserWarning
        With ``"shrunk"``: if two different mixtures fit about equally well (with the difference
        in likelihood and the adjusted Rand index between them), and if more than 1 % of the spots
        are far from every cluster.

    Raises
    ------
    TypeError
        If the embedding is not numeric, or a number is not of its kind.
    ValueError
        If the embedding is not two-dimensional or not finite, ``method`` is unknown, there are
        fewer distinct rows than ``n_clusters``, the graph has no partition into ``n_clusters``
        communities, or ``n_clusters`` and ``resolution`` are both given, or neither.
    ImportError
        If ``method="mclust"`` and R, mclust or rpy2 is absent.
    RuntimeError
        If mclust cannot fit the mixture.

    References
    ----------
    .. [1] Du et al., Nature Communications 17, 2876 (2026).
    .. [2] Scrucca et al., The R Journal 8, 289 (2016).
    .. [3] Biernacki, Celeux and Govaert, Comput Stat Data Anal 41, 561 (2003).
    .. [4] Ueda et al., Neural Computation 12, 2109 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.clustering import find_clusters
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(0, 1, (30, 5)), rng.normal(9, 1, (50, 5))])
    >>> found = find_clusters(x, 2)
    >>> found.mixture.weights.round(3)
    array([0.625, 0.375])
    >>> found.mixture.memberships(x[:1]).round(3)
    array([[0., 1.]])
    """
    x = check_embedding(embedding)
    method = resolve_method(method)
    n_clusters, resolution = resolve_size(n_clusters, resolution, method, len(x))
    n_neighbors = check_integer("n_neighbors", n_neighbors, 2)
    seed = check_integer("seed", seed, 0, _MAX_SEED)
    kept = resolve_n_pcs(n_pcs, method)
    found = Clusters(np.zeros(len(x), np.int32), method, kept, resolution=resolution)
    if method == DEFAULT:
        way = _shrunk.prepare(x, kept)
        z = way.scores(x)
    else:
        z = reduce_embedding(x, kept)
    order = row_order(z)
    labels = np.zeros(len(x), dtype=np.intp)
    if n_clusters is None:
        if z.shape[1] and resolution is not None:
            labels[order] = communities_at(z[order], resolution, method, n_neighbors, seed)
        return replace(found, labels=by_size(labels))
    if (few := _few(x, z, n_clusters)) is not None:
        return replace(found, labels=by_size(few))
    if method == DEFAULT:
        return _from_mixture(found, way, x, z[order], n_clusters, seed)
    if method in GRAPH_METHODS:
        part, at = graph_clusters(z[order], n_clusters, method, n_neighbors, seed)
        labels[order], found = part, replace(found, resolution=at)
    else:
        labels[order] = _partition(z[order], n_clusters, method, seed)
    found = replace(found, labels=by_size(labels))
    _warn_of_empty(found, n_clusters)
    return found


def _few(x: npt.NDArray[Any], z: Floats, n_clusters: int) -> npt.NDArray[np.intp] | None:
    """Labels where there is nothing to fit: one cluster, or as many as there are distinct rows."""
    if n_clusters == 1:
        return np.zeros(len(x), dtype=np.intp)
    # Rounding is no difference: without a direction of variance all rows are one.
    distinct = distinct_rows(x, n_clusters + 1) if z.shape[1] else np.zeros(len(x), dtype=np.intp)
    n_distinct = int(distinct.max()) + 1
    if n_distinct < n_clusters:
        raise ValueError(
            f"n_clusters={n_clusters}, but the embedding has only {n_distinct} distinct "
            f"row(s) in {len(x)} spots: ask for at most {n_distinct} cluster(s)"
        )
    return distinct if n_distinct == n_clusters else None


def _from_mixture(
    found: Clusters, way: Mixture, x: npt.NDArray[Any], z: Floats, n_clusters: int, seed: int
) -> Clusters:
    """The clusters of the likeliest mixture, in order of size, and what there is to say of it."""
    fits = _shrunk.fit_shrunk(z, n_clusters, np.random.default_rng(seed))
    mixture = replace(
        way, weights=fits[0].weights, means=fits[0].means, covariance=fits[0].covariance
    )
    labels = mixture.labels(x)
    ranked = by_size(labels)
    _, first = np.unique(ranked, return_index=True)
    kept = labels[first]
    mixture = replace(
        mixture,
        weights=mixture.weights[kept] / mixture.weights[kept].sum(),
        means=mixture.means[kept],
    )
    far = float(mixture.far(x).mean())
    found = replace(found, labels=ranked, mixture=mixture, far=far)
    _warn_of_empty(found, n_clusters)
    if not fits[0].settled:
        warnings.warn(
            f"the mixture of {n_clusters} clusters did not settle: its clusters may be ill "
            "defined; try fewer clusters",
            stacklevel=3,
        )
    warn_of_rival(z, fits)
    if far > 0:
        text = f"{far:.1%} of the spots are far from every one of the {n_clusters} clusters"
        if far > _MANY_FAR:
            warnings.warn(
                f"{text}: they are outliers, or kinds of spots too rare for a cluster; more "
                "clusters may give them one of their own",
                stacklevel=3,
            )
        else:
            logger.info("%s", text)
    return found


def _warn_of_empty(found: Clusters, n_clusters: int) -> None:
    if found.n_clusters < n_clusters:
        warnings.warn(
            f"{n_clusters - found.n_clusters} of the {n_clusters} clusters of "
            f"method={found.method!r} hold no spot: {found.n_clusters} labels are returned",
            stacklevel=4,
        )


def _partition(z: Floats, n_clusters: int, method: str, seed: int) -> npt.NDArray[Any]:
    """Cluster reduced rows, more distinct ones than clusters, around centres."""
    if method == "mclust":
        x, partition = mclust_input(z, n_clusters, seed)
        return mclust_eee(x, n_clusters, seed, partition)
    if method == "gmm":
        return gaussian_mixture(z, n_clusters, seed)
    return kmeans(z, n_clusters, seed)
