import warnings
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp

from smartcore.neighbors import search
from smartcore.params import PRESETS, Params
from smartcore.spatial.directions import spatial_directions
from smartcore.spatial.graph import neighbor_mean, smooth, spatial_graph
from smartcore.targets.reconstruction import make_targets, twin_graph

XY = np.argwhere(np.ones((18, 20)))
GRAPH = spatial_graph(XY, n_neighbors=4)
N = len(XY)
AVERAGED = PRESETS["robust-0.1"]


def waves(rng, noise=1.0, d=6):
    """Two directions that vary in space, mixed into d features of noise."""
    signal = np.column_stack([np.sin(XY[:, 0] / 3), np.cos(XY[:, 1] / 4)])
    x = 2 * signal @ rng.normal(size=(2, d)) + noise * rng.normal(size=(N, d))
    return (x - x.mean(axis=0)).astype(np.float32)


def all_observed(features):
    return {name: np.ones(N, bool) for name in features}


def test_directions_are_those_of_the_generalised_eigenproblem():
    x = waves(np.random.default_rng(0)).astype(np.float64)
    found = spatial_directions(x, GRAPH)
    autocorrelation, threshold = found.autocorrelation, found.threshold
    centered = x - x.mean(axis=0)
    likeness = centered.T @ (neighbor_mean(GRAPH).toarray() @ centered)
    values, vectors = scipy.linalg.eigh((likeness + likeness.T) / 2, centered.T @ centered)
    np.testing.assert_allclose(autocorrelation, values[::-1], atol=1e-8)
    expected = np.zeros((x.shape[1], x.shape[1]))
    inverse = np.linalg.inv(vectors)
    for i, value in enumerate(values):
        share = min(max(value / threshold, 0), 1)
        expected += np.sqrt(share) * np.outer(vectors[:, i], inverse[i])
    np.testing.assert_allclose(found.matrix, expected, atol=1e-8)


def test_a_rotation_of_the_features_changes_nothing():
    rng = np.random.default_rng(1)
    x = waves(rng).astype(np.float64)
    turn = scipy.linalg.qr(rng.normal(size=(6, 6)))[0]
    found, turned = spatial_directions(x, GRAPH), spatial_directions(x @ turn, GRAPH)
    for name in ("autocorrelation", "variance", "noise", "difference"):
        np.testing.assert_allclose(getattr(turned, name), getattr(found, name), atol=1e-8)
    np.testing.assert_allclose(x @ turn @ turned.matrix, x @ found.matrix @ turn, atol=1e-7)


@pytest.mark.parametrize("method", ["knn", "delaunay"])
def test_the_threshold_is_what_noise_reaches(method):
    rng = np.random.default_rng(2)
    graph = spatial_graph(rng.uniform(size=(1500, 2)), method=method, n_neighbors=6)
    reached = []
    for _ in range(20):
        found = spatial_directions(rng.normal(size=(1500, 25)), graph)
        reached.append(found.autocorrelation[0] / found.threshold)
    assert 0.8 < np.mean(reached) < 1.1


def test_signal_in_space_keeps_its_variance_and_other_structure_loses_it():
    rng = np.random.default_rng(3)
    signal = np.sin(XY[:, 0] / 3)
    states = rng.choice([-5.0, 5.0], (N, 9))
    x = np.column_stack([2 * signal, states]) + 0.1 * rng.normal(size=(N, 10))
    weighted = (x - x.mean(axis=0)) @ spatial_directions(x, GRAPH).matrix
    assert np.corrcoef(weighted[:, 0], signal)[0, 1] > 0.99
    assert weighted[:, 0].var() > 0.9 * x[:, 0].var()
    # Half of the directions of noise are more like their neighbours than like any spot.
    assert weighted[:, 1:].var(axis=0).sum() < 0.4 * x[:, 1:].var(axis=0).sum()


def test_a_modality_without_signal_counts_less_beside_one_with_it():
    rng = np.random.default_rng(4)
    features = {"good": waves(rng), "noise": rng.normal(size=(N, 6)).astype(np.float32)}
    features = {name: x / x.std() for name, x in features.items()}
    targets, table, _ = make_targets(
        features, all_observed(features), GRAPH, replace(AVERAGED, n_twins=0)
    )
    size = {name: float(np.mean(x**2)) for name, x in targets.items()}
    assert size["noise"] < 0.2 * size["good"]
    assert np.mean(list(size.values())) == pytest.approx(1, abs=1e-4)
    assert table.groupby("modality").size().to_dict() == {"good": 6, "noise": 6}
    good = table[table["modality"] == "good"]
    assert (good["autocorrelation"] > good["threshold"]).sum() == 2


