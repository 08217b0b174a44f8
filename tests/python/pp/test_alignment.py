"""Features of several sections at one mean and spread, against scanpy and dense arithmetic."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
from sklearn.decomposition import PCA

import smartcore as sm
from smartcore.pp import _alignment, _on_disk, _pca
from smartcore.pp._alignment import align
from smartcore.pp._blocks import InMemory
from smartcore.pp._pca import principal_components
from smartcore.pp._sparse import column_sums

SIZES = (150, 60, 30)


def sparse(n_features, sizes=SIZES, seed=0):
    """Non-negative values of a few factors, each section with an efficiency for each feature."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    factors = rng.gamma(0.5, 1, (len(codes), 6)) * 0.7 ** np.arange(6)
    efficiency = rng.lognormal(0, 0.5, (len(sizes), n_features))
    rate = 2 * (factors @ rng.gamma(0.4, 1, (6, n_features))) * efficiency[codes]
    return sp.csr_matrix(np.log1p(rng.poisson(rate)).astype(np.float32)), codes


def by_loops(x, codes, scale, prior):
    """The same, a section and a feature at a time."""
    x = x.toarray().astype(np.float64)
    result = np.zeros_like(x)
    n, n_sections = len(x), codes.max() + 1
    for j in range(x.shape[1]):
        column, degrees = x[:, j], max(1, n - n_sections)
        parts = [column[codes == s] for s in range(n_sections)]
        pooled = sum(((part - part.mean()) ** 2).sum() for part in parts) / degrees
        if pooled < 1e-10:
            continue
        for s, part in enumerate(parts):
            trust = len(part) / (len(part) + prior)
            own = part.var(ddof=1) if len(part) > 1 else 0.0
            center = column.mean() + trust * (part.mean() - column.mean())
            told = (len(part) - 1) / (len(part) - 1 + prior) if prior else 1.0
            ratio = np.sqrt(pooled / max(told * own + (1 - told) * pooled, 1e-300))
            stretch = min(2.0, max(0.5, ratio)) / np.sqrt(pooled) if scale else 1.0
            result[codes == s, j] = (part - center) * stretch
    return result - result.mean(axis=0)


def same_up_to_sign(found, expected, tolerance):
    sign = np.sign((found * expected).sum(axis=0))
    error = np.abs(found - sign * expected).max(axis=0) / expected.std(axis=0)
    np.testing.assert_array_less(error, tolerance)


