"""Joint steps of several sections."""

import numpy as np
import pytest
import scanpy as sc

import smartcore as sm
from helpers.pp_sections import genes, section

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
