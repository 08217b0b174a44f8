"""Regions drawn in QuPath as labels, against shapely and a loop over polygons."""

import json
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path as Outline

import smartcore as sm
from smartcore.io import read_regions


def feature(corners, label=None, *, name=None, kind="annotation", **properties) -> dict:
    """What QuPath 0.5 writes for a polygon."""
    properties = {"objectType": kind, **properties}
    if label is not None:
        properties["classification"] = {"name": label, "color": [200, 0, 0]}
    if name is not None:
        properties["name"] = name
    ring = [*corners, corners[0]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {
        "type": "Feature",
        "id": "1dd7d4b6-8ab3-4a7c-8c1e-6e2f6a9d0c55",
        "geometry": geometry,
        "properties": properties,
    }


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


NO_CORNERS = {"type": "Polygon", "coordinates": []}


@pytest.fixture
def write(tmp_path):
    def write(content) -> Path:
        path = tmp_path / "drawn.geojson"
        if isinstance(content, list) and content and "type" in content[0]:
            content = {"type": "FeatureCollection", "features": content}
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.fixture
def spots() -> ad.AnnData:
    coords = np.random.default_rng(0).uniform(0, 100, (300, 2))
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"spot{i}" for i in range(300)]))
    adata.obsm["spatial"] = coords
    return adata


def test_spots_get_the_class_of_their_region(write, spots):
    star = [[10, 10], [50, 40], [90, 5], [60, 50], [95, 95], [50, 60], [5, 90], [40, 50]]
    path = write([feature(star, "Tumor"), feature(square(70, 40, 8), "Stroma")])
    found = read_regions(path, spots, pixel_size=1, overlap="smallest")
    assert found.name == "region"
    assert list(found.index) == list(spots.obs_names)
    assert list(found.cat.categories) == ["Tumor", "Stroma"]
    in_star = Outline([*star, star[0]]).contains_points(spots.obsm["spatial"])
    in_square = Outline([*square(70, 40, 8), [70, 40]]).contains_points(spots.obsm["spatial"])
    expected = np.where(in_square, "Stroma", np.where(in_star, "Tumor", None))
    assert in_star.sum() > 50
    assert in_square.sum() > 0
    assert found.astype(object).where(found.notna(), None).tolist() == expected.tolist()


def test_holes_and_parts_count(write, spots):
    shape = {
        "type": "MultiPolygon",
        "coordinates": [
            [[*square(0, 0, 40), [0, 0]], [*square(10, 10, 10), [10, 10]]],
            [[*square(60, 60, 30), [60, 60]]],
        ],
    }
    path = write([{**feature(square(0, 0, 1), "A"), "geometry": shape}])
    found = read_regions(path, spots, pixel_size=1).notna().to_numpy()
    x, y = spots.obsm["spatial"].T
    big = (x < 40) & (y < 40) & ~((x > 10) & (x < 20) & (y > 10) & (y < 20))
    assert (found == (big | ((x > 60) & (x < 90) & (y > 60) & (y < 90)))).all()


def test_micrometres_become_pixels(write, spots):
    path = write([feature(square(0, 0, 200), "A")])
    found = read_regions(path, spots, pixel_size=0.2125)
    inside = (spots.obsm["spatial"] / 0.2125 < 200).all(axis=1)
    assert (found.notna() == inside).all()
    with pytest.raises(ValueError, match="nothing tells the unit"):
        read_regions(path, spots)


def test_coordinates_come_as_a_table_or_an_array(write, spots):
    path = write([feature(square(0, 0, 50), "A")])
    expected = read_regions(path, spots, pixel_size=1)
    table = pd.DataFrame(spots.obsm["spatial"], index=spots.obs_names, columns=["x", "y"])
    pd.testing.assert_series_equal(read_regions(path, table, pixel_size=1), expected)
    array = read_regions(path, spots.obsm["spatial"], pixel_size=1)
    assert array.astype(object).equals(expected.astype(object).reset_index(drop=True))


