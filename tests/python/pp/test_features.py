"""Measurements of any kind and vectors made elsewhere, against scanpy and scikit-learn."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm
from helpers.pp import by_sklearn, same_components


def intensities(n_spots=120, n_features=25, seed=0, **change) -> ad.AnnData:
    """Made-up ion intensities of a few factors, over orders of magnitude."""
    rng = np.random.default_rng(seed)
    loadings = rng.normal(0, 1, (4, n_features)) * 0.7 ** np.arange(4)[:, None]
    x = np.exp(3 + rng.normal(0, 1, (n_spots, 4)) @ loadings + rng.normal(0, 0.1, n_features))
    return ad.AnnData(
        x * rng.gamma(5, 1, (n_spots, 1)),
        obs=pd.DataFrame(index=[f"spot{i}" for i in range(n_spots)]),
        var=pd.DataFrame(index=[f"mz{i}" for i in range(n_features)]),
    )


def by_hand(adata, steps):
    """The same by scanpy, in double precision."""
    other = ad.AnnData(np.array(adata.X, np.float64))
    if "total" in steps:
        sc.pp.normalize_total(other)
    if "log1p" in steps:
        sc.pp.log1p(other)
    if "scale" in steps:
        sc.pp.scale(other)
    return other.X


@pytest.mark.parametrize(
    "steps", [(), ("scale",), ("total",), ("log1p", "scale"), ("scale", "log1p", "total")]
)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_features_are_those_of_scanpy_and_sklearn(steps, form):
    adata = intensities()
    expected = by_sklearn(by_hand(adata, steps), 6)
    adata.X = form(adata.X)
    sm.pp.features(adata, steps=steps, n_comps=6, name="msi")
    same_components(adata.obsm["X_pca"], expected, 2e-3)
    params = adata.uns["pca"]["params"]
    assert params["modality"] == "msi"
    assert list(params["steps"]) == [s for s in ("total", "log1p", "scale") if s in steps]
    if "total" in steps:
        totals = np.asarray(intensities().X).sum(axis=1)
        assert params["total"] == pytest.approx(np.median(totals), rel=1e-6)


def test_negative_values_are_values_like_others():
    rng = np.random.default_rng(1)
    adata = ad.AnnData(rng.normal(size=(80, 12)) * np.linspace(3, 1, 12))
    adata.X[7] = 0  # neither gain nor loss
    sm.pp.features(adata, n_comps=5)
    z = adata.X / adata.X.std(axis=0, ddof=1)
    same_components(adata.obsm["X_pca"], by_sklearn(z, 5), 1e-3)
    assert adata.obsm["X_pca"].dtype == np.float32


def test_as_many_components_as_features_at_most_30():
    adata = intensities(n_features=5)
    sm.pp.features(adata)
    assert adata.obsm["X_pca"].shape == (120, 5)
    adata = intensities(n_features=50)
    sm.pp.features(adata)
    assert adata.obsm["X_pca"].shape == (120, 30)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_spots_that_were_not_measured_do_not_count(value):
    adata = intensities()
    rows = np.array([3, 40, 41])
    rest = np.setdiff1d(np.arange(120), rows)
    adata.X[rows] = value
    with pytest.warns(UserWarning, match="^3 of 120 spots have no values of this modality"):
        sm.pp.features(adata, steps=["total", "log1p", "scale"], n_comps=4)
    assert np.isnan(adata.obsm["X_pca"][rows]).all()
    alone = intensities()[rest].copy()
    sm.pp.features(alone, steps=["total", "log1p", "scale"], n_comps=4)
    np.testing.assert_array_equal(adata.obsm["X_pca"][rest], alone.obsm["X_pca"])


def test_constant_features_are_left_out_and_counted(caplog):
    adata = intensities()
    adata.X[:, [2, 9]] = [[5.0, 0.0]]
    with caplog.at_level(logging.INFO, "smartcore"):
        sm.pp.features(adata, n_comps=4)
    assert "2 of 25 features do not vary and are not used." in caplog.messages
    assert not adata.varm["PCs"][[2, 9]].any()
    rest = np.setdiff1d(np.arange(25), [2, 9])
    same_components(adata.obsm["X_pca"], by_sklearn(by_hand(adata[:, rest], ["scale"]), 4), 2e-3)


def spoiled(x, row, column, value):
    x = np.array(x)
    x[row, column] = value
    return x


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (
            lambda x: spoiled(spoiled(x, 4, 7, np.nan), 9, 7, np.nan),
            {},
            r"X has NaN in 2 of 120 spots \(first: 'spot4'\) and 1 of 25 features \(first: 'mz7'\)",
        ),
        (
            lambda x: spoiled(x, 5, 3, -np.inf),
            {},
            r"infinite .*1 of 120 spots \(first: 'spot5'\) and 1 .*'mz3'",
        ),
        (lambda x: spoiled(x, 5, 3, 1e300), {}, "beyond single precision, in 1 of 120 spots"),
        (
            lambda x: spoiled(x, [5, 6], 3, -1),
            {"steps": ["total", "log1p"]},
            r"negative values in 2 of 120 spots \(first: 'spot5'\) .*'mz3'\), for which total and "
            "log1p among the steps are not made: leave them out",
        ),
        (lambda x: spoiled(x, 5, 3, -1), {"steps": ["log1p"]}, "leave it out"),
        (lambda x: np.zeros_like(x), {}, "No spot has a value: all are 0 or NaN"),
        (lambda x: np.full_like(x, np.nan), {}, "No spot has a value"),
        (lambda x: np.ones_like(x), {}, "All 25 features are constant"),
        (lambda x: x, {"steps": ["log"]}, "steps='log' is not known; use total, log1p, scale"),
        (lambda x: x, {"steps": ["none", "scale"]}, "or none alone"),
        (lambda x: x, {"name": ""}, "name='' must be a text"),
        (lambda x: x, {"n_comps": 0}, "n_comps=0 must be a whole number"),
        (lambda x: x.astype(str), {}, "not numbers"),
    ],
)
def test_bad_values_are_refused_and_the_object_stays(change, options, words):
    adata = intensities()
    adata.X = change(adata.X)
    before = np.array(adata.X)
    with pytest.raises(ValueError, match=words):
        sm.pp.features(adata, **options)
    np.testing.assert_array_equal(adata.X, before)
    assert not adata.obsm
    assert not adata.uns


def test_an_all_nan_spot_does_not_hide_where_others_have_nan():
    adata = intensities()
    adata.X[0] = np.nan
    adata.X[6, 2] = np.nan
    with pytest.raises(ValueError, match=r"NaN in 1 of 120 spots .*'spot6'\) and 1 of 25 .*'mz2'"):
        sm.pp.features(adata)


def test_layer_copy_and_off_tissue():
    adata = intensities()
    adata.layers["raw"] = adata.X
    adata.X = np.ones_like(adata.X)
    adata.obs["in_tissue"] = 1
    adata.obs.iloc[:5, 0] = 0
    copy = sm.pp.features(adata, layer="raw", n_comps=3, copy=True)
    assert not adata.obsm
    assert np.isnan(copy.obsm["X_pca"][:5]).all()
    same_components(
        copy.obsm["X_pca"][5:], by_sklearn(by_hand(intensities()[5:], ["scale"]), 3), 2e-3
    )
    with pytest.raises(KeyError, match="No layer 'rwa'"):
        sm.pp.features(adata, layer="rwa")


@pytest.mark.parametrize("align", [True, False])
def test_sections_share_features_and_are_aligned(align):
    whole = intensities(350)
    sections = {"a": whole[:200].copy(), "b": whole[200:, ::-1].copy()}
    sections["b"].X *= 2.5
    sm.pp.features(sections, align_sections=align, steps=["log1p", "scale"], n_comps=4)
    found = np.vstack([part.obsm["X_pca"] for part in sections.values()])
    gap = np.abs(found[:200].mean(axis=0) - found[200:].mean(axis=0)).max()
    if align:
        assert gap < 1
        expected = by_sklearn(by_hand(whole, ["log1p", "scale"]), 4)
        for i in range(2):
            assert abs(np.corrcoef(found[:, i], expected[:, i])[0, 1]) > 0.97
    else:
        x = [np.log1p(part[:, whole.var_names].X) for part in sections.values()]
        z = np.vstack(x)
        same_components(found, by_sklearn(z / z.std(axis=0, ddof=1), 4), 2e-3)
        assert gap > 2
    assert list(sections["a"].uns["pca"]["params"]["sections"]) == ["a", "b"]


def test_one_section_wholly_unmeasured_spots_in_several():
    sections = [intensities(60, seed=1), intensities(60, seed=2)]
    sections[1].X[:4] = np.nan
    with pytest.warns(UserWarning, match="4 of 120 spots"):
        sm.pp.features(sections)
    assert np.isnan(sections[1].obsm["X_pca"][:4]).all()
    assert np.isfinite(sections[1].obsm["X_pca"][4:]).all()


def test_on_disk_as_in_memory(tmp_path):
    pytest.importorskip("dask")
    adata = intensities()
    adata.X[5] = np.nan
    adata.write_h5ad(tmp_path / "x.h5ad")
    lazy = sm.io.read_lazily(tmp_path / "x.h5ad")
    steps = ["total", "log1p", "scale"]
    for one in (adata, lazy):
        with pytest.warns(UserWarning, match="1 of 120"):
            sm.pp.features(one, steps=steps, n_comps=4, progress=False)
    same_components(lazy.obsm["X_pca"][6:], adata.obsm["X_pca"][6:], 1e-3)


def test_sections_named_otherwise_are_no_modalities():
    sections = [intensities(64, seed=1), intensities(64, seed=2)]
    sm.pp.features(sections)
    with pytest.raises(ValueError, match="look like sections, not modalities"):
        sm.tl.smart({"a": sections[0], "b": sections[1]}, progress=False)


def test_two_modalities_of_any_kind_are_no_sections(recwarn):
    parts = {"msi": intensities(64, seed=1), "lipids": intensities(64, seed=2)}
    for part in parts.values():
        part.obsm["spatial"] = np.argwhere(np.ones((8, 8))).astype(float)
        sm.pp.features(part, n_comps=5)
    mdata = sm.tl.smart(parts, epochs=2, progress=False)
    assert mdata.obsm["X_smart"].shape == (64, 64)
    assert not [w for w in recwarn if "modalities of the same spots" in str(w.message)]


class TestEmbedding:
    def spots(self, width, n=90, seed=0):
        rng = np.random.default_rng(seed)
        adata = ad.AnnData(
            rng.normal(2, 1, (n, width)) * np.linspace(3, 1, width),
            obs=pd.DataFrame(index=[f"spot{i}" for i in range(n)]),
        )
        return adata

    @pytest.mark.parametrize("steps", [(), ("scale",)])
    def test_wide_vectors_are_reduced(self, steps):
        adata = self.spots(50)
        x = adata.X / (adata.X.std(axis=0, ddof=1) if steps else 1)
        sm.pp.embedding(adata, steps=steps, n_comps=6)
        same_components(adata.obsm["X_pca"], by_sklearn(x, 6), 2e-3)
        assert adata.varm["PCs"].shape == (50, 6)
        assert adata.uns["pca"]["params"]["reduced"]

    @pytest.mark.parametrize("steps", [(), ("scale",)])
    def test_narrow_ones_are_centred_and_keep_their_dimensions(self, steps):
        adata = self.spots(12)
        adata.X[:, 4] = 7
        keep = np.setdiff1d(np.arange(12), 4)
        expected = adata.X[:, keep] - adata.X[:, keep].mean(axis=0)
        if steps:
            expected /= expected.std(axis=0, ddof=1)
        sm.pp.embedding(adata, steps=steps)
        np.testing.assert_allclose(adata.obsm["X_pca"], expected, atol=2e-6)
        assert not adata.uns["pca"]["params"]["reduced"]

    def test_x_obsm_and_a_table_are_alike(self):
        adata = self.spots(40)
        adata.obsm["UNI"] = adata.X
        table = pd.DataFrame(adata.X, index=adata.obs_names)
        for vectors, key in (
            (None, "x"),
            ("UNI", "o"),
            (table.sample(frac=1, random_state=0), "t"),
        ):
            sm.pp.embedding(adata, vectors, key_added=key, n_comps=5)
        np.testing.assert_array_equal(adata.obsm["o"], adata.obsm["x"])
        np.testing.assert_array_equal(adata.obsm["t"], adata.obsm["x"])

    def test_spots_without_a_vector_were_not_measured(self):
        adata = self.spots(8)
        table = pd.DataFrame(adata.X, index=adata.obs_names)
        table.loc["elsewhere"] = 0.0
        with pytest.warns(UserWarning, match="10 of 90 spots"):
            copy = sm.pp.embedding(adata, table.iloc[10:], copy=True)
        assert np.isnan(copy.obsm["X_pca"][:10]).all()
        expected = adata.X[10:] - adata.X[10:].mean(axis=0)
        np.testing.assert_allclose(copy.obsm["X_pca"][10:], expected, atol=2e-6)
        assert not adata.obsm

    @pytest.mark.parametrize("width", [8, 40])
    def test_sections_are_centred_each(self, width):
        sections = {"a": self.spots(width, 300, 1), "b": self.spots(width, 300, 2)}
        for part in sections.values():
            part.obsm["UNI"] = np.array(part.X)
        sections["b"].obsm["UNI"] += 50
        gaps = []
        for align in (True, False):
            sm.pp.embedding(sections, "UNI", align_sections=align)
            a, b = (part.obsm["X_pca"] for part in sections.values())
            assert a.shape == (300, min(width, 30))
            gaps.append(np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)))
        # Sections of few spots are not moved the whole way.
        assert gaps[1] == pytest.approx(50 * np.sqrt(width), rel=0.01)
        assert gaps[0] < 0.05 * gaps[1]

    def test_sections_of_other_dimensions_are_refused(self):
        with pytest.raises(ValueError, match=r"different numbers of dimensions .*'1': 8.*'2': 9"):
            sm.pp.embedding([self.spots(8), self.spots(9)])

    @pytest.mark.parametrize(
        ("vectors", "error", "words"),
        [
            ("UNI", KeyError, r"No obsm\['UNI'\]"),
            (pd.DataFrame({"a": [1.0]}, index=["x"]), ValueError, "none of the spots.*'x'"),
            (
                pd.DataFrame({"a": ["x"], "b": [1]}, index=["spot0"]),
                ValueError,
                "hold no numbers: a",
            ),
            (np.ones((90, 3)), TypeError, "a key in obsm or a table, not ndarray"),
        ],
    )
    def test_bad_vectors_are_refused(self, vectors, error, words):
        adata = self.spots(4)
        with pytest.raises(error, match=words):
            sm.pp.embedding(adata, vectors)
        assert not adata.obsm


def test_dimensions_of_tables_are_matched_by_their_names():
    rng = np.random.default_rng(5)
    names = [f"dim{i}" for i in range(12)]
    sections, tables = {}, {}
    for name in ("a", "b"):
        index = [f"{name}{i}" for i in range(30)]
        sections[name] = ad.AnnData(obs=pd.DataFrame(index=index))
        tables[name] = pd.DataFrame(rng.normal(size=(30, 12)), index=index, columns=names)
    shuffled = tables | {"b": tables["b"][rng.permutation(names)]}
    results = [
        sm.pp.embedding(sections, given, n_comps=5, copy=True) for given in (tables, shuffled)
    ]
    for name in sections:
        one, other = (result[name].obsm["X_pca"] for result in results)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    other = tables | {"b": tables["b"].rename(columns={"dim3": "mean"})}
    with pytest.raises(ValueError, match="Vectors of section 'b' have other dimensions"):
        sm.pp.embedding(sections, other, n_comps=5)
