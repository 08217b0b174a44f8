"""Regions as QuPath's GeoJSON has them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

from smartcore.io._files import reading
from smartcore.io._outlines import shapely_module

logger = logging.getLogger("smartcore")

EXPECTED = "GeoJSON of regions, as QuPath exports it"
_AREAS = ("Polygon", "MultiPolygon")
_OBJECTS = {
    *("detection", "cell", "tile", "tmaCore", "tma_core"),
    *("PathDetectionObject", "PathCellObject"),
}
"""What QuPath keeps beside annotations; types of 0.2 among them."""


class Region(NamedTuple):
    """An area, as shapely has it, and its class or name."""

    label: str
    shape: Any


def drawn_regions(path: Path) -> list[Region]:
    """Areas with labels, in the order of the file.

    Raises
    ------
    ImportError
        If shapely is missing.
    ValueError
        If the file is no GeoJSON or has no region, all are empty, or one has neither class nor name.
    """
    shapely = shapely_module()
    with reading(path, EXPECTED):
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content if isinstance(content, list) else content.get("features", [content])
        if not all(isinstance(feature, dict) and "geometry" in feature for feature in features):
            raise ValueError("it has no features with a geometry")
    found, others, empty, nameless = [], 0, 0, []
    for number, feature in enumerate(features, 1):
        geometry, properties = feature["geometry"] or {}, feature.get("properties") or {}
        kind = properties.get("objectType") or properties.get("object_type") or feature.get("id")
        if geometry.get("type") not in _AREAS or kind in _OBJECTS:
            others += 1
            continue
        with reading(path, EXPECTED):
            shape = shapely.make_valid(shapely.from_geojson(json.dumps(geometry)))
        if shape.is_empty:
            empty += 1
            continue
        label = _label(properties)
        if label is None:
            nameless.append(number)
        else:
            found.append(Region(label, shape))
    if nameless:
        raise ValueError(
            f"{len(nameless)} regions of {path} have neither class nor name (first: feature "
            f"{nameless[0]}): give each a class in QuPath"
        )
    if empty and not found:
        raise ValueError(
            f"the regions of {path} are empty ({empty}, without corners): draw them in QuPath, and "
            "export them again"
        )
    if not found:
        raise ValueError(
            f"{path} has no region: of its {len(features)} objects none is an annotation with an area"
        )
    if others:
        logger.info("%s: %d objects that are no regions are left out", path, others)
    if empty:
        logger.warning("%s: %d regions are empty and left out", path, empty)
    return found


def _label(properties: dict[str, Any]) -> str | None:
    kind = properties.get("classification")
    if isinstance(kind, dict):
        # Derived classes are lists of names since QuPath 0.4.
        kind = kind.get("name") or ": ".join(map(str, kind.get("names") or ()))
    label = kind or properties.get("name")
    return str(label) if label else None