def test_labels_of_several_versions_and_names(write, spots):
    new = feature(square(0, 0, 20), kind="annotation")
    new["properties"]["classification"] = {"names": ["Tumor", "Positive"], "color": [1, 2, 3]}
    old = feature(square(30, 0, 20), "Stroma", colorRGB=-1)
    old["id"] = "PathAnnotationObject"
    del old["properties"]["objectType"]
    named = feature(square(60, 0, 20), name="vessel 1")
    found = read_regions(write([new, old, named]), spots, pixel_size=1)
    assert list(found.cat.categories) == ["Tumor: Positive", "Stroma", "vessel 1"]
    # A list, which older versions write, and a single feature.
    for content in ([new, old, named], new):
        path = write({"features": content} if isinstance(content, list) else content)
        path.write_text(json.dumps(content))
        assert read_regions(path, spots, pixel_size=1).notna().any()


def test_a_spot_on_the_outline_is_inside(write):
    path = write([feature(square(0, 0, 10), "A")])
    assert read_regions(path, [[10.0, 5.0], [10.1, 5.0]], pixel_size=1).notna().tolist() == [
        True,
        False,
    ]


def test_overlapping_regions_are_an_error_that_names_a_spot(write):
    path = write([feature(square(0, 0, 10), "A"), feature(square(5, 0, 10), "B")])
    coords = pd.DataFrame({"x": [1.0, 7.0], "y": [1.0, 1.0]}, index=["one", "two"])
    with pytest.raises(ValueError, match=r"1 spots lie in .*'two', in A and B.*overlap='smallest'"):
        read_regions(path, coords, pixel_size=1)
    # Of one label they may overlap.
    path = write([feature(square(0, 0, 10), "A"), feature(square(5, 0, 10), "A")])
    assert read_regions(path, coords, pixel_size=1).tolist() == ["A", "A"]


def test_other_objects_are_left_out(write, spots, caplog):
    point = feature(square(0, 0, 1), "A")
    point["geometry"] = {"type": "Point", "coordinates": [5, 5]}
    cell = feature(square(0, 0, 90), "Cell", kind="cell")
    path = write([point, cell, feature(square(0, 0, 50), "B")])
    with caplog.at_level("INFO", logger="smartcore"):
        found = read_regions(path, spots, pixel_size=1)
    assert list(found.cat.categories) == ["B"]
    assert "2 objects that are no regions are left out" in caplog.text


def test_an_empty_region_beside_others_is_left_out(write, spots, caplog):
    empty = {**feature([[0, 0]], "A"), "geometry": NO_CORNERS}
    found = read_regions(write([empty, feature(square(0, 0, 50), "B")]), spots, pixel_size=1)
    inside = (spots.obsm["spatial"] <= 50).all(axis=1)
    assert found.notna().tolist() == inside.tolist()
    assert list(found.cat.categories) == ["B"]
    assert "1 regions are empty and left out" in caplog.text


def in_mudata(spots: ad.AnnData) -> mudata.MuData:
    """With the sections in one modality alone, which has the spots in another order."""
    whole = mudata.MuData({"rna": spots[::-1].copy(), "protein": spots[:200].copy()})
    del whole["protein"].obs["section"]
    whole.obs = pd.DataFrame(index=whole.obs_names)
    return whole


@pytest.mark.usefixtures("no_pulling")
@pytest.mark.parametrize("kind", ["AnnData", "MuData"])
def test_only_spots_of_the_section_lie_in_regions(write, spots, kind):
    """Sections on the same axes."""
    names = np.random.default_rng(1).choice(["s1", "s2", "s 3"], 300)
    spots.obs["section"] = names
    data = spots if kind == "AnnData" else in_mudata(spots)
    path = write([feature(square(0, 0, 50), "A"), feature(square(51, 0, 40), "B")])
    x, y = spots.obsm["spatial"].T
    first, second = (x <= 50) & (y <= 50), (x >= 51) & (x <= 91) & (y <= 40)
    for section in ("s1", "s2", "s 3"):
        found = read_regions(path, data, pixel_size=1, section_key="section", section=section)
        assert list(found.index) == list(data.obs_names)
        expected = pd.Series(np.where(first, "A", np.where(second, "B", "")), spots.obs_names)
        expected[names != section] = ""
        assert found.astype(object).fillna("").loc[spots.obs_names].equals(expected)
    there = ", ".join(dict.fromkeys(data["rna"].obs["section"] if kind == "MuData" else names))
    for given in ({}, {"section_key": "section"}):
        with pytest.raises(ValueError, match=rf"sections {there}.*section_key='section' and sec"):
            read_regions(path, data, pixel_size=1, **given)
    with pytest.raises(ValueError, match=rf"there is no section 's4'.*{there}"):
        read_regions(path, data, pixel_size=1, section_key="section", section="s4")


