from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import anndata as ad
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn import metrics as sk

import smartcore as sm
from smartcore.cli import main

FAST = ["--epochs", "3", "--latent-dim", "8", "--cluster-method", "kmeans"]
QUICK = [*FAST, "--no-figures", "-q"]
BY_HAND = {"epochs": 3, "latent_dim": 8, "progress": False}


@pytest.fixture(autouse=True)
def _no_pulling():
    with mudata.set_options(pull_on_update=False):
        yield


@pytest.fixture(scope="module")
def section(tmp_path_factory) -> Path:
    """A folder with a simulated section: rna, protein and chromatin .h5ad, and all as .h5mu."""
    folder = tmp_path_factory.mktemp("section")
    mdata = sm.datasets.tri_omics((12, 12), n_genes=60, n_proteins=20, n_peaks=60, seed=1)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    with mudata.set_options(pull_on_update=False):
        mdata.write_h5mu(folder / "all.h5mu")
    return folder


@pytest.fixture
def change(section, tmp_path):
    """Write a changed copy of a modality, and return its path."""

    def write(name: str, edit) -> str:
        adata = ad.read_h5ad(section / f"{name}.h5ad")
        adata = edit(adata) or adata
        path = tmp_path / f"changed_{name}.h5ad"
        adata.write_h5ad(path)
        return str(path)

    return write


@pytest.fixture
def out(tmp_path) -> Path:
    """An output in an empty folder of its own."""
    (tmp_path / "results").mkdir()
    return tmp_path / "results/out.h5mu"


def run(*args: object) -> int:
    return main(["run", *map(str, args)])


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def assert_fails(capsys, args, message: str, *, code: int = 1, folder: Path | None = None) -> None:
    """One clear line on standard error, nothing on standard output, no file left."""
    before = None if folder is None else sorted(folder.iterdir())
    capsys.readouterr()
    assert main([str(arg) for arg in args]) == code
    text, error = capsys.readouterr()
    assert text == ""
    assert re.search(message, last_line(error)), error
    assert "Traceback" not in error
    if code == 1:
        assert last_line(error).startswith("smartcore: error: ")
    if folder is not None:
        assert sorted(folder.iterdir()) == before


# run: results


def test_run_equals_the_library_by_hand(section, out, capsys):
    parts = {kind: ad.read_h5ad(section / f"{kind}.h5ad") for kind in ("rna", "protein")}
    sm.pp.rna(parts["rna"], n_comps=12, seed=3)
    sm.pp.protein(parts["protein"], n_comps=12, seed=3)
    by_hand = sm.tl.smart(parts, seed=3, lam=0.7, lr=1e-3, encoder="gcn", n_neighbors=5, **BY_HAND)
    sm.tl.cluster(by_hand, 4, method="kmeans", seed=3)

    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    options = ["--lambda", 0.7, "--learning-rate", 1e-3, "--encoder", "gcn", "--n-neighbors", 5]
    assert run(*sources, *options, "--n-comps", 12, "--seed", 3, "-k", 4, "-o", out, *QUICK) == 0

    assert capsys.readouterr().out == f"{out}\n"
    result = sm.io.read_mudata(out)
    assert np.array_equal(result.obsm["X_smart"], by_hand.obsm["X_smart"])
    assert list(result.obs["smart"]) == list(by_hand.obs["smart"])
    assert list(result.mod) == ["rna", "protein"]
    original = ad.read_h5ad(section / "rna.h5ad")
    assert (result["rna"].X != original.X).nnz == 0
    assert sorted(p.name for p in out.parent.iterdir()) == ["out.h5mu", "out_domains.csv"]
    table = pd.read_csv(out.parent / "out_domains.csv", dtype={"domain": str})
    assert list(table.columns) == ["spot", "domain", "x", "y"]
    assert list(table["domain"]) == list(result.obs["smart"])
    assert np.array_equal(table[["x", "y"]], original[table["spot"]].obsm["spatial"])


