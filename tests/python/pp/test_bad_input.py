"""What smartcore.pp refuses, with words that help, and without touching the object."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm

FUNCTIONS = {"gene": sm.pp.rna, "protein": sm.pp.protein, "peak": sm.pp.chromatin}


@pytest.fixture
def adata():
    rng = np.random.default_rng(0)
    return ad.AnnData(sp.csr_matrix(rng.poisson(3, (60, 40)).astype(np.float32)))


def refused(function, adata, error, words, **kwargs):
    """``function`` raises; ``adata`` is then as it was."""
    before = adata.copy()
    with pytest.raises(error, match=words):
        function(adata, **kwargs)
    for added in (adata.obsm, adata.varm, adata.uns):
        assert not added
    assert list(adata.layers) == list(before.layers)
    pd.testing.assert_frame_equal(adata.var, before.var)
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    if adata.X is not None:
        assert type(adata.X) is type(before.X)
        assert adata.X.dtype == before.X.dtype
        values = [x.data if sp.issparse(x) else x for x in (adata.X, before.X)]
        np.testing.assert_array_equal(*values)


def with_value(x, value):
    x = x.copy()
    x.data[[5, 17]] = value
    return x


def scaled(x):
    data = ad.AnnData(x.toarray())
    sc.pp.scale(data)
    return data.X


VALUES = {
    "negative": (lambda x: with_value(x, -4), ValueError, r"negative values \(such as -4\)"),
    "NaN": (lambda x: with_value(x, np.nan), ValueError, "X has nan among its values"),
    "infinite": (lambda x: with_value(x, np.inf), ValueError, "X has inf among its values"),
    "minus infinite": (lambda x: with_value(x, -np.inf), ValueError, "-inf among its values"),
    "beyond float32": (
        lambda x: with_value(x.astype(np.float64), 1e39),
        ValueError,
        "inf among its values",
    ),
    "log": (lambda x: x.log1p(), ValueError, r"no whole numbers \(such as .*log-transformed"),
    "normalised": (lambda x: x.multiply(0.3).tocsr(), ValueError, "check_counts=False"),
    "scaled": (scaled, ValueError, "negative values .* Give raw counts"),
    "objects": (lambda x: x.toarray().astype(object), ValueError, "X holds object, not numbers"),
    "strings": (lambda x: x.toarray().astype(str), ValueError, "X holds <U32, not numbers"),
    "complex": (lambda x: x.toarray() + 1j, ValueError, "X holds complex64, not numbers"),
    "zeros": (lambda x: x * 0, ValueError, "all counts are 0"),
}


@pytest.mark.parametrize("form", ["sparse", "dense"])
@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize("case", VALUES)
def test_values_that_are_no_counts(adata, what, case, form):
    change, error, words = VALUES[case]
    x = change(adata.X)
    if form == "dense" and sp.issparse(x):
        x = x.toarray()
    refused(FUNCTIONS[what], ad.AnnData(x), error, words)


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "nan"), (np.inf, "inf"), (-1, "negative"), (-0.5, "negative")]
)
def test_what_is_refused_on_request_too(adata, what, value, words):
    bad = ad.AnnData(with_value(adata.X, value))
    refused(FUNCTIONS[what], bad, ValueError, words, check_counts=False)


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize("shape", [(0, 40), (60, 0), (0, 0), (1, 40)])
def test_too_few_spots_or_features(what, shape):
    adata = ad.AnnData(np.ones(shape, np.float32))
    words = f"X has {shape[0]} spots and {shape[1]} {what}s"
    refused(FUNCTIONS[what], adata, ValueError, words)


@pytest.mark.parametrize("what", FUNCTIONS)
def test_no_counts_at_all(what):
    adata = ad.AnnData(obs=pd.DataFrame(index=["a", "b"]), var=pd.DataFrame(index=["x"]))
    refused(FUNCTIONS[what], adata, ValueError, "X is empty: counts are needed")


@pytest.mark.parametrize("what", FUNCTIONS)
def test_unknown_layer(adata, what):
    refused(FUNCTIONS[what], adata, KeyError, "No layer 'counts'; there are none", layer="counts")
    adata.layers["raw"] = adata.X.copy()
    refused(
        FUNCTIONS[what], adata, KeyError, r"No layer 'counts'; there are \['raw'\]", layer="counts"
    )


@pytest.mark.parametrize("what", FUNCTIONS)
def test_a_bad_layer_is_named(adata, what):
    adata.layers["log"] = adata.X.log1p()
    refused(FUNCTIONS[what], adata, ValueError, "layer 'log' has values", layer="log")


@pytest.mark.parametrize("what", FUNCTIONS)
def test_other_containers(adata, what):
    with pytest.raises(TypeError, match="AnnData is needed, not ndarray"):
        FUNCTIONS[what](adata.X.toarray())
    with pytest.raises(TypeError, match=r"AnnData is needed, not MuData; .* mdata\['rna'\]"):
        FUNCTIONS[what](sm.datasets.tri_omics((6, 6)))


@pytest.mark.parametrize(("what", "function"), [("gene", sm.pp.rna), ("peak", sm.pp.chromatin)])
def test_no_feature_in_so_many_spots(adata, what, function):
    most = (adata.X > 0).sum(axis=0).max()
    words = rf"No {what} is counted in 61 spots or more \(most: {most}\); a lower min_spots"
    refused(function, adata, ValueError, words, min_spots=61)


def test_nothing_varies():
    refused(
        sm.pp.protein,
        ad.AnnData(np.full((30, 4), 2, np.float32)),
        ValueError,
        "All 4 proteins are constant over the spots",
    )


@pytest.mark.parametrize("name", ["n_comps", "n_top_genes"])
@pytest.mark.parametrize("value", [0, -1, 2.5, np.nan, np.inf, "5", True, [5]])
def test_numbers_that_must_be_whole_and_positive(adata, name, value):
    words = f"{name}=.* must be a whole number from 1 up"
    refused(sm.pp.rna, adata, ValueError, words, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_spots", -1), ("min_spots", 2.5), ("min_spots", None), ("seed", -1), ("seed", None)],
)
def test_numbers_that_must_be_whole(adata, name, value):
    for function in (sm.pp.rna, sm.pp.chromatin):
        words = f"{name}={value} must be a whole number from 0 up"
        refused(function, adata, ValueError, words, **{name: value})


@pytest.mark.parametrize("name", ["target_sum", "scale_factor"])
@pytest.mark.parametrize("value", [0, -1e4, np.nan, np.inf, None, "1e4"])
def test_numbers_that_must_be_positive(adata, name, value):
    words = f"{name}=.* must be a positive number"
    refused(sm.pp.chromatin, adata, ValueError, words, **{name: value})


def test_whole_numbers_in_floating_point_are_whole_numbers(adata):
    # R's numbers arrive like this.
    found, expected = (
        sm.pp.rna(adata, n_comps=kind(5), n_top_genes=kind(30), min_spots=kind(3), copy=True)
        for kind in (float, int)
    )
    np.testing.assert_array_equal(found.obsm["X_pca"], expected.obsm["X_pca"])


def test_unknown_clr(adata):
    refused(sm.pp.protein, adata, ValueError, "use 'protein' or 'spot'", clr="cell")


@pytest.mark.parametrize("what", FUNCTIONS)
def test_key_that_is_no_string(adata, what):
    refused(FUNCTIONS[what], adata, TypeError, "key_added=None", key_added=None, n_comps=3)