def test_a_section_needs_its_column(write, spots):
    path = write([feature(square(0, 0, 50), "A")])
    with pytest.raises(ValueError, match="section='s1' needs section_key"):
        read_regions(path, spots, pixel_size=1, section="s1")
    with pytest.raises(KeyError, match="'slide' is not in obs"):
        read_regions(path, spots, pixel_size=1, section_key="slide", section="s1")
    with pytest.raises(TypeError, match="coordinates of one section alone"):
        read_regions(path, [[1, 1]], pixel_size=1, section_key="section", section="s1")
    expected = read_regions(path, spots, pixel_size=1)
    spots.obs["slide"] = "only"
    found = read_regions(path, spots, pixel_size=1, section_key="slide")
    pd.testing.assert_series_equal(found, expected)


def test_no_spot_of_the_section_in_a_region_is_told(write, spots):
    spots.obs["slide"] = np.where(spots.obsm["spatial"][:, 0] < 50, "left", "right")
    path = write([feature(square(60, 0, 30), "A")])
    n_left = int((spots.obsm["spatial"][:, 0] < 50).sum())
    with pytest.raises(ValueError, match=rf"none of the {n_left} spots of section 'left'"):
        read_regions(path, spots, pixel_size=1, section_key="slide", section="left")


def test_sections_are_given_one_at_a_time(write, spots):
    path = write([feature(square(0, 0, 50), "A")])
    coords = spots.obsm["spatial"]
    for data in ([spots, spots], (coords, coords[:9]), {"a": spots, "b": spots}):
        kind = type(data).__name__
        with pytest.raises(TypeError, match=f"a {kind} of sections: give one section at a time"):
            read_regions(path, data, pixel_size=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing", "could not be read as GeoJSON"),
        ({"a": 1}, "no features with a geometry"),
        ([feature(square(0, 0, 9))], "1 regions .* neither class nor name .*feature 1"),
        ([feature(square(0, 0, 9), "A", kind="detection")], "has no region: of its 1 objects"),
        ([feature(square(0, 0, 9), "A", kind="tma_core")], "has no region: of its 1 objects"),
        ([{**feature([[0, 0]], "A"), "geometry": NO_CORNERS}], r"regions of .* are empty \(1, "),
        ([feature(square(500, 0, 9), "A")], r"none of the 300 spots.*x 500 to 509.*pixel_size"),
    ],
)
def test_bad_files(content, message, write, spots, tmp_path):
    path = write(content)
    if content == "nothing":
        path.write_text("nothing")
    with pytest.raises(ValueError, match=message):
        read_regions(path, spots, pixel_size=1)


def test_a_missing_file(tmp_path, spots):
    with pytest.raises(FileNotFoundError, match="expected GeoJSON of regions"):
        read_regions(tmp_path / "no.geojson", spots, pixel_size=1)


def test_what_was_exported_is_read_back(spots, tmp_path):
    spots.obs["smart"] = pd.Categorical((spots.obsm["spatial"][:, 0] // 34).astype(int).astype(str))
    sm.io.export(spots, "qupath", tmp_path / "d.geojson", pixel_size=0.5, spots=True)
    found = read_regions(tmp_path / "d.geojson", spots, pixel_size=0.5)
    assert found.astype(str).tolist() == spots.obs["smart"].astype(str).tolist()
