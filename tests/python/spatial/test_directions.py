from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp

import smartcore as sm
from smartcore.params import PRESETS
from smartcore.spatial.directions import best_share, spatial_directions
from smartcore.spatial.graph import neighbor_mean, smooth, spatial_graph
from smartcore.targets.reconstruction import make_targets

XY = np.argwhere(np.ones((30, 30)))
GRAPH = spatial_graph(XY, n_neighbors=4)
N = len(XY)
AVERAGED = PRESETS["robust-0.1"]


@cache
def section(noise, *, n_features=300, width=5.0, seed=0, n_signals=3):
    """Components of smooth signals in noise, and those of the signals alone."""
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 6, (n_signals, 2))
    signals = np.column_stack([np.sin(XY / width + phase).prod(axis=1) for phase in phases])
    signals /= signals.std(axis=0)
    clean = signals @ rng.normal(size=(n_signals, n_features))
    x = clean + noise * rng.normal(size=(N, n_features))
    center = x.mean(axis=0)
    axes = np.linalg.svd(x - center, full_matrices=False)[2][:30]
    return (x - center) @ axes.T, (clean - clean.mean(axis=0)) @ axes.T


def shared(x, graph=GRAPH, **changes):
    """The share that the targets of x are averaged with."""
    settings = replace(AVERAGED, n_twins=0, **changes)
    return make_targets({"x": x.astype(np.float32)}, {"x": np.ones(len(x), bool)}, graph, settings)[
        2
    ]


