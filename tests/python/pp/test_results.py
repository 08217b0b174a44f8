"""What the steps write, and what they leave alone."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm
from helpers.pp import FORMS, FUNCTIONS, counts, dense


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize("form", ["CSR", "indices not sorted", "dense", "int64"])
@pytest.mark.parametrize("copy", [False, True])
def test_counts_and_names_stay_as_they_are(what, form, copy):
    adata = counts(n_spots=80, n_features=50, depth=5)
    adata.X = FORMS.get(form, sp.csr_matrix)(adata.X)
    adata.layers["other"] = adata.X.copy()
    adata.obs["batch"] = pd.Categorical(["a", "b"] * 40)
    adata.var["chromosome"] = "7"
    adata.obsm["spatial"] = np.arange(160.0).reshape(80, 2)
    parts = ["data", "indices", "indptr"] if sp.issparse(adata.X) else ["base"]
    arrays = [getattr(x, p) for x in (adata.X, adata.layers["other"]) for p in parts]
    arrays = [a for a in arrays if a is not None] or [adata.X, adata.layers["other"]]
    before, obs, var = [a.copy() for a in arrays], adata.obs.copy(), adata.var.copy()
    matrix = adata.X

    result = FUNCTIONS[what](adata, n_comps=5, copy=copy)

    assert adata.X is matrix
    for array, old in zip(arrays, before, strict=True):
        assert array.dtype == old.dtype
        np.testing.assert_array_equal(array, old)
    for changed in (adata, result) if copy else (adata,):
        pd.testing.assert_frame_equal(changed.obs, obs)
        pd.testing.assert_frame_equal(changed.var[var.columns], var)
    if copy:
        assert list(adata.obsm) == ["spatial"]
        assert not adata.varm
        assert not adata.uns
        pd.testing.assert_frame_equal(adata.var, var)
        np.testing.assert_array_equal(dense(result.X), dense(matrix))
        assert not np.shares_memory(result.obsm["spatial"], adata.obsm["spatial"])
    else:
        assert result is None
    written = result if copy else adata
    assert set(written.obsm) == {"spatial", "X_pca"}
    assert ("highly_variable" in written.var) == (what == "gene")


def test_result_survives_a_file(tmp_path):
    adata = counts(n_spots=80, n_features=50, depth=5)
    sm.pp.rna(adata, n_comps=5, key_added="X_rna", min_spots=3)
    adata.write_h5ad(tmp_path / "rna.h5ad")
    back = ad.read_h5ad(tmp_path / "rna.h5ad")
    np.testing.assert_array_equal(back.obsm["X_rna"], adata.obsm["X_rna"])
    np.testing.assert_array_equal(back.uns["pca"]["variance"], adata.uns["pca"]["variance"])
    assert back.uns["pca"]["params"]["modality"] == "rna"
    assert back.uns["pca"]["params"]["min_spots"] == 3


def test_scores_are_the_data_times_the_loadings():
    adata = counts(n_features=40, depth=20)
    x = np.log1p(dense(adata.X) / dense(adata.X).sum(axis=1, keepdims=True) * 1e4)
    adata = sm.pp.rna(adata, n_comps=6, copy=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    np.testing.assert_allclose(adata.obsm["X_pca"], x @ adata.varm["PCs"], atol=1e-4)
    ratio = adata.obsm["X_pca"].var(axis=0, ddof=1) / x.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(adata.uns["pca"]["variance_ratio"], ratio, rtol=1e-4)


@pytest.mark.parametrize("n_features", [300, 1300], ids=["covariance", "iterative"])
def test_same_bits_again_whatever_the_global_seed(n_features):
    adata = counts(n_features=n_features)
    np.random.seed(1)  # noqa: NPY002
    expected_next = np.random.RandomState(1).random()
    first = sm.pp.rna(adata, n_comps=5, copy=True).obsm["X_pca"]
    assert np.random.random() == expected_next  # noqa: NPY002
    np.testing.assert_array_equal(sm.pp.rna(adata, n_comps=5, copy=True).obsm["X_pca"], first)
    other = sm.pp.rna(adata, n_comps=5, seed=9, copy=True).obsm["X_pca"]
    np.testing.assert_allclose(other, first, atol=1e-3 * first.std())


@pytest.mark.parametrize("what", FUNCTIONS)
def test_order_of_spots_and_features_does_not_matter(what):
    adata = counts(n_spots=120, n_features=60, depth=5)
    rng = np.random.default_rng(3)
    shuffled = adata[rng.permutation(120), rng.permutation(60)].copy()
    for data in (adata, shuffled):
        FUNCTIONS[what](data, n_comps=5)
    # Signs included.
    np.testing.assert_allclose(
        shuffled[adata.obs_names].obsm["X_pca"], adata.obsm["X_pca"], atol=1e-3
    )
