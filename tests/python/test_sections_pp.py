"""Several sections from counts to components: features in common, joint steps."""

import logging

import anndata as ad
import bioframe
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm
from smartcore.pp._peaks import parse_peaks, shared_peaks
from smartcore.pp._shared_names import shared_names


def section(n_spots, names, seed=0, depth=3.0):
    rng = np.random.default_rng(seed)
    rate = depth * rng.gamma(0.4, 1, (n_spots, 4)) @ rng.gamma(0.4, 1, (4, len(names)))
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(index=[f"spot{i}" for i in range(n_spots)]),
        var=pd.DataFrame(index=list(names)),
        obsm={"spatial": rng.uniform(0, 9, (n_spots, 2))},
    )


def genes(first, last):
    return [f"GENE{i}" for i in range(first, last)]


# --- features in common, by name ------------------------------------------------------------


def test_genes_in_common_are_those_of_every_section(caplog):
    parts = {"a": section(5, genes(0, 60)), "b": section(4, genes(20, 90)[::-1], 1)}
    with caplog.at_level(logging.INFO, "smartcore"):
        joined = sm.pp.join_sections(parts)
    assert joined.var_names.tolist() == genes(20, 60)
    assert "share 40 features by name ('a': 60, 'b': 70)" in caplog.text
    expected = np.vstack([p[:, genes(20, 60)].X.toarray() for p in parts.values()])
    np.testing.assert_array_equal(joined.X.toarray(), expected)
    assert joined.obs_names[[0, -1]].tolist() == ["a:spot0", "b:spot3"]
    assert joined.obs["section"].tolist() == ["a"] * 5 + ["b"] * 4
    np.testing.assert_array_equal(
        joined.obsm["spatial"], np.vstack([p.obsm["spatial"] for p in parts.values()])
    )


def test_annotation_of_one_section_is_kept():
    parts = [section(3, genes(0, 20)), section(2, genes(0, 20), 1)]
    parts[1].obs["label"] = ["x", "y"]
    joined = sm.pp.join_sections(parts)
    assert joined.obs["label"].isna().tolist() == [True] * 3 + [False] * 2
    assert joined.obs["section"].unique().tolist() == ["1", "2"]
    assert "section" not in parts[0].obs


def test_one_section_is_itself():
    part = section(6, genes(0, 20))
    joined = sm.pp.join_sections([part])
    np.testing.assert_array_equal(joined.X.toarray(), part.X.toarray())


def test_layer_holds_the_counts():
    parts = [section(3, genes(0, 20)), section(2, genes(0, 20), 1)]
    for part in parts:
        part.layers["counts"], part.X = part.X.copy(), part.X * 0.5
    np.testing.assert_array_equal(
        sm.pp.join_sections(parts, layer="counts").X.toarray()[:3],
        parts[0].layers["counts"].toarray(),
    )
    del parts[1].layers["counts"]
    with pytest.raises(KeyError, match="Section '2' has no layer 'counts'"):
        sm.pp.join_sections(parts, layer="counts")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([g.capitalize() for g in genes(0, 50)], "50 would be shared but for upper and lower case"),
        ([f"ENSG{i:011}" for i in range(50)], "Ensembl ids, the other symbols.*gene_ids"),
        ([f"GRCh38_{g}" for g in genes(0, 50)], "what precedes the first '_'"),
        ([f"{g}.{i % 9}" for i, g in enumerate(genes(0, 50))], "version after the '.'"),
        (genes(500, 550), r"share 0 features .*fewer than 10\. .*GENE500"),
    ],
    ids=["case", "Ensembl", "genome", "version", "others"],
)
def test_names_that_do_not_match(other, message):
    with pytest.raises(ValueError, match=message):
        sm.pp.join_sections({"a": section(4, genes(0, 50)), "b": section(4, other)})


def test_the_section_that_shares_nothing_is_named():
    parts = {name: section(4, genes(0, 50)) for name in "abc"}
    parts["b"] = section(4, genes(900, 950))
    with pytest.raises(ValueError, match="Without 'b' the others share 50"):
        sm.pp.join_sections(parts)


def test_few_genes_in_common_are_worth_a_warning_and_small_panels_are_fine():
    with pytest.warns(UserWarning, match="share 12 features"):
        sm.pp.join_sections([section(4, genes(0, 100)), section(4, genes(88, 200))])
    panel = [section(4, genes(0, 5)), section(4, genes(0, 5), 1)]
    assert sm.pp.join_sections(panel).n_vars == 5
    panel = [section(4, genes(0, 12)), section(4, genes(4, 16), 1)]
    assert sm.pp.join_sections(panel).n_vars == 8