@pytest.mark.parametrize("kind", ["rna", "protein", "chromatin"])
def test_one_modality_goes_to_h5ad(section, out, kind):
    out = out.with_suffix(".h5ad")
    assert run(f"--{kind}", section / f"{kind}.h5ad", "-k", 3, "-o", out, *QUICK) == 0
    by_hand = ad.read_h5ad(section / f"{kind}.h5ad")
    getattr(sm.pp, kind)(by_hand)
    sm.tl.smart(by_hand, **BY_HAND)
    result = ad.read_h5ad(out)
    assert np.array_equal(result.obsm["X_smart"], by_hand.obsm["X_smart"])
    assert result.obs["smart"].nunique() == 3


def test_h5mu_input_keeps_what_it_holds(section, out):
    assert run(section / "all.h5mu", "-k", 5, "-o", out, *QUICK) == 0
    mdata = sm.io.read_mudata(section / "all.h5mu")
    sm.pp.rna(mdata["rna"])
    sm.pp.protein(mdata["protein"])
    sm.pp.chromatin(mdata["chromatin"])
    sm.tl.smart(mdata, **BY_HAND)
    result = sm.io.read_mudata(out)
    assert np.array_equal(result.obsm["X_smart"], mdata.obsm["X_smart"])
    assert list(result.obs.columns) == ["domain", "smart"]
    assert "nonspatial" in result.obsm


def test_tenx_file_with_several_types_and_coordinates(section, out, tmp_path):
    parts = {kind: ad.read_h5ad(section / f"{kind}.h5ad") for kind in ("rna", "protein")}
    matrix = sp.hstack([part.X for part in parts.values()]).T.tocsc()
    names = [*parts["rna"].var_names, *parts["protein"].var_names]
    types = ["Gene Expression"] * parts["rna"].n_vars + ["Antibody Capture"] * 20
    spots = parts["rna"].obs_names
    with h5py.File(tmp_path / "tenx.h5", "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array(spots, dtype="S")
        group["data"] = matrix.data.astype(np.int32)
        group["indices"], group["indptr"], group["shape"] = (
            matrix.indices,
            matrix.indptr,
            np.array(matrix.shape),
        )
        features = group.create_group("features")
        for key, values in {"id": names, "name": names, "feature_type": types}.items():
            features[key] = np.array(values, dtype="S")
        features["genome"] = np.array(["mm10"] * len(names), dtype="S")
    order = np.random.default_rng(0).permutation(len(spots))
    table = pd.DataFrame(parts["rna"].obsm["spatial"], index=spots, columns=["x", "y"])
    table.iloc[order].to_csv(tmp_path / "places.csv", index_label="spot")

    places = ["--coords", tmp_path / "places.csv"]
    assert run(tmp_path / "tenx.h5", *places, "-k", 3, "-o", out, *QUICK) == 0
    sm.pp.rna(parts["rna"])
    sm.pp.protein(parts["protein"])
    by_hand = sm.tl.smart(parts, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])


def test_real_outs_folder(shared_data, out, capsys):
    outs = shared_data / "seurat_visium/visium_outs"
    out = out.with_suffix(".h5ad")
    assert run(outs, "-k", 3, "-o", out, *FAST, "--no-figures") == 0
    assert "spots have no gene counts" in capsys.readouterr().err
    result = ad.read_h5ad(out)
    assert result.obsm["X_smart"].shape == (2695, 8)
    assert {"array_row", "array_col"} <= set(result.obs)


def test_coordinates_for_h5mu_drop_spots_without(section, out, tmp_path, capsys):
    mdata = sm.io.read_mudata(section / "all.h5mu")
    table = pd.DataFrame(mdata.obsm["spatial"] * 3, index=mdata.obs_names).iloc[10:]
    table.to_csv(tmp_path / "places.csv")
    places = ["--coords", tmp_path / "places.csv"]
    assert run(section / "all.h5mu", *places, "-k", 3, "-o", out, *QUICK) == 0
    assert "warning: 10 of 144 spots have no row" in capsys.readouterr().err
    result = sm.io.read_mudata(out)
    assert list(result.obs_names) == list(table.index)
    assert np.array_equal(result["rna"].obsm["spatial"], table)
    exported = pd.read_csv(out.parent / "out_domains.csv")
    assert np.array_equal(exported[["x", "y"]], table)


