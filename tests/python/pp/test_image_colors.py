"""Colours under spots, pixel by pixel, and stains by scikit-image and by construction."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from smartcore.pp._stains import stains

DENSITY = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])


def picture(height=40, width=60, seed=0):
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


def spots(n=25, width=60, height=40, seed=1):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 1, (n, 2)) * [width - 1, height - 1]
    return pd.DataFrame(xy, columns=["x", "y"], index=[f"spot{i}" for i in range(n)])


def pixel_by_pixel(image, xy, reach):
    """Mean and deviation of each channel within reach of each place."""
    rows = []
    for x, y in xy:
        near = [
            image[i, j]
            for i in range(image.shape[0])
            for j in range(image.shape[1])
            if (i - y) ** 2 + (j - x) ** 2 <= reach**2
        ]
        rows.append(np.stack([np.mean(near, axis=0), np.std(near, axis=0)], axis=1).ravel())
    return np.array(rows)


@pytest.mark.parametrize("reach", [1.0, 3.7, 9.0])
def test_colors_are_those_of_the_pixels_within_reach(reach):
    image, at = picture(), spots()
    found = sm.pp.image_colors(at, image, radius=reach, channels="rgb")
    expected = pixel_by_pixel(image / 255, at.to_numpy(), reach)
    np.testing.assert_allclose(found[:, :6].X, expected, atol=1e-6)
    assert list(found.var_names[:3]) == ["red mean", "red sd", "green mean"]
    assert list(found.obs_names) == list(at.index)
    np.testing.assert_array_equal(found.obsm["spatial"], at.to_numpy())


def test_roughness_is_the_difference_of_neighbouring_pixels():
    image, at = picture() / 255, spots(5)
    found = sm.pp.image_colors(at, image, radius=4)[:, "roughness"].X.ravel()
    grey = image.mean(axis=2)
    step = np.zeros((40, 60, 1))
    for i in range(40):
        for j in range(60):
            below = abs(grey[i + 1, j] - grey[i, j]) if i < 39 else 0
            right = abs(grey[i, j + 1] - grey[i, j]) if j < 59 else 0
            step[i, j] = (below + right) / 2
    np.testing.assert_allclose(found, pixel_by_pixel(step, at.to_numpy(), 4)[:, 0], atol=1e-6)


def test_stains_are_what_the_image_was_made_of():
    amounts = np.random.default_rng(0).uniform(0, 0.7, (40, 60, 3))
    image = 10 ** -(amounts @ DENSITY)  # Beer and Lambert
    at = spots()
    found = sm.pp.image_colors(at, image, radius=3, channels="stains")
    expected = pixel_by_pixel(amounts, at.to_numpy(), 3)
    np.testing.assert_allclose(found[:, :6].X, expected, atol=1e-5)
    assert list(found.var_names) == [
        *("haematoxylin mean", "haematoxylin sd", "eosin mean", "eosin sd"),
        *("residual mean", "residual sd", "roughness"),
    ]


def test_stains_are_those_of_scikit_image():
    color = pytest.importorskip("skimage.color")
    image = picture()
    # There the logarithm is to base 10^-6.
    np.testing.assert_allclose(stains(image / 255), 6 * color.rgb2hed(image), atol=1e-6)


def test_forms_of_an_image_are_alike():
    image, at = picture(), spots()
    found = sm.pp.image_colors(at, image, radius=3).X
    for form in (
        (image / 255).astype(np.float32),
        np.concatenate([image, np.full((40, 60, 1), 9, np.uint8)], axis=2),
        image.astype(np.uint16) * 257,
    ):
        np.testing.assert_allclose(sm.pp.image_colors(at, form, radius=3).X, found, atol=1e-5)


def test_scale_and_affine():
    image, at = picture(), spots()
    expected = sm.pp.image_colors(at, image, radius=4).X
    large = at * 20.0
    np.testing.assert_allclose(
        sm.pp.image_colors(large, image, scale=0.05, radius=80).X, expected, atol=1e-6
    )
    turned = pd.DataFrame({"x": 3 * at["y"] + 7, "y": 3 * at["x"] - 2})
    matrix = np.array([[0, 1 / 3, 2 / 3], [1 / 3, 0, -7 / 3], [0, 0, 1]])
    for affine in (matrix, matrix[:2]):
        found = sm.pp.image_colors(turned, image, scale=affine, radius=12)
        np.testing.assert_allclose(found.X, expected, atol=1e-5)


def test_many_spots_as_few(monkeypatch):
    image, at = picture(), spots(60)
    expected = sm.pp.image_colors(at, image, radius=3).X
    monkeypatch.setattr("smartcore.pp._image_colors._AT_ONCE", 500)
    np.testing.assert_array_equal(sm.pp.image_colors(at, image, radius=3).X, expected)


def as_scanpy_has_it(**factors):
    at = spots()
    adata = ad.AnnData(obs=pd.DataFrame(index=at.index), obsm={"spatial": at.to_numpy() / 0.1})
    adata.uns["spatial"] = {
        "V1": {
            "images": {"hires": picture() / 255, "lowres": picture()[::2, ::2] / 255},
            "scalefactors": {"tissue_hires_scalef": 0.1, "tissue_lowres_scalef": 0.05, **factors},
        }
    }
    return adata, at


def test_the_image_that_scanpy_keeps():
    adata, at = as_scanpy_has_it(spot_diameter_fullres=60.0)
    found = sm.pp.image_colors(adata)
    np.testing.assert_allclose(found.X, sm.pp.image_colors(at, picture(), radius=3).X, atol=1e-5)
    np.testing.assert_array_equal(found.obsm["spatial"], adata.obsm["spatial"])
    low = sm.pp.image_colors(adata[(at["x"] < 58) & (at["y"] < 38)], resolution="lowres")
    assert low.n_vars == found.n_vars


def test_the_radius_is_half_the_spacing_or_one_pixel(caplog):
    grid = pd.DataFrame(np.argwhere(np.ones((5, 5))) * 6.0 + 3)
    with caplog.at_level(logging.INFO, "smartcore"):
        found = sm.pp.image_colors(grid, picture())
    assert "Colours are those within 3 of a spot" in caplog.text
    np.testing.assert_array_equal(found.X, sm.pp.image_colors(grid, picture(), radius=3).X)
    with caplog.at_level(logging.INFO, "smartcore"):
        found = sm.pp.image_colors(grid, picture(), radius=0.1)
    assert "radius of 0.1 pixels of the image: 1 is used" in caplog.text
    np.testing.assert_array_equal(found.X, sm.pp.image_colors(grid, picture(), radius=1).X)


def test_bad_input_is_refused():
    image, at = picture(), spots()
    kept, _ = as_scanpy_has_it()
    two, _ = as_scanpy_has_it()
    two.uns["spatial"]["V2"] = {}
    bare, _ = as_scanpy_has_it()
    del bare.uns["spatial"]
    cases = [
        (at * 3, image, {}, ValueError, r"of 25 spots lie outside the image of 60 × 40 .*scale"),
        (at, np.moveaxis(image, 2, 0), {}, ValueError, "Channels come last"),
        (at, image[:, :, 0], {}, ValueError, r"shape \(height, width, 3\), not \(40, 60\)"),
        (at, image.astype(float), {}, ValueError, "from 0 to 1, not float64"),
        (at, image, {"scale": 0}, ValueError, "scale=0.0 must be a positive"),
        (at, image, {"scale": np.eye(2)}, ValueError, "affine matrix"),
        (at, image, {"scale": np.ones((2, 3))}, ValueError, "one line"),
        (at, image, {"radius": -1}, ValueError, "radius=-1 must be a positive"),
        (at, image, {"channels": "hsv"}, ValueError, "channels='hsv' is not known"),
        (at, None, {}, KeyError, "No image"),
        (bare, None, {}, KeyError, "No image"),
        (two, None, {}, ValueError, "name one by library"),
        (kept, None, {"library": "V3"}, KeyError, "library='V3'"),
        (two, None, {"library": "V2"}, KeyError, "no image 'hires'; it has none"),
    ]
    for where, what, options, error, words in cases:
        with pytest.raises(error, match=words):
            sm.pp.image_colors(where, what, **options)