def test_nothing_in_space_is_said_and_taken_as_it_is():
    rng = np.random.default_rng(5)
    features = {"noise": rng.normal(size=(N, 30)).astype(np.float32)}
    with pytest.warns(UserWarning, match="None of the modalities shows more spatial structure"):
        targets, table, _ = make_targets(
            features, all_observed(features), GRAPH, replace(AVERAGED, n_twins=0)
        )
    x = features["noise"]
    np.testing.assert_allclose(targets["noise"], x / np.sqrt(np.mean(x**2)), rtol=1e-5)
    assert (table["weight"] == 1).all()


def test_noise_rarely_seems_to_vary_in_space_and_weak_signal_does():
    rng = np.random.default_rng(8)

    def warned(strength):
        x = rng.normal(size=(N, 12)) + strength * waves(rng)[:, :1]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            make_targets({"x": x}, {"x": np.ones(N, bool)}, GRAPH, replace(AVERAGED, n_twins=0))
        return bool(caught)

    # One in a hundred expected: six in 50 draws have a probability of 1e-5.
    assert sum(not warned(0.0) for _ in range(50)) < 6
    assert not any(warned(1.0) for _ in range(10))


def test_without_neighbours_nothing_is_weighted():
    features = {"rna": waves(np.random.default_rng(6))}
    none = sp.csr_matrix((N, N), dtype=np.float32)
    targets, table, _ = make_targets(
        features, all_observed(features), none, replace(AVERAGED, n_twins=0)
    )
    x = features["rna"]
    np.testing.assert_allclose(targets["rna"], x / np.sqrt(np.mean(x**2)), rtol=1e-5)
    assert table.empty


@pytest.mark.parametrize("sections", [None, np.repeat([0, 1], N // 2)])
def test_twins_against_brute_force(sections):
    k = 4
    x = np.random.default_rng(7).normal(size=(N, 3)).astype(np.float32)
    codes = np.zeros(N, int) if sections is None else sections
    distance = np.linalg.norm(x[:, None] - x, axis=2)
    np.fill_diagonal(distance, np.inf)
    near = np.zeros((N, N), bool)
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        order = np.argsort(distance[:, members], axis=1)[:, :k]
        np.put_along_axis(near, members[order], True, axis=1)
    np.testing.assert_array_equal(twin_graph(x, k, sections).toarray() > 0, near & near.T)


def test_twins_beyond_the_exact_search(monkeypatch, caplog):
    x = np.random.default_rng(7).normal(size=(3000, 5)).astype(np.float32)
    exact = twin_graph(x, 15)
    monkeypatch.setattr(search, "EXACT_UP_TO", 1000)
    with caplog.at_level("INFO"):
        twins = twin_graph(x, 15)
    assert "15 nearest neighbours among 3000 spots 99." in caplog.text
    assert (twins != twins.T).nnz == 0
    assert exact.minimum(twins).nnz > 0.97 * max(exact.nnz, twins.nnz)


def test_twins_of_all_modalities_together():
    rng = np.random.default_rng(8)
    features = {"rna": waves(rng), "protein": waves(rng, d=3)}
    settings = Params(view="features", n_twins=5, twin_share=0.5)
    targets, _, _ = make_targets(features, all_observed(features), GRAPH, settings)
    twins = twin_graph(np.hstack(list(features.values())), 5)
    for name, x in features.items():
        np.testing.assert_allclose(targets[name], smooth(x, twins, 1, 0.5), atol=1e-6)


def test_rows_not_observed_are_averaged_with_none():
    rng = np.random.default_rng(9)
    features = {"rna": waves(rng), "protein": waves(rng, d=3)}
    observed = all_observed(features)
    observed["protein"] = rng.random(N) < 0.7
    settings = replace(AVERAGED, target_weights="none", n_twins=6)
    targets, _, _ = make_targets(features, observed, GRAPH, settings)
    changed = {name: x.copy() for name, x in features.items()}
    # Where it is not observed it may steer who is whose twin, so the change is slight.
    changed["protein"][~observed["protein"]] += np.float32(1e-4)
    again, _, _ = make_targets(changed, observed, GRAPH, settings)
    mask = observed["protein"]
    np.testing.assert_array_equal(targets["protein"][~mask], features["protein"][~mask])
    np.testing.assert_allclose(again["protein"][mask], targets["protein"][mask], atol=1e-6)
