"""No output over an input, and nothing lost where a run fails at its end."""

import os
import re
import shutil

import anndata as ad
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.cli import FAST, QUICK, assert_fails, run
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.fixture
def rna(section, tmp_path):
    """A copy of the RNA that a test may endanger."""
    shutil.copy(section / "rna.h5ad", tmp_path / "rna.h5ad")
    return tmp_path / "rna.h5ad"


@pytest.mark.parametrize("more", [[], ["--backed"]], ids=["loaded", "backed"])
@pytest.mark.parametrize("link", ["the file", "symbolic link", "hard link", "another way"])
@pytest.mark.parametrize("option", ["-o", "--save-model", "--checkpoint"])
def test_outputs_over_the_input(rna, tmp_path, capsys, more, link, option):
    before = rna.read_bytes()
    target = tmp_path / "other.h5ad"
    if link == "the file":
        target = rna
    elif link == "symbolic link":
        target.symlink_to(rna)
    elif link == "hard link":
        os.link(rna, target)
    else:
        target = tmp_path / "folder" / ".." / "rna.h5ad"
        (tmp_path / "folder").mkdir()
    args = ["run", "--rna", rna, "-k", 3, "--force", *QUICK, *more]
    args += ["-o", target] if option == "-o" else ["-o", tmp_path / "o.h5ad", option, target]
    assert_fails(capsys, args, "would be written over the input", code=2, folder=tmp_path)
    assert rna.read_bytes() == before


def test_tables_and_figures_over_the_coordinates(rna, tmp_path, capsys):
    places = ad.read_h5ad(rna)
    table = pd.DataFrame(places.obsm["spatial"], places.obs_names, columns=["x", "y"])
    for name in ("o_domains.csv", "o_umap.png", "o_n_clusters.csv"):
        table.to_csv(tmp_path / name)
        args = ["run", "--rna", rna, "--coords", tmp_path / name, "-o", tmp_path / "o.h5ad"]
        assert_fails(capsys, [*args, "--force"], "over the input", code=2, folder=tmp_path)


def test_outputs_within_a_store_or_a_folder_of_input(section, tmp_path, capsys):
    adata = ad.read_h5ad(section / "rna.h5ad")
    adata.write_zarr(tmp_path / "rna.zarr")
    inside = tmp_path / "rna.zarr" / "X.h5ad"
    args = ["run", "--rna", tmp_path / "rna.zarr", "-k", 3, "-o", inside, *QUICK]
    assert_fails(capsys, args, "would be written over the input", code=2)
    outs = tmp_path / "outs"
    (outs / "spatial").mkdir(parents=True)
    args = ["run", outs, "-k", 3, "-o", outs / "spatial" / "o.h5ad", *QUICK]
    assert_fails(capsys, args, "would be written over the input", code=2)


def test_a_write_over_the_file_that_counts_are_read_from(section, tmp_path):
    path = tmp_path / "a.h5ad"
    shutil.copy(section / "rna.h5ad", path)
    expected = ad.read_h5ad(path).X
    for lazy in (sm.io.read_lazily(path), ad.read_h5ad(path, backed="r")):
        sm.io.write_h5ad(lazy, path)
        assert (expected != ad.read_h5ad(path).X).nnz == 0


def test_the_embedding_is_there_before_clusters_fail(section, out, monkeypatch, capsys):
    def no_clusters(*args, **settings):
        raise RuntimeError("leiden finds no partition into 2 clusters")

    expected = out.with_name("whole.h5ad")
    out = out.with_suffix(".h5ad")
    source = ["--rna", section / "rna.h5ad", "-k", 2]
    assert run(*source, "-o", expected, *QUICK) == 0
    monkeypatch.setattr("smartcore.tl.cluster", no_clusters)
    model, state = out.with_name("model.pt"), out.with_name("state.pt")
    state_kept = ["--save-model", model, "--checkpoint", state]
    capsys.readouterr()
    assert run(*source, "-o", out, *QUICK, *state_kept) == 1
    error = capsys.readouterr().err
    assert re.search(r"the embedding is in .*out\.h5ad, but there are no domains: leiden", error)
    result = ad.read_h5ad(out)
    np.testing.assert_array_equal(result.obsm["X_smart"], ad.read_h5ad(expected).obsm["X_smart"])
    assert "smart" not in result.obs
    assert model.exists()