def test_features_that_are_there_are_used(section, out, change):
    def edit(adata):
        rng = np.random.default_rng(0)
        adata.obsm["mine"] = rng.normal(size=(adata.n_obs, 4)).astype(np.float32)
        adata.X = None

    path = change("rna", edit)
    protein = section / "protein.h5ad"
    sources = ["--rna", path, "--rna-rep", "mine", "--protein", protein]
    assert run(*sources, "-k", 3, "-o", out, *QUICK) == 0
    parts = {"rna": ad.read_h5ad(path), "protein": ad.read_h5ad(protein)}
    sm.pp.protein(parts["protein"])
    reps = {"rna": "mine", "protein": "X_pca"}
    by_hand = sm.tl.smart(parts, reps=reps, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])

    again = out.with_name("again.h5ad")
    assert run("--rna", path, "--rep", "mine", "-k", 3, "-o", again, *QUICK) == 0
    assert ad.read_h5ad(again).uns["smart"]["reps"]["rna"] == "mine"


def test_no_preprocess_uses_components_of_an_earlier_run(section, out, change):
    def edit(adata):
        sm.pp.rna(adata, n_comps=7)
        adata.X = adata.X * 0

    path = change("rna", edit)
    assert run("--rna", path, "--no-preprocess", "-k", 3, "-o", out, *QUICK) == 0
    by_hand = ad.read_h5ad(path)
    sm.tl.smart(by_hand, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])


def test_counts_in_a_layer(section, out, change, capsys):
    def edit(adata):
        adata.layers["raw"] = adata.X.copy()
        adata.X = adata.X.copy().log1p()

    sources = ["--rna", change("rna", edit), "--protein", section / "protein.h5ad"]
    assert run(*sources, "--rna-layer", "raw", "-k", 3, "-o", out, *QUICK) == 0
    plain = out.with_name("plain.h5mu")
    straight = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*straight, "-k", 3, "-o", plain, *QUICK) == 0
    first, second = sm.io.read_mudata(out), sm.io.read_mudata(plain)
    assert np.array_equal(first.obsm["X_smart"], second.obsm["X_smart"])
    args = ["run", *sources, "--layer", "raw", "-k", 3, "-o", out, *QUICK, "--force"]
    assert_fails(capsys, args, "protein: .*layer 'raw'", folder=out.parent)


def test_number_of_domains_is_chosen_aloud(section, out, capsys):
    args = ["--protein", section / "protein.h5ad", "-k", "2-4", "-o", out, *FAST, "--no-figures"]
    assert run(*args) == 0
    result = sm.io.read_mudata(out)
    table = sm.tl.choose_n_clusters(result, range(2, 5), method="kmeans", progress=False)
    chosen = table.attrs["suggested"]
    assert f"{chosen} domains were chosen from 2 to 4" in capsys.readouterr().err
    assert result.obs["smart"].nunique() == chosen
    written = pd.read_csv(out.parent / "out_n_clusters.csv", index_col=0)
    pd.testing.assert_frame_equal(written, table, check_exact=False)


def test_truth_is_scored_and_saved(section, out, capsys):
    sources = ["--rna", section / "rna.h5ad", "--chromatin", section / "chromatin.h5ad"]
    assert run(*sources, "-k", 5, "--truth", "domain", "-o", out, *FAST, "--no-figures") == 0
    text, error = capsys.readouterr()
    result = sm.io.read_mudata(out)
    truth, found = result["rna"].obs["domain"], result.obs["smart"]
    expected = sk.adjusted_rand_score(truth, found)
    lines = dict(line.split() for line in text.splitlines()[:-1])
    assert float(lines["ari"]) == pytest.approx(expected, abs=1e-4)
    assert len(lines) == 7
    assert text.splitlines()[-1] == str(out)
    assert "obs['domain'] of rna and chromatin, 144 spots" in error
    saved = pd.read_csv(out.parent / "out_scores.csv", index_col="score")["value"]
    assert saved["nmi"] == pytest.approx(sk.normalized_mutual_info_score(truth, found))


def test_model_is_saved_and_gives_the_embedding_again(section, out):
    path = section / "protein.h5ad"
    model = out.with_name("model.pt")
    assert run("--protein", path, "-k", 3, "-o", out, "--save-model", model, *QUICK) == 0
    result = sm.io.read_mudata(out)
    adata = result["protein"]
    again = sm.embed(sm.SMART.load(model), {"protein": adata.obsm["X_pca"]}, adata.obsm["spatial"])
    assert np.allclose(again, result.obsm["X_smart"], atol=1e-6)
    assert {p.name for p in out.parent.iterdir()} == {"out.h5mu", "out_domains.csv", "model.pt"}


