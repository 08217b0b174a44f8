"""From counts to principal components, against scanpy, muon and scikit-learn on dense data."""

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm
from helpers.pp import by_sklearn, counts, dense, same_components, scanpy_rna


@pytest.mark.parametrize(
    ("n_features", "n_top_genes", "tolerance"),
    # 1,199: no two genes are tied there.
    [(900, 300, 1e-4), (900, None, 1e-4), (1800, 1199, 1e-3), (1800, None, 1e-3)],
    ids=["covariance", "covariance, all genes", "iterative", "iterative, all genes"],
)
def test_rna_is_scanpys_pipeline(n_features, n_top_genes, tolerance):
    adata = counts(n_features=n_features)
    expected = scanpy_rna(adata, n_top_genes, n_comps=8)
    assert expected.n_vars < adata.n_vars  # some genes are rare
    sm.pp.rna(adata, n_top_genes=n_top_genes, n_comps=8)

    assert set(adata.var_names[adata.var["highly_variable"]]) == set(expected.var_names)
    assert adata.obsm["X_pca"].dtype == np.float32
    same_components(adata.obsm["X_pca"], expected.obsm["X_pca"], tolerance)
    for key in ("variance", "variance_ratio"):
        np.testing.assert_allclose(adata.uns["pca"][key], expected.uns["pca"][key], rtol=1e-4)
    loadings = pd.DataFrame(adata.varm["PCs"], index=adata.var_names)
    same_components(loadings.loc[expected.var_names], expected.varm["PCs"], 10 * tolerance)
    assert not loadings.drop(expected.var_names).to_numpy().any()


def test_few_genes_of_a_large_matrix_are_the_same_as_many():
    # Few columns are cut out, many are kept in place.
    adata = counts(n_features=1400)
    many, few = (sm.pp.rna(adata, n_top_genes=n, n_comps=5, copy=True) for n in (1100, 500))
    for result, n in ((many, 1100), (few, 500)):
        expected = scanpy_rna(adata, n, n_comps=5)
        same_components(result.obsm["X_pca"], expected.obsm["X_pca"], 1e-3)


def test_variable_genes_with_outliers_are_scanpys():
    adata = counts()
    rng = np.random.default_rng(4)
    x = dense(adata.X)
    genes = rng.choice(900, 300, replace=False)
    x[rng.integers(0, 240, 300), genes] += rng.integers(5, 500, 300)
    adata.X = sp.csr_matrix(x)
    expected = scanpy_rna(adata, 200, n_comps=2)
    sm.pp.rna(adata, n_top_genes=200, n_comps=2)
    assert set(adata.var_names[adata.var["highly_variable"]]) == set(expected.var_names)


def test_rna_totals_count_genes_that_are_not_highly_variable():
    adata = counts()
    x = dense(adata.X)
    x[:, 0] = 500  # in all spots alike: not highly variable
    adata.X = sp.csr_matrix(x)
    expected = scanpy_rna(adata, 300, n_comps=4)
    sm.pp.rna(adata, n_top_genes=300, n_comps=4)
    assert not adata.var["highly_variable"].iloc[0]
    same_components(adata.obsm["X_pca"], expected.obsm["X_pca"], 1e-4)


@pytest.mark.parametrize("n_features", [700, 1500], ids=["covariance", "iterative"])
def test_chromatin_is_muons_tfidf_and_scanpys_log(n_features):
    muon = pytest.importorskip("muon")
    adata = counts(n_features=n_features, depth=0.3)
    expected = adata.copy()
    sc.pp.filter_genes(expected, min_cells=10)
    assert expected.n_vars < adata.n_vars
    expected.X = expected.X.astype(np.float64)
    muon.atac.pp.tfidf(expected, scale_factor=1e4)
    sc.pp.normalize_total(expected, target_sum=1e4)
    sc.pp.log1p(expected)
    sm.pp.chromatin(adata, n_comps=8)
    same_components(adata.obsm["X_pca"], by_sklearn(dense(expected.X), 8), 1e-3)


@pytest.mark.parametrize(("clr", "axis"), [("protein", 0), ("spot", 1)])
def test_protein_is_muons_clr_and_scanpys_scale(clr, axis):
    muon = pytest.importorskip("muon")
    adata = counts(n_features=40, depth=20)
    expected = adata.copy()
    expected.X = dense(adata.X).astype(np.float64)
    muon.prot.pp.clr(expected, axis=axis)
    sc.pp.scale(expected)
    sm.pp.protein(adata, clr=clr, n_comps=8)
    same_components(adata.obsm["X_pca"], by_sklearn(expected.X, 8), 1e-4)


def test_protein_takes_as_many_components_as_proteins_up_to_30(recwarn):
    for n_proteins, n_comps in ((12, 12), (45, 30)):
        adata = counts(n_features=n_proteins, depth=20)
        sm.pp.protein(adata)
        assert adata.obsm["X_pca"].shape == (240, n_comps)
    assert not [w for w in recwarn if "components" in str(w.message)]


def test_simulated_proteins_separate_their_domains():
    mdata = sm.datasets.tri_omics((12, 12), modalities=["protein"])
    sm.pp.protein(mdata["protein"], n_comps=4)
    domains = pd.DataFrame(mdata["protein"].obsm["X_pca"]).groupby(
        mdata.obs["domain"].to_numpy(), observed=True
    )
    assert domains.mean().std().iloc[0] > domains.std().mean().iloc[0]
