"""SpatialData in: counts and places of its tables. Results back into its tables."""

import json
import re
import shutil

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers import spatialdata as make
from smartcore import io

pytestmark = [pytest.mark.spatialdata, pytest.mark.usefixtures("no_pulling")]

XY = np.array([[0.0, 0.0], [4.0, 1.0], [2.0, 7.0], [9.0, 3.0]])
COUNTS = np.arange(12).reshape(4, 3)


@pytest.fixture(scope="module")
def sd():
    return pytest.importorskip("spatialdata")


def library_centroids(element, system):
    """The places that spatialdata itself finds, by instance."""
    from spatialdata import get_centroids

    return get_centroids(element, coordinate_system=system).compute()


def circles_only(sd, **tables):
    shapes = {"spots": make.circles(XY, [7, 3, 5, 9])}
    tables = tables or {"table": make.table(COUNTS, "spots", [3, 5, 7, 9])}
    return sd.SpatialData(shapes=shapes, tables=tables)


def test_circles_find_their_rows_by_index(sd, caplog):
    sdata = circles_only(sd)
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_spatialdata(sdata)
    assert list(mdata.mod) == ["table"]
    np.testing.assert_array_equal(mdata["table"].obsm["spatial"], XY[[1, 2, 0, 3]])
    np.testing.assert_array_equal(mdata.obsm["spatial"], XY[[1, 2, 0, 3]])
    np.testing.assert_array_equal(mdata["table"].X.toarray(), COUNTS)
    assert mdata.obs_names.tolist() == ["c0", "c1", "c2", "c3"]
    assert "coordinate system 'global', unit not stated" in caplog.text
    assert "section_key" not in mdata.uns["spatialdata"]
    assert "spatial" not in sdata["table"].obsm


@pytest.mark.parametrize("kind", ["circles", "polygons"])
def test_shapes_in_a_coordinate_system(sd, kind):
    element = getattr(make, kind)(XY, [7, 3, 5, 9], pixels=make.identity(), um=make.affine())
    table = make.table(COUNTS, "spots", [3, 5, 7, 9])
    sdata = sd.SpatialData(shapes={"spots": element}, tables={"table": table})
    with pytest.raises(ValueError, match=r"several coordinate systems: .*'pixels', 'um'"):
        io.read_spatialdata(sdata)
    with pytest.raises(ValueError, match="'nm' is no coordinate system of region 'spots'"):
        io.read_spatialdata(sdata, coordinate_system="nm")
    for system, expected in (("pixels", XY), ("um", make.moved(XY))):
        mdata = io.read_spatialdata(sdata, coordinate_system=system)
        np.testing.assert_allclose(mdata.obsm["spatial"], expected[[1, 2, 0, 3]])
        theirs = library_centroids(element, system).loc[[3, 5, 7, 9], ["x", "y"]]
        np.testing.assert_allclose(mdata.obsm["spatial"], theirs)
        assert mdata.uns["spatialdata"]["coordinate_systems"].tolist() == [system]


def test_labels_in_blocks_are_where_spatialdata_finds_them(sd):
    element = make.labels((40, 50), 9, chunks=(13, 17), **{"global": make.affine()})
    theirs = library_centroids(element, "global")
    table = make.table(np.ones((len(theirs), 2)), "nuclei", theirs.index[::-1].to_numpy())
    sdata = sd.SpatialData(labels={"nuclei": element}, tables={"table": table})
    mdata = io.read_spatialdata(sdata)
    np.testing.assert_allclose(mdata.obsm["spatial"], theirs[["x", "y"]].to_numpy()[::-1])
    # The first again, by hand.
    rows, columns = np.nonzero(np.asarray(element.data) == theirs.index[0])
    middle = [[columns.mean() + 0.5, rows.mean() + 0.5]]
    np.testing.assert_allclose(mdata.obsm["spatial"][-1:], make.moved(middle))


def test_labels_of_several_resolutions(sd):
    from spatialdata.models import Labels2DModel

    fine = make.labels((40, 50), 9)
    coarse = Labels2DModel.parse(np.asarray(fine.data), dims=("y", "x"), scale_factors=[2])
    ids = np.unique(np.asarray(fine.data))[1:]
    table = make.table(np.ones((len(ids), 2)), "nuclei", ids)
    places = [
        io.read_spatialdata(
            sd.SpatialData(labels={"nuclei": element}, tables={"table": table})
        ).obsm["spatial"]
        for element in (fine, coarse)
    ]
    np.testing.assert_array_equal(*places)


