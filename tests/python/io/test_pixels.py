"""Coordinates and the pixels of the image: which unit is known, and how images lie under spots."""

import json
import shutil

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imsave

from smartcore import io, pl, pp
from smartcore.cli import main
from smartcore.io._pixels import in_pixels

pytestmark = pytest.mark.usefixtures("no_pulling")

PLACE = ["pxl_col_in_fullres", "pxl_row_in_fullres"]


@pytest.fixture(scope="module")
def hd(shared_data, tmp_path_factory):
    """Bins of 8 µm whose image is a gradient, and their positions."""
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("hd") / "square_008um"
    shutil.copytree(shared_data / "formats/visium_hd/binned_outputs/square_008um", folder)
    positions = pd.read_parquet(folder / "spatial/tissue_positions.parquet").set_index("barcode")
    scale = json.loads((folder / "spatial/scalefactors_json.json").read_text())
    width, height = np.ceil((positions[PLACE].max() + 200) * scale["tissue_hires_scalef"]).astype(
        int
    )
    ramp = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 1))
    image = np.concatenate([ramp, 1 - ramp, np.zeros_like(ramp)], axis=2)
    imsave(folder / "spatial/tissue_hires_image.png", image)
    return folder, positions, scale, image


def with_halves(data):
    """Domains: left and right of the middle."""
    x = np.asarray(data.obsm["spatial"])[:, 0]
    data.obs["smart"] = pd.Categorical(np.where(x < np.median(x), "left", "right"))
    return data


def bounds(path):
    """Least and greatest x and y of all outlines."""
    import shapely

    features = json.loads(path.read_text())["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    return np.array(shapely.total_bounds(shapes))


def test_bins_in_micrometres_are_written_in_pixels(hd, tmp_path):
    pytest.importorskip("shapely")
    folder, positions, scale, _ = hd
    data = with_halves(io.read_folder(folder))
    path = tmp_path / "domains.geojson"
    io.export(data, "qupath", path)
    places = positions.loc[data.obs_names, PLACE].to_numpy(float)
    width = 8 / scale["microns_per_pixel"]
    found = bounds(path)
    assert np.all(found[:2] <= places.min(axis=0))
    assert np.all(found[2:] >= places.max(axis=0))
    reach = np.abs(found - np.concatenate([places.min(axis=0), places.max(axis=0)]))
    assert reach.max() < 40 * width  # bins that have no neighbour reach farther than half a bin

    middle = float(np.median(places[:, 0]))
    box = [[-1e6, -1e6], [middle, -1e6], [middle, 1e6], [-1e6, 1e6], [-1e6, -1e6]]
    region = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [box]},
        "properties": {"classification": {"name": "left"}},
    }
    path.write_text(json.dumps(region))
    labels = io.read_regions(path, data)
    assert np.array_equal(labels.notna(), places[:, 0] <= middle)


def test_the_image_lies_under_bins_in_micrometres(hd, tmp_path):
    folder, positions, scale, image = hd
    data = io.read_folder(folder, images=True)
    adata = data["rna"]
    places = positions.loc[adata.obs_names, PLACE].to_numpy(float)
    at = (places * scale["tissue_hires_scalef"]).astype(int)
    expected = image[at[:, 1], at[:, 0], 0]
    kept = pp.image_colors(adata)[:, "red mean"].X.ravel()
    np.testing.assert_allclose(kept, expected, atol=0.02)
    given = io.read_image(folder)
    colors = pp.image_colors(adata, given.pixels, scale=given.scale, radius=given.spot_diameter / 2)
    np.testing.assert_allclose(colors[:, "red mean"].X.ravel(), kept, atol=1e-6)
    out = tmp_path / "out.h5mu"
    args = ["run", str(folder), "--image-colors", "-k", "3", "--no-figures", "-q", "-o", str(out)]
    assert main(args) == 0
    found = io.read_mudata(out)["image"]
    np.testing.assert_allclose(found[adata.obs_names, "red mean"].X.ravel(), kept, atol=1e-6)
    with_halves(data)
    ax = pl.spatial(data, image=True)
    (drawn,) = ax.get_images()
    left, right, bottom, top = drawn.get_extent()
    pixels = np.asarray(drawn.get_array())
    x, y = np.asarray(data.obsm["spatial"]).T
    columns = ((x - left) / (right - left) * pixels.shape[1]).astype(int)
    rows = ((y - top) / (bottom - top) * pixels.shape[0]).astype(int)
    red = pixels[rows, columns, 0] / (255 if pixels.dtype == np.uint8 else 1)
    np.testing.assert_allclose(red, expected, atol=0.02)


def test_other_coordinates_are_of_an_unknown_unit(shared_data, tmp_path, capsys):
    folder = shared_data / "seurat_visium/visium_outs"
    adata = io.read_modality(folder, "rna")
    assert adata.uns["smart_folder"]["pixel_size"] == 1
    table = pd.DataFrame(adata.obsm["spatial"] * 0.27, index=adata.obs_names, columns=["x", "y"])
    other = with_halves(io.add_coordinates(adata, table))
    with pytest.raises(ValueError, match="nothing tells the unit of these coordinates"):
        io.export(other, "qupath", tmp_path / "domains.geojson")
    assert not list(tmp_path.iterdir())
    assert other.uns["smart_folder"]["machine"] == "Visium"
    places = tmp_path / "um.csv"
    table.to_csv(places)
    args = ["run", str(folder), "--coords", str(places), "--image-colors", "-k", "3"]
    assert main([*args, "-o", str(tmp_path / "out.h5mu")]) == 2
    assert "nothing tells how the image lies under the coordinates" in capsys.readouterr().err


def test_spots_that_scanpy_has_read_are_in_pixels():
    spots = ad.AnnData(np.ones((2, 1)))
    spots.obs["array_row"] = spots.obs["array_col"] = [0, 1]
    spots.obsm["spatial"] = np.array([[5.0, 6], [7, 8]])
    table = in_pixels(spots.obsm["spatial"], None, spots)
    np.testing.assert_array_equal(table, spots.obsm["spatial"])
