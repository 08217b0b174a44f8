"""Regions drawn in QuPath as labels of spots."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io._drawn import EXPECTED, Region, drawn_regions
from smartcore.io._files import existing
from smartcore.io._outlines import shapely_module
from smartcore.io._pixels import in_pixels
from smartcore.io._viewer_spots import noted_sections, rows_of_sections
from smartcore.pl._data import coordinates

logger = logging.getLogger("smartcore")


def read_regions(
    path: str | Path,
    data: Any,
    *,
    spatial_key: str = _keys.SPATIAL,
    pixel_size: float | None = None,
    overlap: Literal["error", "smallest"] = "error",
    section_key: str | None = None,
    section: str | None = None,
) -> pd.Series:
    """Label spots by the regions that somebody drew in QuPath.

    Export them there by File, Export objects as GeoJSON. The label of a region is its class or,
    where it has none, its name. Annotations with an area count; cells and detections, lines and
    points are left out, which a log message counts.

    Parameters
    ----------
    path
        The GeoJSON file: a FeatureCollection, a list of features, or one feature.
    data
        AnnData or MuData with coordinates; or the coordinates themselves, as a DataFrame with
        columns x and y (:func:`read_coordinates` gives such) or an array of shape (n_spots, 2).
    spatial_key
        Key in ``obsm`` of the coordinates.
    pixel_size
        Length of a pixel of the image in the unit of the coordinates: micrometres per pixel where
        these are in micrometres, 1 where they are pixels of the full-resolution image. None: 1
        for data of Space Ranger, an error for others.
    overlap
        What becomes of a spot in regions of different labels: ``"error"``, or ``"smallest"``, the
        label of the region of the smallest area, for regions drawn within others.
    section_key
        Column of ``obs`` with the section of each spot, where ``data`` has several.
    section
        The section whose image the regions were drawn on: only its spots get labels.

    Returns
    -------
    pandas.Series
        Categorical, named "region", one label per spot, indexed as ``data``; missing for spots in
        no region, and for those of other sections. Spots on an outline are in the region.
        Categories come in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If shapely is missing.
    TypeError
        If ``data`` is a list or dict of sections.
    KeyError
        If there are no coordinates, or no column ``section_key``.
    ValueError
        If the file is no GeoJSON or has no region, a region has neither class nor name, regions
        of different labels share spots, no spot lies in any region, the unit is unknown, or
        ``data`` has several sections and ``section_key`` and ``section`` do not name one of them.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> square = [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]]
    >>> region = {
    ...     "type": "Feature",
    ...     "geometry": {"type": "Polygon", "coordinates": square},
    ...     "properties": {"objectType": "annotation", "classification": {"name": "Tumor"}},
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "drawn.geojson"
    ...     _ = path.write_text(json.dumps(region))
    ...     io.read_regions(path, [[1, 1], [9, 9]], pixel_size=1).tolist()
    ['Tumor', nan]
    """
    if overlap not in ("error", "smallest"):
        raise ValueError(f"overlap must be 'error' or 'smallest', not {overlap!r}")
    path = existing(path, EXPECTED)
    table = _coordinates(data, spatial_key)
    own = _rows(data, len(table), section_key, section)
    coords = in_pixels(table.to_numpy(np.float64), pixel_size, data)[own]
    regions = drawn_regions(path)
    categories = list(dict.fromkeys(region.label for region in regions))
    codes = np.full(len(table), -1)
    codes[own] = _codes(path, regions, categories, table.index[own], coords, overlap)
    if (codes < 0).all():
        raise ValueError(
            f"none of the {len(own)} spots{f' of section {section!r}' if section else ''} lies in a "
            f"region of {path}: {_extents(regions, coords)}. Look at pixel_size, and at whether the "
            "regions are of this image"
        )
    logger.info("%s: %d of %d spots lie in a region", path, (codes >= 0).sum(), len(own))
    labels = pd.Categorical.from_codes(codes, categories=categories)
    return pd.Series(labels, index=table.index, name="region")


def _rows(
    data: Any, n_spots: int, section_key: str | None, section: str | None
) -> NDArray[np.intp]:
    """Spots that may lie in regions: those of one section."""
    if section_key is None:
        if section is not None:
            raise ValueError(
                f"section={section!r} needs section_key, the column of obs with the section of "
                "each spot"
            )
        column, names = noted_sections(data) if hasattr(data, "obsm") else ("", [])
        if names:
            raise ValueError(_one_of(column, names))
        return np.arange(n_spots)
    if not hasattr(data, "obsm"):
        raise TypeError(
            f"section_key is for AnnData and MuData, not {type(data).__name__}: give the "
            "coordinates of one section alone"
        )
    rows = rows_of_sections(data, section_key)
    if section is None and len(rows) == 1:
        return np.arange(n_spots)
    if section is None or str(section) not in rows:
        missing = "" if section is None else f"there is no section {section!r}: "
        raise ValueError(missing + _one_of(section_key, list(rows)))
    return rows[str(section)]


def _one_of(column: str, names: list[str]) -> str:
    there = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return (
        f"obs[{column!r}] has the sections {there}, and regions are of one image: give "
        f"section_key={column!r} and section={names[0]!r}, or whichever the regions were drawn on"
    )


def _coordinates(data: Any, spatial_key: str) -> pd.DataFrame:
    several = isinstance(data, Sequence) and any(
        hasattr(part, "obsm") or getattr(part, "ndim", 1) > 1 for part in data
    )
    if several or (isinstance(data, Mapping) and not hasattr(data, "obsm")):
        raise TypeError(
            f"regions are of one image, and data is a {type(data).__name__} of sections: give one "
            "section at a time"
        )
    if isinstance(data, pd.DataFrame):
        if not {"x", "y"} <= set(data.columns):
            raise ValueError(f"coordinates need columns x and y; they have {list(data.columns)}")
        table = data[["x", "y"]]
    elif hasattr(data, "obsm"):
        table = pd.DataFrame(coordinates(data, spatial_key)[:, :2], index=data.obs_names)
    else:
        array = np.asarray(data, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] < 2:
            raise ValueError(f"coordinates must be of shape (n_spots, 2), not {array.shape}")
        table = pd.DataFrame(array[:, :2])
    if bad := int((~np.isfinite(table.to_numpy(np.float64)).all(axis=1)).sum()):
        raise ValueError(f"coordinates of {bad} of {len(table)} spots are missing or not finite")
    return table


def _codes(
    path: Path,
    regions: list[Region],
    categories: list[str],
    names: pd.Index,
    coords: NDArray[np.float64],
    overlap: str,
) -> NDArray[np.intp]:
    """Index into ``categories`` of each spot, -1 in none."""
    shapely = shapely_module()
    tree = shapely.STRtree(shapely.points(coords))
    codes = np.full(len(coords), -1)
    # The largest first, so that the smallest has the last word.
    by_size = sorted(regions, key=lambda region: -region.shape.area)
    shared: dict[int, set[str]] = {}
    for region in by_size:
        code = categories.index(region.label)
        spots = tree.query(region.shape, predicate="intersects")
        for spot in spots[(codes[spots] >= 0) & (codes[spots] != code)]:
            shared.setdefault(int(spot), {categories[codes[spot]]}).add(region.label)
        codes[spots] = code
    if shared and overlap == "error":
        first = min(shared)
        raise ValueError(
            f"{len(shared)} spots lie in regions of different labels of {path} (first: "
            f"{names[first]!r}, in {' and '.join(sorted(shared[first]))}). Draw them apart, or take "
            "overlap='smallest' for the label of the smallest region around a spot"
        )
    return codes


def _extents(regions: list[Region], coords: NDArray[np.float64]) -> str:
    bounds = np.array([region.shape.bounds for region in regions])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    spots_low, spots_high = coords.min(axis=0), coords.max(axis=0)
    return (
        f"in pixels, regions span x {low[0]:.0f} to {high[0]:.0f}, y {low[1]:.0f} to {high[1]:.0f}, "
        f"spots x {spots_low[0]:.0f} to {spots_high[0]:.0f}, y {spots_low[1]:.0f} to "
        f"{spots_high[1]:.0f}"
    )
