"""Files as users have them: what ``smartcore run`` makes of each, and what other readers see."""

import gzip
import re

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from helpers.cli import FAST, run

pytestmark = pytest.mark.usefixtures("quick_umap")


def h5_counts(path):
    """Totals of the genes by barcode, from the groups of a 10x file."""
    with h5py.File(path) as file:
        group = file["matrix"]
        parts = tuple(group[name][:] for name in ("data", "indices", "indptr"))
        counts = sp.csc_matrix(parts, shape=tuple(group["shape"][:]))
        genes = group["features/feature_type"][:] == b"Gene Expression"
        totals = np.asarray(counts[np.flatnonzero(genes)].sum(axis=0)).ravel()
        return pd.Series(totals, index=group["barcodes"][:].astype(str))


def xenium(folder):
    cells = pd.read_csv(folder / "cells.csv.gz").set_index("cell_id")
    cells.index = cells.index.astype(str)
    places = cells[["x_centroid", "y_centroid"]]
    return h5_counts(folder / "cell_feature_matrix.h5"), places, "micrometre"


def cosmx(folder):
    def read(name):
        table = pd.read_csv(next(folder.glob(f"*{name}*")))
        table.index = table["cell_ID"].astype(str) + "_" + table["fov"].astype(str)
        return table[table["cell_ID"] != 0]

    counts = read("exprMat_file").drop(columns=["cell_ID", "fov"])
    genes = ~counts.columns.str.contains("NegPrb|SystemControl|Negative")
    places = read("metadata_file")[["CenterX_global_px", "CenterY_global_px"]]
    return counts.loc[:, genes].sum(axis=1), places, "camera pixel"


def merscope(folder):
    def read(name):
        path = next(folder.glob(f"*{name}*"))
        first = pd.read_csv(path, nrows=0).columns[0]
        return pd.read_csv(path, dtype={first: str}).set_index(first)

    counts = read("cell_by_gene")
    totals = counts.loc[:, ~counts.columns.str.startswith("Blank")].sum(axis=1)
    return totals, read("cell_metadata")[["center_x", "center_y"]], "micrometre"


def visium_hd(folder):
    outs = folder / "binned_outputs/square_008um"
    table = pd.read_parquet(outs / "spatial/tissue_positions.parquet").set_index("barcode")
    places = table.loc[table["in_tissue"] == 1, ["pxl_col_in_fullres", "pxl_row_in_fullres"]]
    factors = pd.read_json(outs / "spatial/scalefactors_json.json", typ="series")
    totals = h5_counts(outs / "filtered_feature_bc_matrix.h5")
    return totals, places * factors["microns_per_pixel"], "micrometre"


EMBEDDED = {"xenium": xenium, "cosmx": cosmx, "merscope": merscope, "visium_hd": visium_hd}
"""Folder → reader that gives the totals of each cell, its place, and the unit."""


@pytest.mark.parametrize("name", EMBEDDED)
def test_a_folder_is_embedded(shared_data, tmp_path, name):
    folder, out = shared_data / "formats" / name, tmp_path / "out.h5ad"
    if name == "visium_hd":
        pytest.importorskip("pyarrow")
    totals, places, unit = EMBEDDED[name](folder)
    assert run(folder, "-k", 3, "-o", out, *FAST, "-q") == 0
    found = ad.read_h5ad(out)
    assert found.uns["smart_folder"]["unit"] == unit
    assert set(found.obs_names) == set(totals.index) & set(places.index)
    assert np.array_equal(np.ravel(found.X.sum(axis=1)), totals[found.obs_names])
    assert np.allclose(found.obsm["spatial"], places.loc[found.obs_names])
    counted = totals[found.obs_names].to_numpy() > 0
    assert np.array_equal(found.obs["smart"].notna(), counted)
    assert np.isfinite(found.obsm["X_smart"][counted]).all()


def test_two_sections(shared_data, tmp_path):
    out = tmp_path / "out.h5ad"
    folders = [shared_data / f"formats/visium_two_sections/section{i}/outs" for i in (1, 2)]
    assert run(*folders, "-k", 3, "-o", out, *FAST, "-q") == 0
    found = ad.read_h5ad(out)
    assert found.obs["section"].nunique() == 2
    assert found.obs["smart"].notna().all()


def test_bins_of_molecules(shared_data, tmp_path):
    path, out = shared_data / "formats/stereoseq_bin1.gem.gz", tmp_path / "out.h5ad"
    assert run(path, "-k", 3, "-o", out, *FAST, "-q") == 0
    found = ad.read_h5ad(out)
    with gzip.open(path, "rt") as file:
        table = pd.read_csv(file, sep="\t", comment="#")
    bins = table.assign(x=table["x"] // 50, y=table["y"] // 50).groupby(["x", "y"])
    totals = bins["MIDCounts"].sum()
    # Bins are placed at their centres, of pixels of half a micrometre.
    where = pd.MultiIndex.from_frame(
        pd.DataFrame((found.obsm["spatial"] / 0.5 // 50).astype(int), columns=["x", "y"])
    )
    assert set(where) == set(totals.index)
    assert np.array_equal(np.ravel(found.X.sum(axis=1)), totals[where])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tenx_rna_protein_mtx.tar.gz", [], "no coordinates: .*--coords"),
        ("visium_hd", ["--bin", "16"], "2053 of the 2695 barcodes .* one run"),
        ("seurat3_slideseq.rda", [], r"a workspace of R, .*saveRDS\(object"),
        ("cosmx/Run5642_S3_Quarter_tx_file.csv", [], "tx_file.csv"),
    ],
)
def test_what_cannot_be_embedded_says_why(shared_data, tmp_path, capsys, name, options, message):
    if "--bin" in options:
        pytest.importorskip("pyarrow")
    path = shared_data / "formats" / name
    assert run(path, "-k", 3, "-o", tmp_path / "out.h5mu", *options, *FAST) != 0
    assert_says(capsys, message)
    assert not list(tmp_path.iterdir())


def assert_says(capsys, message):
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(f"error: .*{message}", error), error
