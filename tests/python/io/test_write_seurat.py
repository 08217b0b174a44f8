"""Seurat objects written, and looked at by R itself."""

import re
from io import StringIO

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from smartcore import _r, io
from smartcore.io._seurat import images_of

needs_seurat = pytest.mark.skipif(
    bool(_r.missing_in_r(["SingleCellExperiment", "SeuratObject"])),
    reason="needs R, SingleCellExperiment and SeuratObject",
)


@pytest.fixture
def mdata():
    """Results on two modalities of 30 spots on two images; five spots lack the second."""
    pytest.importorskip("anndata2ri")
    rng = np.random.default_rng(3)
    names = [f"spot{i}" for i in range(30)]
    rna = ad.AnnData(sp.csr_matrix(rng.poisson(0.5, (30, 12)).astype(np.float32)))
    rna.obs_names, rna.var_names = names, [f"gene{i}" for i in range(12)]
    rna.var["odd name"] = np.arange(12)
    rna.obsm["X_pca"] = rng.normal(size=(30, 3))
    adt = ad.AnnData(rng.poisson(4.0, (25, 4)).astype(np.float32))
    adt.obs_names, adt.var_names = names[:25], [f"prot{i}" for i in range(4)]
    adt.obsm["X_pca"] = rng.normal(size=(25, 2))
    with mudata.set_options(pull_on_update=False):
        data = mudata.MuData({"rna": rna, "ADT": adt})
    data.obs["smart"] = pd.Categorical(list("02") * 15, categories=["0", "1", "2"])
    data.obs["image"] = pd.Categorical(["left"] * 10 + ["right"] * 20)
    data.obs["score"] = rng.normal(size=30)
    data.obsm["spatial"] = rng.normal(size=(30, 2))
    data.obsm["X_smart"] = rng.normal(size=(30, 5)).astype(np.float32)
    data.uns["smart_colors"] = ["#ff0000", "#00ff00", "#0000ff"]
    data.uns["score_colors"] = ["#ff0000"]
    return data


@needs_seurat
def test_written_object_in_r(mdata, rscript, tmp_path):
    path = tmp_path / "new.rds"
    with pytest.warns(UserWarning, match="5 of 30 spots have no ADT"):
        io.write_rds(mdata, path, kind="Seurat")
    code = f"""
    suppressPackageStartupMessages(library(SeuratObject))
    x <- readRDS("{path}")
    stopifnot(inherits(x, "Seurat"), validObject(x), DefaultAssay(x) == "rna")
    stopifnot(identical(Reductions(x), c("pca", "smart", "pca.ADT")))
    stopifnot(IsGlobal(x[["smart"]]), !IsGlobal(x[["pca"]]), DefaultAssay(x[["pca.ADT"]]) == "ADT")
    stopifnot(identical(unname(Key(x[["smart"]])), "SMART_"))
    stopifnot(identical(levels(x$smart_clusters), c("0", "1", "2")))
    stopifnot(identical(as.character(Idents(x)), as.character(x$smart_clusters)))
    stopifnot(identical(Images(x), c("left", "right")))
    colours <- c("0" = "#ff0000", "1" = "#00ff00", "2" = "#0000ff")
    stopifnot(identical(Misc(x), list(smart_clusters_colors = colours)))
    stopifnot(identical(x[["rna"]][[]][["odd name"]], 0:11))
    stopifnot(sum(x$measured.ADT) == 25)
    show <- function(table) {{ write.csv(as.matrix(table), stdout()); writeLines("") }}
    show(t(as.matrix(GetAssayData(x, "counts"))))
    show(t(as.matrix(GetAssayData(x[["ADT"]], "counts")))[x$measured.ADT, ])
    show(data.frame(score = x$score, domain = x$smart_clusters))
    show(cbind(Embeddings(x, "smart"), Embeddings(x, "pca")))
    places <- rbind(GetTissueCoordinates(x[["left"]]), GetTissueCoordinates(x[["right"]]))
    show(data.frame(places[c("x", "y")], row.names = places$cell))
    """
    parts = rscript(code=code).strip().split("\n\n")
    rna, adt, columns, points, places = (pd.read_csv(StringIO(x), index_col=0) for x in parts)
    pd.testing.assert_frame_equal(rna, mdata["rna"].to_df(), check_dtype=False)
    pd.testing.assert_frame_equal(adt, mdata["ADT"].to_df(), check_dtype=False)
    np.testing.assert_allclose(columns["score"], mdata.obs["score"], rtol=1e-6)
    assert columns["domain"].astype(str).tolist() == mdata.obs["smart"].tolist()
    expected = np.hstack([mdata.obsm["X_smart"], mdata["rna"].obsm["X_pca"]])
    np.testing.assert_allclose(points, expected, rtol=1e-6)
    np.testing.assert_allclose(places.loc[mdata.obs_names], mdata.obsm["spatial"], rtol=1e-6)