@pytest.mark.parametrize("noise", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("n_features", [100, 300, 1000])
def test_noise_is_that_of_the_singular_vectors(noise, n_features):
    """Against what the signals that made the data leave of each direction."""
    x, _ = section(noise, n_features=n_features)
    found = spatial_directions(x, GRAPH)
    signals = section(1e-3, n_features=n_features)[0][:, :3]
    basis = np.linalg.qr(signals)[0]
    scores = (x - x.mean(axis=0)) @ found.into[:, :3]
    true = 1 - np.sum((basis.T @ scores) ** 2, axis=0) / np.sum(scores**2, axis=0)
    # The least of thirty is a little less than the most that noise has; and of three times as many
    # features, or of a third, the guess is within a factor of about two.
    slack = 1.4 if n_features == 300 else 2.2
    ratio = found.noise[:3] / true
    assert np.all((ratio < slack) & (ratio > 1 / slack)), ratio


def test_difference_and_spread_against_brute_force():
    x, _ = section(4.0)
    found = spatial_directions(x, GRAPH)
    scores = (x - x.mean(axis=0)) @ found.into
    apart, squares = np.zeros(scores.shape[1]), 0.0
    for i in range(N):
        near = GRAPH[i].indices
        apart += (scores[i] - scores[near].mean(axis=0)) ** 2
        squares += 1 / len(near)
    np.testing.assert_allclose(found.difference, apart / N, rtol=1e-6)
    assert found.spread == pytest.approx(squares / N)
    np.testing.assert_allclose(scores.var(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(found.variance.sum(), x.var(axis=0).sum(), rtol=1e-6)


def test_spots_without_neighbours_do_not_count_as_different():
    x, _ = section(4.0)
    lonely = np.r_[x, x[:50] + 100.0]
    graph = sp.block_diag([GRAPH, sp.csr_matrix((50, 50))], format="csr")
    found = spatial_directions(lonely, graph)
    assert found.spread == pytest.approx(spatial_directions(x, GRAPH).spread)
    scores = (lonely - lonely.mean(axis=0)) @ found.into
    expected = np.mean((scores[:N] - neighbor_mean(GRAPH) @ scores[:N]) ** 2, axis=0)
    np.testing.assert_allclose(found.difference, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("noise", "width", "n_signals"), [(8.0, 5.0, 3), (2.0, 1.2, 3), (1.0, 1.2, 3), (2.0, 1.5, 8)]
)
def test_the_share_is_near_the_one_that_restores_the_signal_best(noise, width, n_signals):
    x, clean = section(noise, width=width, n_signals=n_signals)
    grid = np.linspace(0, 0.5, 26)
    weights = spatial_directions(x, GRAPH).matrix
    error = [
        np.mean((smooth((x @ weights).astype(np.float32), GRAPH, 1, share) - clean @ weights) ** 2)
        for share in grid
    ]
    assert shared(x) == pytest.approx(grid[int(np.argmin(error))], abs=0.1)
    assert np.interp(shared(x), grid, error) < 1.1 * min(error)


def test_more_noise_or_smoother_signals_ask_for_more():
    by_noise = [shared(section(noise, width=1.2)[0]) for noise in (0.5, 1.0, 2.0, 4.0)]
    assert by_noise == sorted(by_noise)
    assert by_noise[-1] > by_noise[0] + 0.2
    by_width = [shared(section(1.0, width=width)[0]) for width in (0.8, 1.2, 2.0)]
    assert by_width == sorted(by_width)
    assert by_width[-1] > by_width[0] + 0.1


@pytest.mark.parametrize("jitter", [0.1, 1e-2, 1e-4])
def test_a_copy_of_a_feature_is_not_taken_for_noise(jitter):
    x, _ = section(2.0, width=1.2)
    copy = x[:, :1] + jitter * np.random.default_rng(1).normal(size=(N, 1))
    assert shared(np.hstack([x, copy])) == pytest.approx(shared(x), rel=0.25)


@pytest.mark.parametrize(("variance", "averages"), [(1e-2, False), (1e-5, True)])
def test_a_least_component_that_stands_apart_is_noise_unless_next_to_nothing(variance, averages):
    x, _ = section(2.0, width=1.2)
    apart = x.copy()
    apart[:, -1] *= np.sqrt(variance)
    expected = shared(x[:, :-1]) if averages else 0
    assert shared(apart) == pytest.approx(expected, rel=0.01, abs=0.05)


def test_a_modality_counts_by_the_spots_that_have_neighbours():
    features = {"all": section(0.5, width=1.2)[0], "apart": section(4.0, width=1.2, seed=1)[0]}
    features = {m: (x / np.sqrt(np.mean(x**2))).astype(np.float32) for m, x in features.items()}
    every = np.ones(N, bool)
    # Neighbours have it at the border only.
    observed = {"all": every, "apart": XY.sum(axis=1) % 2 == 0}
    share = make_targets(features, observed, GRAPH, AVERAGED)[2]
    both = make_targets(features, {"all": every, "apart": every}, GRAPH, AVERAGED)[2]
    alone = shared(features["all"])
    assert share - alone < 0.3 * (both - alone)
    lonely = sp.csr_matrix((N, N), dtype=np.float32)
    found = [spatial_directions(features[m], g) for m, g in (("all", GRAPH), ("apart", lonely))]
    assert best_share(found, weighted=True) == pytest.approx(alone, rel=1e-5)


def test_neighbours_never_outweigh_a_spot():
    x, _ = section(3.0)
    white = x / x.std(axis=0)
    assert shared(white) == 0.5


def test_of_few_features_noise_cannot_be_told():
    x, _ = section(3.0)
    assert shared(x[:, :9]) == 0.35
    assert best_share([], weighted=True) == 0.35
    fit = sm.integrate({"x": x[:, :9]}, XY, preset="robust-0.1", epochs=1)
    assert fit.directions["noise"].isna().all()


def test_one_share_for_all_modalities_by_their_size():
    rng = np.random.default_rng(3)
    quiet, loud = section(0.5, width=1.2)[0], section(2.0, width=1.2, seed=1)[0]
    quiet, loud = (x / np.sqrt(np.mean(x**2)) for x in (quiet, loud))
    apart = sorted(shared(x) for x in (quiet, loud))
    both = {"quiet": quiet.astype(np.float32), "loud": loud.astype(np.float32)}
    mask = {name: np.ones(N, bool) for name in both}
    assert apart[0] < make_targets(both, mask, GRAPH, AVERAGED)[2] < apart[1]
    # What does not vary in space has less say where it has less weight.
    both["loud"] = rng.normal(size=(N, 30)).astype(np.float32)
    weighted, plain = (
        make_targets(both, mask, GRAPH, replace(AVERAGED, target_weights=which))[2]
        for which in ("spatial", "none")
    )
    assert weighted < plain


def test_a_share_that_is_given_stays():
    x, _ = section(3.0)
    assert shared(x, neighbor_share=0.2) == 0.2
    assert shared(x, neighbor_share=0.2, target_hops=0) == 0
    assert shared(x, target_hops=0) == 0
    assert shared(x, sp.csr_matrix((N, N), dtype=np.float32)) == 0
    fit = sm.integrate({"x": x}, XY, preset="robust-0.1", neighbor_share=0.2, epochs=1)
    assert fit.params.neighbor_share == 0.2


def test_the_share_is_told_and_kept(tmp_path, caplog):
    x, _ = section(3.0)
    with caplog.at_level("INFO"):
        fit = sm.integrate({"x": x}, XY, preset="robust-0.1", epochs=1)
    found = fit.params.neighbor_share
    assert 0 < found <= 0.5
    assert f"Neighbours have a share of {found:.2f}" in caplog.text
    fit.model.save(tmp_path / "model.pt")
    assert sm.SMART.load(tmp_path / "model.pt").params.neighbor_share == found
    assert fit.directions["noise"].between(0, 1 + 1e-6).all()
    again = sm.integrate({"x": x}, XY, preset="robust-0.1", epochs=1, neighbor_share=found)
    np.testing.assert_array_equal(again.embedding, fit.embedding)


def test_none_where_nothing_varies_in_space():
    x = np.random.default_rng(0).normal(size=(N, 12))
    with pytest.warns(UserWarning, match="None of the modalities shows more spatial structure"):
        fit = sm.integrate({"x": x}, XY, preset="robust-0.1", epochs=1)
    assert fit.params.neighbor_share == 0


def test_sections_together_have_about_the_share_of_each_alone():
    sections = sm.datasets.sections(
        [(36, 36), (24, 30)], batch_effect=2.0, modalities=["rna", "protein"], seed=0
    )
    shares = []
    for parts in ({"s1": sections["s1"]}, {"s2": sections["s2"]}, sections):
        pcs = {}
        for modality in ("rna", "protein"):
            whole = sm.pp.join_sections({name: mdata[modality] for name, mdata in parts.items()})
            getattr(sm.pp, modality)(whole, section_key="section")
            pcs[modality] = whole.obsm["X_pca"]
        names = whole.obs["section"].astype(str).to_numpy()
        fit = sm.integrate(
            pcs, whole.obsm["spatial"], sections=names, preset="robust-0.1", epochs=1
        )
        shares.append(fit.params.neighbor_share)
    assert min(shares[:2]) - 0.05 < shares[2] < max(shares[:2]) + 0.05
