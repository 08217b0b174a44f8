"""The blocked nearest-neighbour probe, against a loop."""

import numpy as np
import pytest

from helpers.metrics import lattice
from smartcore import metrics


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
