"""Metrics of several sections, against loops and scib-metrics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.optimize import brentq
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, entropy
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

from smartcore import metrics


def sections_of(sizes=(120, 80, 50), shift=0.6, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(len(codes), 4)) + shift * np.eye(len(sizes), 4)[codes]
    order = rng.permutation(len(codes))
    return x[order], codes[order]


def lisi_by_loops(distances, codes, k):
    """Inverse Simpson's index spot by spot, its bandwidth by a root finder."""
    result = []
    for i, row in enumerate(distances):
        near = [j for j in np.argsort(row, kind="stable") if j != i and np.isfinite(row[j])]
        d = row[near[: k - 1]]
        if not len(d):
            continue

        def weights(log_beta, d=d):
            w = np.exp(-np.exp(log_beta) * (d - d.min()))
            return w / w.sum()

        def excess(log_beta, weights=weights):
            return entropy(weights(log_beta)) - np.log(k // 3)

        if len(d) > k // 3:
            p = weights(brentq(excess, -20, 20, xtol=1e-10))
        else:
            p = np.full(len(d), 1 / len(d))
        own = codes[near[: k - 1]]
        result.append(1 / sum(p[own == s].sum() ** 2 for s in np.unique(codes)))
    return np.median(result)


@pytest.mark.parametrize("k", [30, 90])
@pytest.mark.parametrize("shift", [0, 1, 20])
def test_ilisi_by_loops(k, shift):
    x, codes = sections_of(shift=shift)
    expected = lisi_by_loops(cdist(x, x), codes, k)
    assert metrics.ilisi(x, codes, n_neighbors=k, scale=False) == pytest.approx(expected, abs=1e-4)
    scaled = metrics.ilisi(x, codes, n_neighbors=k)
    assert scaled == pytest.approx((expected - 1) / 2, abs=1e-4)


def test_all_spots_as_neighbours():
    x, codes = sections_of((20, 10))
    expected = lisi_by_loops(cdist(x, x), codes, 30)
    assert metrics.ilisi(x, codes, n_neighbors=30, scale=False) == pytest.approx(expected, abs=1e-4)
    assert metrics.kbet(x, codes, n_neighbors=30) == 1
    graph = kneighbors_graph(x, 5, mode="distance")
    expected = lisi_by_loops(shortest_paths(graph.toarray()), codes, 30)
    found = metrics.ilisi_graph(graph, codes, n_neighbors=30, scale=False)
    assert found == pytest.approx(expected, abs=1e-4)


def test_ilisi_does_not_depend_on_the_scale_of_the_embedding():
    x, codes = sections_of()
    values = [metrics.ilisi(x * factor, codes) for factor in (1e-6, 1, 1e6)]
    assert values == pytest.approx([values[1]] * 3, abs=1e-5)


def shortest_paths(graph):
    """Floyd and Warshall's, on a dense matrix."""
    d = np.where(graph > 0, graph, np.inf)
    d = np.minimum(d, d.T)
    np.fill_diagonal(d, 0)
    for j in range(len(d)):
        d = np.minimum(d, d[:, [j]] + d[[j]])
    return d


@pytest.mark.parametrize("shift", [0, 1, 20])
def test_ilisi_on_a_graph_by_loops(shift):
    x, codes = sections_of(shift=shift)
    graph = kneighbors_graph(x, 8, mode="distance")
    expected = lisi_by_loops(shortest_paths(graph.toarray()), codes, 45)
    found = metrics.ilisi_graph(graph, codes, n_neighbors=45, scale=False)
    assert found == pytest.approx(expected, abs=1e-4)


def test_ilisi_on_a_graph_in_pieces():
    x, codes = sections_of((30, 30, 30))
    graph = kneighbors_graph(x, 3, mode="distance").toarray()
    piece = np.arange(90) // 10
    graph[piece[:, None] != piece] = 0
    graph[:3] = graph[:, :3] = 0
    expected = lisi_by_loops(shortest_paths(graph), codes, 30)
    found = metrics.ilisi_graph(sp.csr_matrix(graph), codes, n_neighbors=30, scale=False)
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.isnan(metrics.ilisi_graph(sp.csr_matrix((90, 90)), codes, n_neighbors=30))


def test_ilisi_on_a_graph_from_a_sample():
    x, codes = sections_of((400, 400), shift=1)
    graph = kneighbors_graph(x, 15, mode="distance")
    everyone = metrics.ilisi_graph(graph, codes)
    some = metrics.ilisi_graph(graph, codes, sample_size=300)
    assert some == pytest.approx(everyone, abs=0.06)
    assert some != everyone


def kbet_by_loops(x, codes, k, alpha):
    distances = cdist(x, x)
    share = np.bincount(codes) / len(codes)
    accepted = []
    for row in distances:
        near = codes[np.argsort(row, kind="stable")[:k]]
        observed = np.bincount(near, minlength=len(share))
        accepted.append(chisquare(observed, k * share).pvalue >= alpha)
    return np.mean(accepted)


@pytest.mark.parametrize("k", [12, 50])
@pytest.mark.parametrize("shift", [0, 0.8, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_kbet_by_loops(k, shift, alpha):
    x, codes = sections_of(shift=shift)
    expected = kbet_by_loops(x, codes, k, alpha)
    assert metrics.kbet(x, codes, n_neighbors=k, alpha=alpha) == pytest.approx(expected, abs=1e-12)


def test_kbet_chooses_a_quarter_of_a_section():
    x, codes = sections_of((160, 80))
    assert metrics.kbet(x, codes) == metrics.kbet(x, codes, n_neighbors=30)
    x, codes = sections_of((12, 12))
    assert metrics.kbet(x, codes) == metrics.kbet(x, codes, n_neighbors=10)


@pytest.mark.parametrize("sizes", [(300, 300), (500, 100, 60)])
@pytest.mark.parametrize("shift", [0, 0.7, 3])
def test_mixing_as_in_scib_metrics(sizes, shift):
    scib = pytest.importorskip(
        "scib_metrics", reason="scib-metrics is not installed (dependency group scib)"
    )
    from scib_metrics.nearest_neighbors import NeighborsResults

    x, codes = sections_of(sizes, shift)
    names = np.array(["b", "a", "c"])[codes]

    def nearest(distances, k):
        first = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return NeighborsResults(
            indices=first, distances=np.take_along_axis(distances, first, axis=1)
        )

    near = nearest(cdist(x, x), 90)
    for scale in (True, False):
        expected = scib.ilisi_knn(near, names, scale=scale)
        assert metrics.ilisi(x, names, scale=scale) == pytest.approx(expected, abs=2e-4)
    graph = kneighbors_graph(x, 15, mode="distance")
    along = nearest(shortest_paths(graph.toarray()), 90)
    expected = scib.ilisi_knn(along, names)
    assert metrics.ilisi_graph(graph, names) == pytest.approx(expected, abs=2e-4)
    for k in (20, 50):
        expected = scib.kbet(nearest(cdist(x, x), k), names)[0]
        assert metrics.kbet(x, names, n_neighbors=k) == pytest.approx(expected, abs=2e-3)


def test_mixing_is_between_nothing_and_all():
    x, codes = sections_of((300, 300), shift=0)
    assert metrics.ilisi(x, codes) > 0.9
    assert metrics.kbet(x, codes) > 0.85
    assert metrics.ilisi(x + 99 * codes[:, None], codes) == pytest.approx(0, abs=1e-9)
    assert metrics.kbet(x + 99 * codes[:, None], codes) == 0


@pytest.mark.parametrize("metric", [metrics.ilisi, metrics.kbet])
def test_spots_without_section_and_identical_spots(metric):
    x, codes = sections_of((100, 100))
    names = pd.Series(codes).astype(object)
    names[:20] = None
    assert metric(x, names) == metric(x[20:], codes[20:])
    assert np.isfinite(metric(np.zeros_like(x), codes))


def test_order_of_spots_does_not_matter():
    x, codes = sections_of()
    order = np.random.default_rng(0).permutation(len(x))
    for metric in (metrics.ilisi, metrics.kbet):
        assert metric(x, codes) == pytest.approx(metric(x[order], codes[order]), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sections": [0] * 250}, "one section"),
        ({"sections": [0, 1]}, "has 250 rows"),
        ({"n_neighbors": 251}, "number of spots, 250, not 251"),
        ({"n_neighbors": 1}, "n_neighbors must be"),
        ({"embedding": np.full((250, 2), np.nan)}, "NaN"),
    ],
)
@pytest.mark.parametrize("metric", [metrics.ilisi, metrics.kbet])
def test_what_cannot_be_scored(metric, change, message):
    x, codes = sections_of()
    with pytest.raises(ValueError, match=message):
        metric(**({"embedding": x, "sections": codes} | change))


def test_graphs_that_cannot_be_scored():
    x, codes = sections_of()
    graph = kneighbors_graph(x, 5, mode="distance")
    with pytest.raises(TypeError, match="must be sparse"):
        metrics.ilisi_graph(graph.toarray(), codes)
    with pytest.raises(ValueError, match=r"shape \(250, 250\), but there are 9"):
        metrics.ilisi_graph(graph, codes[:9])
    with pytest.raises(ValueError, match="not negative"):
        metrics.ilisi_graph(-graph, codes)


# --- section by section ---------------------------------------------------------------------


def test_ari_of_each_section():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90).astype(float)
    found, where = rng.integers(0, 4, 90), np.repeat(["s10", "s2", "s1"], 30)
    truth[where == "s1"] = np.nan
    truth[:7] = np.nan
    result = metrics.section_ari(truth, found, where)
    assert result.index.tolist() == ["s1", "s2", "s10"]
    assert np.isnan(result["s1"])
    assert result["s2"] == adjusted_rand_score(truth[30:60], found[30:60])
    assert result["s10"] == adjusted_rand_score(truth[7:30], found[7:30])


def test_proportions_of_domains():
    domains = pd.Categorical(["d2", "d10", "d2", None, "d2", None])
    table = metrics.domain_proportions(domains, ["b", "b", "b", "b", "a", "c"])
    expected = pd.DataFrame([[1, 0], [2 / 3, 1 / 3], [np.nan] * 2], list("abc"), ["d2", "d10"])
    pd.testing.assert_frame_equal(table, expected, check_names=False)


@pytest.mark.parametrize("where", [["a", "b"], ["a", None, "b"]])
def test_every_spot_needs_a_section(where):
    with pytest.raises(ValueError, match="sections"):
        metrics.section_ari([0, 1, 1], [0, 1, 1], where)
    with pytest.raises(ValueError, match="sections"):
        metrics.domain_proportions([0, 1, 1], where)
