"""Forms of the counts: whatever they are, the components are the same."""

import anndata as ad
import numpy as np
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm
from helpers.pp import FORMS, FUNCTIONS, counts, dense, same_components


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_counts_agree(what, form):
    adata = counts(n_spots=80, n_features=50, depth=5)
    other = adata.copy()
    other.X = FORMS[form](adata.X)
    for data in (adata, other):
        FUNCTIONS[what](data, n_comps=5)
    np.testing.assert_array_equal(other.obsm["X_pca"], adata.obsm["X_pca"])


@pytest.mark.parametrize("what", FUNCTIONS)
def test_stored_zeros_do_not_count(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    x = dense(adata.X)
    x[8:, :3] = 0  # three features of 8 spots at most
    adata.X = sp.csr_matrix(x)
    every = sp.csr_matrix((x.ravel(), np.tile(np.arange(50), 80), 50 * np.arange(81)), x.shape)
    assert every.nnz == x.size > adata.X.nnz
    stored = ad.AnnData(every)
    for data in (adata, stored):
        FUNCTIONS[what](data, n_comps=5)
    same_components(stored.obsm["X_pca"], adata.obsm["X_pca"], 1e-4)


@pytest.mark.parametrize("what", FUNCTIONS)
def test_counts_in_a_layer(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    other = adata.copy()
    other.layers["counts"] = adata.X.copy()
    sc.pp.normalize_total(other)
    sc.pp.log1p(other)
    FUNCTIONS[what](adata, n_comps=5)
    FUNCTIONS[what](other, layer="counts", n_comps=5)
    np.testing.assert_array_equal(other.obsm["X_pca"], adata.obsm["X_pca"])
    assert other.uns["pca"]["params"]["layer"] == "counts"


@pytest.mark.parametrize("what", FUNCTIONS)
def test_presence_as_booleans(what):
    adata = counts(n_spots=80, n_features=50, depth=1)
    flags, numbers = ad.AnnData(adata.X > 0), ad.AnnData((adata.X > 0).astype(np.float32))
    for data in (flags, numbers):
        FUNCTIONS[what](data, n_comps=5)
    np.testing.assert_array_equal(flags.obsm["X_pca"], numbers.obsm["X_pca"])


def test_counts_that_are_no_whole_numbers_on_request():
    adata = counts()
    halves = adata.copy()
    halves.X = halves.X * np.float32(0.5)
    sm.pp.rna(adata, n_top_genes=None, n_comps=5)
    # Totals are brought to 10,000: half the counts are the same data.
    sm.pp.rna(halves, n_top_genes=None, n_comps=5, check_counts=False)
    same_components(halves.obsm["X_pca"], adata.obsm["X_pca"], 1e-4)


@pytest.mark.parametrize("form", ["CSR", "CSC", "dense"])
@pytest.mark.parametrize("copy", [False, True])
def test_backed(tmp_path, form, copy):
    adata = counts(n_spots=80, n_features=50, depth=5)
    expected = sm.pp.rna(adata, n_comps=5, copy=True).obsm["X_pca"]
    adata.X = {"CSR": sp.csr_matrix, "CSC": sp.csc_matrix, "dense": dense}[form](adata.X)
    adata.write_h5ad(tmp_path / "counts.h5ad")
    before = (tmp_path / "counts.h5ad").read_bytes()
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    result = sm.pp.rna(backed, n_comps=5, copy=copy)
    if copy:
        assert "X_pca" not in backed.obsm
    np.testing.assert_array_equal((result if copy else backed).obsm["X_pca"], expected)
    backed.file.close()
    assert (tmp_path / "counts.h5ad").read_bytes() == before


@pytest.mark.filterwarnings("ignore:Trying to modify attribute:UserWarning")
def test_a_view_is_as_good_as_its_copy():
    adata = counts()
    expected = adata[::2, :600].copy()
    view = adata[::2, :600]
    for data in (expected, view):
        sm.pp.rna(data, n_top_genes=300, n_comps=5)
    np.testing.assert_array_equal(view.obsm["X_pca"], expected.obsm["X_pca"])
    assert not adata.obsm
    assert "highly_variable" not in adata.var
