"""Outlines of cells, as polygons of a map."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

Outlines: TypeAlias = pd.DataFrame | pd.Series | Mapping[Any, Any]
"""Vertices by cell: a table, a GeoDataFrame, or a mapping from cell to an array."""

COLUMNS = ("cell_id", "vertex_x", "vertex_y")
PART = "part"

_LINES = 5_000
"""Above this number of outlines, no lines are drawn around them: they would hide the colours."""


def polygons(
    outlines: Outlines, cells: pd.Index
) -> tuple[list[NDArray[np.float64]], NDArray[np.intp]]:
    """Outlines of cells, and the cell of each.

    Parameters
    ----------
    outlines
        As for :func:`smartcore.pl.spatial`.
    cells
        Names of the cells.

    Returns
    -------
    vertices
        Each of shape (n_vertices, 2), in the order of the cells. A cell of several parts has an
        outline for each.
    rows
        The cell of each, as its row in `cells`.

    Raises
    ------
    TypeError
        If `outlines` is no table, mapping or GeoDataFrame.
    KeyError
        If the table lacks a column; the message lists what is there.
    ValueError
        If no cell has an outline, or vertices are no finite numbers.
    """
    names, parts, vertices = _vertices(outlines)
    rows = cells.get_indexer(names)
    if not (rows >= 0).any():
        examples = f"{cells[0]!r} and {names[0]!r}" if len(cells) and len(names) else "none"
        raise ValueError(
            f"none of the {len(cells)} cells has an outline; names must be the same in both "
            f"(such as {examples})"
        )
    known = rows >= 0
    rows, parts, vertices = rows[known], parts[known], vertices[known]
    if bad := int((~np.isfinite(vertices)).any(axis=1).sum()):
        raise ValueError(f"{bad} of {len(vertices)} vertices of outlines are not finite numbers")
    order = np.lexsort((parts, rows))
    rows, parts, vertices = rows[order], parts[order], vertices[order]
    starts = np.flatnonzero((np.diff(rows) != 0) | (np.diff(parts) != 0)) + 1
    lacking = len(cells) - len(np.unique(rows))
    if lacking:
        first = cells[np.setdiff1d(np.arange(len(cells)), rows)[0]]
        warnings.warn(
            f"{lacking} of {len(cells)} cells have no outline and are not drawn (first: {first!r})",
            UserWarning,
            stacklevel=3,
        )
    return np.split(vertices, starts), rows[np.r_[0, starts]]


def _vertices(outlines: Outlines) -> tuple[pd.Index, NDArray[np.intp], NDArray[np.float64]]:
    """Cell, part and place of each vertex; vertices of a part follow each other."""
    if hasattr(outlines, "geometry"):
        return _of_geometry(outlines.geometry)
    if isinstance(outlines, pd.DataFrame):
        for column in COLUMNS:
            if column not in outlines:
                raise KeyError(
                    f"{column!r} is not in the table of outlines, which has: "
                    f"{', '.join(map(str, outlines.columns)) or 'none'}; io.read_boundaries makes "
                    "such a table"
                )
        parts = (
            pd.factorize(outlines[PART])[0]
            if PART in outlines
            else np.zeros(len(outlines), dtype=np.intp)
        )
        codes, unique = pd.factorize(outlines[COLUMNS[0]])
        names = pd.Index([_text(name) for name in unique], dtype=object)[codes]
        return names, parts, outlines[list(COLUMNS[1:])].to_numpy(np.float64, na_value=np.nan)
    if isinstance(outlines, Mapping):
        arrays = {name: np.asarray(one, dtype=np.float64) for name, one in outlines.items()}
        for name, array in arrays.items():
            if array.ndim != 2 or array.shape[1] != 2:
                raise ValueError(
                    f"the outline of {name!r} must have shape (n_vertices, 2), not {array.shape}"
                )
        lengths = [len(array) for array in arrays.values()]
        names = pd.Index([_text(name) for name in arrays], dtype=object).repeat(lengths)
        return (
            names,
            np.zeros(len(names), dtype=np.intp),
            np.concatenate([np.empty((0, 2)), *arrays.values()]),
        )
    raise TypeError(
        "outlines must be a table of vertices, a GeoDataFrame or a mapping from cell to vertices, "
        f"not {type(outlines).__name__}"
    )


def _of_geometry(geometry: Any) -> tuple[pd.Index, NDArray[np.intp], NDArray[np.float64]]:
    """Of a GeoSeries, whose index names the cells; holes are left out."""
    import shapely

    single, which = shapely.get_parts(np.asarray(geometry), return_index=True)
    vertices, ring = shapely.get_coordinates(shapely.get_exterior_ring(single), return_index=True)
    names = pd.Index([_text(name) for name in geometry.index], dtype=object)
    return names[which[ring]], ring.astype(np.intp), vertices


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def draw_outlines(
    ax: Axes, vertices: list[NDArray[np.float64]], rasterized: bool
) -> PolyCollection:
    """Draw outlines, to be coloured."""
    from matplotlib.collections import PolyCollection

    cells = PolyCollection(
        vertices,
        linewidths=0.3 if len(vertices) <= _LINES else 0.0,
        edgecolors="white" if len(vertices) <= _LINES else "none",
        rasterized=rasterized,
    )
    ax.add_collection(cells, autolim=False)
    return cells