@needs_seurat
@pytest.mark.filterwarnings("ignore:5 of 30 spots have no ADT")
@pytest.mark.parametrize(
    ("kind", "domains"), [("Seurat", "smart_clusters"), ("SingleCellExperiment", "smart")]
)
def test_there_and_back(mdata, tmp_path, kind, domains):
    path = tmp_path / "new.rds"
    io.write_rds(mdata, path, kind=kind)
    back = io.read_rds(path)
    for name in ("rna", "ADT"):
        spots = mdata[name].obs_names
        pd.testing.assert_frame_equal(back[name].to_df().loc[spots], mdata[name].to_df())
        found = back[name][spots].obsm["X_pca"]
        np.testing.assert_allclose(found, mdata[name].obsm["X_pca"], rtol=1e-12)
    for key in ("spatial", "X_smart"):
        np.testing.assert_allclose(back.obsm[key], mdata.obsm[key], rtol=1e-6)
    assert back.obs[domains].tolist() == mdata.obs["smart"].tolist()
    assert back.obs[domains].cat.categories.tolist() == ["0", "1", "2"]
    assert back.obs["image"].tolist() == mdata.obs["image"].tolist()
    assert dict(back.uns) == {f"{domains}_colors": ["#ff0000", "#00ff00", "#0000ff"]}


@needs_seurat
def test_three_dimensions_and_missing_places(mdata, rscript, tmp_path):
    """Images have two dimensions, and hold no spot without a place."""
    flat, deep = tmp_path / "flat.rds", tmp_path / "deep.rds"
    adata = io.as_anndata(mdata, "rna")
    adata.obsm["spatial"][3] = np.nan
    io.write_rds(adata, flat, kind="Seurat")
    adata.obsm["spatial"] = np.arange(90.0).reshape(30, 3)
    io.write_rds(adata, deep, kind="Seurat")
    code = f"""
    suppressPackageStartupMessages(library(SeuratObject))
    x <- readRDS("{flat}")
    places <- rbind(GetTissueCoordinates(x[["left"]]), GetTissueCoordinates(x[["right"]]))
    cat(setdiff(colnames(x), places$cell), Images(readRDS("{deep}")), "end")
    """
    assert rscript(code=code) == "spot3 end"
    np.testing.assert_array_equal(io.read_rds(deep).obsm["spatial"], adata.obsm["spatial"])
    with pytest.warns(UserWarning, match="1 of 30 spots are in no image"):
        back = io.read_rds(flat)
    places = mdata.obsm["spatial"].copy()
    places[3] = np.nan
    np.testing.assert_allclose(back.obsm["spatial"], places)


def in_r(path, rscript):
    """Images of an object, their keys, and places of cells, as R itself has them."""
    code = f"""
    suppressPackageStartupMessages(library(SeuratObject))
    x <- readRDS("{path}")
    stopifnot(validObject(x), !anyDuplicated(Key(x)), all(grepl("^[a-zA-Z][a-zA-Z0-9]*_$", Key(x))))
    found <- lapply(Images(x), function(one) {{
      stopifnot(identical(make.names(one), one), identical(DefaultAssay(x[[one]]), DefaultAssay(x)))
      cbind(GetTissueCoordinates(x[[one]])[c("x", "y", "cell")], image = one)
    }})
    write.csv(do.call(rbind, found), stdout(), row.names = FALSE)
    """
    return pd.read_csv(StringIO(rscript(code=code)), index_col="cell")


