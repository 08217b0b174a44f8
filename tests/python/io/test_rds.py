"""R's objects: made, and looked at again, by R itself."""

import sys
from io import StringIO
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from smartcore import _r, io
from smartcore.cli import main


@pytest.fixture(scope="module")
def folder(rscript, tmp_path_factory):
    if reason := _r.missing_in_r(["Matrix"]):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("objects")
    rscript(str(Path(__file__).with_name("rds_objects.R")), str(folder))
    return folder


@pytest.fixture
def saved(folder):
    """Path of an object; skip where R lacks the package that would make it."""

    def path(name: str) -> Path:
        if not (folder / f"{name}.rds").exists():
            pytest.skip(f"R has no package, or no such version, for the object {name}")
        return folder / f"{name}.rds"

    return path


@pytest.fixture
def table(folder):
    """What R says is in an object."""
    return lambda name: pd.read_csv(folder / f"{name}.csv", index_col=0)


@pytest.mark.parametrize(("assay", "name"), [("RNA", "rna"), ("ADT", "adt")])
def test_counts_of_seurat(saved, table, assay, name):
    adata = io.read_rds(saved("seurat"))[assay]
    assert sp.isspmatrix_csr(adata.X)
    assert adata.X.dtype == np.float32
    pd.testing.assert_frame_equal(adata.to_df(), table(name), check_dtype=False)


def test_metadata(saved, table):
    obs = io.read_rds(saved("seurat")).obs
    assert list(obs.index) == [f"cell{i}" for i in range(1, 65)]
    assert obs["text"].isna().tolist() == [True] + [False] * 63
    assert obs["text"].tolist()[1:4] == ["b", "a", "a"]
    assert obs["level"].cat.ordered
    assert list(obs["level"].cat.categories) == ["low", "high"]
    assert obs["level"].tolist()[:2] == ["high", "low"]
    assert obs["flag"].tolist()[1:4] == [True, False, True]
    assert pd.isna(obs["flag"].iloc[0])
    assert obs["all"].dtype == bool
    assert obs["all"].tolist()[:2] == [True, False]
    assert np.isnan(obs["whole"].iloc[0])
    assert obs["whole"].tolist()[1:] == list(range(2, 65))
    np.testing.assert_allclose(obs["real"], np.linspace(0, 1, 64))
    assert set(obs["day"]) == {"2024-02-29"}
    # Counted by Seurat when the object was made.
    np.testing.assert_array_equal(obs["nCount_RNA"], table("rna").sum(axis=1))


def test_reductions(saved, table):
    mdata = io.read_rds(saved("seurat"))
    np.testing.assert_allclose(mdata["RNA"].obsm["X_pca"], table("PC"), rtol=1e-12)
    np.testing.assert_allclose(mdata["ADT"].obsm["X_apca"], table("APC"), rtol=1e-12)
    np.testing.assert_allclose(mdata.obsm["X_umap"], table("UMAP"), rtol=1e-12)
    assert "X_umap" not in mdata["RNA"].obsm


def test_images(saved, table, caplog):
    with caplog.at_level("INFO", "smartcore"):
        mdata = io.read_rds(saved("seurat"), spatial_key="where")
    np.testing.assert_array_equal(mdata.obsm["where"], table("places"))
    assert mdata.obs["image"].tolist() == ["left"] * 25 + ["right"] * 39
    assert "image crop is left out, as its spots are all in right" in caplog.text


def test_outlines_of_cells(saved, table):
    here = io.read_rds(saved("outlines")).obsm["spatial"]
    # Seurat closes the outlines by repeating their first corner.
    np.testing.assert_allclose(here, table("places"), rtol=1e-6)


def test_images_that_share_spots(saved):
    with pytest.raises(ValueError, match=r"images 'a' and 'b' share 6 of their 25 and 21 spots"):
        io.read_rds(saved("overlap"))


def test_spots_in_no_image(saved):
    with pytest.warns(UserWarning, match="39 of 64 spots are in no image"):
        mdata = io.read_rds(saved("partly"))
    assert np.isnan(mdata.obsm["spatial"]).all(axis=1).tolist() == [False] * 25 + [True] * 39


