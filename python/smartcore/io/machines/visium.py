"""10x Visium: spots of Space Ranger's ``outs`` folder, of one section or of several."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.io._features import left_out_types, split_kinds
from smartcore.io._tables import read_table
from smartcore.io._tenx import (
    add_positions,
    matrix_in,
    other_matrices,
    read_matrix,
    read_positions,
    software_of,
)
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import PIXELS, Folder, Machine

logger = logging.getLogger("smartcore")

NAME = "Visium"

_ONE = (
    "spatial/tissue_positions.csv",
    "spatial/tissue_positions_list.csv",
    "spatial/*tissue_positions*.csv*",
    "*tissue_positions*.csv*",
)
_SEVERAL = ("*aggr_tissue_positions*.csv*",)


def read(contents: Contents) -> Folder:
    """Read the spots, their counts and their places in pixels of the full-resolution image."""
    matrix = matrix_in(contents.root)
    joined = contents.maybe(*_SEVERAL, what="positions")
    positions = joined or contents.one(*_ONE, what="positions of the spots")
    adata = add_positions(read_matrix(matrix), read_positions(positions), source=str(positions))
    used, key = [matrix, positions], None
    if joined is not None:
        table = contents.one("*aggregation*.csv*", what="table of the joined sections")
        _add_sections(adata, table)
        used, key = [*used, table], _keys.SECTION
    return Folder(
        machine=NAME,
        modalities=split_kinds(adata, str(matrix), untyped="rna"),
        unit=PIXELS,
        pixel_size=1.0,
        pictures=contents.root,
        used=tuple(used),
        left_out=(*left_out_types(adata.var), *left_out(contents, matrix)),
        version=software_of(matrix),
        section_key=key,
    )


def left_out(contents: Contents, matrix: Path) -> tuple[str, ...]:
    """What of an ``outs`` folder was not read, and why."""
    sentences = []
    if others := other_matrices(matrix):
        sentences.append(f"{', '.join(others)}, because {matrix.name} is there.")
    if contents.find("analysis"):
        sentences.append("The clusters and projections in analysis/, which SMART does not use.")
    return tuple(sentences)


def _add_sections(adata: AnnData, path: Path) -> None:
    """Name the section of each spot, which the number at the end of its barcode tells.

    Raises
    ------
    ValueError
        If a barcode has another number than the table has rows.
    """
    expected = "Space Ranger's table of joined sections (column library_id)"
    table = read_table(path, expected)
    column = next((name for name in ("library_id", "sample_id") if name in table), None)
    if column is None:
        raise ValueError(f"{path} is not {expected}; it has {', '.join(map(str, table.columns))}")
    names = [str(name) for name in table[column]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(
            f"{path}: two sections have the {column} {twice!r}; give each a name of its own"
        )
    numbers = pd.to_numeric(adata.obs_names.str.rpartition("-").get_level_values(2), "coerce")
    bad = ~numbers.isin(range(1, len(names) + 1))
    if bad.any():
        raise ValueError(
            f"{path} has {len(names)} sections, but {bad.sum()} of {len(bad)} barcodes do not end "
            f"in a number from 1 to {len(names)} (first: {adata.obs_names[bad][0]!r})"
        )
    codes = numbers.astype(int) - 1
    adata.obs[_keys.SECTION] = pd.Categorical.from_codes(codes, names)
    logger.info("%s: %d sections: %s", path, len(names), ", ".join(names))


MACHINE = Machine(
    name=NAME,
    marks=("spatial/tissue_positions*.csv", "*tissue_positions*.csv*", "spatial"),
    needs="filtered_feature_bc_matrix.h5 (or the folder of that name, or raw_feature_bc_matrix) "
    "with spatial/tissue_positions.csv or spatial/tissue_positions_list.csv",
    read=read,
    unless=(
        *("binned_outputs", "square_*um", "spatial/tissue_positions.parquet"),
        *("segmented_outputs", "*cell_segmentations.geojson"),
    ),
)