@needs_seurat
@pytest.mark.parametrize("key", ["section", "smart_section", "sample"])
@pytest.mark.parametrize("joint", [True, False])
def test_sections_lie_in_images_of_their_own(mdata, rscript, tmp_path, key, joint):
    """At the same places, as sections of one make do."""
    del mdata.obs["image"], mdata.mod["ADT"]
    data = mdata if joint else io.as_anndata(mdata, "rna")
    data.obsm["spatial"] = np.tile(data.obsm["spatial"][:10], (3, 1))
    sections = np.repeat(["a b", "a.b", "3"], 10)
    data.obs[key] = pd.Categorical(sections)
    data.obs["A"] = 1.0
    if key == "sample":
        data.uns["smart_folder"] = {"section_key": "sample"}
    io.write_rds(data, tmp_path / "new.rds", kind="Seurat")
    found = in_r(tmp_path / "new.rds", rscript).loc[data.obs_names]
    np.testing.assert_allclose(found[["x", "y"]], data.obsm["spatial"], rtol=1e-6)
    names = np.repeat(["a.b", "a.b.1", "X3"], 10)
    assert found["image"].tolist() == names.tolist()
    back = io.read_rds(tmp_path / "new.rds")
    assert back.obs["image"].tolist() == names.tolist()
    assert back.obs[key].tolist() == sections.tolist()
    np.testing.assert_allclose(back.obsm["spatial"], data.obsm["spatial"], rtol=1e-12)


@needs_seurat
def test_names_of_sections_that_are_taken(mdata, rscript, tmp_path):
    """By an assay, a reduction, a column or, but for signs and case, another section."""
    adata = io.as_anndata(mdata, "rna")
    del adata.obs["image"]
    sections = np.repeat(["rna", "smart", "score", "PC", "p.c", "\u5207\u7247"], 5)
    adata.obs["section"] = sections
    io.write_rds(adata, tmp_path / "new.rds", kind="Seurat")
    found = in_r(tmp_path / "new.rds", rscript).loc[adata.obs_names]
    np.testing.assert_allclose(found[["x", "y"]], adata.obsm["spatial"], rtol=1e-6)
    pairs = set(zip(sections, found["image"], strict=True))
    assert len(pairs) == len(set(found["image"])) == 6
    assert ("PC", "PC") in pairs
    back = io.read_rds(tmp_path / "new.rds")
    assert back.obs["section"].tolist() == sections.tolist()
    np.testing.assert_allclose(back.obs["score"], adata.obs["score"])


@pytest.mark.parametrize(
    ("sections", "images", "expected"),
    [
        (None, None, ["fov"] * 4),
        (None, ["i", None, "j", "j"], ["i", "", "j", "j"]),
        (["a", "a", "b", "b"], None, ["a", "a", "b", "b"]),
        (["a", "a", "a", "a"], None, ["fov"] * 4),  # nothing to tell apart
        (["a", "a", "b", None], None, ["a", "a", "b", "fov"]),
        (["a", "a", "fov", None], None, ["a", "a", "fov", "fov_"]),
        (["a", "a", "b", "b"], ["i", "j", "k", "k"], ["i", "j", "k", "k"]),
        (["a", "a", "b", "b"], ["i", "i", "i", "i"], ["a", "a", "b", "b"]),
        (["a", "a", "b", "b"], ["i", "j", "i", None], ["a.i", "a.j", "b.i", ""]),
        ([1, 1, 2, 2], None, ["1", "1", "2", "2"]),
    ],
)
def test_no_image_holds_two_sections(sections, images, expected):
    columns = {"section": sections, "image": images}
    obs = pd.DataFrame({k: v for k, v in columns.items() if v is not None}, index=list("wxyz"))
    assert images_of(obs, {}) == expected
    assert images_of(obs.astype("category"), {}) == expected


