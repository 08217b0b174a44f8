"""Batches that are not sections: Harmony and alignment go by batch, all else by section."""

import re

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import smartcore as sm
from smartcore import _bridge
from smartcore.cli import main
from smartcore.params import resolve_params
from smartcore.sections import harmony as module_of_harmony
from smartcore.sections.harmony import harmony

QUICK = {"epochs": 3, "latent_dim": 8}
SHAPES = ((12, 10), (9, 8), (8, 8), (7, 9))
SIZES = [a * b for a, b in SHAPES]
SECTION = np.repeat(np.arange(4), SIZES)
RUN = np.array(["new", "old", "old", "new"])[SECTION]
COORDS = np.concatenate([np.argwhere(np.ones(shape)) for shape in SHAPES]).astype(float)
BAND = (3 * COORDS[:, 0] // np.array([shape[0] for shape in SHAPES])[SECTION]).astype(int)


def tissue(seed=0):
    """Four sections of three bands, measured in two runs; features and coordinates."""
    rng = np.random.default_rng(seed)
    features = {}
    for name, d in (("rna", 8), ("protein", 5)):
        x = rng.normal(size=(len(BAND), d)) + 4 * np.eye(3, d)[BAND]
        features[name] = x + 2 * (RUN == "new")[:, None] * rng.normal(size=d)
    return features, COORDS.copy()


def corrected(features, batches, preset="robust", seed=0):
    """What Harmony makes of the features, asked once, with the preset's settings."""
    params = resolve_params(preset, {})
    settings = {name: getattr(params, f"harmony_{name}") for name in ("theta", "sigma")}
    return {
        name: harmony(x, batches, max_rounds=params.harmony_rounds, seed=seed, **settings)
        for name, x in features.items()
    }


# --- arrays ---------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_harmony_is_asked_with_batches_and_all_else_with_sections(preset):
    features, coords = tissue()
    given = {"sections": SECTION, "preset": preset, "seed": 4, "harmony_hops": 0, **QUICK}
    result = sm.integrate(features, coords, batches=RUN, **given)
    without = corrected(features, RUN, preset, seed=4)
    expected = sm.integrate(without, coords, **given | {"harmony_rounds": 0})
    np.testing.assert_array_equal(result.embedding, expected.embedding)
    assert (result.graph != expected.graph).nnz == 0
    assert result.n_triplets == expected.n_triplets
    by_section = sm.integrate(features, coords, **given)
    assert np.abs(result.embedding - by_section.embedding).max() > 0.01


def test_harmony_of_averages_and_filtered_features_is_asked_with_batches(monkeypatch):
    asked = []

    def spy(x, batches, **settings):
        asked.append(np.sort(np.bincount(batches)).tolist())
        return harmony(x, batches, **settings)

    monkeypatch.setattr(module_of_harmony, "harmony", spy)
    features, coords = tissue()
    result = sm.integrate(features, coords, sections=SECTION, batches=RUN, **QUICK)
    sizes = sorted([(RUN == "new").sum(), (RUN == "old").sum()])
    # Of each modality the features, their averages over neighbours, and what the filter makes.
    assert asked == [sizes] * 6
    asked.clear()
    sm.embed(result.model, features, coords, sections=SECTION, batches=RUN)
    assert asked == [sizes] * 6


def test_a_section_may_be_of_several_batches_and_need_no_other():
    features, coords = tissue()
    one = np.flatnonzero(SECTION == 0)
    features, coords = {m: x[one] for m, x in features.items()}, coords[one]
    lane = np.where(np.arange(len(one)) % 3 == 0, "a", "b")
    for x in features.values():
        x[lane == "a"] += 3 * np.eye(x.shape[1])[4]
    result = sm.integrate(features, coords, batches=lane, harmony_hops=0, **QUICK)
    without = corrected(features, lane)
    expected = sm.integrate(without, coords, harmony_rounds=0, **QUICK)
    np.testing.assert_array_equal(result.embedding, expected.embedding)


def test_batches_of_an_unobserved_modality():
    features, coords = tissue()
    observed = {"protein": SECTION != 1}
    features["protein"][SECTION == 1] = np.nan
    given = {"sections": SECTION, "observed": observed, "harmony_hops": 0, **QUICK}
    result = sm.integrate(features, coords, batches=RUN, **given)
    without = corrected({"rna": features["rna"]}, RUN)
    there = observed["protein"]
    without["protein"] = features["protein"].copy()
    part = corrected({"protein": features["protein"][there]}, RUN[there])
    without["protein"][there] = part["protein"]
    expected = sm.integrate(without, coords, **given | {"harmony_rounds": 0})
    np.testing.assert_array_equal(result.embedding, expected.embedding)


def test_batches_are_the_sections_where_none_are_given():
    features, coords = tissue()
    default = sm.integrate(features, coords, sections=SECTION, **QUICK)
    named = sm.integrate(features, coords, sections=SECTION, batches=SECTION, **QUICK)
    np.testing.assert_array_equal(default.embedding, named.embedding)
    np.testing.assert_array_equal(
        sm.embed(default.model, features, coords, sections=SECTION), default.embedding
    )


def test_of_one_batch_nothing_is_taken_out():
    features, coords = tissue()
    one = sm.integrate(features, coords, sections=SECTION, batches=["only"] * len(RUN), **QUICK)
    none = sm.integrate(features, coords, sections=SECTION, harmony_rounds=0, **QUICK)
    np.testing.assert_array_equal(one.embedding, none.embedding)


def test_a_fitted_network_embeds_batches_as_it_was_trained():
    features, coords = tissue()
    result = sm.integrate(features, coords, sections=SECTION, batches=RUN, seed=4, **QUICK)
    again = sm.embed(result.model, features, coords, sections=SECTION, batches=RUN, seed=4)
    np.testing.assert_array_equal(result.embedding, again)
    by_section = sm.embed(result.model, features, coords, sections=SECTION, seed=4)
    assert np.abs(result.embedding - by_section).max() > 0.01


def test_order_of_spots_and_names_of_batches_in_order_do_not_matter():
    features, coords = tissue()
    order = np.random.default_rng(5).permutation(len(coords))
    first = sm.integrate(features, coords, sections=SECTION, batches=RUN, **QUICK)
    again = sm.integrate(
        {m: x[order] for m, x in features.items()},
        coords[order],
        sections=SECTION[order],
        batches=(RUN == "old")[order].astype(int),
        **QUICK,
    )
    np.testing.assert_array_equal(first.embedding[order], again.embedding)


@pytest.mark.parametrize("bad", ["run", {"a": 1}, np.zeros((5, 2)), [1, 2]])
def test_batches_must_be_one_for_each_spot(bad):
    features, coords = tissue()
    words = f"batches must have one entry for each of {len(RUN)} spots"
    with pytest.raises(ValueError, match=words):
        sm.integrate(features, coords, sections=SECTION, batches=bad)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_batches_that_are_missing(missing):
    features, coords = tissue()
    batches = RUN.astype(object)
    batches[[7, 9]] = missing
    with pytest.raises(ValueError, match=r"batches is missing for 2 of \d+ spots \(first: row 7\)"):
        sm.integrate(features, coords, batches=batches)


def test_batches_do_not_join_sections_of_different_modalities():
    features, coords = tissue()
    observed = {"rna": SECTION != 1, "protein": SECTION == 1}
    with pytest.raises(ValueError, match="section '1' in \\['protein'\\]"):
        sm.integrate(features, coords, sections=SECTION, batches=RUN, observed=observed)


# --- components -----------------------------------------------------------------------------


def counts(n_features=150, seed=0):
    """Counts of the four sections, in which each run has an efficiency for each feature."""
    rng = np.random.default_rng(seed)
    kinds = rng.gamma(0.5, 1, (len(RUN), 6)) + 2 * np.eye(3, 6)[BAND]
    rate = kinds @ rng.gamma(0.4, 1, (6, n_features))
    rate *= rng.lognormal(0, 0.7, (2, n_features))[(RUN == "new").astype(int)]
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(3 * rate).astype(np.float32)),
        obs=pd.DataFrame(
            {"slice": SECTION.astype(str), "run": RUN},
            index=[f"spot{i}" for i in range(len(RUN))],
        ),
        var=pd.DataFrame(index=[f"chr1:{100 * i}-{100 * i + 50}" for i in range(n_features)]),
        obsm={"spatial": COORDS},
    )


