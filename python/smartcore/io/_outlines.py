"""Outlines of spots and of domains: each spot's cell of the Voronoi diagram, near the spot."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi

from smartcore.pl._lattice import lattice

_REACH = 1.3
"""How far a spot reaches, relative to the corners of a usual spot's cell."""

_GREATEST_REACH = 1.5
"""The same in widths of the layout, where there are few spots and most have none beside them."""

_FINEST = 1e-3
"""What corners are rounded to, in widths of the layout."""

_SAME = 1e-6
"""Spots nearer than this, in widths of the layout, are at one place."""

_SEGMENTS = 4
"""Of a quarter of the circle around a spot at the border."""


class _Diagram(NamedTuple):
    """Cells of the Voronoi diagram of all places, in their order.

    ``place`` has the place of each spot, ``first`` a spot of each place; ``far`` says whose cell
    extends beyond ``reach``, which leads over a border.
    """

    cells: NDArray[np.object_]
    points: NDArray[np.object_]
    place: NDArray[np.intp]
    first: NDArray[np.intp]
    far: NDArray[np.bool_]
    reach: float
    width: float


def shapely_module() -> Any:
    """The package shapely.

    Raises
    ------
    ImportError
        If it is not installed; the message says how to get it.
    """
    try:
        import shapely
    except ImportError as err:
        raise ImportError(
            "outlines and regions need the package shapely: pip install 'spatialsmart[export]', or "
            "pip install 'shapely>=2.1'"
        ) from err
    return shapely


def spot_outlines(coords: NDArray[np.float64]) -> NDArray[np.object_]:
    """The area that belongs to each spot.

    It is what lies nearer to the spot than to any other, and not much farther from it than the
    corners of a usual spot's area: hexagons on a hexagonal layout, squares on a square one. Areas
    do not overlap, and gaps of the tissue stay free.

    Parameters
    ----------
    coords
        Shape (n_spots, 2), finite.

    Returns
    -------
    Polygons, shape (n_spots,). Spots at the same place have the same one.
    """
    shapely = shapely_module()
    found = _diagram(coords)
    cells, far = found.cells.copy(), found.far
    discs = shapely.buffer(found.points[far], found.reach, quad_segs=_SEGMENTS)
    cells[far] = shapely.intersection(cells[far], discs)
    cells = shapely.set_precision(cells, _FINEST * found.width)
    return shapely.orient_polygons(cells)[found.place]


def domain_outlines(
    coords: NDArray[np.float64], codes: NDArray[np.intp], n_domains: int
) -> list[Any]:
    """One polygon or multipolygon for each domain: the areas of its spots together.

    Parameters
    ----------
    coords
        Shape (n_spots, 2), finite.
    codes
        Domain of each spot, from 0 to ``n_domains`` - 1, or -1. Of spots at the same place the
        first one's counts.
    n_domains
        Number of domains.

    Returns
    -------
    Geometries, empty for domains that no spot has. Exteriors run counter-clockwise, as GeoJSON
    asks for.
    """
    shapely = shapely_module()
    cells, points, _, first, far, reach, width = _diagram(coords)
    discs = shapely.union_all(shapely.buffer(points[far], reach, quad_segs=_SEGMENTS))
    tissue = shapely.union(discs, _merged(cells[~far]))
    # Cells are merged before they are cut: their common corners are then the same to the last bit.
    whole = [_merged(cells[codes[first] == code]) for code in range(n_domains)]
    cut = shapely.intersection(np.array(whole, dtype=object), tissue)
    return [_areas(outline) for outline in shapely.set_precision(cut, _FINEST * width)]


def _diagram(coords: NDArray[np.float64]) -> _Diagram:
    shapely = shapely_module()
    grid = _SAME * lattice(coords)[0]
    coords = np.round(coords / grid) * grid
    places, first, place = np.unique(coords, axis=0, return_index=True, return_inverse=True)
    width = lattice(places)[0]
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    scaled = (places - middle) / width
    corners, cell = _corners(scaled)
    extent = np.zeros(len(places))
    np.maximum.at(extent, cell, np.linalg.norm(corners - scaled[cell], axis=1))
    reach = min(_REACH * float(np.median(extent)), _GREATEST_REACH)
    return _Diagram(
        cells=shapely.polygons(shapely.linearrings(corners * width + middle, indices=cell)),
        points=shapely.points(places),
        place=np.ravel(place),
        first=first,
        far=extent > reach,
        reach=reach * width,
        width=width,
    )


def _corners(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Corners of all cells, each cell's in order around it, and whose they are."""
    # Far around, so that the cells at the border have an end.
    radius = 4 * (1 + float(np.linalg.norm(places, axis=1).max()))
    angle = np.arange(16) * np.pi / 8
    around = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    # Not GEOS: its cells cross themselves on lattices that are rotated.
    diagram = Voronoi(np.concatenate([places, around]))
    ends = np.asarray(diagram.ridge_vertices)
    pairs = np.concatenate(
        [np.column_stack([diagram.ridge_points[:, i], ends[:, j]]) for i in (0, 1) for j in (0, 1)]
    )
    pairs = np.unique(pairs[(pairs[:, 0] < len(places)) & (pairs[:, 1] >= 0)], axis=0)
    cell, corners = pairs[:, 0].astype(np.intp), diagram.vertices[pairs[:, 1]]
    toward = corners - places[cell]
    order = np.lexsort([np.arctan2(toward[:, 1], toward[:, 0]), cell])
    return corners[order], cell[order]


def _merged(cells: NDArray[np.object_]) -> Any:
    """The union of cells of one diagram, which share their edges."""
    shapely = shapely_module()
    # The fast union takes it that edges are the same to the last bit, and is wrong where not.
    if shapely.coverage_is_valid(cells):
        return shapely.coverage_union_all(cells)
    return shapely.union_all(cells)


def _areas(outline: Any) -> Any:
    """What of a geometry has an area: cutting leaves lines and points where polygons touch."""
    shapely = shapely_module()
    # A collection may hold a multipolygon.
    parts = shapely.get_parts(shapely.get_parts(outline))
    parts = shapely.orient_polygons(parts[shapely.area(parts) > 0])
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
