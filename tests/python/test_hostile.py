"""Damaged inputs: what is read is right, or an error names the file; never anything else.

``SMART_HOSTILE=10`` makes ten times as many of them. A number of failure is a seed: the same test
with that number alone makes the same damage.
"""

import bz2
import gzip
import lzma
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from helpers.io import write_mtx, write_tenx
from smartcore import io

TIMES = int(os.environ.get("SMART_HOSTILE", "1"))
REFUSALS = (ValueError, OSError, KeyError, TypeError)
Truth = dict[str, tuple[float, ...]]
"""Name of a spot → its values."""

pytestmark = pytest.mark.usefixtures("no_pulling")


def refused(path: Path, read: Callable[[], object]) -> tuple[object, bool]:
    """What was read, and whether it was refused, as it should be: naming the file."""
    before = contents(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, gave_up, said = read(), False, ""
    except REFUSALS as err:
        found, gave_up, said = None, True, str(err)
    assert not gave_up or path.name in said, f"the file is not named: {said}"
    assert contents(path) == before, "the input was changed"
    return found, gave_up


def contents(path: Path) -> list[bytes]:
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return [file.read_bytes() for file in files]


def cut(path: Path, rng: np.random.Generator) -> None:
    """Let the file end too early."""
    content = path.read_bytes()
    path.write_bytes(content[: int(rng.integers(0, len(content)))])


# Tables --------------------------------------------------------------------------------------

AXES = {
    "xenium": ("cell_id", "x_centroid", "y_centroid"),
    "merscope": ("EntityID", "center_x", "center_y"),
    "cosmx": ("cell", "CenterX_global_px", "CenterY_global_px"),
    "slide-seq": ("barcodes", "xcoord", "ycoord"),
    "seurat": ("cell", "x", "y"),
    "own": ("spot", "X", "Y"),
}
GARBLED = ("", "NA", "nan", "inf", "1,5", "x", "1_000", "0x1F", "--1", "1e", "None", "١")
SEPARATORS = (",", ";", "\t", "|", " ")
PACKERS = (bytes, gzip.compress, bz2.compress, lzma.compress)


class Table:
    """A table of coordinates and what it says of each spot; ``None``: it must be refused."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.names, self.x, self.y = AXES[rng.choice(list(AXES))]
        n = int(rng.integers(4, 12))
        places = np.round(rng.normal(0, 100, (n, 2)), 3)
        spots = [f"{rng.choice(['AAC', '00', 'c_'])}{i}-1" for i in range(n)]
        cells = {self.names: spots, self.x: places[:, 0], self.y: places[:, 1]}
        self.frame = pd.DataFrame(cells).astype(str)
        self.truth: Truth | None = dict(zip(spots, map(tuple, places), strict=True))
        for i in range(int(rng.integers(0, 3))):
            self.frame.insert(0 if rng.random() < 0.3 else 1, f"n_{i}", str(rng.integers(9)))
        self.separator = str(rng.choice(SEPARATORS))
        self.packer = PACKERS[rng.integers(len(PACKERS))]
        self.newline, self.quoting = str(rng.choice(["\n", "\r\n"])), int(rng.choice([0, 1]))
        self.encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16"]))

    def any_row(self) -> int:
        return int(self.rng.integers(len(self.frame)))

    def move_columns(self) -> None:
        # The name column is known by its name.
        self.frame = self.frame[list(self.rng.permutation(self.frame.columns))]

    def shuffle_rows(self) -> None:
        self.frame = self.frame.iloc[self.rng.permutation(len(self.frame))]

    def edit_a_name(self) -> None:
        row = self.any_row()
        old = self.frame.iloc[row][self.names]
        new = str(self.rng.choice(["NA", "007", "null", "1.0", "nan", f"{old}b", " x", "ä;,|b"]))
        if self.truth is not None and old in self.truth and new not in self.truth:
            self.truth[new] = self.truth.pop(old)
            self.frame.iloc[row, self.frame.columns.get_loc(self.names)] = new
            self.quoting = 1

    def repeat_a_name(self) -> None:
        self.frame = pd.concat([self.frame, self.frame.iloc[[self.any_row()]]])
        self.truth = None

    def garble_a_number(self) -> None:
        column = str(self.rng.choice([c for c in self.frame if c != self.names]))
        cell = str(self.rng.choice(GARBLED))
        self.frame.iloc[self.any_row(), self.frame.columns.get_loc(column)] = cell
        self.quoting = 1
        if column in (self.x, self.y):
            self.truth = None

    def drop_a_coordinate(self) -> None:
        self.frame = self.frame.drop(columns=str(self.rng.choice([self.x, self.y])))
        self.truth = None

    def rename_a_coordinate(self) -> None:
        column = str(self.rng.choice([self.x, self.y]))
        if column in self.frame:
            self.frame = self.frame.rename(columns={column: "volume"})
            self.truth = None

    def add_a_column(self) -> None:
        at = int(self.rng.integers(len(self.frame.columns) + 1))
        name = (
            f"{self.rng.choice(['area', 'n_counts', 'z_score', 'fov'])}_{len(self.frame.columns)}"
        )
        self.frame.insert(at, name, self.rng.integers(0, 999, len(self.frame)).astype(str))

    DAMAGES = (
        *(move_columns, shuffle_rows, edit_a_name, repeat_a_name, garble_a_number),
        *(drop_a_coordinate, rename_a_coordinate, add_a_column, move_columns, shuffle_rows),
    )

    def write(self, path: Path) -> bytes:
        text = self.frame.to_csv(
            index=False,
            sep=self.separator,
            quoting=self.quoting,
            lineterminator=self.newline,
        )
        content = self.packer(text.encode(self.encoding))
        path.write_bytes(content)
        return content


@pytest.mark.parametrize("chunk", range(12))
def test_tables(tmp_path, chunk):
    path = tmp_path / "places_of_spots"
    n_read = 0
    for i in range(100 * TIMES):
        table = Table(np.random.default_rng([1, chunk, i]))
        for damage in table.rng.choice(Table.DAMAGES, int(table.rng.integers(0, 4))):
            if table.truth is not None:
                damage(table)
        content = table.write(path)
        is_cut = table.rng.random() < 0.2
        if is_cut:
            path.write_bytes(content[: int(table.rng.integers(1, len(content)))])
        found, gave_up = refused(path, lambda: io.read_coordinates(path))
        if gave_up or (is_cut and table.truth is None):  # the fault may have been cut off
            continue
        seed = (chunk, i)
        assert table.truth is not None, f"{seed}: it should have been refused"
        assert list(found.columns) == ["x", "y"], seed
        read = {
            name: tuple(place) for name, place in zip(found.index, found.to_numpy(), strict=True)
        }
        if is_cut:
            # What stands in a file that ends within its last line stands there.
            read = dict(list(read.items())[:-1])
            assert read.items() <= table.truth.items(), seed
        else:
            assert read == table.truth, seed
            n_read += 1
    assert n_read > 20 * TIMES


# HDF5 ----------------------------------------------------------------------------------------


def small(rng: np.random.Generator) -> ad.AnnData:
    n, p = int(rng.integers(5, 10)), int(rng.integers(3, 6))
    x = rng.poisson(2, (n, p)).astype(rng.choice(["float32", "float64", "int32", "int64"]))
    matrix = (np.asarray, sp.csr_matrix, sp.csc_matrix)[rng.integers(3)](x)
    return ad.AnnData(
        matrix,
        obs=pd.DataFrame(
            {"kind": pd.Categorical(rng.choice(list("ab"), n))}, [f"s{i}" for i in range(n)]
        ),
        var=pd.DataFrame(index=[f"g{i}" for i in range(p)]),
        obsm={"spatial": rng.normal(size=(n, 2))},
    )


def truth_of(adata: ad.AnnData) -> dict[tuple[str, str], float]:
    x = adata.X.toarray() if sp.issparse(adata.X) else np.asarray(adata.X)
    values = {
        (s, g): float(v)
        for s, row in zip(adata.obs_names, x, strict=True)
        for g, v in zip(adata.var_names, row, strict=True)
    }
    places = adata.obsm.get("spatial")
    if places is not None:
        for s, place in zip(adata.obs_names, np.asarray(places), strict=True):
            values |= {(s, f"axis {i}"): float(v) for i, v in enumerate(place)}
    return values


def everything(group: h5py.Group) -> list[str]:
    names: list[str] = []
    group.visit(names.append)
    return names


def remove_something(group: h5py.Group, rng: np.random.Generator) -> bool:
    del group[str(rng.choice(everything(group)))]
    return False


def shorten(group: h5py.Group, rng: np.random.Generator) -> bool:
    names = [n for n in everything(group) if isinstance(group[n], h5py.Dataset) and group[n].shape]
    name = str(rng.choice(names))
    attrs, values = dict(group[name].attrs), group[name][:]
    if len(values) < 2:
        return False
    del group[name]
    group[name] = values[:-1]
    group[name].attrs.update(attrs)
    # Fewer categories, or values of uns: what is left may still be whole.
    return False


def point_elsewhere(group: h5py.Group, rng: np.random.Generator) -> bool:
    if "X" not in group or not isinstance(group["X"], h5py.Group):
        return False
    part = group["X"][str(rng.choice(["indices", "indptr"]))]
    values = part[:]
    if not len(values):
        return False
    values[rng.integers(len(values))] = rng.choice([-1, 10**6, -(10**6)])
    part[:] = values
    return True


def lie_about_the_shape(group: h5py.Group, rng: np.random.Generator) -> bool:
    if "shape" not in group["X"].attrs:
        return False
    shape = group["X"].attrs["shape"]
    shape[rng.integers(2)] += rng.choice([-1, 1])
    group["X"].attrs["shape"] = shape
    return True


def repeat_a_spot(group: h5py.Group, rng: np.random.Generator) -> bool:
    index = group["obs"][group["obs"].attrs["_index"]]
    index[1] = index[0]
    return True


DAMAGES = (remove_something, shorten, point_elsewhere, lie_about_the_shape, repeat_a_spot)


def check_hdf5(adata: ad.AnnData | None, truth: dict, must_fail: bool, seed: object) -> None:
    assert not must_fail, f"{seed}: it should have been refused"
    assert adata is not None
    found = truth_of(adata) if adata.X is not None else {}
    assert found.items() <= truth.items(), seed


@pytest.mark.parametrize("chunk", range(8))
def test_h5ad(tmp_path, chunk):
    path = tmp_path / "counts_of_spots.h5ad"
    n_read = 0
    for i in range(50 * TIMES):
        rng = np.random.default_rng([2, chunk, i])
        adata = small(rng)
        truth, must_fail = truth_of(adata), False
        if rng.random() < 0.3:
            adata = adata[rng.permutation(adata.n_obs), rng.permutation(adata.n_vars)].copy()
        adata.write_h5ad(path, compression=rng.choice([None, "gzip"]))
        what = rng.random()
        if what < 0.6:
            with h5py.File(path, "r+") as file:
                must_fail = DAMAGES[rng.integers(len(DAMAGES))](file, rng)
        elif what < 0.8:
            cut(path, rng)
            must_fail = True
        found, gave_up = refused(path, lambda: io.read_modality(path, "rna"))
        if not gave_up:
            check_hdf5(found, truth, must_fail, (chunk, i))
            n_read += 1
    assert n_read > 5 * TIMES


def computed(lazy: ad.AnnData) -> ad.AnnData:
    """What was read in blocks, in memory; an error of the blocks is one of the reading."""
    from smartcore.pp._matrix import as_csr

    x = lazy.X
    if x is not None:
        x = x.map_blocks(as_csr, dtype=np.float32, meta=sp.csr_matrix((0, 0)))
        x = sp.csr_matrix(x.compute(scheduler="sync"))
    return ad.AnnData(x, obs=lazy.obs, var=lazy.var, obsm=dict(lazy.obsm))


@pytest.mark.parametrize("chunk", range(4))
def test_h5ad_in_blocks(tmp_path, chunk):
    pytest.importorskip("dask")
    path = tmp_path / "counts_of_spots.h5ad"
    n_read = 0
    for i in range(15 * TIMES):
        rng = np.random.default_rng([7, chunk, i])
        adata = small(rng)
        truth = truth_of(adata)
        adata.write_h5ad(path)
        what, must_fail = rng.random(), False
        if what < 0.6:
            with h5py.File(path, "r+") as file:
                DAMAGES[rng.integers(3)](file, rng)
        elif what < 0.7:
            cut(path, rng)
            must_fail = True
        lazy, gave_up = refused(path, lambda: io.read_lazily(path))
        if gave_up:
            continue
        try:
            found = computed(lazy)
        except (*REFUSALS, RuntimeError, IndexError):
            continue  # a block that could not be read
        check_hdf5(found, truth, must_fail, (chunk, i))
        n_read += 1
    assert n_read > 0


META = (".zarray", ".zgroup", "zarr.json")


@pytest.mark.parametrize("chunk", range(4))
def test_zarr(tmp_path, chunk):
    pytest.importorskip("zarr")
    n_read = 0
    for i in range(10 * TIMES):
        rng = np.random.default_rng([8, chunk, i])
        adata = small(rng)
        truth = truth_of(adata)
        store = tmp_path / f"counts_{i}.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adata.write_zarr(store)
        # Chunks have no checksums, and a lost one counts as zeros: their bytes are not touched.
        if rng.random() < 0.5:
            lost = sorted(path.parent for path in store.rglob("*") if path.name in META)
            shutil.rmtree(lost[rng.integers(1, len(lost))])
        found, gave_up = refused(store, lambda: io.read_modality(store, "rna"))  # noqa: B023
        if not gave_up:
            check_hdf5(found, truth, must_fail=False, seed=(chunk, i))
            n_read += 1
    assert n_read > 0


@pytest.mark.parametrize("chunk", range(4))
def test_h5mu(tmp_path, chunk):
    path = tmp_path / "section_of_tissue.h5mu"
    for i in range(30 * TIMES):
        rng = np.random.default_rng([3, chunk, i])
        adata = small(rng)
        truth, must_fail = truth_of(adata), False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mudata.MuData({"rna": adata}).write_h5mu(path)
        what = rng.random()
        if what < 0.6:
            with h5py.File(path, "r+") as file:
                must_fail = DAMAGES[rng.integers(3)](file["mod/rna"], rng)
        elif what < 0.8:
            cut(path, rng)
            must_fail = True
        found, gave_up = refused(path, lambda: io.read_mudata(path))
        if not gave_up:
            check_hdf5(found.mod.get("rna"), truth, must_fail, (chunk, i))


# Files of 10x --------------------------------------------------------------------------------


def tenx_truth(counts: np.ndarray) -> set[tuple[float, ...]]:
    """Rows of the three genes, whatever the spots are called."""
    return {tuple(row) for row in counts[:, :3].astype(float)}


@pytest.mark.parametrize("chunk", range(4))
def test_tenx_h5(tmp_path, chunk):
    path = tmp_path / "filtered_feature_bc_matrix.h5"
    for i in range(60 * TIMES):
        rng = np.random.default_rng([4, chunk, i])
        counts = rng.poisson(2, (5, 6))
        write_tenx(path, counts)
        what, must_fail = rng.random(), False
        if what < 0.5:
            with h5py.File(path, "r+") as file:
                group = file["matrix"]
                damage = rng.integers(4)
                if damage == 0:
                    del group[str(rng.choice(everything(group)))]
                elif damage == 1:
                    values = group["indices"][:]
                    values[rng.integers(len(values))] = rng.choice([-1, 10**6])
                    group["indices"][:] = values
                    must_fail = True
                elif damage == 2:
                    group["barcodes"][1] = group["barcodes"][0]
                    must_fail = True
                else:
                    types = group["features/feature_type"]
                    types[rng.integers(3)] = b"Something"
                    must_fail = True
        elif what < 0.75:
            cut(path, rng)
            must_fail = True
        found, gave_up = refused(path, lambda: io.read_modality(path, "rna"))
        if not gave_up:
            assert not must_fail, (chunk, i)
            rows = found.X.toarray() if sp.issparse(found.X) else found.X
            # Without types all features are of the kind that was asked for.
            assert {tuple(row[:3]) for row in rows.astype(float)} <= tenx_truth(counts), (chunk, i)


@pytest.mark.parametrize("chunk", range(4))
def test_matrix_folders(tmp_path, chunk):
    for i in range(40 * TIMES):
        rng = np.random.default_rng([5, chunk, i])
        counts = rng.poisson(2, (5, 6))
        folder = write_mtx(tmp_path / f"matrix_{i}", counts)
        must_fail = False
        file = folder / str(rng.choice(["matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz"]))
        content, what = file.read_bytes(), rng.random()
        if what < 0.3:
            file.write_bytes(content[: int(rng.integers(0, len(content)))])
            must_fail = True
        elif what < 0.6:
            lines = gzip.decompress(content).decode().splitlines(keepends=True)
            lines.pop(int(rng.integers(3 if "matrix" in file.name else 0, len(lines))))
            file.write_bytes(gzip.compress("".join(lines).encode()))
            must_fail = True
        elif what < 0.8:
            # Unzipped, and with the sample's name in front.
            for one in list(folder.iterdir()):
                target = folder / f"GSM1_{one.name.removesuffix('.gz')}"
                target.write_bytes(gzip.decompress(one.read_bytes()))
                one.unlink()
        found, gave_up = refused(folder, lambda: io.read_modality(folder, "rna"))  # noqa: B023
        if not gave_up:
            assert not must_fail, (chunk, i, file.name)
            rows = {tuple(row) for row in found.X.toarray().astype(float)}
            assert rows == tenx_truth(counts), (chunk, i)


POSITION_COLUMNS = ["barcode", "in_tissue", "array_row", "array_col"]


@pytest.mark.parametrize("chunk", range(4))
def test_outs_folders(tmp_path, chunk):
    barcodes = ["AAAC-1", "AAAG-1", "AACT-1", "AAGT-1", "ACGT-1"]
    for i in range(40 * TIMES):
        rng = np.random.default_rng([6, chunk, i])
        outs = tmp_path / f"outs_{i}"
        (outs / "spatial").mkdir(parents=True)
        write_tenx(outs / "filtered_feature_bc_matrix.h5", rng.poisson(2, (5, 6)))
        table = pd.DataFrame(
            {
                "barcode": barcodes,
                "in_tissue": rng.integers(0, 2, 5),
                "array_row": range(5),
                "array_col": range(5),
                "pxl_row_in_fullres": rng.integers(0, 900, 5),
                "pxl_col_in_fullres": rng.integers(0, 900, 5),
            }
        )
        truth = {
            row.barcode: (row.pxl_col_in_fullres, row.pxl_row_in_fullres)
            for row in table.itertuples()
            if row.in_tissue
        }
        header, what = rng.random() < 0.5, rng.integers(5)
        must_fail = not truth
        if what == 0:
            table = table.iloc[rng.permutation(5)]
        elif what == 1 and header:
            table = table[list(rng.permutation(table.columns))]
        elif what == 2:
            table = table.astype(object)
            table.iloc[rng.integers(5), rng.integers(1, 6)] = rng.choice(["", "NA", "x"])
            must_fail = True
        elif what == 3:
            table = pd.concat([table, table.iloc[[0]]])
            must_fail = True
        elif what == 4:
            table = table.drop(columns=str(rng.choice(table.columns[1:])))
            must_fail = True
        name = "tissue_positions.csv" if header else "tissue_positions_list.csv"
        table.to_csv(outs / "spatial" / name, header=header, index=False)
        found, gave_up = refused(outs, lambda: io.read_modality(outs, "rna"))  # noqa: B023
        if not gave_up:
            assert not must_fail, (chunk, i)
            places = zip(found.obs_names, map(tuple, found.obsm["spatial"]), strict=True)
            assert dict(places) == truth, (chunk, i)
