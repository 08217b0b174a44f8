"""10x Visium HD: square bins, or segmented cells, of Space Ranger's ``outs`` folder."""

from __future__ import annotations

import gc
import json
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io._features import left_out_types, split_kinds
from smartcore.io._files import reading
from smartcore.io._tenx import (
    CELL_MATRICES,
    add_positions,
    matrix_in,
    read_matrix,
    read_positions,
    software_of,
    with_places,
)
from smartcore.io.machines import _polygons, visium
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import MICROMETRES, PIXELS, Choice, Folder, Machine

logger = logging.getLogger("smartcore")

NAME = "Visium HD"
CELL = "cell"

_DEFAULT = 8
_BINS = ("binned_outputs/square_*um", "square_*um")
_CELLS = ("segmented_outputs", "*cell_segmentations.geojson")
_SHAPES = ("cell_segmentations.geojson", "*cell_segmentations.geojson")


def bin_choice(text: str | int) -> int | str:
    """A size of bins in micrometres, or "cell".

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text == CELL or (isinstance(text, int) and text > 0):
        return text
    found = re.fullmatch(r"0*([1-9]\d*)( ?[uµ]m)?", str(text))
    if found is None:
        raise ValueError(
            f"bin={text!r} must be a size in micrometres, such as 8 or 16, or {CELL!r}"
        )
    return int(found[1])


def read(contents: Contents, *, bin: int | str | None = None) -> Folder:
    """Read the bins of one size, or the cells, with their places in micrometres."""
    bins, cells = _parts(contents)
    wanted = _wanted(contents, bins, cells is not None, None if bin is None else bin_choice(bin))
    sentences = [
        f"The bins of {size} µm (bin={size} reads them"
        + ("; there are millions, with hardly a count in each)." if size < _DEFAULT else ").")
        for size in bins
        if size != wanted
    ]
    if cells is not None and wanted != CELL:
        sentences.append(f"The segmented cells (bin={CELL!r} reads them).")
    if wanted == CELL and cells is not None:
        logger.info("%s: reading the segmented cells", cells.root)
        return _read_cells(cells, sentences)
    place = bins[int(wanted)]
    logger.info("%s: reading the bins of %s µm", place.root, wanted)
    return _read_bins(place, sentences)


def _parts(contents: Contents) -> tuple[dict[int, Contents], Contents | None]:
    """The folder of each size of bins, and that of the cells."""
    bins = {}
    for path in contents.find(*_BINS):
        if (size := re.fullmatch(r"square_(\d+)um", path.name)) and path.is_dir():
            bins[int(size[1])] = Contents(path)
    if not bins and contents.find("spatial/tissue_positions.parquet"):
        named = re.fullmatch(r"square_(\d+)um", contents.root.resolve().name)
        size_um = int(named[1]) if named else round(_scales(contents).get("bin_size_um", _DEFAULT))
        bins[size_um] = contents
    found = contents.find(*_CELLS)
    cells = None
    if found:
        cells = Contents(found[0]) if found[0].is_dir() else contents
    return bins, cells


def _wanted(
    contents: Contents, bins: dict[int, Contents], cells: bool, choice: int | str | None
) -> int | str:
    """Which part to read.

    Raises
    ------
    ValueError
        If it is not there, or only bins are that nobody should take without asking.
    """
    there = [f"bin={size}" for size in bins] + ([f"bin={CELL!r}"] if cells else [])
    if choice is not None:
        if choice in bins or (choice == CELL and cells):
            return choice
        raise ValueError(f"{contents.given} has no bin={choice!r}; there are {', '.join(there)}")
    named = any(place is contents for place in bins.values())
    if len(there) == 1 and (named or min(bins, default=_DEFAULT) >= _DEFAULT):
        return CELL if cells else next(iter(bins))
    if _DEFAULT in bins:
        return _DEFAULT
    raise ValueError(
        f"{contents.given} has no bins of {_DEFAULT} µm, the default: choose one of "
        f"{', '.join(there)}"
        + (
            "; those under 8 µm are millions, with hardly a count in each"
            if min(bins, default=_DEFAULT) < _DEFAULT
            else ""
        )
    )


def _read_bins(place: Contents, sentences: list[str]) -> Folder:
    matrix = matrix_in(place.root)
    positions = place.one("spatial/tissue_positions.parquet", what="positions of the bins")
    adata = add_positions(read_matrix(matrix), read_positions(positions), source=str(positions))
    adata.obsm[_keys.SPATIAL], unit, pixel_size = _scaled(adata.obsm[_keys.SPATIAL], place)
    return Folder(
        machine=NAME,
        modalities=split_kinds(adata, str(matrix)),
        unit=unit,
        pixel_size=pixel_size,
        pictures=place.root,
        used=(matrix, positions, *place.find("spatial/scalefactors_json.json")),
        left_out=(*sentences, *left_out_types(adata.var), *visium.left_out(place, matrix)),
        version=software_of(matrix),
    )


def _read_cells(place: Contents, sentences: list[str]) -> Folder:
    matrix = matrix_in(place.root, CELL_MATRICES)
    shapes = place.one(*_SHAPES, what="outlines of the cells")
    names, centres = _centres(shapes)
    table = pd.DataFrame(centres, index=names, columns=["x", "y"])
    adata = with_places(read_matrix(matrix), table, source=str(shapes))
    adata.obsm[_keys.SPATIAL], unit, pixel_size = _scaled(adata.obsm[_keys.SPATIAL], place)
    return Folder(
        machine=NAME,
        modalities=split_kinds(adata, str(matrix)),
        unit=unit,
        pixel_size=pixel_size,
        pictures=place.root,
        used=(matrix, shapes, *place.find("spatial/scalefactors_json.json")),
        left_out=(
            *sentences,
            *left_out_types(adata.var),
            "The outlines of cells and nuclei, but for the centre of each cell.",
            *visium.left_out(place, matrix),
        ),
        version=software_of(matrix),
    )


def _centres(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Barcodes and centroids of the cells."""
    with reading(path, "outlines of cells (GeoJSON of Space Ranger)"):
        features = _loaded(path)["features"]
        numbers = [int(feature["properties"]["cell_id"]) for feature in features]
        return (
            [f"cellid_{number:09d}-1" for number in numbers],
            _polygons.centroids([feature["geometry"] for feature in features]),
        )


