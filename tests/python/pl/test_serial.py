"""Serial sections in three dimensions: places, colours, order, lengths."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from mpl_toolkits.mplot3d import proj3d

from helpers.pl import legend_of
from smartcore import pl
from smartcore.pl._colors import PALETTE

pytestmark = pytest.mark.usefixtures("no_side_effects")


def projected(ax, coords):
    """Where points are seen, on the plane of the screen, and how far away they are."""
    return np.column_stack(proj3d.proj_transform(*np.asarray(coords, float).T, ax.get_proj()))


def in_space(adata, z):
    return np.column_stack([adata.obsm["spatial"], z])


def z_of(adata, heights):
    return adata.obs["section"].map(heights).to_numpy(float)


def assert_drawn(ax, coords, colors):
    """Each spot is where it belongs, in its colour."""
    ax.figure.draw_without_rendering()
    (spots,) = ax.collections
    expected = projected(ax, coords)
    np.testing.assert_allclose(spots.get_offsets(), expected[:, :2], atol=1e-9)
    # Colours are in the order in which spots are drawn, the nearest last.
    order = np.argsort(expected[:, 2])[::-1]
    assert [to_hex(c) for c in spots.get_facecolor()] == [to_hex(colors[i]) for i in order]


def stretch_of(ax):
    """Length of a unit of each axis, relative to that of x."""
    spans = [np.ptp(lim) for lim in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    units = ax._box_aspect
    return units / spans / (units[0] / spans[0])


@pytest.mark.parametrize("spacing", [30.0, {"s10": 50.0, "s2": 0.0}])
def test_sections_are_stacked_by_z(adata, spacing):
    # Natural order: s2 before s10.
    heights = spacing if isinstance(spacing, dict) else {"s2": 0.0, "s10": 30.0}
    ax = pl.sections_3d(adata, spacing=spacing, title="stack", azimuth=-57.3)
    colors = [PALETTE[int(name)] for name in adata.obs["smart"]]
    assert_drawn(ax, in_space(adata, z_of(adata, heights)), colors)
    assert legend_of(ax) == {str(i): PALETTE[i] for i in range(12)}
    assert sorted(ax.get_zticks()) == sorted(heights.values())
    assert ax.get_title() == "stack"


def test_third_coordinate_is_z(adata):
    slide = adata.copy()
    z = z_of(adata, {"s2": 100.0, "s10": 20.0})
    slide.obsm["spatial"] = in_space(adata, z)
    ax = pl.sections_3d(slide, "depth", stretch=1, azimuth=-57.3)
    numbers = np.linspace(0, 1, 48)
    assert_drawn(ax, in_space(adata, z), ax.collections[0].get_cmap()(numbers))
    # What spacing says comes first.
    other = pl.sections_3d(slide, spacing={"s2": 1, "s10": 2})
    assert sorted(other.get_zticks()) == [1, 2]
    parts = {name: slide[slide.obs["section"] == name].copy() for name in ("s2", "s10")}
    apart = pl.sections_3d(parts)
    assert sorted(apart.get_zticks()) == [20, 100]


def test_units_of_x_and_y_are_equal_and_z_is_stretched_as_said(adata):
    for spacing, stretch, expected in ((30.0, 1, 1), (30.0, 2.5, 2.5), (500.0, None, 1)):
        ax = pl.sections_3d(adata, spacing=spacing, stretch=stretch)
        assert stretch_of(ax) == pytest.approx([1, 1, expected])
    ax = pl.sections_3d(adata, spacing=0.1)
    _, along_y, along_z = stretch_of(ax)
    assert along_y == pytest.approx(1)
    longest = max(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()))
    assert along_z == pytest.approx(0.8 * longest / 0.1)
    assert f"{along_z:.3g} times" in ax.get_zlabel()


def test_seen_from_above_it_is_the_map(adata):
    above = pl.sections_3d(adata, section_key="smart", spacing=1e-9, elevation=90, azimuth=-90)
    seen = projected(above, in_space(adata, np.zeros(48)))[:, :2]
    flat = pl.spatial(adata).transData.transform(adata.obsm["spatial"])
    # The same but for size and place: x to the right, y down.
    for axis in (0, 1):
        assert np.corrcoef(seen[:, axis], flat[:, axis])[0, 1] == pytest.approx(1)
    up = pl.sections_3d(adata, spacing=30.0, invert_y=False, azimuth=-57.3)
    assert not up.yaxis_inverted()
    assert_drawn(
        up,
        in_space(adata, z_of(adata, {"s2": 0, "s10": 30})),
        [PALETTE[int(name)] for name in adata.obs["smart"]],
    )


def test_upper_sections_hide_lower_ones(adata):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    slide = adata.copy()
    slide.obs["layer"] = np.repeat(["low", "high"], 24)
    slide.obsm["spatial"] = np.tile(adata.obsm["spatial"][:24], (2, 1))
    z = {"low": 0.0, "high": 10.0}
    options = {"section_key": "layer", "spacing": z, "azimuth": -90}
    red_above = {"low": "blue", "high": "red"}
    for elevation, seen in ((90, [255, 0, 0]), (-90, [0, 0, 255])):
        ax = pl.sections_3d(slide, "layer", palette=red_above, elevation=elevation, **options)
        canvas = FigureCanvasAgg(ax.figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
        middle = np.column_stack([slide.obsm["spatial"], np.full(48, 5.0)])
        for x, y in ax.transData.transform(projected(ax, middle)[:, :2]):
            assert pixels[pixels.shape[0] - 1 - int(y), int(x), :3].tolist() == seen


def test_spots_are_as_wide_as_they_are_apart(adata):
    ax = pl.sections_3d(adata, spacing=30.0, elevation=90, azimuth=-90)
    (spots,) = ax.collections
    ends = projected(ax, [[0, 0, 15], [10, 0, 15]])[:, :2]
    pixels = np.linalg.norm(np.diff(ax.transData.transform(ends), axis=0))
    assert np.sqrt(spots.get_sizes()[0]) * ax.figure.dpi / 72 == pytest.approx(pixels)


def test_missing_labels_and_opacity(adata):
    slide = adata.copy()
    slide.obs["some"] = pd.Categorical(["a", None] * 24)
    ax = pl.sections_3d(slide, "some", spacing=30.0, alpha=0.5)
    ax.figure.draw_without_rendering()
    assert list(legend_of(ax)) == ["a", "missing"]
    assert ax.collections[0].get_facecolor()[:, 3] == pytest.approx(0.5)


def test_what_cannot_be_stacked(adata):
    with pytest.raises(ValueError, match="has no third coordinate: give the distance"):
        pl.sections_3d(adata)
    with pytest.raises(KeyError, match=r"no z for \['s2'\]; it has \['s10'\]"):
        pl.sections_3d(adata, spacing={"s10": 1})
    for spacing in (0, -3.0, np.nan, {"s2": np.inf, "s10": 0}):
        with pytest.raises(ValueError, match="spacing must be positive"):
            pl.sections_3d(adata, spacing=spacing)
    for name in ("stretch", "size"):
        with pytest.raises(ValueError, match=f"{name} must be positive"):
            pl.sections_3d(adata, spacing=1, **{name: 0})
    with pytest.raises(KeyError, match="'slice' is not in obs"):
        pl.sections_3d(adata, spacing=1, section_key="slice")
