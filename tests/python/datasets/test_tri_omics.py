"""The simulated set against the distribution that it promises, and against the published set."""

import warnings

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import read_h5ad
from scipy import sparse, stats

from smartcore.datasets import tri_omics

PATTERN = """
000000111111000000222222222222222222
111111111111111111222222000000222222
000000111111000000222222222222222222
333333000000000000444444444444444444
333333333333000000000000444444000000
333333333333333333000000444444000000
"""


def dense(mdata, name):
    return mdata.mod[name].X.toarray()


def codes(mdata):
    return mdata.obs["domain"].cat.codes.to_numpy()


def states(mdata, name):
    """Which counts have their spatial, and their non-spatial, factor active."""
    var = mdata.mod[name].var
    spatial = mdata.obs["domain"].to_numpy()[:, None] == var["spatial_factor"].to_numpy()
    other = mdata.obsm["nonspatial"][:, var["nonspatial_factor"]].astype(bool)
    return spatial, other


@pytest.fixture(scope="module")
def default():
    return tri_omics()


def test_layout(default):
    assert list(default.mod) == ["rna", "protein", "chromatin"]
    assert [a.shape for a in default.mod.values()] == [(1296, 1000), (1296, 100), (1296, 1000)]
    for part in (default, *default.mod.values()):
        assert part.obs["domain"].cat.categories.tolist() == [
            "background",
            *(f"factor {k}" for k in range(1, 5)),
        ]
        assert part.obs_names.is_unique
        assert part.var_names.is_unique
        assert part.obs_names[37] == "spot_1_1"
        np.testing.assert_array_equal(part.obsm["spatial"][37 + 4], [5, 1])
        assert part.obsm["spatial"].dtype == np.float64
        assert not [column for column in part.obs if column != "domain"]
    for part in default.mod.values():
        assert sparse.issparse(part.X)
        assert part.X.format == "csr"
        assert part.X.dtype == np.float32
        assert (part.X.data > 0).all()
        np.testing.assert_array_equal(part.X.data, np.round(part.X.data))
    assert default["rna"].var_names[0] == "gene_0001"
    assert default["protein"].var_names[-1] == "protein_100"
    assert default["chromatin"].var_names[0] == "chr1:1000-1500"


def test_pattern_of_the_published_set(default):
    expected = np.repeat([list(map(int, row)) for row in PATTERN.split()], 6, axis=0)
    xy = default.obsm["spatial"].astype(int)
    result = np.empty((36, 36), dtype=int)
    result[xy[:, 1], xy[:, 0]] = codes(default)
    np.testing.assert_array_equal(result, expected)


def test_pattern_stretches():
    expected = np.array([list(map(int, row[::6])) for row in PATTERN.split()])
    small = tri_omics((6, 6), n_genes=2, modalities=["rna"])
    np.testing.assert_array_equal(codes(small).reshape(6, 6), expected)
    wide = codes(tri_omics((7, 20), n_genes=2, modalities=["rna"])).reshape(7, 20)
    for axis, sizes in ((0, {1, 2}), (1, {3, 4})):
        changes = np.flatnonzero((np.diff(wide, axis=axis) != 0).any(axis=1 - axis)) + 1
        assert set(np.diff([0, *changes, wide.shape[axis]])) == sizes
        wide = np.delete(wide, np.setdiff1d(np.arange(wide.shape[axis]), [0, *changes]), axis)
    np.testing.assert_array_equal(wide, expected)


@pytest.mark.parametrize("name", ["rna", "protein", "chromatin"])
def test_counts_follow_the_stated_distribution(default, name):
    b, s, t, phi, phi_b = {
        "rna": (0.56, 12.4, 10.6, 0.055, 9.0),
        "protein": (4.6, 111.8, 91.4, 0.155, 9.7),
        "chromatin": (1.48, 12.0, 10.0, 0.045, 2.8),
    }[name]
    lost = 0.0 if name == "protein" else 0.5
    X = dense(default, name)
    spatial, other = states(default, name)
    for is_spatial in (False, True):
        for is_other in (False, True):
            sample = X[(spatial == is_spatial) & (other == is_other)]
            added = s * is_spatial + t * is_other
            mean, excess = b + added, phi_b * b**2 + phi * added**2
            nb = stats.nbinom(mean**2 / excess, mean / (mean + excess))
            values = np.arange(nb.ppf(0.999) + 1)
            expected = (1 - lost) * nb.cdf(values) + lost
            observed = np.searchsorted(np.sort(sample), values, side="right") / len(sample)
            # Kolmogorov's bound at p = 1e-6.
            assert np.abs(observed - expected).max() < 2.7 / np.sqrt(len(sample))