def test_few_in_common_are_refused_with_names_that_differ():
    with pytest.raises(ValueError, match=r"share 5 features .*\. 'a' has GENE0, GENE1; .* GENE20"):
        sm.pp.join_sections({"a": section(4, genes(0, 20)), "b": section(4, genes(15, 35))})
    with pytest.raises(ValueError, match="Section 'b' has no features"):
        sm.pp.join_sections({"a": section(4, genes(0, 20)), "b": section(4, [])})


def test_repeated_names_are_refused():
    twice = section(4, genes(0, 20))
    twice.var_names = [*genes(0, 19), "GENE0"]
    with pytest.raises(ValueError, match=r"section '2' share a name with another .*'GENE0'"):
        sm.pp.join_sections([section(4, genes(0, 20)), twice])
    twice.var_names = genes(0, 20)
    twice.obs_names = ["s"] * 4
    with pytest.raises(ValueError, match=r"^1 spot names .* section '1'"):
        sm.pp.join_sections([twice])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("abc", TypeError, "list or dict"),
        ([], ValueError, "empty"),
        ([1], TypeError, "'1' is no AnnData but int"),
        ({1: None}, TypeError, "must be strings"),
    ],
)
def test_no_sections(given, error, message):
    with pytest.raises(error, match=message):
        sm.pp.join_sections(given)


def test_a_section_column_of_another_meaning_is_not_overwritten():
    part = section(4, genes(0, 20))
    part.obs["section"] = "left"
    with pytest.raises(ValueError, match=r"holds 'left'.*section_key"):
        sm.pp.join_sections({"a": part})
    assert sm.pp.join_sections({"left": part}).n_obs == 4


@pytest.mark.parametrize("seed", range(5))
def test_shared_names_against_sets(seed):
    rng = np.random.default_rng(seed)
    names = {
        str(i): pd.Index(rng.permutation(genes(0, 80))[: rng.integers(50, 80)]) for i in range(4)
    }
    expected = set.intersection(*map(set, names.values()))
    assert set(shared_names(names, 1)) == expected


# --- peaks in common, by overlap ------------------------------------------------------------


def random_peaks(rng, n):
    start = rng.integers(0, 3000, n)
    table = pd.DataFrame(
        {
            "chrom": rng.choice(["chr1", "chr2", "chrUn-1:x"], n),
            "start": start,
            "end": start + rng.integers(1, 60, n),
        }
    ).drop_duplicates()
    return table.sample(frac=1, random_state=int(rng.integers(99))).reset_index(drop=True)


def spelled(table, separator):
    return pd.Index(
        [f"{c}{separator}{s}-{e}" for c, s, e in table.itertuples(index=False)], dtype=object
    )


def groups_by_loops(tables):
    """Connected components of overlap, by comparing every two peaks."""
    peaks = [(i, *row) for i, t in enumerate(tables) for row in t.itertuples(index=False)]
    group = list(range(len(peaks)))
    for i, (_, c, s, e) in enumerate(peaks):
        for j, (_, c2, s2, e2) in enumerate(peaks[:i]):
            if c == c2 and s < e2 and s2 < e:
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    return peaks, np.array(group)


@pytest.mark.parametrize("seed", range(6))
def test_peaks_are_joined_as_by_brute_force_and_bioframe(seed):
    rng = np.random.default_rng(seed)
    tables = [random_peaks(rng, n) for n in (60, 90, 40)[: 2 + seed % 2]]
    names = {str(i): spelled(t, ":-"[i % 2]) for i, t in enumerate(tables)}
    found = shared_peaks(names, 1)

    peaks, group = groups_by_loops(tables)
    owner = np.array([p[0] for p in peaks])
    common = [g for g in np.unique(group) if len(set(owner[group == g])) == len(tables)]
    expected = {}
    for g in common:
        inside = [peaks[i] for i in np.flatnonzero(group == g)]
        name = f"{inside[0][1]}:{min(p[2] for p in inside)}-{max(p[3] for p in inside)}"
        expected |= dict.fromkeys(np.flatnonzero(group == g), name)
    assert len(common) > 3
    members = np.concatenate(list(found.members.values()))
    got = {i: found.names[m] for i, m in enumerate(members) if m >= 0}
    assert got == expected

    table = pd.concat(tables, ignore_index=True).assign(owner=owner)
    merged = bioframe.cluster(table, min_dist=None)
    by_bioframe = merged.groupby("cluster").filter(lambda x: x["owner"].nunique() == len(tables))
    starts = by_bioframe[["chrom", "cluster_start", "cluster_end"]].drop_duplicates()
    assert set(spelled(starts, ":")) == set(found.names)