def test_coordinates_in_the_metadata(saved, table):
    np.testing.assert_array_equal(io.read_rds(saved("columns")).obsm["spatial"], table("places"))


def test_assays_by_name(saved):
    assert list(io.read_rds(saved("seurat"), assays=["ADT"]).mod) == ["ADT"]
    with pytest.raises(ValueError, match="no assay HTO; assays: RNA, ADT"):
        io.read_rds(saved("seurat"), assays=["HTO"])


def test_assays_without_counts_are_left_out(saved, caplog):
    with caplog.at_level("INFO", "smartcore"):
        assert list(io.read_rds(saved("columns")).mod) == ["RNA", "ADT"]
    assert "assay scores is left out (no raw counts)" in caplog.text
    with pytest.raises(ValueError, match=r"no assay with raw counts \(scores: no raw counts\)"):
        io.read_rds(saved("columns"), assays=["scores"])


def test_split_layers_of_seurat_5(saved, table):
    df = io.read_rds(saved("split"))["RNA"].to_df()
    expected = table("split")
    assert set(df) == set(expected)
    pd.testing.assert_frame_equal(
        df.loc[expected.index, expected.columns], expected, check_dtype=False
    )


def test_assays_of_seurat_5_with_fewer_cells(saved, table):
    mdata = io.read_rds(saved("fewer"))
    pd.testing.assert_frame_equal(mdata["ADT"].to_df(), table("adt").iloc[10:], check_dtype=False)
    pd.testing.assert_frame_equal(mdata["RNA"].to_df(), table("rna"), check_dtype=False)
    np.testing.assert_array_equal(mdata.obs["nCount_RNA"], table("rna").sum(axis=1))


def test_single_cell_experiment(saved, table):
    with pytest.warns(UserWarning, match="columns list of the metadata"):
        mdata = io.read_rds(saved("sce"))
    assert list(mdata.mod) == ["rna", "ADT"]
    pd.testing.assert_frame_equal(mdata["rna"].to_df(), table("rna"), check_dtype=False)
    pd.testing.assert_frame_equal(mdata["ADT"].to_df(), table("adt"), check_dtype=False)
    np.testing.assert_allclose(mdata["rna"].obsm["X_umap"], table("sce-umap"), rtol=1e-12)
    assert mdata["rna"].var["length"].tolist() == list(range(30, 0, -1))
    assert list(mdata.obs) == ["batch", "odd name"]
    assert set(mdata.obs["batch"]) == {"one"}
    assert mdata["ADT"].obs["depth"].tolist() == list(range(1, 65))
    assert "spatial" not in mdata.obsm


@pytest.mark.parametrize("name", ["dense", "logical", "triplet", "delayed"])
def test_kinds_of_matrix(saved, table, name):
    here = io.read_rds(saved(name))["rna"].to_df()
    pd.testing.assert_frame_equal(here, table(name), check_dtype=False)


def test_spatial_experiment(saved, table):
    mdata = io.read_rds(saved("spe"))
    np.testing.assert_array_equal(mdata.obsm["spatial"], table("places"))
    assert mdata.obs["image"].tolist() == ["s1"] * 32 + ["s2"] * 32


def test_real_visium_object_of_seurat_3(rscript, shared_data):
    if reason := _r.missing_in_r(["Matrix"]):
        pytest.skip(reason)
    path = shared_data / "seurat_visium" / "seu_anterior1_visium.rds"
    code = f"""
    x <- readRDS("{path}")
    total <- Matrix::colSums(attr(attr(x, "assays")[[1]], "counts"))
    write.csv(cbind(attr(attr(x, "images")[[1]], "coordinates"), total), stdout())
    """
    expected = pd.read_csv(StringIO(rscript(code=code)), index_col=0)
    mdata = io.read_rds(path)
    assert mdata["Spatial"].shape == (2696, 50)
    assert list(mdata.obs_names) == list(expected.index)
    np.testing.assert_array_equal(mdata.obsm["spatial"], expected[["imagecol", "imagerow"]])
    np.testing.assert_array_equal(np.ravel(mdata["Spatial"].X.sum(axis=1)), expected["total"])
    assert set(mdata.obs["image"]) == {"anterior1"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("frame", "it holds an object of class data.frame"),
        ("list", "it holds an object of class list"),
        ("no_counts", r"no raw counts|no assay counts; assays: logcounts"),
    ],
)
def test_other_objects(saved, name, message):
    with pytest.raises(ValueError, match=message):
        io.read_rds(saved(name))


