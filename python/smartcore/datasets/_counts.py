"""Counts of a modality, given which factors are active where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class CountModel:
    """Distribution of a modality's counts, before zero inflation.

    Means of the published set were taken per state (which of a feature's two factors is
    active); dispersions follow from variances, and from the zeros in the state without any.
    """

    prefix: str
    background: float
    spatial: float
    nonspatial: float
    dispersion: float
    background_dispersion: float
    inflated: bool


MODALITIES = {
    "rna": CountModel("gene", 0.56, 12.4, 10.6, 0.055, 9.0, True),
    "protein": CountModel("protein", 4.6, 111.8, 91.4, 0.155, 9.7, False),
    "chromatin": CountModel("chr1", 1.48, 12.0, 10.0, 0.045, 2.8, True),
}

_CHUNK = 4096
"""Spots drawn at once, so that a large grid never lies in memory as a dense matrix."""


def draw(
    model: CountModel,
    spatial: NDArray[np.float64],
    active: NDArray[np.bool_],
    features: pd.DataFrame,
    signal: float,
    zero_inflation: float,
    dispersion: float,
    rng: np.random.Generator,
) -> sparse.csr_matrix:
    """Draw the counts of one modality.

    Parameters
    ----------
    model
        The modality's distribution.
    spatial
        Activity of each spatial factor, shape (n_spots, n_factors); from 0 to 1.
    active
        Which non-spatial factors are active, shape (n_spots, n_nonspatial).
    features
        What each feature follows: columns ``spatial_factor`` and ``nonspatial_factor``.
    signal, zero_inflation, dispersion
        As in `tri_omics`.
    rng
        The modality's own stream.

    Returns
    -------
    CSR, float32, shape (n_spots, n_features).
    """
    follows = features["spatial_factor"].cat.codes.to_numpy()
    # One column more, never active: where index -1 of a feature without a factor points.
    active = np.pad(active, ((0, 0), (0, 1)))[:, features["nonspatial_factor"].to_numpy()]
    chunks = []
    for start in range(0, len(spatial), _CHUNK):
        rows = slice(start, start + _CHUNK)
        added = signal * model.spatial * spatial[rows][:, follows] + model.nonspatial * active[rows]
        counts = _negative_binomial(
            model.background + added,
            dispersion
            * (model.background_dispersion * model.background**2 + model.dispersion * added**2),
            rng,
        )
        counts[rng.random(counts.shape) < zero_inflation] = 0
        chunks.append(sparse.csr_matrix(counts, dtype=np.float32))
    return sparse.vstack(chunks, format="csr")


def _negative_binomial(
    mean: NDArray[np.float64], excess: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Counts of variance ``mean + excess``, as a Poisson of gamma rates."""
    if not excess.any():
        return rng.poisson(mean)
    return rng.poisson(rng.gamma(mean**2 / excess, excess / mean))
