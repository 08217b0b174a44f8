"""Cells drawn as outlines."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from helpers.pl import drawn, legend_of
from smartcore import pl
from smartcore.pl._colors import PALETTE

pytestmark = pytest.mark.usefixtures("no_side_effects")

SQUARE = np.array([[-3.0, -3], [3, -3], [3, 3], [-3, 3]])


@pytest.fixture
def outlines(adata):
    """A square around each spot but the first, which has a triangle; spots in another order."""
    cells = {
        name: SQUARE + xy for name, xy in zip(adata.obs_names, adata.obsm["spatial"], strict=True)
    }
    cells["spot0"] = cells["spot0"][:3]
    return dict(sorted(cells.items(), reverse=True)) | {"another": SQUARE}


def table_of(outlines):
    names = np.repeat(list(outlines), [len(xy) for xy in outlines.values()])
    table = pd.DataFrame(np.vstack(list(outlines.values())), columns=["vertex_x", "vertex_y"])
    return table.assign(cell_id=names)


def open_path(path):
    """Vertices of a path without the one that closes it."""
    return path.vertices[: len(path.vertices) - 1]


@pytest.mark.parametrize("form", ["mapping", "table", "table of bytes", "GeoDataFrame"])
def test_each_cell_has_its_outline_and_colour(adata, outlines, form):
    given = outlines
    if form.startswith("table"):
        given = table_of(outlines)
        if "bytes" in form:
            given["cell_id"] = given["cell_id"].str.encode("ascii")
    if form == "GeoDataFrame":
        geopandas = pytest.importorskip("geopandas")
        shapely = pytest.importorskip("shapely")
        shapes = [shapely.Polygon(xy) for xy in outlines.values()]
        given = geopandas.GeoDataFrame(geometry=shapes, index=list(outlines))
    ax = pl.spatial(adata, outlines=given)
    cells = drawn(ax)
    assert isinstance(cells, PolyCollection)
    assert len(cells.get_paths()) == adata.n_obs
    for name, path in zip(adata.obs_names, cells.get_paths(), strict=True):
        assert {tuple(xy) for xy in path.vertices} == {tuple(xy) for xy in outlines[name]}
    colors = [to_hex(c).upper() for c in cells.get_facecolor()]
    assert colors == [PALETTE[int(name)] for name in adata.obs["smart"]]
    assert legend_of(ax) == {str(i): PALETTE[i] for i in range(12)}
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    corners = np.vstack([outlines[name] for name in adata.obs_names])
    assert left < corners[:, 0].min() < corners[:, 0].max() < right
    assert top < corners[:, 1].min() < corners[:, 1].max() < bottom  # y points down


def test_quantities_and_opacity(adata, outlines):
    cells = drawn(pl.spatial(adata, "depth", outlines=outlines, alpha=0.5))
    np.testing.assert_array_equal(cells.get_array(), adata.obs["depth"])
    assert cells.get_facecolor()[:, 3] == pytest.approx(0.5)


def test_a_cell_of_several_parts(adata, outlines):
    table = table_of(outlines).assign(part=0)
    more = table[table["cell_id"] == "spot7"].assign(part=1)
    more[["vertex_x", "vertex_y"]] += 1.5
    both = pd.concat([table, more])
    cells = drawn(pl.spatial(adata, "depth", outlines=both))
    depth = adata.obs["depth"].to_numpy()
    np.testing.assert_array_equal(cells.get_array(), np.insert(depth, 8, depth[7]))
    np.testing.assert_array_equal(open_path(cells.get_paths()[8]), outlines["spot7"] + 1.5)


def test_cells_without_outline_are_told_of(adata, outlines):
    del outlines["spot3"], outlines["spot40"]
    with pytest.warns(UserWarning, match="2 of 48 cells have no outline.*'spot3'"):
        cells = drawn(pl.spatial(adata, "depth", outlines=outlines))
    kept = [name not in ("spot3", "spot40") for name in adata.obs_names]
    np.testing.assert_array_equal(cells.get_array(), adata.obs["depth"][kept])


def test_outlines_on_an_image(adata, outlines):
    image = np.full((100, 60), 0.5)
    ax = pl.spatial(adata, outlines=outlines, image=image, scale=1.0)
    assert ax.images[0].get_zorder() < drawn(ax).get_zorder()


def test_what_is_no_outline(adata, outlines):
    with pytest.raises(TypeError, match=r"must be a table of vertices.*not list"):
        pl.spatial(adata, outlines=[SQUARE])
    with pytest.raises(KeyError, match=r"'cell_id' is not in the table.*has: a"):
        pl.spatial(adata, outlines=pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="outline of 'spot0' must have shape"):
        pl.spatial(adata, outlines={"spot0": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"none of the 48 cells has an outline.*'spot0' and '0'"):
        pl.spatial(adata, outlines=dict.fromkeys(range(3), SQUARE))
    outlines["spot5"] = outlines["spot5"] * np.nan
    with pytest.raises(ValueError, match="4 of 191 vertices of outlines are not finite"):
        pl.spatial(adata, outlines=outlines)