def in_parts(adata):
    """Section → its spots, whose batches are a column of their own."""
    return {name: adata[adata.obs["slice"] == name].copy() for name in adata.obs["slice"].unique()}


STEPS = {
    "rna": (sm.pp.rna, {"n_top_genes": None}),
    "protein": (sm.pp.protein, {}),
    "chromatin": (sm.pp.chromatin, {}),
}


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("section_key", ["slice", None])
def test_features_are_aligned_within_batches(kind, section_key):
    step, settings = STEPS[kind]
    by_batch, renamed, by_section = counts(), counts(), counts()
    step(by_batch, section_key=section_key, batch_key="run", n_comps=5, **settings)
    step(renamed, section_key="run", n_comps=5, **settings)
    step(by_section, section_key="slice", n_comps=5, **settings)
    np.testing.assert_array_equal(by_batch.obsm["X_pca"], renamed.obsm["X_pca"])
    assert np.abs(by_batch.obsm["X_pca"] - by_section.obsm["X_pca"]).max() > 0.1
    record = by_batch.uns["pca"]["params"]
    assert record.get("section_key") == section_key
    assert record["batch_key"] == "run"
    assert record["align_sections"]
    assert "batch_key" not in renamed.uns["pca"]["params"]


@pytest.mark.parametrize("kind", STEPS)
def test_features_are_aligned_within_batches_of_several_objects(kind):
    step, settings = STEPS[kind]
    parts, joined = in_parts(counts()), counts()
    step(parts, batch_key="run", n_comps=5, **settings)
    step(joined, section_key="run", n_comps=5, **settings)
    found = np.vstack([part.obsm["X_pca"] for part in parts.values()])
    np.testing.assert_allclose(found, joined.obsm["X_pca"], atol=1e-4)
    assert parts["2"].uns["pca"]["params"]["batch_key"] == "run"


