"""Averages over surroundings, against dense matrices and SciPy's shortest paths."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import shortest_path

from smartcore.spatial.graph import spatial_graph
from smartcore.spatial.nuggets import nuggets
from smartcore.spatial.walks import N_AVERAGES, SHARES, STEPS, Walks, reach


@pytest.fixture
def irregular():
    """Forty spots of irregular layout, one of them without a neighbour."""
    rng = np.random.default_rng(0)
    graph = spatial_graph(rng.random((40, 2)), n_neighbors=4).tolil()
    graph[7, :] = 0
    graph[:, 7] = 0
    return sp.csr_matrix(graph)


def dense_averages(graph):
    """Matrix of each average, by definition."""
    links = graph.toarray().astype(float)
    n = len(links)
    degree = links.sum(axis=1, keepdims=True)
    around = np.where(degree > 0, links / np.maximum(degree, 1), np.eye(n))
    step = (links + np.eye(n)) / (degree + 1)
    narrow = [(1 - share) * np.eye(n) + share * around for share in SHARES]
    return narrow + [np.linalg.matrix_power(step, t) for t in STEPS]


def test_averages_are_powers_of_the_closed_walk(irregular):
    x = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    found = list(Walks(irregular).averages(x))
    assert len(found) == N_AVERAGES
    for average, matrix in zip(found, dense_averages(irregular), strict=True):
        np.testing.assert_allclose(average, matrix @ x, atol=2e-6)
    for average in found:
        np.testing.assert_array_equal(average[7], x[7])


def test_traces_are_those_of_the_matrices(irregular):
    exact = [np.trace(matrix) / 40 for matrix in dense_averages(irregular)]
    found = Walks(irregular).traces(np.random.default_rng(0))
    np.testing.assert_allclose(found, exact, atol=0.005)


def test_walks_never_leave_a_section():
    xy = np.tile(np.argwhere(np.ones((5, 5))), (2, 1))
    section = np.repeat([0, 1], 25)
    graph = spatial_graph(xy, n_neighbors=4, sections=section)
    x = section[:, None].astype(np.float32)
    for average in Walks(graph).averages(x):
        np.testing.assert_allclose(average, x, atol=1e-6)


def test_reach_is_the_spread_of_a_walk():
    """On a long line a step of the closed walk has variance 2/3, so that √t overstates it."""
    graph = spatial_graph(
        np.column_stack([np.arange(401), np.zeros(401)]), method="radius", radius=1
    )
    start = np.zeros((401, 1), np.float32)
    start[200] = 1
    place = np.arange(-200, 201)
    for average, width in list(zip(Walks(graph).averages(start), reach(), strict=True))[3:]:
        spread = np.sqrt(np.sum(place**2 * average[:, 0]))
        assert spread == pytest.approx(width * np.sqrt(2 / 3), rel=0.01)


@pytest.mark.parametrize("rows", [None, np.arange(0, 40, 3)])
def test_nuggets_against_shortest_paths(irregular, rows):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 4)) + 2 * rng.random((40, 1))
    x -= x.mean(axis=0)
    distance = shortest_path(irregular, unweighted=True)
    correlation = []
    for hops in (1, 2):
        pairs = [
            (i, j)
            for i in (range(40) if rows is None else rows)
            for j in range(40)
            if distance[i, j] == hops
        ]
        i, j = np.array(pairs).T
        correlation.append((x[i] * x[j]).mean(axis=0) / (x[i] ** 2).mean(axis=0))
    near, far = correlation
    expected = np.where(near > 0, 1 - np.clip(2 * near - far, np.maximum(near, 0), 1), 1)
    np.testing.assert_allclose(nuggets(x, irregular, rows), expected, atol=1e-6)


def test_nugget_of_a_smooth_field_in_noise():
    xy = np.argwhere(np.ones((60, 60)))
    smooth = np.sin(xy[:, 0] / 10) + np.cos(xy[:, 1] / 8)
    smooth = (smooth - smooth.mean()) / smooth.std()
    noise = np.random.default_rng(0).normal(size=len(xy))
    for share in (0.1, 0.5, 0.9):
        x = np.sqrt(1 - share) * smooth + np.sqrt(share) * noise
        x -= x.mean()
        found = nuggets(x[:, None], spatial_graph(xy))[0]
        assert found == pytest.approx(share, abs=0.06)