def test_the_checkpoint_stays_until_the_files_are_there(section, out, monkeypatch):
    state = out.with_name("state.pt")
    seen = []

    def look(self, files, data):
        seen.append(state.exists())
        raise OSError(28, "No space left on device")

    source = ["--rna", section / "rna.h5ad", "-k", 2, "-o", out, *QUICK, "--checkpoint", state]
    monkeypatch.setattr("smartcore.training.checkpoint.Checkpoint.due", lambda self: True)
    with monkeypatch.context() as full:
        full.setattr("smartcore.cli._results.Outputs.write_embedding", look)
        assert run(*source) == 1
    assert seen == [True]
    assert sorted(p.name for p in out.parent.iterdir()) == ["state.pt"]
    assert run(*source) == 0
    assert not state.exists()


def test_results_are_those_of_one_write(section, out):
    """Domains are added to the file of the embedding: as if all had been written at once."""
    assert run(section / "all.h5mu", "-k", 3, "-o", out, *QUICK) == 0
    found = sm.io.read_mudata(out)
    again = out.with_name("again.h5mu")
    sm.io.write_h5mu(found, again)
    with h5py.File(out) as one, h5py.File(again) as other:
        names = [set(), set()]
        for file, seen in zip((one, other), names, strict=True):
            file.visit(seen.add)
        assert names[0] == names[1]
    assert found.obs["smart"].dtype == "category"
    assert found.obsm["X_smart"].shape[0] == found.n_obs
    assert found.uns["smart_clusters"]["method"] == "kmeans"


def test_a_figure_that_fails_is_a_warning(section, out, monkeypatch, capsys, quick_umap):
    def broken(*args, **settings):
        raise ValueError("no such colour")

    monkeypatch.setattr("smartcore.pl.losses", broken)
    assert run("--rna", section / "rna.h5ad", "-k", 3, "-o", out, *FAST) == 0
    assert (
        "warning: the figure 'losses' could not be made: no such colour" in capsys.readouterr().err
    )
    assert out.with_name("out_sizes.png").exists()
    assert not out.with_name("out_losses.png").exists()


