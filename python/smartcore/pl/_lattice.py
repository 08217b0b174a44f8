"""How spots are laid out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

_TOLERANCE = 0.1
"""How far off its lattice a spot may lie, in steps."""

_SAMPLE = 20_000
"""Most spots looked at to tell the layout."""


def lattice(coords: NDArray[np.float64]) -> tuple[float, bool]:
    """Width at which spots fill their layout, and whether it is an upright square lattice.

    Parameters
    ----------
    coords
        Shape (n_spots, 2). Spots at the same place count once: sections may overlap.

    Returns
    -------
    width
        Lower quartile of the distance to the fourth nearest spot: on square and hexagonal
        lattices the step, on irregular layouts about the root of the area per spot. 1 for a
        single place.
    square
        Whether nearly all neighbours within 1.2 steps lie along an axis, in both directions.
    """
    places = np.unique(coords, axis=0)
    if len(places) < 2:
        return 1.0, False
    looked = places[:: -(-len(places) // _SAMPLE)]
    # A spot and the 6 around it on a hexagonal lattice.
    distances, neighbors = cKDTree(places).query(looked, k=min(7, len(places)))
    step = float(np.median(distances[:, 1]))
    spot, nth = np.nonzero((distances > 0) & (distances < 1.2 * step))
    shift = np.abs(places[neighbors[spot, nth]] - looked[spot]) / step
    along = (np.abs(shift - [1, 0]) < _TOLERANCE).all(axis=1)
    across = (np.abs(shift - [0, 1]) < _TOLERANCE).all(axis=1)
    if (along | across).mean() > 0.9 and along.any() and across.any():
        return step, True
    # The lower quartile: spots at the border have fewer around them.
    return float(np.quantile(distances[:, min(4, len(places) - 1)], 0.25)), False
