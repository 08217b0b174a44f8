"""UMAP, against umap-learn."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex
from scipy.spatial import cKDTree

from helpers.pl import drawn, legend_of
from smartcore import pl
from smartcore.pl import _umap
from smartcore.pl._colors import PALETTE
from smartcore.pl._sample import stratified
from smartcore.pl._umap import _neighbors

pytestmark = pytest.mark.usefixtures("no_side_effects")


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


def test_many_spots_have_the_neighbours_of_scikit_learn():
    from sklearn.neighbors import NearestNeighbors

    x = np.random.default_rng(0).normal(size=(500, 6)) + 100
    found, distances = _neighbors(x, 9, seed=0)
    expected, theirs = NearestNeighbors(n_neighbors=9).fit(x).kneighbors(x)
    np.testing.assert_array_equal(found, theirs)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


@pytest.fixture
def many():
    """600 spots in four groups that lie apart; the last, of 12, is rare."""
    rng = np.random.default_rng(0)
    names = np.repeat(["a", "b", "c", "rare"], [300, 200, 88, 12])
    names = names[rng.permutation(600)]
    centers = {"a": 0, "b": 20, "c": 40, "rare": 60}
    adata = AnnData(obs=pd.DataFrame({"smart": names}, index=[f"s{i}" for i in range(600)]))
    adata.obsm["X_smart"] = rng.normal(size=(600, 5))
    adata.obsm["X_smart"][:, 0] += [centers[name] for name in names]
    adata.obs["section"] = np.where(np.arange(600) % 2, "left", "right")
    return adata


@pytest.mark.parametrize("way", ["umap-learn's", "ours"])
def test_a_sample_is_drawn_of_many_spots(many, monkeypatch, caplog, way):
    if way == "ours":
        monkeypatch.setattr(_umap, "_ITS_OWN_WAY", 50)
    with caplog.at_level("INFO", logger="smartcore"):
        ax = pl.umap(many, max_spots=150, title="Embedding", seed=1)
    spots = drawn(ax)
    points = np.asarray(spots.get_offsets())
    assert points.shape == (150, 2)
    assert np.isfinite(points).all()
    assert ax.get_title() == "Embedding (150 of 600 spots)"
    assert "UMAP is computed of 150 of the 600 spots" in caplog.text
    assert list(legend_of(ax)) == ["a", "b", "c", "rare"]
    colors = np.array([to_hex(c).upper() for c in spots.get_facecolor()])
    size = {name: int((colors == PALETTE[i]).sum()) for i, name in enumerate(legend_of(ax))}
    assert size["rare"] == 12
    assert size["a"] > size["b"] > size["c"] >= 37
    # Points of a group lie among their own: the colours are those of the spots drawn.
    nearest = cKDTree(points).query(points, k=6)[1][:, 1:]
    assert (colors[nearest] == colors[:, None]).mean() > 0.95


def test_all_spots_are_drawn_when_asked_for(many):
    ax = pl.umap(many, max_spots=None, title="Embedding")
    assert len(drawn(ax).get_offsets()) == 600
    assert ax.get_title() == "Embedding"


def test_spots_without_a_place_are_no_part_of_a_sample(many):
    many.obsm["X_smart"][:100] = np.nan
    ax = pl.umap(many, max_spots=120)
    assert np.isfinite(np.asarray(drawn(ax).get_offsets())).all()
    assert ax.get_title() == "UMAP (120 of 600 spots)"


def test_sections_have_a_sample_of_both(many):
    left, right = pl.umap_sections(many, max_spots=160)
    for ax in (left, right):
        assert len(drawn(ax).get_offsets()) == 160
        assert ax.get_title().endswith("(160 of 600 spots)")
    sections = [to_hex(c).upper() for c in drawn(left).get_facecolor()]
    assert min(sections.count(PALETTE[0]), sections.count(PALETTE[1])) > 60


def test_a_sample_too_small_for_umap_is_refused(many):
    with pytest.raises(ValueError, match="above n_neighbors, 15, or None for all, not 15"):
        pl.umap(many, max_spots=15)


@pytest.mark.parametrize("n", [7, 40, 333])
def test_a_stratified_sample_has_all_groups_and_their_shares(n):
    rng = np.random.default_rng(3)
    groups = rng.choice(5, size=1000, p=[0.6, 0.25, 0.1, 0.04, 0.01])
    rows = stratified(groups, n, seed=0)
    assert len(np.unique(rows)) == len(rows) == n
    assert (np.diff(rows) > 0).all()
    size, quota = np.bincount(groups), np.bincount(groups[rows], minlength=5)
    assert (quota > 0).all()
    least = min(50, n // 5)
    np.testing.assert_array_less(np.minimum(size, least) - 1, quota)
    # What goes by size: the same share of each group's rest, within a spot.
    share = (quota - np.minimum(size, least)) / np.maximum(size - np.minimum(size, least), 1)
    told = size - np.minimum(size, least) > 30
    assert np.ptp(share[told]) < 0.04
    np.testing.assert_array_equal(rows, stratified(groups, n, seed=0))
    assert not np.array_equal(rows, stratified(groups, n, seed=1))


def test_of_few_spots_all_are_taken():
    np.testing.assert_array_equal(stratified(np.array([2, 0, 0]), 3, seed=0), [0, 1, 2])


def test_a_sample_of_more_groups_than_spots_has_the_largest():
    groups = np.array([0, 1, 1, 2, 2, 2, 3])
    rows = stratified(groups, 2, seed=0)
    assert sorted(groups[rows]) == [1, 2]
