"""Maps: places, colours, legends, scales."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from mudata import MuData

from helpers.pl import drawn, legend_of
from smartcore import pl
from smartcore.pl._colors import MISSING, PALETTE

pytestmark = pytest.mark.usefixtures("no_side_effects")


def test_map_of_domains(adata):
    ax = pl.spatial(adata, title="section")
    spots = drawn(ax)
    np.testing.assert_array_equal(spots.get_offsets(), adata.obsm["spatial"])
    colors = [PALETTE[int(name)] for name in adata.obs["smart"]]
    assert [to_hex(c).upper() for c in spots.get_facecolor()] == colors
    assert legend_of(ax) == {str(i): PALETTE[i] for i in range(12)}
    assert list(legend_of(ax)) == [str(i) for i in range(12)]  # natural order
    assert ax.get_legend().get_title().get_text() == "smart"
    assert ax.get_aspect() == 1.0
    assert ax.yaxis_inverted()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("spatial 1", "spatial 2")
    assert ax.get_title() == "section"
    assert isinstance(ax.figure, Figure)
    assert not pl.spatial(adata, invert_y=False).yaxis_inverted()
    assert pl.spatial(adata, legend=False).get_legend() is None


def test_spots_fill_the_lattice_at_any_zoom(adata):
    ax = pl.spatial(adata)
    for limits in ((-10, 60), (0, 20)):
        ax.set_xlim(limits)
        spots = drawn(ax)
        path = spots.get_paths()[0].transformed(spots.get_transform())
        (left, _), (right, _) = ax.transData.transform([[0, 0], [10, 0]])
        assert np.ptp(path.vertices[:, 0]) == pytest.approx(right - left)
    wide = drawn(pl.spatial(adata, size=25.0)).get_paths()[0]
    assert np.ptp(wide.vertices[:, 0]) == pytest.approx(25)


def test_shape_of_spots_follows_the_layout(adata):
    def vertices(coords):
        other = adata.copy()
        other.obsm["spatial"] = np.asarray(coords, dtype=float)
        return drawn(pl.spatial(other)).get_paths()[0].vertices

    original = adata.obsm["spatial"]
    rows, cols = np.divmod(np.arange(48), 6)
    corner = 5 * np.sqrt(2)
    upright = vertices(original + np.random.default_rng(0).normal(0, 0.1, (48, 2)))
    assert np.linalg.norm(upright, axis=1) == pytest.approx(corner, rel=0.05)
    hexagonal = vertices(np.column_stack([cols * 10 + 5 * (rows % 2), rows * 5 * np.sqrt(3)]))
    assert np.linalg.norm(hexagonal, axis=1).max() < 5.5
    turned = vertices(original @ np.array([[0.8, 0.6], [-0.6, 0.8]]))
    assert np.linalg.norm(turned, axis=1).max() < 5.5
    twice = np.vstack([original[:24], original[:24]])  # two sections at the same places
    assert np.ptp(vertices(twice)[:, 0]) == pytest.approx(10)
    assert np.ptp(vertices(np.zeros((48, 2)))[:, 0]) == pytest.approx(1)


def test_missing_labels_are_grey(adata):
    labels = adata.obs["smart"].astype(object)
    labels.iloc[[0, 5]] = None
    view = adata.copy()
    view.obs["some"] = pd.Categorical(labels, categories=[str(i) for i in range(12)])
    view.obs["numbers"] = view.obs["depth"].where(view.obs["depth"] > 1)
    ax = pl.spatial(view, "some")
    colors = [to_hex(c).upper() for c in drawn(ax).get_facecolor()]
    assert [i for i, c in enumerate(colors) if c == MISSING] == [0, 5]
    assert legend_of(ax)["missing"] == MISSING
    colors = [to_hex(c).upper() for c in drawn(pl.spatial(view, "numbers")).get_facecolor()]
    assert [c == MISSING for c in colors] == view.obs["numbers"].isna().tolist()


def test_colours_stay_when_spots_go(adata):
    part = adata[adata.obs["smart"].isin(["3", "10"])].copy()
    part.obs["smart"] = part.obs["smart"].cat.set_categories([str(i) for i in range(12)])
    assert legend_of(pl.spatial(part)) == {"3": PALETTE[3], "10": PALETTE[10]}


def test_quantities_get_a_colourbar(adata):
    ax = pl.spatial(adata, "depth")
    spots = drawn(ax)
    np.testing.assert_array_equal(spots.get_array(), adata.obs["depth"])
    np.testing.assert_allclose(
        spots.get_facecolor(), colormaps["viridis"](np.linspace(0, 1, 48)), atol=0.02
    )
    assert ax.get_legend() is None
    bars = [other for other in ax.figure.axes if other is not ax]
    assert [bar.get_ylabel() for bar in bars] == ["depth"]
    assert pl.spatial(adata, "depth", legend=False).figure.axes[1:] == []
    gene = drawn(pl.spatial(adata, "B", palette="magma"))
    np.testing.assert_array_equal(gene.get_array(), adata.X[:, 1])
    assert gene.get_cmap().name == "magma"


def test_kinds_of_categories(adata):
    other = adata.copy()
    other.obs["flag"] = np.arange(48) < 6
    assert list(legend_of(pl.spatial(other, "flag"))) == ["False", "True"]
    other.obs["text"] = [f"factor {i % 11}" for i in range(48)]
    assert list(legend_of(pl.spatial(other, "text"))) == [f"factor {i}" for i in range(11)]
    other.obs["stage"] = pd.Categorical(
        ["late", "early"] * 24, categories=["late", "early"], ordered=True
    )
    assert list(legend_of(pl.spatial(other, "stage"))) == ["late", "early"]


def test_palettes(adata):
    names = [str(i) for i in range(12)]
    red = dict.fromkeys(names, "red") | {"7": "#0000FF"}
    assert legend_of(pl.spatial(adata, palette=red))["7"] == "#0000FF"
    listed = [to_hex(c).upper() for c in colormaps["tab20"].colors]
    assert list(legend_of(pl.spatial(adata, palette="tab20")).values()) == listed[:12]
    assert list(legend_of(pl.spatial(adata, palette=listed)).values()) == listed[:12]
    smooth = legend_of(pl.spatial(adata, palette="viridis"))
    assert smooth["11"] == to_hex(colormaps["viridis"](1.0)).upper()
    with pytest.raises(ValueError, match=r"no colour for \['7'\]"):
        pl.spatial(adata, palette={name: "red" for name in names if name != "7"})
    with pytest.raises(ValueError, match="10 colours for 12 categories"):
        pl.spatial(adata, palette="tab10")
    with pytest.raises(ValueError, match="'nonesuch' is no matplotlib colormap"):
        pl.spatial(adata, palette="nonesuch")
    with pytest.raises(ValueError, match="'depth' is numeric"):
        pl.spatial(adata, "depth", palette=["red"])


def test_stored_colours_follow_their_categories(adata):
    other = adata.copy()
    categories = other.obs["smart"].cat.categories  # "0", "1", "10", "11", "2", ...
    stored = [to_hex(c).upper() for c in colormaps["tab20"].colors[:12]]
    other.uns["smart_colors"] = np.array(stored)
    expected = dict(zip(categories, stored, strict=True))
    assert legend_of(pl.spatial(other)) == expected
    assert legend_of(pl.spatial(other, palette=PALETTE))["10"] == PALETTE[10]


@pytest.mark.parametrize("kind", ["text", "numbers", "no categories"])
def test_stored_colours_may_be_by_category(adata, kind):
    other = adata.copy()
    named = {str(i): to_hex(c).upper() for i, c in enumerate(colormaps["tab20"].colors[:12])}
    if kind == "numbers":
        other.obs["smart"] = other.obs["smart"].astype(int).astype("category")
    elif kind == "no categories":
        other.obs["smart"] = other.obs["smart"].astype(object)
    other.uns["smart_colors"] = dict(reversed(named.items()))
    assert legend_of(pl.spatial(other)) == named
    assert legend_of(pl.sections([other, other])[-1]) == named
    del other.uns["smart_colors"]["7"]
    assert legend_of(pl.spatial(other))["3"] == PALETTE[3]


@pytest.mark.parametrize("by_category", [True, False])
def test_stored_colours_that_are_none(adata, by_category):
    other = adata.copy()
    stored = {str(i): "red" for i in range(12)} | {"5": "rouge"}
    other.uns["smart_colors"] = stored if by_category else list(stored.values())
    match = r"uns\['smart_colors'\] holds 'rouge', which is no colour"
    with pytest.raises(ValueError, match=match):
        pl.spatial(other)
    # What is not asked for need not be right.
    assert legend_of(pl.spatial(other, palette=PALETTE))["5"] == PALETTE[5]


def test_palette_can_be_told_apart():
    # Viénot, Brettel and Mollon (1999): what a deuteranope and a protanope see.
    rgb = np.array([to_rgba(c)[:3] for c in [*PALETTE, "#FFFFFF"]]) ** 2.2
    seen = {
        "all": np.eye(3),
        "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    }
    assert len(set(PALETTE)) == 24
    for n_colors, least in ((8, 0.1), (24, 0.04)):
        for matrix in seen.values():
            colors = np.clip(rgb @ np.transpose(matrix), 0, 1)[[*range(n_colors), -1]] ** (1 / 2.2)
            distances = np.linalg.norm(colors[:, None] - colors[None], axis=-1)
            assert distances[np.triu_indices(len(colors), 1)].min() > least


def test_more_categories_than_colours(adata):
    other = adata.copy()
    other.obs["many"] = [f"d{i}" for i in range(48)]
    ax = pl.spatial(other, "many")
    assert len(set(legend_of(ax).values())) == 48
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= 0
    assert legend.x1 <= ax.figure.bbox.x1


def test_third_dimension_is_named_in_the_title(adata):
    other = adata.copy()
    other.obsm["xyz"] = np.column_stack([other.obsm["spatial"], np.arange(48)])
    ax = pl.spatial(other, spatial_key="xyz")
    assert ax.get_title() == "(axes 1 and 2 of 3)"
    assert ax.get_xlabel() == "xyz 1"
    assert pl.spatial(other, spatial_key="xyz", title="A").get_title() == "A (axes 1 and 2 of 3)"


def test_given_axes_are_used(adata):
    left, right = Figure().subplots(1, 2)
    assert pl.spatial(adata, ax=left) is left
    assert left.collections
    assert not right.has_data()
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        pl.spatial(adata, ax=left.figure)


def test_many_spots_are_rasterized(adata):
    many = AnnData(np.zeros((10_001, 1), dtype=np.float32))
    many.obsm["spatial"] = np.column_stack(np.divmod(np.arange(10_001), 100))
    many.obs["smart"] = pd.Categorical(np.arange(10_001) % 3)
    assert pl.spatial(many).collections[0].get_rasterized()
    assert not pl.spatial(adata).collections[0].get_rasterized()


def test_mudata(adata):
    first, second = adata[:30].copy(), adata[20:].copy()
    second.var_names = ["P1", "P2", "P3"]
    mdata = MuData({"rna": first, "protein": second})
    labels = pd.Series(["x"] * 48, index=adata.obs_names)
    mdata.obs["smart"] = labels.reindex(mdata.obs_names).to_numpy()
    where = pd.DataFrame(adata.obsm["spatial"], index=adata.obs_names).loc[mdata.obs_names]
    ax = pl.spatial(mdata)
    np.testing.assert_array_equal(drawn(ax).get_offsets(), where)
    mdata.obsm["spatial"] = where.to_numpy() + 1
    np.testing.assert_array_equal(drawn(pl.spatial(mdata)).get_offsets(), where + 1)
    part = drawn(pl.spatial(mdata, "protein:P3")).get_array()
    expected = pd.Series(second.X[:, 2], index=second.obs_names).reindex(mdata.obs_names)
    np.testing.assert_array_equal(part.filled(np.nan), expected)
    with pytest.raises(KeyError, match="'X_smart' is not in obsm, which has: spatial"):
        pl.umap(mdata)
    with pytest.raises(KeyError, match="rna:spatial"):
        pl.spatial(mdata, spatial_key="nowhere")
    del mdata.mod["protein"].obsm["spatial"], mdata.obsm["spatial"]
    with pytest.raises(ValueError, match="missing or not finite for 18 spots"):
        pl.spatial(mdata)


def test_missing_keys_say_what_is_there(adata):
    with pytest.raises(
        KeyError, match="'domains' is not in obs or var_names; obs, which has: smart"
    ):
        pl.spatial(adata, "domains")
    with pytest.raises(KeyError, match="'X_spatial' is not in obsm, which has: spatial, X_smart"):
        pl.spatial(adata, spatial_key="X_spatial")
    with pytest.raises(KeyError, match="'X_umap' is not in obsm"):
        pl.umap(adata, basis="X_umap")
    with pytest.raises(KeyError, match="'sample' is not in obs"):
        pl.domain_sizes(adata, section_key="sample")
    with pytest.raises(KeyError, match="'smart' is not in uns, which has: none"):
        pl.losses(adata)
    with pytest.raises(TypeError, match="AnnData or MuData, not ndarray"):
        pl.spatial(np.ones(3))
    with pytest.raises(ValueError, match="size must be positive"):
        pl.spatial(adata, size=0)
