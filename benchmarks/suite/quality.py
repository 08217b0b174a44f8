"""What tiles and approximate neighbours change: ARI beside the exact fit on the whole graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from smartcore.clustering import cluster_embedding
from smartcore.neighbors import search

from .sets import CACHE, load

SEEDS = range(3)
TILES = 8
# Few enough for a search among cells in any set.
EXACT_UP_TO = 500


def compare(name: str) -> dict[str, Any]:
    """ARI by variant, a value a seed, of a Gaussian mixture at the true number of domains."""
    features, coords, truth = _data(name)
    n = len(coords)
    variants: dict[str, tuple[dict[str, Any], int]] = {
        "exact": ({"step_spots": n}, n),
        f"{TILES} tiles": ({"step_spots": -(-n // TILES)}, n),
        "approximate neighbours": ({"step_spots": n}, EXACT_UP_TO),
        "both": ({"step_spots": -(-n // TILES)}, EXACT_UP_TO),
    }
    scores, recall = {}, {}
    for variant, (settings, exact_up_to) in variants.items():
        search.EXACT_UP_TO = exact_up_to
        scores[variant] = []
        for seed in SEEDS:
            fit = sm.integrate(features, coords, n_neighbors=4, seed=seed, **settings)
            labels = cluster_embedding(
                fit.embedding, len(np.unique(truth)), method="gmm", seed=seed
            )
            scores[variant].append(adjusted_rand_score(truth, labels))
            recall[variant] = min(fit.recall.values())
    return {"ari": scores, "recall": recall, "n_spots": n}


def _data(name: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    if name == "tri_omics_sim":
        labelled = load(name)
        return labelled.features, labelled.coords, labelled.truths["truth"].astype(str)
    file = CACHE / "grids" / "tri_omics_200.npz"
    if not file.is_file():
        mdata = sm.datasets.tri_omics((200, 200))
        for modality in mdata.mod:
            getattr(sm.pp, modality)(mdata[modality])
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            file,
            coords=mdata.obsm["spatial"],
            truth=mdata.obs["domain"].astype(str).to_numpy(dtype=str),
            **{f"x/{m}": a.obsm["X_pca"] for m, a in mdata.mod.items()},
        )
    with np.load(file) as stored:
        features = {key[2:]: stored[key] for key in stored if key.startswith("x/")}
        return features, stored["coords"], stored["truth"]
