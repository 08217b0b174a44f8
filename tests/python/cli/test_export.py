"""``smartcore export``, and scores against regions drawn in QuPath."""

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from helpers.cli import assert_fails
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.fixture
def result(tmp_path):
    """A grid of 10 × 10 spots, its domains the halves, in a folder of its own."""
    coords = np.argwhere(np.ones((10, 10))).astype(float)
    half = (coords[:, 0] >= 5).astype(int)
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"s{i}" for i in range(100)]))
    adata.obs["smart"] = pd.Categorical(half.astype(str))
    adata.obsm["spatial"] = coords
    (tmp_path / "results").mkdir()
    adata.write_h5ad(tmp_path / "results/out.h5ad")
    return tmp_path / "results/out.h5ad"


def test_the_command_writes_what_the_library_does(result, capsys):
    path = result.with_name("groups.csv")
    assert main(["export", str(result), "--to", "xenium", "-o", str(path)]) == 0
    out, error = capsys.readouterr()
    assert out == ""
    assert f"wrote {path}" in error
    sm.io.export(ad.read_h5ad(result), "xenium", result.with_name("own.csv"))
    assert path.read_text() == result.with_name("own.csv").read_text()


def test_sections_get_a_file_each(result, capsys):
    adata = ad.read_h5ad(result)
    adata.obs["section"] = np.repeat(["a", "b"], 50)
    adata.write_h5ad(result)
    path = result.with_name("points.csv")
    command = ["export", result, "--to", "napari", "-o", path]
    assert_fails(capsys, command, r"give --section-key", folder=result.parent)
    assert main([*map(str, command), "--section-key", "section", "-q"]) == 0
    assert len(pd.read_csv(result.with_name("points_a.csv"))) == 50


def test_nothing_is_overwritten_without_force(result, capsys):
    path = result.with_name("domains.geojson")
    command = ["export", result, "--to", "qupath", "-o", path, "--pixel-size", 1]
    assert main([*map(str, command), "-q"]) == 0
    assert_fails(capsys, command, r"exists already: --force", folder=result.parent)
    assert main([*map(str, command), "--force", "-q"]) == 0


def test_errors_name_the_options(result, capsys):
    path = result.with_name("domains.geojson")
    command = ["export", result, "--to", "qupath", "-o", path]
    assert_fails(capsys, command, r"Give --pixel-size: micrometres", folder=result.parent)
    assert_fails(capsys, [*command, "--key", "leiden"], r"another column \(--key\)")
    assert_fails(capsys, [*command, "--to", "excel"], "invalid choice", code=2)


def drawn(result, *corners):
    """Regions A, B, ... between pairs of corners."""
    features = []
    for name, ((x0, y0), (x1, y1)) in zip("ABC", corners, strict=False):
        ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"objectType": "annotation", "classification": {"name": name}},
            }
        )
    path = result.with_name("drawn.geojson")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_score_against_regions(result, capsys):
    path = drawn(result, [(-1, -1), (6.5, 10)], [(6.6, -1), (10, 4.5)])
    command = ["score", str(result), "--regions", str(path), "--pixel-size", "1", "--json"]
    assert main(command) == 0
    report = json.loads(capsys.readouterr().out)
    coords = np.argwhere(np.ones((10, 10)))
    first, second = coords[:, 0] <= 6, (coords[:, 0] > 6) & (coords[:, 1] <= 4)
    labelled = first | second
    assert report["n_spots"] == labelled.sum() == 85
    expected = adjusted_rand_score(second[labelled], coords[labelled, 0] >= 5)
    assert report["scores"]["ari"] == pytest.approx(expected)
    assert report["truth"] == f"regions of {path}"


def test_regions_of_one_section(result, capsys):
    """Two sections on the same axes; each has half of the spots, here and there."""
    adata = ad.read_h5ad(result)
    first = np.random.default_rng(0).permutation(np.repeat([True, False], 50))
    adata.obs["section"] = np.where(first, "s1", "s2")
    adata.write_h5ad(result)
    path = drawn(result, [(-1, -1), (6.5, 10)], [(6.6, -1), (10, 10)])
    command = ["score", result, "--regions", path, "--pixel-size", 1, "--json"]
    assert_fails(capsys, command, "give --section-key section and --section s[12], or")
    assert_fails(capsys, [*command, "--section", "s1"], "--section s1 needs --section-key, the")
    assert main([*map(str, command), "--section-key", "section", "--section", "s1"]) == 0
    report = json.loads(capsys.readouterr().out)
    x = np.argwhere(np.ones((10, 10)))[first, 0]
    assert report["n_spots"] == 50
    assert report["scores"]["ari"] == pytest.approx(adjusted_rand_score(x > 6.5, x >= 5))
    command = ["score", result, "--truth", "smart", "--section", "s1"]
    assert_fails(capsys, command, "--section is for --regions, not for --truth", code=2)


def test_overlapping_regions_are_told(result, capsys):
    path = drawn(result, [(-1, -1), (10, 10)], [(-1, -1), (4.5, 10)])
    command = ["score", result, "--regions", path, "--pixel-size", 1]
    assert_fails(capsys, command, "take --overlap smallest")
    assert main([*map(str, command), "--overlap", "smallest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"]["ari"] == 1


def test_regions_need_coordinates_and_exclude_truth(result, capsys):
    path = drawn(result, [(-1, -1), (10, 10)])
    table = result.with_name("domains.csv")
    table.write_text("spot,domain\ns0,1\n")
    command = ["score", table, "--regions", path, "--pixel-size", 1]
    assert_fails(capsys, command, "--regions needs coordinates", code=2)
    command = ["score", result, "--regions", path, "--truth", "smart"]
    assert_fails(capsys, command, "not allowed with argument", code=2)
    assert_fails(capsys, ["score", result], "one of the arguments --truth --regions", code=2)


@pytest.mark.usefixtures("quick_umap")
@pytest.mark.filterwarnings("ignore:.*positions:UserWarning", "ignore:.*position:UserWarning")
def test_sections_that_were_run_together(shared_data, tmp_path, capsys):
    outs = [str(shared_data / f"formats/visium_two_sections/section{i}/outs") for i in (1, 2)]
    out, path = tmp_path / "two.h5mu", tmp_path / "category.csv"
    assert main(["run", *outs, "-k", "3", "--no-figures", "-q", "-o", str(out)]) == 0
    command = ["export", out, "--to", "loupe", "-o", path]
    assert_fails(capsys, command, r"give --section-key section", folder=tmp_path)
    assert main([*map(str, command), "--section-key", "section", "-q"]) == 0
    data = sm.io.read_mudata(out)
    for section in ("section1", "section2"):
        table = pd.read_csv(tmp_path / f"category_{section}.csv")
        barcodes = sm.io.read_folder(shared_data / f"formats/visium_two_sections/{section}/outs")
        assert set(table["Barcode"]) == set(barcodes.obs_names)
        own = data.obs["smart"][[f"{section}:{name}" for name in table["Barcode"]]]
        assert table["smart"].astype(str).tolist() == own.astype(str).tolist()
