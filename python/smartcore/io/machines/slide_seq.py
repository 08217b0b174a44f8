"""Slide-seq: beads with their counts and places."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import scipy.sparse as sp

from smartcore.io import _coordinates
from smartcore.io._tables import as_names
from smartcore.io._tenx import is_mtx_folder, read_mtx
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._count_table import read_count_table
from smartcore.io.machines._machine import Folder, Machine
from smartcore.io.machines._placed import in_common, made

NAME = "Slide-seq"
PIXELS = "bead-image pixel"

PLACES = (
    *("BeadLocationsForR.csv", "*BeadLocationsForR.csv", "*BeadLocationsForR.csv.gz"),
    *(
        "*bead_locations.csv",
        "*bead_locations.csv.gz",
        "*bead_locations.txt",
        "*MatchedBeadLocation.csv",
    ),
)
COUNTS = (
    *("MappedDGEForR.csv", "*MappedDGEForR.csv", "*MappedDGEForR.csv.gz"),
    *(
        "*digital_expression.txt",
        "*digital_expression.txt.gz",
        "*expression*.csv",
        "*expression*.csv.gz",
    ),
)


def read(contents: Contents) -> Folder:
    """Read the beads that have counts and a place."""
    places = contents.one(*PLACES, what="places of beads")
    if contents.only is None and is_mtx_folder(contents.root):
        counts = contents.root
        matrix = read_mtx(counts)
        values, counted, genes = matrix.X, matrix.obs_names, matrix.var_names
    else:
        counts = contents.one(*COUNTS, what="counts")
        values, counted, genes = _text(counts)
    coordinates = _coordinates.read_coordinates(places)
    rows, order, sentences = in_common(
        counted, coordinates.index, counts, places, "beads", all_counted=False
    )
    adata = made(values[rows], counted[rows], genes, coordinates.to_numpy()[order, :2])
    return Folder(
        machine=NAME,
        modalities={"rna": adata},
        unit=PIXELS,
        used=(counts, places),
        left_out=tuple(sentences),
        notes=(
            "coordinates are in pixels, since no file tells how large a pixel is. It is about "
            "0.65 µm on the pucks of the published data.",
        ),
    )


def _text(path: Path) -> tuple[sp.csr_matrix, pd.Index, pd.Index]:
    """Counts, beads and genes of a table of genes × beads."""
    table = read_count_table(path, 1, "Slide-seq's counts (genes × beads)")
    beads = as_names(pd.Series(table.columns, name="beads"), str(path))
    return table.values.T.tocsr(), beads, pd.Index(table.names.iloc[:, 0].to_numpy(), dtype=object)


MACHINE = Machine(
    name=NAME,
    marks=PLACES,
    needs="MappedDGEForR.csv (or …digital_expression.txt.gz, or matrix.mtx, features.tsv and "
    "barcodes.tsv) and BeadLocationsForR.csv (or …bead_locations.csv)",
    read=read,
    folder_only=True,
)