@pytest.mark.parametrize("other", ["a-1", "a|1"])
def test_features_that_seurat_would_call_the_same(mdata, tmp_path, other, monkeypatch):
    monkeypatch.setattr("smartcore.io._sce.call_r", lambda *_: pytest.fail("R was called"))
    rna = io.as_anndata(mdata, "rna")
    rna.var_names = ["b_1", "a_1", other, *rna.var_names[3:]]
    said = (
        f"features 'a_1' and {other!r} of rna would both be 'a-1', as Seurat writes - for _ and |"
    )
    with pytest.raises(ValueError, match=re.escape(said)):
        io.write_rds(rna, tmp_path / "new.rds", kind="Seurat")
    assert not list(tmp_path.iterdir())


@needs_seurat
def test_seurats_names_of_features(rscript):
    code = """
    suppressPackageStartupMessages(library(SeuratObject))
    x <- matrix(1, 4, 1, dimnames = list(c("a_1", "a|1", "a-1", "a.1"), "cell"))
    for (name in rownames(x)) cat(rownames(suppressWarnings(CreateAssayObject(x[name, , drop = F]))))
    """
    assert rscript(code=code) == "a-1a-1a-1a.1"


def test_one_modality_with_what_is_joint(mdata, no_pulling, tmp_path):
    """As an .h5ad file, read by anndata itself."""
    mdata.obsp["near"] = sp.csr_matrix(np.arange(900.0).reshape(30, 30))
    before = mdata.copy()
    io.write_h5ad(io.as_anndata(mdata, "ADT"), tmp_path / "adt.h5ad")
    adata = ad.read_h5ad(tmp_path / "adt.h5ad")
    np.testing.assert_array_equal(adata.X, mdata["ADT"].X)
    np.testing.assert_array_equal(adata.obsm["X_smart"], mdata.obsm["X_smart"][:25])
    np.testing.assert_array_equal(adata.obsm["spatial"], mdata.obsm["spatial"][:25])
    np.testing.assert_array_equal(
        adata.obsp["near"].toarray(), mdata.obsp["near"][:25, :25].toarray()
    )
    assert adata.obs["smart"].tolist() == mdata.obs["smart"].tolist()[:25]
    assert adata.obs["smart"].cat.categories.tolist() == ["0", "1", "2"]
    assert list(adata.uns["smart_colors"]) == mdata.uns["smart_colors"]
    assert set(adata.obsm) == {"X_pca", "X_smart", "spatial"}
    # What was given is as it was.
    assert list(mdata["ADT"].obsm) == list(before["ADT"].obsm)
    pd.testing.assert_frame_equal(mdata["ADT"].obs, before["ADT"].obs)
    with pytest.raises(ValueError, match=r"no modality 'adt'; there are \['rna', 'ADT'\]"):
        io.as_anndata(mdata, "adt")


def test_an_unknown_kind(mdata, tmp_path):
    with pytest.raises(ValueError, match=r"kind='seurat' is not known; use 'Single.*' or 'Seurat'"):
        io.write_rds(mdata, tmp_path / "a.rds", kind="seurat")
    assert list(tmp_path.iterdir()) == []


@needs_seurat
@pytest.mark.filterwarnings("ignore:5 of 30 spots have no ADT")
@pytest.mark.parametrize("kind", ["Seurat", "SingleCellExperiment"])
def test_colours_by_category(mdata, tmp_path, kind):
    mdata.uns["smart_colors"] = {"2": "#0000ff", "1": "#00ff00", "0": "#ff0000", "9": "#000000"}
    io.write_rds(mdata, tmp_path / "new.rds", kind=kind)
    [found] = io.read_rds(tmp_path / "new.rds").uns.values()
    assert found == ["#ff0000", "#00ff00", "#0000ff"]
