"""smartcore.tl.smart on AnnData, MuData and dicts, against integrate on arrays aligned by pandas."""

import re
import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm

QUICK = {"epochs": 3, "latent_dim": 8, "progress": False}
SHAPE = (8, 7)
N = SHAPE[0] * SHAPE[1]
NAMES = np.array([f"spot{i}" for i in range(N)])
COORDS = np.argwhere(np.ones(SHAPE)).astype(float)
WIDTHS = {"rna": 5, "protein": 3, "chromatin": 4}


def modality(name, rows=None, **obsm) -> ad.AnnData:
    """Spots ``rows``, in that order, with components that follow the place."""
    rng = np.random.default_rng(len(name))
    x = np.sin(COORDS @ rng.normal(size=(2, WIDTHS[name]))) + 0.3 * rng.normal(
        size=(N, WIDTHS[name])
    )
    rows = np.arange(N) if rows is None else rows
    adata = ad.AnnData(
        np.ones((len(rows), 4), np.float32),
        obs=pd.DataFrame(index=NAMES[rows]),
        var=pd.DataFrame(index=[f"{name}{i}" for i in range(4)]),
    )
    adata.obsm["X_pca"] = x[rows].astype(np.float32)
    adata.obsm["spatial"] = COORDS[rows]
    for key, value in obsm.items():
        adata.obsm[key] = np.asarray(value)[rows]
    return adata


def joined(**modalities) -> md.MuData:
    with md.set_options(pull_on_update=False):
        return md.MuData(modalities)


def both() -> md.MuData:
    return joined(rna=modality("rna"), protein=modality("protein"))


def by_hand(modalities, names, sections=None, **settings) -> pd.DataFrame:
    """The embedding by integrate, of arrays that pandas aligned to ``names``."""
    frames = {
        m: pd.DataFrame(a.obsm["X_pca"], index=a.obs_names).reindex(names)
        for m, a in modalities.items()
    }
    result = sm.integrate(
        {m: frame.to_numpy() for m, frame in frames.items()},
        pd.DataFrame(COORDS, index=NAMES).loc[names].to_numpy(),
        sections=sections,
        observed={m: frame.notna().all(axis=1).to_numpy() for m, frame in frames.items()},
        **{"epochs": 3, "latent_dim": 8, **settings},
    )
    return pd.DataFrame(result.embedding, index=names)


def embedding(data, key="X_smart") -> pd.DataFrame:
    return pd.DataFrame(data.obsm[key], index=data.obs_names)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.loc[expected.index], expected, check_exact=True)


def state(data):
    """All that smart could have changed, for comparison."""
    parts = [data, *(data.mod.values() if isinstance(data, md.MuData) else [])]
    return [
        (
            list(part.obs_names),
            list(part.obs.columns),
            {key: np.array(value) for key, value in part.obsm.items()},
            list(part.obsp),
            sorted(part.uns),
        )
        for part in parts
    ]


def unchanged(data, before) -> None:
    for now, old in zip(state(data), before, strict=True):
        assert now[:2] + now[3:] == old[:2] + old[3:]
        assert list(now[2]) == list(old[2])
        for key in old[2]:
            np.testing.assert_array_equal(now[2][key], old[2][key])


def refused(data, error, words, **settings) -> None:
    before = None if isinstance(data, dict) else state(data)
    parts = {m: state(a) for m, a in data.items()} if isinstance(data, dict) else {}
    with pytest.raises(error, match=words):
        sm.tl.smart(data, **{**QUICK, **settings})
    if before is not None:
        unchanged(data, before)
    for m, old in parts.items():
        unchanged(data[m], old)


# --- containers -----------------------------------------------------------------------------


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


