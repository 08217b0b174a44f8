"""Images of the tissue below maps: where they lie, and the spots on them."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import colormaps
from matplotlib.colors import to_hex
from mudata import MuData

from helpers.pl import drawn
from smartcore import pl

pytestmark = pytest.mark.usefixtures("no_side_effects")

SCALE = 0.2
DISCS = {"a": (10, 30), "b": (40, 12), "c": (25, 20), "d": (52, 41)}
"""Column and row, in pixels of the image, of a red disc around each spot."""


def disc_image(size=(70, 50)):
    """A white image of (columns, rows) pixels with a red disc of 4 pixels' radius at each place."""
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    image = np.full((size[1], size[0], 3), 255, dtype=np.uint8)
    for column, row in DISCS.values():
        image[(columns - column) ** 2 + (rows - row) ** 2 <= 16] = (255, 0, 0)
    return image


def library(image=None, **factors):
    image = disc_image() if image is None else image
    return {
        "images": {"hires": image, "lowres": image[::2, ::2]},
        "scalefactors": {
            "tissue_hires_scalef": SCALE,
            "tissue_lowres_scalef": SCALE / 2,
            "spot_diameter_fullres": 30.0,
        }
        | factors,
    }


@pytest.fixture
def slide():
    """Spots in the middle of discs, in pixels of the full resolution."""
    obs = pd.DataFrame({"smart": pd.Categorical(["0", "1", "0", "1"])}, index=list(DISCS))
    adata = AnnData(obs=obs)
    adata.obsm["spatial"] = (np.array(list(DISCS.values())) + 0.5) / SCALE
    adata.uns["spatial"] = {"one": library()}
    return adata


def pixel_at(ax, point):
    """Colour of the drawn image at a point of the data, found by way of the screen."""
    (shown,) = ax.images
    pixels = np.asarray(shown.get_array())
    left, right, bottom, top = shown.get_extent()
    (x0, y0), (x1, y1), (x, y) = ax.transData.transform([(left, top), (right, bottom), point])
    column = int((x - x0) / (x1 - x0) * pixels.shape[1])
    row = int((y - y0) / (y1 - y0) * pixels.shape[0])
    return pixels[row, column]


@pytest.mark.parametrize("image", [True, "hires", "lowres", disc_image()])
@pytest.mark.parametrize("crop", [True, False])
def test_spots_lie_on_the_discs_of_the_image(slide, image, crop):
    scale = SCALE if isinstance(image, np.ndarray) else None
    ax = pl.spatial(slide, image=image, scale=scale, crop=crop)
    spots = drawn(ax)
    np.testing.assert_array_equal(spots.get_offsets(), slide.obsm["spatial"])
    for point in spots.get_offsets():
        assert pixel_at(ax, point).tolist() == [255, 0, 0]
        # Away from the discs the image is white.
        assert pixel_at(ax, point + np.array([0, 6 / SCALE])).tolist() == [255, 255, 255]
    assert ax.yaxis_inverted()
    assert ax.get_aspect() == 1.0