def test_nothing_is_aligned_where_that_is_not_asked_for():
    by_batch, plain = counts(), counts()
    sm.pp.protein(by_batch, section_key="slice", batch_key="run", align_sections=False)
    sm.pp.protein(plain)
    np.testing.assert_array_equal(by_batch.obsm["X_pca"], plain.obsm["X_pca"])
    assert not by_batch.uns["pca"]["params"]["align_sections"]


def test_variable_genes_are_chosen_over_sections():
    adata = counts(400)
    used = adata[:, (adata.X > 0).sum(axis=0).A1 >= 10].copy()
    chosen = {}
    for key in ("slice", "run"):
        sc.pp.highly_variable_genes(used, flavor="seurat_v3", n_top_genes=40, batch_key=key)
        chosen[key] = set(used.var_names[used.var["highly_variable"]])
    sm.pp.rna(adata, section_key="slice", batch_key="run", n_top_genes=40, n_comps=5)
    found = set(adata.var_names[adata.var["highly_variable"]])
    # Of genes with equal ranks any may be taken.
    assert len(found ^ chosen["slice"]) <= 4 < len(found ^ chosen["run"])


def test_batches_on_disk_as_in_memory(tmp_path):
    pytest.importorskip("dask")
    adata = counts()
    adata.write_h5ad(tmp_path / "counts.h5ad")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    for one in (adata, backed):
        sm.pp.protein(one, section_key="slice", batch_key="run", n_comps=4)
    np.testing.assert_allclose(backed.obsm["X_pca"], adata.obsm["X_pca"], atol=2e-3)


@pytest.mark.parametrize("kind", STEPS)
def test_a_column_of_batches_must_be_there_and_complete(kind):
    step, _ = STEPS[kind]
    adata = counts()
    with pytest.raises(KeyError, match=r"No obs\['lane'\] for the batches; obs has \['run', 'sl"):
        step(adata, batch_key="lane")
    adata.obs.loc["spot3", "run"] = None
    with pytest.raises(ValueError, match=r"obs\['run'\] is missing for 1 of .*first: 'spot3'"):
        step(adata, section_key="slice", batch_key="run")
    parts = in_parts(counts())
    del parts["2"].obs["run"]
    with pytest.raises(KeyError, match=r"Section '2' has no obs\['run'\] for the batches"):
        step(parts, batch_key="run")


def test_what_differs_between_batches_alone_is_nothing_to_align():
    x = np.repeat([[1.0, 5.0], [4.0, 2.0]], 20, axis=0).astype(np.float32)
    obs = pd.DataFrame({"run": ["a"] * 20 + ["b"] * 20}, index=[f"spot{i}" for i in range(40)])
    adata = ad.AnnData(sp.csr_matrix(x), obs=obs)
    with pytest.raises(ValueError, match="within each of the 2 batches"):
        sm.pp.protein(adata, batch_key="run")


def test_harmony_on_anndata_takes_batches():
    features, _ = tissue()
    obs = pd.DataFrame({"section": SECTION.astype(str), "run": RUN})
    adata = ad.AnnData(obs=obs.set_index(obs.index.astype(str)), obsm={"X_pca": features["rna"]})
    sm.pp.harmony(adata, batch_key="run", seed=2)
    np.testing.assert_array_equal(
        adata.obsm["X_pca_harmony"], harmony(features["rna"], RUN, seed=2)
    )
    # The column of sections is not needed then.
    del adata.obs["section"]
    sm.pp.harmony(adata, batch_key="run")
    with pytest.raises(KeyError, match=r"'lane'.* for the batches"):
        sm.pp.harmony(adata, batch_key="lane")


