"""Scores of one embedding against each labeling of its set."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore import metrics
from smartcore.spatial.graph import spatial_graph

from .clusters import mclust
from .sets import LabelledSet


def n_kinds(truth: NDArray[np.object_]) -> int:
    """Number of kinds in a labeling."""
    return len(set(truth) - {None})


def around(k: int) -> range:
    """The numbers of clusters over which the paper's box plots go, from 2 up."""
    return range(max(2, k - 2), k + 4)


def ari_by_k(
    truth: NDArray[np.object_], found: Mapping[int, NDArray[np.integer]]
) -> dict[int, float]:
    """ARI at each of the numbers of clusters around that of the labeling, where there are such."""
    return {k: metrics.ari(truth, found[k]) for k in around(n_kinds(truth)) if k in found}


def probe(embedding: NDArray[np.floating], labelled: LabelledSet) -> dict[str, dict[str, Any]]:
    """Labeling → the blocked kNN probe, which needs no clusters."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*have no other beyond radius")
        return {
            name: {"probe": metrics.blocked_knn_probe(embedding, truth, labelled.coords)}
            for name, truth in labelled.truths.items()
        }


def clusters(
    embedding: NDArray[np.floating],
    labelled: LabelledSet,
    seed: int,
    own: NDArray[np.integer] | None,
) -> dict[str, dict[str, Any]]:
    """Labeling → scores of mclust's clusters, and of the method's own.

    ``ari_by_k`` holds the ARI at each number of clusters and ``ari_mean`` their mean; the
    paper's seven, the silhouette of the embedding and Moran's I (mean over clusters of their
    indicators') are those at the labeling's own number. ``own_ari`` is that of `own`.
    """
    graph = spatial_graph(labelled.coords)
    wanted = {k for truth in labelled.truths.values() for k in around(n_kinds(truth))}
    found = mclust(embedding, sorted(wanted), seed)
    result = {}
    for name, truth in labelled.truths.items():
        k = n_kinds(truth)
        by_k = ari_by_k(truth, found)
        scores: dict[str, Any] = {"ari_by_k": by_k}
        if by_k:
            scores["ari_mean"] = float(np.mean(list(by_k.values())))
        if k in found:
            scores |= metrics.scores(truth, found[k])
            scores["silhouette"] = metrics.silhouette(embedding, found[k])
            scores["morans_i"] = float(metrics.morans_i_clusters(found[k], graph).mean())
        if own is not None:
            scores["own_ari"] = metrics.ari(truth, own)
        result[name] = scores
    return result
