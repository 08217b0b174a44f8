"""Molecules held out: counts split in two halves that are independent, given what was there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from .sets import LabelledSet

_FEATURES, _COMPONENTS, _TOTAL = 2000, 30, 1e4


def thin(labelled: LabelledSet, seed: int) -> tuple[LabelledSet, NDArray[np.float32]] | None:
    """The set with half of its molecules, and components of the other half in the same space.

    Each molecule goes to either half with probability ½ (count splitting; Neufeld et al.,
    Biostatistics 25, 270 (2023)). None where there are no counts, or modalities lack spots.
    """
    counts = labelled.counts()
    if not counts or labelled.observed is not None:
        return None
    rng = np.random.default_rng(seed)
    seen: dict[str, NDArray[np.float32]] = {}
    unseen = []
    for name, adata in counts.items():
        whole = sp.csr_matrix(adata.X)
        first = whole.copy()
        first.data = rng.binomial(whole.data.astype(np.int64), 0.5).astype(np.float32)
        halves = [_normalised(name, half) for half in (first, whole - first)]
        variance = np.asarray(halves[0].power(2).mean(0) - np.square(halves[0].mean(0))).ravel()
        columns = np.argsort(variance)[::-1][:_FEATURES]
        x, y = (half[:, columns].toarray() for half in halves)
        n = min(_COMPONENTS, x.shape[1], len(x) - 1)
        pca = PCA(n, svd_solver="randomized", random_state=seed).fit(x)
        seen[name] = pca.transform(x).astype(np.float32)
        unseen.append((y - y.mean(axis=0)) @ pca.components_.T)
    size = [one / np.sqrt(np.mean(one**2)) / np.sqrt(one.shape[1]) for one in unseen]
    return replace(labelled, features=seen), np.hstack(size).astype(np.float32)


def _normalised(name: str, counts: sp.csr_matrix) -> sp.csr_matrix:
    totals = np.asarray(counts.sum(axis=1)).ravel()
    if name == "protein":
        logs = np.log1p(counts.toarray())
        return sp.csr_matrix(logs - logs.mean(axis=1, keepdims=True))
    scale = np.divide(_TOTAL, totals, out=np.zeros(len(totals)), where=totals > 0)
    scaled = sp.csr_matrix(sp.diags(scale) @ counts)
    return scaled.log1p()