# --- spots ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dict", "mudata"])
def test_spots_in_other_orders(kind):
    rng = np.random.default_rng(1)
    rna, protein = (modality(m, rng.permutation(N)) for m in ("rna", "protein"))
    if kind == "dict":
        data = sm.tl.smart({"rna": rna, "protein": protein}, **QUICK)
    else:
        data = joined(rna=rna, protein=protein)
        sm.tl.smart(data, **QUICK)
    assert set(data.obs_names) == set(NAMES)
    same(embedding(data), by_hand({"rna": rna, "protein": protein}, NAMES))


def test_modality_reordered_after_the_mudata_was_made():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    mdata.mod["rna"] = mdata["rna"][::-1].copy()
    sm.tl.smart(mdata, **QUICK)
    assert list(mdata.obs_names) == list(NAMES)
    same(embedding(mdata), expected)


def test_spots_at_one_place_in_other_orders():
    rng = np.random.default_rng(2)
    results = []
    for rows in (np.arange(N), rng.permutation(N)):
        rna = modality("rna", rows, spatial=COORDS // 2)
        sm.tl.smart(rna, **QUICK)
        results.append(embedding(rna))
    same(*results)


@pytest.mark.parametrize("kind", ["dict", "mudata"])
def test_spots_that_a_modality_lacks(kind):
    rna, protein = modality("rna", np.arange(40)), modality("protein", np.arange(N)[:14:-1])
    parts = {"rna": rna, "protein": protein}
    if kind == "dict":
        data = sm.tl.smart(parts, **QUICK)
    else:
        data = joined(**parts)
        sm.tl.smart(data, **QUICK)
    assert data.n_obs == N
    same(embedding(data), by_hand(parts, NAMES))
    assert data.uns["smart"]["n_observed"] == {"rna": 40, "protein": N - 15}


def test_modalities_linked_by_a_third():
    parts = {
        "rna": modality("rna", np.arange(20)),
        "protein": modality("protein", np.arange(30, N)),
        "chromatin": modality("chromatin", np.arange(10, 40)),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*spots lack")
        same(embedding(sm.tl.smart(parts, **QUICK)), by_hand(parts, NAMES))


def test_view_of_spots():
    mdata = both()
    before = state(mdata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        view, adata_view = mdata[NAMES[:30]], mdata["rna"][NAMES[:30]]
        sm.tl.smart(view, **QUICK)
        sm.tl.smart(adata_view, **QUICK)
    same(embedding(view), by_hand(mdata.mod, NAMES[:30]))
    same(embedding(adata_view), by_hand({"rna": mdata["rna"]}, NAMES[:30]))
    unchanged(mdata, before)


def test_names_that_occur_twice():
    for kind in ("dict", "mudata"):
        rna, protein = modality("rna"), modality("protein")
        data = {"rna": rna, "protein": protein} if kind == "dict" else joined(rna=rna, p=protein)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rna.obs_names = ["spot0", "spot1", "spot1", *NAMES[3:]]
        refused(data, ValueError, "1 spot names occur more than once in modality 'rna'.*'spot1'")


def test_one_anndata_needs_no_names():
    adata = modality("rna")
    expected = by_hand({"rna": adata}, NAMES).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.obs_names = ["spot"] * N
        sm.tl.smart(adata, **QUICK)
    np.testing.assert_array_equal(adata.obsm["X_smart"], expected)


@pytest.mark.parametrize(
    ("rename", "hint"),
    [
        (lambda i: f"{NAMES[i]}-1", True),
        (lambda i: f"{NAMES[i]}_protein", True),
        (lambda i: f"protein:{i}", False),
        (lambda i: f"spot{i % 7}-{i}", False),  # cut off they would no longer be distinct
    ],
    ids=["-1", "_protein", "other names", "numbers at the end"],
)
def test_no_spot_in_common(rename, hint):
    data = {"rna": modality("rna"), "protein": modality("protein")}
    data["protein"].obs_names = [rename(i) for i in range(N)]
    before = {m: state(a) for m, a in data.items()}
    with pytest.raises(ValueError, match="'rna' and 'protein' have no spot name") as err:
        sm.tl.smart(data, **QUICK)
    assert "spot0" in str(err.value)
    assert rename(0) in str(err.value)
    assert ("They would match without what follows" in str(err.value)) == hint
    for m, adata in data.items():
        unchanged(adata, before[m])


def test_mudata_out_of_step_with_its_modalities():
    mdata = both()
    mdata["rna"].obs_names = [f"new_{name}" for name in NAMES]
    refused(mdata, ValueError, r"'new_spot0'\): call its update\(\)")


def test_mudata_of_shared_features():
    with md.set_options(pull_on_update=False):
        mdata = md.MuData({"a": modality("rna"), "b": modality("rna")}, axis=1)
    refused(mdata, ValueError, r"must share spots \(axis=0\), not axis=1")


# --- places ---------------------------------------------------------------------------------


def test_joint_coordinates_come_first():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    mdata.obsm["spatial"] = COORDS
    mdata["rna"].obsm["spatial"] = COORDS[::-1] * 3
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), expected)


def test_joint_coordinates_of_some_spots_are_completed():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    mdata.obsm["spatial"] = np.where(np.arange(N)[:, None] < 20, COORDS, np.nan)
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), expected)


