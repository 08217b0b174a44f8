from __future__ import annotations

import gzip
import os
import signal
import stat
import threading
import warnings
from pathlib import Path

import anndata as ad
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.io
import scipy.sparse as sp

from smartcore import io

BARCODES = ["AAAC-1", "AAAG-1", "AACT-1", "AAGT-1", "ACGT-1"]
NAMES = ["Xkr4", "Sox17", "Sox17", "CD4", "CD8A", "chr1:10-90"]
IDS = ["g1", "g2", "g3", "p1", "p2", "chr1:10-90"]
TYPES = ["Gene Expression"] * 3 + ["Antibody Capture"] * 2 + ["Peaks"]


@pytest.fixture(autouse=True)
def _restore_mudata_options():
    with mudata.set_options(pull_on_update=False):
        yield


@pytest.fixture
def counts() -> np.ndarray:
    """Spots × features."""
    return np.random.default_rng(0).poisson(2, (len(BARCODES), len(NAMES))).astype(np.int32)


def write_tenx(path: Path, counts: np.ndarray, *, types: list[str] | None = None) -> Path:
    matrix = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array(BARCODES, dtype="S")
        group["data"], group["indices"], group["indptr"] = (
            matrix.data,
            matrix.indices,
            matrix.indptr,
        )
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        features = group.create_group("features")
        features["id"] = np.array(IDS, dtype="S")
        features["name"] = np.array(NAMES, dtype="S")
        features["feature_type"] = np.array(TYPES if types is None else types, dtype="S")
        features["genome"] = np.array(["mm10"] * len(NAMES), dtype="S")
    return path


def write_legacy_tenx(path: Path, counts: np.ndarray) -> Path:
    matrix = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("mm10")
        group["barcodes"] = np.array(BARCODES, dtype="S")
        group["data"], group["indices"], group["indptr"] = (
            matrix.data,
            matrix.indices,
            matrix.indptr,
        )
        group["shape"] = np.array(matrix.shape, dtype=np.int32)
        group["genes"] = np.array(IDS, dtype="S")
        group["gene_names"] = np.array(NAMES, dtype="S")
    return path


