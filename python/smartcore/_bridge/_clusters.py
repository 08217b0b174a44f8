"""Clusters of the embedding, and their number, for R."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore._bridge._values import columns_of, narrow
from smartcore._feedback import Notify, interruptible, relayed, unless_ended
from smartcore.clustering import (
    NPcs,
    _mclust,
    check_embedding,
    check_integer,
    cluster_embedding,
    distinct_rows,
    find_clusters,
    reduce_embedding,
    resolve_n_pcs,
    row_order,
)
from smartcore.clustering import by_size as _by_size
from smartcore.tl._n_clusters import draw, score_labels, score_n_clusters


@interruptible()
def cluster(
    embedding: NDArray[np.floating],
    n_clusters: int | None,
    method: str,
    *,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    resolution: float | None = None,
    seed: int = 0,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Cluster by a method other than mclust, which R calls itself.

    Parameters are those of :func:`smartcore.clustering.find_clusters`.

    Returns
    -------
    ``labels`` (n_spots,) from 0, the largest; ``n_pcs``; and where there are such ``resolution``,
    ``far`` and ``model``, the arrays of the mixture by name.
    """
    with relayed(notify):
        found = find_clusters(
            narrow(embedding),
            n_clusters,
            method=method,
            n_pcs=n_pcs,
            n_neighbors=n_neighbors,
            resolution=resolution,
            seed=seed,
        )
    given = {
        "n_pcs": found.n_pcs,
        "resolution": found.resolution,
        "far": found.far,
        "model": None if found.mixture is None else found.mixture.arrays(),
    }
    return {"labels": found.labels} | {k: v for k, v in given.items() if v is not None}


@interruptible()
def choose(
    embedding: NDArray[np.floating],
    n_clusters: Sequence[int],
    method: str,
    *,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    seed: int = 0,
    labels: Sequence[Sequence[NDArray[np.integer]] | str] | None = None,
    on_clustering: Callable[[int, int], object] | None = None,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Score numbers of clusters.

    Parameters
    ----------
    embedding, n_clusters, method, n_pcs, n_neighbors, seed
        As for :func:`smartcore.tl._n_clusters.score_n_clusters`.
    labels
        For each of the numbers, in increasing order, the labels of each part of
        :func:`choose_input`, or why there are none; ``None``: found here.
    on_clustering
        Called after each clustering with the number of those done and of all. ``True`` from it ends
        the comparison, as an interrupt does.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``table``, a dict of columns; ``criteria``, names of those among them that are criteria, and
    ``lower``, whether lower is better, of each; ``suggested``, the best number; and ``n_spots``,
    how many spots were compared.
    """
    x = narrow(embedding)
    told = unless_ended(on_clustering) if on_clustering else None
    with relayed(notify):
        if labels is None:
            table = score_n_clusters(
                x,
                n_clusters,
                method=method,
                n_pcs=n_pcs,
                n_neighbors=n_neighbors,
                seed=seed,
                progress=False,
                callback=told,
            )
        else:
            drawn = draw(x, n_clusters, seed=seed)
            by_number = dict(zip(drawn.numbers, labels, strict=True))

            def labels_of(k: int, part: int) -> NDArray[np.int32]:
                found = by_number[k]
                if isinstance(found, str):
                    raise RuntimeError(found)
                return np.asarray(found[part], np.int32)

            z = reduce_embedding(drawn.x, resolve_n_pcs(n_pcs, method))
            table = score_labels(drawn, z, labels_of, method=method)
    criteria: dict[str, bool] = table.attrs["lower_is_better"]
    return {
        "table": columns_of(table.reset_index()),
        "criteria": list(criteria),
        "lower": list(criteria.values()),
        "suggested": table.attrs["suggested"],
        "n_spots": table.attrs["n_spots"],
    }


@interruptible()
def choose_input(
    embedding: NDArray[np.floating],
    n_clusters: Sequence[int],
    method: str,
    n_pcs: NPcs = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """Return what R is to cluster so that :func:`choose` can compare numbers of clusters.

    Returns
    -------
    ``numbers``, in increasing order; and ``parts``: for each the array to cluster as it is, shape
    (n_rows, n_components).
    """
    drawn = draw(narrow(embedding), n_clusters, seed=seed)
    z = reduce_embedding(drawn.x, resolve_n_pcs(n_pcs, method))
    parts = [z if rows is None else z[rows] for rows in drawn.parts]
    return {"numbers": drawn.numbers, "parts": parts}


@interruptible()
def mclust_input(
    embedding: NDArray[np.floating], n_clusters: int, n_pcs: NPcs = "auto", seed: int = 0
) -> dict[str, Any]:
    """Return what mclust is to cluster, just as ``cluster_embedding`` hands it over.

    Returns
    -------
    Either ``x``, shape (n_spots, n_components), ``order``, the spot of each of its rows, and
    ``partition``, clusters of these from 0 up to start from, of length 0 where there are none; or
    ``labels``, where there is nothing to fit. In either case ``n_pcs``, if there is a number.
    """
    x = check_embedding(narrow(embedding))
    k = check_integer("n_clusters", n_clusters, 1, len(x), "the number of spots")
    kept = resolve_n_pcs(n_pcs, "mclust")
    used = {} if kept is None else {"n_pcs": kept}
    z = reduce_embedding(x, kept)
    if k == 1 or not z.shape[1] or distinct_rows(x, k + 1).max() < k:
        # One cluster, a cluster for each distinct spot, or too few spots: no method is asked.
        return {"labels": cluster_embedding(x, k, method="gmm", n_pcs=kept)} | used
    order = row_order(z)
    x, partition = _mclust.mclust_input(z[order], k, seed)
    start = np.array([] if partition is None else partition, dtype=np.int32)
    return {"x": x, "order": order.astype(np.int32), "partition": start} | used


def mclust_code() -> str:
    """Return R code whose value is the function that fits mclust's mixtures to such input."""
    return _mclust.mclust_code()


def by_size(
    labels: NDArray[np.integer], order: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """Renumber labels from 0, the largest cluster first; back from ``order`` where it is given."""
    given = np.asarray(labels)
    if order is None:
        return _by_size(given)
    back = np.empty_like(given)
    back[np.asarray(order)] = given
    return _by_size(back)
