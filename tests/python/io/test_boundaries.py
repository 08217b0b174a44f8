"""Outlines of cells from the files of machines."""

import gzip

import h5py
import numpy as np
import pandas as pd
import pytest

from smartcore import io

SQUARE = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])


def area(table):
    """Of each cell, by the shoelace formula, part by part."""
    areas = {}
    for (cell, _), part in table.groupby(["cell_id", "part"]):
        x, y = part["vertex_x"].to_numpy(), part["vertex_y"].to_numpy()
        one = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        areas[cell] = areas.get(cell, 0) + one
    return pd.Series(areas)


def xenium(cells):
    frames = [pd.DataFrame(xy, columns=["vertex_x", "vertex_y"]) for xy in cells.values()]
    table = pd.concat(frames, ignore_index=True)
    table.insert(0, "cell_id", np.repeat(list(cells), [len(xy) for xy in cells.values()]))
    return table


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet", "parquet of bytes"])
def test_xenium(tmp_path, form):
    cells = {"0012": SQUARE, "b-1": SQUARE + 5}
    table = xenium(cells)
    path = tmp_path / f"cell_boundaries.{form.split()[0]}"
    if "parquet" in form:
        pytest.importorskip("pyarrow", reason="pyarrow does not work here", exc_type=ImportError)
        if "bytes" in form:
            table["cell_id"] = table["cell_id"].str.encode("ascii")
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    for source in (path, tmp_path):
        result = io.read_boundaries(source, "xenium")
        assert result["cell_id"].tolist() == ["0012"] * 4 + ["b-1"] * 4
        found = result[["vertex_x", "vertex_y"]].to_numpy()
        assert np.array_equal(found, np.vstack(list(cells.values())))
        assert (result["part"] == 0).all()


def test_nuclei_of_one_cell_are_parts(tmp_path):
    table = pd.concat([xenium({"a": SQUARE}), xenium({"a": SQUARE + 3}), xenium({"b": SQUARE})])
    table["label_id"] = np.repeat([7, 9, 4], 4)
    table.to_csv(tmp_path / "nucleus_boundaries.csv", index=False)
    result = io.read_boundaries(tmp_path / "nucleus_boundaries.csv")
    assert result["part"].tolist() == [0] * 4 + [1] * 4 + [0] * 4
    assert area(result).to_dict() == {"a": 8.0, "b": 4.0}


def test_cosmx(tmp_path):
    x, y = SQUARE.T
    local = {"x_local_px": x, "y_local_px": y, "x_global_px": x + 100, "y_global_px": y + 200}
    table = pd.concat([pd.DataFrame({"fov": fov, "cellID": 3, **local}) for fov in (1, 12)])
    with gzip.open(tmp_path / "Run1-polygons.csv.gz", "wt") as file:
        table.to_csv(file, index=False)
    # What macOS leaves beside files that it packs.
    (tmp_path / "._Run1-polygons.csv.gz").write_bytes(b"no outlines")
    result = io.read_boundaries(tmp_path, "cosmx")
    assert result["cell_id"].unique().tolist() == ["3_1", "3_12"]
    assert np.array_equal(result[["vertex_x", "vertex_y"]].iloc[:4], SQUARE + np.array([100, 200]))


def merscope_hdf5(path, cells):
    """Cell → plane → outlines."""
    with h5py.File(path, "w") as file:
        for cell, planes in cells.items():
            for plane, parts in planes.items():
                for i, xy in enumerate(parts):
                    file[f"featuredata/{cell}/zIndex_{plane}/p_{i}/coordinates"] = xy[None]


def test_merscope_hdf5(tmp_path):
    folder = tmp_path / "cell_boundaries"
    folder.mkdir()
    merscope_hdf5(folder / "feature_data_0.hdf5", {"11": {z: [SQUARE + z] for z in range(4)}})
    merscope_hdf5(folder / "feature_data_1.hdf5", {"12": {1: [SQUARE, SQUARE * 2 + 5]}})
    result = io.read_boundaries(tmp_path)
    assert area(result).to_dict() == {"11": 4.0, "12": 20.0}
    assert np.array_equal(result.iloc[:4][["vertex_x", "vertex_y"]], SQUARE + 1)
    top = io.read_boundaries(folder, "merscope", plane=3)
    assert top["cell_id"].unique().tolist() == ["11"]
    assert top["vertex_x"].min() == 3
    with pytest.raises(ValueError, match="no outlines in plane 9; its planes are 0, 1, 2, 3"):
        io.read_boundaries(folder, plane=9)