def test_coordinates_in_one_modality_alone():
    mdata = both()
    del mdata["rna"].obsm["spatial"]
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES))


def test_coordinates_rounded_in_a_file():
    mdata = both()
    mdata["protein"].obsm["spatial"] = (COORDS + 1e-7).astype(np.float32)
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES))


def test_coordinates_that_differ():
    mdata = both()
    mdata["protein"].obsm["spatial"][[9, 12]] += 0.5
    x, y = COORDS[9]
    words = (
        "Modalities 'rna' and 'protein' have different coordinates (obsm['spatial']) for 2 spots "
        f"(first: 'spot9', [{x}, {y}] and [{x + 0.5}, {y + 0.5}])"
    )
    refused(mdata, ValueError, re.escape(words))


def test_coordinates_of_other_width():
    mdata = both()
    mdata["protein"].obsm["spatial"] = np.column_stack([COORDS, np.zeros(N)])
    refused(mdata, ValueError, "coordinates .* of different widths")


def test_spot_without_coordinates():
    data = {"rna": modality("rna", np.arange(40)), "protein": modality("protein")}
    del data["protein"].obsm["spatial"]
    refused(data, ValueError, rf"{N - 40} of {N} spots have no coordinates .*first: 'spot40'")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_not_finite(value):
    for data in (modality("rna"), joined(rna=modality("rna"))):
        part = data if isinstance(data, ad.AnnData) else data["rna"]
        part.obsm["spatial"][4, 1] = value
        refused(data, ValueError, "1 of 56 spots")


def test_three_dimensions_and_another_key():
    deep = np.column_stack([COORDS, np.arange(N) % 2])
    adata = modality("rna", xyz=deep)
    sm.tl.smart(adata, spatial_key="xyz", n_neighbors=3, **QUICK)
    expected = sm.integrate(
        {"rna": adata.obsm["X_pca"]}, deep, n_neighbors=3, epochs=3, latent_dim=8
    )
    np.testing.assert_array_equal(adata.obsm["X_smart"], expected.embedding)


# --- sections -------------------------------------------------------------------------------

SECTIONS = np.where(np.arange(N) < 28, "left", "right")


@pytest.mark.parametrize("where", ["joint", "one modality", "both modalities"])
@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_sections(where, dtype):
    mdata = both()
    column = pd.Series(SECTIONS, index=NAMES).astype(dtype)
    targets = {"joint": [mdata], "one modality": [mdata["protein"]]}
    for target in targets.get(where, mdata.mod.values()):
        target.obs["section"] = column
    sm.tl.smart(mdata, section_key="section", **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES, sections=SECTIONS))
    left = SECTIONS == "left"
    graph = mdata.obsp["smart_connectivities"]
    assert graph[left][:, left].nnz > 0
    assert graph[left][:, ~left].nnz == graph[~left][:, left].nnz == 0


