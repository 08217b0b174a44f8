"""Metrics against scikit-learn, scipy, scanpy and naive loops."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from scipy.spatial.distance import cdist
from sklearn import metrics as sk

from smartcore import metrics

SEVEN = {
    "ari": sk.adjusted_rand_score,
    "ami": sk.adjusted_mutual_info_score,
    "nmi": sk.normalized_mutual_info_score,
    "homogeneity": sk.homogeneity_score,
    "mutual_info": sk.mutual_info_score,
    "v_measure": sk.v_measure_score,
    "fmi": sk.fowlkes_mallows_score,
}


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def lattice(n_rows, n_cols):
    """Coordinates and the four-neighbour graph of a grid."""
    rows, cols = np.divmod(np.arange(n_rows * n_cols), n_cols)
    coords = np.column_stack([cols, rows]).astype(float)
    return coords, sparse.csr_matrix(np.abs(cdist(coords, coords) - 1) < 1e-9, dtype=float)


# --- agreement with a truth ---------------------------------------------------------------


def test_scores_equal_scikit_learn(rng):
    truth, predicted = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    result = metrics.scores(truth, predicted)
    assert list(result) == list(SEVEN)
    for name, score in SEVEN.items():
        assert result[name] == pytest.approx(score(truth, predicted), abs=1e-12)
        assert getattr(metrics, name)(truth, predicted) == result[name]


def test_scores_by_hand():
    # Pairs of 4 spots: together in truth {01, 23}, predicted {01, 02, 12}: 1 in both.
    result = metrics.scores(list("aabb"), [0, 0, 0, 1])
    assert result["fmi"] == pytest.approx(1 / np.sqrt(2 * 3))
    entropy = stats.entropy([0.5, 0.5])
    joint = stats.entropy([0.5, 0.25, 0.25])
    mutual = entropy + stats.entropy([0.75, 0.25]) - joint
    assert result["mutual_info"] == pytest.approx(mutual)
    assert result["homogeneity"] == pytest.approx(mutual / entropy)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: [f"d{i}" for i in x],
        lambda x: pd.Categorical([f"d{i}" for i in x]),
        lambda x: pd.Series(x, dtype="Int64", index=[f"s{i}" for i in range(len(x))]),
        lambda x: pd.Series([f"d{i}" for i in x], dtype="category"),
        lambda x: np.asarray(x).astype(float),
    ],
)
def test_scores_accept_any_kind_of_label(rng, convert):
    truth, predicted = rng.integers(0, 12, 100), rng.integers(0, 3, 100)
    expected = metrics.scores(truth, predicted)
    assert metrics.scores(convert(truth), predicted) == pytest.approx(expected, abs=1e-12)
    assert metrics.scores(truth, convert(predicted)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "truth",
    [
        ["a", None, "a", "b", "b", np.nan],
        pd.Series(["a", pd.NA, "a", "b", "b", pd.NA], dtype="string"),
        pd.Categorical(["a", None, "a", "b", "b", None], categories=["b", "a", "unused"]),
        pd.Series([1, pd.NA, 1, 2, 2, pd.NA], dtype="Int64"),
        np.array([1.0, np.nan, 1.0, 2.0, 2.0, np.nan]),
    ],
)
def test_missing_truth_is_left_out_and_reported(truth, caplog):
    predicted = [0, 1, 0, 0, 1, 1]
    with caplog.at_level(logging.INFO, logger="smartcore"):
        result = metrics.scores(truth, predicted)
    expected = {n: f([0, 0, 1, 1], [0, 0, 0, 1]) for n, f in SEVEN.items()}
    assert result == pytest.approx(expected, abs=1e-12)
    assert "2 of 6 spots have no truth" in caplog.text


def test_scores_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match="truth has 3 labels and predicted 2"):
        metrics.scores([0, 1, 1], [0, 1])
    with pytest.raises(ValueError, match="all 2 labels are missing"):
        metrics.ari([None, np.nan], [0, 1])
    with pytest.raises(ValueError, match="lacks a label for 1 spots"):
        metrics.ari([0, 1, 1], [0, None, 1])
    with pytest.raises(ValueError, match="one-dimensional"):
        metrics.nmi([[0, 1]], [0, 1])
    with pytest.raises(ValueError, match="empty"):
        metrics.nmi([], [])
    # A prediction may be missing where the truth is too.
    assert metrics.ari([0, 0, 1, None], [0, 0, 1, None]) == 1.0


# --- Moran's I ------------------------------------------------------------------------------


def naive_morans_i(x, weights):
    w, z = weights.toarray(), x - x.mean()
    return len(x) / w.sum() * (w * np.outer(z, z)).sum() / (z**2).sum()


def test_morans_i_equals_its_formula(rng):
    _, graph = lattice(6, 7)
    graph.data = rng.random(graph.nnz)
    values = rng.normal(size=(42, 3))
    result = metrics.morans_i(values, graph)
    expected = [naive_morans_i(values[:, j], graph) for j in range(3)]
    np.testing.assert_allclose(result, expected, atol=1e-12)
    for kind in (graph.tocsc(), graph.tocoo(), sparse.csr_array(graph)):
        np.testing.assert_allclose(metrics.morans_i(values, kind), expected, atol=1e-12)
    single = metrics.morans_i(values[:, 1].astype(np.float32), graph)
    assert isinstance(single, float)
    assert single == pytest.approx(expected[1], abs=1e-6)


def test_morans_i_of_a_checkerboard_and_a_constant():
    coords, graph = lattice(6, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metrics.morans_i(np.column_stack([coords.sum(axis=1) % 2, np.ones(36)]), graph)
    assert result[0] == pytest.approx(-1)
    assert np.isnan(result[1])


def test_morans_i_of_clusters_does_not_depend_on_names():
    coords, graph = lattice(6, 6)
    codes = (coords[:, 0] // 2).astype(int)
    result = metrics.morans_i_clusters([f"c{c + 9}" for c in codes], graph)
    assert list(result.index) == ["c9", "c10", "c11"]
    expected = [naive_morans_i((codes == c).astype(float), graph) for c in range(3)]
    np.testing.assert_allclose(result, expected, atol=1e-12)
    renamed = metrics.morans_i_clusters(
        pd.Categorical.from_codes((codes + 1) % 3, list("xyz")), graph
    )
    np.testing.assert_allclose(renamed.to_numpy(), np.array(expected)[[2, 0, 1]], atol=1e-12)


def test_morans_i_of_clusters_without_missing_labels():
    coords, graph = lattice(6, 6)
    labels = np.where(coords[:, 0] < 3, "a", "b").astype(object)
    labels[[0, 20]] = None
    keep = np.setdiff1d(np.arange(36), [0, 20])
    result = metrics.morans_i_clusters(labels, graph)
    sub = graph[keep][:, keep]
    assert result["a"] == pytest.approx(naive_morans_i((labels[keep] == "a") * 1.0, sub))
    assert np.isnan(metrics.morans_i_clusters(["one"] * 36, graph)["one"])


def test_morans_i_refuses_bad_input():
    _, graph = lattice(3, 3)
    with pytest.raises(TypeError, match="sparse"):
        metrics.morans_i(np.ones((9, 1)), graph.toarray())
    with pytest.raises(ValueError, match=r"shape \(9, 9\), but there are 8 spots"):
        metrics.morans_i(np.ones((8, 1)), graph)
    with pytest.raises(ValueError, match="no weights"):
        metrics.morans_i(np.ones((9, 1)), graph * 0)
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        metrics.morans_i(np.r_[np.nan, np.ones(8)], graph)
    with pytest.raises(TypeError, match="numeric"):
        metrics.morans_i(["a"] * 9, graph)


# --- separation -------------------------------------------------------------------------------


def test_separation_equals_scikit_learn(rng):
    labels = np.repeat(["a", "b", "c"], 20).astype(object)
    points = rng.normal(size=(60, 3)) + np.repeat(np.arange(3), 20)[:, None]
    silhouette, db = sk.silhouette_score(points, labels), sk.davies_bouldin_score(points, labels)
    assert metrics.silhouette(points, labels) == pytest.approx(silhouette)
    assert metrics.silhouette(points, labels, sample_size=None) == pytest.approx(silhouette)
    assert metrics.davies_bouldin(points, labels) == pytest.approx(db)
    extra = np.r_[points, rng.normal(size=(2, 3)) * 100]
    assert metrics.silhouette(extra, [*labels, None, None]) == pytest.approx(silhouette)
    assert metrics.davies_bouldin(extra, [*labels, None, None]) == pytest.approx(db)


def test_silhouette_of_a_subset(rng):
    labels = np.repeat([0, 1], 500)
    points = rng.normal(size=(1000, 2)) + labels[:, None] * 2
    whole = metrics.silhouette(points, labels)
    part = metrics.silhouette(points, labels, sample_size=200)
    assert part == metrics.silhouette(points, labels, sample_size=200)
    assert part != whole
    assert part == pytest.approx(whole, abs=0.1)
    assert part != metrics.silhouette(points, labels, sample_size=200, seed=1)


def test_separation_refuses_bad_input():
    points = np.arange(4.0)[:, None]
    for score in (metrics.silhouette, metrics.davies_bouldin):
        with pytest.raises(ValueError, match="hold 1 cluster"):
            score(points, [1, 1, 1, 1])
        with pytest.raises(ValueError, match="hold 4 cluster"):
            score(points, [1, 2, 3, 4])
        with pytest.raises(ValueError, match="4 rows, but there are 3 spots"):
            score(points, [1, 2, 2])
    with pytest.raises(ValueError, match="sample_size"):
        metrics.silhouette(points, [1, 1, 2, 2], sample_size=1)
    with pytest.raises(ValueError, match="subset of sample_size"):
        metrics.silhouette(np.arange(1000.0)[:, None], [1] * 999 + [2], sample_size=5)


# --- correlation with each modality -------------------------------------------------------------


def naive_correlation(a, b, reference):
    result = []
    for i in range(len(a)):
        others = [j for j in reference if j != i]
        x = [np.linalg.norm(a[i] - a[j]) for j in others]
        y = [np.linalg.norm(b[i] - b[j]) for j in others]
        result.append(stats.pearsonr(x, y).statistic)
    return np.array(result)


def test_modality_correlation_equals_a_loop(rng):
    embedding = rng.normal(size=(40, 4)) + 1e4  # a far origin
    features = {"rna": embedding[:, :2] * 3, "protein": rng.normal(size=(40, 5))}
    result = metrics.modality_correlation(embedding, features, chunk_size=7)
    assert list(result.columns) == ["rna", "protein"]
    assert result.shape == (40, 2)
    for name, values in features.items():
        expected = naive_correlation(embedding, values, range(40))
        np.testing.assert_allclose(result[name], expected, atol=1e-8)
    assert result["rna"].mean() > result["protein"].mean() + 0.3


def test_modality_correlation_with_reference_spots(rng):
    embedding, features = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    result = metrics.modality_correlation(embedding, {"x": features}, n_reference=20, seed=3)["x"]
    reference = np.random.default_rng(3).choice(60, 20, replace=False)
    np.testing.assert_allclose(
        result, naive_correlation(embedding, features, reference), atol=1e-10
    )
    again = metrics.modality_correlation(
        embedding, {"x": features}, n_reference=20, seed=3, chunk_size=11
    )["x"]
    np.testing.assert_allclose(again, result, atol=1e-12)
    exact = metrics.modality_correlation(embedding, {"x": features}, n_reference=None)["x"]
    assert not np.allclose(exact, result)


def test_modality_correlation_undefined_and_missing(rng):
    embedding = rng.normal(size=(30, 3))
    alike = np.full((30, 2), 0.1)
    corners = np.eye(30)  # all equally far from each other
    lacking = rng.normal(size=(30, 4))
    lacking[5:8] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metrics.modality_correlation(
            embedding, {"alike": alike, "corners": corners, "lacking": lacking}
        )
    assert result["alike"].isna().all()
    assert result["corners"].isna().all()
    present = np.setdiff1d(np.arange(30), [5, 6, 7])
    assert list(np.flatnonzero(result["lacking"].isna())) == [5, 6, 7]
    np.testing.assert_allclose(
        result["lacking"][present],
        naive_correlation(embedding[present], lacking[present], range(27)),
        atol=1e-10,
    )


def test_modality_correlation_refuses_bad_input(rng):
    x = rng.normal(size=(10, 2))
    with pytest.raises(TypeError, match="map modality names"):
        metrics.modality_correlation(x, [x])
    with pytest.raises(ValueError, match="no modality"):
        metrics.modality_correlation(x, {})
    with pytest.raises(ValueError, match=r"features\['rna'\] has 9 rows"):
        metrics.modality_correlation(x, {"rna": x[:9]})
    with pytest.raises(TypeError, match="sparse"):
        metrics.modality_correlation(x, {"rna": sparse.csr_matrix(x)})
    with pytest.raises(ValueError, match="1 NaN"):
        metrics.modality_correlation(x, {"rna": np.where(np.arange(20).reshape(10, 2), x, np.nan)})
    with pytest.raises(ValueError, match="n_reference"):
        metrics.modality_correlation(x, {"rna": x}, n_reference=2)
    with pytest.raises(ValueError, match="3 spots: at least 4"):
        metrics.modality_correlation(x[:3], {"rna": x[:3]})


# --- blocked nearest-neighbour probe --------------------------------------------------------------


def naive_probe(embedding, labels, coords, radius, k):
    """Balanced accuracy by a loop over spots; integer arithmetic makes ties exact."""
    right: dict = {}
    for i in range(len(labels)):
        others = [
            (int(((embedding[i] - embedding[j]) ** 2).sum()), j)
            for j in range(len(labels))
            if np.linalg.norm(coords[i] - coords[j]) > radius + 1e-6
        ]
        votes = [labels[j] for _, j in sorted(others)[:k]]
        most = max(votes.count(v) for v in votes)
        vote = next(v for v in votes if votes.count(v) == most)
        right.setdefault(labels[i], []).append(vote == labels[i])
    return np.mean([np.mean(v) for v in right.values()])


@pytest.mark.parametrize("k", [1, 4, 15])
@pytest.mark.parametrize("radius", [0.0, 3.0])
def test_probe_equals_a_loop_with_many_ties(rng, k, radius):
    coords, _ = lattice(8, 9)
    embedding = rng.integers(0, 4, size=(72, 2))
    labels = np.array([f"d{v}" for v in rng.integers(0, 4, 72)], dtype=object)
    result = metrics.blocked_knn_probe(
        embedding, labels, coords, radius=radius, n_neighbors=k, chunk_size=10
    )
    assert result == pytest.approx(naive_probe(embedding, labels, coords, radius, k), abs=1e-12)
    assert result == metrics.blocked_knn_probe(
        embedding, labels, coords, radius=radius, n_neighbors=k
    )


def test_probe_default_radius_is_eight_grid_steps(rng):
    coords, _ = lattice(14, 14)
    embedding = rng.integers(0, 5, size=(196, 2))
    labels = rng.integers(0, 3, 196)
    expected = naive_probe(embedding, labels, coords, 8.0, 15)
    assert naive_probe(embedding, labels, coords, 7.9, 15) != expected
    # A step that binary floats cannot hold, so that rounding decides who is at the radius.
    for step in (1.0, 4 / 35, 0.1):
        result = metrics.blocked_knn_probe(embedding, labels, coords * step - 2, radius=None)
        assert result == pytest.approx(expected, abs=1e-12)


def test_probe_leaves_out_missing_labels(rng):
    coords, _ = lattice(8, 8)
    embedding = rng.integers(0, 4, size=(64, 2))
    labels = rng.integers(0, 2, 64).astype(object)
    labels[[3, 30]] = None
    keep = np.setdiff1d(np.arange(64), [3, 30])
    result = metrics.blocked_knn_probe(embedding, labels, coords, radius=2.0)
    expected = naive_probe(embedding[keep], labels[keep], coords[keep], 2.0, 15)
    assert result == pytest.approx(expected, abs=1e-12)


def test_probe_rewards_distant_twins_not_smoothness():
    coords, _ = lattice(24, 24)
    labels = ((coords // 6).sum(axis=1) % 2).astype(int)
    assert metrics.blocked_knn_probe(labels[:, None], labels, coords) == 1.0
    assert metrics.blocked_knn_probe(coords, labels, coords) < 0.6


def test_probe_warns_of_spots_without_voters():
    coords = np.array([[0.0, 0], [1, 0], [2, 0], [20, 0]])
    with pytest.warns(UserWarning, match="1 of 4 spots have no other"):
        result = metrics.blocked_knn_probe(
            [[0.0], [0], [1], [0]], ["a", "a", "b", "a"], coords, radius=18.5, n_neighbors=1
        )
    assert result == 1.0  # spots 0, 1 and 3; spot 2 is 18 away from the farthest


def test_probe_refuses_bad_input():
    coords, _ = lattice(4, 4)
    labels = np.arange(16) % 2
    probe = metrics.blocked_knn_probe
    with pytest.raises(ValueError, match="no two spots are more than radius = 50 apart"):
        probe(coords, labels, coords, radius=50)
    with pytest.raises(ValueError, match="one kind only"):
        probe(coords, labels * 0, coords)
    with pytest.raises(ValueError, match="n_neighbors"):
        probe(coords, labels, coords, n_neighbors=0)
    with pytest.raises(ValueError, match="radius must be"):
        probe(coords, labels, coords, radius=-1)
    with pytest.raises(ValueError, match="radius must be"):
        probe(coords, labels, coords, radius=np.nan)
    with pytest.raises(ValueError, match="grid step is unknown"):
        probe(coords, labels, coords * 0)
    with pytest.raises(ValueError, match="coords has 15 rows"):
        probe(coords, labels, coords[:15])