def test_counts_of_overlapping_peaks_are_summed():
    one = section(3, ["chr1:10-20", "chr1:18-30", "chr1:100-120", "chr2:5-9"])
    two = section(2, ["chr1-25-40", "chr2-7-8", "chr1-500-600"], 1)
    joined = sm.pp.join_sections({"one": one, "two": two}, by="overlap", min_shared=1)
    assert joined.var_names.tolist() == ["chr1:10-40", "chr2:5-9"]
    a, b = one.X.toarray(), two.X.toarray()
    np.testing.assert_array_equal(
        joined.X.toarray(),
        np.vstack([np.c_[a[:, 0] + a[:, 1], a[:, 3]], np.c_[b[:, 0], b[:, 1]]]),
    )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.float32])
def test_sums_of_counts_do_not_outgrow_their_type(dtype):
    one = section(3, ["chr1:10-20", "chr1:18-30"])
    two = section(2, ["chr1:12-25"])
    most = 1 if dtype is bool else 200
    for part in (one, two):
        part.X = sp.csr_matrix(np.full(part.shape, most, dtype))
    joined = sm.pp.join_sections([one, two], by="overlap", min_shared=1)
    np.testing.assert_array_equal(joined.X.toarray(), [[2 * most]] * 3 + [[most]] * 2)


def test_bins_that_meet_are_not_joined_and_one_section_stays_as_it_is():
    bins = [f"chr1:{500 * i}-{500 * i + 500}" for i in range(20)]
    joined = sm.pp.join_sections([section(4, bins), section(3, bins, 1)], by="overlap")
    assert joined.var_names.tolist() == bins
    overlapping = ["chr1:0-10", "chr1:5-15"]
    assert sm.pp.join_sections([section(4, overlapping)], by="overlap").n_vars == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["chr1:1-5", "GENE1"], "1 of 2 peaks of section 'b'.*'GENE1'"),
        (["chr1:9-5", "chr1:1-5"], "do not end after their start.*'chr1:9-5'"),
        (["1:100-200", "2:100-200"], "with or without 'chr'"),
        (["chr1:900-910"], "share 0 peaks.*one genome assembly"),
    ],
)
def test_peaks_that_do_not_fit(names, message):
    parts = {"a": pd.Index(["chr1:100-200", "chr2:100-200"]), "b": pd.Index(names)}
    with pytest.raises(ValueError, match=message):
        shared_peaks(parts, 1)


def test_parse_peaks():
    table = parse_peaks(pd.Index(["chrX:1-22", "HLA-A*01:01-5-6"]), "a")
    assert table.to_numpy().tolist() == [["chrX", 1, 22], ["HLA-A*01:01", 5, 6]]


# --- joint steps ----------------------------------------------------------------------------

STEPS = {
    "rna": (sm.pp.rna, lambda i: genes(i, 200 + i), {"n_top_genes": 60, "n_comps": 6}),
    "protein": (sm.pp.protein, lambda i: genes(i, 40 + i), {"n_comps": 6}),
    "chromatin": (
        sm.pp.chromatin,
        lambda i: [f"chr1:{1000 * j + 20 * i}-{1000 * j + 500}" for j in range(i, 200 + i)],
        {"n_comps": 6},
    ),
}


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("form", [list, dict])
def test_sections_get_their_part_of_joint_components(kind, form):
    step, names, settings = STEPS[kind]
    parts = {
        "a": section(70, names(0)),
        "b": section(50, names(2), 1),
        "c": section(40, names(1), 2),
    }
    joined = sm.pp.join_sections(parts, by="overlap" if kind == "chromatin" else "name")
    step(joined, section_key="section", **settings)
    given = parts if form is dict else list(parts.values())
    assert step(given, **settings) is None
    np.testing.assert_array_equal(
        np.vstack([p.obsm["X_pca"] for p in parts.values()]), joined.obsm["X_pca"]
    )
    for name, part in zip("abc" if form is dict else "123", parts.values(), strict=True):
        assert name in part.uns["pca"]["params"]["sections"]
        for x in part.var_names.intersection(joined.var_names):
            np.testing.assert_array_equal(
                part.varm["PCs"][part.var_names.get_loc(x)],
                joined.varm["PCs"][joined.var_names.get_loc(x)],
            )
    if kind == "rna":
        chosen = joined.var_names[joined.var["highly_variable"]]
        assert set(parts["b"].var_names[parts["b"].var["highly_variable"]]) == set(chosen)


