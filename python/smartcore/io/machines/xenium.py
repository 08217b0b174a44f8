"""10x Xenium: cells with their counts and places."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import h5py
from anndata import AnnData

from smartcore import _keys
from smartcore.given.feature_types import type_of, types_in
from smartcore.io._features import split_kinds, unique_names
from smartcore.io._files import attribute, reading
from smartcore.io._tables import as_names
from smartcore.io._tenx import read_matrix
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import MICROMETRES, Folder, Machine, check_version
from smartcore.io.machines._placed import in_common, other_columns, places_of, read_cells

NAME = "Xenium"
SOFTWARE = "Xenium Onboard Analysis"
NEWEST = (4,)

MATRICES = ("cell_feature_matrix.h5", "*cell_feature_matrix.h5", "*cell_feature_matrix")
CELLS = ("cells.parquet", "*cells.parquet", "cells.csv.gz", "cells.csv", "*cells.csv*")
COLUMNS = ("x_centroid", "y_centroid")

SCALE = "protein_scaling_factor"
"""Attribute of the HDF5 matrix: intensities of proteins are stored as multiples of its inverse."""


def read(contents: Contents) -> Folder:
    """Read the cells, with their places in micrometres."""
    version = _version(contents)
    matrix = contents.one(*MATRICES, what="counts")
    cells = _cells_file(contents)
    metadata = read_cells(cells, "Xenium's table of cells", ["cell_id"])
    placed = as_names(metadata["cell_id"], str(cells))
    places = places_of(metadata, COLUMNS, placed, cells)
    adata = read_matrix(matrix)
    if not adata.obs_names.is_unique:
        unique_names(adata, source=str(matrix))
    rows, order, sentences = in_common(adata.obs_names, placed, matrix, cells)
    adata = adata if len(rows) == adata.n_obs else adata[rows].copy()
    obs = other_columns(metadata, ["cell_id", *COLUMNS]).iloc[order]
    adata.obs = obs.set_axis(adata.obs_names, axis=0)
    adata.obsm[_keys.SPATIAL] = places[order]
    controls = [
        f"{n} features of the type {name}: they measure background, not the tissue."
        for name, n in types_in(adata.var).items()
        if type_of(name) == "control"
    ]
    modalities = split_kinds(adata, str(matrix))
    notes: tuple[str, ...] = ()
    if "protein" in modalities:
        notes = (_as_intensities(modalities["protein"], matrix),)
    return Folder(
        machine=NAME,
        modalities=modalities,
        unit=MICROMETRES,
        used=(matrix, cells),
        left_out=(*controls, *sentences, *_not_read(contents)),
        notes=notes,
        version=version,
        intensities=tuple({"protein"} & set(modalities)),
    )


def _version(contents: Contents) -> str | None:
    """What software wrote the folder, by its experiment file."""
    path = contents.maybe("experiment.xenium", "*experiment.xenium", what="the experiment")
    if path is None:
        return None
    with reading(path, "Xenium's description of the experiment (JSON)"):
        text = str(json.loads(path.read_text(encoding="utf-8")).get("analysis_sw_version", ""))
    check_version(text, NEWEST, path, SOFTWARE)
    number = text.rpartition("-")[2]
    return f"{SOFTWARE} {number}" if number else None


def _cells_file(contents: Contents) -> Path:
    """The table of cells: of parquet where that can be read."""
    without = [name for name in CELLS if not name.endswith(".parquet")]
    if find_spec("pyarrow") is None and contents.find(*without):
        return contents.one(*without, what="places of cells")
    return contents.one(*CELLS, what="places of cells")


def _as_intensities(protein: AnnData, matrix: Path) -> str:
    """Undo the scaling of proteins in place, and say of what kind they are."""
    if matrix.is_dir():
        return (
            "intensities of proteins are multiplied by a factor that text matrices do not tell "
            "(cell_feature_matrix.h5 does). Their proportions are right."
        )
    with reading(matrix, "a 10x HDF5 matrix"), h5py.File(matrix, "r") as file:
        factor = float(attribute(file, SCALE, 1))
        if not factor > 0:
            raise ValueError(f"its {SCALE} is {factor:g}")
    protein.X = protein.X / protein.X.dtype.type(factor)
    return "the values of proteins are mean intensities of cells, no counts."


def _not_read(contents: Contents) -> list[str]:
    """Files that are there and hold more than counts of cells."""
    found = contents.find(
        "transcripts.*", "*_boundaries.*", "morphology*", "analysis", "*.zarr.zip"
    )
    if not found:
        return []
    return [f"{', '.join(path.name for path in found)}: the counts of cells are used."]


MACHINE = Machine(
    name=NAME,
    marks=("experiment.xenium", "*cell_feature_matrix.h5", "*cell_feature_matrix"),
    needs="cell_feature_matrix.h5 (or the folder) and cells.parquet (or cells.csv.gz)",
    read=read,
    folder_only=True,
)
