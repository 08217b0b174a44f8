"""Vizgen MERSCOPE: cells with their counts and places."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smartcore.given.feature_types import control_features
from smartcore.io._tables import as_names
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

NAME = "MERSCOPE"

COUNTS = ("cell_by_gene.csv", "*cell_by_gene.csv", "*cell_by_gene.csv.gz")
CELLS = (
    *("cell_metadata.csv", "*cell_metadata.csv", "*cell_metadata.csv.gz"),
    "*cell_metadata.parquet",
)


def read(contents: Contents) -> Folder:
    """Read the cells that have counts and a place, in micrometres."""
    counts = contents.one(*COUNTS, what="counts")
    cells = contents.one(*CELLS, what="places of cells")
    metadata = read_cells(cells, "MERSCOPE's table of cells (cell_metadata)")
    placed = as_names(metadata.iloc[:, 0], str(cells))
    places = places_of(metadata, ("center_x", "center_y"), placed, cells)
    table = read_count_table(counts, 1, "MERSCOPE's counts (cell_by_gene: cells × genes)")
    counted = as_names(table.names.iloc[:, 0], str(counts))
    rows, order, sentences = in_common(counted, placed, counts, cells)
    features = pd.Index(table.columns, dtype=object)
    blank = control_features(features, "rna")
    obs = other_columns(metadata, [metadata.columns[0], "center_x", "center_y"])
    adata = made(
        table.values[rows][:, np.flatnonzero(~blank)],
        counted[rows],
        features[~blank],
        places[order],
        obs=obs.iloc[order],
    )
    others = contents.find("detected_transcripts.csv*", "*cell_boundaries*", "images", "*.parquet")
    others = [path for path in others if path not in (counts, cells)]
    return Folder(
        machine=NAME,
        modalities={"rna": adata},
        unit=MICROMETRES,
        used=(counts, cells),
        left_out=(
            *controls_left_out(features, blank, "barcodes that no gene has"),
            *sentences,
            *(
                [f"{', '.join(p.name for p in others)}: the counts of cells are used."]
                if others
                else []
            ),
        ),
    )


MACHINE = Machine(
    name=NAME,
    marks=("*cell_by_gene.csv", "*cell_by_gene.csv.gz"),
    needs="cell_by_gene.csv and cell_metadata.csv",
    read=read,
    folder_only=True,
)