# --- objects ----------------------------------------------------------------------------------


def modality(name, **obs):
    features, coords = tissue()
    obs = pd.DataFrame(obs, index=[f"spot{i}" for i in range(len(RUN))])
    return ad.AnnData(obs=obs, obsm={"X_pca": features[name], "spatial": coords})


@pytest.fixture(scope="module")
def expected():
    features, coords = tissue()
    return sm.integrate(features, coords, sections=SECTION, batches=RUN, **QUICK).embedding


def check_record(uns):
    assert uns["batch_key"] == "run"
    assert list(uns["batches"]) == ["new", "old"]
    assert list(uns["batch_sizes"]) == [(RUN == "new").sum(), (RUN == "old").sum()]


@pytest.mark.parametrize("where", ["joint", "one modality", "both modalities"])
@pytest.mark.parametrize("dtype", ["object", "category"])
def test_a_column_of_a_mudata(where, dtype, expected, tmp_path):
    parts = {name: modality(name, slice=SECTION.astype(str)) for name in ("rna", "protein")}
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.MuData(parts)
        column = pd.Series(RUN, index=mdata.obs_names).astype(dtype)
        targets = {"joint": [mdata], "one modality": [mdata["protein"]]}
        for target in targets.get(where, mdata.mod.values()):
            target.obs["run"] = column
        sm.tl.smart(mdata, section_key="slice", batch_key="run", progress=False, **QUICK)
        mdata.write_h5mu(tmp_path / "out.h5mu")
    np.testing.assert_array_equal(mdata.obsm["X_smart"], expected)
    check_record(sm.io.read_mudata(tmp_path / "out.h5mu").uns["smart"])


def test_a_column_of_an_anndata_without_sections():
    adata = modality("rna", run=RUN)
    sm.tl.smart(adata, batch_key="run", progress=False, **QUICK)
    features, coords = tissue()
    by_hand = sm.integrate({"rna": features["rna"]}, coords, batches=RUN, **QUICK)
    np.testing.assert_array_equal(adata.obsm["X_smart"], by_hand.embedding)
    check_record(adata.uns["smart"])
    assert "sections" not in adata.uns["smart"]


@pytest.mark.parametrize("form", [list, dict])
def test_sections_of_a_list_or_dict_share_batches_by_name(form, expected):
    parts = {
        f"s{s}": {m: modality(m, run=RUN)[s == SECTION].copy() for m in ("rna", "protein")}
        for s in range(4)
    }
    results = sm.tl.smart(
        parts if form is dict else list(parts.values()), batch_key="run", progress=False, **QUICK
    )
    results = list(results.values()) if form is dict else results
    np.testing.assert_array_equal(np.vstack([one.obsm["X_smart"] for one in results]), expected)
    for one in results:
        check_record(one.uns["smart"])
        assert len(one.uns["smart"]["sections"]) == 4


def test_no_batches_are_recorded_where_no_column_is_named():
    adata = modality("rna", run=RUN)
    sm.tl.smart(adata, section_key="run", progress=False, **QUICK)
    assert not {"batch_key", "batches", "batch_sizes"} & set(adata.uns["smart"])


def test_columns_of_batches_that_do_not_do():
    adata = modality("rna", slice=SECTION, run=RUN)
    with pytest.raises(KeyError, match=r"No obs\['lane'\] for the batches; obs has \['run', 'sl"):
        sm.tl.smart(adata, section_key="slice", batch_key="lane")
    parts = [adata[s == SECTION].copy() for s in range(4)]
    del parts[2].obs["run"]
    with pytest.raises(KeyError, match=r"Section '3': No obs\['run'\] for the batches"):
        sm.tl.smart(parts, batch_key="run")
    adata.obs["run"] = adata.obs["run"].astype(object)
    adata.obs.loc["spot5", "run"] = None
    with pytest.raises(ValueError, match=r"1 of \d+ spots have no batch .*first: 'spot5'"):
        sm.tl.smart(adata, batch_key="run")
    with pytest.raises(TypeError, match=r"^batches cannot be given here.*batch_key"):
        sm.tl.smart(adata, batches=RUN)
    both = {"rna": modality("rna", run=RUN), "protein": modality("protein", run=RUN[::-1])}
    with pytest.raises(ValueError, match=r"'rna' and 'protein' have different batch \(obs\['run'"):
        sm.tl.smart(both, batch_key="run")


# --- the bridge to R ------------------------------------------------------------------------


