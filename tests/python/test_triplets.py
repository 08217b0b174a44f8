import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chisquare

from smartcore import triplets
from smartcore.triplets import TripletSampler, mutual_nearest_neighbors, nearest_neighbors


def mutual_by_loops(x, k):
    distance = cdist(x, x)
    np.fill_diagonal(distance, np.inf)
    near = [set(np.argsort(row)[:k]) for row in distance]
    return {(i, int(j)) for i in range(len(x)) for j in near[i] if i in near[j]}


def far_by_loops(x, anchor, ratio):
    others = [i for i in range(len(x)) if i != anchor]
    others.sort(key=lambda i: np.linalg.norm(x[i] - x[anchor]))
    return set(others[-max(1, int(ratio * len(others))) :])


@pytest.fixture(params=[(60, 3), (200, 12)])
def x(request):
    return np.random.default_rng(5).normal(size=request.param)


@pytest.mark.parametrize("k", [1, 3, 7])
def test_pairs_are_those_of_brute_force(x, k):
    anchors, positives = mutual_nearest_neighbors(x, k)
    pairs = list(zip(anchors.tolist(), positives.tolist(), strict=True))
    assert set(pairs) == mutual_by_loops(x, k)
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.6, 1.0])
def test_negatives_are_the_far_spots_all_of_them(x, ratio):
    sampler = TripletSampler(x, far_ratio=ratio)
    rng = np.random.default_rng(0)
    seen = {a: set() for a in sampler.anchors}
    for _ in range(1000 * (ratio > 0) + 10 if len(x) < 100 else 30):
        for anchor, negative in zip(sampler.anchors, sampler.draw(rng), strict=True):
            seen[anchor].add(negative)
    for anchor, negatives in seen.items():
        far = far_by_loops(x, anchor, ratio)
        assert negatives <= far
        if len(x) < 100:
            assert negatives == far


def test_negatives_are_drawn_evenly():
    x = np.random.default_rng(1).normal(size=(40, 2))
    sampler = TripletSampler(x)
    rng = np.random.default_rng(2)
    first = sampler.anchors[0]
    drawn = [sampler.draw(rng)[0] for _ in range(1500)]
    far = sorted(far_by_loops(x, first, 0.6))
    assert chisquare([drawn.count(i) for i in far]).pvalue > 1e-3


def test_negatives_change_with_the_draw_and_repeat_with_the_seed(x):
    sampler = TripletSampler(x)
    rng = np.random.default_rng(0)
    first, second = sampler.draw(rng), sampler.draw(rng)
    assert (first != second).any()
    np.testing.assert_array_equal(first, sampler.draw(np.random.default_rng(0)))


def test_identical_and_zero_rows():
    x = np.repeat(np.random.default_rng(0).normal(size=(10, 4)), 6, axis=0)
    x[:6] = 0
    sampler = TripletSampler(x)
    group = np.arange(60) // 6
    np.testing.assert_array_equal(group[sampler.anchors], group[sampler.positives])
    assert (sampler.anchors != sampler.positives).all()
    negatives = sampler.draw(np.random.default_rng(0))
    assert (group[negatives] != group[sampler.anchors]).all()


def test_all_rows_equal():
    sampler = TripletSampler(np.ones((12, 3)))
    negatives = sampler.draw(np.random.default_rng(0))
    assert len(negatives) == len(sampler.anchors)
    assert (negatives != sampler.anchors).all()


def test_two_rows():
    sampler = TripletSampler(np.array([[0.0], [1.0]]))
    assert sampler.anchors.tolist() == [0, 1]
    assert sampler.draw(np.random.default_rng(0)).tolist() == [1, 0]


def test_one_row_has_no_pair():
    sampler = TripletSampler(np.zeros((1, 3)))
    assert len(sampler.anchors) == len(sampler.draw(np.random.default_rng(0))) == 0


def test_rows_are_named_as_the_caller_knows_them(x):
    rows = np.arange(len(x)) * 10 + 5
    plain, named = TripletSampler(x), TripletSampler(x, rows=rows)
    np.testing.assert_array_equal(named.anchors, rows[plain.anchors])
    np.testing.assert_array_equal(named.positives, rows[plain.positives])
    draws = [s.draw(np.random.default_rng(1)) for s in (plain, named)]
    np.testing.assert_array_equal(draws[1], rows[draws[0]])


def test_max_anchors_searches_among_so_many(x):
    sampler = TripletSampler(x, max_anchors=30, seed=3)
    used = np.unique(np.concatenate([sampler.anchors, sampler.positives]))
    assert len(used) <= 30
    chosen = np.sort(np.random.default_rng(3).choice(len(x), 30, replace=False))
    expected = {(chosen[i], chosen[j]) for i, j in mutual_by_loops(x[chosen], 3)}
    assert set(zip(sampler.anchors, sampler.positives, strict=True)) == expected


def test_beyond_the_exact_search(monkeypatch):
    """Neighbours nearly all found, and far negatives nearly all far, from a sample."""
    x = np.random.default_rng(0).normal(size=(3000, 8))
    exact = nearest_neighbors(x, 3)
    monkeypatch.setattr(triplets, "EXACT_UP_TO", 1000)
    monkeypatch.setattr(triplets, "N_REFERENCES", 512)
    found = nearest_neighbors(x, 3)
    recall = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95
    sampler = TripletSampler(x)
    negatives = sampler.draw(np.random.default_rng(0))
    rank = np.array(
        [
            (np.linalg.norm(x - x[a], axis=1) < np.linalg.norm(x[n] - x[a])).mean()
            for a, n in zip(sampler.anchors, negatives, strict=True)
        ]
    )
    assert (rank > 0.4 - 0.08).all()
    assert (rank < 0.4).mean() < 0.05
