"""Figures of ``smartcore run``."""

import inspect
import shutil
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.cli import FAST, run
from smartcore.cli import _images, build_parser

pytestmark = pytest.mark.usefixtures("no_pulling")


def read_image(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


@pytest.mark.usefixtures("quick_umap")
def test_figures_stand_beside_the_result(section, out):
    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*sources, "-k", 4, "--truth", "domain", "-o", out, *FAST, "-q") == 0
    names = {"domains", "losses", "modalities", "scales", "sizes", "truth", "umap"}
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


BACKGROUND = (40, 90, 160)


def with_image(adata, name="slide", color=BACKGROUND):
    """Put the section, a grid of step 1, on an image of one colour; 10 pixels for each step."""
    pixels = np.full((130, 130, 3), color, dtype=np.uint8)
    adata.uns["spatial"] = {
        name: {
            "images": {"hires": pixels},
            "scalefactors": {"tissue_hires_scalef": 10.0, "spot_diameter_fullres": 0.5},
        }
    }


def share_of(path: Path, color=BACKGROUND) -> float:
    """Part of a figure that is of one colour."""
    return float((np.abs(read_image(path) * 255 - color) < 1.5).all(axis=-1).mean())


@pytest.mark.usefixtures("quick_umap")
def test_maps_lie_on_the_image_of_the_tissue(section, out, change, tmp_path):
    rna = change("rna", with_image)
    sources = ["--rna", rna, "--protein", section / "protein.h5ad", "-k", 4, "--truth", "domain"]
    assert run(*sources, "-o", out, *FAST, "-q") == 0
    for name in ("domains", "truth"):
        # Discs of half a step's width leave three quarters of the map to the image.
        assert share_of(out.parent / f"out_{name}.png") > 0.3
    # It stays with the result, once, for maps that are drawn later.
    result = sm.io.read_mudata(out)
    assert "spatial" not in result["protein"].uns
    assert sm.pl.spatial(result, image=True).images
    # Coordinates of a table are not those of the image.
    table = pd.DataFrame(result.obsm["spatial"], index=result.obs_names, columns=["x", "y"])
    table.to_csv(tmp_path / "places.csv", index_label="spot")
    coords = ["--coords", tmp_path / "places.csv"]
    assert run(*sources, *coords, "-o", out, *FAST, "-q", "--force") == 0
    assert share_of(out.parent / "out_domains.png") == 0


@pytest.mark.usefixtures("quick_umap")
def test_each_of_several_files_lies_on_its_own_image(section, out, tmp_path):
    colors = {"one": (200, 60, 200), "two": (60, 200, 200)}
    for name, color in colors.items():
        adata = ad.read_h5ad(section / "rna.h5ad")
        with_image(adata, "same name", color)
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    files = [tmp_path / f"{name}.h5ad" for name in colors]
    assert run("--rna", *files, "-k", 3, "-o", out, *FAST, "-q") == 0
    image = read_image(out.parent / "out_domains.png")
    for half, color in zip(np.array_split(image, 2, axis=1), colors.values(), strict=True):
        (shown,) = [
            c for c in colors.values() if (np.abs(half * 255 - c) < 1.5).all(-1).mean() > 0.2
        ]
        assert shown == color


@pytest.mark.usefixtures("quick_umap")
def test_an_image_that_does_not_fit_is_a_warning(section, out, change, capsys):
    def edit(adata):
        with_image(adata)
        adata.obsm["spatial"] = adata.obsm["spatial"] + 1000

    assert run("--rna", change("rna", edit), "-k", 3, "-o", out, *FAST) == 0
    error = capsys.readouterr().err
    assert "Domains: drawn without the image of the tissue: the spots lie outside" in error
    assert share_of(out.parent / "out_domains.png") == 0


@pytest.mark.usefixtures("quick_umap")
def test_images_of_a_space_ranger_folder(shared_data, out):
    out = out.with_suffix(".h5ad")
    assert run(shared_data / "seurat_visium/visium_outs", "-k", 3, "-o", out, *FAST, "-q") == 0
    assert ad.read_h5ad(out).uns["spatial"]["visium_outs"]["images"]["hires"].shape[2] == 3


@pytest.mark.usefixtures("quick_umap")
def test_images_of_a_packed_folder(shared_data, tmp_path, out):
    out = out.with_suffix(".h5ad")
    packed = shutil.make_archive(
        tmp_path / "sample", "zip", shared_data / "seurat_visium", "visium_outs"
    )
    assert run(packed, "-k", 3, "-o", out, *FAST, "-q") == 0
    assert ad.read_h5ad(out).uns["spatial"]["visium_outs"]["images"]["hires"].shape[2] == 3