def test_parameters_change_what_they_say():
    shape, few = (18, 18), {"n_genes": 300, "modalities": ["rna"]}
    pure = tri_omics(shape, **few, zero_inflation=0, dispersion=0, n_nonspatial=0, signal=2)
    X = dense(pure, "rna")
    assert pure.obsm["nonspatial"].shape == (324, 0)
    assert (pure["rna"].var["nonspatial_factor"] == -1).all()
    spatial = pure.obs["domain"].to_numpy()[:, None] == pure["rna"].var["spatial_factor"].to_numpy()
    for mask, mean in ((spatial, 0.56 + 2 * 12.4), (~spatial, 0.56)):
        error = 5 * np.sqrt(mean / mask.sum())
        assert X[mask].mean() == pytest.approx(mean, abs=error)
        assert X[mask].var() == pytest.approx(mean, rel=0.05)  # Poisson

    flat = tri_omics(shape, **few, signal=0, p_nonspatial=0)
    spatial, _ = states(flat, "rna")
    result = stats.ks_2samp(dense(flat, "rna")[spatial], dense(flat, "rna")[~spatial])
    assert result.pvalue > 1e-3

    many = tri_omics(shape, **few, n_nonspatial=7, p_nonspatial=0.6)
    assert many.obsm["nonspatial"].shape == (324, 7)
    assert many.obsm["nonspatial"].mean() == pytest.approx(0.6, abs=0.05)
    assert set(many["rna"].var["nonspatial_factor"]) == set(range(7))

    wild = tri_omics(shape, **few, zero_inflation=0, dispersion=4)
    spatial, other = states(wild, "rna")
    sample = dense(wild, "rna")[spatial & ~other]
    assert sample.var() == pytest.approx(12.96 + 4 * (9 * 0.56**2 + 0.055 * 12.4**2), rel=0.1)


def test_a_pattern_of_ones_own():
    single_spots = np.random.default_rng(0).integers(0, 7, (9, 11))
    mdata = tri_omics(pattern=single_spots, n_genes=300, modalities=["rna"])
    np.testing.assert_array_equal(codes(mdata).reshape(9, 11), single_spots)
    np.testing.assert_array_equal(mdata.obsm["spatial"][11], [0, 1])
    assert mdata.obs["domain"].cat.categories[-1] == "factor 6"
    assert set(mdata["rna"].var["spatial_factor"]) == {f"factor {k}" for k in range(1, 7)}
    spatial, other = states(mdata, "rna")
    X = dense(mdata, "rna")
    assert X[spatial & ~other].mean() == pytest.approx(0.5 * 12.96, rel=0.1)
    assert X[~spatial & ~other].mean() == pytest.approx(0.5 * 0.56, rel=0.1)


def test_the_usual_pattern_given_by_hand_changes_nothing(default):
    again = tri_omics(pattern=codes(default).reshape(36, 36).astype(float), modalities=["rna"])
    assert (again["rna"].X != default["rna"].X).nnz == 0


def test_gradual_borders():
    halves = np.repeat([[1, 2]], 10, axis=1).repeat(400, axis=0)
    mdata = tri_omics(
        pattern=halves,
        modalities=["rna"],
        n_genes=40,
        n_nonspatial=0,
        zero_inflation=0,
        dispersion=0,
        border=2,
    )
    np.testing.assert_array_equal(codes(mdata).reshape(halves.shape), halves)
    first = (mdata["rna"].var["spatial_factor"] == "factor 1").to_numpy()
    by_column = dense(mdata, "rna")[:, first].mean(axis=1).reshape(halves.shape).mean(axis=0)
    expected = 0.56 + 12.4 * stats.norm.cdf((9.5 - np.arange(20)) / 2)
    np.testing.assert_allclose(by_column, expected, atol=0.25)


def test_factors_that_a_modality_does_not_see(default):
    mdata = tri_omics(unseen={"protein": ["factor 1", "factor 3"]})
    assert (mdata["rna"].X != default["rna"].X).nnz == 0
    pd.testing.assert_frame_equal(mdata["protein"].var, default["protein"].var)
    spatial, other = states(mdata, "protein")
    hidden = mdata["protein"].var["spatial_factor"].isin(["factor 1", "factor 3"]).to_numpy()
    X = dense(mdata, "protein")
    assert X[spatial & ~other & hidden].mean() == pytest.approx(4.6, rel=0.2)
    assert X[spatial & ~other & ~hidden].mean() == pytest.approx(4.6 + 111.8, rel=0.05)


