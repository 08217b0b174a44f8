"""Space Ranger's outs folders."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from matplotlib.image import imsave

from helpers.io import BARCODES, make_outs, positions, write_mtx, write_tenx
from smartcore import io

pytestmark = pytest.mark.usefixtures("no_pulling")


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


def test_outs_with_spots_without_position_is_refused(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    positions().iloc[:5].to_csv(outs / "spatial/tissue_positions.csv", index=False)
    message = r"1 of the 5 barcodes .* no position in .*tissue_positions\.csv \(first: 'AAAC-1'\)"
    with pytest.raises(ValueError, match=message):
        io.read_modality(outs, "protein")


def test_folder_that_is_not_outs(tmp_path, counts):
    with pytest.raises(
        ValueError, match=r"not recognised .* holds nothing\. Looked for:\n  Visium:"
    ):
        io.read_modality(tmp_path)
    outs = make_outs(tmp_path / "run/outs", counts)
    inside, direct = (io.read_modality(path, "protein") for path in (tmp_path / "run", outs))
    assert np.array_equal(inside.obsm["spatial"], direct.obsm["spatial"])


def test_outs_without_positions_or_with_other_columns(tmp_path, counts):
    outs = make_outs(tmp_path / "outs", counts)
    table = outs / "spatial/tissue_positions.csv"
    positions().drop(columns="array_row").to_csv(table, index=False)
    with pytest.raises(ValueError, match=r"tissue_positions\.csv.*columns missing: array_row"):
        io.read_modality(outs, "protein")
    table.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"has no positions .* spatial/tissue_positions\.csv or"
    ):
        io.read_modality(outs, "protein")


def test_images_agree_with_scanpy(shared_data):
    outs = shared_data / "seurat_visium/visium_outs"
    ours = io.read_modality(outs, "rna", images=True).uns["spatial"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sc.read_visium(outs, library_id="visium_outs").uns["spatial"]
    assert list(ours) == list(theirs)
    (one,), (other,) = ours.values(), theirs.values()
    assert one["scalefactors"] == other["scalefactors"]
    assert set(one["images"]) == set(other["images"])
    for name, image in one["images"].items():
        assert image.dtype == np.uint8
        pixels, opacity = np.split(other["images"][name], [3], axis=2)
        assert np.array_equal(image, np.rint((pixels * opacity + 1 - opacity) * 255))


@pytest.mark.filterwarnings("ignore:.*occur more than once")
def test_images_of_outs(tmp_path, counts):
    outs = make_outs(tmp_path / "sample/outs", counts)
    lowres = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    factors = {"tissue_lowres_scalef": 0.05, "spot_diameter_fullres": 80}
    imsave(outs / "spatial/tissue_lowres_image.png", lowres)
    with pytest.raises(FileNotFoundError, match=r"but no scalefactors_json\.json"):
        io.read_modality(outs, "protein", images=True)
    path = outs / "spatial/scalefactors_json.json"
    path.write_text(json.dumps(factors))
    (library,) = (kept := io.read_modality(outs, "protein", images=True).uns["spatial"])
    assert library == "sample"
    assert kept[library]["scalefactors"] == factors
    assert list(kept[library]["images"]) == ["lowres"]
    assert np.array_equal(kept[library]["images"]["lowres"], lowres)
    assert "spatial" not in io.read_modality(outs, "protein").uns
    for images in (False, True):
        about = io.read_folder(outs, images=images).uns["smart_folder"]
        assert any("images in spatial/" in told for told in about["left_out"]) is not images
    both = io.read_modalities(outs, images=True)
    assert both["protein"].uns["spatial"] is both["chromatin"].uns["spatial"]

    path.write_text('{"tissue_hires_scalef": 1}')
    with pytest.raises(ValueError, match=r"scalefactors_json.*lacks tissue_lowres_scalef"):
        io.read_modality(outs, "protein", images=True)
    path.write_text('{"tissue_lowres_scalef": 0}')
    with pytest.raises(ValueError, match="tissue_lowres_scalef must be a positive number"):
        io.read_modality(outs, "protein", images=True)
    path.write_text("{")
    with pytest.raises(ValueError, match=r"scalefactors_json\.json could not be read"):
        io.read_modality(outs, "protein", images=True)
    path.write_text(json.dumps(factors))
    (outs / "spatial/tissue_lowres_image.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"tissue_lowres_image\.png could not be read"):
        io.read_modality(outs, "protein", images=True)
    (outs / "spatial/tissue_lowres_image.png").unlink()
    assert "spatial" not in io.read_modality(outs, "protein", images=True).uns
