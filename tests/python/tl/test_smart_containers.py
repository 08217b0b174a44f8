"""tl.smart on AnnData, MuData and dicts, against integrate on arrays aligned by pandas."""

import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm
from helpers.tl import (
    COORDS,
    NAMES,
    QUICK,
    SHAPE,
    N,
    both,
    by_hand,
    embedding,
    joined,
    modality,
    same,
    state,
    unchanged,
)


def test_mudata_in_place():
    mdata = both()
    before = state(mdata)
    assert sm.tl.smart(mdata, **QUICK) is None
    same(embedding(mdata), by_hand(mdata.mod, NAMES))
    assert mdata.obsm["X_smart"].dtype == np.float32
    assert set(mdata.obsm) == {"rna", "protein", "X_smart"}
    for m in mdata.mod:
        unchanged(mdata[m], before[1 + list(mdata.mod).index(m) :][:1])


def test_graph_is_the_spatial_one():
    mdata = both()
    sm.tl.smart(mdata, n_neighbors=4, **QUICK)
    graph = mdata.obsp["smart_connectivities"]
    assert sp.issparse(graph)
    distance = np.abs(COORDS[:, None] - COORDS[None]).sum(axis=2)
    # At the edge, and next to it, the fourth neighbour is farther.
    inner = (np.minimum(COORDS, np.array(SHAPE) - 1 - COORDS) >= 2).all(axis=1)
    assert inner.sum() == 12
    np.testing.assert_array_equal(graph.toarray()[inner] > 0, distance[inner] == 1)
    assert mdata.uns["smart"]["params"]["n_neighbors"] == 4


def test_copy_leaves_the_original_alone():
    for data in (both(), modality("rna")):
        before = state(data)
        copy = sm.tl.smart(data, copy=True, **QUICK)
        unchanged(data, before)
        assert type(copy) is type(data)
        assert list(copy.obs.columns) == list(data.obs.columns)
        in_place = data
        sm.tl.smart(in_place, **QUICK)
        same(embedding(copy), embedding(in_place))


def test_copy_of_mudata_pulls_no_columns():
    mdata = both()
    for m in mdata.mod:
        mdata[m].obs["n_counts"] = 4.0
    assert list(sm.tl.smart(mdata, copy=True, **QUICK).obs.columns) == []


def test_dict_gives_a_mudata_and_stays_as_it_is():
    modalities = {"rna": modality("rna"), "protein": modality("protein")}
    before = {m: state(a) for m, a in modalities.items()}
    result = sm.tl.smart(modalities, **QUICK)
    assert isinstance(result, md.MuData)
    assert list(result.mod) == ["rna", "protein"]
    for m, adata in modalities.items():
        unchanged(adata, before[m])
        assert result[m] is adata
    same(embedding(result), by_hand(modalities, NAMES))


def test_features_of_the_same_name_in_a_dict(recwarn):
    modalities = {"rna": modality("rna"), "protein": modality("protein")}
    modalities["protein"].var_names = modalities["rna"].var_names
    sm.tl.smart(modalities, **QUICK)
    assert not [str(w.message) for w in recwarn]


def test_anndata_of_one_modality():
    adata = modality("rna")
    assert sm.tl.smart(adata, **QUICK) is None
    same(embedding(adata), by_hand({"rna": adata}, NAMES))
    assert adata.uns["smart"]["modalities"].tolist() == ["features"]


def test_anndata_of_one_modality_is_named_by_pp():
    adata = sm.datasets.tri_omics((8, 8), modalities=["protein"])["protein"]
    sm.pp.protein(adata, n_comps=4)
    sm.tl.smart(adata, **QUICK)
    assert adata.uns["smart"]["modalities"].tolist() == ["protein"]
    assert "reconstruction_protein" in adata.uns["smart"]["history"]


def test_anndata_of_several_modalities():
    rna, protein = modality("rna"), modality("protein")
    adata = modality("rna", X_protein=protein.obsm["X_pca"])
    sm.tl.smart(adata, reps={"rna": "X_pca", "protein": "X_protein"}, **QUICK)
    same(embedding(adata), by_hand({"rna": rna, "protein": protein}, NAMES))
    assert adata.uns["smart"]["reps"] == {"rna": "X_pca", "protein": "X_protein"}


@pytest.mark.parametrize("container", ["anndata", "mudata"])
def test_rows_of_nan_are_not_measured(container):
    missing = np.arange(N) % 5 == 2
    rna, protein = modality("rna"), modality("protein")
    expected = by_hand({"rna": rna, "protein": protein[~missing]}, NAMES)
    protein.obsm["X_pca"][missing] = np.nan
    if container == "anndata":
        data = modality("rna", X_protein=protein.obsm["X_pca"])
        sm.tl.smart(data, reps={"rna": "X_pca", "protein": "X_protein"}, **QUICK)
    else:
        data = joined(rna=rna, protein=protein)
        sm.tl.smart(data, **QUICK)
    same(embedding(data), expected)
    assert data.uns["smart"]["n_observed"] == {"rna": N, "protein": N - missing.sum()}


def test_rep_of_each_modality_or_of_all():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    for m in mdata.mod:
        mdata[m].obsm["X_mine"] = mdata[m].obsm["X_pca"]
        del mdata[m].obsm["X_pca"]
    for reps in ("X_mine", {"rna": "X_mine", "protein": "X_mine"}):
        same(embedding(sm.tl.smart(mdata, reps=reps, copy=True, **QUICK)), expected)


def test_reps_choose_modalities():
    mdata = both()
    sm.tl.smart(mdata, reps={"protein": "X_pca"}, **QUICK)
    same(embedding(mdata), by_hand({"protein": mdata["protein"]}, NAMES))


@pytest.mark.parametrize("form", ["frame", "sparse", "float64", "int", "list of one"])
def test_forms_of_features(form):
    adata = modality("rna")
    x = np.rint(10 * adata.obsm["X_pca"])
    adata.obsm["X_pca"] = x
    expected = by_hand({"rna": adata}, NAMES)
    if form == "list of one":
        x = np.rint(10 * np.sin(COORDS[:, :1] / 2))
        adata.obsm["X_pca"] = x
        expected = by_hand({"rna": adata}, NAMES)
    else:
        adata.obsm["X_pca"] = {
            "frame": lambda: pd.DataFrame(x, index=NAMES, columns=list("abcde")),
            "sparse": lambda: sp.csr_matrix(x),
            "float64": lambda: x.astype(np.float64),
            "int": lambda: x.astype(np.int32),
        }[form]()
    sm.tl.smart(adata, **QUICK)
    np.testing.assert_allclose(embedding(adata).loc[NAMES], expected, atol=1e-5)


def test_two_runs_side_by_side():
    mdata = both()
    sm.tl.smart(mdata, **QUICK)
    first = embedding(mdata)
    sm.tl.smart(mdata, key_added="other", seed=1, **QUICK)
    same(embedding(mdata), first)
    assert np.abs(embedding(mdata, "X_other") - first).to_numpy().max() > 0
    assert {"smart", "other"} <= set(mdata.uns)
    assert {"smart_connectivities", "other_connectivities"} <= set(mdata.obsp)


def test_alpha_and_preset_reach_the_method():
    mdata = both()
    sm.tl.smart(mdata, preset="paper", alpha={"rna": 2.0}, **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES, preset="paper", alpha={"rna": 2.0}))
    assert mdata.uns["smart"]["params"]["preset"] == "paper"
    assert mdata.uns["smart"]["params"]["alpha"] == {"rna": 2.0}
