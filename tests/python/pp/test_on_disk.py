"""Counts on disk, read in blocks: as in memory, and as scanpy and scikit-learn on dense data."""

import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
from sklearn.decomposition import PCA

import smartcore as sm
from helpers.on_disk import N_COMPS, STEPS, counts, h5ad
from smartcore.pp import _on_disk, _pca

pytestmark = pytest.mark.usefixtures("small_blocks")


da = pytest.importorskip("dask.array")
zarr = pytest.importorskip("zarr")
dask = pytest.importorskip("dask")


@pytest.fixture(params=["covariance", "passes"])
def way(request, monkeypatch):
    """Few columns, and what is done for many."""
    if request.param == "passes":
        monkeypatch.setattr(_pca, "_COVARIANCE_UP_TO", {False: 0, True: 0})
    return request.param


def stored_zarr(adata, folder):
    with ad.settings.override(zarr_write_format=3):
        adata.write_zarr(folder / "counts.zarr")
    return sm.io.read_lazily(folder / "counts.zarr")


def as_dask_array(adata, folder, chunk=37, change=lambda x: x):
    def block(block_info=None):
        (start, stop), _ = block_info[None]["array-location"]
        return change(adata.X[start:stop])

    sizes = [chunk] * (adata.n_obs // chunk)
    sizes = tuple(sizes + [adata.n_obs - sum(sizes)] * (sum(sizes) < adata.n_obs))
    lazy = adata.copy()
    lazy.X = da.map_blocks(
        block,
        dtype=adata.X.dtype,
        chunks=(sizes, (adata.n_vars,)),
        meta=change(sp.csr_matrix((0, 0), dtype=adata.X.dtype)),
    )
    return lazy


STORES = {
    "h5ad": h5ad,
    "h5ad of integers": lambda a, f: h5ad(a, f, lambda x: x.astype(np.int64)),
    "h5ad, dense": lambda a, f: h5ad(a, f, lambda x: x.toarray()),
    "h5ad, by columns": lambda a, f: h5ad(a, f, sp.csc_matrix),
    "h5ad, lazily": lambda a, f: (h5ad(a, f).file.close(), sm.io.read_lazily(f / "counts.h5ad"))[1],
    "zarr": stored_zarr,
    "dask array": as_dask_array,
    "dask array, dense": lambda a, f: as_dask_array(a, f, change=lambda x: x.toarray()),
    "dask array of CSR arrays": lambda a, f: as_dask_array(a, f, change=sp.csr_array),
}


def same_components(found, expected, tolerance=1e-4):
    """Equal up to sign, each component's error relative to its own spread."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    sign = np.sign((found * expected).sum(axis=0))
    error = np.abs(found - sign * expected).max(axis=0) / expected.std(axis=0)
    np.testing.assert_array_less(error, tolerance)


def by_sklearn(x):
    return PCA(N_COMPS, svd_solver="full").fit_transform(np.asarray(x, np.float64))


@pytest.mark.parametrize("what", STEPS)
@pytest.mark.parametrize("store", STORES)
def test_as_in_memory(what, store, tmp_path):
    adata = counts()
    lazy = STORES[store](adata, tmp_path)
    args = {"n_top_genes": 60} if what == "gene" else {}
    for data in (adata, lazy):
        STEPS[what](data, n_comps=N_COMPS, progress=False, **args)
    same_components(lazy.obsm["X_pca"], adata.obsm["X_pca"])
    same_components(lazy.varm["PCs"], adata.varm["PCs"], 1e-3)
    for key in ("variance", "variance_ratio"):
        np.testing.assert_allclose(lazy.uns["pca"][key], adata.uns["pca"][key], rtol=1e-5)
    if what == "gene":
        pd.testing.assert_series_equal(lazy.var["highly_variable"], adata.var["highly_variable"])
    assert _on_disk.is_lazy(lazy.X)


@pytest.mark.parametrize("n_top", [50, None])
@pytest.mark.usefixtures("way")
def test_rna_is_scanpys_pipeline(n_top, tmp_path):
    adata = counts()
    lazy = h5ad(adata, tmp_path)
    sm.pp.rna(lazy, n_top_genes=n_top, n_comps=N_COMPS, progress=False)
    sc.pp.filter_genes(adata, min_cells=10)
    if n_top:
        sc.pp.highly_variable_genes(adata, flavor="seurat_v3", n_top_genes=n_top)
    adata.X = adata.X.toarray().astype(np.float64)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    if n_top:
        adata = adata[:, adata.var["highly_variable"]].copy()
    sc.pp.scale(adata)
    assert set(lazy.var_names[lazy.var["highly_variable"]]) == set(adata.var_names)
    same_components(lazy.obsm["X_pca"], by_sklearn(adata.X), 1e-3)


@pytest.mark.usefixtures("way")
def test_chromatin_is_muons_tfidf(tmp_path):
    muon = pytest.importorskip("muon")
    adata = counts()
    x = adata.X.toarray()
    x[:, 0] = 1  # no spot is empty
    adata.X = sp.csr_matrix(x)
    lazy = stored_zarr(adata, tmp_path)
    sm.pp.chromatin(lazy, n_comps=N_COMPS, progress=False)
    sc.pp.filter_genes(adata, min_cells=10)
    adata.X = adata.X.astype(np.float64)
    muon.atac.pp.tfidf(adata, scale_factor=1e4)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    same_components(lazy.obsm["X_pca"], by_sklearn(adata.X.toarray()), 1e-3)


@pytest.mark.parametrize(("clr", "axis"), [("protein", 0), ("spot", 1)])
def test_protein_is_muons_clr(clr, axis, tmp_path):
    muon = pytest.importorskip("muon")
    adata = counts(n_features=30)
    adata.X = sp.csr_matrix(adata.X.toarray() + 1)
    lazy = h5ad(adata, tmp_path)
    sm.pp.protein(lazy, clr=clr, n_comps=N_COMPS, progress=False)
    adata.X = adata.X.toarray().astype(np.float64)
    muon.prot.pp.clr(adata, axis=axis)
    sc.pp.scale(adata)
    same_components(lazy.obsm["X_pca"], by_sklearn(adata.X))


def test_variable_genes_over_sections(tmp_path):
    adata = counts(900)
    lazy = h5ad(adata, tmp_path)
    for data in (adata, lazy):
        sm.pp.rna(data, section_key="batch", n_top_genes=40, n_comps=3, progress=False)
    pd.testing.assert_series_equal(lazy.var["highly_variable"], adata.var["highly_variable"])
    sm.pp.rna(adata, n_top_genes=40, n_comps=3)
    assert not lazy.var["highly_variable"].equals(adata.var["highly_variable"])


@pytest.mark.parametrize("step", [sm.pp.rna, sm.pp.chromatin])
def test_several_sections_of_which_some_are_on_disk(step, tmp_path):
    parts = {"a": counts(150), "b": counts(130, seed=1)[:, 20:].copy()}
    expected = {name: adata.copy() for name, adata in parts.items()}
    parts["a"] = h5ad(parts["a"], tmp_path)
    for sections in (parts, expected):
        step(sections, n_comps=N_COMPS, progress=False)
    for name, adata in expected.items():
        same_components(parts[name].obsm["X_pca"], adata.obsm["X_pca"])


def test_a_layer_and_a_copy(tmp_path):
    adata = counts()
    adata.layers["raw"] = adata.X
    adata.X = adata.X.log1p()
    adata.write_h5ad(tmp_path / "counts.h5ad")
    before = (tmp_path / "counts.h5ad").read_bytes()
    lazy = sm.io.read_lazily(tmp_path / "counts.h5ad")
    out = sm.pp.rna(lazy, layer="raw", n_comps=N_COMPS, progress=False, copy=True)
    sm.pp.rna(adata, layer="raw", n_comps=N_COMPS)
    same_components(out.obsm["X_pca"], adata.obsm["X_pca"])
    assert "X_pca" not in lazy.obsm
    assert (tmp_path / "counts.h5ad").read_bytes() == before


def test_same_bits_whatever_the_threads(tmp_path):
    found = []
    for threads in (1, 3):
        lazy = h5ad(counts(), tmp_path)
        with dask.config.set(num_workers=threads):
            sm.pp.rna(lazy, n_top_genes=100, n_comps=N_COMPS, progress=False)
        found.append(lazy.obsm["X_pca"])
        lazy.file.close()
    np.testing.assert_array_equal(*found)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_gives_the_same_bits(tmp_path):
    distributed = pytest.importorskip("distributed")
    here, there = h5ad(counts(), tmp_path), sm.io.read_lazily(tmp_path / "counts.h5ad")
    sm.pp.rna(here, n_comps=N_COMPS, progress=False)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster.scheduler_address),
    ):
        sm.pp.rna(there, n_comps=N_COMPS, progress=False)
    np.testing.assert_array_equal(there.obsm["X_pca"], here.obsm["X_pca"])


def test_no_more_than_some_blocks_are_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(_on_disk, "_BLOCK", 50_000)
    rng = np.random.default_rng(0)
    x = sp.random(40_000, 200, 0.25, format="csr", dtype=np.float32, random_state=rng)
    x.data[:] = rng.integers(1, 9, x.nnz)
    ad.AnnData(x).write_h5ad(tmp_path / "counts.h5ad")
    lazy = sm.io.read_lazily(tmp_path / "counts.h5ad")
    size = x.data.nbytes + x.indices.nbytes
    del x
    tracemalloc.start()
    try:
        with dask.config.set(num_workers=1):
            sm.pp.rna(lazy, n_top_genes=None, n_comps=3, progress=False)
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()


def test_a_progress_bar_for_each_pass(tmp_path, capsys):
    lazy = h5ad(counts(), tmp_path)
    sm.pp.rna(lazy, n_comps=N_COMPS, progress=False)
    assert capsys.readouterr().err == ""
    sm.pp.rna(lazy, n_comps=N_COMPS)
    assert "pass over the counts" in capsys.readouterr().err
