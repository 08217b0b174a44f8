"""Regions drawn in QuPath as labels of spots."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io._files import existing, reading
from smartcore.io._outlines import shapely_module
from smartcore.io._pixels import in_pixels
from smartcore.pl._data import coordinates

logger = logging.getLogger("smartcore")

_EXPECTED = "GeoJSON of regions, as QuPath exports it"
_AREAS = ("Polygon", "MultiPolygon")
_OBJECTS = {"detection", "cell", "tile", "tmaCore", "PathDetectionObject", "PathCellObject"}
"""What QuPath keeps beside annotations; types of 0.2 among them."""


class _Region(NamedTuple):
    label: str
    shape: Any


def read_regions(
    path: str | Path,
    data: Any,
    *,
    spatial_key: str = _keys.SPATIAL,
    pixel_size: float | None = None,
    overlap: Literal["error", "smallest"] = "error",
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

    Returns
    -------
    pandas.Series
        Categorical, named "region", one label per spot, indexed as ``data``; missing for spots in
        no region. Spots on an outline are in the region. Categories come in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If shapely is missing.
    ValueError
        If the file is no GeoJSON or has no region, a region has neither class nor name, regions
        of different labels share spots, no spot lies in any region, or the unit is unknown.

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
    path = existing(path, _EXPECTED)
    table = _coordinates(data, spatial_key)
    coords = in_pixels(table.to_numpy(np.float64), pixel_size, data)
    regions = _regions(path)
    categories = list(dict.fromkeys(region.label for region in regions))
    codes = _codes(path, regions, categories, table.index, coords, overlap)
    if (codes < 0).all():
        raise ValueError(
            f"none of the {len(codes)} spots lies in a region of {path}: {_extents(regions, coords)}. "
            "Look at pixel_size, and at whether the regions are of this image"
        )
    logger.info("%s: %d of %d spots lie in a region", path, (codes >= 0).sum(), len(codes))
    labels = pd.Categorical.from_codes(codes, categories=categories)
    return pd.Series(labels, index=table.index, name="region")


def _coordinates(data: Any, spatial_key: str) -> pd.DataFrame:
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


def _regions(path: Path) -> list[_Region]:
    """Areas with labels, in the order of the file."""
    shapely = shapely_module()
    with reading(path, _EXPECTED):
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content if isinstance(content, list) else content.get("features", [content])
        if not all(isinstance(feature, dict) and "geometry" in feature for feature in features):
            raise ValueError("it has no features with a geometry")
    found, others, nameless = [], 0, []
    for number, feature in enumerate(features, 1):
        geometry, properties = feature["geometry"] or {}, feature.get("properties") or {}
        kind = properties.get("objectType") or properties.get("object_type") or feature.get("id")
        if geometry.get("type") not in _AREAS or kind in _OBJECTS:
            others += 1
            continue
        with reading(path, _EXPECTED):
            shape = shapely.make_valid(shapely.from_geojson(json.dumps(geometry)))
        label = _label(properties)
        if label is None:
            nameless.append(number)
        else:
            found.append(_Region(label, shape))
    if nameless:
        raise ValueError(
            f"{len(nameless)} regions of {path} have neither class nor name (first: feature "
            f"{nameless[0]}): give each a class in QuPath"
        )
    if not found:
        raise ValueError(
            f"{path} has no region: of its {len(features)} objects none is an annotation with an area"
        )
    if others:
        logger.info("%s: %d objects that are no regions are left out", path, others)
    return found


def _label(properties: dict[str, Any]) -> str | None:
    kind = properties.get("classification")
    if isinstance(kind, dict):
        # Derived classes are lists of names since QuPath 0.4.
        kind = kind.get("name") or ": ".join(map(str, kind.get("names") or ()))
    label = kind or properties.get("name")
    return str(label) if label else None


def _codes(
    path: Path,
    regions: list[_Region],
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


def _extents(regions: list[_Region], coords: NDArray[np.float64]) -> str:
    bounds = np.array([region.shape.bounds for region in regions])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    spots_low, spots_high = coords.min(axis=0), coords.max(axis=0)
    return (
        f"in pixels, regions span x {low[0]:.0f} to {high[0]:.0f}, y {low[1]:.0f} to {high[1]:.0f}, "
        f"spots x {spots_low[0]:.0f} to {spots_high[0]:.0f}, y {spots_low[1]:.0f} to "
        f"{spots_high[1]:.0f}"
    )
