"""Which columns of a table hold the names and the places of spots."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd


class Axes(NamedTuple):
    """Names by which a platform or program calls its coordinates, plainly written."""

    x: str
    y: str
    z: str | None
    source: str


PLACES = (
    Axes("pxl_col_in_fullres", "pxl_row_in_fullres", None, "Space Ranger, pixels"),
    Axes("imagecol", "imagerow", None, "Seurat, pixels"),
    Axes("x_centroid", "y_centroid", "z_centroid", "Xenium, µm"),
    Axes("centerx_global_px", "centery_global_px", None, "CosMx, pixels of the slide"),
    Axes("x_global_px", "y_global_px", None, "CosMx, pixels of the slide"),
    Axes("x_slide_mm", "y_slide_mm", None, "CosMx, mm of the slide"),
    Axes("center_x", "center_y", "center_z", "MERSCOPE, µm"),
    Axes("xcoord", "ycoord", "zcoord", "Slide-seq"),
    Axes("x_coord", "y_coord", "z_coord", "as named"),
    Axes("coord_x", "coord_y", "coord_z", "as named"),
    Axes("spatial_1", "spatial_2", "spatial_3", "as named"),
    Axes("sdimx", "sdimy", "sdimz", "Giotto"),
    Axes("x_um", "y_um", "z_um", "µm"),
    Axes("x_micron", "y_micron", "z_micron", "µm"),
    Axes("x_microns", "y_microns", "z_microns", "µm"),
    Axes("x_mm", "y_mm", "z_mm", "mm"),
    Axes("x_px", "y_px", None, "pixels"),
    Axes("x_pixel", "y_pixel", None, "pixels"),
    Axes("pixel_x", "pixel_y", None, "pixels"),
    Axes("x_position", "y_position", "z_position", "as named"),
    Axes("pos_x", "pos_y", "pos_z", "as named"),
    Axes("x_location", "y_location", "z_location", "as named"),
    Axes("x", "y", "z", "as named"),
    Axes("array_col", "array_row", None, "array positions"),
    Axes("col", "row", None, "array positions"),
    Axes("column", "row", None, "array positions"),
)
"""In order of preference: places on the slide before those on an array."""

LOCAL = Axes("centerx_local_px", "centery_local_px", None, "CosMx, pixels within a field of view")

NAMES = (
    *("barcode", "barcodes", "cell_id", "cellid", "cell", "cells", "cell_name", "spot", "spots"),
    *("spot_id", "spot_name", "entityid", "entity_id", "bead", "bead_id"),
)
WEAK_NAMES = ("id", "name", "index")
"""Names of columns that name spots, plainly written."""

TISSUE = "in_tissue"


class Columns(NamedTuple):
    """The columns of a table that count.

    Attributes
    ----------
    names
        Position of the column that names spots.
    axes
        Positions of x, y and, if any, z.
    source
        Whose columns they are, for messages.
    tissue
        Position of the column that says whether a spot lies in the tissue, if any.
    """

    names: int
    axes: tuple[int, ...]
    source: str
    tissue: int | None = None


def plain(name: object) -> str:
    """A column's name in lower case, with _ for whatever is neither letter nor digit."""
    return re.sub(r"[^0-9a-z]+", "_", str(name).strip().lower()).strip("_")


def looks_named(first: Sequence[str]) -> bool:
    """Whether the cells of a first line name columns of coordinates that are known."""
    names = {plain(name) for name in first}
    return any({one.x, one.y} <= names for one in (*PLACES, LOCAL))


def find_columns(
    table: pd.DataFrame,
    *,
    what: str,
    axes: Sequence[str] | None = None,
    names: str | None = None,
) -> Columns:
    """Find the columns of names and coordinates.

    Parameters
    ----------
    table
        With named columns.
    what
        The file, for messages.
    axes, names
        Columns as the user names them; ``None``: recognised by their names.

    Raises
    ------
    ValueError
        If there are no such columns, or several of which none is likelier.
    """
    known = [plain(name) for name in table.columns]
    tissue = known.index(TISSUE) if TISSUE in known else None
    if axes is not None:
        places = tuple(_position(table, name, what) for name in axes)
        source = "as asked for"
    else:
        places, source = _known_places(table, known, what)
    if names is not None:
        return Columns(_position(table, names, what), places, source, tissue)
    return Columns(_names_column(table, known, places, what), places, source, tissue)


def listed(table: pd.DataFrame, most: int = 30) -> str:
    """Names of a table's columns, as text."""
    names = [repr(str(name)) for name in table.columns]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _known_places(table: pd.DataFrame, known: list[str], what: str) -> tuple[tuple[int, ...], str]:
    for one in PLACES:
        if not {one.x, one.y} <= set(known):
            continue
        wanted = [axis for axis in one[:3] if axis in known]
        for axis in wanted:
            if known.count(axis) > 1:
                alike = [str(n) for n, k in zip(table.columns, known, strict=True) if k == axis]
                raise ValueError(
                    f"{what}: columns {' and '.join(map(repr, alike))} could both be meant. Name "
                    f"those of the coordinates (columns=…; --coords-columns on the command line). "
                    f"It has {listed(table)}"
                )
        return tuple(known.index(axis) for axis in wanted), one.source
    if {LOCAL.x, LOCAL.y} <= set(known):
        if "fov" in known and table.iloc[:, known.index("fov")].nunique() > 1:
            raise ValueError(
                f"{what} has places within fields of view only ({LOCAL.x}), which overlap: give a "
                "table with places on the slide (CenterX_global_px, CenterY_global_px)"
            )
        return (known.index(LOCAL.x), known.index(LOCAL.y)), LOCAL.source
    # What pandas writes of an array of coordinates.
    if known[1:] == ["0", "1"]:
        return (1, 2), "two unnamed columns"
    raise ValueError(
        f"{what}: no columns of coordinates were recognised. Call them x and y (and z), or name "
        f"them (columns=…; --coords-columns on the command line). It has {listed(table)}"
    )


def _position(table: pd.DataFrame, name: str, what: str) -> int:
    found = [i for i, column in enumerate(table.columns) if str(column) == name]
    if len(found) != 1:
        problem = "has no column" if not found else "has several columns"
        raise ValueError(f"{what} {problem} {name!r}; it has {listed(table)}")
    return found[0]


def _names_column(table: pd.DataFrame, known: list[str], places: tuple[int, ...], what: str) -> int:
    """The column of names: row names, one that is called so, or the first; a unique one of them."""
    sure = [i for i, name in enumerate(known) if name in NAMES]
    sure += [i for i, name in enumerate(known) if name in WEAK_NAMES]
    first = [0]
    # Row names come first, unless they only number the rows as R does.
    numbers = [str(i) for i in range(1, len(table) + 1)]
    if known[0] == "" and not (sure and table.iloc[:, 0].astype(str).tolist() == numbers):
        sure, first = [0, *sure], []
    candidates = [i for i in dict.fromkeys([*sure, *first]) if i not in places]
    if not candidates:
        raise ValueError(
            f"{what}: no column names the spots. Name it (names=…; --coords-names on the command "
            f"line). It has {listed(table)}"
        )
    return next((i for i in candidates if table.iloc[:, i].is_unique), candidates[0])