def test_points_in_space(sd):
    from spatialdata.models import PointsModel
    from spatialdata.transformations import Affine

    xyz = np.column_stack([XY, [1.0, 2.0, 0.0, 4.0]])
    matrix = np.array([[2, 0, 0, 1], [0, 0, 3, 0], [0, 1, 0, -5], [0, 0, 0, 1.0]])
    turn = Affine(matrix, input_axes=("x", "y", "z"), output_axes=("x", "y", "z"))
    points = PointsModel.parse(xyz, transformations={"global": turn})
    sdata = sd.SpatialData(
        points={"beads": points}, tables={"table": make.table(COUNTS, "beads", [0, 1, 2, 3])}
    )
    expected = [(matrix @ (*place, 1))[:3] for place in xyz]
    np.testing.assert_allclose(io.read_spatialdata(sdata).obsm["spatial"], expected)


def test_rows_without_a_shape_are_left_out_with_a_warning(sd):
    sdata = circles_only(sd, table=make.table(COUNTS, "spots", [3, 99, 7, 9]))
    with pytest.warns(UserWarning, match=r"1 of 4 spots have no place .* \(first: 'c1'\)"):
        mdata = io.read_spatialdata(sdata)
    np.testing.assert_array_equal(mdata["table"].X.toarray(), COUNTS[[0, 2, 3]])
    np.testing.assert_array_equal(mdata.obsm["spatial"], XY[[1, 0, 3]])
    sdata = circles_only(sd, table=make.table(COUNTS, "spots", [30, 50, 70, 90]))
    with pytest.raises(ValueError, match=r"none of the 4 rows .* such as 30 .*, the region .* 7"):
        io.read_spatialdata(sdata)


def test_regions_are_sections(sd, caplog):
    shapes = {
        "left": make.circles(XY[:2], [0, 1], left=make.identity()),
        "right": make.polygons(XY[:2], [0, 1], right=make.affine()),
    }
    table = make.table(COUNTS, ["right", "left", "left", "right"], [0, 1, 0, 1])
    sdata = sd.SpatialData(shapes=shapes, tables={"table": table})
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_spatialdata(sdata)
    expected = np.vstack([make.moved(XY[:1]), XY[1], XY[0], make.moved(XY[1:2])])
    np.testing.assert_allclose(mdata.obsm["spatial"], expected)
    record = mdata.uns["spatialdata"]
    assert record["section_key"] == "place"
    assert mdata["table"].obs["place"].tolist() == ["right", "left", "left", "right"]
    assert dict(zip(record["regions"], record["coordinate_systems"], strict=True)) == {
        "left": "left",
        "right": "right",
    }
    assert "section_key='place'" in caplog.text


def test_a_coordinate_system_for_each_region(sd):
    both = {"a": make.identity(), "b": make.affine()}
    shapes = {"left": make.circles(XY[:2], [0, 1], **both)}
    shapes["right"] = make.circles(XY[2:], [0, 1], **both)
    table = make.table(COUNTS, ["left", "left", "right", "right"], [0, 1, 0, 1])
    sdata = sd.SpatialData(shapes=shapes, tables={"table": table})
    with pytest.raises(ValueError, match="several coordinate systems"):
        io.read_spatialdata(sdata)
    mdata = io.read_spatialdata(sdata, coordinate_system={"left": "a", "right": "b"})
    expected = np.vstack([XY[:2], make.moved(XY[2:])])
    np.testing.assert_allclose(mdata.obsm["spatial"], expected)
    with pytest.raises(ValueError, match="no coordinate system was given for region 'right'"):
        io.read_spatialdata(sdata, coordinate_system={"left": "a"})


def test_types_of_features_are_modalities(sd):
    table = make.table(COUNTS, "spots", [3, 5, 7, 9], types=["Gene Expression", "Peaks", "Peaks"])
    mdata = io.read_spatialdata(circles_only(sd, table=table))
    assert list(mdata.mod) == ["rna", "chromatin"]
    np.testing.assert_array_equal(mdata["chromatin"].X.toarray(), COUNTS[:, 1:])
    np.testing.assert_array_equal(mdata["rna"].obsm["spatial"], mdata.obsm["spatial"])