def _loaded(path: Path) -> Any:
    # Python would look for garbage among the millions of lists again and again, which takes three
    # times as long as reading them.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with path.open("rb") as file:
            return json.load(file)
    finally:
        if collecting:
            gc.enable()


def _scaled(places: Any, place: Contents) -> tuple[NDArray[np.float64], str, float]:
    """Places in micrometres where the scale is known, else in pixels as they are.

    Returns
    -------
    The places, their unit, and the length of a pixel in it.
    """
    scale = _scales(place).get("microns_per_pixel")
    pixels = np.asarray(places, np.float64)
    return (pixels, PIXELS, 1.0) if scale is None else (pixels * scale, MICROMETRES, float(scale))


def _scales(place: Contents) -> dict[str, float]:
    path = place.maybe("spatial/scalefactors_json.json", what="scale factors")
    if path is None:
        return {}
    with reading(path, "scale factors (JSON of Space Ranger)"):
        found = {name: float(value) for name, value in json.loads(path.read_text()).items()}
        scale = found.get("microns_per_pixel", 1.0)
        if not (np.isfinite(scale) and scale > 0):
            raise ValueError(f"microns_per_pixel is {scale}")
        return found


MACHINE = Machine(
    name=NAME,
    marks=(*_BINS, *_CELLS, "spatial/tissue_positions.parquet"),
    needs="binned_outputs/square_008um (or another size) with filtered_feature_bc_matrix.h5 and "
    "spatial/tissue_positions.parquet, or segmented_outputs with "
    "filtered_feature_cell_matrix.h5 and cell_segmentations.geojson",
    read=read,
    choices=(
        Choice(
            "bin",
            bin_choice,
            "Visium HD: size of the bins in micrometres, or cell for the segmented cells "
            "(default: 8)",
            "SIZE",
        ),
    ),
)
