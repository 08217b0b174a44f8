"""From counts to principal components, against scanpy, muon and scikit-learn on dense data."""

import tracemalloc
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
from sklearn.decomposition import PCA

import smartcore as sm
from smartcore.pp._blocks import InMemory
from smartcore.pp._pca import principal_components

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


# --- the same as the established tools ------------------------------------------------------


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


# --- forms of input -------------------------------------------------------------------------


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


# --- what is written, and what is not -------------------------------------------------------


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


# --- memory ---------------------------------------------------------------------------------


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


# --- odd but sound data ---------------------------------------------------------------------


@pytest.mark.parametrize("what", FUNCTIONS)
def test_empty_spots_get_finite_components_and_a_warning(what):
    adata = counts(n_spots=80, n_features=50, depth=5)
    x = dense(adata.X)
    x[[3, 40]] = 0
    adata.X = sp.csr_matrix(x)
    with pytest.warns(UserWarning, match=f"^2 of 80 spots have no {what} counts") as caught:
        FUNCTIONS[what](adata, n_comps=5)
    assert caught[0].filename == __file__
    assert np.isfinite(adata.obsm["X_pca"]).all()
    np.testing.assert_allclose(adata.obsm["X_pca"][3], adata.obsm["X_pca"][40])


@pytest.mark.filterwarnings("ignore:2 of 80 spots", "ignore:Some cells have zero counts")
def test_empty_spots_of_rna_as_in_scanpy():
    adata = counts(n_spots=80, n_features=300, depth=5)
    x = dense(adata.X)
    x[[3, 40]] = 0
    adata.X = sp.csr_matrix(x)
    sm.pp.rna(adata, n_top_genes=200, n_comps=4)
    same_components(adata.obsm["X_pca"], scanpy_rna(adata, 200, 4).obsm["X_pca"], 1e-3)


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
    same_components(adata.obsm["X_pca"], by_sklearn(np.log1p(y), 5), 1e-3)


def test_a_spot_whose_only_counts_are_of_rare_genes_is_empty():
    adata = counts(n_spots=80, n_features=50, depth=5)
    x = dense(adata.X)
    x[7], x[:, 0] = 0, 0
    x[7, 0] = 4
    adata.X = sp.csr_matrix(x)
    with pytest.warns(UserWarning, match="^1 of 80 spots have no gene counts"):
        sm.pp.rna(adata, n_comps=5)
    assert np.isfinite(adata.obsm["X_pca"]).all()


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
