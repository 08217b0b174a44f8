"""Peak memory of the steps."""

import tracemalloc

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import smartcore as sm
from smartcore.pp._blocks import InMemory
from smartcore.pp._pca import principal_components


@pytest.fixture(scope="module")
def large():
    """4,000 x 20,000 with a tenth not zero: 65 MB; 640 MB if dense, 320 MB in single precision."""
    rng = np.random.default_rng(0)
    n, n_genes, draws = 4000, 20_000, 2200
    # Each of 40 groups draws most of its counts from genes of its own.
    group = rng.integers(0, 40, n) ** 2 // 40
    column = (n_genes * rng.random((n, draws), np.float32) ** 1.4).astype(np.int32)
    column = (column + (group * 500)[:, None].astype(np.int32)) % n_genes
    x = sp.csr_matrix(
        (np.ones(column.size, np.float32), column.ravel(), np.arange(0, column.size + 1, draws)),
        shape=(n, n_genes),
    )
    x.sum_duplicates()
    x = sp.csr_matrix((x.data.copy(), x.indices.copy(), x.indptr), shape=x.shape)
    assert 0.08 < x.nnz / (n * n_genes) < 0.11
    return x


def peak_share(x, work):
    """Peak memory of ``work``, the matrix included, in units of the matrix."""
    size = x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
    tracemalloc.start()
    try:
        work()
        return 1 + tracemalloc.get_traced_memory()[1] / size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("scale", [True, False])
def test_pca_of_all_genes_stays_below_twice_its_input(large, scale):
    x = large.copy()
    share = peak_share(x, lambda: principal_components(InMemory(x), 30, scale=scale, what="gene"))
    assert share < 2


@pytest.mark.parametrize(
    "work",
    [
        lambda a: sm.pp.rna(a),
        lambda a: sm.pp.rna(a, n_top_genes=None, n_comps=5),
        lambda a: sm.pp.rna(a, n_top_genes=800),
        lambda a: sm.pp.chromatin(a, n_comps=5),
    ],
    ids=["RNA", "RNA, all genes", "RNA, few genes", "chromatin"],
)
def test_counts_to_components_stay_below_twice_their_input(large, work):
    adata = ad.AnnData(large)
    assert peak_share(large, lambda: work(adata)) < 2