@pytest.mark.parametrize("n_features", [200, 1500], ids=["covariance", "iterative"])
@pytest.mark.parametrize("scale", [True, False])
def test_components_are_those_of_aligned_features(n_features, scale):
    x, codes = sparse(n_features)
    found = principal_components(InMemory(x), 4, scale=scale, what="gene", codes=codes)
    expected = by_loops(x, codes, scale, prior=10)
    pca = PCA(4, svd_solver="full").fit(expected)
    same_up_to_sign(found.scores, pca.transform(expected), 2e-3)
    np.testing.assert_allclose(found.variance, pca.explained_variance_, rtol=1e-4)
    np.testing.assert_allclose(found.variance_ratio, pca.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(found.scores.mean(axis=0), 0, atol=1e-3)


def test_large_sections_are_scaled_as_scanpy_scales_each(monkeypatch):
    monkeypatch.setattr(_alignment, "_PRIOR_SPOTS", 0)
    monkeypatch.setattr(_alignment, "_MOST", 1e6)
    x, codes = sparse(300)
    found = principal_components(InMemory(x), 4, scale=True, what="gene", codes=codes)
    expected = np.zeros(x.shape)
    for section in range(len(SIZES)):
        part = ad.AnnData(x[codes == section].toarray().astype(np.float64))
        sc.pp.scale(part)
        expected[codes == section] = part.X
    same_up_to_sign(found.scores, PCA(4, svd_solver="full").fit_transform(expected), 2e-3)


def test_one_section_among_codes_is_no_sections():
    x, _ = sparse(200)
    alone = principal_components(InMemory(x), 5, scale=True, what="gene")
    coded = principal_components(
        InMemory(x), 5, scale=True, what="gene", codes=np.zeros(x.shape[0], np.intp)
    )
    np.testing.assert_allclose(coded.scores, alone.scores, atol=1e-4)


def test_a_section_of_one_spot_is_hardly_moved():
    x, codes = sparse(100, sizes=(150, 1))
    total, squares = column_sums(x, codes, 2)
    aligned = align(np.bincount(codes), total, squares, scale=True)
    dense = x.toarray()
    moved = (aligned.offset[1] / aligned.factor[1] - dense.mean(axis=0)) / dense.std(axis=0)
    # A spot beside ten of the mean.
    own = (dense[codes == 1][0] - dense.mean(axis=0)) / dense.std(axis=0)
    np.testing.assert_allclose(moved, own / 11, atol=0.05)
    np.testing.assert_allclose(aligned.factor[1], 1, atol=1e-6)


def test_a_few_spots_of_a_tissue_that_a_section_lacks_do_not_carry_a_component():
    rng = np.random.default_rng(0)
    codes, n_strange = np.repeat([0, 1], 400), 2
    kind = rng.random(800) < 0.4
    kind[codes == 1] = False
    kind[-n_strange:] = True
    rate = np.full((800, 300), 0.5)
    rate[np.ix_(kind, np.arange(60))] = 8
    rate[:, :60] *= np.where(kind, 1, 0.002)[:, None]
    rate[:, 60:] *= rng.gamma(2, 0.5, (800, 4)) @ rng.gamma(0.5, 1, (4, 240))
    x = sp.csr_matrix(np.log1p(rng.poisson(rate)).astype(np.float32))
    found = principal_components(InMemory(x), 8, scale=True, what="gene", codes=codes)
    share = (found.scores[-n_strange:] ** 2).sum(axis=0) / (found.scores**2).sum(axis=0)
    assert share.max() < 0.2


def test_a_feature_that_one_section_lacks():
    x, codes = sparse(100)
    dense = x.toarray()
    dense[codes == 1, :10] = 0
    found = principal_components(
        InMemory(sp.csr_matrix(dense)), 4, scale=True, what="gene", codes=codes
    )
    expected = by_loops(sp.csr_matrix(dense), codes, True, prior=10)
    same_up_to_sign(found.scores, PCA(4, svd_solver="full").fit_transform(expected), 2e-3)


def test_a_feature_that_only_tells_sections_apart_is_constant():
    x, codes = sparse(100)
    dense = x.toarray()
    dense[:, 0] = codes
    found = principal_components(
        InMemory(sp.csr_matrix(dense)), 4, scale=True, what="gene", codes=codes
    )
    assert not found.loadings[0].any()


@pytest.mark.parametrize("step", [sm.pp.rna, sm.pp.protein, sm.pp.chromatin])
@pytest.mark.parametrize("n_features", [150, 1400])
def test_on_disk_as_in_memory(step, n_features, tmp_path, monkeypatch):
    pytest.importorskip("dask")
    monkeypatch.setattr(_on_disk, "_BLOCK", 2000)
    monkeypatch.setattr(_pca, "_COVARIANCE_UP_TO", {False: 1000, True: 1000})
    x, codes = sparse(n_features)
    counts = sp.csr_matrix(np.rint(np.expm1(x.toarray())).astype(np.float32))
    names = [f"chr1:{100 * i}-{100 * i + 50}" for i in range(n_features)]
    adata = ad.AnnData(
        counts, obs=pd.DataFrame({"slice": codes.astype(str)}), var=pd.DataFrame(index=names)
    )
    adata.obs_names = [f"spot{i}" for i in range(adata.n_obs)]
    adata.write_h5ad(tmp_path / "counts.h5ad")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    for one in (adata, backed):
        step(one, section_key="slice", n_comps=4)
    np.testing.assert_allclose(backed.obsm["X_pca"], adata.obsm["X_pca"], atol=2e-3)
    assert adata.uns["pca"]["params"]["align_sections"]
    joint = adata.copy()
    step(joint, section_key="slice", n_comps=4, align_sections=False)
    assert np.abs(joint.obsm["X_pca"] - adata.obsm["X_pca"]).max() > 0.1


@pytest.mark.parametrize("name", ["rna", "protein", "chromatin"])
def test_efficiencies_of_batches_no_longer_tell_sections_apart(name):
    sections = sm.datasets.sections([(20, 20), (14, 18)], modalities=[name], signal=0.5)
    parts = {section: mdata[name] for section, mdata in sections.items()}
    origin = np.repeat(list(parts), [part.n_obs for part in parts.values()])
    mixing = {}
    for aligned in (True, False):
        getattr(sm.pp, name)(parts, align_sections=aligned)
        z = np.vstack([part.obsm["X_pca"] for part in parts.values()])
        mixing[aligned] = sm.metrics.ilisi(z, origin)
    assert mixing[True] > mixing[False] + 0.2


def test_what_differs_between_sections_alone_is_nothing_to_align():
    x = np.repeat([[1.0, 5.0], [4.0, 2.0]], 20, axis=0).astype(np.float32)
    adata = ad.AnnData(sp.csr_matrix(x), obs=pd.DataFrame({"slice": ["a"] * 20 + ["b"] * 20}))
    with pytest.raises(ValueError, match="within each of the 2 sections; align_sections=False"):
        sm.pp.protein(adata, section_key="slice")
    sm.pp.protein(adata, section_key="slice", align_sections=False, n_comps=1)
    assert adata.obsm["X_pca"].shape == (40, 1)
    with pytest.raises(ValueError, match="align_sections='no' must be True or False"):
        sm.pp.protein(adata, section_key="slice", align_sections="no")


def test_a_section_column_must_be_there():
    adata = ad.AnnData(sp.csr_matrix(np.ones((6, 4), np.float32)))
    for step in (sm.pp.protein, sm.pp.chromatin):
        with pytest.raises(KeyError, match="No obs\\['slice'\\] for the sections"):
            step(adata, section_key="slice")
