"""A family of simulated sections, each with one difficulty; `smartcore.datasets.tri_omics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

import smartcore as sm

SIDE = 36
N_DOMAINS = 5
EVERY = ("rna", "protein", "chromatin")

Grid = NDArray[np.intp]


def tiles(size: int, seed: int) -> Grid:
    """Domains drawn at random for tiles of `size` x `size` spots."""
    n_tiles = -(-SIDE // size)
    drawn = np.random.default_rng(seed).integers(0, N_DOMAINS, (n_tiles, n_tiles))
    return drawn.repeat(size, axis=0).repeat(size, axis=1)[:SIDE, :SIDE]


def coarse_and_fine(seed: int) -> Grid:
    """Left half: tiles of 9 x 9 spots; right half: single spots."""
    grid = tiles(9, seed)
    grid[:, SIDE // 2 :] = tiles(1, seed + 1)[:, SIDE // 2 :]
    return grid


def blind(seen: Mapping[str, str]) -> dict[str, list[str]]:
    """`unseen` of tri_omics, from the factors that each modality sees, such as ``"12"``."""
    return {
        name: [f"factor {k}" for k in range(1, N_DOMAINS) if str(k) not in kept]
        for name, kept in seen.items()
    }


SIMULATIONS: dict[str, dict[str, Any]] = {
    "sim_usual": {},
    # Noise.
    "sim_weak": {"signal": 0.12},
    "sim_lost": {"zero_inflation": 0.9, "modalities": ["rna", "chromatin"], "signal": 0.5},
    "sim_dispersed": {"dispersion": 60.0, "signal": 0.3},
    # Structure that is not spatial.
    "sim_many_states": {"n_nonspatial": 6, "p_nonspatial": 0.5, "signal": 0.5},
    "sim_no_states": {"n_nonspatial": 0, "signal": 0.06},
    # Size of domains, down to single spots.
    "sim_tiles_4": {"pattern": tiles(4, 4), "signal": 0.5},
    "sim_tiles_2": {"pattern": tiles(2, 2), "signal": 0.5},
    "sim_tiles_1": {"pattern": tiles(1, 1), "signal": 0.5},
    "sim_coarse_fine": {"pattern": coarse_and_fine(9), "signal": 0.5},
    # Gradual borders.
    "sim_border_2": {"border": 2.0},
    "sim_border_4": {"border": 4.0},
    # Modalities that see little.
    "sim_split": {"unseen": blind({"rna": "12", "protein": "3", "chromatin": "4"})},
    "sim_split_tiles_2": {
        "pattern": tiles(2, 12),
        "unseen": blind({"rna": "12", "protein": "23", "chromatin": "34"}),
    },
    "sim_blind_rna": {"unseen": blind({"rna": ""})},
    "sim_unobserved": {"signal": 0.5},
    # Number of modalities.
    "sim_rna": {"modalities": ["rna"], "signal": 0.5},
    "sim_rna_protein": {"modalities": ["rna", "protein"], "signal": 0.5},
}
"""Arguments of tri_omics by name of the set."""

UNOBSERVED = {"sim_unobserved": 0.3}
"""Share of the spots that each modality lacks."""


def simulate(name: str) -> dict[str, AnnData]:
    """Counts of a set of SIMULATIONS, with principal components."""
    seed = 100 + list(SIMULATIONS).index(name)
    preprocess: dict[str, Callable[..., Any]] = {m: getattr(sm.pp, m) for m in EVERY}
    modalities = dict(sm.datasets.tri_omics((SIDE, SIDE), seed=seed, **SIMULATIONS[name]).mod)
    missing = lacking(name, list(modalities))
    for modality, adata in modalities.items():
        kept = adata[~missing[modality]].copy()
        preprocess[modality](kept)
        pcs = np.full((adata.n_obs, kept.obsm["X_pca"].shape[1]), np.nan, np.float32)
        pcs[~missing[modality]] = kept.obsm["X_pca"]
        adata.obsm["X_pca"] = pcs
    return modalities


def lacking(name: str, modalities: list[str]) -> dict[str, NDArray[np.bool_]]:
    """Which spots each modality did not measure; every spot has one at least."""
    drawn = np.random.default_rng(7).random((SIDE * SIDE, len(modalities)))
    missing = drawn < UNOBSERVED.get(name, 0)
    missing[np.arange(len(missing)), drawn.argmax(axis=1)] = False
    return {modality: missing[:, i] for i, modality in enumerate(modalities)}