def test_a_copy_of_sections_leaves_them_as_they_are():
    parts = [section(40, genes(0, 100)), section(30, genes(0, 100), 1)]
    out = sm.pp.rna(parts, n_comps=3, n_top_genes=None, copy=True)
    assert isinstance(out, list)
    assert [p.obsm["X_pca"].shape for p in out] == [(40, 3), (30, 3)]
    assert not any("X_pca" in p.obsm for p in parts)


@pytest.mark.parametrize("step", [sm.pp.rna, sm.pp.protein])
def test_warnings_about_sections_are_the_callers(step):
    parts = [section(40, genes(0, 30)), section(50, genes(0, 30), 1)]
    for part, empty in zip(parts, (2, 1), strict=True):
        part.X = part.X.toarray() + 1
        part.X[:empty] = 0
    with pytest.warns(UserWarning, match="3 of 90 spots have no ") as caught:
        step(parts, n_comps=60)
    assert str(caught[1].message).startswith("60 components asked for, 30 are there")
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize("sizes", [(90, 70), (120, 60, 80)])
@pytest.mark.parametrize("n_top", [40, 200])
def test_variable_genes_over_sections_are_scanpys(sizes, n_top):
    parts = [section(n, genes(0, 500), i, depth=1 + i) for i, n in enumerate(sizes)]
    joined = sm.pp.join_sections(parts)
    used = joined[:, (joined.X > 0).sum(axis=0).A1 >= 10].copy()
    sc.pp.highly_variable_genes(used, flavor="seurat_v3", n_top_genes=n_top, batch_key="section")
    sm.pp.rna(joined, section_key="section", n_top_genes=n_top, n_comps=3)
    found = joined.var_names[joined.var["highly_variable"]]
    table = used.var.loc[found, ["highly_variable_rank", "highly_variable_nbatches"]]
    left = used.var.drop(found)
    # Of genes with equal ranks any may be taken.
    worst = table["highly_variable_rank"].max()
    assert len(found) == n_top
    assert (left["highly_variable_rank"].fillna(np.inf) >= worst).all()
    assert len(set(found) ^ set(used.var_names[used.var["highly_variable"]])) <= 4
    sm.pp.rna(joined, n_top_genes=n_top, n_comps=3)
    assert set(joined.var_names[joined.var["highly_variable"]]) != set(found)


def test_a_gene_that_only_tells_sections_apart_is_not_variable():
    both = section(300, genes(0, 300))
    rng = np.random.default_rng(0)
    both.X = rng.poisson(rng.uniform(0.5, 9, 300), both.shape).astype(np.float32)
    both.X[:, 0] = np.repeat([0, 4], 150)
    joined = sm.pp.join_sections([both[:150].copy(), both[150:].copy()])
    sm.pp.rna(joined, n_top_genes=30, n_comps=2)
    assert joined.var["highly_variable"].iloc[0]
    sm.pp.rna(joined, n_top_genes=30, n_comps=2, section_key="section")
    assert not joined.var["highly_variable"].iloc[0]


def test_sections_too_small_to_choose_genes_have_no_say():
    parts = [section(120, genes(0, 300)), section(1, genes(0, 300), 1)]
    joined = sm.pp.join_sections(parts)
    alone = joined[:120].copy()
    with pytest.warns(UserWarning, match="1 of 2 sections are too small"):
        sm.pp.rna(joined, section_key="section", n_top_genes=50, n_comps=2, min_spots=12)
    sm.pp.rna(alone, n_top_genes=50, n_comps=2, min_spots=12)
    overlap = (joined.var["highly_variable"] & alone.var["highly_variable"]).sum()
    assert overlap >= 49


def test_section_column_must_be_there_and_complete():
    joined = sm.pp.join_sections([section(40, genes(0, 100)), section(30, genes(0, 100), 1)])
    with pytest.raises(KeyError, match=r"No obs\['nope'\].*section"):
        sm.pp.rna(joined, section_key="nope", n_top_genes=20)
    joined.obs["section"] = joined.obs["section"].astype(object)
    joined.obs.iloc[3, joined.obs.columns.get_loc("section")] = None
    with pytest.raises(ValueError, match="missing for 1 of 70 spots"):
        sm.pp.rna(joined, section_key="section", n_top_genes=20)
