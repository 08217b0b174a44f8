"""Joined sections, and scores of an embedding of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from sklearn.neighbors import kneighbors_graph

import smartcore as sm

from .clusters import CLUSTERS, mclust
from .section_sets import Parts

# In steps of the grid, as the probe has it.
PROBE_RADIUS = 8
_LEAST_CEILING = 0.5


@dataclass(frozen=True)
class Joined:
    """All sections' spots: components by modality, and what they are scored against.

    ``slides`` are the batches: sections of one slide share one, else each is its own.
    """

    pcs: dict[str, np.ndarray]
    coords: np.ndarray
    sections: np.ndarray
    labels: pd.Series
    slides: np.ndarray


def joined(parts: Parts, seed: int, *, aligned: bool, batch_key: str | None = None) -> Joined:
    """The sections' spots, one section below the other; aligned within batches if named."""
    pcs = {}
    for modality in next(iter(parts.values())):
        whole = sm.pp.join_sections({name: part[modality] for name, part in parts.items()})
        step = getattr(sm.pp, modality)
        step(
            whole,
            section_key="section",
            batch_key=batch_key,
            align_sections=aligned,
            seed=seed,
        )
        pcs[modality] = whole.obsm["X_pca"]
    sections = whole.obs["section"].astype(str).to_numpy()
    labels = whole.obs["label"].reset_index(drop=True)
    slides = whole.obs["slide"].astype(str).to_numpy() if "slide" in whole.obs else sections
    return Joined(pcs, whole.obsm["spatial"], sections, labels, slides)


def clustered(z: np.ndarray, wanted: Iterable[int], by: str, seed: int) -> dict[int, np.ndarray]:
    """Clusters by number of them."""
    if by == "mclust":
        return mclust(z, wanted, seed, many_starts=True)
    return CLUSTERS[by](z, wanted, seed)


def scored(
    whole: Joined, z: np.ndarray, k: int, by: str, seed: int, numbers: Iterable[int]
) -> tuple[dict[str, Any], np.ndarray]:
    """ARI at `k` over all spots and by section, and its mean over `numbers`; and the clusters.

    Raises
    ------
    ValueError
        If there are no `k` clusters to be found.
    """
    clusters = clustered(z, sorted({k, *numbers}), by, seed)
    if k not in clusters:
        raise ValueError(f"{by} found no {k} clusters of {len(z)} spots; try other --clusters.")
    scores: dict[str, Any] = {"ari": sm.metrics.ari(whole.labels, clusters[k])}
    if found := [sm.metrics.ari(whole.labels, clusters[n]) for n in numbers if n in clusters]:
        scores["ari_mean"] = float(np.mean(found))
    sections = whole.sections
    scores["section_ari"] = dict(
        sm.metrics.section_ari(whole.labels, clusters[k], sections).dropna()
    )
    return scores, clusters[k]


def mixing(whole: Joined, z: np.ndarray) -> dict[str, float]:
    """The probe as a mean over sections, and how well several sections mix; no clusters needed."""
    probes = list(_probes(whole, z))
    scores = {"probe": float(np.mean(probes)) if probes else np.nan}
    if len(set(whole.sections)) > 1:
        graph = kneighbors_graph(z, 15, mode="distance")
        scores["ilisi"] = sm.metrics.ilisi(z, whole.sections)
        scores["graph_ilisi"] = sm.metrics.ilisi_graph(graph, whole.sections)
        scores["kbet"] = sm.metrics.kbet(z, whole.sections)
    return scores


def _probes(whole: Joined, z: np.ndarray) -> Iterator[float]:
    for name in np.unique(whole.sections):
        here = whole.sections == name
        labels, coords = whole.labels.to_numpy()[here], whole.coords[here]
        if _can_be_probed(labels, coords):
            yield sm.metrics.blocked_knn_probe(z[here], labels, coords)


def _can_be_probed(labels: np.ndarray, coords: np.ndarray) -> bool:
    """Whether there are distant spots of one kind, so that at least the labels score well."""
    step = np.median(cKDTree(coords).query(coords, 2)[0][:, 1])
    if pd.Series(labels).nunique() < 2 or np.ptp(coords, axis=0).max() <= 2 * PROBE_RADIUS * step:
        return False
    perfect = pd.get_dummies(pd.Series(labels), dtype=float).to_numpy()
    return sm.metrics.blocked_knn_probe(perfect, labels, coords) > _LEAST_CEILING


def by_label(labels: pd.Series, domains: np.ndarray) -> np.ndarray:
    """Domains by the names of the labels that they fit best, one each."""
    table = pd.crosstab(np.asarray(domains), labels.to_numpy())
    rows, columns = linear_sum_assignment(-table.to_numpy())
    names = {table.index[i]: str(table.columns[j]) for i, j in zip(rows, columns, strict=True)}
    return np.array([names.get(domain, f"other {domain}") for domain in domains])
