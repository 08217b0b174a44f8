"""Counts, and the established tools to preprocess them."""

import anndata as ad
import numpy as np
import pandas as pd
import scanpy as sc
import scipy.sparse as sp
from sklearn.decomposition import PCA

import smartcore as sm

FUNCTIONS = {"gene": sm.pp.rna, "protein": sm.pp.protein, "peak": sm.pp.chromatin}


def counts(n_spots=240, n_features=900, n_factors=8, depth=0.6, seed=0) -> ad.AnnData:
    """Counts of a few factors, each clearly stronger than the next; some features are rare."""
    rng = np.random.default_rng(seed)
    factors = rng.gamma(0.5, 1, (n_spots, n_factors)) * 0.85 ** np.arange(n_factors)
    loadings = rng.gamma(0.3, 1, (n_factors, n_features))
    rate = depth * (factors @ loadings) * rng.choice([0.05, 1], n_features, p=[0.1, 0.9])
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(index=[f"spot{i}" for i in range(n_spots)]),
        var=pd.DataFrame(index=[f"feature{i}" for i in range(n_features)]),
    )


def same_components(found, expected, tolerance):
    """Equal up to sign, each component's error relative to its own spread."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    sign = np.sign((found * expected).sum(axis=0))
    error = np.abs(found - sign * expected).max(axis=0) / expected.std(axis=0)
    np.testing.assert_array_less(error, tolerance)


def by_sklearn(x, n_comps):
    return PCA(n_comps, svd_solver="full").fit_transform(np.asarray(x, np.float64))


def dense(x):
    return x.toarray() if sp.issparse(x) else np.asarray(x)


def scanpy_rna(adata, n_top_genes, n_comps, min_cells=10):
    adata = adata.copy()
    sc.pp.filter_genes(adata, min_cells=min_cells)
    if n_top_genes is not None:
        sc.pp.highly_variable_genes(adata, flavor="seurat_v3", n_top_genes=n_top_genes)
    adata.X = dense(adata.X).astype(np.float64)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    if n_top_genes is not None:
        adata = adata[:, adata.var["highly_variable"]].copy()
    sc.pp.scale(adata)
    sc.pp.pca(adata, n_comps=n_comps, svd_solver="full")
    return adata


def shuffled_indices(x):
    """The same CSR matrix with the values of each row in reverse."""
    x = x.copy()
    for a, b in zip(x.indptr[:-1], x.indptr[1:], strict=True):
        x.indices[a:b], x.data[a:b] = x.indices[a:b][::-1].copy(), x.data[a:b][::-1].copy()
    x.has_sorted_indices = False
    return x


def split_values(x):
    """The same CSR matrix with each count c as c - 1 and 1: entries that occur twice."""
    data = np.column_stack([x.data - 1, np.ones_like(x.data)]).ravel()
    return sp.csr_matrix((data, np.repeat(x.indices, 2), 2 * x.indptr), shape=x.shape)


FORMS = {
    "CSC": sp.csc_matrix,
    "CSR array": sp.csr_array,
    "CSC array": sp.csc_array,
    "dense": lambda x: x.toarray(),
    "dense, by columns": lambda x: np.asfortranarray(x.toarray()),
    "dense float16": lambda x: x.toarray().astype(np.float16),
    "dense int64": lambda x: x.toarray().astype(np.int64),
    "float64": lambda x: x.astype(np.float64),
    "int64": lambda x: x.astype(np.int64),
    "uint16": lambda x: x.astype(np.uint16),
    "indices not sorted": shuffled_indices,
    "entries that occur twice": split_values,
}
