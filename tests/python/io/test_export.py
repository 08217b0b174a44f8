"""Files for viewers, read by other readers than ours and held against the formats."""

import csv
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import shapely

import smartcore as sm
from smartcore.io import VIEWERS, export
from smartcore.pl._colors import PALETTE

XENIUM = Path(__file__).parents[4] / "shared/data/formats/xenium"


def hexagons(rows: int, columns: int) -> np.ndarray:
    """Centres of a hexagonal layout, at a distance of 100."""
    y, x = np.mgrid[:rows, :columns].astype(float)
    return 100 * np.column_stack([(x + 0.5 * (y % 2)).ravel(), (y * np.sqrt(3) / 2).ravel()])


@pytest.fixture
def section() -> ad.AnnData:
    """Three domains in stripes; the last spot has none."""
    coords = hexagons(8, 9)
    domain = np.minimum(coords[:, 0] // 300, 2).astype(int)
    domain[-1] = -1
    rng = np.random.default_rng(0)
    adata = ad.AnnData(
        X=sp.csr_matrix(rng.poisson(1, (len(coords), 4)).astype(np.float32)),
        obs=pd.DataFrame(index=[f"AAAC{i}-1" for i in range(len(coords))]),
        var=pd.DataFrame(index=["CD3", "MBP", "PCP4", "SNAP25"]),
    )
    adata.obsm["spatial"] = coords
    adata.obs["smart"] = pd.Categorical.from_codes(domain, ["cortex", "white, matter", "2"])
    memberships = rng.dirichlet(np.ones(3), len(coords))
    memberships[-1] = np.nan
    adata.obsm["smart_memberships"] = memberships
    return adata


def greatest(adata: ad.AnnData) -> np.ndarray:
    return np.array([max(row) for row in adata.obsm["smart_memberships"]])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# Xenium Explorer and Loupe Browser


def test_xenium_gets_the_ids_groups_and_colours(section, tmp_path):
    section.uns["smart_colors"] = ["#112233", "#445566", "#778899"]
    written = export(section, "xenium", tmp_path / "groups.csv")
    assert written == [tmp_path / "groups.csv", tmp_path / "groups_confidence.csv"]
    colors = dict(zip(["cortex", "white, matter", "2"], section.uns["smart_colors"], strict=True))
    rows = rows_of(written[0])
    assert list(rows[0]) == ["cell_id", "group", "color"]
    labels = section.obs["smart"].dropna()
    assert {row["cell_id"]: row["group"] for row in rows} == labels.to_dict()
    assert all(row["color"] == colors[row["group"]] for row in rows)


def test_bands_hold_the_confidence_of_each_cell(section, tmp_path):
    export(section, "xenium", tmp_path / "groups.csv")
    expected = dict(zip(section.obs_names, greatest(section), strict=True))
    rows = rows_of(tmp_path / "groups_confidence.csv")
    assert len(rows) == section.n_obs - 1
    for row in rows:
        words = row["group"].split()
        low, high = {"below": (0, words[-1]), "and": (words[0], 1)}.get(
            words[-2], (words[0], words[-1])
        )
        assert float(low) <= expected[row["cell_id"]] <= float(high)


def test_no_confidence_without_probabilities(section, tmp_path):
    del section.obsm["smart_memberships"]
    for to, name in (("xenium", "groups.csv"), ("loupe", "category.csv")):
        assert export(section, to, tmp_path / name) == [tmp_path / name]
    export(section, "napari", tmp_path / "points.csv")
    assert "confidence" not in rows_of(tmp_path / "points.csv")[0]


def test_loupe_gets_a_category_and_a_projection(section, tmp_path):
    section.obsm["X_umap"] = np.random.default_rng(1).normal(size=(section.n_obs, 2))
    section.obsm["X_umap"][3] = np.nan
    export(section, "loupe", tmp_path / "category.csv")
    rows = rows_of(tmp_path / "category.csv")
    assert list(rows[0]) == ["Barcode", "smart"]
    labels = section.obs["smart"].dropna()
    assert {row["Barcode"]: row["smart"] for row in rows} == labels.to_dict()
    projection = pd.read_csv(tmp_path / "category_umap.csv", index_col="Barcode")
    there = np.delete(np.arange(section.n_obs), 3)
    assert list(projection.index) == list(section.obs_names[there])
    np.testing.assert_allclose(projection, section.obsm["X_umap"][there])


@pytest.mark.skipif(not XENIUM.is_dir(), reason="no shared data")
def test_ids_of_a_xenium_run_are_those_of_its_files(tmp_path):
    adata = sm.io.read_modality(XENIUM / "cell_feature_matrix.h5", kind=None)
    adata.obs["smart"] = pd.Categorical((np.arange(adata.n_obs) % 3).astype(str))
    export(adata, "xenium", tmp_path / "groups.csv")
    ids = pd.read_parquet(XENIUM / "cells.parquet")["cell_id"]
    ids = [i.decode() if isinstance(i, bytes) else str(i) for i in ids]
    assert {row["cell_id"] for row in rows_of(tmp_path / "groups.csv")} <= set(ids)


# napari


def test_napari_points_are_y_and_x(section, tmp_path):
    export(section, "napari", tmp_path / "points.csv", pixel_size=2.0)
    table = pd.read_csv(tmp_path / "points.csv")
    assert list(table) == ["index", "axis-0", "axis-1", "name", "domain", "confidence"]
    np.testing.assert_allclose(table["axis-0"], section.obsm["spatial"][:, 1] / 2)
    np.testing.assert_allclose(table["axis-1"], section.obsm["spatial"][:, 0] / 2)
    np.testing.assert_allclose(table["confidence"], greatest(section), equal_nan=True)
    assert table["domain"].tolist()[:-1] == section.obs["smart"].tolist()[:-1]


def test_napari_opens_the_points(section, tmp_path):
    builtins = pytest.importorskip("napari_builtins.io", reason="napari is not here")
    export(section, "napari", tmp_path / "points.csv")
    data, meta, kind = builtins.csv_to_layer_data(str(tmp_path / "points.csv"))
    assert kind == "points"
    np.testing.assert_allclose(data, section.obsm["spatial"][:, ::-1])
    assert meta["properties"]["confidence"].dtype == float
    assert list(meta["properties"]["name"]) == list(section.obs_names)


# QuPath


def features_of(path: Path) -> list[dict]:
    """Features of a FeatureCollection, checked as QuPath and RFC 7946 have them."""
    text = path.read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert content["type"] == "FeatureCollection"
    for feature in content["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
        properties = feature["properties"]
        assert properties["objectType"] in ("annotation", "detection")
        assert isinstance(properties["name"], str)
        assert all(isinstance(v, float) for v in properties.get("measurements", {}).values())
        if "classification" in properties:
            color = properties["classification"]["color"]
            assert len(color) == 3
            assert all(isinstance(part, int) and 0 <= part <= 255 for part in color)
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.is_valid
        for part in shapely.get_parts(shape):
            assert shapely.is_ccw(part.exterior)
    return content["features"]


def shape_of(feature: dict) -> shapely.Geometry:
    return shapely.from_geojson(json.dumps(feature["geometry"]))


def test_qupath_gets_an_annotation_for_each_domain(section, tmp_path):
    export(section, "qupath", tmp_path / "domains.geojson", pixel_size=0.5)
    found = {f["properties"]["name"]: f for f in features_of(tmp_path / "domains.geojson")}
    assert list(found) == ["2", "cortex", "white, matter"]
    points = shapely.points(section.obsm["spatial"] / 0.5)
    for i, (name, feature) in enumerate(found.items()):
        own = (section.obs["smart"] == name).to_numpy()
        assert (shapely.contains(shape_of(feature), points) == own).all()
        rgb = [int(PALETTE[i][j : j + 2], 16) for j in (1, 3, 5)]
        assert feature["properties"]["classification"] == {"name": name, "color": rgb}
        measured = feature["properties"]["measurements"]
        assert measured["spots"] == own.sum()
        assert measured["mean confidence"] == pytest.approx(greatest(section)[own].mean())


def test_outlines_of_hexagonal_spots_are_hexagons(section, tmp_path):
    export(section, "qupath", tmp_path / "domains.geojson", pixel_size=1, spots=True)
    features = features_of(tmp_path / "domains.geojson")
    cells = {f["properties"]["name"]: shape_of(f) for f in features[3:]}
    assert list(cells) == list(section.obs_names)
    # A hexagon whose width, between parallel sides, is 100.
    inner = cells[section.obs_names[4 * 9 + 4]]
    assert inner.area == pytest.approx(np.sqrt(3) / 2 * 100**2, rel=1e-3)
    assert len(shapely.remove_repeated_points(inner.simplify(1)).exterior.coords) == 7
    # Nothing twice, nothing between: the domains' areas are those of their spots.
    labels = section.obs["smart"].astype(object)
    for feature in features[:3]:
        names = section.obs_names[labels == feature["properties"]["name"]]
        assert shape_of(feature).area == pytest.approx(sum(cells[n].area for n in names), rel=1e-3)
    detection = features[3]["properties"]
    assert detection["objectType"] == "detection"
    assert detection["measurements"]["confidence"] == pytest.approx(greatest(section)[0], abs=1e-6)
    assert "classification" not in features[-1]["properties"]


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.6435, 1.1])
@pytest.mark.parametrize("square", [True, False])
def test_outlines_hold_their_own_spots_on_any_lattice(angle, square, tmp_path):
    coords = np.argwhere(np.ones((14, 14))) * 100.0 if square else hexagons(14, 14)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    rng = np.random.default_rng(0)
    coords = (coords @ turn)[rng.random(196) < 0.9]
    domain = rng.integers(3, size=len(coords)).astype(str)
    adata = ad.AnnData(obs=pd.DataFrame({"smart": domain}, index=map(str, range(len(coords)))))
    adata.obsm["spatial"] = coords
    export(adata, "qupath", tmp_path / "domains.geojson", pixel_size=1)
    shapes = {
        f["properties"]["name"]: shape_of(f) for f in features_of(tmp_path / "domains.geojson")
    }
    points = shapely.points(coords)
    for name, shape in shapes.items():
        assert (shapely.contains(shape, points) == (domain == name)).all()
    overlaps = [a.intersection(b).area for a in shapes.values() for b in shapes.values() if a != b]
    assert max(overlaps) < 1e-3 * 100**2


