"""Folders of Xenium, CosMx and MERSCOPE: small made ones, and real ones against other readers."""

import gzip
import json
import logging
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from smartcore import io

N = 6
RNG = np.random.default_rng(0)
X, Y = RNG.uniform(0, 900, N), RNG.uniform(0, 900, N)
COUNTS = RNG.poisson(2.0, (N, 5)).astype(np.int32)


def left_out(data) -> str:
    return " ".join(data.uns["smart_folder"]["left_out"])


def cut(path, part=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])


def write_tenx_h5(path, counts, names, types, cells, **attrs):
    """A matrix as 10x's software writes it: features × cells, by columns."""
    matrix = sp.csc_matrix(counts.T)
    with h5py.File(path, "w") as file:
        file.attrs.update(attrs)
        group = file.create_group("matrix")
        group["barcodes"] = np.array(cells, "S")
        group["data"] = matrix.data.astype(np.int32)
        group["indices"] = matrix.indices
        group["indptr"] = matrix.indptr
        group["shape"] = np.array(matrix.shape, np.int32)
        for name, values in {
            "id": [f"ENS{i}" for i in range(len(names))],
            "name": names,
            "feature_type": types,
            "genome": ["GRCh38"] * len(names),
        }.items():
            group[f"features/{name}"] = np.array(values, "S")


@pytest.fixture
def xenium(tmp_path):
    """Genes, a protein stored a hundredfold, and two controls; cell ids that are whole numbers."""
    folder = tmp_path / "xenium"
    folder.mkdir()
    write_tenx_h5(
        folder / "cell_feature_matrix.h5",
        COUNTS,
        ["A", "B", "CD3", "NegControlProbe_1", "BLANK_1"],
        [
            *("Gene Expression", "Gene Expression", "Protein Expression"),
            *("Negative Control Probe", "Unassigned Codeword"),
        ],
        [str(i + 1) for i in range(N)],
        protein_scaling_factor=100.0,
    )
    table = pd.DataFrame(
        {"cell_id": np.arange(1, N + 1), "x_centroid": X, "y_centroid": Y, "cell_area": 5.0}
    )
    table.to_parquet(folder / "cells.parquet")
    (folder / "experiment.xenium").write_text(json.dumps({"analysis_sw_version": "xenium-3.1.0.4"}))
    return folder


def test_xenium(xenium):
    data = io.read_folder(xenium)
    rna, protein = data["rna"], data["protein"]
    np.testing.assert_array_equal(rna.X.toarray(), COUNTS[:, :2])
    np.testing.assert_allclose(protein.X.toarray(), COUNTS[:, 2:3] / 100)
    np.testing.assert_array_equal(data.obsm["spatial"], np.column_stack([X, Y]))
    assert list(rna.obs_names) == [str(i + 1) for i in range(N)]
    assert list(rna.var_names) == ["A", "B"]
    assert (rna.obs["cell_area"] == 5).all()
    about = data.uns["smart_folder"]
    assert (about["machine"], about["unit"]) == ("Xenium", "micrometre")
    assert "3.1.0.4" in about["version"]
    assert list(about["intensities"]) == ["protein"]
    assert "1 features of the type Negative Control Probe" in left_out(data)
    assert "1 features of the type Unassigned Codeword" in left_out(data)


def test_xenium_by_text_files(xenium, tmp_path):
    """The same from cells.csv.gz and the folder of text, in which the order of cells differs."""
    whole = io.read_folder(xenium)["rna"]
    table = pd.read_parquet(xenium / "cells.parquet").iloc[::-1]
    table.to_csv(xenium / "cells.csv.gz", index=False)
    (xenium / "cells.parquet").unlink()
    text = io.read_folder(xenium)["rna"]
    assert (text.X != whole.X).nnz == 0
    np.testing.assert_allclose(text.obsm["spatial"], whole.obsm["spatial"])


