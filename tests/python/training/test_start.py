"""The weights that the training begins with, against SciPy and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

import smartcore as sm
from smartcore.neighbors.triplets import TripletSampler
from smartcore.network.model import SMART
from smartcore.params import Params
from smartcore.spatial.graph import spatial_graph
from smartcore.training import start
from smartcore.training.start import start_from_data
from smartcore.training.steps import Task
from smartcore.training.tiles import Halo, Tiles

XY = np.argwhere(np.ones((15, 20))).astype(float)
GRAPH = spatial_graph(XY, n_neighbors=4)


def waves(d, seed):
    rng = np.random.default_rng(seed)
    signal = np.column_stack([np.sin(XY[:, 0] / 3), np.cos(XY[:, 1] / 4)])
    x = signal @ rng.normal(size=(2, d)) + rng.normal(size=(len(XY), d)) / 2
    return (x - x.mean(axis=0)).astype(np.float32)


def task_of(widths, params, most=1000):
    halo = Halo(GRAPH)
    inputs = [waves(d, i) for i, d in enumerate(widths)]
    mean = halo.mean
    targets = [(0.6 * x + 0.4 * (mean @ x)).astype(np.float32) for x in inputs]
    around = [halo.around(x) for x in inputs] if params.encoder == "sage" else None
    samplers = [TripletSampler(x) for x in targets]
    return Task(
        inputs, targets, around, [None] * len(inputs), samplers, XY, halo, Tiles(XY, None, most)
    )


def network(widths, params, task, seed=0):
    model = SMART({f"m{i}": d for i, d in enumerate(widths)}, params, seed=seed)
    start_from_data(model, task, 0.4, seed=seed)
    return model.eval()


def units_and_decoded(model, task):
    with torch.no_grad():
        units = start._units(model, task, np.arange(len(XY)))
        graph = task.halo.part(np.arange(len(XY)), 9).graph
        given = [torch.from_numpy(x) for x in task.inputs]
        around = None if task.around is None else [torch.from_numpy(x) for x in task.around]
        z, decoded = model(given, graph, around)
    return units, z.numpy(), np.hstack([x.numpy() for x in decoded])


@pytest.mark.parametrize("relu", ["none", "hidden", "all"])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_without_noise_encoders_hand_on_the_average(relu, n_layers, monkeypatch):
    monkeypatch.setattr(start, "_NOISE", 0.0)
    params = Params(relu=relu, n_layers=n_layers, neighbor_share=0.4, latent_dim=20)
    task = task_of([7, 4], params)
    units, _, _ = units_and_decoded(network([7, 4], params, task), task)
    for i, (x, d) in enumerate(zip(task.inputs, [7, 4], strict=True)):
        own = units[:, 20 * i : 20 * (i + 1)]
        if relu == "all":
            own = own[:, :d] - own[:, d : 2 * d]
        average = 0.6 * x + 0.4 * (task.halo.mean @ x)
        turned = np.linalg.lstsq(average, own[:, :d], rcond=None)[0]
        # The same values, turned.
        np.testing.assert_allclose(average @ turned, own[:, :d], atol=1e-4)
        np.testing.assert_allclose(turned @ turned.T, np.eye(d), atol=1e-4)


@pytest.mark.parametrize("encoder", ["sage", "gcn", "gatv2"])
@pytest.mark.parametrize("decoder", ["isometric", "linear"])
@pytest.mark.parametrize(("widths", "latent"), [([7, 5], 16), ([9, 8], 6), ([5], 5)])
def test_what_is_decoded_is_the_ridge_regression_of_the_target(encoder, decoder, widths, latent):
    params = Params(encoder=encoder, decoder=decoder, latent_dim=latent)
    task = task_of(widths, params)
    units, z, decoded = units_and_decoded(network(widths, params, task), task)
    target = np.hstack(task.targets).astype(float)
    penalty = 1e-3 * np.mean(units.var(axis=0)) * len(units)
    predicted = Ridge(alpha=penalty).fit(units, target).predict(units)
    # As much of it as the latent space has room for.
    mean = target.mean(axis=0)
    axes = np.linalg.svd(target - mean, full_matrices=False)[2][:latent]
    expected = mean + (predicted - mean) @ axes.T @ axes
    # Of a part of the space, ties are broken by the order of the features.
    truncated = latent < sum(widths)
    np.testing.assert_allclose(decoded, expected, atol=2e-2 if truncated else 2e-4)
    if decoder == "isometric":
        apart = np.linalg.norm(z[:9, None] - z[None, :9], axis=2)
        np.testing.assert_allclose(
            apart, np.linalg.norm(decoded[:9, None] - decoded[None, :9], axis=2), atol=1e-4
        )


def test_tiles_start_as_the_whole():
    params = Params(latent_dim=10)
    whole, tiles = (network([6, 5], params, task_of([6, 5], params, most)) for most in (1000, 60))
    for name, value in whole.state_dict().items():
        np.testing.assert_allclose(tiles.state_dict()[name], value, atol=2e-4, err_msg=name)


def test_the_global_generator_neither_matters_nor_changes():
    params = Params(latent_dim=24)
    task = task_of([6, 5], params)
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = network([6, 5], params, task).state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    again = network([6, 5], params, task).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_it_begins_below_what_random_weights_reach():
    features = {"a": waves(8, 1), "b": waves(6, 2)}
    at = {
        which: sm.integrate(features, XY, start=which, epochs=20, latent_dim=16).history
        for which in ("data", "random")
    }
    assert at["data"]["reconstruction"].iloc[0] < at["random"]["reconstruction"].iloc[-1]
    assert at["data"]["total"].iloc[-1] < at["data"]["total"].iloc[0]


@pytest.mark.parametrize("changes", [{"decoder": "graph"}, {"trainable": "fusion"}])
def test_a_start_that_cannot_be_solved_is_refused(changes):
    with pytest.raises(ValueError, match="use start='random'"):
        Params(**changes)


@pytest.mark.parametrize("latent_dim", [5, 14, 20])
def test_weight_decay_leaves_the_orthonormal_matrix_whole(latent_dim):
    features = {"a": waves(8, 1), "b": waves(6, 2)}
    fit = sm.integrate(features, XY, latent_dim=latent_dim, epochs=10, weight_decay=1e-5)
    matrix = fit.model.decoders.linear.weight.detach().numpy()
    singular = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(singular, 1, atol=1e-5)
    assert fit.history["total"].iloc[-1] < fit.history["total"].iloc[0]


def test_where_nothing_varies_in_space_the_start_averages_nothing():
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, len(XY))
    features = {"a": 4 * np.eye(3)[kind] + rng.normal(size=(len(XY), 3)) / 3}
    with pytest.warns(UserWarning, match="None of the modalities shows more spatial structure"):
        found, other = (
            sm.integrate(features, XY, epochs=1, n_twins=0, **options).history["reconstruction"]
            for options in ({}, {"view": "features"})
        )
    assert found.iloc[0] == pytest.approx(other.iloc[0], rel=1e-3)


@pytest.mark.parametrize("name", ["margin", "adam_eps"])
def test_zero_is_refused_where_it_means_nothing(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be greater than 0"):
        Params(**{name: 0})


def test_numpy_parameters_are_saved_as_plain_ones(tmp_path):
    params = Params(alpha={"a": np.float64(2)}, encoder=np.str_("gcn"))
    SMART({"a": 4}, params).save(tmp_path / "model.pt")
    assert SMART.load(tmp_path / "model.pt").params == Params(alpha={"a": 2.0}, encoder="gcn")