def test_tables_of_the_same_cells_that_name_them_differently(sd):
    rna = make.table(COUNTS, "spots", [3, 5, 7, 9], names=["a", "b", "c", "d"])
    protein = make.table(10 * COUNTS[:3], "spots", [9, 3, 5], names=["0", "1", "2"])
    mdata = io.read_spatialdata(circles_only(sd, rna=rna, protein=protein))
    assert mdata["protein"].obs_names.tolist() == ["d", "a", "b"]
    assert mdata.n_obs == 4
    np.testing.assert_array_equal(mdata["protein"].X.toarray(), 10 * COUNTS[:3])
    np.testing.assert_array_equal(mdata["protein"].obsm["spatial"], XY[[3, 1, 2]])
    alone = io.read_spatialdata(circles_only(sd, rna=rna, protein=protein), table="protein")
    assert list(alone.mod) == ["protein"]
    assert alone.obs_names.tolist() == ["0", "1", "2"]


def test_other_cells_of_the_same_name_stay_apart(sd):
    rna = make.table(COUNTS[:2], "spots", [3, 5], names=["0", "1"])
    protein = make.table(COUNTS[:3], "spots", [9, 3, 7], names=["0", "1", "2"])
    mdata = io.read_spatialdata(circles_only(sd, rna=rna, protein=protein))
    assert mdata["rna"].obs_names.tolist() == ["0", "1"]
    assert mdata["protein"].obs_names.tolist() == ["spots:9", "0", "2"]


def test_names_that_repeat_over_regions(sd):
    shapes = {"left": make.circles(XY, [0, 1, 2, 3]), "right": make.circles(XY, [0, 1, 2, 3])}
    table = make.table(
        COUNTS, ["left", "left", "right", "right"], [0, 1, 0, 1], names=["a", "b", "a", "b"]
    )
    mdata = io.read_spatialdata(sd.SpatialData(shapes=shapes, tables={"table": table}))
    assert mdata.obs_names.tolist() == ["left:a", "left:b", "right:a", "right:b"]


