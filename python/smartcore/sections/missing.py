"""Spots that one modality did not measure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors


def fill_missing(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    n_neighbors: int = 15,
) -> dict[str, NDArray[np.float32]]:
    """Fill rows that a modality lacks from spots alike in the modalities they share.

    A missing row becomes the mean over the ``n_neighbors`` nearest spots that have the modality,
    near in all that the spot itself was measured in, each modality at root mean square 1. The
    filled rows serve as input alone: no target of the reconstruction, no triplet.

    Parameters
    ----------
    features
        Modality → (n_spots, d).
    observed
        Modality → (n_spots,); False where the row is missing. Every spot has a modality.
    n_neighbors
        Spots averaged; fewer where fewer are there.

    Returns
    -------
    As ``features``, complete. Where no spot shares a modality with the one that lacks another,
    the row becomes the modality's mean, with a warning.
    """
    names = list(features)
    has = np.column_stack([observed[name] for name in names])
    if has.all():
        return dict(features)
    filled = {name: features[name].copy() for name in names}
    alike = np.empty((len(has), 0), np.float32)
    columns: list[NDArray[np.intp]] = []
    for i, name in enumerate(names):
        rows = features[name][has[:, i]]
        center, spread = rows.mean(axis=0), np.sqrt(np.mean(rows.var(axis=0)))
        width = alike.shape[1]
        alike = np.hstack([alike, (features[name] - center) / (spread or 1)])
        columns.append(np.arange(width, alike.shape[1]))
    for pattern in np.unique(has[~has.all(axis=1)], axis=0):
        wanting = np.flatnonzero((has == pattern).all(axis=1))
        for i in np.flatnonzero(~pattern):
            name = names[i]
            shared = (has & pattern).sum(axis=1) * has[:, i]
            if not shared.any():
                warnings.warn(
                    f"{len(wanting)} spots lack {name!r}, and no spot with {name!r} shares a "
                    "modality with them "
                    f"({', '.join(names[j] for j in np.flatnonzero(pattern))}): the mean of "
                    f"{name!r} stands in.",
                    stacklevel=5,
                )
                filled[name][wanting] = features[name][has[:, i]].mean(axis=0)
                continue
            # Donors share as many modalities as can be had, and all of them the same.
            donors = np.flatnonzero(shared == shared.max())
            in_common, member = np.unique(has[donors] & pattern, axis=0, return_inverse=True)
            most = np.bincount(member.ravel()).argmax()
            donors = donors[member.ravel() == most]
            known = np.concatenate([columns[j] for j in np.flatnonzero(in_common[most])])
            search = NearestNeighbors(n_neighbors=min(n_neighbors, len(donors)))
            search.fit(alike[np.ix_(donors, known)])
            near = donors[search.kneighbors(alike[np.ix_(wanting, known)], return_distance=False)]
            filled[name][wanting] = features[name][near].mean(axis=1)
    return filled
