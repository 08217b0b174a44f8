from itertools import combinations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from scipy.stats import chisquare

from smartcore.neighbors import search, triplets
from smartcore.neighbors.mutual import mutual_nearest_neighbors
from smartcore.neighbors.search import MOST_PARTNERS, Search, section_pairs
from smartcore.neighbors.triplets import TripletSampler


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
        for anchor, negative in zip(*sampler.draw(rng)[[0, 2]], strict=True):
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
    drawn = [sampler.draw(rng)[2, 0] for _ in range(1500)]
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
    negatives = sampler.draw(np.random.default_rng(0))[2]
    assert (group[negatives] != group[sampler.anchors]).all()


def test_all_rows_equal():
    sampler = TripletSampler(np.ones((12, 3)))
    negatives = sampler.draw(np.random.default_rng(0))[2]
    assert len(negatives) == len(sampler.anchors)
    assert (negatives != sampler.anchors).all()


def test_two_rows():
    sampler = TripletSampler(np.array([[0.0], [1.0]]))
    assert sampler.anchors.tolist() == [0, 1]
    assert sampler.draw(np.random.default_rng(0)).tolist() == [[0, 1], [1, 0], [1, 0]]


def test_one_row_has_no_pair():
    sampler = TripletSampler(np.zeros((1, 3)))
    assert len(sampler.anchors) == 0
    assert sampler.draw(np.random.default_rng(0)).shape == (3, 0)


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


def beyond_share(x, sampler):
    """Share of the other spots that lie beyond where "far" begins, of each anchor."""
    anchors = np.unique(sampler.anchors)
    distance = cdist(sampler._x[anchors], sampler._x) ** 2
    return (distance >= sampler._far_from[anchors, None]).sum(axis=1) / (len(x) - 1)


@pytest.mark.parametrize("ratio", [0.1, 0.6])
@pytest.mark.parametrize("d", [2, 8, 30])
def test_far_told_from_a_sample_is_nearly_the_share_asked_for(ratio, d):
    """Its spread is binomial: for each anchor, as all share the sample."""
    x = np.random.default_rng(0).normal(size=(6000, d))
    shares = [beyond_share(x, TripletSampler(x, far_ratio=ratio, seed=seed)) for seed in range(5)]
    spread = np.sqrt(ratio * (1 - ratio) / triplets.N_REFERENCES)
    error = np.concatenate(shares) - ratio
    assert np.sqrt(np.mean(error**2)) == pytest.approx(spread, rel=0.4)
    assert np.abs(error).max() < 6 * spread


def test_far_is_exact_where_few_spots_are(x):
    assert len(x) <= triplets.N_REFERENCES
    n_far = int(0.6 * (len(x) - 1))
    # The anchor's own distance of 0 is not among those beyond.
    np.testing.assert_allclose(beyond_share(x, TripletSampler(x)) * (len(x) - 1), n_far)


def test_beyond_the_exact_search(monkeypatch):
    """Pairs nearly all found, and far negatives nearly all far, from a sample."""
    x = np.random.default_rng(0).normal(size=(3000, 8))
    exact = TripletSampler(x)
    assert exact.recall == 1
    monkeypatch.setattr(search, "EXACT_UP_TO", 1000)
    sampler = TripletSampler(x)
    assert 0.985 < sampler.recall < 1
    pairs, of_brute_force = (
        set(zip(s.anchors.tolist(), s.positives.tolist(), strict=True)) for s in (sampler, exact)
    )
    assert len(pairs & of_brute_force) > 0.97 * len(pairs | of_brute_force)
    negatives = sampler.draw(np.random.default_rng(0))[2]
    rank = np.array(
        [
            (np.linalg.norm(x - x[a], axis=1) < np.linalg.norm(x[n] - x[a])).mean()
            for a, n in zip(sampler.anchors, negatives, strict=True)
        ]
    )
    assert (rank > 0.4 - 0.08).all()
    assert (rank < 0.4).mean() < 0.05


# --- several sections -----------------------------------------------------------------------


