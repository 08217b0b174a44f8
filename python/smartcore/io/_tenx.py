"""10x Genomics matrices and Space Ranger's ``outs`` folders."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore.io._files import reading

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
    """Read a 10x folder of ``matrix.mtx``, ``features.tsv`` and ``barcodes.tsv``, zipped or not."""
    import scanpy as sc

    with reading(folder, "a 10x matrix folder"):
        return sc.read_10x_mtx(folder, make_unique=False, gex_only=False)


def is_mtx_folder(folder: Path) -> bool:
    """Whether the folder holds ``matrix.mtx`` or ``matrix.mtx.gz``."""
    return any((folder / name).is_file() for name in ("matrix.mtx.gz", "matrix.mtx"))


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
    with reading(path, expected):
        if path.suffix == ".parquet":
            table = _read_parquet(path)
        else:
            with path.open(encoding="utf-8") as file:
                header = 0 if file.readline().startswith("barcode") else None
            table = pd.read_csv(
                path, header=header, dtype={0 if header is None else "barcode": str}
            )
            if header is None and table.shape[1] == len(POSITION_COLUMNS):
                table.columns = pd.Index(POSITION_COLUMNS)
        missing = [name for name in POSITION_COLUMNS if name not in table]
        if missing:
            raise ValueError(f"columns missing: {', '.join(missing)}")
        table = table.loc[:, list(POSITION_COLUMNS)].set_index("barcode")
        if not table.index.is_unique:
            raise ValueError(f"barcode {table.index[table.index.duplicated()][0]!r} occurs twice")
        return table.astype({"in_tissue": int})


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError as err:
        raise ImportError(f"reading {path} needs pyarrow (pip install pyarrow): {err}") from err


def add_positions(
    adata: AnnData, positions: pd.DataFrame, *, source: str, spatial_key: str
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
    inside = positions.index[positions["in_tissue"] == 1]
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


def read_folder(folder: Path, *, spatial_key: str) -> AnnData:
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
        adata, read_positions(positions), source=str(positions), spatial_key=spatial_key
    )
