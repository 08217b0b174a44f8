"""NanoString CosMx: cells of its flat files with their counts and places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from smartcore.given.feature_types import control_features
from smartcore.io._tables import as_names, as_numbers, read_table
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._count_table import read_count_table
from smartcore.io.machines._machine import MICROMETRES, Folder, Machine
from smartcore.io.machines._placed import (
    controls_left_out,
    in_common,
    made,
    other_columns,
    places_of,
    read_cells,
)

NAME = "CosMx"
PIXELS = "camera pixel"

COUNTS = ("*exprMat_file.csv", "*exprMat_file.csv.gz")
CELLS = ("*metadata_file.csv", "*metadata_file.csv.gz")
FIELDS = ("*fov_positions_file.csv", "*fov_positions_file.csv.gz")
PLACES = ("CenterX_global_px", "CenterY_global_px")


def read(contents: Contents) -> Folder:
    """Read the cells of all fields, with their places on the slide.

    Micrometres where the positions of the fields tell the size of a pixel, which differs between
    versions of the machine (0.12 or 0.18 µm); else pixels.
    """
    counts = contents.one(*COUNTS, what="counts")
    cells = contents.one(*CELLS, what="places of cells")
    metadata = read_cells(cells, "CosMx's table of cells (metadata_file)", ["fov", "cell_ID"])
    placed = as_names(_names(metadata), str(cells))
    places = places_of(metadata, PLACES, placed, cells)
    table = read_count_table(counts, 2, "CosMx's counts (exprMat_file: fov, cell_ID, genes)")
    if set(table.names.columns) != {"fov", "cell_ID"}:
        raise ValueError(
            f"the first two columns of {counts} should be fov and cell_ID, and are "
            f"{' and '.join(map(repr, table.names.columns))}"
        )
    outside = (table.names["cell_ID"] == "0").to_numpy(bool)
    inside = np.flatnonzero(~outside)
    counted = as_names(_names(table.names.iloc[inside]), str(counts))
    rows, order, sentences = in_common(counted, placed, counts, cells)
    features = pd.Index(table.columns, dtype=object)
    kind = _kind(metadata)
    controls = control_features(features, kind)
    factor, fields, unit_sentence = _pixel(contents)
    adata = made(
        table.values[inside[rows]][:, np.flatnonzero(~controls)],
        counted[rows],
        features[~controls],
        places[order] * (factor or 1),
        obs=other_columns(metadata, ["cell_ID", *PLACES]).iloc[order],
    )
    adata.obs["fov"] = adata.obs["fov"].astype("category")
    if outside.any():
        sentences.insert(
            0,
            f"{table.values[np.flatnonzero(outside)].sum():.0f} counts with cell_ID 0, of "
            f"{outside.sum()} fields: molecules that lie in no cell.",
        )
    return Folder(
        machine=NAME,
        modalities={kind: adata},
        unit=PIXELS if factor is None else MICROMETRES,
        used=(counts, cells, *fields),
        left_out=(
            *controls_left_out(features, controls, "negative probes and system controls"),
            *sentences,
            *_not_read(contents),
        ),
        notes=(unit_sentence,) if unit_sentence else (),
        intensities=(kind,) if kind == "protein" else (),
    )


def _names(table: pd.DataFrame) -> pd.Series:
    """Names of cells, whose numbers repeat over the fields, as Seurat and spatialdata-io make them."""
    return (table["cell_ID"] + "_" + table["fov"]).rename("cell_ID and fov")


def _kind(metadata: pd.DataFrame) -> str:
    """What the slide measured, by ``assay_type`` of newer files."""
    types = metadata.get("assay_type", pd.Series(dtype=str)).str.strip().str.lower()
    return "protein" if len(types) and (types == "protein").all() else "rna"


def _pixel(contents: Contents) -> tuple[float | None, list[Path], str]:
    """Micrometres of a pixel, the file that tells them, and what to say where none does."""
    path = contents.maybe(*FIELDS, what="positions of fields")
    columns = [f"{axis}_global_{unit}" for axis in "xy" for unit in ("px", "mm")]
    if path is not None:
        table = read_table(path, "CosMx's positions of fields (fov_positions_file)")
        if set(columns) <= set(table):
            names = pd.Index(table.iloc[:, 0].astype(str))
            x_px, x_mm, y_px, y_mm = (as_numbers(table[c], names, str(path)) for c in columns)
            pixels, millimetres = (
                np.hypot(np.ptp(x_px), np.ptp(y_px)),
                np.hypot(np.ptp(x_mm), np.ptp(y_mm)),
            )
            if pixels > 0 and millimetres > 0:
                return float(1000 * millimetres / pixels), [path], ""
    return (
        None,
        [],
        "coordinates are in pixels, since no file tells how large a pixel is (fov_positions_file "
        "with x_global_px and x_global_mm would). It is 0.12028 µm on most machines, and 0.18 µm on "
        "the first ones.",
    )


def _not_read(contents: Contents) -> list[str]:
    found = contents.find("*tx_file.csv*", "*-polygons.csv*", "CellComposite", "CellLabels")
    return [f"{', '.join(p.name for p in found)}: the counts of cells are used."] if found else []


MACHINE = Machine(
    name=NAME,
    marks=COUNTS,
    needs="…_exprMat_file.csv and …_metadata_file.csv (flat files)",
    read=read,
    folder_only=True,
)