@pytest.mark.parametrize(
    "coords", [[[5.0, 5]], [[0.0, 0], [7, 0]], [[float(i), 0] for i in range(6)]]
)
def test_few_spots_have_outlines(coords, tmp_path):
    adata = ad.AnnData(obs=pd.DataFrame({"smart": "a"}, index=map(str, range(len(coords)))))
    adata.obsm["spatial"] = np.array(coords)
    export(adata, "qupath", tmp_path / "domains.geojson", pixel_size=1)
    [feature] = features_of(tmp_path / "domains.geojson")
    assert shapely.contains(shape_of(feature), shapely.points(coords)).all()


def test_gaps_of_the_tissue_stay_free(tmp_path):
    coords = hexagons(8, 9)
    apart = np.r_[coords, coords + np.array([5000, 0])]
    adata = ad.AnnData(obs=pd.DataFrame({"smart": "a"}, index=map(str, range(len(apart)))))
    adata.obsm["spatial"] = apart
    export(adata, "qupath", tmp_path / "domains.geojson", pixel_size=1)
    [feature] = features_of(tmp_path / "domains.geojson")
    assert len(shape_of(feature).geoms) == 2
    assert shape_of(feature).area < 1.4 * len(apart) * np.sqrt(3) / 2 * 100**2


def test_pixels_must_be_known(section, tmp_path):
    with pytest.raises(ValueError, match=r"nothing tells the unit.*pixel_size"):
        export(section, "qupath", tmp_path / "domains.geojson")
    with pytest.raises(ValueError, match="pixel_size must be a positive number"):
        export(section, "napari", tmp_path / "points.csv", pixel_size=-1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("how", ["columns", "scale factors"])
def test_space_rangers_coordinates_are_pixels(how, section, tmp_path):
    if how == "columns":
        section.obs["array_row"] = section.obs["array_col"] = 0
    else:
        section.uns["spatial"] = {"slide": {"scalefactors": {"spot_diameter_fullres": 50.0}}}
    export(section, "qupath", tmp_path / "domains.geojson")
    low, high = section.obsm["spatial"].min(axis=0), section.obsm["spatial"].max(axis=0)
    bounds = shapely.union_all(
        [shape_of(f) for f in features_of(tmp_path / "domains.geojson")]
    ).bounds
    np.testing.assert_allclose(bounds, [*low, *high], atol=100)


# Vitessce


def test_vitessce_gets_a_config_that_its_schema_takes(section, tmp_path):
    section.obsm["X_smart"] = np.random.default_rng(1).normal(size=(section.n_obs, 5))
    [folder] = export(section, "vitessce", tmp_path / "viewer", port=8123)
    config = json.loads((folder / "vitessce.json").read_text())
    assert config["version"] == "1.0.17"
    assert config["initStrategy"] in ("auto", "none")
    [dataset] = config["datasets"]
    [file] = dataset["files"]
    assert file["fileType"] == "anndata.zarr"
    assert file["url"] == "http://localhost:8123/data.zarr"
    for view in config["layout"]:
        assert set(view) == {"component", "coordinationScopes", "x", "y", "w", "h"}
        assert view["x"] + view["w"] <= 12
        for kind, scope in view["coordinationScopes"].items():
            scopes = [scope] if isinstance(scope, str) else scope
            assert set(scopes) <= set(config["coordinationSpace"][kind])
    # What the options name is in the store, as another reader sees it.
    adata = ad.read_zarr(folder / "data.zarr")
    options = file["options"]
    assert options["obsSets"] == [
        {"name": "Domain", "path": "obs/domain", "scorePath": "obs/confidence"}
    ]
    expected = section.obs["smart"].astype(object).fillna("no domain")
    assert adata.obs["domain"].astype(object).tolist() == expected.tolist()
    np.testing.assert_allclose(adata.obs["confidence"], greatest(section), rtol=1e-6)
    assert options["obsSpots"] == {"path": "obsm/spatial"}
    np.testing.assert_allclose(adata.obsm["spatial"], section.obsm["spatial"], rtol=1e-6)
    assert options["obsEmbedding"] == [{"path": "obsm/X_smart", "embeddingType": "SMART"}]
    np.testing.assert_allclose(adata.obsm["X_smart"], section.obsm["X_smart"][:, :2], rtol=1e-6)
    assert options["obsFeatureMatrix"] == {"path": "X"}
    assert sp.issparse(adata.X)
    assert adata.X.format == "csc"
    np.testing.assert_array_equal(adata.X.toarray(), section.X.toarray())
    assert list(adata.var_names) == list(section.var_names)
    sets = config["coordinationSpace"]["obsSetSelection"]["A"]
    assert sets == [["Domain", name] for name in adata.obs["domain"].cat.categories]
    colors = config["coordinationSpace"]["obsSetColor"]["A"]
    assert [color["path"] for color in colors] == sets
    assert json.loads((folder / "data.zarr/.zgroup").read_text())["zarr_format"] == 2


def test_vitessce_gets_the_features_of_all_modalities(section, tmp_path):
    protein = ad.AnnData(
        X=np.arange(2 * (section.n_obs - 3), dtype=float).reshape(-1, 2),
        obs=pd.DataFrame(index=section.obs_names[3:]),
        var=pd.DataFrame(index=["CD3", "CD20"]),
    )
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.MuData({"rna": section.copy(), "protein": protein})
    mdata.obs["smart"] = section.obs["smart"]
    [folder] = export(mdata, "vitessce", tmp_path / "viewer")
    adata = ad.read_zarr(folder / "data.zarr")
    names = [f"rna:{name}" for name in section.var_names] + ["protein:CD3", "protein:CD20"]
    assert list(adata.var_names) == names
    values = adata[section.obs_names].X.toarray()
    np.testing.assert_array_equal(values[:, :4], section.X.toarray())
    np.testing.assert_array_equal(values[3:, 4:], protein.X)
    assert not values[:3, 4:].any()


@pytest.mark.parametrize("form", ["sparse", "dense"])
def test_vitessce_gets_values_that_are_on_disk(form, section, tmp_path):
    if form == "dense":
        section.X = section.X.toarray()
    section.obs["half"] = np.where(np.arange(section.n_obs) % 2, "a", "b")
    section.write_h5ad(tmp_path / "rna.h5ad")
    lazy = sm.io.read_modality(tmp_path / "rna.h5ad", kind=None, lazy=True)
    folders = export(lazy, "vitessce", tmp_path / "viewer", section_key="half")
    for folder in folders:
        found = ad.read_zarr(folder / "data.zarr")
        assert sp.issparse(found.X) == (form == "sparse")
        expected = section[section.obs["half"] == folder.name[-1]]
        pd.testing.assert_frame_equal(found.to_df(), expected.to_df(), check_names=False)


def test_the_folder_is_served_to_pages_of_other_origins(section, tmp_path):
    [folder] = export(section, "vitessce", tmp_path / "viewer")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, folder / "serve.py", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            # A proxy of the machine's does not know this server.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            for _ in range(600):
                try:
                    answer = opener.open(f"http://localhost:{port}/vitessce.json")
                    break
                except OSError:
                    time.sleep(0.1)
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert json.load(answer)["version"] == "1.0.17"
        finally:
            server.terminate()


# Sections


def test_each_section_has_its_file(section, tmp_path):
    both = {"a": section, "b/c": section[:20].copy()}
    written = export(both, "loupe", tmp_path / "category.csv")
    names = ["category_a.csv", "category_a_confidence.csv", "category_b_c.csv"]
    assert [path.name for path in written][:3] == names
    assert len(rows_of(tmp_path / "category_b_c.csv")) == 20


def test_joined_sections_get_back_the_machines_barcodes(section, tmp_path):
    joined = ad.concat({"a": section, "b": section}, label="section")
    joined.obs_names = [
        f"{s}:{n}" for s, n in zip(joined.obs["section"], [*section.obs_names] * 2, strict=True)
    ]
    with pytest.raises(ValueError, match=r"tells 2 sections apart.*section_key='section'"):
        export(joined, "xenium", tmp_path / "groups.csv")
    export(joined, "xenium", tmp_path / "groups.csv", section_key="section")
    for name in "ab":
        rows = rows_of(tmp_path / f"groups_{name}.csv")
        assert [row["cell_id"] for row in rows] == list(section.obs_names[:-1])


def test_names_may_be_a_column(section, tmp_path):
    section.obs["cell"] = [f"cell-{i}" for i in range(section.n_obs)]
    export(section, "xenium", tmp_path / "groups.csv", names_key="cell")
    assert rows_of(tmp_path / "groups.csv")[5]["cell_id"] == "cell-5"
    section.obs["cell"] = "same"
    with pytest.raises(
        ValueError, match=r"names of obs\['cell'\] occur more than once.*section_key"
    ):
        export(section, "xenium", tmp_path / "other.csv", names_key="cell")


def test_sections_whose_files_would_be_the_same(section, tmp_path):
    with pytest.raises(ValueError, match="written to the same files"):
        export({"a/b": section, "a b": section}, "xenium", tmp_path / "groups.csv")


@pytest.mark.parametrize(("to", "end"), [("xenium", "confidence"), ("loupe", "umap")])
def test_sections_whose_tables_would_be_the_same(to, end, section, tmp_path):
    section.obsm["X_umap"] = np.zeros((section.n_obs, 2))
    sections = {"a": section, "b": section, f"a_{end}": section}
    with pytest.raises(ValueError, match=rf"sections 'a' and 'a_{end}' would .*col_a_{end}\.csv"):
        export(sections, to, tmp_path / "col.csv")
    assert not list(tmp_path.iterdir())
    # A viewer that gets one file of each takes them.
    assert len(export(sections, "napari", tmp_path / "col.csv")) == 3


def test_sections_of_one_name(section, tmp_path):
    with pytest.raises(ValueError, match="two sections are called '1': rename one"):
        export({1: section, "1": section}, "xenium", tmp_path / "groups.csv")


# Names and colours


@pytest.mark.parametrize(("to", "usual"), [("vitessce", "no domain"), ("napari", "none")])
@pytest.mark.parametrize("taken", [1, 2])
def test_spots_without_a_domain_share_no_name_with_one(to, usual, taken, section, tmp_path):
    new = dict(zip(["cortex", "2"], [usual, f"{usual} (2)"][:taken], strict=False))
    section.obs["smart"] = section.obs["smart"].cat.rename_categories(new)
    [path] = export(section, to, tmp_path / ("out.csv" if to == "napari" else "out"))
    if to == "napari":
        found = [row["domain"] for row in rows_of(path)]
    else:
        found = ad.read_zarr(path / "data.zarr").obs["domain"].astype(str).tolist()
        config = json.loads((path / "vitessce.json").read_text())
        sets = [name for _, name in config["coordinationSpace"]["obsSetSelection"]["A"]]
        assert sorted(sets) == sorted(set(found))
    assert found[:-1] == section.obs["smart"].tolist()[:-1]
    assert found[-1] == f"{usual} ({taken + 1})"


def test_colours_may_be_by_category(section, tmp_path):
    section.uns["smart_colors"] = {"2": "red", "cortex": "#00FF00", "white, matter": "blue"}
    export(section, "xenium", tmp_path / "groups.csv")
    found = {row["group"]: row["color"] for row in rows_of(tmp_path / "groups.csv")}
    assert found == {"2": "#FF0000", "cortex": "#00FF00", "white, matter": "#0000FF"}
    section.uns["smart_colors"]["2"] = "rouge"
    with pytest.raises(ValueError, match=r"uns\['smart_colors'\] holds 'rouge'"):
        export(section, "xenium", tmp_path / "other.csv")


def test_domains_that_are_the_same_as_text(section, tmp_path):
    section.obs["smart"] = pd.Categorical([1, "1"] * 36, categories=[1, "1"])
    match = r"obs\['smart'\] has two domains that are '1' as text, .*rename one"
    with pytest.raises(ValueError, match=match):
        export(section, "xenium", tmp_path / "groups.csv")
    assert not list(tmp_path.iterdir())


# Files that are there, and bad input


@pytest.mark.parametrize(
    ("to", "ends"), [("xenium", ["confidence"]), ("loupe", ["confidence", "umap"])]
)
def test_tables_of_other_domains_do_not_stay(to, ends, section, tmp_path, caplog, monkeypatch):
    """A confidence that belongs to an earlier clustering would be taken for that of this one."""
    path, others = tmp_path / "out.csv", [tmp_path / f"out_{end}.csv" for end in ends]
    section.obsm["X_umap"] = np.zeros((section.n_obs, 2))
    export(section, to, path)
    assert set(tmp_path.iterdir()) == {path, *others}
    (tmp_path / "out_notes.csv").write_text("mine")
    del section.obsm["smart_memberships"], section.obsm["X_umap"]
    with pytest.raises(FileExistsError) as err:
        export(section, to, path)
    assert all(str(file) in str(err.value) for file in (path, *others))
    # Nothing goes before what takes its place is there.
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no space is left")))
        with pytest.raises(OSError, match="no space"):
            export(section, to, path, overwrite=True)
    assert all(file.exists() for file in others)
    with caplog.at_level("INFO", logger="smartcore"):
        assert export(section, to, path, overwrite=True) == [path]
    assert set(tmp_path.iterdir()) == {path, tmp_path / "out_notes.csv"}
    assert all(f"removed {file}" in caplog.text for file in others)
    path.rename(others[0])
    with pytest.raises(FileExistsError, match=rf"{others[0].name} exists .*=True removes it"):
        export(section, to, path)


@pytest.mark.parametrize("to", VIEWERS)
def test_nothing_is_overwritten_unasked(to, section, tmp_path):
    path = tmp_path / {"qupath": "out.geojson", "vitessce": "out"}.get(to, "out.csv")
    export(section, to, path, pixel_size=1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    section.obs["smart"] = section.obs["smart"].cat.rename_categories({"cortex": "other"})
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export(section, to, path, pixel_size=1)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    export(section, to, path, pixel_size=1, overwrite=True)
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert set(after) == set(before)
    assert after != before


@pytest.mark.parametrize("to", ["qupath", "vitessce"])
@pytest.mark.parametrize("there", [True, False])
def test_a_failure_leaves_nothing_half_written(to, there, section, tmp_path, monkeypatch):
    path = tmp_path / {"qupath": "out.geojson", "vitessce": "out"}[to]
    if there:
        export(section, to, path, pixel_size=1)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def fail(*args, **kwargs):
        raise OSError("no space is left")

    name = {"qupath": "_qupath._feature", "vitessce": "_vitessce.view_config"}[to]
    monkeypatch.setattr(f"smartcore.io.{name}", fail)
    with pytest.raises(OSError, match="no space"):
        export(section, to, path, pixel_size=1, overwrite=True)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_folder_of_somebody_else_is_kept(section, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    with pytest.raises(FileExistsError, match=r"no folder of an export.*name another"):
        export(section, "vitessce", tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine/thesis.txt").read_text() == "years"


def test_a_folder_that_cannot_be_written_to(section, tmp_path, monkeypatch):
    if not Path("/proc/self").exists():
        pytest.skip("no /proc")
    (tmp_path / "link").symlink_to("/proc")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PermissionError) as err:
        export(section, "vitessce", "link/viewer")
    assert str(err.value).startswith("cannot write link/viewer: the folder /proc is not writable (")
    assert "partial" not in str(err.value)


def test_bad_calls(section, tmp_path):
    path = tmp_path / "out.csv"
    with pytest.raises(ValueError, match="to must be one of xenium, loupe"):
        export(section, "excel", path)
    with pytest.raises(ValueError, match=r"must end in \.geojson or \.json for qupath"):
        export(section, "qupath", path, pixel_size=1)
    with pytest.raises(KeyError, match=r"run smartcore\.tl\.cluster first"):
        export(section, "xenium", path, key="leiden")
    section.obs["score"] = 0.5
    with pytest.raises(ValueError, match="holds quantities"):
        export(section, "xenium", path, key="score")
    with pytest.raises(TypeError, match="must be AnnData or MuData, not DataFrame"):
        export(section.obs, "xenium", path)
    with pytest.raises(KeyError, match="'places' is not in obsm"):
        export(section, "napari", path, spatial_key="places")
    with pytest.raises(FileNotFoundError, match=r"the folder .* does not exist"):
        export(section, "vitessce", tmp_path / "no/where")
    section.obs["smart"] = pd.Categorical([None] * section.n_obs, ["0"])
    with pytest.raises(ValueError, match=r"no spot has a domain in obs\['smart'\]"):
        export(section, "xenium", path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("to", "package"), [("qupath", "shapely"), ("vitessce", "zarr")])
def test_a_missing_package_is_named(to, package, section, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    name = {"qupath": "out.geojson", "vitessce": "out"}[to]
    with pytest.raises(ImportError, match=rf"package {package}.*spatialsmart\[export\]"):
        export(section, to, tmp_path / name, pixel_size=1)
    assert not list(tmp_path.iterdir())


def test_the_data_stay_as_they_are(section, tmp_path):
    before = section.copy()
    for to in VIEWERS:
        name = {"qupath": "out.geojson", "vitessce": "out"}.get(to, f"{to}.csv")
        export(section, to, tmp_path / name, pixel_size=2)
    pd.testing.assert_frame_equal(section.obs, before.obs)
    assert set(section.obsm) == set(before.obsm)
    assert set(section.uns) == set(before.uns)


def test_a_table_of_the_users_own_stays(section, tmp_path):
    del section.obsm["smart_memberships"]
    own = tmp_path / "groups_confidence.csv"
    own.write_text("patient,confidence\n1,high\n")
    export(section, "xenium", tmp_path / "groups.csv", overwrite=True)
    assert own.read_text() == "patient,confidence\n1,high\n"
