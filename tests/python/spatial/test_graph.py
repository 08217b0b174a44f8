import logging

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import cdist
from sklearn.neighbors import kneighbors_graph, radius_neighbors_graph

from smartcore.spatial.graph import guess_n_neighbors, neighbor_mean, smooth, spatial_graph


@pytest.fixture(params=[2, 3])
def coords(request):
    return np.random.default_rng(0).uniform(size=(150, request.param))


def hexagonal(n=12):
    rows, columns = np.mgrid[:n, :n].reshape(2, -1)
    return np.column_stack([columns + 0.5 * (rows % 2), rows * np.sqrt(3) / 2])


def test_knn_is_that_of_scikit_learn_made_mutual(coords):
    ours = spatial_graph(coords, n_neighbors=5)
    theirs = kneighbors_graph(coords, 5)
    assert (ours != theirs.maximum(theirs.T)).nnz == 0
    assert ours.diagonal().sum() == 0
    assert ours.dtype == np.float32


def test_directed_knn_reaches_the_spots_that_were_chosen(coords):
    chosen_by = kneighbors_graph(coords, 5).T
    assert (spatial_graph(coords, n_neighbors=5, directed=True) != chosen_by).nnz == 0


def test_radius_is_that_of_scikit_learn(coords):
    with pytest.warns(UserWarning, match="have no spatial neighbour"):
        ours = spatial_graph(coords, method="radius", radius=0.06)
    assert (ours != radius_neighbors_graph(coords, 0.06)).nnz == 0


def test_delaunay_in_the_plane_has_empty_circles():
    xy = np.random.default_rng(1).uniform(size=(40, 2))
    ours = spatial_graph(xy, method="delaunay").toarray() > 0
    expected = np.zeros_like(ours)
    for i in range(40):
        for j in range(i):
            # An edge belongs to the mesh if some circle through i, j and a third spot is empty.
            for k in set(range(40)) - {i, j}:
                a = 2 * np.array([xy[j] - xy[i], xy[k] - xy[i]])
                b = np.array([xy[j] @ xy[j] - xy[i] @ xy[i], xy[k] @ xy[k] - xy[i] @ xy[i]])
                center = np.linalg.solve(a, b)
                distance = np.linalg.norm(xy - center, axis=1)
                if (np.delete(distance, [i, j, k]) > distance[i]).all():
                    expected[i, j] = expected[j, i] = True
                    break
    np.testing.assert_array_equal(ours, expected)


def test_delaunay_cut_at_a_radius(coords):
    whole = spatial_graph(coords, method="delaunay")
    cut = spatial_graph(coords, method="delaunay", radius=0.3).toarray() > 0
    np.testing.assert_array_equal(cut, (whole.toarray() > 0) & (cdist(coords, coords) <= 0.3))


def test_no_neighbours_at_all_is_allowed(coords):
    assert spatial_graph(coords, n_neighbors=0).nnz == 0


@pytest.mark.parametrize("method", ["knn", "radius", "delaunay"])
def test_sections_are_blocks_of_their_own(coords, method):
    section = np.random.default_rng(2).choice(["a", "b"], len(coords))
    options = {"method": method, "n_neighbors": 4, "radius": 0.9}
    joint = spatial_graph(coords, sections=section, **options)
    for name in "ab":
        rows = np.flatnonzero(section == name)
        alone = spatial_graph(coords[rows], **options)
        assert (joint[rows][:, rows] != alone).nnz == 0
    assert joint[section == "a"][:, section == "b"].nnz == 0


def test_several_spots_at_one_place():
    xy = np.repeat([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]], 7, axis=0)
    graph = spatial_graph(xy, n_neighbors=3)
    assert graph.diagonal().sum() == 0
    assert np.diff(graph.indptr).min() >= 3
    place = np.arange(28) // 7
    row, column = graph.nonzero()
    np.testing.assert_array_equal(place[row], place[column])
    mesh = spatial_graph(xy, method="delaunay")
    assert sp.csgraph.connected_components(mesh)[0] == 1


def test_isolated_spot_is_reported_and_kept():
    xy = np.array([[0, 0], [0, 1], [1, 0], [50, 50]])
    with pytest.warns(UserWarning, match="1 of 4 spots have no spatial neighbour"):
        graph = spatial_graph(xy, method="radius", radius=2)
    assert graph[3].nnz == 0


