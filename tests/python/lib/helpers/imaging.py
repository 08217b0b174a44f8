"""Smallest output folders of machines that image cells, or place beads and molecules."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.io import BARCODES, write_tenx

PLACES = np.column_stack([10.0 * np.arange(len(BARCODES)), 5.0 * np.arange(len(BARCODES)) ** 2])


def make_xenium(folder: Path, counts: np.ndarray) -> Path:
    """A matrix of 10x, and cells that are named by its barcodes."""
    folder.mkdir(parents=True)
    write_tenx(folder / "cell_feature_matrix.h5", counts)
    cells = pd.DataFrame({"cell_id": BARCODES, "x_centroid": PLACES[:, 0]})
    cells.assign(y_centroid=PLACES[:, 1]).to_parquet(folder / "cells.parquet")
    return folder


def make_cosmx(folder: Path, counts: np.ndarray) -> Path:
    """One field, without the size of a pixel."""
    folder.mkdir(parents=True)
    cells = pd.DataFrame({"fov": 1, "cell_ID": np.arange(1, len(counts) + 1)})
    cells.join(_table(counts)).to_csv(folder / "S1_exprMat_file.csv", index=False)
    cells[["CenterX_global_px", "CenterY_global_px"]] = PLACES
    cells.to_csv(folder / "S1_metadata_file.csv", index=False)
    return folder


def make_merscope(folder: Path, counts: np.ndarray) -> Path:
    """Two tables of the same cells."""
    folder.mkdir(parents=True)
    _table(counts).set_index(pd.Index(BARCODES, name="cell")).to_csv(folder / "cell_by_gene.csv")
    cells = pd.DataFrame(PLACES, BARCODES, ["center_x", "center_y"])
    cells.to_csv(folder / "cell_metadata.csv")
    return folder


def make_gem(path: Path, counts: np.ndarray, *, cells: bool = False) -> Path:
    """Molecules of each barcode 100 pixels from those of the next, in the file or in a folder."""
    path = path if path.name.endswith(".gem.gz") else path / "S.tissue.gem.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    spots, genes = np.nonzero(counts)
    table = pd.DataFrame({"geneID": [f"Gene{i}" for i in genes], "x": 100 * spots, "y": 7})
    table["MIDCount"] = counts[spots, genes].astype(int)
    (table.assign(CellID=spots + 1) if cells else table).to_csv(path, sep="\t", index=False)
    return path


def make_cell_gem(path: Path, counts: np.ndarray) -> Path:
    """The same, with the cell of each molecule."""
    return make_gem(path, counts, cells=True)


def make_slide_seq(folder: Path, counts: np.ndarray) -> Path:
    """Genes × beads, and the places of the beads."""
    folder.mkdir(parents=True)
    _table(counts).set_index(pd.Index(BARCODES)).T.to_csv(folder / "MappedDGEForR.csv")
    places = pd.DataFrame(PLACES, pd.Index(BARCODES, name="barcodes"), ["xcoord", "ycoord"])
    places.to_csv(folder / "BeadLocationsForR.csv")
    return folder


def _table(counts: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(counts.astype(int), columns=[f"Gene{i}" for i in range(counts.shape[1])])
