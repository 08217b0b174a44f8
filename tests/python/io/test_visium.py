"""Folders of Visium and Visium HD, against scanpy, pandas and h5py."""

import json
import logging
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from helpers.io import BARCODES, make_outs, positions, truncate, write_mtx
from helpers.machines import MICRONS_PER_PIXEL, make_aggr, make_hd, rename, write_cells
from smartcore import io
from smartcore.io.machines._polygons import centroids

pytestmark = [
    pytest.mark.usefixtures("no_pulling"),
    pytest.mark.filterwarnings("ignore:.*occur more than once"),
]

PIXEL = ["pxl_col_in_fullres", "pxl_row_in_fullres"]


def by_hand(path):
    """Spots × features of a 10x HDF5 matrix, with the names of the spots."""
    with h5py.File(path) as file:
        group = file["matrix"]
        parts = (group["data"][:], group["indices"][:], group["indptr"][:])
        matrix = sp.csc_matrix(parts, shape=group["shape"][:]).T
        return matrix.toarray(), [name.decode() for name in group["barcodes"][:]]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_visium_agrees_with_scanpy(shared_data):
    outs = shared_data / "seurat_visium/visium_outs"
    found, oracle = io.read_folder(outs), sc.read_visium(outs, library_id="a")
    rna = found["rna"]
    assert list(rna.obs_names) == list(oracle.obs_names)
    assert list(rna.var_names) == list(oracle.var_names)
    assert (rna.X != oracle.X).nnz == 0
    for holder in (found, rna):
        assert np.array_equal(holder.obsm["spatial"], oracle.obsm["spatial"])
        assert holder.uns["smart_folder"]["machine"] == "Visium"
        assert holder.uns["smart_folder"]["unit"] == "full-resolution pixel"


@pytest.mark.filterwarnings("ignore:1 of 50 spots")
@pytest.mark.parametrize("section", ["section1", "section2"])
def test_visium_of_spatial_experiment(shared_data, section):
    folder = shared_data / "formats/visium_two_sections" / section
    rna = io.read_folder(folder)["rna"]
    table = pd.read_csv(folder / "outs/spatial/tissue_positions_list.csv", header=None, index_col=0)
    barcodes = (folder / "outs/raw_feature_bc_matrix/barcodes.tsv").read_text().split()
    inside = [name for name in barcodes if name in table.index and table.loc[name, 1] == 1]
    assert list(rna.obs_names) == inside
    assert np.array_equal(rna.obsm["spatial"], table.loc[inside, [5, 4]].to_numpy())


def test_visium_has_the_modalities_of_its_feature_types(tmp_path, counts):
    found = io.read_folder(make_outs(tmp_path / "outs", counts))
    inside = [0, 1, 3, 4]
    assert list(found.mod) == ["rna", "protein", "chromatin"]
    for name, columns in {"rna": [0, 1, 2], "protein": [3, 4], "chromatin": [5]}.items():
        assert np.array_equal(found[name].X.toarray(), counts[inside][:, columns])
    table = positions().set_index("barcode").loc[found.obs_names]
    assert np.array_equal(found.obsm["spatial"], table[PIXEL])
    everything = io.read_folder(tmp_path / "outs", in_tissue=False, spatial_key="places")
    assert list(everything.obs_names) == BARCODES
    assert "spatial" not in everything["rna"].obsm
    assert everything["protein"].obsm["places"].shape == (5, 2)


def test_visium_says_what_it_leaves_out(tmp_path, counts, caplog):
    outs = make_outs(tmp_path / "outs", counts)
    write_mtx(outs / "raw_feature_bc_matrix", counts)
    (outs / "spatial/tissue_hires_image.png").write_bytes(b"")
    (outs / "analysis").mkdir()
    rename(outs / "filtered_feature_bc_matrix.h5", BARCODES, software_version="spaceranger-2.0.1")
    with caplog.at_level(logging.INFO, logger="smartcore"):
        kept = io.read_folder(outs).uns["smart_folder"]
    assert kept["version"] == "Space Ranger 2.0.1"
    told = "\n".join(kept["left_out"])
    for part in ("raw_feature_bc_matrix/, because", "images in spatial/", "analysis/"):
        assert part in told
    assert "1 of 5 spots of rna, which lie outside the tissue" in told
    assert "Visium (Space Ranger 2.0.1): rna (4 × 3)" in caplog.text
    assert all(sentence in caplog.text for sentence in kept["left_out"])


