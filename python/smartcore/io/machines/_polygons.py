"""Outlines of cells and their centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def centroids(geometries: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Centroids of polygons.

    Parameters
    ----------
    geometries
        Polygons and multipolygons as GeoJSON has them; holes are ignored.

    Returns
    -------
    Array of shape (n_polygons, 2), x first: centres of area, or means of the corners where there
    is no area.

    Raises
    ------
    ValueError
        If one is something else, or has no corners.
    """
    rings, owners = [], []
    for i, geometry in enumerate(geometries):
        if not geometry:
            raise ValueError(f"outline {i + 1} is empty")
        kind, parts = geometry["type"], geometry["coordinates"]
        if kind not in ("Polygon", "MultiPolygon"):
            raise ValueError(f"outline {i + 1} is a {kind}, not a polygon")
        for polygon in [parts] if kind == "Polygon" else parts:
            rings.append(np.asarray(polygon[0], np.float64)[:, :2])
            owners.append(i)
    if not rings:
        return np.empty((0, 2))
    n = len(geometries)
    sizes = np.array([len(ring) for ring in rings])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    owner = np.array(owners)
    if (sizes == 0).any() or len(np.unique(owner)) < n:
        raise ValueError("an outline has no corners")
    corners = np.concatenate(rings)
    # About each ring's first corner: squares of places on the slide would round the areas away.
    origin = corners[starts]
    local = corners - np.repeat(origin, sizes, axis=0)
    after = np.roll(local, -1, axis=0)
    after[starts + sizes - 1] = local[starts]
    cross = local[:, 0] * after[:, 1] - after[:, 0] * local[:, 1]
    doubled = np.add.reduceat(cross, starts)
    moments = np.add.reduceat((local + after) * cross[:, None], starts) / 3
    # Rings may run either way.
    moments, doubled = moments * np.sign(doubled)[:, None], np.abs(doubled)
    area = np.bincount(owner, doubled, n)
    means = np.add.reduceat(local, starts) / sizes[:, None] + origin
    total = moments + origin * doubled[:, None]
    result = np.empty((n, 2))
    for axis in (0, 1):
        flat = np.bincount(owner, means[:, axis] * sizes, n) / np.bincount(owner, sizes, n)
        with np.errstate(invalid="ignore", divide="ignore"):
            result[:, axis] = np.where(area > 0, np.bincount(owner, total[:, axis], n) / area, flat)
    return result
