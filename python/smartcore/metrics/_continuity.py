"""How continuous domains are in the tissue: CHAOS and PAS."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ._labels import Labels
from ._tissue import Section, section_mean, split

_SLACK = 1e-6
"""Distances that differ by no more than this part are equal: lattices are subject to rounding."""

_BLOCK = 1 << 20
"""Neighbours held at a time."""

_NEEDED = "2 labelled spots"


def chaos(labels: Labels, coords: ArrayLike, sections: Labels | None = None) -> float:
    """Spatial chaos score (CHAOS): how far a spot is from the nearest of its own domain.

    Each coordinate is standardised to mean 0 and standard deviation 1 (with n - 1 in the
    denominator) over the labelled spots of a section. Each spot is linked to the nearest other
    spot of its domain; the score is the sum of the lengths of these links over the number of
    labelled spots.

    Parameters
    ----------
    labels
        Domain of each spot, shape (n_spots,). Spots without a label are left out.
    coords
        Coordinates in space, shape (n_spots, 2) or (n_spots, 3), in any unit.
    sections
        Section of each spot, shape (n_spots,); None for one section. Sections are standardised
        and scored one by one, and the result is their mean, weighted by labelled spots. A
        section with fewer than 2 labelled spots is not scored, with a warning.

    Returns
    -------
    0 or more, lower for smoother domains. It falls with the density of spots, so only labels of
    the same spots can be compared. A spot that is alone in its domain has no link and adds 0:
    very many tiny domains score low.

    Raises
    ------
    TypeError
        If `coords` is not numeric.
    ValueError
        If shapes disagree, a coordinate is not finite, no spot is labelled, a spot has no
        section, all spots of a section lie at one place, or no section has 2 labelled spots.

    References
    ----------
    Shang and Zhou, "Spatially aware dimension reduction for spatial transcriptomics",
    Nat Commun 13, 7203 (2022), as in their package SpatialPCA (``fx_CHAOS``). SDMBench
    (Yuan et al., Nat Methods 21, 712, 2024) has n in place of n - 1 and leaves out the links of
    domains of two spots.

    Examples
    --------
    >>> coords = np.column_stack([np.arange(8), np.zeros(8)])
    >>> round(chaos(list("aaaabbbb"), coords), 2), round(chaos(list("abababab"), coords), 2)
    (0.41, 0.82)
    """
    return section_mean(chaos_of, split(labels, coords, sections), _NEEDED)


def pas(
    labels: Labels,
    coords: ArrayLike,
    sections: Labels | None = None,
    *,
    n_neighbors: int = 10,
    threshold: float = 0.6,
) -> float:
    """Proportion of abnormal spots (PAS): those whose neighbours mostly have other labels.

    A spot is abnormal if its label differs from those of at least 6 of its 10 nearest spots.

    Parameters
    ----------
    labels
        Domain of each spot, shape (n_spots,). Spots without a label are left out: they are
        neither scored nor neighbours.
    coords
        Coordinates in space, shape (n_spots, 2) or (n_spots, 3), in any unit.
    sections
        Section of each spot, shape (n_spots,); None for one section. Neighbours are of the same
        section. A section with fewer than 2 labelled spots is not scored, with a warning.
    n_neighbors
        Number of nearest spots. Where a section has fewer others, all of them are taken.
    threshold
        Share of the neighbours, above 0 and at most 1, that must have another label.

    Returns
    -------
    Share of labelled spots that are abnormal, from 0 to 1; lower for smoother domains. Often
    given in percent.

    Raises
    ------
    TypeError
        If `coords` is not numeric.
    ValueError
        If shapes disagree, a coordinate is not finite, no spot is labelled, a spot has no
        section, all spots of a section lie at one place, no section has 2 labelled spots,
        `n_neighbors` is not a whole number of at least 1, or `threshold` is out of range.

    Notes
    -----
    On lattices, several spots are often equally far away where fewer places are left among the
    neighbours. These places are shared: with 2 places left and 4 equally distant spots, each of
    the 4 counts one half. The order of spots therefore does not matter. Other implementations
    take the first ones in the order of the spots and differ slightly there.

    References
    ----------
    Shang and Zhou, "Spatially aware dimension reduction for spatial transcriptomics",
    Nat Commun 13, 7203 (2022).

    Examples
    --------
    >>> coords = np.column_stack([np.arange(40), np.zeros(40)])
    >>> labels = np.repeat(["a", "b"], 20)
    >>> pas(labels, coords)
    0.0
    >>> labels[5] = "b"
    >>> pas(labels, coords)
    0.025
    """
    if n_neighbors < 1 or int(n_neighbors) != n_neighbors:
        raise ValueError(f"n_neighbors must be a whole number of at least 1, not {n_neighbors}")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
    score = partial(pas_of, n_neighbors=int(n_neighbors), threshold=threshold)
    return section_mean(score, split(labels, coords, sections), _NEEDED)


def chaos_of(section: Section) -> float:
    """`chaos` of one section; NaN for fewer than 2 spots."""
    _, points, codes = section
    if len(codes) < 2:
        return np.nan
    spread = points.std(axis=0, ddof=1)
    scaled = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    total = 0.0
    for code in np.unique(codes):
        own = scaled[codes == code]
        if len(own) > 1:
            total += cKDTree(own).query(own, k=2)[0][:, 1].sum()
    return total / len(codes)


def pas_of(section: Section, n_neighbors: int = 10, threshold: float = 0.6) -> float:
    """`pas` of one section; NaN for fewer than 2 spots."""
    _, points, codes = section
    if len(codes) < 2:
        return np.nan
    k = min(n_neighbors, len(codes) - 1)
    return float(np.mean(_n_differing(points, codes, k) >= threshold * k - _SLACK))


def _n_differing(
    points: NDArray[np.float64], codes: NDArray[np.intp], k: int
) -> NDArray[np.float64]:
    """How many of the k nearest others have another code; equal distances share the last places."""
    tree = cKDTree(points)
    result = np.empty(len(codes))
    rows = np.arange(len(codes))
    n_found = min(2 * k + 2, len(codes))
    while rows.size:
        cut_off = []
        for block in np.array_split(rows, -(-rows.size * n_found // _BLOCK)):
            distance, found = tree.query(points[block], n_found)
            farthest = distance[:, -1]
            distance[found == block[:, None]] = np.inf
            kth = np.partition(distance, k - 1, axis=1)[:, [k - 1]]
            closer = distance < kth * (1 - _SLACK)
            tied = ~closer & (distance <= kth * (1 + _SLACK))
            differs = codes[found] != codes[block, None]
            left = k - closer.sum(axis=1)
            share = (tied & differs).sum(axis=1) / tied.sum(axis=1)
            result[block] = (closer & differs).sum(axis=1) + left * share
            cut_off.append(block[farthest <= kth[:, 0] * (1 + _SLACK)])
        rows = np.concatenate(cut_off) if n_found < len(codes) else rows[:0]
        n_found = min(2 * n_found, len(codes))
    return result