def test_merscope_parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow does not work here", exc_type=ImportError)
    shapely = pytest.importorskip("shapely")
    hole = shapely.Polygon(SQUARE * 3, [SQUARE + 1])
    two = shapely.MultiPolygon([shapely.Polygon(SQUARE), shapely.Polygon(SQUARE + 5)])
    shapes = [shapely.Polygon(SQUARE), two, hole, shapely.Polygon(SQUARE * 9)]
    table = pd.DataFrame({"EntityID": [2**62, 5, 6, 6], "ZIndex": [0, 0, 0, 1]})
    table["Geometry"] = [shapely.to_wkb(shape) for shape in shapes]
    table.to_parquet(tmp_path / "cell_boundaries.parquet")
    for machine in (None, "merscope"):
        areas = area(io.read_boundaries(tmp_path, machine))
        assert areas.to_dict() == {str(2**62): 4.0, "5": 8.0, "6": 36.0}
    assert area(io.read_boundaries(tmp_path, plane=1)).to_dict() == {"6": 324.0}


def test_merscope_parquet_without_shapely(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow", reason="pyarrow does not work here", exc_type=ImportError)
    monkeypatch.setitem(__import__("sys").modules, "shapely", None)
    table = pd.DataFrame({"EntityID": [1], "ZIndex": [0], "Geometry": [b"\x01"]})
    table.to_parquet(tmp_path / "cell_boundaries.parquet")
    with pytest.raises(ImportError, match=r"needs shapely .*'outlines'"):
        io.read_boundaries(tmp_path)


def test_what_is_no_outline(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; expected outlines of cells"):
        io.read_boundaries(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"none of \*polygons\.csv"):
        io.read_boundaries(tmp_path, "cosmx")
    with pytest.raises(ValueError, match="machine='visium' is not known; use one of 'xenium'"):
        io.read_boundaries(tmp_path, "visium")
    path = tmp_path / "cell_boundaries.csv"
    path.write_text("cell_id,x,y\na,1,2\n")
    with pytest.raises(ValueError, match="its columns are cell_id, x, y"):
        io.read_boundaries(path)
    path.write_text("cell_id,vertex_x,vertex_y\na,1,2\na,,3\na,4,x\n")
    with pytest.raises(ValueError, match="2 of 3 vertices are missing or not finite"):
        io.read_boundaries(path)
    path.write_text("cell_id,vertex_x,vertex_y\n")
    with pytest.raises(ValueError, match="holds no outline"):
        io.read_boundaries(path)
    path.write_text("cell_id,vertex_x,vertex_y\na,1,2\n")
    with pytest.raises(ValueError, match="holds outlines of xenium, not of cosmx"):
        io.read_boundaries(path, "cosmx")


def test_real_xenium_outlines_are_those_of_the_cells(shared_data):
    folder = shared_data / "formats/xenium"
    cells = pd.read_csv(folder / "cells.csv.gz", index_col="cell_id")
    packed = io.read_boundaries(folder / "cell_boundaries.csv.gz", "xenium")
    areas = area(packed)
    assert set(areas.index) == set(cells.index)
    # Xenium measures areas in pixels of its image, before outlines are simplified.
    ratio = areas / cells["cell_area"].loc[areas.index]
    assert ratio.between(0.8, 1.2).mean() > 0.99
    table = io.read_boundaries(folder)
    assert table["cell_id"].tolist() == packed["cell_id"].tolist()
    np.testing.assert_allclose(table["vertex_x"], packed["vertex_x"], atol=0.01)


def test_real_cosmx_outlines_lie_about_the_centres(shared_data):
    folder = shared_data / "formats/cosmx"
    (path,) = folder.glob("*metadata*.csv")
    cells = pd.read_csv(path)
    cells.index = cells["cell_ID"].astype(str) + "_" + cells["fov"].astype(str)
    table = io.read_boundaries(folder, "cosmx")
    centre = table.groupby("cell_id")[["vertex_x", "vertex_y"]].agg(
        lambda v: (v.min() + v.max()) / 2
    )
    shared = cells.index.intersection(centre.index)
    assert len(shared) == len(cells)
    off = np.hypot(
        centre.loc[shared, "vertex_x"] - cells.loc[shared, "CenterX_global_px"],
        centre.loc[shared, "vertex_y"] - cells.loc[shared, "CenterY_global_px"],
    )
    assert (off < cells.loc[shared, ["Width", "Height"]].max(axis=1) / 2).all()


@pytest.mark.parametrize("file", ["cell_boundaries", "cellpose_micron_space.parquet"])
def test_real_merscope_outlines_fill_the_boxes_of_the_cells(shared_data, file):
    if file.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pyarrow does not work here", exc_type=ImportError)
        pytest.importorskip("shapely")
    folder = shared_data / "formats/merscope"
    (path,) = folder.glob("*metadata.csv")
    cells = pd.read_csv(path, index_col=0, dtype={0: str})
    table = io.read_boundaries(folder / file, "merscope")
    boxes = table.groupby("cell_id")[["vertex_x", "vertex_y"]].agg(["min", "max"])
    shared = cells.index.astype(str).intersection(boxes.index)
    assert len(shared) > 50
    wanted = cells.loc[shared, ["min_x", "max_x", "min_y", "max_y"]].to_numpy()
    # The boxes are over all planes.
    assert np.median(np.abs(boxes.loc[shared].to_numpy() - wanted)) < 1