def test_sections_reach_the_method_and_the_table(section, out, change):
    def edit(adata):
        adata.obs["slice"] = np.where(adata.obsm["spatial"][:, 0] < 6, "left", "right")

    path = change("rna", edit)
    assert run("--rna", path, "--section-key", "slice", "-k", 3, "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    graph = result.obsp["smart_connectivities"]
    left = (result["rna"].obs["slice"] == "left").to_numpy()
    assert graph.nnz > 0
    assert graph[left][:, ~left].nnz == 0
    table = pd.read_csv(out.parent / "out_domains.csv")
    assert list(table["section"]) == list(result["rna"].obs["slice"])


def test_spots_that_a_modality_lacks(section, out, change, capsys):
    path = change("protein", lambda adata: adata[20:].copy())
    sources = ["--rna", section / "rna.h5ad", "--protein", path]
    assert run(*sources, "-k", 3, "-o", out, *FAST, "--no-figures") == 0
    assert "20 of 144 spots have no protein" in capsys.readouterr().err
    assert sm.io.read_mudata(out).n_obs == 144


# run: figures


def read_image(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


@pytest.fixture
def quick_umap(monkeypatch):
    """UMAP itself takes half a minute to compile; the plots' own tests draw it."""
    monkeypatch.setattr(
        "smartcore.pl.umap",
        lambda data, color, *, n_neighbors, seed, ax, title: sm.pl.spatial(
            data, color, ax=ax, title=title
        ),
    )


@pytest.mark.usefixtures("quick_umap")
def test_figures_stand_beside_the_result(section, out):
    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*sources, "-k", 4, "--truth", "domain", "-o", out, *FAST, "-q") == 0
    names = {"domains", "losses", "modalities", "sizes", "truth", "umap"}
    figures = {p.stem: read_image(p) for p in out.parent.glob("*.png")}
    assert set(figures) == {f"out_{name}" for name in names}
    for image in figures.values():
        assert min(image.shape[:2]) >= 600
        assert image.std() > 0.05
    # The map of domains shows exactly as many colours of spots as there are domains.
    colours, counts = np.unique(
        (figures["out_domains"].reshape(-1, 3) * 255).round(), axis=0, return_counts=True
    )
    large = colours[counts > 0.005 * counts.sum()]
    assert len([c for c in large if np.ptp(c) > 30]) == 4


@pytest.mark.usefixtures("quick_umap")
def test_figures_of_one_modality_in_two_sections(section, out, change):
    def edit(adata):
        adata.obs["slice"] = np.where(adata.obsm["spatial"][:, 0] < 6, "left", "right")

    args = ["--rna", change("rna", edit), "--section-key", "slice", "-k", 3, "-o", out]
    assert run(*args, *FAST, "-q") == 0
    assert {p.name for p in out.parent.glob("*.png")} == {
        f"out_{name}.png" for name in ("domains", "losses", "sizes", "umap")
    }
    for name in ("domains", "umap"):
        # Two maps: one for each section; by section and by domain.
        assert read_image(out.parent / f"out_{name}.png").shape[1] == 2 * 6 * 200


# run: what goes wrong with data and files


def test_missing_and_wrong_inputs(section, out, tmp_path, capsys):
    def fails(*args, message):
        assert_fails(capsys, ["run", *args, "-k", 3, "-o", out, *QUICK], message, folder=out.parent)

    fails("--rna", tmp_path / "none.h5ad", message=r"none\.h5ad does not exist; expected")
    fails(tmp_path / "none.h5mu", message=r"none\.h5mu does not exist; expected a MuData")
    fails("--rna", out.parent, message="is not a Space Ranger 'outs' folder")
    fails(out.parent, message="is not a Space Ranger 'outs' folder")
    fails(section / "rna.h5ad", message="does not say which modality it is")
    fails("--rna", section / "all.h5mu", message="holds a MuData of several modalities")
    cut = tmp_path / "cut.h5ad"
    cut.write_bytes((section / "rna.h5ad").read_bytes()[:20_000])
    fails("--rna", cut, message=r"cut\.h5ad could not be read.*truncated")
    cut_mu = tmp_path / "cut.h5mu"
    cut_mu.write_bytes((section / "all.h5mu").read_bytes()[:20_000])
    fails(cut_mu, message=r"cut\.h5mu could not be read.*truncated")


def test_bad_data(section, out, change, tmp_path, capsys):
    def fails(*args, message):
        assert_fails(capsys, ["run", *args, "-k", 3, "-o", out, *QUICK], message, folder=out.parent)

    def renamed(adata):
        adata.obs_names = [f"other_{name}" for name in adata.obs_names]

    def unplaced(adata):
        adata.obsm["spatial"][5] = np.nan

    def bare(adata):
        del adata.obsm["spatial"]

    def logged(adata):
        adata.X = adata.X.copy().log1p()

    rna = section / "rna.h5ad"
    fails("--rna", rna, "--protein", change("protein", renamed), message="no spot name in common")
    path = change("rna", unplaced)
    fails("--rna", path, message=r"rna: .*1 of 144 spots \(first: 'spot_0_5'\).*--coords")
    mdata = sm.io.read_mudata(section / "all.h5mu")
    mdata.obsm["spatial"][7] = np.inf
    mdata.write_h5mu(tmp_path / "joint.h5mu")
    fails(tmp_path / "joint.h5mu", message=r"1 of 144 spots \(first: 'spot_0_7'\)")
    path = change("rna", bare)
    fails("--rna", path, message=r"no coordinates: .*--spatial-key.*--coords")
    fails("--rna", change("rna", logged), message="rna: .*whole numbers|rna: .*counts")
    assert run("--rna", change("rna", logged), "--not-counts", "-k", 3, "-o", out, *QUICK) == 0
    out.unlink()
    (out.parent / "out_domains.csv").unlink()
    fails("--rna", rna, "--rep", "X_pca", message=r"rna has no obsm\['X_pca'\]")
    fails("--rna", rna, "--truth", "layer", message=r"no column 'layer': obs of rna has domain")
    fails("--rna", rna, "--section-key", "slice", message="slice")
    (tmp_path / "places.csv").write_text("spot,x,y\nA,1,2\n")
    fails("--rna", rna, "--coords", tmp_path / "places.csv", message="none of the 144 spots")
    (tmp_path / "places.csv").write_text("spot,x,y\nspot_0_0,1,\n")
    fails("--rna", rna, "--coords", tmp_path / "places.csv", message="missing or infinite")


def test_more_domains_than_spots(section, out, capsys):
    args = ["run", "--rna", section / "rna.h5ad", "-k", 145, "-o", out, *QUICK]
    assert_fails(capsys, args, "more domains than the 144 spots", folder=out.parent)


def test_bad_destinations(section, out, tmp_path, capsys):
    def fails(path, message, *more):
        args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", path, *QUICK, *more]
        assert_fails(capsys, args, message)

    (tmp_path / "file").write_text("")
    fails(tmp_path / "none/out.h5mu", "the folder .*none does not exist")
    fails(tmp_path / "file/out.h5mu", "is not a folder|Not a directory")
    fails(out, "the folder .*none does not exist", "--save-model", tmp_path / "none/m.pt")
    out.mkdir()
    fails(out, "it is a folder")


def test_existing_output_is_kept_without_force(section, out, capsys):
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    out.write_text("precious")
    assert_fails(capsys, args, r"out\.h5mu exists already; --force", folder=out.parent)
    assert out.read_text() == "precious"
    out.unlink()
    table = out.with_name("out_domains.csv")
    table.write_text("precious")
    assert_fails(capsys, args, r"out_domains\.csv exists already", folder=out.parent)
    out.write_text("old")
    assert main([*map(str, args), "--force"]) == 0
    assert sm.io.read_mudata(out).n_obs == 144
    assert "precious" not in table.read_text()


def test_a_failure_while_writing_leaves_nothing(section, out, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mudata.MuData, "write_h5mu", full)
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "No space left on device", folder=out.parent)