def test_two_regions_of_the_same_cells_are_one_section(sd):
    shapes = {"spots": make.circles(XY, [0, 1, 2, 3])}
    shapes["nuclei"] = make.polygons(XY + 0.1, [0, 1, 2, 3])
    tables = {"rna": make.table(COUNTS, "spots", [0, 1, 2, 3])}
    tables["protein"] = make.table(COUNTS, "nuclei", [0, 1, 2, 3])
    mdata = io.read_spatialdata(sd.SpatialData(shapes=shapes, tables=tables))
    np.testing.assert_array_equal(mdata["protein"].obsm["spatial"], XY)
    assert "section_key" not in mdata.uns["spatialdata"]
    shapes["nuclei"] = make.polygons(XY + 100, [0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"'protein' has 4 spots of names .* at other places"):
        io.read_spatialdata(sd.SpatialData(shapes=shapes, tables=tables))


def test_two_tables_of_one_kind_have_to_be_told_apart(sd):
    tables = {
        name: make.table(COUNTS, "spots", [3, 5, 7, 9], types=["Gene Expression"] * 3)
        for name in ("bins_8", "bins_16")
    }
    sdata = circles_only(sd, **tables)
    with pytest.raises(ValueError, match=r"'bins_8' and 'bins_16' both hold rna.*table=…"):
        io.read_spatialdata(sdata)
    assert list(io.read_spatialdata(sdata, table="bins_16").mod) == ["rna"]
    with pytest.raises(KeyError, match="no table 'bins'; there are: 'bins_8', 'bins_16'"):
        io.read_spatialdata(sdata, table="bins")


def test_a_table_that_annotates_nothing(sd, caplog):
    adata = ad.AnnData(COUNTS.astype(np.float32), obs=pd.DataFrame(index=list("abcd")))
    sdata = sd.SpatialData(tables={"table": adata})
    with pytest.raises(ValueError, match=r"no spot has a place: the tables annotate no region"):
        io.read_spatialdata(sdata)
    adata.obsm["spatial"] = XY
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_spatialdata(sd.SpatialData(tables={"table": adata}))
    np.testing.assert_array_equal(mdata.obsm["spatial"], XY)
    assert "'table' annotates no region; its own obsm['spatial'] is taken" in caplog.text


def test_regions_come_before_coordinates_of_the_table(sd, caplog):
    sdata = circles_only(sd)
    sdata["table"].obsm["spatial"] = 100 + XY
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_spatialdata(sdata)
    np.testing.assert_array_equal(mdata.obsm["spatial"], XY[[1, 2, 0, 3]])
    assert "places come from the regions, not from obsm['spatial'] of table 'table'" in caplog.text
    np.testing.assert_array_equal(sdata["table"].obsm["spatial"], 100 + XY)


def test_what_is_missing_is_named(sd):
    with pytest.raises(ValueError, match="has no table, and so no counts"):
        io.read_spatialdata(sd.SpatialData(shapes={"spots": make.circles(XY, [0, 1, 2, 3])}))
    table = make.table(COUNTS, "nowhere", [0, 1, 2, 3])
    with pytest.warns(UserWarning, match="nowhere"):
        sdata = circles_only(sd, table=table)
    with pytest.raises(ValueError, match=r"region 'nowhere', which is not there; .* 'spots'"):
        io.read_spatialdata(sdata)
    with pytest.raises(TypeError, match="give a SpatialData object or a path"):
        io.read_spatialdata(table)
    twice = circles_only(sd)
    twice["table"].obs["cell"] = [3, 3, 7, 9]
    with pytest.raises(ValueError, match=r"1 rows for instances .*3 of region 'spots'"):
        io.read_spatialdata(twice)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_stores_of_both_formats(sd, tmp_path, zarr_format):
    sdata = make.sample()
    path = write(sdata, tmp_path / "s.zarr", zarr_format)
    before = make.hashes(path)
    mdata, expected = io.read_spatialdata(path), io.read_spatialdata(sdata)
    assert list(mdata.mod) == ["rna", "protein"]
    assert mdata.uns["spatialdata"]["unit"] == "not stated"
    for name in mdata.mod:
        assert (mdata[name].X != expected[name].X).nnz == 0
        pd.testing.assert_frame_equal(mdata[name].obs, expected[name].obs)
    theirs = library_centroids(sdata["cells"], "global").loc[sdata["table"].obs["cell"]]
    np.testing.assert_allclose(mdata.obsm["spatial"], theirs[["x", "y"]])
    assert make.hashes(path) == before
    with pytest.raises(ValueError, match=r"is a SpatialData store: read it with its places by"):
        io.read_modality(path)


def write(sdata, path, zarr_format=3):
    from spatialdata._io.format import SpatialDataContainerFormatV01

    formats = {"sdata_formats": SpatialDataContainerFormatV01()} if zarr_format == 2 else {}
    sdata.write(path, **formats)
    marker = {2: ".zgroup", 3: "zarr.json"}[zarr_format]
    assert (path / marker).exists()
    return path


def test_a_unit_that_the_store_states(sd, tmp_path, caplog):
    path = write(circles_only(sd), tmp_path / "s.zarr")
    for file in [path / "zarr.json", *path.glob("shapes/**/zarr.json")]:
        file.write_text(file.read_text().replace('"unit": "unit"', '"unit": "micrometer"'))
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_spatialdata(path)
    assert mdata.uns["spatialdata"]["unit"] == "micrometer"
    assert "unit micrometer" in caplog.text


CUT = ("shapes/cells/shapes.parquet", "shapes/cells/zarr.json", "zarr.json")
CUT += tuple(f"tables/table/{part}" for part in ("X/data/c/0", "obs/cell/c/0", "X/zarr.json"))


@pytest.fixture(scope="module")
def whole(sd, tmp_path_factory):
    return write(make.sample(), tmp_path_factory.mktemp("whole") / "s.zarr")


@pytest.mark.parametrize("file", CUT)
def test_a_store_cut_short(whole, tmp_path, file):
    path = shutil.copytree(whole, tmp_path / "cut.zarr")
    content = (path / file).read_bytes()
    (path / file).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        io.read_spatialdata(path)
    (path / file).unlink()
    with pytest.raises(ValueError, match=re.escape(str(path))):
        io.read_spatialdata(path)


@pytest.mark.parametrize("part", ["X/data/c/0", "X/indices/c/0", "X/indptr/c/0"])
def test_counts_that_are_missing_are_no_zeros(whole, tmp_path, part):
    path = shutil.copytree(whole, tmp_path / "cut.zarr")
    (path / "tables/table" / part).unlink()
    with pytest.raises(ValueError, match=r"cut\.zarr.* damaged"):
        io.read_spatialdata(path)
    with pytest.raises(ValueError, match=r"table.* damaged"):
        io.read_modality(path / "tables/table", None)


@pytest.mark.parametrize("place", ["", "shapes/cells", "tables/table"])
def test_a_store_of_a_version_to_come(whole, tmp_path, place):
    path = shutil.copytree(whole, tmp_path / "s.zarr")
    for file in {path / "zarr.json", path / place / "zarr.json"}:
        content = json.loads(file.read_text())
        attrs = content["attributes"]
        if file.parent == path / place:
            (attrs if "tables" in place else attrs["spatialdata_attrs"])["version"] = "9.7"
        content.pop("consolidated_metadata", None)
        file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))} .*version.*9\.7"):
        io.read_spatialdata(path)