def sections_of(sizes=(40, 25, 60), d=4, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    rng.shuffle(codes)
    return rng.normal(size=(len(codes), d)), codes


def mutual_over_sections(x, codes, k, partners):
    """Every pair of sections by loops, neighbours of a spot sorted by distance."""
    distance = cdist(x, x)
    near = {}
    for i in range(len(x)):
        for t in np.unique(codes):
            there = [j for j in np.flatnonzero(codes == t) if j != i]
            near[i, t] = {int(j) for j in sorted(there, key=lambda j, i=i: distance[i, j])[:k]}
    alone = len(np.unique(codes)) == 1
    pairs = set()
    for (i, t), found in near.items():
        s = codes[i]
        if alone or {"across": s != t, "within": s == t, "both": True}[partners]:
            pairs |= {(i, j) for j in found if i in near[j, s]}
    return pairs


@pytest.mark.parametrize("partners", ["across", "within", "both"])
@pytest.mark.parametrize("sizes", [(40, 25, 60), (1, 30), (2, 1, 20), (50,)])
@pytest.mark.parametrize("k", [1, 3])
def test_pairs_over_sections_are_those_of_brute_force(partners, sizes, k):
    x, codes = sections_of(sizes)
    found = mutual_nearest_neighbors(x, k, sections=codes, partners=partners)
    pairs = list(zip(*(side.tolist() for side in found), strict=True))
    assert pairs == sorted(mutual_over_sections(x, codes, k, partners))


def test_one_section_is_the_same_with_and_without_its_name(x):
    plain, named = TripletSampler(x), TripletSampler(x, sections=["only"] * len(x))
    for a, b in zip(*(s.draw(np.random.default_rng(0)) for s in (plain, named)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6, 1.0])
def test_negatives_are_the_far_spots_of_the_anchors_own_section(ratio):
    x, codes = sections_of()
    sampler = TripletSampler(x, sections=codes, far_ratio=ratio)
    rng = np.random.default_rng(0)
    seen = {a: set() for a in sampler.anchors}
    for _ in range(600):
        anchors, positives, negatives = sampler.draw(rng)
        assert (codes[anchors] != codes[positives]).all()
        for anchor, negative in zip(anchors, negatives, strict=True):
            seen[anchor].add(int(negative))
    for anchor, negatives in seen.items():
        own = np.flatnonzero(codes == codes[anchor])
        place = int(np.flatnonzero(own == anchor)[0])
        assert negatives == {int(own[i]) for i in far_by_loops(x[own], place, ratio)}


def test_names_and_order_of_sections_do_not_matter_to_the_pairs():
    x, codes = sections_of()
    names = np.array(["z", "b", "q"])[codes]
    order = np.random.default_rng(1).permutation(len(x))
    plain = set(zip(*mutual_nearest_neighbors(x, sections=codes), strict=True))
    a, p = mutual_nearest_neighbors(x[order], sections=names[order])
    assert set(zip(order[a], order[p], strict=True)) == plain


def test_a_section_of_one_spot_gives_no_anchor():
    x, codes = sections_of((1, 30))
    sampler = TripletSampler(x, sections=codes)
    lone = int(np.flatnonzero(codes == 0)[0])
    assert lone in sampler.positives
    assert lone not in sampler.anchors
    assert (codes[sampler.draw(np.random.default_rng(0))[2]] == 1).all()
    x, codes = sections_of((1, 1))
    assert TripletSampler(x, sections=codes).draw(np.random.default_rng(0)).shape == (3, 0)


def test_many_sections_draw_no_more_triplets_a_spot_than_one():
    x, codes = sections_of((12,) * 20, d=8)
    sampler = TripletSampler(x, sections=codes, n_mutual=3)
    pairs = set(zip(sampler.anchors, sampler.positives, strict=True))
    assert len(pairs) > 3 * len(x)
    drawn = set()
    rng = np.random.default_rng(0)
    for _ in range(40):
        triplets = sampler.draw(rng)
        assert triplets.shape == (3, 3 * len(x))
        one = set(zip(*triplets[:2], strict=True))
        assert len(one) == 3 * len(x)
        drawn |= one
    assert drawn <= pairs
    assert len(drawn) > 0.9 * len(pairs)


def test_pairs_of_sections():
    assert section_pairs([5, 5, 5], "within") == [(0, 0), (1, 1), (2, 2)]
    assert section_pairs([5, 5], "both") == [(0, 0), (0, 1), (1, 1)]
    assert section_pairs([5], "across") == section_pairs([5], "both") == [(0, 0)]
    assert len(section_pairs([1000] * 36, "across")) == 36 * 35 // 2


def test_very_many_spots_in_many_sections_go_with_some_others():
    pairs = np.array(section_pairs([20_000] * 36, "across", seed=1))
    assert (np.bincount(pairs.ravel()) == MOST_PARTNERS).all()
    assert len(np.unique(pairs, axis=0)) == len(pairs) == 36 * MOST_PARTNERS // 2
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(36, 36))
    assert connected_components(graph)[0] == 1
    assert section_pairs([200_000] * 11, "across") == list(combinations(range(11), 2))


def test_beyond_the_exact_search_in_other_sections(monkeypatch):
    x, codes = sections_of((2000, 1500), d=8)
    x = x.astype(np.float32)
    a, b = (Search(x[codes == s], 3) for s in (0, 1))
    exact, of_all = a.nearest_in(b)
    assert of_all == 1
    monkeypatch.setattr(search, "EXACT_UP_TO", 1000)
    found, recall = a.nearest_in(b)
    assert found.shape == exact.shape
    true = np.mean([len(set(e) & set(f)) / 3 for e, f in zip(exact, found, strict=True)])
    assert true == pytest.approx(recall, abs=0.01)
    assert recall > 0.985
    np.testing.assert_array_equal(found, Search(a.x, 3).nearest_in(Search(b.x, 3))[0])