def test_cells_of_one_file_alone_are_left_out_and_counted(xenium, monkeypatch):
    table = pd.read_parquet(xenium / "cells.parquet")
    table.loc[0, "cell_id"] = 99
    table.to_parquet(xenium / "cells.parquet")
    with pytest.raises(ValueError, match=r"1 of the 6 cells of .*matrix\.h5 have no place .*runs"):
        io.read_folder(xenium)
    monkeypatch.setattr("smartcore.io.machines._placed.FEW", 0.2)  # as if there were more cells
    with pytest.warns(UserWarning, match="1 of 6 cells of cell.* left out"):
        data = io.read_folder(xenium)
    assert list(data.obs_names) == ["2", "3", "4", "5", "6"]
    np.testing.assert_array_equal(data["rna"].X.toarray(), COUNTS[1:, :2])
    np.testing.assert_array_equal(data["rna"].obsm["spatial"][:, 0], X[1:])
    assert "1 cells of cell_feature_matrix.h5: they have no place" in left_out(data)
    assert "1 cells of cells.parquet: they have no counts" in left_out(data)


def test_a_table_that_was_cut_short_is_an_error(shared_data, tmp_path):
    shutil.copytree(shared_data / "formats/xenium", tmp_path / "xenium")
    (tmp_path / "xenium/cells.parquet").unlink()
    with gzip.open(tmp_path / "xenium/cells.csv.gz", "rt") as file:
        lines = file.readlines()
    with gzip.open(tmp_path / "xenium/cells.csv.gz", "wt") as file:
        file.writelines(lines[:50])
    with pytest.raises(ValueError, match=r"477 of the 526 cells of .* have no place in cells\.csv"):
        io.read_folder(tmp_path / "xenium")


@pytest.mark.parametrize("file", ["cell_feature_matrix.h5", "cells.parquet", "experiment.xenium"])
def test_xenium_cut_short(xenium, file):
    cut(xenium / file)
    with pytest.raises(ValueError, match=file):
        io.read_folder(xenium)


@pytest.mark.parametrize("file", ["cell_feature_matrix.h5", "cells.parquet"])
def test_xenium_without_a_file(xenium, file):
    (xenium / file).unlink()
    with pytest.raises(FileNotFoundError, match=file):
        io.read_folder(xenium)


def test_xenium_of_a_newer_version(xenium):
    (xenium / "experiment.xenium").write_text('{"analysis_sw_version": "xenium-9.0.1"}')
    with pytest.raises(ValueError, match=r"experiment\.xenium.* 9\.0\.1; versions up to 4"):
        io.read_folder(xenium)


def test_a_matrix_of_xenium_alone_is_read_as_before(xenium):
    """With coordinates from a table of the user's."""
    adata = io.read_modality(xenium / "cell_feature_matrix.h5", "rna")
    assert adata.shape == (N, 2)
    assert "spatial" not in adata.obsm


@pytest.fixture
def cosmx(tmp_path):
    """Two fields whose cells have the same numbers, as AtoMx exports them."""
    folder = tmp_path / "cosmx"
    folder.mkdir()
    fov, cell = np.repeat([1, 2], 3), np.tile([1, 2, 3], 2)
    genes = ["NEGR1", "CD3", "Negative1", "SystemControl1", "FalseCode2"]
    counts = pd.DataFrame({"fov": fov, "cell_ID": cell}).join(pd.DataFrame(COUNTS, columns=genes))
    none = pd.DataFrame([[1, 0, 9, 9, 9, 9, 9]], columns=counts.columns)
    pd.concat([none, counts]).to_csv(folder / "S1_exprMat_file.csv.gz", index=False)
    pd.DataFrame(
        {
            "fov": fov,
            "cell_ID": cell,
            "CenterX_global_px": X,
            "CenterY_global_px": Y,
            "Mean.DAPI": 7,
            "assay_type": "RNA",
        }
    ).to_csv(folder / "S1_metadata_file.csv.gz", index=False)
    pd.DataFrame(
        {
            "FOV": [1, 2],
            "x_global_px": [0, 4255],
            "y_global_px": [29791, 25535],
            "x_global_mm": [0, 0.5119157],
            "y_global_mm": [3.583410, 3.071494],
        }
    ).to_csv(folder / "S1_fov_positions_file.csv.gz", index=False)
    return folder