def test_sections_of_an_anndata():
    adata = modality("rna")
    adata.obs["section"] = SECTIONS
    sm.tl.smart(adata, section_key="section", **QUICK)
    same(embedding(adata), by_hand({"rna": adata}, NAMES, sections=SECTIONS))


def test_sections_that_the_joint_table_has_in_part():
    mdata = both()
    mdata.obs["section"] = np.where(np.arange(N) < 10, "left", None)
    mdata["rna"].obs["section"] = SECTIONS
    sm.tl.smart(mdata, section_key="section", **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES, sections=SECTIONS))


def test_sections_that_differ():
    mdata = both()
    mdata["rna"].obs["section"] = SECTIONS
    mdata["protein"].obs["section"] = np.where(np.arange(N) == 50, "left", SECTIONS)
    words = r"'rna' and 'protein' have different section .*'spot50', \['right'\] and \['left'\]"
    refused(mdata, ValueError, words, section_key="section")


@pytest.mark.parametrize("value", [None, np.nan, pd.NA])
def test_sections_that_are_missing(value):
    column = SECTIONS.astype(object)
    column[[7, 9]] = value
    adata, mdata = modality("rna"), both()
    for part in (adata, *mdata.mod.values()):
        part.obs["section"] = column
    for data in (adata, mdata):
        refused(data, ValueError, "^2 of 56 spots have no section .*'spot7'", section_key="section")


# --- keys and settings ----------------------------------------------------------------------


def test_missing_keys_list_those_there():
    adata, mdata = modality("rna", X_umap=COORDS), both()
    adata.obs["batch"] = "a"
    mdata["protein"].obs["batch"] = "a"
    there = r"obsm has \['X_pca', 'X_umap', 'spatial'\]"
    refused(adata, KeyError, f"No obsm\\['X_x'\\] .*{there}", reps="X_x")
    refused(adata, KeyError, f"No obsm\\['X_x'\\] .*modality 'b'.*{there}", reps={"b": "X_x"})
    refused(adata, KeyError, f"No obsm\\['xy'\\] for the coord.*{there}", spatial_key="xy")
    refused(adata, KeyError, r"No obs\['s'\] .*has \['batch'\]", section_key="s")
    refused(mdata, KeyError, r"modality 'rna'; obsm has \['X_pca', 'spatial'\]", reps="X_x")
    refused(mdata, KeyError, r"\['adt'\]; the modalities are \['rna', 'p", reps={"adt": "X_pca"})
    refused(mdata, KeyError, r"'rna': \['X_pca', 'spatial'\], 'protein'", spatial_key="xy")
    refused(mdata, KeyError, r"No obs\['s'\].*'protein': \['batch'\]", section_key="s")


def test_missing_components_point_to_pp():
    adata = modality("rna")
    del adata.obsm["X_pca"]
    refused(adata, KeyError, "Make them with smartcore.pp")
    refused({"rna": adata}, KeyError, "modality 'rna'.*Make them with smartcore.pp")


@pytest.mark.parametrize("reps", [["X_pca"], ("X_pca", "X_protein"), 3])
def test_reps_of_another_kind(reps):
    for data in (modality("rna"), both()):
        refused(data, TypeError, "must be a key of obsm, or a dict modality", reps=reps)


def test_no_reps():
    for data in (modality("rna"), both()):
        refused(data, ValueError, "reps is empty", reps={})


@pytest.mark.parametrize("form", ["array", "frame"])
@pytest.mark.parametrize("key", ["X_pca", "spatial"])
def test_text_where_numbers_belong(form, key):
    text = np.full((N, 2), "a")
    for data in (modality("rna"), both()):
        part = data if isinstance(data, ad.AnnData) else data["rna"]
        part.obsm[key] = text if form == "array" else pd.DataFrame(text, index=NAMES)
        with pytest.raises(ValueError, match=rf"obsm\['{key}'\] .* not numbers"):
            sm.tl.smart(data, **QUICK)