def test_old_results_do_not_stay_beside_new_ones(section, out, monkeypatch):
    source = ["--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK, "--force"]
    stale = [out.with_name(f"out_{name}") for name in ("scores.csv", "domains.csv")]
    for path in stale:
        path.write_text("of another run")
    monkeypatch.setattr("smartcore.tl.cluster", lambda *a, **k: 1 / 0)
    assert run(*source, "--truth", "domain") == 1
    assert not any(path.exists() for path in stale)


UNWRITABLE = {
    "mixed": lambda a: a.obs.insert(0, "mix", pd.Series([1, "x"] * (a.n_obs // 2), a.obs_names)),
    "nullable text": lambda a: a.obs.insert(
        0, "note", pd.array([f"n{i}" for i in range(a.n_obs - 1)] + [None], dtype="string")
    ),
    "pairs": lambda a: a.obs.insert(0, "pair", pd.Series([(1, 2)] * a.n_obs, a.obs_names)),
}


@pytest.mark.parametrize("name", UNWRITABLE)
def test_columns_that_files_cannot_hold_are_seen_to_before_the_training(
    section, out, monkeypatch, capsys, name
):
    """They reach the command line through the join of sections, say, or an .rds file."""
    original = sm.io.read_modality

    def read(*args, **settings):
        adata = original(*args, **settings)
        UNWRITABLE[name](adata)
        return adata

    monkeypatch.setattr("smartcore.io.read_modality", read)
    out = out.with_suffix(".h5ad")
    assert run("--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK) == 0
    column = ad.read_h5ad(out).obs.iloc[:, 0]
    warned = "it is now text" in capsys.readouterr().err
    assert warned == (name != "nullable text")
    assert set(map(type, column.dropna())) == {str}


def test_index_of_seuratdisk_in_raw(section, out, tmp_path, capsys):
    adata = ad.read_h5ad(section / "rna.h5ad")
    adata.raw = adata
    adata.write_h5ad(tmp_path / "sd.h5ad")
    with h5py.File(tmp_path / "sd.h5ad", "r+") as file:
        var = file["raw/var"]
        var["features"] = var[var.attrs["_index"]][:]
        var.attrs["_index"] = "features"
        var.attrs["column-order"] = np.array(["_index"], dtype=object)
    out = out.with_suffix(".h5ad")
    assert run("--rna", tmp_path / "sd.h5ad", "-k", 3, "-o", out, *QUICK) == 0
    assert "'_index' of raw.var of rna is now called 'index_'" in capsys.readouterr().err
    assert list(ad.read_h5ad(out).raw.var) == ["index_"]


def test_what_python_cannot_write_is_named(tmp_path):
    adata = ad.AnnData(np.ones((4, 2)))
    adata.obs["mix"] = [1, "a", 2, "b"]
    with pytest.raises(ValueError, match=r"column 'mix' of obs.*holds int, str.*astype\(str\)"):
        sm.io.write_h5ad(adata, tmp_path / "a.h5ad")
    del adata.obs["mix"]
    adata.uns["odd"] = {"a/b": 1}
    with pytest.raises(ValueError, match="'odd' in uns holds keys with '/'"):
        sm.io.write_h5ad(adata, tmp_path / "a.h5ad")
    adata.uns["odd"] = {"ok": object()}
    with pytest.raises(ValueError, match="'odd' in uns cannot be written"):
        sm.io.write_h5ad(adata, tmp_path / "a.h5ad")
    del adata.uns["odd"]
    adata.obsm["X/y"] = np.ones((4, 2))
    with pytest.raises(ValueError, match="'X/y' in obsm"):
        sm.io.write_h5ad(adata, tmp_path / "a.h5ad")
    del adata.obsm["X/y"]
    mdata = mudata.MuData({"rna": adata, "a/b": adata.copy()})
    with pytest.raises(ValueError, match="cannot be called 'a/b'"):
        sm.io.write_h5mu(mdata, tmp_path / "a.h5mu")
    assert not list(tmp_path.iterdir())


def test_an_annotation_without_a_label_is_refused_first(change, out, capsys):
    path = change("rna", lambda a: a.obs.insert(0, "t", pd.Categorical([None] * a.n_obs, ["L1"])))
    args = ["run", "--rna", path, "-k", 3, "-o", out, *QUICK, "--truth", "t"]
    assert_fails(capsys, args, r"--truth t: obs\['t'\] of rna holds no label", folder=out.parent)


def test_messages_speak_the_language_of_the_command_line(change, out, capsys):
    renamed = change("protein", lambda a: setattr(a, "obs_names", a.obs_names + "-1"))
    half = change(
        "rna",
        lambda a: setattr(
            a, "obs_names", [f"{n}-1" if i % 2 else n for i, n in enumerate(a.obs_names)]
        ),
    )
    args = ["run", "--rna", half, "--protein", renamed, "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "of two samples, go on by --no-check-names", folder=out.parent)
    assert main([*map(str, args), "--no-check-names"]) == 0
    path = change("rna", lambda a: setattr(a, "X", a.X * 0.5))
    args = ["run", "--rna", path, "-k", 3, "-o", out, *QUICK, "--force"]
    assert_fails(capsys, args, r"Give raw counts \(--layer\), or --not-counts")


def test_one_file_for_two_kinds_must_say_which_features_are_of_which(section, out, capsys):
    rna = section / "rna.h5ad"
    args = ["run", "--rna", rna, "--protein", rna, "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "is given for two kinds", code=2, folder=out.parent)


def test_kind_of_a_modality_by_the_user(section, out, tmp_path, capsys):
    mdata = mudata.read_h5mu(section / "all.h5mu")
    named = mudata.MuData({"MyAssay": mdata["rna"], "adt": mdata["protein"]})
    named.write_h5mu(tmp_path / "named.h5mu")
    args = ["run", tmp_path / "named.h5mu", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "say it by --kind MyAssay=rna", folder=out.parent)
    wrong = [*args, "--kind", "Other=rna"]
    assert_fails(capsys, wrong, "--kind names 'Other'; the modalities are", code=2)
    assert main([*map(str, args), "--kind", "MyAssay=rna"]) == 0
    assert sm.io.read_mudata(out).uns["smart"]["reps"]["MyAssay"] == "X_pca"


def test_counts_in_raw(change, out):
    def into_raw(adata):
        adata.raw = adata
        adata.X = adata.X * 0.5

    path = change("rna", into_raw)
    assert run("--rna", path, "--layer", "raw", "-k", 3, "-o", out, *QUICK) == 0


def test_counts_in_raw_of_a_mudata_with_columns_and_places_of_its_own(section, out, tmp_path):
    mdata = mudata.read_h5mu(section / "all.h5mu")
    places = mdata["rna"].obsm["spatial"]
    for adata in mdata.mod.values():
        adata.raw = adata
        adata.X = adata.X * 0.5
        del adata.obsm["spatial"]
    mdata.obsm["spatial"] = places
    mdata.obs["note"] = "mine"
    mdata.write_h5mu(tmp_path / "raw.h5mu")
    assert run(tmp_path / "raw.h5mu", "--layer", "raw", "-k", 3, "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    assert set(result.obs["note"]) == {"mine"}
    np.testing.assert_array_equal(result.obsm["spatial"], places)


def test_a_section_without_coordinates_is_named(section, change, out, capsys):
    bare = change("rna", lambda a: a.obsm.pop("spatial") is None)
    args = ["run", "--rna", section / "rna.h5ad", bare, "-k", 3, "-o", out, *QUICK]
    names = ["--section-names", "one", "two"]
    assert_fails(capsys, [*args, *names], "section 'two' has no coordinates", folder=out.parent)


def test_coordinates_of_text_are_refused_before_the_counts(change, out, capsys):
    def as_text(adata):
        places = pd.DataFrame(adata.obsm["spatial"].astype(str), adata.obs_names, ["x", "y"])
        adata.obsm["spatial"] = places

    args = ["run", "--rna", change("rna", as_text), "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "holds text, not numbers.*--coords", folder=out.parent)


def test_apples_gpu_is_refused_in_one_line(section, out, capsys):
    args = ["run", "--rna", section / "rna.h5ad", "-o", out, "--device", "mps"]
    assert_fails(capsys, args, r"Apple's GPUs \(mps\) cannot be used", code=2)


def test_spots_off_the_tissue(change, out):
    def mark(adata):
        adata.obs["in_tissue"] = (np.arange(adata.n_obs) > 9).astype(int)

    path = change("rna", mark)
    out = out.with_suffix(".h5ad")
    assert run("--rna", path, "-k", 3, "-o", out, *QUICK) == 0
    result = ad.read_h5ad(out)
    assert np.isnan(result.obsm["X_smart"][:10]).all()
    table = pd.read_csv(out.with_name("out_domains.csv"))
    assert list(table["spot"]) == list(result.obs_names[10:])
    assert run("--rna", path, "-k", 3, "-o", out, *QUICK, "--keep-off-tissue", "--force") == 0
    assert np.isfinite(ad.read_h5ad(out).obsm["X_smart"]).all()