def test_types_that_are_no_modality_are_said(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    with h5py.File(outs / "filtered_feature_bc_matrix.h5", "a") as file:
        types = file["matrix/features/feature_type"][:]
        types[5] = b"Custom"
        file["matrix/features/feature_type"][:] = types
    found = io.read_folder(outs)
    assert list(found.mod) == ["rna", "protein"]
    assert "1 features of the type 'Custom'" in found.uns["smart_folder"]["left_out"][0]


@pytest.mark.parametrize("header", [True, False])
def test_joined_sections(tmp_path, counts, header):
    folder = make_aggr(tmp_path / "outs", counts, header=header)
    found = io.read_folder(folder)
    _, barcodes = by_hand(folder / "filtered_feature_bc_matrix.h5")
    assert list(found.obs_names) == barcodes
    assert list(found["rna"].obs["section"]) == ["old", "old", "young", "young", "young"]
    assert found.uns["smart_folder"]["section_key"] == "section"
    places = positions()[PIXEL].iloc[:5].to_numpy()[::-1]
    assert np.array_equal(found.obsm["spatial"], places)


def test_joined_sections_that_do_not_fit_their_table(tmp_path, counts):
    folder = make_aggr(tmp_path / "outs", counts)
    table = folder / "aggregation.csv"
    table.write_text("library_id,molecule_h5\nold,a.h5\n")
    with pytest.raises(ValueError, match=r"aggregation\.csv has 1 sections, but 3 of 5 .*'AAAC-2'"):
        io.read_folder(folder)
    table.write_text("name,molecule_h5\nold,a.h5\n")
    with pytest.raises(ValueError, match=r"aggregation\.csv is not .*it has name, molecule_h5"):
        io.read_folder(folder)
    table.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"has no table of the joined sections: looked for \*aggregation"
    ):
        io.read_folder(folder)


def test_hd_reads_bins_of_eight_micrometres(tmp_path, counts):
    folder = make_hd(tmp_path / "outs", counts)
    found = io.read_folder(folder)
    matrix, barcodes = by_hand(folder / "binned_outputs/square_008um/filtered_feature_bc_matrix.h5")
    table = pd.read_parquet(folder / "binned_outputs/square_008um/spatial/tissue_positions.parquet")
    table = table.set_index("barcode").loc[barcodes]
    inside = (table["in_tissue"] == 1).to_numpy()
    assert list(found.obs_names) == [*table.index[inside]]
    assert np.array_equal(found["protein"].X.toarray(), matrix[inside][:, 3:5])
    assert np.allclose(found.obsm["spatial"], table[PIXEL][inside] * MICRONS_PER_PIXEL)
    kept = found.uns["smart_folder"]
    assert (kept["machine"], kept["unit"]) == ("Visium HD", "micrometre")
    told = "\n".join(kept["left_out"])
    assert "bins of 2 µm (bin=2 reads them; there are millions" in told
    assert "bins of 16 µm (bin=16 reads them)" in told
    assert "segmented cells (bin='cell'" in told


@pytest.mark.parametrize("size", [2, 16, "16", "016um"])
def test_hd_reads_the_bins_asked_for(tmp_path, counts, size):
    found = io.read_folder(make_hd(tmp_path / "outs", counts), bin=size)
    number = 2 if size == 2 else 16
    assert np.array_equal(found["protein"].X.toarray(), counts[[0, 1, 3, 4]][:, 3:5] + number)
    one = io.read_folder(tmp_path / f"outs/binned_outputs/square_{number:03d}um")
    assert np.array_equal(one["protein"].X.toarray(), found["protein"].X.toarray())
    assert one.uns["smart_folder"]["unit"] == "micrometre"


def test_hd_reads_segmented_cells(tmp_path, counts):
    folder = make_hd(tmp_path / "outs", counts)
    found = io.read_folder(folder, bin="cell")
    assert np.array_equal(found["protein"].X.toarray(), counts[:, 3:5])
    expected = np.array([[100 * i + 5, 12] for i in range(1, 6)]) * MICRONS_PER_PIXEL
    assert np.allclose(found.obsm["spatial"], expected)
    for place in (folder / "segmented_outputs", make_hd(tmp_path / "cells", counts, sizes=())):
        alone = io.read_folder(place)
        assert np.array_equal(alone.obsm["spatial"], found.obsm["spatial"])
    scales = folder / "segmented_outputs/spatial/scalefactors_json.json"
    scales.unlink()
    pixels = io.read_folder(folder, bin="cell")
    assert np.allclose(pixels.obsm["spatial"] * MICRONS_PER_PIXEL, expected)
    assert pixels.uns["smart_folder"]["unit"] == "full-resolution pixel"


def test_hd_refuses_what_is_not_there(tmp_path, counts):
    folder = make_hd(tmp_path / "outs", counts, sizes=(2, 16), cells=False)
    with pytest.raises(ValueError, match=r"no bins of 8 µm.* bin=2, bin=16; those under 8 µm are"):
        io.read_folder(folder)
    with pytest.raises(ValueError, match=r"has no bin=8; there are bin=2, bin=16"):
        io.read_folder(folder, bin=8)
    with pytest.raises(ValueError, match=r"bin='small' must be a size in micrometres"):
        io.read_folder(folder, bin="small")
    with pytest.raises(ValueError, match=r"colour: Visium HD has only the choices bin"):
        io.read_folder(folder, colour="red")
    with pytest.raises(ValueError, match=r"bin: Visium has no choices"):
        io.read_folder(make_outs(tmp_path / "visium", counts), bin=8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"features": [', r"cell_segmentations\.geojson could not be read"),
        ('{"features": [{"properties": {"cell_id": 1}, "geometry": {"type": "Point", '
         '"coordinates": [1, 2]}}]}', r"geojson could not be read .*outline 1 is a Point"),
        (None, r"4 of the 5 barcodes .* no position in .*geojson .*'cellid_000000002-1'"),
    ],
)  # fmt: skip
def test_hd_with_damaged_outlines(tmp_path, counts, content, message):
    folder = make_hd(tmp_path / "outs", counts, sizes=())
    path = folder / "segmented_outputs/cell_segmentations.geojson"
    if content is None:
        write_cells(path, [1])
    else:
        path.write_text(content)
    with pytest.raises(ValueError, match=message):
        io.read_folder(folder)


