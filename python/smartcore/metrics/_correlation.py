"""Which modality an embedding follows, spot by spot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics.pairwise import euclidean_distances

from smartcore.given.aligned import align

from ._labels import matrix, numeric

_ROUNDING = 1e-7
"""Spread of distances, relative to the largest coordinate, that rounding alone may cause."""


def modality_correlation(
    embedding: ArrayLike,
    features: Mapping[str, ArrayLike],
    *,
    n_reference: int | None = 5000,
    seed: int = 0,
    chunk_size: int = 1024,
) -> pd.DataFrame:
    """Per spot, how far the embedding keeps its distances within each modality.

    For a spot, take its Euclidean distances to all other spots in the features of a modality
    (such as its principal components) and in the joint embedding: their Pearson correlation
    tells how much that modality shapes the spot's place in the embedding.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    features
        Features of each modality by name, each of shape (n_spots, n_features), dense. A row
        of NaN marks a spot that the modality lacks: its own result is NaN and it is left out
        of the others' distances.
    n_reference
        Above this number of spots, distances are taken to a random subset of this size, the
        same for every spot; None takes all spots.
    seed
        Seed of the subset.
    chunk_size
        Spots computed at once; memory grows with ``chunk_size * n_reference``.

    Returns
    -------
    Shape (n_spots, n_modalities), one column per modality, one row per spot in the order
    given; from -1 to 1. A spot's distance to itself does not take part. NaN means that the
    correlation is undefined: the spot is equally far from all others (as when all are
    alike), or the modality lacks it.

    Raises
    ------
    TypeError
        If `features` is not a mapping, or an array is sparse or not numeric.
    ValueError
        If there are no modalities, shapes disagree, some but not all values of a row are
        NaN, or fewer than 4 spots are left.

    References
    ----------
    Du et al., "SMART: spatial multi-omic aggregation using graph neural networks and metric
    learning", Nat Commun 17, 2876 (2026), Methods.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rna, protein = rng.normal(size=(50, 5)), rng.normal(size=(50, 5))
    >>> result = modality_correlation(rna, {"rna": rna, "protein": protein})
    >>> result["rna"].round(6).unique().tolist(), bool((result["protein"] < 0.9).all())
    ([1.0], True)
    """
    if not isinstance(features, Mapping):
        raise TypeError(
            f"features must map modality names to arrays, not be {type(features).__name__}"
        )
    if not features:
        raise ValueError("features holds no modality")
    if n_reference is not None and n_reference < 4:
        raise ValueError(f"n_reference must be at least 4, or None for all, not {n_reference}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
    given = align({"embedding": embedding, **{f"features[{m!r}]": x for m, x in features.items()}})
    index = embedding.index if isinstance(embedding, pd.DataFrame) else None
    joint = matrix(given["embedding"], "embedding")
    columns = {}
    for name in features:
        where = f"features[{name!r}]"
        array = numeric(given[where], where, len(joint))
        if array.ndim != 2:
            raise ValueError(f"{where} must have shape (n_spots, n_features), not {array.shape}")
        present = ~np.isnan(array).all(axis=1)
        if present.sum() < 4:
            raise ValueError(f"{where} has {present.sum()} spots: at least 4 are needed")
        column = np.full(len(joint), np.nan)
        column[present] = _correlate(
            joint[present], matrix(array[present], where), n_reference, seed, chunk_size
        )
        columns[name] = column
    return pd.DataFrame(columns, index=index)


def _correlate(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    n_reference: int | None,
    seed: int,
    chunk_size: int,
) -> NDArray[np.float64]:
    n_spots = len(first)
    reference = np.arange(n_spots)
    if n_reference is not None and n_spots > n_reference:
        rng = np.random.default_rng(seed)
        reference = np.sort(rng.choice(n_spots, n_reference, replace=False))
    first, first_noise = _prepare(first)
    second, second_noise = _prepare(second)
    result = np.empty(n_spots)
    for start in range(0, n_spots, chunk_size):
        rows = np.arange(start, min(start + chunk_size, n_spots))
        # The reference is sorted: where a spot would be, if it is there.
        place = np.searchsorted(reference, rows).clip(max=len(reference) - 1)
        own = np.flatnonzero(reference[place] == rows), place[reference[place] == rows]
        x, x_norm = _centred_distances(first[rows], first[reference], own, first_noise)
        y, y_norm = _centred_distances(second[rows], second[reference], own, second_noise)
        result[rows] = np.einsum("ij,ij->i", x, y) / x_norm / y_norm
    return np.clip(result, -1.0, 1.0)


def _prepare(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centred points, since a far origin costs distances their last digits; their rounding."""
    centred = points - points.mean(axis=0)
    extent = np.abs(centred).max()
    return centred, float(max(_ROUNDING * extent, _ROUNDING**2 * np.abs(points).max()))


def _centred_distances(
    points: NDArray[np.float64],
    reference: NDArray[np.float64],
    own: tuple[NDArray[np.intp], NDArray[np.intp]],
    noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances to others less their mean, that of a spot to itself 0; norm, NaN if constant.

    ``own`` says where a spot is its own reference.
    """
    distances = euclidean_distances(points, reference)
    distances[own] = 0.0
    n_others = np.full(len(points), len(reference))
    n_others[own[0]] -= 1
    distances -= (distances.sum(axis=1) / n_others)[:, None]
    distances[own] = 0.0
    norm = np.sqrt(np.einsum("ij,ij->i", distances, distances))
    return distances, np.where(norm > noise * np.sqrt(n_others), norm, np.nan)
