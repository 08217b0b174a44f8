"""Tiles against the whole graph."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import smartcore as sm
from smartcore.neighbors.triplets import TripletSampler
from smartcore.spatial.graph import spatial_graph
from smartcore.training.distributed import Workers
from smartcore.training.loop import losses, should_stop
from smartcore.training.steps import Batches, Task
from smartcore.training.tiles import Halo, Tiles, bisect, step_spots

ENCODERS = ["sage", "gcn", "gat", "gatv2", "graphconv"]


def lattice():
    return np.argwhere(np.ones((24, 20))).astype(float)


def irregular():
    return np.random.default_rng(0).uniform(0, 20, (480, 2))


GRAPHS = {
    "lattice": lambda: (lattice(), None, spatial_graph(lattice(), n_neighbors=4)),
    "irregular": lambda: (irregular(), None, spatial_graph(irregular(), n_neighbors=5)),
    "directed": lambda: (
        irregular(),
        None,
        spatial_graph(irregular(), n_neighbors=5, directed=True),
    ),
    "own": lambda: (irregular(), None, sp.random(480, 480, 0.01, "csr", np.float32, 1)),
    "sections": lambda: sections(linked=False),
    "linked": lambda: sections(linked=True),
}


def sections(*, linked):
    code = np.arange(480) % 2
    xyz = np.column_stack([irregular(), code])
    graph = spatial_graph(xyz, n_neighbors=6, sections=code, linked=linked)
    return xyz, code, graph


def features(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator) for d in (9, 5)]


def network(**params):
    settings = sm.Params(latent_dim=7, start="random", **params)
    return sm.SMART({"rna": 9, "protein": 5}, settings, seed=1)


def seen(model, halo, inputs, rows, hops):
    """Inputs, graph and means of a part, and the part."""
    part = halo.part(rows, hops)
    around = None
    if model.takes_around:
        around = [torch.from_numpy(halo.around(x.numpy()))[part.rows] for x in inputs]
    return ([x[part.rows] for x in inputs], part.graph, around), part


@pytest.mark.parametrize("kind", GRAPHS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", ["graph", "isometric"])
def test_a_tile_has_the_whole_graphs_values_and_gradients(kind, encoder, decoder):
    coords, code, graph = GRAPHS[kind]()
    halo, inputs = Halo(graph), features(len(coords))
    model = network(encoder=encoder, decoder=decoder, relu="all", l2="encoder").double()
    inputs = [x.double() for x in inputs]
    whole = halo.part(np.arange(480), 0).graph
    for tensor in ("mean", "mean_transposed", "degree"):
        object.__setattr__(whole, tensor, getattr(whole, tensor).double())
    # The oracle: no part of the graph, no mean known beforehand.
    z, decoded = model(inputs, whole)
    tiles = Tiles(coords, code, 160)
    covered = []
    for rows in tiles.once():
        hops = model.hops(decode=True)
        given, part = seen(model, halo, [x.float() for x in inputs], rows, hops)
        for tensor in ("mean", "mean_transposed", "degree"):
            object.__setattr__(part.graph, tensor, getattr(part.graph, tensor).double())
        means = None
        if given[2] is not None:
            means = [(halo.mean.astype(np.float64) @ x.numpy())[part.rows] for x in inputs]
            means = [torch.from_numpy(x) for x in means]
        own_z, own_decoded = model([x[part.rows] for x in inputs], part.graph, means)
        torch.testing.assert_close(part.of_core(own_z), z[rows])
        wanted = z[rows].square().sum() + sum(d[rows].pow(3).sum() for d in decoded)
        got = part.of_core(own_z).square().sum()
        got = got + sum(part.of_core(d).pow(3).sum() for d in own_decoded)
        parameters = list(model.parameters())
        theirs = torch.autograd.grad(wanted, parameters, retain_graph=True)
        for a, b in zip(torch.autograd.grad(got, parameters), theirs, strict=True):
            torch.testing.assert_close(a, b)
        covered.append(rows)
    np.testing.assert_array_equal(np.sort(np.concatenate(covered)), np.arange(480))
    assert len(covered) == 3


def test_the_halo_is_as_small_as_the_layers_allow():
    graph = spatial_graph(lattice(), n_neighbors=4)
    rows = np.flatnonzero(lattice()[:, 0] < 6)
    for encoder, decoder, hops in (
        ("sage", "isometric", 1),
        ("gat", "linear", 2),
        ("sage", "graph", 3),
    ):
        assert network(encoder=encoder, decoder=decoder).hops(decode=True) == hops
        assert network(encoder=encoder, decoder=decoder).hops(decode=False) == 1 + (
            encoder == "gat"
        )
        part = Halo(graph).part(rows, hops)
        np.testing.assert_array_equal(part.rows, np.flatnonzero(lattice()[:, 0] < 6 + hops))


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7, 8, 480])
def test_bisection_is_a_balanced_partition(n_parts):
    parts = bisect(irregular(), n_parts)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(480))
    sizes = [len(rows) for rows in parts]
    assert max(sizes) - min(sizes) <= 2 + 480 // n_parts // 10


def test_every_pass_takes_every_tile_once_in_another_order():
    tiles = Tiles(lattice(), None, 100)
    assert tiles.n_steps == 5
    passes = [[tiles.step(5 * turn + i, seed=3) for i in range(5)] for turn in range(3)]
    for steps in passes:
        np.testing.assert_array_equal(np.sort(np.concatenate(steps)), np.arange(480))
    assert any(not np.array_equal(a, b) for a, b in zip(passes[0], passes[1], strict=True))
    np.testing.assert_array_equal(passes[1][2], tiles.step(7, seed=3))


def test_no_tile_has_two_sections():
    coords, code, _ = sections(linked=False)
    tiles = Tiles(coords, code, 100)
    assert all(len(set(code[rows])) == 1 for rows in tiles.rows)
    few = Tiles(coords, np.arange(480) // 8, 100)
    assert len(few.rows) == 60


def small_task(n_steps, n=240):
    """Task whose modalities lack some spots, and its model."""
    coords = lattice()[:n]
    graph = spatial_graph(coords, n_neighbors=4)
    halo, masks = Halo(graph), [None, np.random.default_rng(5).random(n) < 0.7]
    arrays = [x.numpy() + np.sin(coords[:, :1] / 3).astype(np.float32) for x in features(n)]
    model = network()
    rows = [np.arange(n) if m is None else np.flatnonzero(m) for m in masks]
    task = Task(
        inputs=arrays,
        targets=[x + 1 for x in arrays],
        around=[halo.around(x) for x in arrays],
        observed=masks,
        samplers=[
            TripletSampler(x[own], rows=own, n_mutual=5, far_ratio=1.0)
            for x, own in zip(arrays, rows, strict=True)
        ],
        coords=coords,
        halo=halo,
        tiles=Tiles(coords, None, -(-n // n_steps)),
    )
    return model, task


def test_losses_of_steps_are_those_of_all_spots_on_average():
    """Over many passes, at fixed weights: reconstruction and triplets of both modalities."""
    means = []
    for n_steps, turns in ((1, 150), (4, 150)):
        model, task = small_task(n_steps, 480)
        batches, rng = Batches(task, model.hops(decode=True)), np.random.default_rng(0)
        sums = []
        with torch.no_grad():
            for i in range(n_steps * turns):
                batch = batches.step(i, rng)
                terms = losses(model, model.modalities, batch, model.params, Workers())[1]
                sums.append([float(v) for v in terms.values()])
        means.append(np.mean(sums, axis=0))
    # What is left is the bias of a ratio of few: tiles have 14 spots here.
    np.testing.assert_allclose(means[1], means[0], rtol=0.025)


def test_steps_hold_their_spots_alone_and_weigh_pairs_across_tiles():
    model, task = small_task(4)
    batches, rng = Batches(task, model.hops(decode=True)), np.random.default_rng(0)
    for number in range(8):
        spots = task.tiles.step(number, 0)
        batch = batches.step(number, rng)
        for triplets, weights in zip(batch.triplets, batch.weights, strict=True):
            a, p, n = spots[triplets.numpy()]
            tile = task.tiles.tile_of
            assert (n != a).all()
            np.testing.assert_allclose(
                weights, np.where(tile[a] == tile[p], 1, 1 / task.tiles.together), rtol=1e-6
            )
    chance = [
        len(set(task.tiles.tile_of[task.tiles.step(i, 1)])) for i in range(task.tiles.n_steps)
    ]
    n = len(task.tiles.rows)
    expected = sum(t * (t - 1) for t in chance) / (n * (n - 1))
    assert task.tiles.together == pytest.approx(expected)


def test_embedding_in_tiles_is_that_of_the_whole(tissue):
    features, coords, _ = tissue
    observed = {"protein": np.arange(len(coords)) % 5 > 0}
    result = sm.integrate(features, coords, observed=observed, step_spots=60, epochs=5)
    again = sm.embed(result.model, features, coords, observed=observed)
    np.testing.assert_array_equal(again, result.embedding)
    whole = sm.SMART(result.model.n_features, sm.Params(), filters=result.model.filters, seed=0)
    whole.load_state_dict(result.model.state_dict())
    apart = sm.embed(whole, features, coords, observed=observed)
    np.testing.assert_allclose(result.embedding, apart, atol=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_tiles_give_the_same_bits_whatever_the_order_of_spots(tissue, encoder):
    features, coords, _ = tissue
    section = np.where(np.arange(len(coords)) % 3, "a", "b")
    given = {"encoder": encoder, "step_spots": 70, "epochs": 6, "latent_dim": 8}
    plain = sm.integrate(features, coords, sections=section, **given)
    mixed = np.random.default_rng(0).permutation(len(coords))
    other = sm.integrate(
        {m: x[mixed] for m, x in features.items()}, coords[mixed], sections=section[mixed], **given
    )
    np.testing.assert_array_equal(plain.embedding[mixed], other.embedding)
    assert len(plain.history) == 6


def test_tiles_find_the_bands(tissue):
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    features, coords, band = tissue
    embedding = sm.integrate(features, coords, step_spots=90).embedding
    found = KMeans(3, n_init=10, random_state=0).fit_predict(embedding)
    assert adjusted_rand_score(band, found) > 0.95


def test_a_step_is_as_large_as_asked_for_or_as_memory_allows(monkeypatch):
    cpu, widths = torch.device("cpu"), {"a": 30, "b": 30}
    assert step_spots(sm.Params(step_spots=77), widths, cpu) == 77
    memory = type("Memory", (), {"total": 2**40})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert step_spots(sm.Params(), widths, cpu) == 50_000
    memory.total = 2**30
    narrow, wide = (step_spots(sm.Params(latent_dim=w), widths, cpu) for w in (64, 256))
    assert 0 < wide < narrow / 3 < narrow < 50_000


def noisy(course, n_steps, seed, offset=0.3):
    """Losses of steps that see different spots, each pass in another order."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, offset, n_steps)
    own -= own.mean()
    order = np.concatenate([rng.permutation(n_steps) for _ in range(len(course) // n_steps)])
    total = course * (1 + own[order]) + rng.normal(0, 1e-4, len(order))
    return [{"total": t, "reconstruction": t, "triplet": t} for t in total]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_steps", [2, 7, 16])
def test_stop_is_not_taken_in_by_what_steps_happen_to_see(n_steps, seed):
    n = n_steps * (320 // n_steps)
    falling = 2 * np.exp(-0.002 * np.arange(n))
    history = noisy(falling, n_steps, seed)
    asked = [should_stop(history[:i], sm.Params(), n_steps) for i in range(n + 1)]
    assert not any(asked)
    flat = noisy(np.ones(n), n_steps, seed)
    asked = [should_stop(flat[:i], sm.Params(), n_steps) for i in range(n + 1)]
    # Once there are enough whole passes, and at their ends only.
    assert any(asked)
    assert all(i % n_steps == 0 and i >= 4 * n_steps for i in np.flatnonzero(asked))
