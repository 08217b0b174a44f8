"""10x Genomics matrices, and Space Ranger's positions of their spots."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.io._features import check_matrices, names_checked_later
from smartcore.io._files import attribute, is_litter, reading
from smartcore.io._tables import (
    as_names,
    as_numbers,
    is_parquet,
    read_parquet,
    read_text_table,
)

POSITION_COLUMNS = (
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
)
MATRICES = ("filtered_feature_bc_matrix", "raw_feature_bc_matrix")
CELL_MATRICES = ("filtered_feature_cell_matrix", "raw_feature_cell_matrix")
"""Names of matrices without their ending, the preferred one first: of spots or bins, of cells."""

_MATRIX = "a 10x HDF5 matrix"
_NEWEST = 2
"""The newest format of such matrices, as their attribute ``version`` has it."""

FEW = 0.1
"""Share of spots that may lack a position: above it, matrix and positions are of different runs."""


def read_h5(path: Path) -> AnnData:
    """Read a 10x HDF5 matrix with all its feature types, as spots × features.

    Raises
    ------
    ValueError
        If it cannot be read, or is of a format that is not known yet.
    """
    import scanpy as sc

    with reading(path, _MATRIX):
        with h5py.File(path, "r") as file:
            version = int(attribute(file, "version", _NEWEST))
            if version > _NEWEST:
                raise ValueError(f"its format is {version}; formats up to {_NEWEST} are known")
        return sc.read_10x_h5(path, gex_only=False)


def read_mtx(folder: Path) -> AnnData:
    """Read a folder of matrix, features and barcodes, packed or not, with or without a prefix."""
    import scanpy as sc

    with reading(folder, "a 10x matrix folder"):
        matrix, features, barcodes = _matrix_files(folder)
        legacy = "genes" in features.name
        # scanpy reads the one form packed and the other unpacked only.
        with tempfile.TemporaryDirectory() as place:
            for source, name in (
                (matrix, "matrix.mtx"),
                (features, "genes.tsv" if legacy else "features.tsv"),
                (barcodes, "barcodes.tsv"),
            ):
                _put(source, Path(place) / name, packed=not legacy)
            return sc.read_10x_mtx(place, make_unique=False, gex_only=False)


def _put(source: Path, target: Path, *, packed: bool) -> None:
    """Make ``source`` readable as ``target``, with or without .gz."""
    target = target.with_name(f"{target.name}.gz") if packed else target
    if (source.suffix == ".gz") == packed:
        target.symlink_to(source.resolve())
        return
    if packed:
        with source.open("rb") as file, gzip.open(target, "wb", compresslevel=1) as copy:
            shutil.copyfileobj(file, copy)
    else:
        with gzip.open(source) as packed_file, target.open("wb") as plain:
            shutil.copyfileobj(packed_file, plain)


def _matrix_files(folder: Path) -> tuple[Path, Path, Path]:
    """Matrix, features and barcodes, which have the same prefix."""
    (matrix,) = _matrices(folder)
    prefix = matrix.name.removesuffix(".gz").removesuffix("matrix.mtx")

    def find(*names: str) -> Path:
        for name in names:
            for ending in ("", ".gz"):
                if (path := folder / f"{prefix}{name}{ending}").is_file():
                    return path
        raise ValueError(f"it has {matrix.name}, but no {prefix}{names[0]}")

    return matrix, find("features.tsv", "genes.tsv"), find("barcodes.tsv")


def _matrices(folder: Path) -> list[Path]:
    found = [*folder.glob("*matrix.mtx"), *folder.glob("*matrix.mtx.gz")]
    return sorted(path for path in found if not is_litter(path))


def is_mtx_folder(folder: Path) -> bool:
    """Whether the folder holds one matrix.

    Raises
    ------
    ValueError
        If it holds several.
    """
    found = _matrices(folder)
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(
            f"{folder} holds several matrices ({names}): put each in a folder of its own"
        )
    return bool(found)


def matrix_in(folder: Path, names: Sequence[str] = MATRICES) -> Path:
    """Find the matrix of an ``outs`` folder: filtered before raw, HDF5 before the text format.

    Parameters
    ----------
    folder
        The folder; itself the result if it holds the text files of a matrix.
    names
        Names of matrices without the ending, the preferred ones first.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If there are several and nothing says which is meant.
    """
    if is_mtx_folder(folder):
        return folder
    for name in names:
        # Files downloaded from 10x carry the sample's name in front.
        for found in (sorted(folder.glob(f"*{name}.h5")), sorted(folder.glob(f"*{name}"))):
            found = [p for p in found if not is_litter(p) and (p.is_file() or is_mtx_folder(p))]
            if len(found) > 1:
                listed = ", ".join(p.name for p in found)
                raise ValueError(f"{folder} holds several matrices: {listed}; name one of them")
            if found:
                return found[0]
    raise FileNotFoundError(
        f"{folder} holds no matrix: looked for {', '.join(f'{name}.h5' for name in names)}, "
        "folders of these names, and matrix.mtx"
    )


def other_matrices(matrix: Path) -> list[str]:
    """Names of the matrices beside one that was chosen."""
    beside = matrix.parent.glob("*_feature_*_matrix*")
    found = [p for p in beside if p != matrix and not is_litter(p)]
    return sorted(f"{p.name}/" if p.is_dir() else p.name for p in found)


def read_matrix(matrix: Path) -> AnnData:
    """Read a matrix of either form, with all its feature types, as spots × features.

    Raises
    ------
    ValueError
        If it cannot be read, or is damaged.
    """
    with names_checked_later():
        adata = read_mtx(matrix) if matrix.is_dir() else read_h5(matrix)
        check_matrices(adata, str(matrix))
    return adata


def software_of(matrix: Path) -> str | None:
    """The software that wrote an HDF5 matrix, such as "Space Ranger 2.0.0", where it says so."""
    if matrix.is_dir():
        return None
    with reading(matrix, _MATRIX), h5py.File(matrix, "r") as file:
        text = attribute(file, "software_version", "")
    text = text.decode() if isinstance(text, bytes) else str(text)
    name, _, number = text.rpartition("-")
    called = {"spaceranger": "Space Ranger", "cellranger": "Cell Ranger"}
    return f"{called.get(name, name)} {number}".strip() or None


def read_positions(path: Path) -> pd.DataFrame:
    """Read the positions of the spots, with or without a header.

    Parameters
    ----------
    path
        ``tissue_positions.parquet``, ``tissue_positions.csv`` or ``tissue_positions_list.csv``.

    Returns
    -------
    pandas.DataFrame
        One row a spot, indexed by barcode, with the columns ``in_tissue``, ``array_row``,
        ``array_col``, ``pxl_row_in_fullres`` and ``pxl_col_in_fullres``.

    Raises
    ------
    ValueError
        If the columns are not those, or a barcode occurs twice.
    """
    expected = f"Space Ranger's positions of spots (columns {', '.join(POSITION_COLUMNS)})"
    if is_parquet(path):
        table = read_parquet(path, expected)
    else:
        text = read_text_table(path, expected)
        if "barcode" in text.first:
            table = text.with_header()
        elif len(text.first) == len(POSITION_COLUMNS):
            table = text.rows.set_axis(pd.Index(POSITION_COLUMNS), axis=1)
        else:
            raise ValueError(f"{path} is not {expected}; its first line is {text.first}")
    if missing := [name for name in POSITION_COLUMNS if name not in table]:
        raise ValueError(f"{path} is not {expected}; columns missing: {', '.join(missing)}")
    index = as_names(table["barcode"], str(path)).rename("barcode")
    return pd.DataFrame(
        {name: as_numbers(table[name], index, str(path)) for name in POSITION_COLUMNS[1:]},
        index=index,
    ).astype(dict.fromkeys(("in_tissue", "array_row", "array_col"), int))


def add_positions(adata: AnnData, positions: pd.DataFrame, *, source: str) -> AnnData:
    """Give the spots their positions.

    Parameters
    ----------
    adata
        Spots × features; ``obs_names`` are barcodes.
    positions
        As :func:`read_positions` returns it.
    source
        Where the positions come from, for messages.

    Returns
    -------
    AnnData
        `adata` with ``in_tissue``, ``array_row`` and ``array_col`` in ``obs``, and
        (``pxl_col_in_fullres``, ``pxl_row_in_fullres``) in ``obsm["spatial"]``: pixels of the
        full-resolution image, x first, as scanpy and squidpy have it.

    Raises
    ------
    ValueError
        As :func:`with_places`.
    """
    columns = ["pxl_col_in_fullres", "pxl_row_in_fullres"]
    adata = with_places(adata, positions[columns], source=source)
    rows = positions.loc[adata.obs_names]
    for column in ("in_tissue", "array_row", "array_col"):
        adata.obs[column] = rows[column].to_numpy()
    return adata


def with_places(adata: AnnData, places: pd.DataFrame, *, source: str) -> AnnData:
    """Give the spots their coordinates, by barcode.

    Parameters
    ----------
    adata
        Spots × features; ``obs_names`` are barcodes.
    places
        x and y of each barcode.
    source
        Where they come from, for messages.

    Returns
    -------
    AnnData
        With x and y in ``obsm["spatial"]``; a few spots without them are left out, with a warning.

    Raises
    ------
    ValueError
        If more than a few have none.
    """
    known = adata.obs_names.isin(places.index)
    if not adata.n_obs or not len(places):
        raise ValueError(f"the matrix has {adata.n_obs} spots and {source} has {len(places)}")
    if not known.any():
        raise ValueError(
            f"none of the {adata.n_obs} barcodes of the matrix (first: {adata.obs_names[0]!r}) is "
            f"in {source} (first: {str(places.index[0])!r}); they must come from one run"
        )
    missing = adata.obs_names[~known]
    if len(missing) > FEW * adata.n_obs:
        raise ValueError(
            f"{len(missing)} of the {adata.n_obs} barcodes of the matrix have no position in "
            f"{source} (first: {missing[0]!r}); they must come from one run. To leave these spots "
            "out, give the matrix by itself and the positions by --coords, with --no-check-names"
        )
    if len(missing):
        warnings.warn(
            f"{len(missing)} of {adata.n_obs} spots have no position in {source} and are left out "
            f"(first: {missing[0]!r})",
            UserWarning,
            stacklevel=3,
        )
        adata = adata[known].copy()
    adata.obsm[_keys.SPATIAL] = places.loc[adata.obs_names].to_numpy(np.float64)
    return adata
