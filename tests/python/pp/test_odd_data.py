"""Odd but sound data."""

import warnings

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import smartcore as sm
from helpers.pp import FUNCTIONS, by_sklearn, counts, dense, same_components, scanpy_rna


@pytest.mark.parametrize("what", FUNCTIONS)
def test_empty_spots_are_not_measured_and_get_a_warning(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    x = dense(adata.X)
    x[[3, 40]] = 0
    adata.X = sp.csr_matrix(x)
    with pytest.warns(UserWarning, match=f"^2 of 80 spots have no {what} counts") as caught:
        FUNCTIONS[what](adata, n_comps=5)
    assert caught[0].filename == __file__
    missing = np.isnan(adata.obsm["X_pca"])
    assert missing[[3, 40]].all()
    assert not np.delete(missing, [3, 40], axis=0).any()


@pytest.mark.filterwarnings("ignore:2 of 80 spots", "ignore:Some cells have zero counts")
def test_empty_spots_of_rna_as_in_scanpy():
    adata = counts(n_spots=80, n_features=300, depth=5)
    x = dense(adata.X)
    x[[3, 40]] = 0
    adata.X = sp.csr_matrix(x)
    sm.pp.rna(adata, n_top_genes=200, n_comps=4)
    counted = x.any(axis=1)
    expected = scanpy_rna(adata, 200, 4).obsm["X_pca"][counted]
    same_components(adata.obsm["X_pca"][counted], expected, 1e-3)


@pytest.mark.filterwarnings("ignore:2 of 80 spots")
def test_empty_spots_of_chromatin_stay_at_zero():
    x = dense(counts(n_spots=80, n_features=50, depth=5).X).astype(np.float64)
    x[[3, 40]] = 0
    x = x[:, (x > 0).sum(axis=0) >= 10]
    full = x.sum(axis=1) > 0
    y = np.zeros_like(x)
    y[full] = np.log1p(1e4 * x[full] / x[full].sum(axis=1, keepdims=True))
    y *= np.log1p(80 / x.sum(axis=0))
    y[full] *= 1e4 / y[full].sum(axis=1, keepdims=True)
    adata = ad.AnnData(sp.csr_matrix(x))
    sm.pp.chromatin(adata, n_comps=5)
    same_components(adata.obsm["X_pca"][full], by_sklearn(np.log1p(y), 5)[full], 1e-3)


def test_a_spot_whose_only_counts_are_of_rare_genes_is_empty():
    adata = counts(n_spots=80, n_features=50, depth=5)
    x = dense(adata.X)
    x[7], x[:, 0] = 0, 0
    x[7, 0] = 4
    adata.X = sp.csr_matrix(x)
    with pytest.warns(UserWarning, match="^1 of 80 spots have no gene counts"):
        sm.pp.rna(adata, n_comps=5)
    assert np.flatnonzero(np.isnan(adata.obsm["X_pca"]).any(axis=1)).tolist() == [7]


@pytest.mark.parametrize("what", FUNCTIONS)
def test_features_without_counts_change_nothing(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    padded = ad.AnnData(sp.hstack([adata.X, sp.csr_matrix((80, 9), dtype=np.float32)]).tocsr())
    for data in (adata, padded):
        FUNCTIONS[what](data, n_comps=5)
    np.testing.assert_allclose(padded.obsm["X_pca"], adata.obsm["X_pca"], atol=1e-4)
    assert not padded.varm["PCs"][50:].any()


def test_constant_protein_changes_nothing():
    adata = counts(n_spots=80, n_features=50, depth=5)
    more = ad.AnnData(np.column_stack([dense(adata.X), np.full(80, 3)]).astype(np.float32))
    for data in (adata, more):
        sm.pp.protein(data, n_comps=5)
    np.testing.assert_allclose(more.obsm["X_pca"], adata.obsm["X_pca"], atol=1e-4)
    assert not more.varm["PCs"][50].any()


@pytest.mark.parametrize("what", FUNCTIONS)
def test_fewer_components_than_wanted_with_a_warning(what):
    adata = counts(n_spots=60, n_features=6, depth=40)
    with pytest.warns(UserWarning, match="30 components asked for, 6 are there") as caught:
        FUNCTIONS[what](adata, n_comps=30)
    assert caught[0].filename == __file__
    assert adata.obsm["X_pca"].shape == (60, 6)
    assert adata.varm["PCs"].shape == (6, 6)


def test_one_gene():
    adata = ad.AnnData(np.random.default_rng(0).poisson(9, (40, 1)).astype(np.float32) + 1)
    sm.pp.protein(adata)
    x = np.log1p(adata.X / np.exp(np.log1p(adata.X).mean(axis=0)))
    expected = (x - x.mean()) / x.std(ddof=1)
    np.testing.assert_allclose(adata.obsm["X_pca"], expected, atol=1e-5)
    assert adata.varm["PCs"].tolist() == [[1.0]]


@pytest.mark.parametrize("function", [sm.pp.rna, sm.pp.chromatin])
def test_spots_that_differ_in_depth_alone(function):
    # Rounding errors are no data.
    rng = np.random.default_rng(0)
    depth, profile = rng.integers(1, 1000, 300), rng.integers(1, 100, 200)
    adata = ad.AnnData(np.outer(depth, profile).astype(np.float32))
    with pytest.raises(ValueError, match=r"All 200 .* are constant over the spots"):
        function(adata)


@pytest.mark.parametrize("what", FUNCTIONS)
def test_names_that_occur_twice(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    plain = FUNCTIONS[what](adata, n_comps=5, copy=True).obsm["X_pca"]
    adata.var_names = ["CD3", "CD3", "CD3", *adata.var_names[3:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.obs_names = ["spot"] * 80
    with pytest.warns(UserWarning, match=f"2 {what} names occur more than once") as caught:
        FUNCTIONS[what](adata, n_comps=5)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(adata.obsm["X_pca"], plain)


def test_more_variable_genes_than_there_are():
    adata = counts()
    more, all_genes = (
        sm.pp.rna(adata, n_top_genes=n, n_comps=5, copy=True) for n in (100_000, None)
    )
    np.testing.assert_array_equal(more.obsm["X_pca"], all_genes.obsm["X_pca"])
    kept = np.asarray((adata.X > 0).sum(axis=0)).ravel() >= 10
    np.testing.assert_array_equal(more.var["highly_variable"], kept)


@pytest.mark.parametrize("n_spots", [2, 5])
def test_tiny_sections(n_spots):
    adata = counts(n_spots=n_spots, n_features=200, depth=5)
    with pytest.warns(UserWarning, match=f"30 components asked for, {n_spots - 1} are there"):
        sm.pp.rna(adata, min_spots=1)
    expected = scanpy_rna(adata, None, n_spots - 1, min_cells=1)
    same_components(adata.obsm["X_pca"], expected.obsm["X_pca"], 1e-4)


def test_many_spots_with_far_more_genes_than_spots():
    adata = counts(n_spots=20, n_features=3000, depth=5)
    sm.pp.rna(adata, min_spots=1, n_top_genes=None, n_comps=19)
    expected = scanpy_rna(adata, None, 19, min_cells=1)
    same_components(adata.obsm["X_pca"], expected.obsm["X_pca"], 1e-2)


@pytest.mark.parametrize("n_genes", [2, 3, 6])
def test_too_few_genes_to_fit_their_variance(n_genes):
    # With fewer than four the fit itself would end the process.
    adata = ad.AnnData(np.random.default_rng(0).poisson(5, (40, n_genes)).astype(np.float32))
    with pytest.raises(ValueError, match=f"^{n_genes} genes .* n_top_genes=None"):
        sm.pp.rna(adata, n_top_genes=n_genes - 1)
    assert not adata.obsm
    assert adata.var.empty