def write_mtx(folder: Path, counts: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy.io.mmwrite(file, sp.coo_matrix(counts.T))
    with gzip.open(folder / "features.tsv.gz", "wt") as file:
        file.writelines("\t".join(row) + "\n" for row in zip(IDS, NAMES, TYPES, strict=True))
    with gzip.open(folder / "barcodes.tsv.gz", "wt") as file:
        file.writelines(f"{barcode}\n" for barcode in BARCODES)
    return folder


def positions() -> pd.DataFrame:
    """In another order than the matrix, one spot outside the tissue, two not in the matrix."""
    return pd.DataFrame(
        {
            "barcode": ["TTTT-1", *reversed(BARCODES), "GGGG-1"],
            "in_tissue": [0, 1, 1, 0, 1, 1, 1],
            "array_row": range(7),
            "array_col": range(10, 17),
            "pxl_row_in_fullres": np.arange(7) * 100,
            "pxl_col_in_fullres": np.arange(7) * 100 + 7,
        }
    )


def make_outs(folder: Path, counts: np.ndarray, *, header: bool = True) -> Path:
    (folder / "spatial").mkdir(parents=True)
    write_tenx(folder / "filtered_feature_bc_matrix.h5", counts)
    name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
    positions().to_csv(folder / "spatial" / name, header=header, index=False)
    return folder


def small(n: int = 6, feature: str = "gene") -> ad.AnnData:
    rng = np.random.default_rng(1)
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(1, (n, 4)).astype(np.float32)),
        obs=pd.DataFrame({"domain": list("ab" * (n // 2))}, index=[f"s{i}" for i in range(n)]),
        var=pd.DataFrame(index=[f"{feature}{i}" for i in range(4)]),
        obsm={"spatial": rng.random((n, 2))},
    )


def truncate(path: Path, share: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


# 10x files


@pytest.mark.parametrize(
    ("kind", "columns"), [("rna", [0, 1, 2]), ("protein", [3, 4]), ("chromatin", [5])]
)
def test_tenx_keeps_the_kind_asked_for(tmp_path, counts, kind, columns):
    path = write_tenx(tmp_path / "a.h5", counts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = io.read_modality(path, kind)
        everything = sc.read_10x_h5(path, gex_only=False)
    assert np.array_equal(result.X.toarray(), counts[:, columns])
    assert np.array_equal(result.X.toarray(), everything[:, columns].X.toarray())
    assert list(result.obs_names) == BARCODES
    assert list(result.var["gene_ids"]) == [IDS[i] for i in columns]


def test_tenx_rna_agrees_with_scanpy(shared_data):
    path = shared_data / "seurat_visium/visium_outs/filtered_feature_bc_matrix.h5"
    result, oracle = io.read_modality(path), sc.read_10x_h5(path)
    assert (result.X != oracle.X).nnz == 0
    assert list(result.obs_names) == list(oracle.obs_names)
    assert list(result.var_names) == list(oracle.var_names)


def test_tenx_repeated_symbols_are_numbered_with_a_warning(tmp_path, counts):
    path = write_tenx(tmp_path / "a.h5", counts)
    with pytest.warns(UserWarning, match=r"1 feature names occur more than once.*'Sox17'"):
        result = io.read_modality(path, "rna")
    assert list(result.var_names) == ["Xkr4", "Sox17", "Sox17-1"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        io.read_modality(path, "protein")


def test_tenx_protein_expression_is_protein(tmp_path, counts):
    types = ["Protein Expression" if t == "Antibody Capture" else t for t in TYPES]
    result = io.read_modality(write_tenx(tmp_path / "a.h5", counts, types=types), "protein")
    assert list(result.var_names) == ["CD4", "CD8A"]


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_legacy_tenx_is_taken_whole(tmp_path, counts):
    result = io.read_modality(write_legacy_tenx(tmp_path / "a.h5", counts), "protein")
    assert np.array_equal(result.X.toarray(), counts)


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_read_modalities_splits_by_type(tmp_path, counts):
    result = io.read_modalities(write_tenx(tmp_path / "a.h5", counts))
    assert {kind: adata.shape for kind, adata in result.items()} == {
        "rna": (5, 3),
        "protein": (5, 2),
        "chromatin": (5, 1),
    }
    assert np.array_equal(result["protein"].X.toarray(), counts[:, 3:5])


def test_tenx_without_the_kind_lists_what_there_is(tmp_path, counts):
    path = write_tenx(tmp_path / "a.h5", counts, types=["Gene Expression"] * 6)
    with pytest.raises(ValueError, match=r"a\.h5 has no protein.*Gene Expression \(6\)"):
        io.read_modality(path, "protein")
    path = write_tenx(tmp_path / "b.h5", counts, types=["Custom"] * 6)
    with pytest.raises(ValueError, match=r"has no rna features.*Custom \(6\)"):
        io.read_modality(path, "rna")
    with pytest.raises(ValueError, match=r"Custom \(6\).*known types: Gene Expression"):
        io.read_modalities(path)


# outs folders


def test_outs_agrees_with_scanpy(shared_data):
    outs = shared_data / "seurat_visium/visium_outs"
    result = io.read_modality(outs, "rna")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = sc.read_visium(outs, library_id="a")
    assert list(result.obs_names) == list(oracle.obs_names)
    assert np.array_equal(result.obsm["spatial"], oracle.obsm["spatial"])
    assert (result.X != oracle.X).nnz == 0
    for column in ("in_tissue", "array_row", "array_col"):
        assert np.array_equal(result.obs[column], oracle.obs[column])


@pytest.mark.parametrize("header", [True, False])
def test_outs_matches_by_barcode_within_the_tissue(tmp_path, counts, header):
    result = io.read_modality(make_outs(tmp_path / "outs", counts, header=header), "protein")
    inside = [BARCODES[i] for i in (0, 1, 3, 4)]
    assert list(result.obs_names) == inside
    table = positions().set_index("barcode").loc[inside]
    expected = table[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy()
    assert np.array_equal(result.obsm["spatial"], expected)
    assert list(result.obs["array_col"]) == list(table["array_col"])
    assert np.array_equal(result.X.toarray(), counts[[0, 1, 3, 4]][:, 3:5])


def test_outs_with_parquet(tmp_path, counts):
    pytest.importorskip("pyarrow", reason="pyarrow does not work here", exc_type=ImportError)
    outs = make_outs(tmp_path / "outs", counts)
    expected = io.read_modality(outs, "protein").obsm["spatial"]
    (outs / "spatial/tissue_positions.csv").unlink()
    positions().to_parquet(outs / "spatial/tissue_positions.parquet", index=False)
    assert np.array_equal(io.read_modality(outs, "protein").obsm["spatial"], expected)


def test_outs_parquet_goes_through_pandas(tmp_path, counts, monkeypatch):
    outs = make_outs(tmp_path / "outs", counts)
    expected = io.read_modality(outs, "protein").obsm["spatial"]
    (outs / "spatial/tissue_positions.csv").rename(outs / "spatial/tissue_positions.parquet")
    monkeypatch.setattr(pd, "read_parquet", pd.read_csv)
    assert np.array_equal(io.read_modality(outs, "protein").obsm["spatial"], expected)

    def no_engine(path):
        raise ImportError("no engine")

    monkeypatch.setattr(pd, "read_parquet", no_engine)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        io.read_modality(outs, "protein")


def test_outs_falls_back_to_the_text_folder(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    expected = io.read_modality(outs, "protein")
    (outs / "filtered_feature_bc_matrix.h5").unlink()
    write_mtx(outs / "filtered_feature_bc_matrix", counts)
    result = io.read_modality(outs, "protein")
    assert np.array_equal(result.X.toarray(), expected.X.toarray())
    assert np.array_equal(result.obsm["spatial"], expected.obsm["spatial"])


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_outs_prefers_the_filtered_matrix(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    write_tenx(outs / "raw_feature_bc_matrix.h5", counts + 50)
    assert io.read_modality(outs, "rna").X.max() < 50
    (outs / "filtered_feature_bc_matrix.h5").unlink()
    assert io.read_modality(outs, "rna").X.min() >= 50


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_matrix_folder_alone_has_no_coordinates(tmp_path, counts):
    result = io.read_modality(write_mtx(tmp_path / "filtered_feature_bc_matrix", counts), "rna")
    assert np.array_equal(result.X.toarray(), counts[:, :3])
    assert "spatial" not in result.obsm


def test_outs_of_another_run_is_refused(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    table = positions()
    table["barcode"] = [f"X{i}-1" for i in range(7)]
    table.to_csv(outs / "spatial/tissue_positions.csv", index=False)
    with pytest.raises(ValueError, match=r"none of the 5 barcodes.*'AAAC-1'.*'X0-1'"):
        io.read_modality(outs, "protein")


def test_outs_warns_of_spots_without_position(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    positions().iloc[:5].to_csv(outs / "spatial/tissue_positions.csv", index=False)
    with pytest.warns(UserWarning, match="1 of 5 spots have no position"):
        result = io.read_modality(outs, "protein")
    assert list(result.obs_names) == [BARCODES[i] for i in (1, 3, 4)]


def test_folder_that_is_not_outs(tmp_path, counts):
    with pytest.raises(FileNotFoundError, match="is not a Space Ranger 'outs' folder"):
        io.read_modality(tmp_path)
    make_outs(tmp_path / "run/outs", counts)
    with pytest.raises(FileNotFoundError, match=r"perhaps you mean .*run/outs"):
        io.read_modality(tmp_path / "run")


def test_outs_without_positions_or_with_other_columns(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    table = outs / "spatial/tissue_positions.csv"
    positions().drop(columns="array_row").to_csv(table, index=False)
    with pytest.raises(ValueError, match=r"tissue_positions\.csv.*columns missing: array_row"):
        io.read_modality(outs, "protein")
    table.unlink()
    with pytest.raises(FileNotFoundError, match=r"holds none of tissue_positions\.parquet"):
        io.read_modality(outs, "protein")


# AnnData and MuData


def test_h5ad_comes_back_as_stored(tmp_path):
    adata = small()
    io.write_h5ad(adata, tmp_path / "a.h5ad")
    result = io.read_modality(tmp_path / "a.h5ad", "chromatin")
    oracle = ad.read_h5ad(tmp_path / "a.h5ad")
    assert (result.X != adata.X).nnz == 0
    assert np.array_equal(result.obsm["spatial"], adata.obsm["spatial"])
    pd.testing.assert_frame_equal(result.obs, oracle.obs)


def test_h5ad_with_types_of_another_kind(tmp_path):
    adata = small()
    adata.var["feature_types"] = "Gene Expression"
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match=r"no protein features.*'Antibody Capture'"):
        io.read_modality(tmp_path / "a.h5ad", "protein")
    adata.var["feature_types"] = "my panel"
    adata.write_h5ad(tmp_path / "b.h5ad")
    assert io.read_modality(tmp_path / "b.h5ad", "protein").shape == adata.shape


def test_repeated_spot_names_are_refused(tmp_path):
    adata = small()
    adata.obs_names = ["a", "a", *adata.obs_names[2:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match=r"spot names must be unique.*'a'"):
        io.read_modality(tmp_path / "a.h5ad")


def test_h5mu_round_trip(tmp_path):
    mdata = mudata.MuData({"rna": small(), "protein": small(feature="protein")})
    mdata.obsm["X_smart"] = np.random.default_rng(0).random((6, 3))
    mdata.uns["smart"] = {"params": {"lam": 0.9}}
    io.write_h5mu(mdata, tmp_path / "a.h5mu")
    result = io.read_mudata(tmp_path / "a.h5mu")
    assert list(result.mod) == ["rna", "protein"]
    assert np.array_equal(result.obsm["X_smart"], mdata.obsm["X_smart"])
    assert result.uns["smart"]["params"]["lam"] == 0.9
    with pytest.raises(ValueError, match="holds a MuData of several modalities"):
        io.read_modality(tmp_path / "a.h5mu")


@pytest.mark.parametrize("share", [0.9, 0.3])
@pytest.mark.parametrize("layout", ["h5ad", "h5mu", "h5"])
def test_truncated_files_are_named(tmp_path, counts, layout, share):
    path = tmp_path / f"cut.{layout}"
    if layout == "h5":
        write_tenx(path, counts)
    elif layout == "h5ad":
        small().write_h5ad(path)
    else:
        mudata.MuData({"rna": small()}).write_h5mu(path)
    truncate(path, share)
    read = io.read_mudata if layout == "h5mu" else io.read_modality
    with pytest.raises(ValueError, match=rf"cut\.{layout} .*(truncated|damaged)") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_damaged_content_is_named(tmp_path):
    path = tmp_path / "a.h5ad"
    small().write_h5ad(path)
    with h5py.File(path, "r+") as file:
        del file["X/indptr"]
    with pytest.raises(ValueError, match=r"a\.h5ad could not be read as AnnData"):
        io.read_modality(path)


def test_what_is_not_hdf5_or_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5ad does not exist; expected an \.h5ad"):
        io.read_modality(tmp_path / "none.h5ad")
    text = tmp_path / "text.h5ad"
    text.write_text("spot,gene\n")
    with pytest.raises(ValueError, match=r"text\.h5ad is not an HDF5 file"):
        io.read_modality(text)
    empty = tmp_path / "empty.h5"
    h5py.File(empty, "w").close()
    with pytest.raises(ValueError, match=r"neither AnnData.*it holds: nothing"):
        io.read_modality(empty)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        io.read_mudata(tmp_path)
    small().write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match="holds an AnnData object"):
        io.read_mudata(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match="kind must be one of rna, protein, chromatin; got 'atac'"):
        io.read_modality(tmp_path / "a.h5ad", "atac")
    with pytest.raises(ValueError, match="does not say which modality it is"):
        io.read_modalities(tmp_path / "a.h5ad")


# Coordinates


@pytest.mark.parametrize(
    "text",
    [
        "spot,x,y\n0012,1,2.5\n07,3,4\n",
        "spot;y;other;X\n0012;2.5;q;1\n07;4;q;3\n",
        "0012\t1\t2.5\n07\t3\t4\n",
        "\ufeffname,column,row\n0012,1,2.5\n07,3,4\n",
    ],
)
def test_read_coordinates(tmp_path, text):
    path = tmp_path / "c.csv"
    path.write_text(text, encoding="utf-8")
    result = io.read_coordinates(path)
    assert list(result.index) == ["0012", "07"]
    assert list(result.columns) == ["x", "y"]
    assert np.array_equal(result.to_numpy(), [[1, 2.5], [3, 4]])


def test_read_coordinates_in_three_dimensions_and_from_space_ranger(tmp_path, counts):
    path = tmp_path / "c.csv"
    path.write_text("spot,x,y,z\na,1,2,3\n")
    assert io.read_coordinates(path).loc["a"].tolist() == [1, 2, 3]
    outs = make_outs(tmp_path / "outs", counts, header=False)
    table = io.read_coordinates(outs / "spatial/tissue_positions_list.csv")
    expected = io.read_modality(outs, "protein")
    assert np.array_equal(table.loc[expected.obs_names], expected.obsm["spatial"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spot,x,y\na,1,\n", "missing or infinite.*'a'"),
        ("spot,x,y\na,1,inf\n", "missing or infinite.*'a'"),
        ("spot,x,y\na,1,2\na,1,3\n", "spot 'a' occurs twice"),
        ("spot,x,y\na,1,north\n", "north"),
        ("spot,x\na,1\n", "2 columns"),
        ("", "table of spot name, x, y"),
    ],
)
def test_bad_coordinates(tmp_path, text, message):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        io.read_coordinates(path)
    assert "c.csv" in str(caught.value)


def test_add_coordinates_matches_by_name(tmp_path):
    adata = small()
    table = pd.DataFrame(
        np.arange(10.0).reshape(5, 2), index=["s4", "s0", "s9", "s2", "s5"], columns=["x", "y"]
    )
    before = adata.obsm["spatial"].copy()
    with pytest.warns(UserWarning, match=r"2 of 6 spots have no row in c\.csv.*'s1'"):
        result = io.add_coordinates(adata, table, source="c.csv")
    assert list(result.obs_names) == ["s0", "s2", "s4", "s5"]
    assert result.obsm["spatial"].tolist() == [[2, 3], [6, 7], [0, 1], [8, 9]]
    assert np.array_equal(adata.obsm["spatial"], before)
    table.index = [f"{name}-1" for name in table.index]
    with pytest.raises(ValueError, match=r"none of the 6 spots.*'s0', 's4-1'"):
        io.add_coordinates(adata, table)


def test_add_coordinates_to_mudata_replaces_joint_and_own():
    mdata = mudata.MuData({"rna": small(), "protein": small(feature="protein")[1:].copy()})
    mdata.obsm["spatial"] = np.zeros((6, 2))
    table = pd.DataFrame(
        np.arange(8.0).reshape(4, 2), index=["s3", "s2", "s1", "s0"], columns=["x", "y"]
    )
    with pytest.warns(UserWarning, match="2 of 6 spots have no row"):
        result = io.add_coordinates(mdata, table)
    for part in (result, *result.mod.values()):
        assert np.array_equal(part.obsm["spatial"], table.loc[part.obs_names])
    assert list(result["protein"].obs_names) == ["s1", "s2", "s3"]
    assert mdata.obsm["spatial"].sum() == 0


# Writing


class Unwritable:
    """Something no HDF5 writer knows."""


def test_a_failed_write_harms_nothing(tmp_path):
    path = tmp_path / "a.h5ad"
    io.write_h5ad(small(), path)
    before = path.read_bytes()
    broken = small()
    broken.uns["thing"] = Unwritable()
    with pytest.raises(Exception, match="Unwritable"):
        io.write_h5ad(broken, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5ad"]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    mdata = mudata.MuData({"rna": small()})

    def interrupted(self, path, **_):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(mudata.MuData, "write_h5mu", interrupted)
    with pytest.raises(KeyboardInterrupt):
        io.write_h5mu(mdata, tmp_path / "a.h5mu")
    assert not list(tmp_path.iterdir())


def test_staged_files_appear_together(tmp_path):
    (tmp_path / "b.txt").write_text("old")

    def fail():
        with io.StagedFiles() as files:
            files.stage(tmp_path / "a.txt").write_text("new")
            files.stage(tmp_path / "b.txt").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"b.txt": "old"}
    with io.StagedFiles() as files:
        files.stage(tmp_path / "a.txt").write_text("new")
        files.stage(tmp_path / "b.txt").write_text("new")
        assert not (tmp_path / "a.txt").exists()
        files.commit()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "new", "b.txt": "new"}


def test_one_missing_file_keeps_all_back(tmp_path):
    with io.StagedFiles() as files:
        files.stage(tmp_path / "a.txt").write_text("new")
        files.stage(tmp_path / "b.txt")
        with pytest.raises(FileNotFoundError):
            files.commit()
    assert not list(tmp_path.iterdir())


def test_interrupt_does_not_split_the_moves(tmp_path, monkeypatch):
    replace = os.replace

    def interrupting(source, target):
        os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupting)
    handler = signal.getsignal(signal.SIGINT)
    with io.StagedFiles() as files:
        for name in ("a.txt", "b.txt"):
            files.stage(tmp_path / name).write_text("new")
        files.commit()
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", "b.txt"}
    assert signal.getsignal(signal.SIGINT) is handler


def test_staged_files_work_outside_the_main_thread(tmp_path):
    thread = threading.Thread(target=io.write_h5ad, args=(small(), tmp_path / "a.h5ad"))
    thread.start()
    thread.join()
    assert io.read_modality(tmp_path / "a.h5ad").shape == (6, 4)


def test_links_and_permissions_are_kept(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "a.h5ad"
    link.symlink_to(tmp_path / "store/real.h5ad")
    io.write_h5ad(small(), link)
    assert link.is_symlink()
    assert io.read_modality(tmp_path / "store/real.h5ad").shape == (6, 4)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(link.stat().st_mode) == 0o666 & ~mask


def test_check_destination(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match=r"folder .*none does not exist"):
        io.check_destination(tmp_path / "none/a.h5mu")
    with pytest.raises(OSError, match=r"is not a folder|Not a directory"):
        io.check_destination(tmp_path / "file/a.h5mu")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        io.check_destination(tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        io.check_destination(tmp_path / "file", overwrite=False)
    assert io.check_destination(tmp_path / "file") == tmp_path.resolve() / "file"


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(PermissionError, match=r"is not writable .*Read-only file system"):
        io.write_h5ad(small(), tmp_path / "a.h5ad")


def test_the_suffix_says_the_format(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.h5ad; got '\.csv'"):
        io.write_h5ad(small(), tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"must end in \.h5mu; got 'no suffix'"):
        io.write_h5mu(mudata.MuData({"rna": small()}), tmp_path / "a")
