"""Domains as annotations of QuPath, in GeoJSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from smartcore.io._outlines import domain_outlines, shapely_module, spot_outlines
from smartcore.io._viewer_spots import Spots

logger = logging.getLogger("smartcore")

_MANY = 20_000
"""Spots from which outlines take seconds."""


def write_geojson(path: Path, spots: Spots, coords: NDArray[np.float64], *, each: bool) -> None:
    """Write an annotation for each domain and, with ``each``, a detection for each spot.

    Parameters
    ----------
    path
        The file.
    spots
        The spots.
    coords
        Their places in pixels of the full-resolution image, shape (n_spots, 2).
    each
        Whether to write every spot, too.
    """
    if len(coords) >= _MANY:
        logger.info("outlining the domains of %d spots", len(coords))
    # One feature a line, so that the text of all is never in memory.
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [\n')
        for i, feature in enumerate(_features(spots, coords, each=each)):
            file.write(",\n" if i else "")
            file.write(json.dumps(feature, allow_nan=False, ensure_ascii=False))
        file.write("\n]}\n")


def _features(spots: Spots, coords: NDArray[np.float64], *, each: bool) -> Iterator[dict[str, Any]]:
    for code, outline in enumerate(domain_outlines(coords, spots.codes, len(spots.domains))):
        if outline.is_empty:
            continue
        own = spots.codes == code
        measurements = {"spots": float(own.sum())}
        if spots.confidence is not None:
            sure = spots.confidence[own]
            sure = sure[np.isfinite(sure)]
            measurements |= _measured("mean confidence", sure.mean() if sure.size else np.nan)
        yield _feature(outline, "annotation", spots, code, spots.domains[code], measurements)
    if not each:
        return
    cells = spot_outlines(coords)
    for i, (name, cell, code) in enumerate(zip(spots.names, cells, spots.codes, strict=True)):
        confidence = np.nan if spots.confidence is None else spots.confidence[i]
        measurements = _measured("confidence", confidence)
        yield _feature(cell, "detection", spots, int(code), str(name), measurements)


def _feature(
    geometry: Any,
    kind: str,
    spots: Spots,
    code: int,
    name: str,
    measurements: dict[str, float],
) -> dict[str, Any]:
    properties: dict[str, Any] = {"objectType": kind, "name": name}
    if code >= 0:
        properties["classification"] = {
            "name": spots.domains[code],
            "color": [round(255 * part) for part in to_rgb(spots.colors[code])],
        }
    if measurements:
        properties["measurements"] = measurements
    shape = json.loads(shapely_module().to_geojson(geometry))
    return {"type": "Feature", "geometry": shape, "properties": properties}


def _measured(name: str, value: float) -> dict[str, float]:
    return {name: round(float(value), 6)} if np.isfinite(value) else {}
