"""R's objects: made, and looked at again, by R itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from smartcore import _r, io
from smartcore.cli import main


@pytest.fixture(scope="module")
def rscript():
    """Run R in a process of its own; skip where it is missing."""
    if not shutil.which("Rscript"):
        pytest.skip("R is not here")

    def run(*args: str, code: str | None = None) -> str:
        command = ["Rscript", *args] if code is None else ["Rscript", "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


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


@pytest.fixture
def mdata():
    """Two modalities, the second without some spots and in another order."""
    rng = np.random.default_rng(3)
    names = [f"spot{i}" for i in range(30)]
    obs = pd.DataFrame(
        {
            "domain": pd.Categorical(["a", "b", None] * 10),
            "code": pd.Categorical([1, 2, 1] * 10),
            "score": rng.normal(size=30),
            "odd name": rng.integers(0, 9, 30),
            "maybe": pd.array([True, None, False] * 10, dtype="boolean"),
            "large": np.full(30, 2**40),
        },
        index=names,
    )
    rna = ad.AnnData(sp.csr_matrix(rng.poisson(0.5, (30, 12)).astype(np.float32)), obs=obs[[]])
    rna.var_names = [f"gene{i}" for i in range(12)]
    rna.var["odd name"] = np.arange(12)
    rna.obsm["X_pca"] = rng.normal(size=(30, 3)).astype(np.float32)
    rna.layers["scaled"] = rng.normal(size=(30, 12))
    order = rng.permutation(30)[:25]
    adt = ad.AnnData(rng.poisson(4.0, (25, 4)).astype(np.float64), obs=obs.iloc[order][[]])
    adt.var_names = [f"prot{i}" for i in range(4)]
    with mudata.set_options(pull_on_update=False):
        data = mudata.MuData({"rna": rna, "ADT": adt})
    data.obs = obs.loc[data.obs_names]
    data.obsm["spatial"] = rng.normal(size=(30, 2))
    data.obsm["X_smart"] = rng.normal(size=(30, 5)).astype(np.float32)
    return data


needs_writing = pytest.mark.skipif(
    bool(_r.missing_in_r(["SingleCellExperiment"])), reason="needs R and SingleCellExperiment"
)


@needs_writing
def test_written_object_in_r(mdata, rscript, tmp_path):
    pytest.importorskip("anndata2ri")
    path = tmp_path / "new.rds"
    with pytest.warns(UserWarning, match="5 of 30 spots have no ADT"):
        io.write_rds(mdata, path)
    code = f"""
    suppressPackageStartupMessages(library(SingleCellExperiment))
    x <- readRDS("{path}")
    stopifnot(validObject(x), is(counts(x), "dgCMatrix"), mainExpName(x) == "rna")
    stopifnot(identical(assayNames(x), c("counts", "scaled")))
    stopifnot(setequal(reducedDimNames(x), c("PCA", "SMART", "spatial")))
    stopifnot(is.factor(x$domain), is.na(x$domain[3]), is.logical(x$maybe), is.na(x$maybe[2]))
    stopifnot(identical(levels(x$code), c("1", "2")), all(x$large == 2^40))
    stopifnot(identical(rowData(x)[["odd name"]], 0:11), is.null(names(x$score)))
    show <- function(table) {{ write.csv(as.matrix(table), stdout()); writeLines("") }}
    show(t(counts(x)))
    show(t(counts(altExp(x, "ADT"))))
    show(data.frame(measured = altExp(x)$measured, score = x$score, row.names = colnames(x)))
    show(cbind(reducedDim(x, "SMART"), reducedDim(x, "spatial"), reducedDim(x, "PCA")))
    """
    printed = rscript(code=code).strip().split("\n\n")
    rna, adt, columns, points = (pd.read_csv(StringIO(part), index_col=0) for part in printed)
    pd.testing.assert_frame_equal(rna, mdata["rna"].to_df(), check_dtype=False)
    there = columns["measured"].astype(bool)
    assert there.sum() == 25
    pd.testing.assert_frame_equal(
        adt[there], mdata["ADT"].to_df().loc[adt.index[there]], check_dtype=False
    )
    assert (adt[~there] == 0).all(axis=None)
    np.testing.assert_allclose(columns["score"], mdata.obs["score"], rtol=1e-12)
    joint = [mdata.obsm["X_smart"], mdata.obsm["spatial"], mdata["rna"].obsm["X_pca"]]
    np.testing.assert_allclose(points, np.hstack(joint), rtol=1e-6)


@needs_writing
@pytest.mark.filterwarnings("ignore:5 of 30 spots have no ADT")
def test_there_and_back(mdata, tmp_path):
    pytest.importorskip("anndata2ri")
    with mudata.set_options(pull_on_update=False):
        before = mdata.copy()
    path = tmp_path / "new.rds"
    io.write_rds(mdata, path)
    back = io.read_rds(path)
    pd.testing.assert_frame_equal(back["rna"].to_df(), mdata["rna"].to_df())
    np.testing.assert_allclose(back.obsm["spatial"], mdata.obsm["spatial"])
    np.testing.assert_allclose(back["rna"].obsm["X_smart"], mdata.obsm["X_smart"], rtol=1e-6)
    assert back.obs["domain"].tolist()[:2] == ["a", "b"]
    assert list(back.obs) == list(mdata.obs)
    # What was written is as it was.
    pd.testing.assert_frame_equal(mdata.obs, before.obs)
    pd.testing.assert_frame_equal(mdata["rna"].var, before["rna"].var)
    assert list(mdata["rna"].obsm) == list(before["rna"].obsm)


@needs_writing
def test_write_is_all_or_nothing(mdata, tmp_path):
    pytest.importorskip("anndata2ri")
    path = tmp_path / "kept.rds"
    path.write_bytes(b"old")
    mdata["rna"].obs["list"] = pd.Series([[1]] * 30, index=mdata["rna"].obs_names)
    with pytest.raises(ValueError, match="column 'list' of obs of rna holds other things"):
        io.write_rds(mdata, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_bad_calls_of_write(mdata, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.rds; got '\.h5mu'"):
        io.write_rds(mdata, tmp_path / "new.h5mu")
    with pytest.raises(TypeError, match="not DataFrame"):
        io.write_rds(mdata.obs, tmp_path / "new.rds")


@pytest.mark.parametrize(("name", "n_sections"), [("visium", 1), ("seurat", 2)])
def test_command_line(saved, tmp_path, capsys, name, n_sections):
    out = tmp_path / "out.h5mu"
    command = ["run", str(saved(name)), "-k", "2", "--epochs", "3", "--no-figures"]
    assert main([*command, "--min-spots", "1", "-o", str(out)]) == 0
    assert ("its images are the sections" in capsys.readouterr().err) == (n_sections > 1)
    result = io.read_mudata(out)
    assert set(result.obs["smart"]) == {"0", "1"}
    assert list(result.mod) == ["Spatial" if name == "visium" else "RNA", "ADT"]
    # No spot has neighbours in another section.
    edges = result.obsp["smart_connectivities"].tocoo()
    image = result.obs["image"].to_numpy()
    assert edges.nnz
    assert (image[edges.row] == image[edges.col]).all()