def test_features_that_are_partly_nan():
    adata = modality("rna")
    adata.obsm["X_pca"][3, 1] = np.nan
    refused(adata, ValueError, "NaN or infinite in 1 of 56 spots")


def test_spot_without_any_modality():
    adata = modality("rna")
    adata.obsm["X_pca"][3] = np.nan
    refused(adata, ValueError, "1 spots are observed in no modality")


@pytest.mark.parametrize(
    "data", [None, "rna.h5ad", np.ones((5, 2)), {modality}, pd.DataFrame({"a": [1]})]
)
def test_other_containers(data):
    with pytest.raises(TypeError, match="data must be a MuData, an AnnData or a dict"):
        sm.tl.smart(data, **QUICK)


def test_dicts_of_something_else():
    with pytest.raises(ValueError, match="dict of modalities is empty"):
        sm.tl.smart({}, **QUICK)
    with pytest.raises(TypeError, match="Modality 'rna' is no AnnData but ndarray"):
        sm.tl.smart({"rna": np.ones((5, 2))}, **QUICK)
    with pytest.raises(ValueError, match="MuData has no modality"):
        sm.tl.smart(joined(), **QUICK)
    with pytest.raises(TypeError, match="Modality 'pair' is no AnnData but MuData"):
        sm.tl.smart(joined(pair=both()), reps="spatial", **QUICK)


def test_settings_that_do_not_exist_or_fit():
    refused(both(), TypeError, "Unknown parameter n_epochs.*epochs", n_epochs=3)
    refused(both(), ValueError, "alpha names .*adt.*the modalities are", alpha={"adt": 1.0})
    refused(both(), ValueError, "preset='best'", preset="best")
    refused(both(), ValueError, "use at most 55", n_neighbors=60)
    refused(both(), TypeError, "key_added=None", key_added=None)


@pytest.mark.parametrize("n_spots", [0, 1, 2])
def test_too_few_spots(n_spots):
    refused(modality("rna", np.arange(n_spots)), ValueError, "Features of|at least 3")