def test_rendered_picture_shows_discs_around_the_spots(slide):
    """Seen through the pixels of the finished figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    ax = pl.spatial(slide, image=True, alpha=0.0, legend=False, crop=False)
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    seen = np.asarray(canvas.buffer_rgba())
    for x, y in ax.transData.transform(slide.obsm["spatial"]):
        assert seen[seen.shape[0] - 1 - int(y), int(x), :3].tolist() == [255, 0, 0]


def test_crop_shows_the_spots_and_no_more(slide):
    ax = pl.spatial(slide, image=True)
    coords = slide.obsm["spatial"]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < coords[:, 0].min() < coords[:, 0].max() < right
    assert top < coords[:, 1].min() < coords[:, 1].max() < bottom
    # Of the image only the part within the axes is held.
    pixels = ax.images[0].get_array()
    (x0, x1, y1, y0) = ax.images[0].get_extent()
    assert (x1 - x0, y1 - y0) == pytest.approx(np.array(pixels.shape[1::-1]) / SCALE)
    assert x0 == pytest.approx(max(np.floor(left * SCALE), 0) / SCALE)
    assert y1 == pytest.approx(min(np.ceil(bottom * SCALE), 50) / SCALE)
    whole = pl.spatial(slide, image=True, crop=False)
    assert whole.get_xlim() == (0, 70 / SCALE)
    assert whole.get_ylim() == (50 / SCALE, 0)
    assert whole.images[0].get_array().shape == (50, 70, 3)
    part = pl.spatial(slide[["a", "c"]].copy(), image=True).images[0]
    assert part.get_array().shape[1] < 50


def test_spots_have_their_true_diameter(slide):
    def width(**options):
        return np.ptp(drawn(pl.spatial(slide, **options)).get_paths()[0].vertices[:, 0])

    assert width(image=True) == pytest.approx(30)
    assert width(image=True, size=11) == pytest.approx(11)
    step = width()
    del slide.uns["spatial"]["one"]["scalefactors"]["spot_diameter_fullres"]
    assert width(image=True) == pytest.approx(0.6 * step)


def test_opacity(slide):
    ax = pl.spatial(slide, image=True, alpha=0.4, image_alpha=0.7)
    assert drawn(ax).get_facecolor()[:, 3] == pytest.approx(0.4)
    assert ax.images[0].get_alpha() == 0.7
    slide.obs["depth"] = [0.0, 1, 2, np.nan]
    assert drawn(pl.spatial(slide, "depth", alpha=0.4)).get_facecolor()[:, 3] == pytest.approx(0.4)
    for name in ("alpha", "image_alpha"):
        with pytest.raises(ValueError, match=f"^{name} must be from 0"):
            pl.spatial(slide, image=True, **{name: 1.2})


def test_images_of_one_channel_are_grey(slide):
    grey = disc_image()[..., 1]
    shown = pl.spatial(slide, image=grey, scale=SCALE).images[0]
    assert shown.get_cmap() == colormaps["gray"]


def test_image_of_mudata(slide):
    mdata = MuData({"rna": slide, "protein": slide.copy()})
    mdata.obs["smart"] = slide.obs["smart"]
    del mdata["rna"].uns["spatial"]
    ax = pl.spatial(mdata, image=True)
    assert pixel_at(ax, slide.obsm["spatial"][2]).tolist() == [255, 0, 0]


def test_several_libraries(slide):
    slide.uns["spatial"]["two"] = library(np.zeros((50, 70, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="several libraries: one, two"):
        pl.spatial(slide, image=True)
    black = pl.spatial(slide, image=True, library="two")
    assert pixel_at(black, slide.obsm["spatial"][0]).tolist() == [0, 0, 0]
    slide.obs["library_id"] = ["one", "one", "two", "two"]
    with pytest.raises(ValueError, match="several libraries"):
        pl.spatial(slide, image=True)
    own = pl.spatial(slide[:2].copy(), image=True)
    assert pixel_at(own, slide.obsm["spatial"][0]).tolist() == [255, 0, 0]
    with pytest.raises(KeyError, match=r"'three' is not in uns\['spatial'\], which has: one, two"):
        pl.spatial(slide, image=True, library="three")


def test_each_section_on_its_own_image(slide):
    slide.uns["spatial"] = {"s1": library(), "s2": library(np.zeros((50, 70, 3), np.uint8))}
    slide.obs["section"] = ["s2", "s1", "s2", "s1"]
    first, second = pl.sections(slide, image=True)
    assert (first.get_title(), second.get_title()) == ("s1", "s2")
    assert pixel_at(first, slide.obsm["spatial"][1]).tolist() == [255, 0, 0]
    assert pixel_at(second, slide.obsm["spatial"][0]).tolist() == [0, 0, 0]
    assert np.ptp(drawn(first).get_paths()[0].vertices[:, 0]) == pytest.approx(30)
    # In objects of their own, the name of the library says nothing.
    part = slide[slide.obs["section"] == "s1"].copy()
    part.uns["spatial"] = {"whatever": library()}
    bare = part.copy()
    del bare.uns["spatial"]
    with_image, without = pl.sections({"x": part, "y": bare}, image=True)
    assert pixel_at(with_image, part.obsm["spatial"][0]).tolist() == [255, 0, 0]
    assert not without.images
    with pytest.raises(KeyError, match="no section has an image"):
        pl.sections({"y": bare}, image=True)
    assert not pl.sections(slide)[0].images


def test_library_of_a_section_by_its_spots(slide):
    slide.uns["spatial"] = {"V1": library(), "V2": library(np.zeros((50, 70, 3), np.uint8))}
    slide.obs["section"] = ["left", "left", "right", "right"]
    slide.obs["library_id"] = ["V2", "V2", "V1", "V1"]
    left, right = pl.sections(slide, image=True)
    assert pixel_at(left, slide.obsm["spatial"][0]).tolist() == [0, 0, 0]
    assert pixel_at(right, slide.obsm["spatial"][2]).tolist() == [255, 0, 0]


def test_images_that_are_not_there(slide):
    with pytest.raises(KeyError, match=r"'fullres' is not in .*'images'.*has: hires, lowres"):
        pl.spatial(slide, image="fullres")
    with pytest.raises(ValueError, match="needs scale"):
        pl.spatial(slide, image=disc_image())
    with pytest.raises(ValueError, match="scale must be positive"):
        pl.spatial(slide, image=True, scale=0)
    with pytest.raises(ValueError, match="scale and library are of an image"):
        pl.spatial(slide, scale=0.2)
    with pytest.raises(TypeError, match="must be an array of pixels"):
        pl.spatial(slide, image={"a": 1}, scale=1)
    with pytest.raises(ValueError, match=r"shape \(rows, columns\).*not \(50, 70, 3, 1\)"):
        pl.spatial(slide, image=disc_image()[..., None], scale=1)
    far = slide.copy()
    far.obsm["spatial"] = far.obsm["spatial"] + 1e4
    with pytest.raises(ValueError, match="spots lie outside the image"):
        pl.spatial(far, image=True)
    del slide.uns["spatial"]["one"]["scalefactors"]["tissue_hires_scalef"]
    with pytest.raises(KeyError, match=r"'tissue_hires_scalef' is not in.*has: tissue_lowres"):
        pl.spatial(slide, image="hires")
    # Without a scale factor of the larger image, the other is drawn.
    assert pl.spatial(slide, image=True).images[0].get_array().shape[0] <= 25
    del slide.uns["spatial"]
    with pytest.raises(KeyError, match=r"the object holds no image.*read_modality"):
        pl.spatial(slide, image=True)


def test_colours_stay_those_of_the_domains(slide):
    on_image, plain = drawn(pl.spatial(slide, image=True)), drawn(pl.spatial(slide))
    assert [to_hex(c) for c in on_image.get_facecolor()] == [
        to_hex(c) for c in plain.get_facecolor()
    ]