def test_unforeseen_errors_name_their_kind(section, out, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("smartcore.tl.smart", broken)
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, r"error: RuntimeError: two lines \(-v shows where\)")
    assert main([*map(str, args[:-1]), "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_during_training_leaves_nothing(section, out, monkeypatch, capsys):
    smart = sm.tl.smart

    def interrupted(*args, **params):
        def callback(epoch, losses):
            if epoch == 2:
                raise KeyboardInterrupt

        return smart(*args, **params, callback=callback)

    monkeypatch.setattr("smartcore.tl.smart", interrupted)
    model = ["--save-model", out.with_name("model.pt")]
    assert run("--rna", section / "rna.h5ad", "-k", 3, "-o", out, *model, *QUICK) == 130
    text, error = capsys.readouterr()
    assert text == ""
    assert last_line(error) == "smartcore: error: interrupted; no output was written"
    assert not list(out.parent.iterdir())


# run: wrong usage


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no input: name a file"),
        (["x.h5mu", "--rna", "a.h5ad"], "give either INPUT or --rna, not both"),
        (["--rna", "a.h5ad", "--preset", "best"], r"robust.*paper.*published"),
        (["--rna", "a.h5ad", "--encoder", "mlp"], r"sage.*gcn.*gat.*gatv2.*graphconv"),
        (["--rna", "a.h5ad", "--cluster-method", "x"], r"mclust.*gmm.*leiden.*louvain.*kmeans"),
        (["--rna", "a.h5ad", "-k", "0"], "'0' is neither a number of domains"),
        (["--rna", "a.h5ad", "-k", "9-4"], "'9-4' is neither"),
        (["--rna", "a.h5ad", "--lambda", "1.5"], "'1.5' is not a number from 0 to 1"),
        (["--rna", "a.h5ad", "--learning-rate", "0"], "'0' is not a number above 0"),
        (["--rna", "a.h5ad", "--epochs", "2.5"], "'2.5' is not a whole number from 1 up"),
        (["--rna", "a.h5ad", "--seed", "-1"], "'-1' is not a whole number from 0 up"),
        (["--rna", "a.h5ad", "--device", "tpu"], "'tpu' is none of auto, cpu"),
        (["--rna", "a.h5ad", "--protein-rep", "X"], "--protein-rep is given, but --protein is not"),
        (["--rna", "a.h5ad", "--rep", "X", "--no-preprocess"], "not allowed with"),
        (["--rna", "a.h5ad", "-q", "-v"], "not allowed with"),
        (["--rna", "a.h5ad", "-o", "out.csv"], r"must end in \.h5mu .*not in '\.csv'"),
        (["--rna", "a.h5ad", "-o", "out"], r"must end in \.h5mu .*not in 'nothing'"),
        (["--rna", "a", "--protein", "b", "-o", "o.h5ad"], r"several modalities go to an \.h5mu"),
        (["--rna", "a.h5ad", "--save-model", "out.h5mu"], "would both write"),
        (["--rna", "a.h5ad", "--checkpoint", "out.h5mu"], "--checkpoint and another output would"),
        (
            ["--rna", "a.h5ad", "--save-model", "s.pt", "--checkpoint", "s.pt"],
            "--checkpoint and another output would",
        ),
    ],
)
def test_wrong_usage(args, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    output = [] if "-o" in args else ["-o", "out.h5mu"]
    assert_fails(capsys, ["run", *args, *output], message, code=2, folder=tmp_path)


def test_usage_known_after_reading(section, out, capsys):
    args = ["run", section / "all.h5mu", "-k", 3, "-o", out.with_suffix(".h5ad"), *QUICK]
    assert_fails(capsys, args, "several modalities go to", code=2, folder=out.parent)


def test_no_command_and_help_and_version(capsys):
    assert main([]) == 2
    assert "smartcore demo" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"smartcore {sm.__version__}\n"
    for command in ("run", "demo", "score"):
        assert main([command, "--help"]) == 0
        assert "examples:" in capsys.readouterr().out or command == "demo"
    assert main(["ruin"]) == 2


def test_the_process_is_left_as_it_was(section, out):
    logger = logging.getLogger("smartcore")
    before = (list(logger.handlers), logger.level, logger.propagate, torch.get_num_threads())
    args = ["--rna", section / "rna.h5ad", "-k", 3, "-o", out, "--threads", 1, *QUICK]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert run(*args) == 0
    after = (list(logger.handlers), logger.level, logger.propagate, torch.get_num_threads())
    assert after == before
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# demo


@pytest.mark.usefixtures("quick_umap")
def test_demo(tmp_path, capsys):
    folder = tmp_path / "demo"
    args = ["demo", "-o", str(folder), "--shape", "12", "15", "--seed", "4", "--epochs", "5"]
    assert main(args) == 0
    text, error = capsys.readouterr()
    assert "180 spots" in error
    result = sm.io.read_mudata(folder / "demo.h5mu")
    scores = dict(line.split() for line in text.splitlines()[:-1])
    expected = sk.adjusted_rand_score(result.obs["domain"], result.obs["smart"])
    assert float(scores["ari"]) == pytest.approx(expected, abs=1e-4)
    names = {p.name for p in folder.iterdir()}
    assert {"demo_truth.png", "demo_domains.png", "demo_domains.csv", "demo_scores.csv"} <= names
    assert_fails(capsys, args, r"demo\.h5mu.*exist already; --force", folder=folder)


def test_demo_that_fails_leaves_no_folder(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("smartcore.tl.smart", interrupted)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--shape", "8", "8", "-q"]) == 130
    assert not list(tmp_path.iterdir())
    assert_fails(capsys, ["demo", "-o", tmp_path / "none/demo"], "there is no folder .*none")
    (tmp_path / "file").write_text("")
    assert_fails(capsys, ["demo", "-o", tmp_path / "file"], "a file is in its place")
    assert_fails(capsys, ["demo", "--shape", "3", "8"], "'3' is not a whole number", code=2)


# score


@pytest.fixture
def scored(tmp_path) -> tuple[Path, pd.Series, pd.Series]:
    """A result with domains and, in one modality only, a truth that some spots lack."""
    mdata = sm.datasets.tri_omics((10, 10), n_genes=5, n_proteins=5, modalities=["rna", "protein"])
    domains = np.random.default_rng(0).integers(3, size=100).astype(str)
    mdata.obs["smart"] = pd.Categorical(domains)
    truth = mdata["rna"].obs["domain"].astype(object)
    truth.iloc[:7] = np.nan
    mdata["rna"].obs["layer"] = pd.Categorical(truth)
    mdata.write_h5mu(tmp_path / "result.h5mu")
    known = truth.dropna()
    return tmp_path / "result.h5mu", known, mdata.obs.loc[known.index, "smart"]


def test_score_finds_the_truth_in_a_modality(scored, capsys):
    path, truth, predicted = scored
    assert main(["score", str(path), "--truth", "layer", "--json"]) == 0
    text, error = capsys.readouterr()
    report = json.loads(text)
    assert report["truth"] == "obs['layer'] of rna"
    assert report["n_spots"] == 93
    assert "obs['layer'] of rna; 93 spots" in error
    expected = {
        "ari": sk.adjusted_rand_score(truth, predicted),
        "ami": sk.adjusted_mutual_info_score(truth, predicted),
        "nmi": sk.normalized_mutual_info_score(truth, predicted),
        "homogeneity": sk.homogeneity_score(truth, predicted),
        "mutual_info": sk.mutual_info_score(truth, predicted),
        "v_measure": sk.v_measure_score(truth, predicted),
        "fmi": sk.fowlkes_mallows_score(truth, predicted),
    }
    assert report["scores"] == pytest.approx(expected)
    assert main(["score", str(path), "--truth", "rna:layer", "-q"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert {k: float(v) for k, v in lines.items()} == pytest.approx(expected, abs=1e-4)


def test_score_of_a_single_modality_of_any_type(change, out, capsys):
    def typed(adata):
        adata.var["feature_types"] = "Antibody Capture"

    result = out.with_suffix(".h5ad")
    assert run("--protein", change("protein", typed), "-k", 3, "-o", result, *QUICK) == 0
    capsys.readouterr()
    assert main(["score", str(result), "--truth", "domain", "--json"]) == 0
    adata = ad.read_h5ad(result)
    expected = sk.adjusted_rand_score(adata.obs["domain"], adata.obs["smart"])
    assert str(round(expected, 6))[:6] in capsys.readouterr().out


@pytest.mark.parametrize("reach", [1, 3])
def test_score_with_morans_i_on_the_fitted_graph(scored, capsys, reach):
    path, _, _ = scored
    mdata = sm.io.read_mudata(path)
    labels, xy = mdata.obs["domain"].to_numpy(), mdata.obsm["spatial"]
    distance = np.abs(xy[:, None] - xy[None]).sum(axis=2)
    near = (distance > 0) & (distance <= reach)
    mdata.obsp["smart_connectivities"] = sp.csr_matrix(near.astype(np.float32))
    mdata.write_h5mu(path)
    assert main(["score", str(path), "--truth", "domain", "--pred", "domain", "--moran"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^ari +1\.0000$", text, re.M)
    one = (labels == "factor 1").astype(float)
    z = one - one.mean()
    expected = len(z) * (z @ near @ z) / (near.sum() * (z @ z))
    found = re.search(r"^morans_i of factor 1 +(\S+)$", text, re.M)
    assert found is not None
    assert float(found[1]) == pytest.approx(expected, abs=1e-4)


def test_score_of_tables(tmp_path, capsys):
    (tmp_path / "domains.csv").write_text("spot,domain,x\n01,a,1\n02,a,2\n03,b,3\n04,b,4\n")
    (tmp_path / "truth.tsv").write_text("name\tlayer\n04\tII\n03\tI\n02\tI\n01\tI\n99\tI\n")
    truth = ["--truth", "layer", "--truth-file", str(tmp_path / "truth.tsv")]
    assert main(["score", str(tmp_path / "domains.csv"), *truth, "--json"]) == 0
    text, error = capsys.readouterr()
    report = json.loads(text)
    assert "1 annotated spots have no domain" in error
    assert report["n_spots"] == 4
    expected = sk.adjusted_rand_score([1, 1, 1, 2], [1, 1, 2, 2])
    assert report["scores"]["ari"] == pytest.approx(expected)


def test_score_failures(scored, tmp_path, section, capsys):
    path, _, _ = scored
    table = tmp_path / "domains.csv"
    table.write_text("spot,domain\nx,a\n")
    no_truth = ["score", path, "--truth", "nothing"]
    assert_fails(capsys, no_truth, r"no column 'nothing'.*obs of rna has domain, layer")
    assert_fails(capsys, ["score", section / "rna.h5ad", "--truth", "domain"], "no column 'smart'")
    assert_fails(capsys, ["score", tmp_path / "no.csv", "--truth", "a"], "does not exist")
    apart = ["score", table, "--truth", "layer", "--truth-file", path]
    assert_fails(capsys, apart, "no spot has both a domain and an annotation")
    assert_fails(capsys, ["score", table, "--truth", "a", "--moran"], "coordinates", code=2)
    assert_fails(capsys, ["score", path], "--truth", code=2)


def test_score_refuses_modalities_that_differ(scored, capsys):
    path, _, _ = scored
    mdata = sm.io.read_mudata(path)
    mdata["protein"].obs["layer"] = "one"
    mdata.write_h5mu(path)
    args = ["score", path, "--truth", "layer"]
    assert_fails(capsys, args, "rna and protein have different 'layer'.*'rna:layer'")


# As a process


def process(*args: object, **more) -> subprocess.Popen:
    source = Path(sm.__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), *sys.path])}
    # R, once started in this process, puts the system's libraries before this Python's own.
    if "/R/" in env.get("LD_LIBRARY_PATH", ""):
        del env["LD_LIBRARY_PATH"]
    command = [sys.executable, "-m", "smartcore", *map(str, args)]
    return subprocess.Popen(
        command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


def test_process_exits_with_the_code_and_one_line(tmp_path):
    args = ["run", "--rna", tmp_path / "none.h5ad", "-o", tmp_path / "out.h5mu"]
    with process(*args) as running:
        text, error = running.communicate(timeout=120)
    assert running.returncode == 1
    assert text == ""
    assert error.count("\n") == 1
    assert error.startswith("smartcore: error: ")


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_process_is_interrupted_cleanly(section, out):
    options = ["--epochs", 10**6, "-k", 3, "-v", "--save-model", out.with_name("m.pt")]
    started = time.monotonic()
    with process("run", "--rna", section / "rna.h5ad", "-o", out, *options) as running:
        assert running.stderr is not None
        while "epoch" not in (line := running.stderr.readline()):
            assert line, "the process ended before it trained"
            assert time.monotonic() - started < 120
        running.send_signal(signal.SIGINT)
        text, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert text == ""
    assert error.rstrip().endswith("interrupted; no output was written")
    assert not list(out.parent.iterdir())
