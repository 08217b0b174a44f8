"""Files of 10x Genomics, and small objects."""

import gzip
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

BARCODES = ["AAAC-1", "AAAG-1", "AACT-1", "AAGT-1", "ACGT-1"]
NAMES = ["Xkr4", "Sox17", "Sox17", "CD4", "CD8A", "chr1:10-90"]
IDS = ["g1", "g2", "g3", "p1", "p2", "chr1:10-90"]
TYPES = ["Gene Expression"] * 3 + ["Antibody Capture"] * 2 + ["Peaks"]


def write_tenx(path: Path, counts: np.ndarray, *, types: list[str] | None = None) -> Path:
    return write_matrix(path, counts, BARCODES, NAMES, TYPES if types is None else types, IDS)


def write_matrix(
    path: Path,
    counts: np.ndarray,
    barcodes: list[str],
    names: list[str],
    types: list[str],
    ids: list[str] | None = None,
) -> Path:
    """Spots × features as 10x writes them."""
    matrix = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array(barcodes, dtype="S")
        group["data"], group["indices"], group["indptr"] = (
            matrix.data,
            matrix.indices,
            matrix.indptr,
        )
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        features = group.create_group("features")
        features["id"] = np.array(names if ids is None else ids, dtype="S")
        features["name"] = np.array(names, dtype="S")
        features["feature_type"] = np.array(types, dtype="S")
        features["genome"] = np.array(["mm10"] * len(names), dtype="S")
    return path


def write_legacy_tenx(path: Path, counts: np.ndarray) -> Path:
    matrix = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("mm10")
        group["barcodes"] = np.array(BARCODES, dtype="S")
        group["data"], group["indices"], group["indptr"] = (
            matrix.data,
            matrix.indices,
            matrix.indptr,
        )
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        group["genes"] = np.array(IDS, dtype="S")
        group["gene_names"] = np.array(NAMES, dtype="S")
    return path


def write_mtx(folder: Path, counts: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, sp.coo_matrix(counts.T))
    with gzip.open(folder / "features.tsv.gz", "wt") as file:
        file.writelines("\t".join(row) + "\n" for row in zip(IDS, NAMES, TYPES, strict=True))
    with gzip.open(folder / "barcodes.tsv.gz", "wt") as file:
        file.writelines(f"{barcode}\n" for barcode in BARCODES)
    return folder


def positions() -> pd.DataFrame:
    """In another order than the matrix, one spot outside the tissue, two not in the matrix."""
    return pd.DataFrame(
        {
            "barcode": ["TTTT-1", *reversed(BARCODES), "GGGG-1"],
            "in_tissue": [0, 1, 1, 0, 1, 1, 1],
            "array_row": range(7),
            "array_col": range(10, 17),
            "pxl_row_in_fullres": np.arange(7) * 100,
            "pxl_col_in_fullres": np.arange(7) * 100 + 7,
        }
    )


def make_outs(folder: Path, counts: np.ndarray, *, header: bool = True) -> Path:
    (folder / "spatial").mkdir(parents=True)
    write_tenx(folder / "filtered_feature_bc_matrix.h5", counts)
    name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
    positions().to_csv(folder / "spatial" / name, header=header, index=False)
    return folder


def small(n: int = 6, feature: str = "gene") -> ad.AnnData:
    rng = np.random.default_rng(1)
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(1, (n, 4)).astype(np.float32)),
        obs=pd.DataFrame({"domain": list("ab" * (n // 2))}, index=[f"s{i}" for i in range(n)]),
        var=pd.DataFrame(index=[f"{feature}{i}" for i in range(4)]),
        obsm={"spatial": rng.random((n, 2))},
    )


def truncate(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path