@pytest.mark.parametrize(
    ("xy", "k"),
    [
        (np.argwhere(np.ones((9, 9))), 4),
        (np.argwhere(np.ones((9, 9))) * [100.0, 100.0] + 3, 4),
        (hexagonal(), 6),
        (hexagonal() @ [[0.6, 0.8], [-0.8, 0.6]] * 137.0, 6),
        (np.random.default_rng(0).uniform(size=(500, 2)), 6),
        (np.argwhere(np.ones((5, 5, 5))), 6),
    ],
)
def test_guess_from_the_layout(xy, k, caplog):
    assert guess_n_neighbors(xy) == k
    with caplog.at_level(logging.INFO, "smartcore"):
        graph = spatial_graph(xy)
    assert f"{k} spatial neighbours" in caplog.text
    assert np.median(np.diff(graph.indptr)) >= k


def test_visium_array_positions_are_no_distances():
    row, column = np.mgrid[:20, :40].reshape(2, -1)
    array = np.column_stack([row, column])[(row + column) % 2 == 0]
    with pytest.warns(UserWarning, match="multiply the rows by √3"):
        assert guess_n_neighbors(array) == 4
    true = array * [np.sqrt(3), 1]
    assert guess_n_neighbors(true) == 6
    inner = (array[:, 0] % 19 > 0) & (array[:, 1] % 38 > 1)
    degree = np.diff(spatial_graph(true, method="radius", radius=2.01).indptr)
    assert (degree[inner] == 6).all()


def test_guess_is_that_of_the_largest_section():
    grid = np.argwhere(np.ones((8, 8)))
    xy = np.concatenate([grid, grid[:40] + np.array([0.3, 0.4]), grid[:3], grid[:1]])
    section = np.repeat([0, 1, 2, 3], [64, 40, 3, 1])
    with pytest.warns(UserWarning, match="spatial neighbour") as said:
        graph = spatial_graph(xy, sections=section)
    texts = [str(w.message) for w in said]
    assert any("2 of 4 sections have too few spots for 4 spatial neighbours" in t for t in texts)
    assert any("1 of 108 spots have no spatial neighbour" in t for t in texts)
    alone = spatial_graph(grid, n_neighbors=4)
    assert (graph[:64][:, :64] != alone).nnz == 0
    assert graph[104:107].nnz == 6


def test_radius_that_joins_all(monkeypatch):
    from smartcore.spatial import graph

    monkeypatch.setattr(graph, "_MOST_EDGES", 5000)
    xy = np.random.default_rng(0).uniform(size=(100, 2))
    with pytest.raises(ValueError, match="radius=9 makes 99 neighbours a spot of 100 spots"):
        spatial_graph(xy, method="radius", radius=9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coords": np.zeros((5, 1))}, r"not \(5, 1\)"),
        ({"coords": np.zeros(5)}, r"not \(5,\)"),
        ({"coords": [[0, np.nan], [1, 1]]}, "1 of 2 spots are NaN or infinite"),
        ({"coords": [[0, np.inf], [1, 1]]}, "NaN or infinite"),
        ({"coords": [["a", "b"]]}, "must be numbers"),
        ({"n_neighbors": 5}, "use at most 4"),
        ({"method": "ring"}, "'ring' is not known"),
        ({"method": "radius"}, "radius=None must be a positive distance"),
        ({"method": "radius", "radius": -1}, "radius=-1"),
        ({"method": "delaunay", "coords": np.column_stack([range(5), range(5)])}, "on one line"),
        ({"method": "delaunay", "coords": [[0, 0], [1, 1]]}, "no Delaunay triangulation"),
    ],
)
def test_bad_input(change, message):
    given = {"coords": np.random.default_rng(0).uniform(size=(5, 2)), **change}
    with pytest.raises(ValueError, match=message):
        spatial_graph(given.pop("coords"), **given)


def test_means_against_a_loop(coords):
    graph = spatial_graph(coords, n_neighbors=3).tolil()
    graph[0], graph[:, 0] = 0, 0
    graph = graph.tocsr()
    x = np.random.default_rng(3).normal(size=(len(coords), 4)).astype(np.float32)
    expected = np.array(
        [x[graph[i].indices].mean(axis=0) if graph[i].nnz else np.zeros(4) for i in range(len(x))]
    )
    np.testing.assert_allclose(neighbor_mean(graph) @ x, expected, atol=1e-6)
    halves = np.where(np.diff(graph.indptr)[:, None] > 0, (x + expected) / 2, x)
    np.testing.assert_allclose(smooth(x, graph, 1), halves, atol=1e-6)
    np.testing.assert_array_equal(smooth(x, graph, 0), x)
    np.testing.assert_allclose(smooth(x, graph, 2), smooth(smooth(x, graph, 1), graph, 1))
