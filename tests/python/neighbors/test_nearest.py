import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from smartcore.neighbors import nearest as module
from smartcore.neighbors.nearest import Cells, comparable, nearest


def rows(n=300, d=6, seed=0):
    return comparable(np.random.default_rng(seed).normal(size=(n, d)))


def clustered(n, d=10, seed=0):
    rng = np.random.default_rng(seed)
    centers = 3 * rng.normal(size=(8, d))
    return comparable(centers[rng.integers(0, 8, n)] + rng.normal(size=(n, d)))


@pytest.mark.parametrize("k", [1, 3, 15, 90])
@pytest.mark.parametrize("m", [90, 91, 1000, 5003])
def test_nearest_are_those_of_a_tree_in_its_order(k, m):
    a, b = rows(50), rows(m, seed=1)
    expected = cKDTree(b.astype(float)).query(a.astype(float), k=k)[1].reshape(50, k)
    np.testing.assert_array_equal(nearest(a, b, k), expected)


@pytest.mark.parametrize("own", [0, 7, 60])
def test_no_row_finds_itself(own):
    b = rows(100)
    a = b[own : own + 40]
    distance = cdist(a, b)
    distance[np.arange(40), own + np.arange(40)] = np.inf
    np.testing.assert_array_equal(nearest(a, b, 5, own), np.argsort(distance, axis=1)[:, :5])


def test_all_others_can_be_asked_for():
    x = rows(9)
    others = [sorted(set(range(9)) - {i}) for i in range(9)]
    np.testing.assert_array_equal(np.sort(nearest(x, x, 8, 0), axis=1), others)


def test_blocks_do_not_matter(monkeypatch):
    x = rows(700)
    whole = nearest(x, x, 4, 0)
    monkeypatch.setattr(module, "_BLOCK", 10_000)
    np.testing.assert_array_equal(nearest(x, x, 4, 0), whole)


def test_equal_rows_are_all_neighbours():
    found = nearest(np.zeros((40, 3), np.float32), np.zeros((40, 3), np.float32), 5, 0)
    assert all(len(set(near) - {i}) == 5 for i, near in enumerate(found.tolist()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1, 1e25])
def test_neither_offset_nor_scale_matters_to_comparable_rows(scale, dtype):
    x = np.random.default_rng(3).normal(size=(400, 5)).astype(dtype) + 1000
    expected = np.argsort(cdist(x, x) + np.diag([np.inf] * 400), axis=1)[:, :3]
    y = comparable((x * dtype(scale)).astype(dtype))
    assert y.dtype == np.float32
    if scale == 1:
        np.testing.assert_array_equal(nearest(y, y, 3, 0), expected)
    else:
        # Scaling by 10^25 rounds, so that near ties may change.
        assert np.mean(nearest(y, y, 3, 0) == expected) > 0.99


def test_comparable_leaves_whole_numbers_and_nothing_at_all_alone():
    np.testing.assert_array_equal(comparable(np.array([[0], [2]])), [[-0.5], [0.5]])
    np.testing.assert_array_equal(comparable(np.full((4, 2), 7.0)), np.zeros((4, 2)))
    assert comparable(np.empty((0, 3))).shape == (0, 3)


def test_cells_hold_every_row_once():
    x = clustered(3000)
    cells = Cells.of(x, 0)
    np.testing.assert_array_equal(np.sort(cells.rows), np.arange(3000))
    np.testing.assert_array_equal(cells.x, x[cells.rows])
    assert (np.diff(cells.start) > 0).all()
    assert len(cells.centers) == len(cells.start) - 1
    np.testing.assert_array_equal(cells.around[:, 0], np.arange(len(cells.centers)))


@pytest.mark.parametrize("k", [3, 15])
def test_recall_is_what_brute_force_says(k):
    x = clustered(4000)
    found, recall = Cells.of(x, 0).nearest(None, k, 0)
    exact = nearest(x, x, k, 0)
    true = np.mean([len(set(a) & set(b)) / k for a, b in zip(found, exact, strict=True)])
    assert recall >= module.RECALL
    assert true == pytest.approx(recall, abs=0.01)


def test_recall_of_other_rows(monkeypatch):
    x, others = np.split(clustered(5500), [4000])
    cells, exact = Cells.of(x, 0), nearest(others, x, 3)
    for most in (100_000, 150):
        monkeypatch.setattr(module, "MOST_COMPARED", most)
        found, recall = cells.nearest(others, 3, 0)
        true = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(found, exact, strict=True)])
        assert true == pytest.approx(recall, abs=0.03)
    assert recall < 0.9


def test_same_seed_same_neighbours_on_any_number_of_threads():
    x = clustered(3000)
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2, 2):
            torch.set_num_threads(n)
            results.append(Cells.of(x, 5).nearest(None, 4, 5))
    finally:
        torch.set_num_threads(threads)
    for found, recall in results[1:]:
        np.testing.assert_array_equal(found, results[0][0])
        assert recall == results[0][1]


def test_equal_rows_in_cells_take_no_more_than_their_share(monkeypatch):
    x = np.zeros((5000, 3), np.float32)
    x[4000:] = clustered(1000, d=3)
    monkeypatch.setattr(module, "MOST_COMPARED", 600)
    cells = Cells.of(x, 0)
    assert np.diff(cells.start).max() <= 4 * np.ceil(5000 / np.round(2 * np.sqrt(5000)))
    found, _ = cells.nearest(None, 3, 0)
    assert (found != np.arange(5000)[:, None]).all()
    assert (found[:4000] < 4000).all()
