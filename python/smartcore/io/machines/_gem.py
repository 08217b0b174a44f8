"""Stereo-seq's text files of molecules (.gem), added up for bins or cells."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smartcore.io._files import reading
from smartcore.io.machines._count_table import opened
from smartcore.io.machines._molecules import Molecules, Spots, bin_keys, bin_places

logger = logging.getLogger("smartcore")

EXPECTED = "Stereo-seq's molecules (.gem: geneID, x, y, MIDCount)"

_GENES = ("geneID", "gene", "geneName")
_COUNTS = ("MIDCount", "MIDCounts", "UMICount", "UMICounts", "count")
_CELLS = ("CellID", "cell_id", "cell", "label", "cell_label")

_ROWS = 2_000_000
"""Molecules that are in memory at a time."""


@dataclass(frozen=True)
class Header:
    """The beginning of a file.

    Attributes
    ----------
    comments
        What the lines with # say.
    n_lines
        Lines above the molecules.
    columns
        Names of the columns.
    """

    comments: dict[str, str]
    n_lines: int
    columns: tuple[str, ...]

    def column(self, names: tuple[str, ...]) -> str | None:
        """The first of the names that is a column's, in any case of its letters."""
        known = {column.lower(): column for column in self.columns}
        return next((known[name.lower()] for name in names if name.lower() in known), None)

    @property
    def cells(self) -> str | None:
        """The column that says in which cell a molecule lies."""
        return self.column(_CELLS)


def header_of(path: Path) -> Header:
    """Read the lines above the molecules.

    Raises
    ------
    ValueError
        If the file is damaged, or lacks columns.
    """
    comments: dict[str, str] = {}
    with reading(path, EXPECTED), opened(path) as file:
        n_lines = 0
        for line in file:
            n_lines += 1
            text = line.decode().rstrip("\r\n")
            if not text.startswith("#"):
                break
            name, _, value = text[1:].partition("=")
            comments[name.strip()] = value.strip()
        else:
            raise ValueError("it has no line that names its columns")
        header = Header(comments, n_lines, tuple(text.split("\t")))
        wanted = {"geneID": _GENES, "x": ("x",), "y": ("y",), "MIDCount": _COUNTS}
        if missing := [name for name, names in wanted.items() if header.column(names) is None]:
            raise ValueError(
                f"it has no column {' or '.join(missing)}, but {', '.join(header.columns)}"
            )
        size = header.comments.get("BinSize", "1")
        if size != "1":
            raise ValueError(
                f"its molecules are in bins of {size} pixels already, not in single ones"
            )
    return header


def read_gem(path: Path, bin_size: int | None) -> Spots:
    """Add up the molecules of a file.

    Parameters
    ----------
    path
        The file, packed (gzip) or not.
    bin_size
        Edge of the square bins, in pixels; ``None``: one spot a cell, placed at the mean of its
        molecules.

    Raises
    ------
    ValueError
        If the file is damaged or cut short, or lacks columns; the message names it.
    """
    header = header_of(path)
    gene, count = header.column(_GENES), header.column(_COUNTS)
    x, y = header.column(("x",)), header.column(("y",))
    label = header.column(("geneName",)) if gene != header.column(("geneName",)) else None
    cell = header.cells if bin_size is None else None
    wanted = [name for name in (gene, label, x, y, count, cell) if name is not None]
    kinds = {gene: "category", label: "category", x: np.int64, y: np.int64, count: np.int64}
    logger.info("%s: adding up molecules (%.1f MB)", path, path.stat().st_size / 1e6)
    molecules, moments = Molecules(), Molecules()
    genes: dict[str, int] = {}
    labels: dict[str, str] = {}
    n_read = n_outside = 0
    with reading(path, EXPECTED), opened(path) as file:
        for table in pd.read_csv(
            file,
            sep="\t",
            skiprows=header.n_lines,
            names=list(header.columns),
            usecols=wanted,
            dtype={k: v for k, v in kinds.items() if k is not None}
            | ({} if cell is None else {cell: np.int64}),
            chunksize=_ROWS,
            keep_default_na=False,
        ):
            n_read += len(table)
            if label is not None:
                pairs = table[[gene, label]].drop_duplicates()
                labels.update(zip(pairs[gene].astype(str), pairs[label].astype(str), strict=True))
            if cell is not None:
                inside = (table[cell] > 0).to_numpy()
                n_outside += int(table.loc[~inside, count].sum())
                table = table[inside]
            known = [genes.setdefault(str(name), len(genes)) for name in table[gene].cat.categories]
            columns = np.array(known, np.int32)[table[gene].cat.codes.to_numpy()]
            values = table[count].to_numpy()
            across, along = table[x].to_numpy(), table[y].to_numpy()
            keys = table[cell].to_numpy() if bin_size is None else bin_keys(across, along, bin_size)
            molecules.add(keys, columns, values)
            if bin_size is None:
                for axis, place in enumerate((across, along, np.ones_like(values))):
                    moments.add(keys, np.full(len(keys), axis, np.int32), place * values)
            logger.info("%s: %d molecules read", path, n_read)
    return _spots(molecules, moments, genes, labels, bin_size, n_outside)


def _spots(
    molecules: Molecules,
    moments: Molecules,
    genes: dict[str, int],
    labels: dict[str, str],
    bin_size: int | None,
    n_outside: int,
) -> Spots:
    keys, counts = molecules.matrix(len(genes))
    ids = pd.Index(list(genes), dtype=object)
    if bin_size is None:
        _, sums = moments.matrix(3)
        dense = sums.toarray().astype(np.float64)
        places = dense[:, :2] / dense[:, 2:]
        names = pd.Index(keys.astype(str), dtype=object)
    else:
        corners = bin_places(keys, bin_size)
        places = corners + bin_size / 2
        names = pd.Index([f"{a}_{b}" for a, b in corners.tolist()], dtype=object)
    return Spots(
        counts=counts,
        names=names,
        genes=pd.Index([labels[name] or name for name in ids], dtype=object) if labels else ids,
        places=places,
        gene_ids=ids if labels else None,
        sentences=(f"{n_outside} molecules: they lie in no cell.",) if n_outside else (),
    )
