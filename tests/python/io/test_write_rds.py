"""R's objects written, and looked at by R itself."""

from io import StringIO

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from smartcore import _r, io


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
    np.testing.assert_allclose(back.obsm["X_smart"], mdata.obsm["X_smart"], rtol=1e-6)
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
