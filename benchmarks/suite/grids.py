"""Grids of any size with domains: components of two modalities, or counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

N_KINDS, N_STATES = 12, 6
_PATCH = 12.0
_ROWS = 500


def components(n_spots: int, seed: int = 0, d: int = 30) -> dict[str, NDArray]:
    """``coords`` (n_spots, 2), ``kind`` (n_spots,) and two modalities ``x/…`` (n_spots, d).

    Kinds of domains lie in patches about 12 spots wide, each kind in many places. A spot's
    components are the centre of its kind plus that of a state, at random, plus noise as strong
    as both together; all fall off with the root of the component's number.
    """
    rng = np.random.default_rng(seed)
    coords, kind = places(n_spots, rng)
    fall = 3 / np.sqrt(np.arange(1, d + 1, dtype=np.float32))
    arrays: dict[str, NDArray] = {"coords": coords, "kind": kind}
    for name in ("rna", "protein"):
        kinds = 2 * rng.standard_normal((N_KINDS, d), dtype=np.float32)
        states = rng.standard_normal((N_STATES, d), dtype=np.float32)
        x = 2 * rng.standard_normal((n_spots, d), dtype=np.float32)
        x += kinds[kind]
        x += states[rng.integers(0, N_STATES, n_spots)]
        x *= fall
        arrays[f"x/{name}"] = x
    return arrays


def counts(
    n_spots: int, n_genes: int = 20_000, n_proteins: int = 30, seed: int = 0
) -> tuple[NDArray, NDArray, dict[str, sp.csr_matrix]]:
    """Coordinates, kinds and Poisson counts: 2,000 genes and most proteins follow the kinds."""
    rng = np.random.default_rng(seed)
    coords, kind = places(n_spots, rng)
    found = {}
    for name, n, mean, following in (
        ("rna", n_genes, 0.1, min(2000, n_genes)),
        ("protein", n_proteins, 40.0, max(1, n_proteins - 5)),
    ):
        level = mean * rng.lognormal(sigma=1, size=n)
        profile = np.tile(level, (N_KINDS, 1))
        profile[:, :following] *= rng.lognormal(sigma=0.7, size=(N_KINDS, following))
        depth = rng.lognormal(sigma=0.4, size=n_spots)
        blocks = [
            sp.csr_matrix(rng.poisson(depth[rows, None] * profile[kind[rows]]), dtype=np.float32)
            for rows in np.array_split(np.arange(n_spots), max(1, n_spots // _ROWS))
        ]
        found[name] = sp.vstack(blocks, format="csr")
    return coords, kind, found


def places(n_spots: int, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """A square grid, its last row perhaps unfinished, and the kind of the strongest field."""
    side = int(np.ceil(np.sqrt(n_spots)))
    strongest = np.full((side, side), -np.inf)
    kind = np.zeros((side, side), np.intp)
    for i in range(N_KINDS):
        field = gaussian_filter(rng.standard_normal((side, side)), _PATCH, mode="wrap")
        kind[field > strongest] = i
        strongest = np.maximum(strongest, field)
    coords = np.argwhere(np.ones((side, side), bool))[:n_spots].astype(float)
    return coords, kind.ravel()[:n_spots]
