"""The command line on several sections."""

import re
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("quick_umap")

QUICK = ("--epochs", "3", "--cluster-method", "kmeans", "-k", "3")


def run(*args):
    return main(["run", *map(str, args)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two sections, of other sizes and with the same barcodes: a file for each modality, and all."""
    folder = tmp_path_factory.mktemp("sections")
    for i, name in enumerate(("left", "right")):
        mdata = sm.datasets.tri_omics((10, 12 - 3 * i), n_peaks=200, seed=i)
        for kind in ("rna", "protein", "chromatin"):
            part = mdata[kind].copy()
            if kind == "rna":
                part = part[:, 100 * i : 800 + 100 * i].copy()
            if kind == "chromatin" and i:
                part.var_names = [n.replace(":", "-") for n in part.var_names]
            part.write_h5ad(folder / f"{name}_{kind}.h5ad")
        with mudata.set_options(pull_on_update=False):
            mdata.write_h5mu(folder / f"{name}.h5mu")
    return folder


def files(folder, kind):
    return [folder / f"{name}_{kind}.h5ad" for name in ("left", "right")]


def test_several_files_for_each_modality(folder, tmp_path):
    out = tmp_path / "out.h5mu"
    kinds = ("rna", "protein", "chromatin")
    sources = [arg for kind in kinds for arg in (f"--{kind}", *files(folder, kind))]
    names = ("--section-names", "left", "right")
    assert run(*sources, *names, "--truth", "domain", "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)

    parts = {
        kind: dict(zip(names[1:], map(ad.read_h5ad, files(folder, kind)), strict=True))
        for kind in kinds
    }
    for kind in kinds:
        getattr(sm.pp, kind)(parts[kind])
    given = {name: {kind: parts[kind][name] for kind in kinds} for name in names[1:]}
    expected = sm.tl.smart(given, epochs=3, progress=False)
    z = np.vstack([part.obsm["X_smart"] for part in expected.values()])
    np.testing.assert_array_equal(result.obsm["X_smart"], z)
    assert result.obs_names[0] == "left:spot_0_0"
    assert result.obs_names[-1] == "right:spot_9_8"
    assert result["rna"].n_vars == 700
    assert result["rna"].obs["section"].value_counts().to_dict() == {"left": 120, "right": 90}
    table = pd.read_csv(tmp_path / "out_domains.csv")
    assert table["section"].value_counts().to_dict() == {"left": 120, "right": 90}
    for figure in ("domains", "umap", "sizes", "truth"):
        assert (tmp_path / f"out_{figure}.png").stat().st_size > 5000


def test_mixing_and_agreement_by_section_are_told(folder, tmp_path, capsys):
    out = tmp_path / "out.h5ad"
    assert run("--rna", *files(folder, "rna"), "--truth", "domain", "-o", out, *QUICK) == 0
    said = capsys.readouterr().err
    assert "share 700 features by name" in said
    assert "mixing of the 2 sections: iLISI" in said
    assert "ARI by section: left_rna" in said
    assert ad.read_h5ad(out).obs["section"].cat.categories.tolist() == ["left_rna", "right_rna"]


def test_several_files_with_all_modalities(folder, tmp_path):
    out = tmp_path / "out.h5mu"
    inputs = (folder / "left.h5mu", folder / "right.h5mu")
    assert run(*inputs, "--no-figures", "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    assert set(result.mod) == {"rna", "protein", "chromatin"}
    assert result["rna"].obs["section"].unique().tolist() == ["left", "right"]
    assert np.isfinite(result.obsm["X_smart"]).all()


def test_a_section_without_a_modality(folder, tmp_path):
    out = tmp_path / "out.h5mu"
    protein = ("--protein", folder / "left_protein.h5ad", "-")
    rna = ("--rna", *files(folder, "rna"))
    assert run(*rna, *protein, "--no-figures", "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    assert result["protein"].n_obs == 120
    assert result.n_obs == 210


def test_sections_of_one_file(folder, tmp_path):
    joined = sm.pp.join_sections(
        dict(zip("ab", map(ad.read_h5ad, files(folder, "rna")), strict=True)), section_key="slide"
    )
    joined.write_h5ad(tmp_path / "both.h5ad")
    out = tmp_path / "out.h5ad"
    source = ("--rna", tmp_path / "both.h5ad", "--section-key", "slide")
    assert run(*source, "--no-figures", "--n-top-genes", 200, "-o", out, *QUICK) == 0
    sm.pp.rna(joined, section_key="slide", n_top_genes=200)
    sm.tl.smart(joined, section_key="slide", epochs=3, progress=False)
    result = ad.read_h5ad(out)
    assert (result.var["highly_variable"] == joined.var["highly_variable"]).all()
    np.testing.assert_array_equal(result.obsm["X_smart"], joined.obsm["X_smart"])


def test_section_column_of_another_modality(folder, tmp_path):
    parts = {kind: ad.read_h5ad(folder / f"left_{kind}.h5ad") for kind in ("rna", "protein")}
    parts["protein"].obs["slide"] = np.where(np.arange(120) < 60, "x", "y")
    for kind, part in parts.items():
        part.write_h5ad(tmp_path / f"{kind}.h5ad")
    out = tmp_path / "out.h5mu"
    sources = ("--rna", tmp_path / "rna.h5ad", "--protein", tmp_path / "protein.h5ad")
    options = ("--section-key", "slide", "--n-top-genes", 100, "--no-figures")
    assert run(*sources, *options, "-o", out, *QUICK) == 0
    assert sm.io.read_mudata(out).uns["smart"]["sections"].tolist() == ["x", "y"]


def test_components_that_are_there(folder, tmp_path, capsys):
    parts = [ad.read_h5ad(path) for path in files(folder, "rna")]
    paths = [tmp_path / "a.h5ad", tmp_path / "b.h5ad"]
    for joint in (False, True):
        for part in parts:
            sm.pp.rna(part, n_comps=5)
        if joint:
            sm.pp.rna(parts, n_comps=5)
        for part, path in zip(parts, paths, strict=True):
            part.write_h5ad(path)
        out = tmp_path / f"out_{joint}.h5ad"
        code = run("--rna", *paths, "--no-preprocess", "--no-figures", "-o", out, *QUICK)
        if not joint:
            assert code == 1
            assert "components of their own in sections 'a' and 'b'" in capsys.readouterr().err
    assert code == 0
    sm.tl.smart(parts, epochs=3, progress=False)
    np.testing.assert_array_equal(
        ad.read_h5ad(out).obsm["X_smart"], np.vstack([p.obsm["X_smart"] for p in parts])
    )


def test_options_on_sections_reach_the_method(folder, tmp_path):
    out = tmp_path / "out.h5ad"
    options = ("--harmony-theta", 2, "--harmony-rounds", 3, "--section-triplets", "both")
    assert run("--rna", *files(folder, "rna"), *options, "--no-figures", "-o", out, *QUICK) == 0
    params = ad.read_h5ad(out).uns["smart"]["params"]
    said = [params[name] for name in ("harmony_theta", "harmony_rounds", "section_triplets")]
    assert said == [2, 3, "both"]


def test_features_scaled_over_all_sections(folder, tmp_path):
    out = tmp_path / "out.h5ad"
    given = ("--protein", *files(folder, "protein"), "--no-align-sections", "--no-figures")
    assert run(*given, "-o", out, *QUICK) == 0
    parts = [ad.read_h5ad(file) for file in files(folder, "protein")]
    sm.pp.protein(parts, align_sections=False)
    result = ad.read_h5ad(out)
    expected = np.vstack([part.obsm["X_pca"] for part in parts])
    np.testing.assert_array_equal(result.obsm["X_pca"], expected)


def test_links_without_sections_are_refused(folder, tmp_path, capsys):
    path = files(folder, "rna")[0]
    assert run("--rna", path, "--link-sections", "-o", tmp_path / "out.h5ad", *QUICK) == 1
    assert "there are no sections" in capsys.readouterr().err


def test_registered_sections_are_linked(folder, tmp_path):
    paths = []
    for i, path in enumerate(files(folder, "rna")):
        part = ad.read_h5ad(path)
        part.obsm["spatial"] = np.c_[part.obsm["spatial"], np.full(part.n_obs, i)]
        part.write_h5ad(tmp_path / path.name)
        paths.append(tmp_path / path.name)
    out = tmp_path / "out.h5ad"
    assert run("--rna", *paths, "--link-sections", "--no-figures", "-o", out, *QUICK) == 0
    graph = ad.read_h5ad(out).obsp["smart_connectivities"]
    assert graph[:120, 120:].nnz > 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--rna", "a", "b", "--protein", "c"], "2 for --rna, 1 for --protein"),
        (["--rna", "a", "b", "--section-key", "x"], "--section-key is for sections within one"),
        (["--rna", "a", "b", "--section-names", "x"], "must be 2 different ones"),
        (["--rna", "a", "b", "--section-names", "x", "x"], "must be 2 different ones"),
        (["--rna", "a", "-"], "section 2 has no file"),
        (["--rna", "a", "b", "--coords", "c"], "1 for --coords"),
    ],
)
def test_commands_that_contradict_themselves(args, message, tmp_path, capsys):
    assert run(*args, "-o", tmp_path / "out.h5mu") == 2
    assert re.search(message, " ".join(capsys.readouterr().err.split()))


def test_sections_that_share_nothing(folder, tmp_path, capsys):
    part = ad.read_h5ad(folder / "right_rna.h5ad")
    part.var_names = [name.upper() for name in part.var_names]
    part.write_h5ad(tmp_path / "other.h5ad")
    sources = ("--rna", folder / "left_rna.h5ad", tmp_path / "other.h5ad")
    assert run(*sources, "-o", tmp_path / "out.h5ad") == 1
    said = capsys.readouterr().err
    assert "rna: The 2 sections share 0 features" in said
    assert "upper and lower case" in said
    assert not (tmp_path / "out.h5ad").exists()
