"""10x Genomics matrices and Space Ranger's ``outs`` folders."""

from __future__ import annotations

import gzip
import logging
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore.io._files import reading
from smartcore.io._tables import (
    as_names,
    as_numbers,
    is_parquet,
    read_parquet,
    read_text_table,
)

logger = logging.getLogger("smartcore")

POSITION_COLUMNS = (
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
)
POSITION_FILES = ("tissue_positions.parquet", "tissue_positions.csv", "tissue_positions_list.csv")
MATRICES = ("filtered_feature_bc_matrix", "raw_feature_bc_matrix")
EXPECTED_FOLDER = (
    "a Space Ranger 'outs' folder (filtered_feature_bc_matrix.h5 and spatial/) or a folder with "
    "matrix.mtx, features.tsv and barcodes.tsv"
)


def read_h5(path: Path) -> AnnData:
    """Read a 10x HDF5 matrix with all its feature types, as spots × features."""
    import scanpy as sc

    with reading(path, "a 10x HDF5 matrix"):
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
    return sorted([*folder.glob("*matrix.mtx"), *folder.glob("*matrix.mtx.gz")])


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


def find_matrix(outs: Path) -> Path:
    """Find the matrix of an ``outs`` folder: filtered before raw, HDF5 before the text format.

    Raises
    ------
    FileNotFoundError
        If there is none; the message names likelier folders inside, if any.
    ValueError
        If there are several and nothing says which is meant.
    """
    for name in MATRICES:
        # Files downloaded from 10x carry the sample's name in front.
        for found in (sorted(outs.glob(f"*{name}.h5")), sorted(outs.glob(f"*{name}"))):
            found = [p for p in found if p.is_file() or is_mtx_folder(p)]
            if len(found) > 1:
                names = ", ".join(p.name for p in found)
                raise ValueError(f"{outs} holds several matrices: {names}; name one of them")
            if found:
                return found[0]
    likely = [
        p for p in (outs / "outs", *sorted(outs.glob("binned_outputs/square_*"))) if p.is_dir()
    ]
    hint = f"; perhaps you mean {' or '.join(map(str, likely))}" if likely else ""
    raise FileNotFoundError(f"{outs} is not {EXPECTED_FOLDER}{hint}")


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


def add_positions(
    adata: AnnData,
    positions: pd.DataFrame,
    *,
    source: str,
    spatial_key: str,
    in_tissue: bool = True,
) -> AnnData:
    """Keep the spots in the tissue and give them their coordinates.

    Parameters
    ----------
    adata
        Spots × features; ``obs_names`` are barcodes.
    positions
        As :func:`read_positions` returns it.
    source
        Where the positions come from, for messages.
    spatial_key
        Where in ``obsm`` the coordinates go: (``pxl_col_in_fullres``, ``pxl_row_in_fullres``), in
        pixels of the full-resolution image, x first, as scanpy and squidpy have it.
    in_tissue
        Leave out the spots outside the tissue.

    Raises
    ------
    ValueError
        If no barcode has a position, or none of those is in the tissue.
    """
    known = adata.obs_names.isin(positions.index)
    if not known.any():
        raise ValueError(
            f"none of the {adata.n_obs} barcodes of the matrix (first: {adata.obs_names[0]!r}) is "
            f"in {source} (first: {str(positions.index[0])!r}); they must come from one run"
            if adata.n_obs and len(positions)
            else f"the matrix has {adata.n_obs} spots and {source} has {len(positions)}"
        )
    if not known.all():
        warnings.warn(
            f"{(~known).sum()} of {adata.n_obs} spots have no position in {source} and were "
            "dropped",
            UserWarning,
            stacklevel=3,
        )
    inside = positions.index[(positions["in_tissue"] == 1) | (not in_tissue)]
    keep = adata.obs_names.isin(inside)
    if not keep.any():
        raise ValueError(f"no spot of the matrix is in the tissue, by {source}")
    if keep.sum() < known.sum():
        logger.info("%s: %d of %d spots are in the tissue", source, keep.sum(), known.sum())
    adata = adata if keep.all() else adata[keep].copy()
    rows = positions.loc[adata.obs_names]
    for column in ("in_tissue", "array_row", "array_col"):
        adata.obs[column] = rows[column].to_numpy()
    adata.obsm[spatial_key] = rows[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(
        np.float64
    )
    return adata


def read_folder(folder: Path, *, spatial_key: str, in_tissue: bool = True) -> AnnData:
    """Read an ``outs`` folder or a matrix folder, with all feature types.

    Coordinates are added where there is a ``spatial`` folder with the spots' positions.
    """
    if is_mtx_folder(folder):
        return read_mtx(folder)
    matrix = find_matrix(folder)
    adata = read_mtx(matrix) if matrix.is_dir() else read_h5(matrix)
    spatial = folder / "spatial"
    if not spatial.is_dir():
        logger.info("%s has no folder 'spatial': no coordinates were read", folder)
        return adata
    positions = next((spatial / n for n in POSITION_FILES if (spatial / n).is_file()), None)
    if positions is None:
        raise FileNotFoundError(f"{spatial} holds none of {', '.join(POSITION_FILES)}")
    return add_positions(
        adata,
        read_positions(positions),
        source=str(positions),
        spatial_key=spatial_key,
        in_tissue=in_tissue,
    )
