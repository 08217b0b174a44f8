"""Scores of one embedding against each labeling of its set."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore import metrics
from smartcore.spatial.graph import spatial_graph

from .clusters import CLUSTERS
from .sets import LabelledSet

AROUND = "shrunk"
"""The clusters that further scores and the ARI at other numbers of clusters are of."""

# Of the scores in smartcore.metrics.scores.
_FURTHER = ("ami", "nmi", "homogeneity", "fmi")


def n_kinds(truth: NDArray[np.object_]) -> int:
    """Number of kinds in a labeling."""
    return len(set(truth) - {None})


def around(k: int) -> range:
    """The numbers of clusters over which the paper's box plots go, from 2 up."""
    return range(max(2, k - 2), k + 4)


def ari_by_k(truth: NDArray[np.object_], found: dict[int, NDArray[np.integer]]) -> dict[int, float]:
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
    embedding: NDArray[np.floating], labelled: LabelledSet, seed: int, method: str
) -> dict[str, dict[str, Any]]:
    """Labeling → scores of the clusters by one of ``suite.clusters.CLUSTERS``.

    ``ari_<method>`` is the ARI at the labeling's own number of kinds. The shrunk mixture has more:
    ``ari_by_k`` holds the ARI at each number of clusters around it, ``ari_mean`` is their mean,
    and other scores of agreement, of continuity in space (CHAOS, PAS, spatial silhouette, Moran's
    I as the mean over clusters of their indicators') and of separation in the embedding
    (silhouette) are those at the labeling's own number.
    """
    kinds = {name: n_kinds(truth) for name, truth in labelled.truths.items()}
    wanted = {n for k in kinds.values() for n in (around(k) if method == AROUND else [k])}
    found = CLUSTERS[method](embedding, sorted(wanted), seed)
    result: dict[str, dict[str, Any]] = {}
    for name, truth in labelled.truths.items():
        labels = found.get(kinds[name])
        scores = {f"ari_{method}": None if labels is None else metrics.ari(truth, labels)}
        if method == AROUND:
            by_k = ari_by_k(truth, found)
            scores |= {"ari_by_k": by_k, "ari_mean": float(np.mean(list(by_k.values())))}
            if labels is not None:
                scores |= _further(embedding, labelled, truth, labels)
        result[name] = scores
    return result


def own(labelled: LabelledSet, labels: NDArray[np.integer]) -> dict[str, dict[str, Any]]:
    """Labeling → ARI of the clusters that a method made itself."""
    return {n: {"own_ari": metrics.ari(truth, labels)} for n, truth in labelled.truths.items()}


def _further(
    embedding: NDArray[np.floating],
    labelled: LabelledSet,
    truth: NDArray[np.object_],
    labels: NDArray[np.integer],
) -> dict[str, float]:
    every = metrics.scores(truth, labels)
    coords = labelled.coords
    scores = {name: every[name] for name in _FURTHER}
    if len(set(labels)) > 1:
        moran = metrics.morans_i_clusters(labels, spatial_graph(coords))
        scores |= {
            "chaos": metrics.chaos(labels, coords),
            "pas": metrics.pas(labels, coords),
            "spatial_silhouette": metrics.spatial_silhouette(labels, coords),
            "morans_i": float(moran.mean()),
            "silhouette": metrics.silhouette(embedding, labels),
        }
    return scores


def lacking(row: dict[str, str], clusters: Iterable[str]) -> bool:
    """Whether a row has no probe, or no ARI by one of these clusters."""
    return not row.get("probe") or any(not row.get(f"ari_{name}") for name in clusters)