@pytest.mark.usefixtures("quick_umap")
def test_a_damaged_image_costs_the_map_its_image_and_nothing_else(
    shared_data, tmp_path, out, capsys
):
    folder = tmp_path / "outs"
    shutil.copytree(shared_data / "seurat_visium/visium_outs", folder)
    image = next((folder / "spatial").glob("tissue_*res_image.png"))
    image.write_bytes(b"no image")
    out = out.with_suffix(".h5ad")
    assert run(folder, "-k", 3, "-o", out, *FAST) == 0
    error = capsys.readouterr().err
    assert f"warning: the map is drawn without the image of the tissue: {image}" in error
    assert "images=True" not in error
    assert "spatial" not in ad.read_h5ad(out).uns


def test_the_images_of_a_folder_are_kept_once():
    def part(**uns):
        return ad.AnnData(np.ones((2, 2)), uns=uns)

    kept = {"outs": {"images": {}}}
    modalities = {
        "rna": part(smart_folder={}, spatial=dict(kept)),
        "protein": part(smart_folder={}, spatial=dict(kept)),
        "other": part(spatial=dict(kept)),
    }
    _images.keep_one(modalities)
    assert [name for name, adata in modalities.items() if "spatial" in adata.uns] == [
        "rna",
        "other",
    ]


def test_figures_of_some_spots(section, out, monkeypatch):
    given = {}

    def umap(data, color, *, max_spots, ax, title, **_):
        given["umap"] = max_spots
        return sm.pl.spatial(data, color, ax=ax, title=title)

    def correlation(embedding, features, **_):
        given["spots"] = embedding, features
        return pd.DataFrame(dict.fromkeys(features, np.arange(len(embedding)) / 100))

    monkeypatch.setattr("smartcore.pl.umap", umap)
    monkeypatch.setattr("smartcore.metrics.modality_correlation", correlation)
    boxes = sm.pl.modality_correlation
    monkeypatch.setattr(
        "smartcore.pl.modality_correlation",
        lambda table, labels: given.update(labels=labels) or boxes(table, labels),
    )
    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*sources, "-k", 4, "-o", out, *FAST, "--figure-spots", 100) == 0
    assert given["umap"] == 100
    data = mudata.read_h5mu(out)
    labels = given["labels"]
    assert len(labels) == 100
    assert set(labels) == set(data.obs["smart"])
    # Embedding and features are those of the spots drawn, in one order.
    rows = data.obs_names.get_indexer(labels.index)
    np.testing.assert_array_equal(given["spots"][0], data.obsm["X_smart"][rows])
    for name, x in given["spots"][1].items():
        np.testing.assert_allclose(x, data[name][labels.index].obsm["X_pca"], rtol=1e-6)
    np.testing.assert_array_equal(data.obs["smart"].astype(str).iloc[rows], labels)


@pytest.mark.parametrize(("text", "number"), [("all", None), ("250", 250)])
def test_spots_in_figures_by_option(text, number):
    args = build_parser().parse_args(["run", "a.h5mu", "-o", "b.h5mu", "--figure-spots", text])
    assert args.figure_spots == number


def test_too_few_spots_in_figures_are_refused(capsys):
    assert run("a.h5mu", "-o", "b.h5mu", "--figure-spots", 99) == 2
    assert "'99' is not a whole number from 100 up" in capsys.readouterr().err


def test_figures_are_of_as_many_spots_on_the_command_line_as_in_python():
    defaults = inspect.signature(sm.pl.umap).parameters["max_spots"].default
    assert build_parser().parse_args(["run", "-o", "a.h5mu"]).figure_spots == defaults


def test_long_stages_are_announced(section, out, capsys):
    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*sources, "-k", "2-3", "-o", out, *FAST, "--no-figures") == 0
    said = capsys.readouterr().err
    lines = [
        f"reading {section / 'rna.h5ad'}, {section / 'protein.h5ad'}",
        "Principal components of 144 spots.",
        "Choosing how widely spots are averaged",
        "Looking for spots that are alike in every modality.",
        "Looking for spots that are alike",
        "Training on 144 spots.",
        f"writing the embedding to {out}",
        "Comparing numbers of clusters.",
        "Looking for domains among 144 spots.",
        f"writing the domains to {out}",
    ]
    places = [said.find(line) for line in lines]
    assert places == sorted(places)
    assert min(places) >= 0, dict(zip(lines, places, strict=True))
