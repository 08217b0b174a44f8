"""tl.smart on spots in other orders, lacking, or with bad names."""

import warnings

import mudata as md
import numpy as np
import pytest

import smartcore as sm
from helpers.tl import (
    COORDS,
    NAMES,
    QUICK,
    N,
    both,
    by_hand,
    embedding,
    joined,
    modality,
    refused,
    same,
    state,
    unchanged,
)


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


@pytest.mark.filterwarnings("ignore:15 of 40 spots of modality 'rna' are not in 'protein'")
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


def test_spots_that_each_of_two_modalities_lacks_are_told_with_examples():
    parts = {
        "rna": modality("rna", np.arange(40)),
        "protein": modality("protein", np.arange(15, N)),
    }
    expected = (
        f"15 of 40 spots of modality 'rna' are not in 'protein', and 16 of {N - 15} the other way "
        r"round \(such as 'spot0' and 'spot40'\)"
    )
    with pytest.warns(UserWarning, match=expected):
        sm.tl.smart(parts, **QUICK)


@pytest.mark.parametrize(
    "rename",
    [
        lambda i: f"spot{i}-{1 + i // 30}",  # the sample's number, for a part of the spots
        lambda i: f"spot{i}" if i < 5 else f"A_spot{i}",
        lambda i: f"spot{i}" if i < 5 else f"slide:1_spot{i}",
    ],
    ids=["suffix", "prefix", "prefix of two parts"],
)
def test_names_that_match_in_part_are_refused_where_another_spelling_matches_more(rename):
    parts = {"rna": modality("rna"), "protein": modality("protein")}
    parts["protein"].obs_names = [rename(i) for i in range(N)]
    if rename(0) != "spot0":
        parts["rna"].obs_names = [f"spot{i}-1" for i in range(N)]
    with pytest.raises(ValueError, match=f"{N} names would match in place of .*check_names=False"):
        sm.tl.smart(parts, **QUICK)
    with pytest.warns(UserWarning, match="are embedded as different spots"):
        data = sm.tl.smart(parts, check_names=False, **QUICK)
    assert data.n_obs > N


def test_modalities_linked_by_a_third():
    parts = {
        "rna": modality("rna", np.arange(20)),
        "protein": modality("protein", np.arange(30, N)),
        "chromatin": modality("chromatin", np.arange(10, 40)),
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(are embedded as different spots|spots lack)")
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
    assert ("names would match in place of 0" in str(err.value)) == hint
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