def test_cosmx(cosmx):
    data = io.read_folder(cosmx)
    rna = data["rna"]
    assert list(rna.obs_names) == ["1_1", "2_1", "3_1", "1_2", "2_2", "3_2"]
    assert list(rna.var_names) == ["NEGR1", "CD3"]
    np.testing.assert_array_equal(rna.X.toarray(), COUNTS[:, :2])
    # 0.12028 µm is what the maker states.
    np.testing.assert_allclose(rna.obsm["spatial"], 0.12028 * np.column_stack([X, Y]), rtol=5e-4)
    assert data.uns["smart_folder"]["unit"] == "micrometre"
    assert "45 counts with cell_ID 0" in left_out(data)
    assert "3 of 5 features" in left_out(data)


def test_cosmx_in_pixels_where_no_file_tells_their_size(cosmx):
    (cosmx / "S1_fov_positions_file.csv.gz").unlink()
    data = io.read_folder(cosmx)
    np.testing.assert_array_equal(data.obsm["spatial"], np.column_stack([X, Y]))
    assert data.uns["smart_folder"]["unit"] == "camera pixel"
    assert "0.12028 µm" in data.uns["smart_folder"]["notes"][0]


def test_proteins_of_cosmx(cosmx):
    table = pd.read_csv(cosmx / "S1_metadata_file.csv.gz").assign(assay_type="Protein")
    table.to_csv(cosmx / "S1_metadata_file.csv.gz", index=False)
    counts = pd.read_csv(cosmx / "S1_exprMat_file.csv.gz")
    counts["CD3"] = counts["CD3"] + 0.25
    counts.to_csv(cosmx / "S1_exprMat_file.csv.gz", index=False)
    data = io.read_folder(cosmx)
    assert list(data.mod) == ["protein"]
    np.testing.assert_allclose(data["protein"][:, "CD3"].X.toarray().ravel(), COUNTS[:, 1] + 0.25)
    assert list(data.uns["smart_folder"]["intensities"]) == ["protein"]


@pytest.mark.parametrize("file", ["S1_exprMat_file.csv.gz", "S1_metadata_file.csv.gz"])
def test_cosmx_cut_short_or_missing(cosmx, file):
    cut(cosmx / file)
    with pytest.raises(ValueError, match=file):
        io.read_folder(cosmx)
    (cosmx / file).unlink()
    with pytest.raises((FileNotFoundError, ValueError), match=file.removeprefix("S1_")[:8]):
        io.read_folder(cosmx, machine="CosMx")


@pytest.fixture
def merscope(tmp_path):
    """Names of cells with more digits than a number of the computer holds."""
    folder = tmp_path / "merscope"
    folder.mkdir()
    cells = [f"10332729169438928407057446164802009116{i}" for i in range(N)]
    genes = ["A", "B", "Blank-1", "Blankenship", "Blank-22"]
    pd.DataFrame(COUNTS, index=pd.Index(cells, name="cell"), columns=genes).to_csv(
        folder / "cell_by_gene.csv"
    )
    table = pd.DataFrame({"fov": 0, "center_x": X, "center_y": Y}, index=cells)
    table.iloc[::-1].to_csv(folder / "cell_metadata.csv")
    return folder


def test_merscope(merscope):
    data = io.read_folder(merscope)
    np.testing.assert_array_equal(data["rna"].X.toarray(), COUNTS[:, [0, 1, 3]])
    np.testing.assert_allclose(data["rna"].obsm["spatial"], np.column_stack([X, Y]))
    assert data.obs_names[3].endswith("20091163")
    assert data.uns["smart_folder"]["unit"] == "micrometre"
    assert "2 of 5 features (Blank-1, Blank-22)" in left_out(data)


