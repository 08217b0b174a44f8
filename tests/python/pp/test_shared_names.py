"""Several sections as one: features in common, by name."""

import logging

import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.pp_sections import genes, section
from smartcore.pp._shared_names import shared_names


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
