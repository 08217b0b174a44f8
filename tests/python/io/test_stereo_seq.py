"""Stereo-seq's .gem and .gef: bins and cells against sums by pandas, and the real file."""

import gzip

import h5py
import numpy as np
import pandas as pd
import pytest

from smartcore import io
from smartcore.io.machines import _gem

N = 400
RNG = np.random.default_rng(3)
MOLECULES = pd.DataFrame(
    {
        "geneID": [f"ENSMUSG{i}" for i in RNG.integers(0, 9, N)],
        "x": RNG.integers(9_600, 9_800, N),
        "y": RNG.integers(12_600, 12_700, N),
        "MIDCount": RNG.integers(1, 5, N),
        "CellID": RNG.integers(0, 6, N),
    }
)
HEADER = "#FileFormat=GEMv0.1\n#SortedBy=None\n#BinSize=1\n#OffsetX=0\n#OffsetY=0\n"


def write_gem(path, table, header=HEADER):
    with gzip.open(path, "wt") as file:
        file.write(header)
        table.to_csv(file, sep="\t", index=False)
    return path


def by_bin(table: pd.DataFrame, size: int) -> pd.DataFrame:
    """Bins × genes."""
    corner = (table[["x", "y"]] // size * size).astype(str)
    return (
        table.assign(spot=corner["x"] + "_" + corner["y"])
        .pivot_table(index="spot", columns="geneID", values="MIDCount", aggfunc="sum")
        .fillna(0)
    )


def check(data, expected: pd.DataFrame) -> None:
    rna = data["rna"]
    assert set(rna.obs_names) == set(expected.index)
    assert set(rna.var_names) == set(expected.columns)
    np.testing.assert_array_equal(
        rna[list(expected.index), list(expected.columns)].X.toarray(), expected
    )


def check_centres(data, size: int) -> None:
    """Half a micrometre a pixel; the name is the lower corner."""
    corners = np.array([name.split("_") for name in data.obs_names], float)
    np.testing.assert_allclose(data["rna"].obsm["spatial"], (corners + size / 2) / 2)


@pytest.mark.parametrize("rows", [7, 10_000])
def test_bins_of_gem(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(_gem, "_ROWS", rows)
    path = write_gem(tmp_path / "S.tissue.gem.gz", MOLECULES.drop(columns="CellID"))
    data = io.read_folder(tmp_path)
    check(data, by_bin(MOLECULES, 50))
    check_centres(data, 50)
    about = data.uns["smart_folder"]
    assert about["unit"] == "micrometre"
    assert "50 × 50 pixels, 25 µm wide" in about["notes"][0]
    check(io.read_folder(path, bin_size=20), by_bin(MOLECULES, 20))


@pytest.mark.parametrize("rows", [7, 10_000])
def test_cells_of_gem(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(_gem, "_ROWS", rows)
    path = write_gem(tmp_path / "S.cellbin.gem.gz", MOLECULES)
    data = io.read_folder(path)
    inside = MOLECULES.query("CellID > 0")
    expected = inside.pivot_table(
        index="CellID", columns="geneID", values="MIDCount", aggfunc="sum"
    ).fillna(0)
    check(data, expected.set_axis(expected.index.astype(str)))
    # The mean of its molecules.
    every = inside.loc[inside.index.repeat(inside["MIDCount"])]
    centres = every.groupby("CellID")[["x", "y"]].mean().set_axis(expected.index.astype(str))
    np.testing.assert_allclose(data.obsm["spatial"], centres.loc[data.obs_names] / 2)
    outside = MOLECULES.query("CellID == 0")["MIDCount"].sum()
    assert f"{outside} molecules: they lie in no cell." in data.uns["smart_folder"]["left_out"]
    check(io.read_folder(path, bin_size=50), by_bin(MOLECULES, 50))


def test_gem_with_names_of_genes(tmp_path):
    table = MOLECULES.drop(columns="CellID")
    table.insert(1, "geneName", table["geneID"].str.replace("ENSMUSG", "Gene"))
    data = io.read_folder(write_gem(tmp_path / "S.gem.gz", table))["rna"]
    assert all(data.var_names.str.replace("Gene", "ENSMUSG") == data.var["gene_ids"])
    assert data.X.sum() == table["MIDCount"].sum()


def test_gem_cut_short(tmp_path):
    path = write_gem(tmp_path / "S.gem.gz", MOLECULES)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ValueError, match=r"S\.gem\.gz could not be read.*truncated"):
        io.read_folder(path)


@pytest.mark.parametrize(
    ("header", "table", "message"),
    [
        ("#BinSize=50\n", MOLECULES, "bins of 50 pixels already"),
        ("", MOLECULES.drop(columns="MIDCount"), "no column MIDCount"),
        ("", MOLECULES.assign(x="here"), "S.gem.gz could not be read"),
    ],
)
def test_other_gem(tmp_path, header, table, message):
    with pytest.raises(ValueError, match=message):
        io.read_folder(write_gem(tmp_path / "S.gem.gz", table, header))


def write_gef(path, table: pd.DataFrame, sizes=(1, 50), version=2, names=("gene",)):
    """Square bins in the layout that geftools writes."""
    with h5py.File(path, "w") as file:
        file.attrs["version"] = np.array([version], np.uint32)
        for size in sizes:
            binned = table.assign(x=table["x"] // size * size, y=table["y"] // size * size)
            sums = binned.groupby(["geneID", "x", "y"], as_index=False)["MIDCount"].sum()
            per_gene = sums.groupby("geneID").size()
            fields = [(name, "S64") for name in names] + [("offset", "u8"), ("count", "u8")]
            genes = np.zeros(len(per_gene), np.dtype(fields))
            for name in names:
                genes[name] = per_gene.index.to_numpy("S")
            genes["count"] = per_gene
            genes["offset"] = np.cumsum(per_gene) - per_gene
            expression = np.zeros(len(sums), np.dtype([("x", "i4"), ("y", "i4"), ("count", "u4")]))
            expression["x"], expression["y"] = sums["x"], sums["y"]
            expression["count"] = sums["MIDCount"]
            group = file.create_group(f"geneExp/bin{size}")
            group["gene"], group["expression"] = genes, expression
            group["expression"].attrs["resolution"] = np.array([500], np.uint32)
    return path


def test_bins_of_gef(tmp_path):
    place = tmp_path / "outs/feature_expression"
    place.mkdir(parents=True)
    write_gef(place / "S.tissue.gef", MOLECULES)
    data = io.read_folder(tmp_path)
    check(data, by_bin(MOLECULES, 50))
    check_centres(data, 50)
    check(io.read_folder(tmp_path, bin_size=20), by_bin(MOLECULES, 20))  # of single pixels


def test_gef_with_names_and_identifiers(tmp_path):
    path = write_gef(tmp_path / "S.gef", MOLECULES, names=("geneID", "geneName"), version=4)
    data = io.read_folder(path)
    check(data, by_bin(MOLECULES, 50))
    assert list(data["rna"].var["gene_ids"]) == list(data["rna"].var_names)


def test_gef_without_such_bins(tmp_path):
    path = write_gef(tmp_path / "S.gef", MOLECULES, sizes=(50,))
    with pytest.raises(ValueError, match=r"S\.gef.*no bins of 20 pixels.*it has bin50"):
        io.read_folder(path, bin_size=20)


def test_gef_of_a_newer_version(tmp_path):
    path = write_gef(tmp_path / "S.gef", MOLECULES, version=9)
    with pytest.raises(ValueError, match=r"S\.gef is of GEF 9; versions up to 4"):
        io.read_folder(path)


def test_gef_cut_short(tmp_path):
    path = write_gef(tmp_path / "S.gef", MOLECULES)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"S\.gef could not be read.*truncated"):
        io.read_folder(path)


@pytest.fixture
def cell_gef(tmp_path):
    """Cells in the layout that geftools writes: counts cell by cell."""
    inside = MOLECULES.query("CellID > 0")
    sums = inside.groupby(["CellID", "geneID"], as_index=False)["MIDCount"].sum()
    genes = sorted(sums["geneID"].unique())
    sizes = sums.groupby("CellID").size()
    path = tmp_path / "S.adjusted.cellbin.gef"
    with h5py.File(path, "w") as file:
        file.attrs["version"] = np.array([2], np.uint32)
        file.attrs["resolution"] = np.array([500], np.uint32)
        cells = np.zeros(
            len(sizes),
            np.dtype(
                [("id", "u4"), ("x", "i4"), ("y", "i4"), ("offset", "u4"), ("geneCount", "u2")]
            ),
        )
        cells["id"], cells["x"], cells["y"] = sizes.index, 100 * sizes.index, 7
        cells["geneCount"], cells["offset"] = sizes, np.cumsum(sizes) - sizes
        expression = np.zeros(len(sums), np.dtype([("geneID", "u4"), ("count", "u2")]))
        expression["geneID"] = [genes.index(name) for name in sums["geneID"]]
        expression["count"] = sums["MIDCount"]
        table = np.zeros(len(genes), np.dtype([("geneName", "S64")]))
        table["geneName"] = np.array(genes, "S")
        file["cellBin/cell"], file["cellBin/gene"] = cells, table
        file["cellBin/cellExp"] = expression
    return path


def test_cells_of_gef(cell_gef):
    write_gef(cell_gef.with_name("S.tissue.gef"), MOLECULES)
    data = io.read_folder(cell_gef.parent)
    expected = (
        MOLECULES.query("CellID > 0")
        .pivot_table(index="CellID", columns="geneID", values="MIDCount", aggfunc="sum")
        .fillna(0)
    )
    check(data, expected.set_axis(expected.index.astype(str)))
    np.testing.assert_array_equal(data.obsm["spatial"][:, 0], 50 * data.obs_names.astype(int))
    assert "S.tissue.gef: S.adjusted.cellbin.gef is used." in data.uns["smart_folder"]["left_out"]
    check(io.read_folder(cell_gef.parent, bin_size=50), by_bin(MOLECULES, 50))


def test_cells_make_no_bins(cell_gef):
    with pytest.raises(ValueError, match="holds cells, not bins"):
        io.read_folder(cell_gef, bin_size=50)


def test_cells_that_do_not_match_their_counts(cell_gef):
    with h5py.File(cell_gef, "a") as file:
        cells = file["cellBin/cell"][:]
        cells["geneCount"][0] += 1
        file["cellBin/cell"][...] = cells
    with pytest.raises(ValueError, match=r"cellbin\.gef.*cells do not match"):
        io.read_folder(cell_gef)


def test_real_gem(shared_data):
    path = shared_data / "formats/stereoseq_bin1.gem.gz"
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    data = io.read_folder(path)
    check(data, by_bin(table.rename(columns={"MIDCounts": "MIDCount"}), 50))
    check_centres(data, 50)
