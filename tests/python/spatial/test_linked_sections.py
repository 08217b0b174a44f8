"""Neighbours in space across sections."""

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import smartcore as sm
from smartcore.spatial.graph import guess_within, spatial_graph


def stack(n_layers=3, gap=1.0, side=8):
    plane = np.argwhere(np.ones((side, side))).astype(float)
    layers = [np.c_[plane, np.full(len(plane), gap * i)] for i in range(n_layers)]
    return np.concatenate(layers), np.repeat(np.arange(n_layers), side * side)


def test_linked_sections_have_the_neighbours_of_space():
    coords, section = stack()
    graph = spatial_graph(coords, sections=section, linked=True).toarray() > 0
    distance = cdist(coords, coords)
    np.fill_diagonal(distance, np.inf)
    inner = np.flatnonzero(
        (section == 1) & (coords[:, :2] > 0).all(axis=1) & (coords[:, :2] < 7).all(axis=1)
    )
    assert graph[inner][distance[inner] < 1.01].all()
    assert guess_within(coords, section, linked=True) == 6
    sixth = np.sort(distance, axis=1)[:, 5]
    nearer = distance < sixth[:, None] - 1e-9
    assert graph[nearer | nearer.T].all()
    reach = np.maximum(sixth[:, None], sixth)
    assert not graph[distance > reach + 1e-9].any()
    plain = spatial_graph(coords, sections=section, n_neighbors=6).toarray() > 0
    assert not (section[:, None] != section)[plain].any()


@pytest.mark.parametrize("method", ["radius", "delaunay"])
def test_linked_sections_by_other_graphs(method):
    coords, section = stack()
    rng = np.random.default_rng(0)
    coords = coords + rng.uniform(-0.1, 0.1, coords.shape)
    graph = spatial_graph(coords, method=method, radius=1.3, sections=section, linked=True)
    i, j = graph.nonzero()
    assert (section[i] != section[j]).any()
    assert (np.linalg.norm(coords[i] - coords[j], axis=1) <= 1.3).all()


def test_sections_that_cannot_be_linked():
    coords, section = stack()
    with pytest.raises(ValueError, match="three dimensions"):
        spatial_graph(coords[:, :2], sections=section, linked=True)
    far, section = stack(gap=50)
    with pytest.warns(UserWarning, match="No spot has a neighbour in another section"):
        spatial_graph(far, sections=section, linked=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spatial_graph(far, n_neighbors=4, linked=True)


def test_nothing_to_be_linked_is_an_error():
    coords, section = stack()
    x = {"rna": np.random.default_rng(0).normal(size=(len(coords), 6))}
    with pytest.raises(ValueError, match="link_sections=True, but there are no sections"):
        sm.integrate(x, coords, link_sections=True)
    graph = spatial_graph(coords)
    with pytest.raises(ValueError, match=r"link_sections=True, but .*adjacency"):
        sm.integrate(x, coords, sections=section, adjacency=graph, link_sections=True)


def test_linked_sections_through_integrate():
    coords, section = stack()
    x = {"rna": np.random.default_rng(0).normal(size=(len(coords), 6))}
    linked = sm.integrate(x, coords, sections=section, epochs=2, link_sections=True)
    assert linked.params.n_neighbors == 6
    i, j = linked.graph.nonzero()
    assert (section[i] != section[j]).any()
    again = sm.embed(linked.model, x, coords, sections=section)
    np.testing.assert_array_equal(linked.embedding, again)
