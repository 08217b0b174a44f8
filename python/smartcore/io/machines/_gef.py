"""Stereo-seq's HDF5 files of counts (.gef), by bins or by cells."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.io._files import attribute, reading
from smartcore.io.machines._machine import check_version
from smartcore.io.machines._molecules import Molecules, Spots, bin_keys, bin_places

logger = logging.getLogger("smartcore")

EXPECTED = "Stereo-seq's counts (.gef: geneExp/bin…, or cellBin)"
NEWEST = (4,)

PIXEL = 0.5
"""Micrometres between neighbouring pixels of the chip, where the file says nothing else."""

_ROWS = 20_000_000
"""Counts that are in memory at a time."""


def has_cells(path: Path) -> bool:
    """Whether the counts are those of cells.

    Raises
    ------
    ValueError
        If the file is damaged, of a newer version, or holds neither.
    """
    with reading(path, EXPECTED), h5py.File(path, "r") as file:
        check_version(str(attribute(file, "version", "")), NEWEST, path, "GEF")
        if "cellBin" in file:
            return True
        if "geneExp" not in file:
            raise ValueError(f"it holds {', '.join(file) or 'nothing'}")
        return False


def resolution(path: Path) -> float:
    """Micrometres of a pixel of the chip."""
    with reading(path, EXPECTED), h5py.File(path, "r") as file:
        holders = [file, *(group["expression"] for group in file.get("geneExp", {}).values())]
        found = [float(attribute(one, "resolution", 0)) for one in holders]
    return next((nanometres / 1000 for nanometres in found if nanometres > 0), PIXEL)


def read_bins(path: Path, size: int) -> Spots:
    """Read square bins: those of the file, or made of its single pixels.

    Parameters
    ----------
    path
        A square-bin file.
    size
        Edge of the bins, in pixels.

    Raises
    ------
    ValueError
        If the file is damaged, or holds neither bins of that size nor single pixels.
    """
    with reading(path, EXPECTED), h5py.File(path, "r") as file:
        groups = file["geneExp"]
        name = f"bin{size}" if f"bin{size}" in groups else "bin1"
        if name not in groups:
            raise ValueError(
                f"it has no bins of {size} pixels, and no single pixels to make them of; it has "
                f"{', '.join(groups)}"
            )
        group = groups[name]
        table, expression = group["gene"][:], group["expression"]
        per_gene = table["count"].astype(np.int64)
        if per_gene.sum() != len(expression):
            raise ValueError(
                f"{name} has {len(expression)} counts, and its genes name {per_gene.sum()}"
            )
        logger.info("%s: reading %s (%d counts)", path, name, len(expression))
        molecules = Molecules()
        gene_of = np.repeat(np.arange(len(table), dtype=np.int32), per_gene)
        for start in range(0, len(expression), _ROWS):
            part = expression[start : start + _ROWS]
            keys = bin_keys(part["x"], part["y"], size)
            molecules.add(keys, gene_of[start : start + _ROWS], part["count"])
    keys, counts = molecules.matrix(len(table))
    corners = bin_places(keys, size)
    genes, ids = _gene_names(table)
    return Spots(
        counts=counts,
        names=pd.Index([f"{a}_{b}" for a, b in corners.tolist()], dtype=object),
        genes=genes,
        places=corners + size / 2,
        gene_ids=ids,
    )


def read_cells(path: Path) -> Spots:
    """Read the cells of a cell-bin file, each placed at its centre.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    with reading(path, EXPECTED), h5py.File(path, "r") as file:
        group = file["cellBin"]
        cells, table, expression = group["cell"][:], group["gene"][:], group["cellExp"][:]
        ends = np.cumsum(cells["geneCount"].astype(np.int64))
        starts = np.concatenate([[0], ends[:-1]])
        if len(cells) == 0 or ends[-1] != len(expression) or (cells["offset"] != starts).any():
            raise ValueError(f"its {len(cells)} cells do not match its {len(expression)} counts")
        genes, ids = _gene_names(table)
    counts = sp.csr_matrix(
        (expression["count"], expression["geneID"], np.concatenate([[0], ends])),
        shape=(len(cells), len(table)),
    )
    return Spots(
        counts=counts,
        names=pd.Index(cells["id"].astype(str), dtype=object),
        genes=genes,
        places=np.column_stack([cells["x"], cells["y"]]).astype(np.float64),
        gene_ids=ids,
    )


def _gene_names(table: NDArray[Any]) -> tuple[pd.Index, pd.Index | None]:
    """Names of genes, and their identifiers where the file has both."""
    fields = {
        name: pd.Index([text.decode() for text in table[name]], dtype=object)
        for name in ("geneName", "gene", "geneID")
        if name in (table.dtype.names or ())
    }
    if not fields:
        raise ValueError(f"its genes have no names, but {table.dtype.names}")
    names, *others = fields.values()
    if not others:
        return names, None
    return names.where(names != "", others[0]), others[0]
