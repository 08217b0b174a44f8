"""Plots of several sections."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import smartcore as sm
from smartcore.metrics import domain_proportions


def slide(shape=(6, 9), seed=0, domains=("0", "1", "2")):
    rng = np.random.default_rng(seed)
    coords = np.argwhere(np.ones(shape))[:, ::-1].astype(float)
    found = rng.choice(domains, len(coords))
    return ad.AnnData(
        np.full((len(coords), 1), seed + 1.0),
        obs=pd.DataFrame(
            {"smart": pd.Categorical(found)}, index=[f"s{i}" for i in range(len(coords))]
        ),
        var=pd.DataFrame(index=["gene"]),
        obsm={"spatial": coords, "X_smart": rng.normal(size=(len(coords), 4))},
    )


@pytest.fixture
def slides():
    return {"s10": slide(), "s2": slide((12, 5), 1, ("1", "4"))}


def joined(slides):
    one = ad.concat(slides, label="section", index_unique="-")
    one.obs["smart"] = one.obs["smart"].astype("category")
    return one


def faces(ax):
    return ax.collections[0].get_facecolor()


def test_one_colour_for_each_domain_on_all_maps(slides):
    axes = sm.pl.sections(slides)
    assert [ax.get_title() for ax in axes] == ["s10", "s2"]
    colors = {}
    for ax, part in zip(axes, slides.values(), strict=True):
        assert len(faces(ax)) == part.n_obs
        np.testing.assert_array_equal(ax.collections[0].get_offsets(), part.obsm["spatial"])
        for domain, color in zip(part.obs["smart"], faces(ax), strict=True):
            assert colors.setdefault(domain, tuple(color)) == tuple(color)
    assert len(set(colors.values())) == 4
    legend = axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "2", "4"]
    for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
        assert to_rgba(handle.get_color()) == pytest.approx(colors[text.get_text()])


def test_maps_have_one_scale(slides):
    axes = sm.pl.sections(slides)
    assert len({round(float(np.ptp(ax.get_xlim())), 6) for ax in axes}) == 1
    for ax, part in zip(axes, slides.values(), strict=True):
        low, high = sorted(ax.get_xlim())
        assert low < part.obsm["spatial"][:, 0].min()
        assert high > part.obsm["spatial"][:, 0].max()
        assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_one_object_is_drawn_as_its_sections_in_natural_order(slides):
    axes = sm.pl.sections(joined(slides), n_cols=1)
    assert [ax.get_title() for ax in axes] == ["s2", "s10"]
    np.testing.assert_array_equal(faces(axes[1]), faces(sm.pl.sections(slides)[0]))
    assert axes[0].get_legend() is not None


def test_a_quantity_has_one_scale(slides):
    axes = sm.pl.sections(slides, "gene")
    for i, ax in enumerate(axes, 1):
        assert (ax.collections[0].get_array() == i).all()
        assert ax.collections[0].get_clim() == (1, 2)
    assert len(axes[0].figure.axes) == 3


def test_colours_of_the_object_and_of_the_user(slides):
    one = joined(slides)
    one.uns["smart_colors"] = ["red", "lime", "blue", "black"]
    wanted = {"0": "red", "1": "lime", "2": "blue", "4": "black"}
    for axes in (sm.pl.sections(one), sm.pl.sections(slides, palette=wanted)):
        for ax in axes:
            part = slides[ax.get_title()]
            expected = [to_rgba(wanted[d]) for d in part.obs["smart"]]
            np.testing.assert_allclose(faces(ax), expected)


@pytest.fixture
def umaps(monkeypatch):
    """What UMAP is given. The first axes are drawn: to compile UMAP itself takes half a minute."""
    given = []

    def first_axes(embedding, n_neighbors, min_dist, seed):
        given.append((embedding, n_neighbors))
        return embedding[:, :2]

    monkeypatch.setattr("smartcore.pl._sections.compute_umap", first_axes)
    return given


def test_umap_twice_with_the_same_spots(slides, umaps):
    by_section, by_domain = sm.pl.umap_sections(slides, n_neighbors=10)
    ((embedding, n_neighbors),) = umaps
    z = np.vstack([part.obsm["X_smart"] for part in slides.values()])
    np.testing.assert_array_equal(embedding, z)
    assert n_neighbors == 10
    assert {*map(tuple, by_section.collections[0].get_offsets())} == {*map(tuple, z[:, :2])}
    np.testing.assert_array_equal(
        by_section.collections[0].get_offsets(), by_domain.collections[0].get_offsets()
    )
    names = [t.get_text() for t in by_section.get_legend().get_texts()]
    assert names == ["s10", "s2"]
    assert len(np.unique(faces(by_section), axis=0)) == 2
    assert len(np.unique(faces(by_domain), axis=0)) == 4
    counts = np.unique(faces(by_section), axis=0, return_counts=True)[1]
    assert sorted(counts) == [54, 60]


def test_proportions_of_a_list(slides):
    ax = sm.pl.domain_sizes(slides)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["s10", "s2"]
    one = pd.concat([part.obs["smart"].astype(str) for part in slides.values()])
    table = domain_proportions(one.to_numpy(), np.repeat([1, 2], [54, 60]))
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(4, 2)
    np.testing.assert_allclose(heights.T, table.to_numpy())
    numbered = sm.pl.domain_sizes(list(slides.values()))
    assert [text.get_text() for text in numbered.get_xticklabels()] == ["1", "2"]


def test_sections_by_their_own_colour(slides):
    axes = sm.pl.sections(joined(slides), "section")
    assert len({tuple(faces(ax)[0]) for ax in axes}) == 2


def test_what_cannot_be_drawn(slides):
    with pytest.raises(KeyError, match="slide"):
        sm.pl.sections(joined(slides), section_key="slide")
    with pytest.raises(KeyError, match="nope"):
        sm.pl.sections(slides, "nope")
    with pytest.raises(ValueError, match="empty"):
        sm.pl.sections([])
    with pytest.raises(TypeError, match="AnnData or MuData"):
        sm.pl.sections([1])
    with pytest.raises(ValueError, match="size must be positive"):
        sm.pl.sections(slides, size=0)
    one = joined(slides)
    one.obs["section"] = one.obs["section"].astype(object)
    one.obs.iloc[0, one.obs.columns.get_loc("section")] = None
    with pytest.raises(ValueError, match="missing for 1 spots"):
        sm.pl.sections(one)


def test_nothing_is_modified(umaps, slides):
    before = {name: part.copy() for name, part in slides.items()}
    sm.pl.sections(slides)
    sm.pl.umap_sections(slides, n_neighbors=5)
    for name, part in slides.items():
        pd.testing.assert_frame_equal(part.obs, before[name].obs)
        assert set(part.obsm) == {"spatial", "X_smart"}