def test_the_bridge_takes_batches():
    adata = counts()
    sm.pp.protein(adata, section_key="slice", batch_key="run", n_comps=6)
    batches = (RUN == "old").astype(int)
    found = _bridge.components("protein", [adata.X], sections=SECTION, batches=batches, n_comps=6)
    np.testing.assert_array_equal(found["components"], adata.obsm["X_pca"])
    sm.tl.smart(adata, section_key="slice", batch_key="run", progress=False, epochs=3)
    rows = {"protein": np.arange(len(RUN))}
    result = _bridge.run(
        {"protein": found["components"]},
        rows,
        adata.obsm["spatial"],
        SECTION,
        batches,
        params={"epochs": 3},
    )
    np.testing.assert_array_equal(result["embedding"], adata.obsm["X_smart"])


# --- the command line -----------------------------------------------------------------------

FAST = ("--epochs", "3", "--cluster-method", "kmeans", "-k", "3", "--no-figures")


def run(*args):
    return main(["run", *map(str, args)])


def test_batches_in_one_file(tmp_path, capsys):
    adata = counts()
    adata.write_h5ad(tmp_path / "protein.h5ad")
    out = tmp_path / "out.h5ad"
    keys = ("--section-key", "slice", "--batch-key", "run")
    assert run("--protein", tmp_path / "protein.h5ad", *keys, "-o", out, *FAST) == 0
    said = capsys.readouterr().err
    assert "mixing of the 4 sections: iLISI" in said
    assert "mixing of the 2 batches: iLISI" in said
    result = ad.read_h5ad(out)
    sm.pp.protein(adata, section_key="slice", batch_key="run")
    sm.tl.smart(adata, section_key="slice", batch_key="run", epochs=3, progress=False)
    np.testing.assert_array_equal(result.obsm["X_smart"], adata.obsm["X_smart"])
    check_record(result.uns["smart"])
    table = pd.read_csv(tmp_path / "out_domains.csv")
    assert table["batch"].tolist() == RUN.tolist()
    assert table["section"].tolist() == SECTION.tolist()


def test_batches_of_several_files(tmp_path):
    parts = in_parts(counts())
    paths = [tmp_path / f"{name}.h5ad" for name in parts]
    for part, path in zip(parts.values(), paths, strict=True):
        part.write_h5ad(path)
    out = tmp_path / "out.h5ad"
    assert run("--protein", *paths, "--batch-key", "run", "-o", out, *FAST) == 0
    sm.pp.protein(parts, batch_key="run")
    sm.tl.smart(parts, batch_key="run", epochs=3, progress=False)
    result = ad.read_h5ad(out)
    np.testing.assert_array_equal(
        result.obsm["X_smart"], np.vstack([part.obsm["X_smart"] for part in parts.values()])
    )
    check_record(result.uns["smart"])


def test_batches_of_another_modality(tmp_path):
    rna, protein = counts(), counts(20, seed=1)
    protein.var_names = [f"protein{i}" for i in range(20)]
    del rna.obs["run"], rna.obs["slice"], protein.obs["slice"]
    files = {"rna": rna, "protein": protein}
    for name, part in files.items():
        part.write_h5ad(tmp_path / f"{name}.h5ad")
    sources = [arg for name in files for arg in (f"--{name}", tmp_path / f"{name}.h5ad")]
    out = tmp_path / "out.h5mu"
    options = ("--batch-key", "run", "--n-top-genes", 1000)
    assert run(*sources, *options, "-o", out, *FAST) == 0
    result = sm.io.read_mudata(out)
    check_record(result.uns["smart"])
    assert result["rna"].uns["pca"]["params"]["batch_key"] == "run"
    assert "batch" in pd.read_csv(tmp_path / "out_domains.csv")


def test_a_column_that_no_file_has(tmp_path, capsys):
    counts().write_h5ad(tmp_path / "protein.h5ad")
    out = tmp_path / "out.h5ad"
    assert run("--protein", tmp_path / "protein.h5ad", "--batch-key", "lane", "-o", out, *FAST) == 1
    assert re.search("no column 'lane'.*slice, run", capsys.readouterr().err)
    assert not out.exists()


def test_a_column_that_a_file_lacks(tmp_path, capsys):
    parts = in_parts(counts())
    del parts["2"].obs["run"]
    paths = [tmp_path / f"{name}.h5ad" for name in parts]
    for part, path in zip(parts.values(), paths, strict=True):
        part.write_h5ad(path)
    out = tmp_path / "out.h5ad"
    assert run("--protein", *paths, "--batch-key", "run", "-o", out, *FAST) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(r"protein: obs\['run'\] is missing for 64 of .*first: '2:spot192'", said)
