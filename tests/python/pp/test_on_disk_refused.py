"""Counts on disk that are refused, or worth a warning."""

import sys
from types import SimpleNamespace

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

import smartcore as sm
from helpers.on_disk import N_COMPS, STEPS, counts, h5ad
from smartcore.pp import _on_disk

pytest.importorskip("dask.array")
pytest.importorskip("zarr")

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.mark.parametrize("what", STEPS)
@pytest.mark.parametrize(
    ("value", "words"),
    [(-4, r"negative values \(such as -4\)"), (0.5, "no whole numbers"), (np.nan, "has nan")],
)
def test_values_that_are_no_counts(what, value, words, tmp_path):
    adata = counts()
    adata.X.data[-5] = value  # in the last block
    lazy = h5ad(adata, tmp_path)
    with pytest.raises(ValueError, match=words):
        STEPS[what](lazy, progress=False)
    assert "X_pca" not in lazy.obsm


def test_empty_spots_get_a_warning(tmp_path):
    adata = counts()
    keep = np.ones(adata.n_obs, np.float32)
    keep[[7, 390]] = 0
    adata.X = sp.csr_matrix(sp.diags(keep) @ adata.X)
    lazy = h5ad(adata, tmp_path)
    with pytest.warns(UserWarning, match="^2 of 400 spots have no gene counts") as caught:
        sm.pp.rna(lazy, n_top_genes=100, n_comps=N_COMPS, progress=False)
    assert caught[0].filename == __file__
    missing = np.isnan(lazy.obsm["X_pca"]).any(axis=1)
    assert np.flatnonzero(missing).tolist() == [7, 390]


def test_missing_layer(tmp_path):
    h5ad(counts(), tmp_path).file.close()
    lazy = sm.io.read_lazily(tmp_path / "counts.h5ad")
    with pytest.raises(KeyError, match="No layer 'raw'; there are none"):
        sm.pp.rna(lazy, layer="raw")


def test_columns_that_cannot_be_read_by_rows(tmp_path, monkeypatch):
    by_columns = h5ad(counts(), tmp_path, sp.csc_matrix)
    small = SimpleNamespace(available=1000)
    monkeypatch.setattr(_on_disk.psutil, "virtual_memory", lambda: small)
    with pytest.raises(ValueError, match=r"stored by columns \(CSC\).*store it by rows"):
        sm.pp.rna(by_columns)
    lazy = counts()
    lazy.X = ad.experimental.read_elem_lazy(by_columns.file["X"], chunks=(-1, 100))
    with pytest.raises(ValueError, match="dask array whose chunks are columns"):
        sm.pp.rna(lazy)


def test_without_dask(tmp_path, monkeypatch):
    lazy = h5ad(counts(), tmp_path)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(ImportError, match=r"pip install 'spatialsmart\[scale\]'"):
        sm.pp.rna(lazy)


def test_files_that_are_not_read_in_blocks(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        sm.io.read_lazily(tmp_path / "nothing.h5ad")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["mod/rna"] = 1
    with pytest.raises(ValueError, match="holds mudata; expected"):
        sm.io.read_lazily(tmp_path / "other.h5")
