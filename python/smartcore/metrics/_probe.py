"""A probe of an embedding that asks for distant spots of one kind, without clustering."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from sklearn.metrics import recall_score

from smartcore.given.aligned import aligned

from ._labels import Labels, embedded_only, encode, matrix, report_missing

GRID_STEPS = 8
"""Default radius in steps of the lattice; at 4, bare coordinates alone score highly."""

_SLACK = 1e-6
"""Relative slack on the radius: rounding must not let in spots that lie exactly on it."""


def blocked_knn_probe(
    embedding: ArrayLike,
    labels: Labels,
    coords: ArrayLike,
    *,
    radius: float | None = None,
    n_neighbors: int = 15,
    chunk_size: int = 1024,
) -> float:
    """Balanced accuracy of a vote among a spot's nearest neighbours from far away.

    Each spot takes the most frequent label among its `n_neighbors` nearest spots in the
    embedding, of which only those more than `radius` away in space may serve. Smoothness
    alone therefore earns nothing: the score asks whether distant spots of one kind lie
    together. It needs no clustering and hardly depends on seeds. The score of the
    coordinates themselves as `embedding` is its floor.

    Exact search, O(n_spots²) in time, in chunks of spots.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    labels
        Shape (n_spots,). Spots without a label neither vote nor are scored.
    coords
        Coordinates in space, shape (n_spots, 2) or (n_spots, 3). Sections must be laid out
        apart if they are to serve as far away.
    radius
        In units of `coords`; spots exactly at it are too near. None takes 8 grid steps: 8
        times the median distance to the nearest spot.
    n_neighbors
        Number of voters. A spot with fewer spots beyond the radius takes those; one with none
        is not scored, with a warning. Equal distances go by the order of the spots, equal
        votes to the label that has the nearest voter.
    chunk_size
        Spots searched at once; memory grows with ``chunk_size * n_spots``.

    Returns
    -------
    Mean over labels of the fraction of their spots that are voted right; from 0 to 1.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, `radius` is negative, `n_neighbors` below
        1, labels hold fewer than 2 kinds, coordinates coincide so that no grid step is known,
        or no spot lies beyond the radius of any other.

    Examples
    --------
    Stripes of two kinds along a line; an embedding that knows the kind scores 1.

    >>> import numpy as np
    >>> x = np.arange(80.0)
    >>> kind = (x // 10) % 2
    >>> coords = np.column_stack([x, 0 * x])
    >>> blocked_knn_probe(kind[:, None], kind, coords, n_neighbors=5)
    1.0
    >>> blocked_knn_probe(x[:, None], kind, coords, n_neighbors=5) < 0.5
    True
    """
    embedding, labels, coords = aligned(embedding=embedding, labels=labels, coords=coords)
    codes, names = encode(labels)
    embedding, codes, coords = embedded_only(embedding, codes, coords)
    points = matrix(embedding, "embedding", len(codes))
    space = matrix(coords, "coords", len(codes))
    if n_neighbors < 1:
        raise ValueError(f"n_neighbors must be at least 1, not {n_neighbors}")
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, not {chunk_size}")
    if len(names) == 1:
        raise ValueError(f"labels hold one kind only, {names[0]!r}: nothing to tell apart")
    radius = _grid_radius(space) if radius is None else float(radius)
    if not radius >= 0:
        raise ValueError(f"radius must be 0 or more, not {radius}")

    known = report_missing(codes, "labels")
    points, space, codes = points[known], space[known], codes[known]
    votes = np.empty(len(codes), dtype=np.intp)
    for start in range(0, len(codes), chunk_size):
        rows = slice(start, start + chunk_size)
        distances = cdist(points[rows], points, "sqeuclidean")
        near = cdist(space[rows], space) <= radius * (1 + _SLACK)
        distances[near] = np.inf
        votes[rows] = [_vote(row, codes, n_neighbors) for row in distances]

    scored = votes >= 0
    n_lonely = int((~scored).sum())
    if n_lonely == len(codes):
        raise ValueError(
            f"no two spots are more than radius = {radius:g} apart: take a smaller one"
        )
    if n_lonely:
        warnings.warn(
            f"{n_lonely} of {len(codes)} spots have no other beyond radius = {radius:g} "
            "and are not scored",
            stacklevel=2,
        )
    codes, votes = codes[scored], votes[scored]
    # Not balanced_accuracy_score: it warns of voted labels that no scored spot has.
    return float(recall_score(codes, votes, labels=np.unique(codes), average="macro"))


def _grid_radius(space: NDArray[np.float64]) -> float:
    if len(space) < 2:
        raise ValueError("coords holds one spot: at least 2 are needed")
    step = float(np.median(cKDTree(space).query(space, k=2)[0][:, 1]))
    if step == 0:
        raise ValueError(
            "more than half of the spots share their coordinates with another, so the grid step "
            "is unknown: give radius"
        )
    return GRID_STEPS * step


def _vote(distances: NDArray[np.float64], codes: NDArray[np.intp], n_neighbors: int) -> int:
    """Label of one spot by its nearest voters (infinite: may not vote); -1 without any."""
    k = min(n_neighbors, len(distances))
    kth = np.partition(distances, k - 1)[k - 1]
    voters = np.flatnonzero((distances <= kth) & np.isfinite(distances))
    voters = voters[np.argsort(distances[voters], kind="stable")][:k]
    if len(voters) == 0:
        return -1
    cast = codes[voters]
    counts = np.bincount(cast)
    return int(cast[np.argmax(counts[cast])])
