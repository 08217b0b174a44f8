"""Spatial scores of domains, against loops and scikit-learn."""

from __future__ import annotations

import logging
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from smartcore import metrics

SCORES = [metrics.chaos, metrics.pas, metrics.spatial_silhouette]


def tissue(n=300, n_labels=4, n_dims=2, seed=0):
    """Cells at random places in noisy bands; (labels, coords)."""
    rng = np.random.default_rng(seed)
    coords = rng.uniform(0, 1, (n, n_dims)) * np.array([3000, 1000, 200])[:n_dims]
    labels = (coords[:, 0] * n_labels / 3000).astype(int)
    noisy = rng.random(n) < 0.3
    labels[noisy] = rng.integers(n_labels, size=noisy.sum())
    return labels, coords


def lattice(n_rows, n_cols, hexagonal=False):
    rows, cols = np.divmod(np.arange(n_rows * n_cols), n_cols)
    if hexagonal:
        return np.column_stack([cols + rows % 2 / 2, rows * np.sqrt(3) / 2])
    return np.column_stack([cols, rows]).astype(float)


def chaos_by_loops(labels, coords):
    z = StandardScaler().fit_transform(coords) * np.sqrt((len(coords) - 1) / len(coords))
    total = 0
    for i, label in enumerate(labels):
        same = [j for j in range(len(labels)) if j != i and labels[j] == label]
        total += min((np.linalg.norm(z[i] - z[j]) for j in same), default=0)
    return total / len(labels)


def pas_by_loops(labels, coords, k=10, least=6):
    """Spots of which `least` or more of the k nearest differ; coordinates without ties."""
    abnormal = 0
    for i, row in enumerate(cdist(coords, coords)):
        near = [j for j in np.argsort(row) if j != i][:k]
        abnormal += sum(labels[j] != labels[i] for j in near) >= least
    return abnormal / len(labels)


def pas_of_whole_coords(labels, coords, k, least):
    """As `pas_by_loops`, in exact arithmetic; equal distances share the last places."""
    coords = coords.astype(int)
    abnormal = 0
    for i in range(len(labels)):
        d = ((coords - coords[i]) ** 2).sum(axis=1)
        others = np.arange(len(labels)) != i
        kth = np.sort(d[others])[k - 1]
        closer, tied = others & (d < kth), others & (d == kth)
        n = int((labels[closer] != labels[i]).sum())
        left = k - int(closer.sum())
        n += Fraction(left * int((labels[tied] != labels[i]).sum()), int(tied.sum()))
        abnormal += n >= least
    return abnormal / len(labels)


@pytest.mark.parametrize("n_dims", [2, 3])
def test_chaos_by_loops(n_dims):
    labels, coords = tissue(n_dims=n_dims)
    expected = chaos_by_loops(labels, coords)
    assert metrics.chaos(labels, coords) == pytest.approx(expected, rel=1e-12)


def test_chaos_by_hand():
    # Standard deviations are √(50 / 3) and 1: links of 2 / √(50 / 3), and none of "c".
    coords = [[0, 0], [2, 0], [8, 0], [8, 2]]
    spread = np.std([0, 2, 8, 8], ddof=1)
    assert metrics.chaos(list("aabc"), coords) == pytest.approx(2 * (2 / spread) / 4)
    assert metrics.chaos(list("aabb"), coords) == pytest.approx((2 * 2 / spread + 2 * 2) / 4)
    assert metrics.chaos(list("abcd"), coords) == 0


def test_chaos_of_spots_in_a_row_and_at_one_place():
    row = np.column_stack([np.arange(10), np.full(10, 0.1)])
    assert metrics.chaos(["a"] * 10, row) == pytest.approx(1 / np.std(np.arange(10), ddof=1))
    assert metrics.chaos([*"aabb"], [[0, 0], [0, 0], [1, 1], [1, 1]]) == 0


@pytest.mark.parametrize("n_dims", [2, 3])
@pytest.mark.parametrize(("k", "threshold", "least"), [(10, 0.6, 6), (5, 0.6, 3), (7, 0.9, 7)])
def test_pas_by_loops(n_dims, k, threshold, least):
    labels, coords = tissue(n_dims=n_dims)
    found = metrics.pas(labels, coords, n_neighbors=k, threshold=threshold)
    assert found == pytest.approx(pas_by_loops(labels, coords, k, least), abs=1e-12)
    assert 0.02 < found < 0.6