def test_modalities_have_their_own_streams(default):
    again = tri_omics(modalities=["chromatin", "rna"])
    assert list(again.mod) == ["chromatin", "rna"]
    for name in ("rna", "chromatin"):
        assert (again[name].X != default[name].X).nnz == 0
        pd.testing.assert_frame_equal(again[name].var, default[name].var)
    fewer = tri_omics(n_proteins=7)
    assert (fewer["rna"].X != default["rna"].X).nnz == 0
    other = tri_omics(seed=1)
    assert (other["rna"].X != default["rna"].X).nnz > 0
    assert not np.array_equal(other.obsm["nonspatial"], default.obsm["nonspatial"])
    # Modalities share cell states but not what their features follow.
    assert (
        default["rna"].var["spatial_factor"]
        != default["chromatin"].var["spatial_factor"].to_numpy()
    ).any()


def test_no_global_random_state_and_no_warnings():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tri_omics((6, 6), n_genes=3, n_proteins=3, n_peaks=3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_survives_writing(tmp_path):
    mdata = tri_omics((6, 6), n_genes=3, n_proteins=3, n_peaks=3)
    mdata.write(tmp_path / "set.h5mu")
    with mudata.set_options(pull_on_update=False):
        back = mudata.read(tmp_path / "set.h5mu")
    np.testing.assert_array_equal(dense(back, "rna"), dense(mdata, "rna"))
    pd.testing.assert_series_equal(back.obs["domain"], mdata.obs["domain"])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"shape": (5, 36)}, r"at least 6, not \(5, 36\)"),
        ({"shape": (36,)}, "two whole numbers"),
        ({"shape": 36}, "two whole numbers"),
        ({"shape": (6.5, 7)}, "two whole numbers"),
        ({"n_genes": 0}, "rna must have at least 1 feature"),
        ({"modalities": ["rna", "lipid"]}, "'lipid' is unknown: choose among 'rna', 'protein'"),
        ({"modalities": "rna"}, "sequence"),
        ({"modalities": []}, "sequence"),
        ({"modalities": ["rna", "rna"]}, "more than once"),
        ({"zero_inflation": 1.0}, "zero_inflation"),
        ({"p_nonspatial": 1.5}, "p_nonspatial"),
        ({"signal": -1}, "signal"),
        ({"dispersion": float("nan")}, "dispersion"),
        ({"n_nonspatial": -1}, "n_nonspatial"),
        ({"border": -1}, "border"),
        ({"pattern": [1, 2]}, r"grid of whole numbers.*shape \(2,\)"),
        ({"pattern": [["a"]]}, "grid of whole numbers"),
        ({"pattern": [[0.5, 1]]}, "must hold whole numbers"),
        ({"pattern": [[-1, 1]]}, "must hold whole numbers"),
        ({"pattern": [[0, 0]]}, "holds no factor"),
        ({"unseen": {"lipid": ["factor 1"]}}, "modality 'lipid'"),
        ({"unseen": {"rna": ["factor 9"]}}, r"some of .*'factor 4'\], not \['factor 9'\]"),
        ({"unseen": {"rna": "factor 1"}}, "sequence of some of"),
    ],
)
def test_refuses_bad_parameters(kwargs, message):
    with pytest.raises(ValueError, match=message):
        tri_omics(**kwargs)


@pytest.mark.parametrize(
    ("name", "file", "tolerance"),
    [
        ("rna", "RNA", 0.07),
        # In the published set the protein's cell states are active in 26 % of the spots.
        ("protein", "ADT", 0.2),
        ("chromatin", "ATAC", 0.07),
    ],
)
def test_resembles_the_published_set(default, shared_data, name, file, tolerance):
    real = read_h5ad(shared_data / "tri_omics_sim" / f"adata_{file}.h5ad")
    pairs = [
        (real.X.toarray(), real.obs["domain"].to_numpy().astype(int)),
        (dense(default, name), codes(default)),
    ]
    summaries = []
    for X, domain in pairs:
        own = np.array([X[domain == k].mean(axis=0) for k in range(5)]).argmax(axis=0)
        inside = X[domain[:, None] == own]
        outside = X[domain[:, None] != own]
        summaries.append(
            {
                "mean": X.mean(),
                "sd": X.std(),
                "mean inside": inside.mean(),
                "nonzero median inside": np.median(inside[inside > 0]),
                "nonzero 90 % inside": np.quantile(inside[inside > 0], 0.9),
                "sd outside": outside.std(),
                "depth sd": X.sum(axis=1).std(),
            }
        )
        summaries[-1] |= {"zeros": (X == 0).mean(), "zeros inside": (inside == 0).mean()}
    expected, result = summaries
    for key in ("zeros", "zeros inside"):
        assert result.pop(key) == pytest.approx(expected.pop(key), abs=0.05), key
    assert result == pytest.approx(expected, rel=tolerance)