def test_three_spots():
    adata = modality("rna", np.arange(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sm.tl.smart(adata, **QUICK)
    assert np.isfinite(adata.obsm["X_smart"]).all()


# --- records and files ----------------------------------------------------------------------


def equal_records(found, expected):
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        if isinstance(value, dict):
            equal_records(found[key], value)
        elif isinstance(value, pd.DataFrame):
            # Objects of NaN are equal to none.
            assert list(found[key]) == list(value)
            for column in value:
                np.testing.assert_array_equal(found[key][column], value[column])
        else:
            np.testing.assert_array_equal(found[key], value)


def test_record_is_that_of_integrate():
    mdata = both()
    sm.tl.smart(mdata, seed=3, **QUICK)
    result = sm.integrate(
        {m: a.obsm["X_pca"] for m, a in mdata.mod.items()}, COORDS, seed=3, epochs=3, latent_dim=8
    )
    record = mdata.uns["smart"]
    history = pd.DataFrame(record["history"]).set_index("epoch")
    pd.testing.assert_frame_equal(history, result.history, check_index_type=False)
    assert record["n_triplets"] == result.n_triplets
    assert record["version"] == sm.__version__
    for name, value in result.params.plain().items():
        assert record["params"].get(name) == value
    assert (record["params"]["preset"], record["params"]["seed"]) == ("robust", 3)


@pytest.mark.filterwarnings("ignore:Writing zarr v2")
@pytest.mark.parametrize("kind", ["h5mu", "h5ad", "zarr"])
def test_result_survives_a_file(tmp_path, kind):
    if kind == "zarr":
        pytest.importorskip("zarr")
    data = both() if kind == "h5mu" else modality("rna")
    sm.tl.smart(data, alpha={"rna" if kind == "h5mu" else "features": 2.0}, **QUICK)
    path = tmp_path / f"result.{kind}"
    if kind == "h5mu":
        data.write_h5mu(path)
        back = md.read_h5mu(path)
    elif kind == "h5ad":
        data.write_h5ad(path)
        back = ad.read_h5ad(path)
    else:
        data.write_zarr(path)
        back = ad.read_zarr(path)
    np.testing.assert_array_equal(back.obsm["X_smart"], data.obsm["X_smart"])
    graph, expected = (x.obsp["smart_connectivities"] for x in (back, data))
    assert (graph != expected).nnz == 0
    equal_records(back.uns["smart"], data.uns["smart"])
    again = data.copy()
    sm.tl.smart(back, alpha={"rna" if kind == "h5mu" else "features": 2.0}, **QUICK)
    same(embedding(back), embedding(again))


@pytest.mark.parametrize("copy", [False, True])
def test_backed_anndata(tmp_path, copy):
    adata = modality("rna")
    adata.write_h5ad(tmp_path / "rna.h5ad")
    backed = ad.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    result = sm.tl.smart(backed, copy=copy, **QUICK)
    same(embedding(result if copy else backed), by_hand({"rna": adata}, NAMES))
    assert ("X_smart" in backed.obsm) != copy
    backed.file.close()


def never(epoch, losses):
    raise AssertionError("the training has begun")


def test_what_cannot_be_written_is_refused_before_the_training(tmp_path):
    both().write_h5mu(tmp_path / "both.h5mu")
    mdata = md.read_h5mu(tmp_path / "both.h5mu", backed="r")
    refused(mdata, ValueError, "backed MuData cannot be copied", copy=True, callback=never)
    mdata.file.close()
    modality("rna").write_h5ad(tmp_path / "rna.h5ad")
    adata = ad.read_h5ad(tmp_path / "rna.h5ad", backed="r")
    with pytest.raises(ValueError, match="view of backed data"):
        sm.tl.smart(adata[:30], callback=never, **QUICK)
    adata.file.close()


def test_model_is_saved(tmp_path):
    mdata = both()
    sm.tl.smart(mdata, save_model=tmp_path / "model.pt", **QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    features = {m: a.obsm["X_pca"] for m, a in mdata.mod.items()}
    again = sm.embed(sm.SMART.load(tmp_path / "model.pt"), features, COORDS)
    np.testing.assert_array_equal(again, mdata.obsm["X_smart"])


def test_model_in_a_place_that_cannot_be(tmp_path):
    refused(
        both(),
        ValueError,
        "there is no such folder",
        save_model=tmp_path / "no" / "model.pt",
        callback=never,
    )
    refused(both(), ValueError, "is a folder", save_model=tmp_path, callback=never)
    assert not list(tmp_path.iterdir())


# --- interrupts -----------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("copy", [False, True])
def test_what_is_interrupted_changes_nothing(tmp_path, error, copy):
    def interrupt(epoch, losses):
        if epoch == 2:
            raise error("enough")

    settings = {"callback": interrupt, "copy": copy, "save_model": tmp_path / "model.pt"}
    modalities = {"rna": modality("rna"), "protein": modality("protein")}
    for data in (both(), modality("rna"), modalities):
        refused(data, error, "enough", **settings)
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_when_a_second_run_fails():
    mdata = both()
    sm.tl.smart(mdata, **QUICK)
    record = mdata.uns["smart"]
    refused(mdata, AssertionError, "begun", seed=1, callback=never)
    assert mdata.uns["smart"] is record


def test_callback_sees_every_epoch_and_progress_is_optional(capfd):
    seen = []
    mdata = both()
    sm.tl.smart(mdata, callback=lambda epoch, losses: seen.append((epoch, losses)), **QUICK)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    np.testing.assert_array_equal(
        [losses["total"] for _, losses in seen], mdata.uns["smart"]["history"]["total"]
    )
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    sm.tl.smart(mdata, **{**QUICK, "progress": True})
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err