def test_pas_defaults():
    labels, coords = tissue()
    assert metrics.pas(labels, coords) == pytest.approx(pas_by_loops(labels, coords), abs=1e-12)


@pytest.mark.parametrize("tenths", range(1, 11))
def test_pas_thresholds_are_not_subject_to_rounding(tenths):
    labels, coords = tissue()
    found = metrics.pas(labels, coords, threshold=tenths / 10)
    assert found == pytest.approx(pas_by_loops(labels, coords, 10, tenths), abs=1e-12)
    assert metrics.pas(labels, coords, threshold=sum([0.1] * tenths)) == found


@pytest.mark.parametrize("k", [1, 3, 6, 10, 23, 200])
def test_pas_with_ties(k):
    rng = np.random.default_rng(1)
    coords = lattice(15, 14)
    coords = np.vstack([coords, coords[:9], coords[:9]])  # several at one place
    labels = np.where(rng.random(len(coords)) < 0.7, coords[:, 0] // 4, rng.integers(4, size=228))
    least = Fraction(6, 10) * k
    expected = pas_of_whole_coords(labels, coords, k, least)
    found = metrics.pas(labels, coords, n_neighbors=k)
    assert found == pytest.approx(expected, abs=1e-12)
    order = rng.permutation(len(coords))
    assert metrics.pas(labels[order], coords[order], n_neighbors=k) == pytest.approx(found)


def test_pas_where_many_spots_share_a_place():
    rng = np.random.default_rng(2)
    coords = np.repeat(lattice(2, 2), [70, 1, 3, 26], axis=0)
    labels = rng.integers(2, size=100)
    expected = pas_of_whole_coords(labels, coords, 10, 6)
    assert metrics.pas(labels, coords) == pytest.approx(expected, abs=1e-12)


def test_ties_of_a_hexagonal_lattice_hold_in_any_unit():
    rng = np.random.default_rng(3)
    coords = lattice(20, 18, hexagonal=True)
    labels = np.where(rng.random(360) < 0.7, coords[:, 0] // 5, rng.integers(4, size=360))
    found = metrics.pas(labels, coords)
    # Distances squared, of whole numbers: 4 times those of the lattice in units of 1 / 2.
    whole = np.rint(coords * [2, 2 / np.sqrt(3)]).astype(int)
    abnormal = 0
    for i in range(360):
        d = ((whole - whole[i]) ** 2 * [1, 3]).sum(axis=1)
        kth = np.sort(d)[10]
        closer, tied = (d < kth) & (d > 0), d == kth
        n = Fraction((10 - int(closer.sum())) * int((labels[tied] != labels[i]).sum()))
        n = n / int(tied.sum()) + int((labels[closer] != labels[i]).sum())
        abnormal += n >= 6
    assert found == abnormal / 360
    turn = np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    for other in (coords * 55.3, coords * 1e-5, coords @ turn, coords + 1e4):
        assert metrics.pas(labels, other) == found


def test_pas_of_fewer_spots_than_neighbours():
    labels, coords = tissue(8, n_labels=2)
    expected = pas_by_loops(labels, coords, k=7, least=4.2)
    assert 0 < expected < 1
    assert metrics.pas(labels, coords) == pytest.approx(expected)


def test_pas_of_layouts_that_are_known():
    coords = lattice(20, 20)
    checkerboard = coords.sum(axis=1) % 2
    halves = coords[:, 0] // 10
    spot = np.zeros(400)
    spot[210] = 1
    assert metrics.pas(halves, coords) == 0
    assert metrics.pas(checkerboard, coords) < 0.3  # diagonal neighbours and those 2 away agree
    corners = 4  # 2 of their 4 nearest agree
    assert metrics.pas(checkerboard, coords, n_neighbors=4) == (400 - corners) / 400
    assert metrics.pas(spot, coords) == 1 / 400
    assert metrics.pas(np.zeros(400), coords) == 0
    assert metrics.pas(np.arange(400), coords) == 1


def test_spatial_silhouette_equals_scikit_learn():
    labels, coords = tissue()
    expected = silhouette_score(cdist(coords, coords), labels, metric="precomputed")
    assert metrics.spatial_silhouette(labels, coords) == pytest.approx(expected, rel=1e-9)
    assert metrics.spatial_silhouette(labels, coords + 1e7) == pytest.approx(expected, rel=1e-6)


def test_spatial_silhouette_of_a_subset():
    labels, coords = tissue(1500)
    whole = metrics.spatial_silhouette(labels, coords, sample_size=None)
    assert whole == pytest.approx(silhouette_score(coords, labels))
    part = metrics.spatial_silhouette(labels, coords, sample_size=300)
    assert part == metrics.spatial_silhouette(labels, coords, sample_size=300)
    assert part != metrics.spatial_silhouette(labels, coords, sample_size=300, seed=1)
    assert part != whole
    assert part == pytest.approx(whole, abs=0.1)


@pytest.mark.parametrize("score", SCORES)
def test_smoother_labels_score_better(score):
    labels, coords = tissue()
    smooth = (coords[:, 0] / 750).astype(int)
    better = score(smooth, coords) - score(labels, coords)
    assert (better > 0.05) if score is metrics.spatial_silhouette else (better < -0.005)


# --- what all have in common -------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES)
def test_names_order_and_units_do_not_matter(score):
    labels, coords = tissue()
    expected = score(labels, coords)
    names = np.array(["b", "d10", "d2", "a"])[labels]
    order = np.random.default_rng(0).permutation(len(labels))
    for other in (names, pd.Categorical(names), pd.Series(names, index=order), list(labels + 0.5)):
        assert score(other, coords) == expected
    assert score(labels[order], coords[order]) == pytest.approx(expected, rel=1e-12)
    for other in (coords * 1e-6, coords * 7.3, coords - 5000, coords[:, ::-1]):
        assert score(labels, other) == pytest.approx(expected, rel=1e-9)
    assert score(labels, pd.DataFrame(coords)) == expected
    assert isinstance(expected, float)


def test_chaos_does_not_depend_on_the_unit_of_each_axis():
    labels, coords = tissue()
    expected = metrics.chaos(labels, coords)
    assert metrics.chaos(labels, coords * [3, 0.01]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("score", SCORES)
def test_spots_without_label_are_left_out_and_reported(score, caplog):
    labels, coords = tissue()
    missing = np.random.default_rng(0).choice(300, 40, replace=False)
    some = labels.astype(object)
    some[missing[:20]], some[missing[20:]] = None, np.nan
    # Where they lie does not matter either.
    moved = coords.copy()
    moved[missing] = 1e6
    keep = np.setdiff1d(np.arange(300), missing)
    with caplog.at_level(logging.INFO, logger="smartcore"):
        found = score(some, moved)
    assert found == score(labels[keep], coords[keep])
    assert found != score(labels, coords)
    assert caplog.text.count("40 of 300 spots have no labels") == 1


@pytest.mark.parametrize("score", SCORES)
def test_sections_are_scored_one_by_one(score):
    parts = {"s10": tissue(150, seed=1), "s2": tissue(60, 3, seed=2), "s1": tissue(90, seed=3)}
    parts["s2"] = (parts["s2"][0], parts["s2"][1] * 0.001)  # in another unit
    labels = np.concatenate([labels for labels, _ in parts.values()])
    coords = np.vstack([coords for _, coords in parts.values()])
    where = np.repeat(list(parts), [150, 60, 90])
    own = {name: score(*part) for name, part in parts.items()}
    expected = (150 * own["s10"] + 60 * own["s2"] + 90 * own["s1"]) / 300
    assert score(labels, coords, where) == pytest.approx(expected, rel=1e-12)
    order = np.random.default_rng(0).permutation(300)
    mixed = score(labels[order], coords[order], pd.Categorical(where[order]))
    assert mixed == pytest.approx(expected, rel=1e-12)
    assert score(labels, coords) != pytest.approx(expected, rel=1e-3)
    assert score(labels, coords, [1] * 300) == score(labels, coords)

    table = metrics.section_spatial_scores(labels, coords, where)
    assert table.index.tolist() == ["s1", "s2", "s10"]
    assert table.columns.tolist() == ["chaos", "pas", "spatial_silhouette"]
    assert table[score.__name__].to_dict() == pytest.approx(own, rel=1e-12)


def test_sections_weigh_by_their_labelled_spots():
    labels, coords = tissue(200)
    where = np.repeat([0, 1], 100)
    some = labels.astype(object)
    some[:70] = None
    own = [metrics.pas(labels[70:100], coords[70:100]), metrics.pas(labels[100:], coords[100:])]
    assert own[0] != own[1]
    expected = (30 * own[0] + 100 * own[1]) / 130
    assert metrics.pas(some, coords, where) == pytest.approx(expected)


@pytest.mark.parametrize("score", SCORES)
def test_sections_that_cannot_be_scored(score):
    labels, coords = tissue(100)
    expected = score(labels, coords)
    labels = [*labels, 1, None, None]
    coords = np.vstack([coords, np.zeros((3, 2))])
    where = [*["s1"] * 100, "s2", "s3", "s3"]
    with pytest.warns(UserWarning, match=r"not scored, since at least .*: 's2', 's3'"):
        assert score(labels, coords, where) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = metrics.section_spatial_scores(labels, coords, where)
    assert table.loc["s1", score.__name__] == expected
    assert table.loc[["s2", "s3"]].isna().all(axis=None)


def test_sections_of_one_domain_have_no_silhouette():
    labels, coords = tissue(100)
    labels[50:] = 0
    where = np.repeat(["s1", "s2"], 50)
    expected = metrics.spatial_silhouette(labels[:50], coords[:50])
    with pytest.warns(UserWarning, match="2 domains, and fewer domains than labelled spots"):
        assert metrics.spatial_silhouette(labels, coords, where) == expected
    assert metrics.section_spatial_scores(labels, coords, where).loc["s2", "pas"] == 0


@pytest.mark.parametrize("score", [*SCORES, metrics.section_spatial_scores])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [0, 1]}, ValueError, "coords has 60 rows, but there are 2 spots"),
        ({"labels": [None] * 60}, ValueError, "all 60 labels are missing"),
        ({"labels": [[0]] * 60}, ValueError, "one-dimensional"),
        ({"coords": np.full((60, 2), np.nan)}, ValueError, "coords has 120 NaN"),
        ({"coords": np.zeros(60)}, ValueError, r"shape \(n_spots, n_dims\)"),
        ({"coords": sparse.csr_matrix((60, 2))}, TypeError, "coords is sparse"),
        ({"coords": [["a", "b"]] * 60}, TypeError, "coords must be numeric"),
        ({"coords": np.ones((60, 2))}, ValueError, "all 30 labelled spots of section 0 lie at one"),
        ({"sections": [0, 1]}, ValueError, "sections has 2 entries for 60 spots"),
        ({"sections": [0, None] * 30}, ValueError, "sections is missing for 30 of 60"),
    ],
)
def test_what_cannot_be_scored(score, change, error, message):
    labels, coords = tissue(60)
    arguments = {"labels": labels, "coords": coords, "sections": np.arange(60) % 2} | change
    with pytest.raises(error, match=message):
        score(**arguments)