def test_counts_are_the_same_in_one_piece_and_in_many(merscope, monkeypatch):
    from smartcore.io.machines import _count_table

    whole = io.read_folder(merscope)["rna"].X
    monkeypatch.setattr(_count_table, "_AT_ONCE", 11)
    assert (whole != io.read_folder(merscope)["rna"].X).nnz == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("5,1,2", "line 4 has 3 cells and the first 6"),
        ("5,1,,2,3,4", "line 4 has a cell that is empty or no number"),
        ("5,1,many,2,3,4", "line 4 has a cell that is empty or no number"),
    ],
)
def test_a_bad_line_is_named(merscope, line, message):
    path = merscope / "cell_by_gene.csv"
    lines = path.read_text().splitlines()
    lines[3] = line
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=rf"cell_by_gene\.csv.*{message}"):
        io.read_folder(merscope)


def test_a_place_that_is_missing_is_named(merscope):
    cut(merscope / "cell_metadata.csv", 0.95)
    with pytest.raises(ValueError, match=r"cell_metadata\.csv.*center_[xy]"):
        io.read_folder(merscope)


def test_two_regions_in_one_folder_are_refused(merscope):
    shutil.copy(merscope / "cell_by_gene.csv", merscope / "region_0_cell_by_gene.csv")
    shutil.copy(merscope / "cell_by_gene.csv", merscope / "region_1_cell_by_gene.csv")
    (merscope / "cell_by_gene.csv").unlink()
    with pytest.raises(ValueError, match=r"region_0_cell_by_gene\.csv.*keep one"):
        io.read_folder(merscope)


def test_other_cells_are_refused(merscope):
    path = merscope / "cell_metadata.csv"
    path.write_text(path.read_text().replace("1033", "x"))
    with pytest.raises(ValueError, match="have no cells in common"):
        io.read_folder(merscope)


def test_reading_says_what_it_does(merscope, caplog):
    with caplog.at_level(logging.INFO, "smartcore"):
        io.read_folder(merscope)
    assert "taken for the output of MERSCOPE" in caplog.text
    assert "coordinates in micrometres" in caplog.text


def test_real_xenium(shared_data):
    folder = shared_data / "formats/xenium"
    data = io.read_folder(folder)["rna"]
    theirs = sc.read_10x_h5(folder / "cell_feature_matrix.h5")  # genes alone
    with gzip.open(folder / "cells.csv.gz") as file:
        places = pd.read_csv(file, index_col="cell_id")
    assert data.shape == (526, 27)
    assert (data[theirs.obs_names, theirs.var_names].X != theirs.X).nnz == 0
    np.testing.assert_allclose(
        data.obsm["spatial"], places.loc[data.obs_names, ["x_centroid", "y_centroid"]]
    )


def test_real_cosmx(shared_data):
    folder = shared_data / "formats/cosmx"
    data = io.read_folder(folder)["rna"]
    counts = pd.read_csv(folder / "Run5642_S3_Quarter_exprMat_file.csv").query("cell_ID > 0")
    counts.index = [f"{c}_{f}" for c, f in zip(counts["cell_ID"], counts["fov"], strict=True)]
    places = pd.read_csv(folder / "Run5642_S3_Quarter_metadata_file.csv")
    genes = [c for c in counts if c not in ("fov", "cell_ID") and "NegPrb" not in c]
    assert data.shape == (27, 950)
    np.testing.assert_array_equal(data.X.toarray(), counts.loc[data.obs_names, genes])
    np.testing.assert_array_equal(
        data.obsm["spatial"], places[["CenterX_global_px", "CenterY_global_px"]]
    )


def test_real_merscope(shared_data):
    folder = shared_data / "formats/merscope"
    data = io.read_folder(folder)["rna"]
    counts = pd.read_csv(folder / "Liver1Slice1_cell_by_gene.csv", index_col=0, dtype={0: str})
    places = pd.read_csv(folder / "Liver1Slice1_cell_metadata.csv", index_col=0, dtype={0: str})
    counts.index, places.index = counts.index.astype(str), places.index.astype(str)
    genes = [gene for gene in counts if not gene.startswith("Blank")]
    assert data.shape == (100, 347)
    np.testing.assert_array_equal(data.X.toarray(), counts.loc[data.obs_names, genes])
    np.testing.assert_array_equal(
        data.obsm["spatial"], places.loc[data.obs_names, ["center_x", "center_y"]]
    )