def test_hd_of_another_run_is_refused(shared_data):
    folder = shared_data / "formats/visium_hd"
    with pytest.raises(ValueError, match=r"2053 of the 2695 barcodes .*016um.*positions\.parquet"):
        io.read_folder(folder, bin=16)
    place = folder / "binned_outputs/square_008um"
    rna = io.read_folder(folder)["rna"]
    table = pd.read_parquet(place / "spatial/tissue_positions.parquet").set_index("barcode")
    oracle = sc.read_10x_h5(place / "filtered_feature_bc_matrix.h5")
    oracle = oracle[table["in_tissue"].loc[oracle.obs_names] == 1]
    assert list(rna.obs_names) == list(oracle.obs_names)
    assert (rna.X != oracle.X).nnz == 0
    scales = json.loads((place / "spatial/scalefactors_json.json").read_text())
    expected = table.loc[rna.obs_names, PIXEL] * scales["microns_per_pixel"]
    assert np.allclose(rna.obsm["spatial"], expected)


def test_damaged_files_are_named(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    matrix = outs / "filtered_feature_bc_matrix.h5"
    rename(matrix, BARCODES, version=3)
    with pytest.raises(ValueError, match=r"bc_matrix\.h5 .*its format is 3; formats up to 2"):
        io.read_folder(outs)
    truncate(matrix)
    with pytest.raises(ValueError, match=r"filtered_feature_bc_matrix\.h5 could not be read"):
        io.read_folder(outs)
    matrix.unlink()
    with pytest.raises(FileNotFoundError, match=r"outs holds no matrix: looked for filtered_feat"):
        io.read_folder(outs)
    hd = make_hd(tmp_path / "hd", counts, sizes=(8,), cells=False)
    place = hd / "binned_outputs/square_008um"
    scales = place / "spatial/scalefactors_json.json"
    scales.write_text('{"microns_per_pixel": 0}')
    with pytest.raises(ValueError, match=r"scalefactors_json\.json .*microns_per_pixel is 0"):
        io.read_folder(hd)
    scales.unlink()
    truncate(place / "spatial/tissue_positions.parquet")
    with pytest.raises(ValueError, match=r"tissue_positions\.parquet could not be read"):
        io.read_folder(hd)
    shutil.rmtree(place / "spatial")
    with pytest.raises(FileNotFoundError, match=r"008um has no positions of the bins: looked for"):
        io.read_folder(hd)


def test_centres_of_outlines():
    rng = np.random.default_rng(0)
    angles = np.sort(rng.random(9)) * 2 * np.pi
    blob = np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(1, 3, (9, 1)) + 40_000
    # A fan of triangles, an independent way to the same area and centre.
    first, second, third = blob[0], blob[1:-1], blob[2:]
    areas = np.cross(second - first, third - first) / 2
    expected = ((first + second + third) / 3 * areas[:, None]).sum(0) / areas.sum()
    square, line = [[0, 0], [2, 0], [2, 2], [0, 2]], [[1, 1], [3, 5]]
    far = [[10, 0], [11, 0], [11, 1], [10, 1]]
    result = centroids(
        [
            {"type": "Polygon", "coordinates": [blob.tolist()]},
            {"type": "Polygon", "coordinates": [blob[::-1].tolist()]},
            {"type": "MultiPolygon", "coordinates": [[square], [far]]},
            {"type": "Polygon", "coordinates": [line]},
        ]
    )
    assert np.allclose(result[:2], expected, rtol=0, atol=1e-6)
    assert np.allclose(result[2], (4 * np.array([1, 1]) + np.array([10.5, 0.5])) / 5)
    assert np.allclose(result[3], [2, 3])


def test_joined_sections_are_told_apart_in_the_whole(tmp_path, counts):
    data = io.read_folder(make_aggr(tmp_path / "outs", counts))
    sections = {"1": "old", "2": "young"}
    expected = [sections[name.rpartition("-")[2]] for name in data.obs_names]
    assert data.obs["section"].tolist() == expected
    data.obs["smart"] = pd.Categorical(["a"] * data.n_obs)
    with pytest.raises(ValueError, match=r"obs\['section'\] tells 2 sections apart"):
        io.export(data, "loupe", tmp_path / "c.csv")


def test_sections_of_one_name_are_refused(tmp_path, counts):
    folder = make_aggr(tmp_path / "outs", counts)
    table = pd.read_csv(folder / "aggregation.csv").assign(library_id="twin")
    table.to_csv(folder / "aggregation.csv", index=False)
    with pytest.raises(ValueError, match=r"aggregation\.csv: two sections .* 'twin'"):
        io.read_folder(folder)