@pytest.mark.parametrize("score", SCORES)
def test_one_section_that_cannot_be_scored(score):
    with pytest.raises(ValueError, match="labels cannot be scored: at least 2"):
        score([1, None], [[0, 0], [1, 1]])
    with pytest.raises(ValueError, match=r"all 2 labelled spots lie at one place"):
        score([1, 2], [[1, 1], [1, 1]])
    with pytest.raises(ValueError, match="are needed in a section"):
        score([1, 2], [[0, 0], [1, 1]], ["a", "b"])


def test_spatial_silhouette_needs_domains():
    coords = lattice(30, 30)
    for labels in ([1] * 900, range(900)):
        with pytest.raises(ValueError, match="2 domains, and fewer domains than labelled spots"):
            metrics.spatial_silhouette(list(labels), coords)
    with pytest.raises(ValueError, match="sample_size must be at least 2"):
        metrics.spatial_silhouette(coords[:, 0], coords, sample_size=1)
    with pytest.raises(ValueError, match="subset of sample_size = 5"):
        metrics.spatial_silhouette([1] * 899 + [2], coords, sample_size=5)


@pytest.mark.parametrize(
    "change",
    [
        {"n_neighbors": 0},
        {"n_neighbors": 2.5},
        {"threshold": 0},
        {"threshold": 1.1},
        {"threshold": np.nan},
    ],
)
def test_pas_refuses_bad_parameters(change):
    labels, coords = tissue(60)
    with pytest.raises(ValueError, match=next(iter(change))):
        metrics.pas(labels, coords, **change)
