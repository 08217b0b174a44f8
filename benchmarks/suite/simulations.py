"""Families of simulated sections, each with one difficulty; `smartcore.datasets.tri_omics`.

The default was chosen with sight of SIMULATIONS. HELD_OUT is for asking how the choice fares:
its layouts, patterns and amounts of noise are others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def cells_of(
    n_cells: int, n_domains: int, seed: int, shape: tuple[int, int] = (SIDE, SIDE)
) -> Grid:
    """Voronoi cells around random places, each of a random domain; every domain has one."""
    rng = np.random.default_rng(seed)
    places = rng.random((n_cells, 2)) * shape
    domains = np.r_[np.arange(n_domains), rng.integers(0, n_domains, n_cells - n_domains)]
    spots = np.stack(np.indices(shape), axis=-1)[:, :, None]
    return domains[((spots - places) ** 2).sum(axis=-1).argmin(axis=-1)]


def layers(widths: Sequence[int]) -> Grid:
    """Bands from top to bottom, of so many rows each, whose borders are waves."""
    rows, columns = np.indices((sum(widths), SIDE))
    depth = rows + 3 * np.sin(2 * np.pi * columns / SIDE)
    return np.searchsorted(np.cumsum(widths)[:-1], depth, side="right")


def rare(seed: int) -> Grid:
    """Voronoi cells of four domains, and a fifth of 16 spots in four places."""
    grid = cells_of(12, 4, seed)
    for row, column in ((5, 8), (10, 27), (22, 15), (30, 30)):
        grid[row : row + 2, column : column + 2] = 4
    return grid


HELD_OUT: dict[str, dict[str, Any]] = {
    "new_usual": {},
    # Patterns.
    "new_layers": {"pattern": layers([8, 3, 5, 4, 9, 4, 3]), "signal": 0.5},
    "new_cells_8": {"pattern": cells_of(25, 8, 1), "signal": 0.5},
    "new_rare": {"pattern": rare(2), "signal": 0.5},
    "new_tiles_3": {"pattern": tiles(3, 3), "signal": 0.4},
    "new_stripes": {"pattern": np.tile([0, 1, 0, 2], (SIDE, SIDE // 4)), "signal": 0.4},
    # Layouts and numbers of spots.
    "new_hexagonal": {"pattern": cells_of(15, 5, 4), "signal": 0.4},
    "new_irregular": {"pattern": cells_of(15, 5, 5), "signal": 0.4},
    "new_oblong": {"shape": (60, 24), "signal": 0.5},
    "new_few_spots": {"shape": (18, 18), "signal": 0.5},
    "new_many_spots": {"shape": (72, 72), "signal": 0.3},
    # Noise.
    "new_sparse": {"zero_inflation": 0.8, "modalities": ["rna", "chromatin"], "signal": 0.6},
    "new_dispersed": {"dispersion": 20.0, "signal": 0.25},
    "new_states": {"n_nonspatial": 10, "p_nonspatial": 0.3, "signal": 0.4},
    # Gradual borders.
    "new_border_1": {"pattern": tiles(6, 6), "border": 1.0, "signal": 0.5},
    "new_border_3": {"pattern": cells_of(10, 5, 7), "border": 3.0},
    # Modalities that see little.
    "new_split": {
        "modalities": ["rna", "protein"],
        "unseen": blind({"rna": "13", "protein": "24"}),
        "signal": 0.5,
    },
    "new_one_sees": {"unseen": blind({"protein": "", "chromatin": ""}), "signal": 0.7},
    "new_unobserved": {"pattern": cells_of(15, 5, 8), "signal": 0.5},
    # Number of modalities and features.
    "new_protein": {"modalities": ["protein"], "signal": 0.3},
    "new_chromatin": {"modalities": ["chromatin"], "signal": 0.5},
    "new_few_proteins": {"modalities": ["rna", "protein"], "n_proteins": 12, "signal": 0.5},
}
"""Arguments of tri_omics by name of the set."""

UNOBSERVED = {"sim_unobserved": 0.3, "new_unobserved": 0.5}
"""Share of the spots that each modality lacks."""


def simulate(name: str) -> dict[str, AnnData]:
    """Counts of a set of SIMULATIONS or HELD_OUT, with principal components."""
    family, first_seed = (SIMULATIONS, 100) if name in SIMULATIONS else (HELD_OUT, 500)
    seed = first_seed + list(family).index(name)
    preprocess: dict[str, Callable[..., Any]] = {m: getattr(sm.pp, m) for m in EVERY}
    options = {"shape": (SIDE, SIDE)} | family[name]
    modalities = dict(sm.datasets.tri_omics(seed=seed, **options).mod)
    first = next(iter(modalities.values()))
    places = _places(name, first.obsm["spatial"])
    missing = lacking(name, list(modalities), first.n_obs)
    for modality, adata in modalities.items():
        adata.obsm["spatial"] = places
        kept = adata[~missing[modality]].copy()
        preprocess[modality](kept)
        pcs = np.full((adata.n_obs, kept.obsm["X_pca"].shape[1]), np.nan, np.float32)
        pcs[~missing[modality]] = kept.obsm["X_pca"]
        adata.obsm["X_pca"] = pcs
    return modalities


def _places(name: str, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of the spots, of columns and rows."""
    if name == "new_hexagonal":
        return np.column_stack([grid[:, 0] + 0.5 * (grid[:, 1] % 2), grid[:, 1] * np.sqrt(3) / 2])
    if name == "new_irregular":
        return grid + np.random.default_rng(5).uniform(-0.45, 0.45, grid.shape)
    return grid


def lacking(name: str, modalities: list[str], n_spots: int) -> dict[str, NDArray[np.bool_]]:
    """Which spots each modality did not measure; every spot has one at least."""
    drawn = np.random.default_rng(7).random((n_spots, len(modalities)))
    missing = drawn < UNOBSERVED.get(name, 0)
    missing[np.arange(len(missing)), drawn.argmax(axis=1)] = False
    return {modality: missing[:, i] for i, modality in enumerate(modalities)}
