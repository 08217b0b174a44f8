"""What is drawn: places, colours, legends, scales; and what must not happen besides."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from mudata import MuData

from smartcore import pl
from smartcore.pl._colors import MISSING, PALETTE


@pytest.fixture
def adata():
    """A grid of 8 x 6 with twelve domains named 0 to 11, a quantity and an embedding."""
    rng = np.random.default_rng(0)
    rows, cols = np.divmod(np.arange(48), 6)
    obs = pd.DataFrame(
        {
            "smart": pd.Categorical([str(i) for i in np.arange(48) // 4]),
            "depth": np.linspace(0, 5, 48),
            "section": np.where(cols < 3, "s2", "s10"),
        },
        index=[f"spot{i}" for i in range(48)],
    )
    adata = AnnData(rng.poisson(2.0, (48, 3)).astype(np.float32), obs=obs)
    adata.var_names = ["A", "B", "C"]
    adata.obsm["spatial"] = np.column_stack([cols, rows]) * 10.0
    adata.obsm["X_smart"] = rng.normal(size=(48, 5)) + (np.arange(48) // 24)[:, None] * 8
    return adata


@pytest.fixture(autouse=True)
def no_side_effects(request):
    """No figure is left with pyplot, and the object is as before."""
    import matplotlib.pyplot as plt

    before = None
    if "adata" in request.fixturenames:
        adata = request.getfixturevalue("adata")
        before = adata.copy()
    yield
    assert plt.get_fignums() == []
    if before is not None:
        pd.testing.assert_frame_equal(adata.obs, before.obs)
        assert set(adata.obsm) == set(before.obsm)
        assert dict(adata.uns) == dict(before.uns)
        for key in before.obsm:
            np.testing.assert_array_equal(adata.obsm[key], before.obsm[key])


def legend_of(ax):
    """Entries of the legend with their colours."""
    legend = ax.get_legend()
    return {
        text.get_text(): to_hex(handle.get_color()).upper()
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }


def drawn(ax):
    """The collection of spots, drawn once so that colours are final."""
    ax.figure.draw_without_rendering()
    (spots,) = ax.collections
    return spots


# --- spatial ----------------------------------------------------------------------------------


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


# --- UMAP ---------------------------------------------------------------------------------------


def test_umap_equals_umap_learn(adata):
    from umap import UMAP

    ax = pl.umap(adata, n_neighbors=10, min_dist=0.2, seed=3)
    model = UMAP(n_neighbors=10, min_dist=0.2, random_state=3, n_jobs=1)
    expected = model.fit_transform(adata.obsm["X_smart"])
    spots = drawn(ax)
    np.testing.assert_allclose(spots.get_offsets(), expected, atol=1e-5)
    assert [to_hex(c).upper() for c in spots.get_facecolor()] == [
        PALETTE[int(name)] for name in adata.obs["smart"]
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert len(legend_of(ax)) == 12


def test_umap_already_there(adata):
    other = adata.copy()
    other.obsm["X_umap"] = np.random.default_rng(1).normal(size=(48, 2))
    ax = pl.umap(other, "depth", basis="X_umap", size=7)
    spots = drawn(ax)
    np.testing.assert_array_equal(spots.get_offsets(), other.obsm["X_umap"])
    np.testing.assert_array_equal(spots.get_array(), adata.obs["depth"])
    assert spots.get_sizes() == [7]


def test_umap_refuses_bad_input(adata):
    with pytest.raises(ValueError, match="below the number of spots, 48, not 48"):
        pl.umap(adata, n_neighbors=48)
    other = adata.copy()
    other.obsm["X_smart"][3, 0] = np.nan
    with pytest.raises(ValueError, match="not finite for 1 spots"):
        pl.umap(other)


# --- losses ---------------------------------------------------------------------------------------


@pytest.fixture
def history():
    epochs = np.arange(5, 25)
    return pd.DataFrame(
        {
            "total": 50.0 / epochs,
            "reconstruction": 100.0 / epochs,
            "triplet": 0.1 / epochs,
            "reconstruction_rna": 70.0 / epochs,
            "reconstruction_protein": 30.0 / epochs,
            "triplet_rna": 0.06 / epochs,
            "seconds": epochs * 0.1,
        },
        index=pd.Index(epochs, name="epoch"),
    )


def lines_of(panel):
    return {line.get_label(): line.get_xydata() for line in panel.get_lines()}


def test_losses(history):
    panels = pl.losses(history)
    assert [p.get_ylabel() for p in panels] == ["Total", "Reconstruction", "Triplet"]
    assert panels[-1].get_xlabel() == "Epoch"
    expected = [
        {"all": "total"},
        {"all": "reconstruction", "rna": "reconstruction_rna", "protein": "reconstruction_protein"},
        {"all": "triplet", "rna": "triplet_rna"},
    ]
    for panel, columns in zip(panels, expected, strict=True):
        lines = lines_of(panel)
        assert set(lines) == set(columns)
        for label, column in columns.items():
            np.testing.assert_array_equal(lines[label][:, 0], history.index)
            np.testing.assert_array_equal(lines[label][:, 1], history[column])
        low, high = panel.get_ylim()  # its own scale
        assert high < 1.2 * max(line[:, 1].max() for line in lines.values())
        assert low <= min(line[:, 1].min() for line in lines.values())
    rna = [next(x for x in p.get_lines() if x.get_label() == "rna") for p in panels[1:]]
    assert rna[0].get_color() == rna[1].get_color()
    assert panels[0].get_legend() is None
    assert [t.get_text() for t in panels[1].get_legend().get_texts()] == ["all", "rna", "protein"]


@pytest.mark.parametrize("kind", ["frame", "lists", "arrays", "mudata"])
def test_losses_from_an_object(adata, history, kind):
    table = history.reset_index()
    value = {
        "frame": history,
        "lists": {c: table[c].tolist() for c in table},
        "arrays": {c: table[c].to_numpy() for c in table},
        "mudata": {c: table[c].to_numpy() for c in table},
    }[kind]
    other = adata.copy() if kind != "mudata" else MuData({"rna": adata.copy()})
    other.uns["smart"] = {"history": value}
    panels = pl.losses(other)
    np.testing.assert_array_equal(lines_of(panels[2])["all"][:, 0], history.index)
    np.testing.assert_array_equal(lines_of(panels[2])["all"][:, 1], history["triplet"])


def test_losses_count_epochs_from_one(history):
    (panel,) = pl.losses({"triplet": history["triplet"].to_numpy()})
    np.testing.assert_array_equal(lines_of(panel)["all"][:, 0], np.arange(1, 21))


def test_losses_in_given_axes(history):
    left, right = Figure().subplots(1, 2)
    panels = pl.losses(history, left)
    left.figure.draw_without_rendering()
    frame = left.get_window_extent()
    tops = [p.get_window_extent() for p in panels]
    assert all(frame.x0 <= t.x0 + 1e-6 and t.x1 <= frame.x1 + 1e-6 for t in tops)
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(tops))
    assert not left.axison
    assert not right.has_data()
    panels[0].set_xlim(6, 9)
    assert panels[2].get_xlim() == (6, 9)


def test_losses_refuse_bad_input(adata):
    with pytest.raises(KeyError, match=r"has none of the columns .*; it has: loss"):
        pl.losses(pd.DataFrame({"loss": [1.0]}))
    with pytest.raises(ValueError, match="no epoch"):
        pl.losses(pd.DataFrame({"total": []}))
    with pytest.raises(TypeError, match="not list"):
        pl.losses([1.0, 2.0])
    other = adata.copy()
    other.uns["smart"] = {"params": 1}
    with pytest.raises(KeyError, match="'history' is not in uns\\['smart'\\], which has: params"):
        pl.losses(other)


# --- boxes and bars ---------------------------------------------------------------------------------


def test_modality_correlation():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(-1, 1, (60, 2)), columns=["rna", "protein"])
    labels = np.array([f"d{i % 3 + 9}" for i in range(60)], dtype=object)
    table.iloc[0, 0] = np.nan
    table.loc[labels == "d11", "protein"] = np.nan
    labels[1] = None
    ax = pl.modality_correlation(table, labels)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["d9", "d10", "d11"]
    assert ax.get_ylabel() == "Correlation of distances"
    assert legend_of(ax) == {"rna": PALETTE[0], "protein": PALETTE[1]}
    medians = sorted(
        (line.get_xdata().mean(), line.get_ydata()[0])
        for line in ax.get_lines()
        if line.get_color() == "black" and line.get_linewidth() == 1.4
    )
    expected = []
    for i, name in enumerate(["d9", "d10", "d11"]):
        for m, modality in enumerate(table):
            values = table.loc[labels == name, modality].dropna()
            if len(values):
                expected.append((i + (m - 0.5) * 0.4, values.median()))
    np.testing.assert_allclose(medians, expected, atol=1e-12)
    boxes = [patch for patch in ax.patches if patch.get_path().vertices.shape[0] > 4]
    assert [to_hex(b.get_facecolor()).upper() for b in boxes] == [PALETTE[0]] * 3 + [PALETTE[1]] * 2


def test_modality_correlation_refuses_bad_input():
    table = pd.DataFrame({"rna": [0.1, np.nan]})
    with pytest.raises(ValueError, match="2 rows and labels 3"):
        pl.modality_correlation(table, ["a", "b", "b"])
    with pytest.raises(ValueError, match="nothing to draw"):
        pl.modality_correlation(table, [None, "b"])
    with pytest.raises(TypeError, match="DataFrame"):
        pl.modality_correlation(np.ones((2, 1)), ["a", "b"])


def test_domain_sizes(adata):
    other = adata[:46].copy()
    other.obs["codes"] = [i // 4 for i in range(46)]
    other.obs["codes"] = other.obs["codes"].astype("Int64")
    other.obs.loc["spot0", "codes"] = pd.NA
    ax = pl.domain_sizes(other, "codes")
    assert [int(b.get_height()) for b in ax.patches] == [3, *[4] * 10, 2, 1]
    assert [t.get_text() for t in ax.get_xticklabels()] == [*map(str, range(12)), "missing"]
    assert [to_hex(b.get_facecolor()).upper() for b in ax.patches] == [*PALETTE[:12], MISSING]
    assert [t.get_text() for t in ax.texts] == ["3", *["4"] * 10, "2", "1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("codes", "Number of spots")


def test_domain_shares_of_sections(adata):
    ax = pl.domain_sizes(adata, section_key="section")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["s2", "s10"]
    shares = pd.crosstab(adata.obs["smart"], adata.obs["section"], normalize="columns")
    heights = np.array([b.get_height() for b in ax.patches]).reshape(12, 2)
    np.testing.assert_allclose(heights, shares.loc[[str(i) for i in range(12)], ["s2", "s10"]])
    bottoms = np.array([b.get_y() for b in ax.patches]).reshape(12, 2)
    np.testing.assert_allclose(bottoms[:-1], (bottoms + heights)[1:])
    np.testing.assert_allclose(bottoms[-1], 0, atol=1e-12)
    assert legend_of(ax) == {str(i): PALETTE[i] for i in range(12)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("section", "Proportion of spots")
    other = adata.copy()
    other.obs.loc["spot3", "section"] = None
    with pytest.raises(ValueError, match=r"obs\['section'\] is missing for 1 spots"):
        pl.domain_sizes(other, section_key="section")


def test_long_names_are_slanted(adata):
    other = adata.copy()
    other.obs["long"] = [f"a rather long name {i % 9}" for i in range(48)]
    ax = pl.domain_sizes(other, "long")
    ax.figure.draw_without_rendering()
    extents = [t.get_window_extent() for t in ax.get_xticklabels()]
    assert all(t.get_rotation() == 45 for t in ax.get_xticklabels())
    assert all(e.y0 >= 0 for e in extents)
    assert all(t.get_rotation() == 0 for t in pl.domain_sizes(adata).get_xticklabels())


# --- import -----------------------------------------------------------------------------------------


def test_import_does_not_load_matplotlib_pyplot():
    """Of the module itself: other parts of the package may need libraries that load it."""
    code = """
import sys, types, importlib.util
package = types.ModuleType("smartcore")
package.__path__ = importlib.util.find_spec("smartcore").submodule_search_locations
sys.modules["smartcore"] = package
import smartcore.pl
loaded = [m for m in ("matplotlib", "umap", "scanpy") if m in sys.modules]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