def test_a_real_store(sd, shared_data, tmp_path):
    path = shared_data / "formats/spatialdata_blobs.zarr"
    mdata = io.read_spatialdata(path)
    table = ad.read_zarr(path / "tables/table")
    np.testing.assert_array_equal(mdata["table"].X.toarray(), table.X.toarray())
    with pytest.warns(UserWarning, match="most current format"):
        sdata = sd.read_zarr(path)
    theirs = library_centroids(sdata["blobs_labels"], "global")
    theirs = theirs.loc[mdata["table"].obs["instance_id"], ["x", "y"]]
    np.testing.assert_allclose(mdata.obsm["spatial"], theirs)


def analysed(mdata):
    for name, n_comps in (("rna", 8), ("protein", 6)):
        getattr(sm.pp, name)(mdata[name], n_comps=n_comps, progress=False)
    sm.tl.smart(mdata, epochs=3, latent_dim=8, progress=False)
    sm.tl.cluster(mdata, 3, method="kmeans")
    return mdata


def test_domains_go_back_into_the_table(sd, tmp_path):
    sdata = make.sample()
    lost = sdata["table"].obs["cell"].iloc[[4, 50]]
    sdata["cells"] = sdata["cells"].drop(index=lost)
    before = sdata["table"].copy()
    with pytest.warns(UserWarning, match="2 of 144 spots"):
        mdata = io.read_spatialdata(sdata)
    with pytest.raises(KeyError, match="no embedding"):
        io.add_to_spatialdata(sdata, mdata)
    mdata = analysed(mdata)
    mdata.write_h5mu(tmp_path / "m.h5mu")
    shuffled = mudata.read_h5mu(tmp_path / "m.h5mu")[::-1].copy()
    io.add_to_spatialdata(sdata, shuffled)
    sdata.write(tmp_path / "out.zarr")
    table = sd.read_zarr(tmp_path / "out.zarr")["table"]
    assert table.obs_names.equals(before.obs_names)
    kept = table.obs_names[~np.isin(np.arange(144), [4, 50])]
    rows = mdata.obs_names.get_indexer(kept)
    assert (rows >= 0).all()
    assert table.obs.loc[kept, "smart"].tolist() == mdata.obs["smart"].iloc[rows].tolist()
    assert table.obs["smart"].isna().sum() == 2
    embedding = pd.DataFrame(table.obsm["X_smart"], index=table.obs_names)
    np.testing.assert_array_equal(embedding.loc[kept], mdata.obsm["X_smart"][rows])
    assert embedding.drop(index=kept).isna().all(axis=None)
    assert (table.X != before.X).nnz == 0
    pd.testing.assert_frame_equal(
        table.obs.drop(columns="smart"), before.obs, check_categorical=False
    )
    assert set(table.obsm) == {"X_smart"}
    assert table.uns["smart"]["params"]["epochs"] == 3


def test_results_of_two_tables_go_to_both(sd):
    rna = make.table(COUNTS, "spots", [3, 5, 7, 9], names=["a", "b", "c", "d"])
    protein = make.table(COUNTS[:3], "spots", [9, 3, 5], names=["0", "1", "2"])
    sdata = circles_only(sd, rna=rna, protein=protein)
    mdata = io.read_spatialdata(sdata)
    with pytest.raises(KeyError, match="read the SpatialData by smartcore"):
        io.add_to_spatialdata(sdata, rna)
    mdata.obsm["X_smart"] = np.arange(8.0).reshape(4, 2)
    place = dict(zip(mdata.obs_names, mdata.obsm["X_smart"].tolist(), strict=True))
    io.add_to_spatialdata(sdata, mdata)
    assert sdata["rna"].obsm["X_smart"].tolist() == [place[name] for name in "abcd"]
    assert sdata["protein"].obsm["X_smart"].tolist() == [place[name] for name in "dab"]
    del sdata["protein"]
    with pytest.raises(KeyError, match="sdata has no table 'protein'"):
        io.add_to_spatialdata(sdata, mdata)