def test_no_rds_file(folder, tmp_path):
    path = tmp_path / "object.rds"
    path.write_bytes(b"no object at all")
    with pytest.raises(ValueError, match=r"object\.rds: R failed .* expected a Seurat"):
        io.read_rds(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.rds does not exist"):
        io.read_rds(tmp_path / "nowhere.rds")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        io.read_rds(tmp_path)


def test_class_of_a_package_that_is_missing(saved):
    with pytest.raises(ImportError, match="R needs its package SpatialThings to read an object of"):
        io.read_rds(saved("stranger"))


def test_without_rpy2(monkeypatch, tmp_path):
    path = tmp_path / "object.rds"
    path.touch()
    monkeypatch.setitem(sys.modules, "rpy2", None)
    with pytest.raises(ImportError, match=r"needs R, with Matrix, and rpy2 \(pip install"):
        io.read_rds(path)
    with pytest.raises(ImportError, match=r"writing \.rds files needs R, with SingleCellExp"):
        io.write_rds(ad.AnnData(np.ones((2, 2))), tmp_path / "new.rds")


def test_without_anndata2ri(monkeypatch, tmp_path):
    if reason := _r.missing_in_r(["SingleCellExperiment"]):
        pytest.skip(reason)
    monkeypatch.setitem(sys.modules, "anndata2ri", None)
    with pytest.raises(ImportError, match="needs anndata2ri"):
        io.write_rds(ad.AnnData(np.ones((2, 2))), tmp_path / "new.rds")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "n_sections"), [("visium", 1), ("seurat", 2)])
def test_command_line(saved, tmp_path, capsys, name, n_sections):
    out = tmp_path / "out.h5mu"
    command = ["run", str(saved(name)), "-k", "2", "--epochs", "3", "--no-figures"]
    assert main([*command, "--min-spots", "1", "-o", str(out)]) == 0
    assert ("tells its sections apart" in capsys.readouterr().err) == (n_sections > 1)
    result = io.read_mudata(out)
    assert set(result.obs["smart"]) == {"0", "1"}
    assert list(result.mod) == ["Spatial" if name == "visium" else "RNA", "ADT"]
    # No spot has neighbours in another section.
    edges = result.obsp["smart_connectivities"].tocoo()
    image = result.obs["image"].to_numpy()
    assert edges.nnz
    assert (image[edges.row] == image[edges.col]).all()


def test_damaged_files_are_refused_by_name(saved, tmp_path):
    """Cut off, or with other bytes: either is seen, or nothing that counts was touched."""
    content = saved("seurat").read_bytes()
    whole = io.read_rds(saved("seurat"))
    rng = np.random.default_rng(0)
    path = tmp_path / "damaged_object.rds"
    refused = 0
    for i in range(40):
        place = int(rng.integers(10, len(content) - 1))
        damaged = content[:place]
        if i % 2:
            damaged += bytes([content[place] ^ 0x55]) + content[place + 1 :]
        path.write_bytes(damaged)
        try:
            found = io.read_rds(path)
        except (ValueError, OSError) as err:
            said = str(err)
            refused += 1
        else:
            said = path.name
            for name, adata in whole.mod.items():
                assert (found[name].X != adata.X).nnz == 0, (i, place)
                assert list(found[name].obs_names) == list(adata.obs_names), (i, place)
        assert path.name in said
        assert path.read_bytes() == damaged
    assert refused > 30


def test_cells_of_an_object_without_a_place(rscript, shared_data, tmp_path, capsys):
    """A field of MERSCOPE, of which some cells lie outside its image."""
    if reason := _r.missing_in_r(["Matrix", "SeuratObject"]):
        pytest.skip(reason)
    path, out = shared_data / "formats/seurat5_merscope_fov.rds", tmp_path / "out.h5mu"
    args = ["run", str(path), "-k", "3", "--no-figures", "-o", str(out)]
    assert main(args) == 0
    assert "12 of 1058 cells have no coordinates and are left out" in capsys.readouterr().err
    assert io.read_mudata(out).n_obs == 1046
