"""Moran's I, against its formula."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from helpers.metrics import lattice
from smartcore import metrics


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
