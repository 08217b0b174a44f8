import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from smartcore.preparation import prepare

QUICK = {"epochs": 5, "latent_dim": 8}
ENCODERS = ["sage", "gcn", "gat", "gatv2", "graphconv"]


def domains(embedding, k=3):
    return KMeans(k, n_init=10, random_state=0).fit_predict(embedding)


@pytest.mark.parametrize("preset", ["robust", "published"])
def test_finds_the_bands(tissue, preset):
    features, coords, band = tissue
    embedding = sm.integrate(features, coords, preset=preset).embedding
    assert embedding.dtype == np.float32
    assert embedding.shape == (len(coords), 64)
    assert adjusted_rand_score(band, domains(embedding)) > 0.95


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("preset", sm.PRESETS)
def test_same_seed_same_bits_whatever_the_global_generators(tissue, encoder, preset):
    features, coords, _ = tissue
    runs = []
    for state in (0, 1):
        np.random.seed(state)  # noqa: NPY002
        torch.manual_seed(state)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        runs.append(sm.integrate(features, coords, preset=preset, encoder=encoder, **QUICK))
        assert torch.equal(before[0], torch.get_rng_state())
        np.testing.assert_array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    np.testing.assert_array_equal(runs[0].embedding, runs[1].embedding)
    pd.testing.assert_frame_equal(runs[0].history, runs[1].history)
    other = sm.integrate(features, coords, preset=preset, encoder=encoder, seed=1, **QUICK)
    assert (other.embedding != runs[0].embedding).any()


@pytest.mark.parametrize("preset", sm.PRESETS)
def test_order_of_the_spots_changes_no_bit(tissue, preset):
    features, coords, _ = tissue
    coords = np.rint(coords)  # a lattice: many neighbours at equal distance
    shuffled = np.random.default_rng(0).permutation(len(coords))
    plain = sm.integrate(features, coords, preset=preset, **QUICK)
    mixed = sm.integrate(
        {m: x[shuffled] for m, x in features.items()}, coords[shuffled], preset=preset, **QUICK
    )
    np.testing.assert_array_equal(plain.embedding[shuffled], mixed.embedding)
    assert (plain.graph[shuffled][:, shuffled] != mixed.graph).nnz == 0


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_any_number_of_modalities(tissue, n):
    _, coords, _ = tissue
    rng = np.random.default_rng(0)
    features = {f"omics {i}": rng.normal(size=(len(coords), i + 1)) for i in range(n)}
    result = sm.integrate(features, coords, **QUICK)
    assert result.embedding.shape == (len(coords), 8)
    assert set(result.n_triplets) == set(features)
    assert result.recall == dict.fromkeys(features, 1.0)
    assert result.history.shape == (5, 3 + 2 * n)


def test_no_neighbours_ignores_the_places(tissue):
    features, coords, _ = tissue
    stretched = coords * [3.0, 0.5] + 1e4  # the same order of spots
    a, b = (sm.integrate(features, xy, n_neighbors=0, **QUICK) for xy in (coords, stretched))
    assert a.graph.nnz == 0
    np.testing.assert_array_equal(a.embedding, b.embedding)


def test_place_matters_with_neighbours(tissue):
    features, coords, _ = tissue
    elsewhere = np.random.default_rng(0).permutation(coords)
    a, b = (sm.integrate(features, xy, **QUICK).embedding for xy in (coords, elsewhere))
    assert np.abs(a - b).max() > 0.1


def test_guessed_neighbours_are_told(tissue):
    features, coords, _ = tissue
    result = sm.integrate(features, np.rint(coords), **QUICK)
    assert result.params.n_neighbors == 4
    assert result.model.params == result.params


def test_three_dimensions_and_other_graphs(tissue):
    features, coords, _ = tissue
    deep = np.column_stack([coords, np.arange(len(coords)) % 3])
    for graph in ({"graph": "knn"}, {"graph": "radius", "radius": 3.0}, {"graph": "delaunay"}):
        assert np.isfinite(sm.integrate(features, deep, **graph, **QUICK).embedding).all()


def test_own_graph(tissue):
    features, coords, _ = tissue
    made = sm.integrate(features, coords, n_neighbors=4, **QUICK)
    loops = sp.csr_matrix(made.graph * 7 + sp.eye(len(coords)))
    given = sm.integrate(features, coords, adjacency=loops, **QUICK)
    np.testing.assert_array_equal(made.embedding, given.embedding)
    again = sm.embed(given.model, features, coords, adjacency=loops)
    np.testing.assert_array_equal(again, given.embedding)


def test_sections_are_not_linked_in_space(tissue):
    features, coords, _ = tissue
    section = np.where(np.arange(len(coords)) % 2, "a", "b")
    result = sm.integrate(features, coords, sections=section, **QUICK)
    row, column = result.graph.nonzero()
    np.testing.assert_array_equal(section[row], section[column])


@pytest.mark.parametrize("preset", sm.PRESETS)
@pytest.mark.parametrize("encoder", ["sage", "gatv2"])
def test_saved_model_embeds_the_same(tissue, tmp_path, preset, encoder):
    features, coords, _ = tissue
    observed = {"protein": np.arange(len(coords)) % 5 > 0}
    result = sm.integrate(
        features, coords, observed=observed, preset=preset, encoder=encoder, **QUICK
    )
    result.model.save(tmp_path / "model.pt")
    loaded = sm.SMART.load(tmp_path / "model.pt")
    assert loaded.params == result.params
    reordered = dict(reversed(features.items()))
    again = sm.embed(loaded, reordered, coords, observed=observed)
    np.testing.assert_array_equal(again, result.embedding)


def test_model_refuses_other_features(tissue):
    features, coords, _ = tissue
    model = sm.integrate(features, coords, **QUICK).model
    for wrong in ({"rna": features["rna"]}, {**features, "rna": features["rna"][:, :3]}):
        with pytest.raises(ValueError, match=r"takes \{'rna': 6, 'protein': 4\}"):
            sm.embed(model, wrong, coords)


def test_input_is_left_alone(tissue):
    features, coords, _ = tissue
    copies = {m: x.copy() for m, x in features.items()}, coords.copy()
    for x in (*features.values(), coords):
        x.setflags(write=False)
    sm.integrate(features, coords, **QUICK)
    for m, x in features.items():
        np.testing.assert_array_equal(x, copies[0][m])
    np.testing.assert_array_equal(coords, copies[1])


def test_fortran_order_and_whole_numbers(tissue):
    features, coords, _ = tissue
    features = {m: np.rint(x) for m, x in features.items()}
    a = sm.integrate(features, coords, **QUICK).embedding
    b = sm.integrate(
        {m: np.asfortranarray(x).astype(np.int32) for m, x in features.items()},
        np.asfortranarray(coords),
        **QUICK,
    ).embedding
    np.testing.assert_array_equal(a, b)


def test_identical_spots_and_silent_modality(tissue):
    _, coords, _ = tissue
    features = {"rna": np.ones((len(coords), 3)), "protein": np.zeros((len(coords), 2))}
    coords[:40] = coords[0]
    assert np.isfinite(sm.integrate(features, coords, **QUICK).embedding).all()


def test_twenty_spots_are_enough():
    rng = np.random.default_rng(0)
    values, places = rng.normal(size=(20, 2)), rng.uniform(size=(20, 2))
    result = sm.integrate({"rna": values}, places, **QUICK)
    assert result.embedding.shape == (20, 8)
    with pytest.raises(ValueError, match="19 spots are too few to embed: at least 20"):
        sm.integrate({"rna": values[1:]}, places[1:], **QUICK)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, c: {"features": {}}, "at least one modality .* but is empty"),
        (lambda f, c: {"features": [f["rna"]]}, "but is list"),
        (lambda f, c: {"features": {"rna": f["rna"][:, :0]}}, r"of shape \(252, 0\)"),
        (lambda f, c: {"features": {"rna": f["rna"][:0]}}, r"of shape \(0, 6\)"),
        (lambda f, c: {"features": {"rna": f["rna"].astype(str)}}, "must be numbers"),
        (lambda f, c: {"features": {"rna": sp.csr_matrix(f["rna"])}}, "are sparse"),
        (lambda f, c: {"features": {**f, "rna": f["rna"][:9]}}, r"numbers are \{'rna': 9, 'pro"),
        (lambda f, c: {"features": {"rna": np.where(f["rna"] > 3, np.nan, f["rna"])}}, "NaN or"),
        (lambda f, c: {"features": {"rna": np.where(f["rna"] > 3, np.inf, f["rna"])}}, "NaN or"),
        (lambda f, c: {"coords": c[:5]}, "coordinates of 5 spots, but features of 252"),
        (lambda f, c: {"coords": c[:, :1]}, r"not \(252, 1\)"),
        (lambda f, c: {"coords": np.where(c > 3, np.nan, c)}, "spots are NaN or infinite"),
        (lambda f, c: {"features": {"rna": np.ones((1, 3))}, "coords": c[:1]}, "1 spots are too"),
        (lambda f, c: {"features": {"rna": np.ones((2, 3))}, "coords": c[:2]}, "2 spots are too"),
        (lambda f, c: {"n_neighbors": 252}, "as many neighbours as there are spots"),
        (lambda f, c: {"n_neighbors": -1}, "n_neighbors=-1 must be a whole number from 0 up"),
        (lambda f, c: {"n_neighbors": 2.5}, "n_neighbors=2.5"),
        (lambda f, c: {"sections": [1, 2]}, "sections must have one entry for each of 252 spots"),
        (lambda f, c: {"sections": [None] * 252}, "sections is missing for 252"),
        (lambda f, c: {"observed": {"atac": [True] * 252}}, r"observed names \['atac'\]"),
        (lambda f, c: {"observed": {"rna": [1] * 252}}, "must be boolean"),
        (lambda f, c: {"observed": {"rna": [False] * 252}}, "observed in none of the 252"),
        (
            lambda f, c: {"observed": dict.fromkeys(f, np.arange(252) > 0)},
            "1 spots are observed in no modality",
        ),
        (lambda f, c: {"adjacency": sp.eye(3)}, r"sparse matrix of shape \(252, 252\)"),
        (lambda f, c: {"adjacency": np.eye(252)}, "sparse matrix"),
        (
            lambda f, c: {"preset": "best"},
            "preset='best' is not known; use one of robust, robust-0.1, paper",
        ),
        (lambda f, c: {"encoder": "gnn"}, "encoder='gnn' is not known; use one of 'sage', 'gcn'"),
        (lambda f, c: {"lam": 1.5}, r"lam=1.5 must be a number from 0 to 1"),
        (lambda f, c: {"alpha": {"atac": 1}}, r"alpha names \['atac'\]"),
        (lambda f, c: {"alpha": {"rna": -1}}, r"alpha\['rna'\]=-1"),
        (lambda f, c: {"latent_dim": 0}, "latent_dim=0 must be a whole number from 1 up"),
        (lambda f, c: {"epochs": True}, "epochs=True"),
        (lambda f, c: {"lr": np.nan}, "lr=nan"),
        (lambda f, c: {"graph": "radius"}, "graph='radius' needs radius="),
        (lambda f, c: {"graph": "delaunay", "directed": True}, "directed=True goes with"),
        (lambda f, c: {"device": "abacus"}, "device='abacus' is not known"),
        (lambda f, c: {"alpha": [1, 2]}, r"alpha=\[1, 2\] must map"),
        (lambda f, c: {"redraw": "no"}, "redraw='no' must be True or False"),
        (lambda f, c: {"lr": np.inf}, "lr=inf"),
        (lambda f, c: {"seed": None}, "seed=None must be a whole number from 0"),
        (lambda f, c: {"seed": -1}, "seed=-1 must be a whole number from 0"),
    ],
)
def test_bad_input(tissue, change, message):
    features, coords, _ = tissue
    given = {"features": features, "coords": coords, **change(features, coords)}
    with pytest.raises(ValueError, match=message):
        sm.integrate(given.pop("features"), given.pop("coords"), **given)


def test_whole_numbers_may_be_floats(tissue):
    features, coords, _ = tissue
    a = sm.integrate(features, coords, seed=1, n_neighbors=4, **QUICK)
    b = sm.integrate(features, coords, seed=1.0, n_neighbors=4.0, epochs=5.0, latent_dim=8.0)
    np.testing.assert_array_equal(a.embedding, b.embedding)
    assert a.params == b.params


def test_unknown_parameter_lists_those_there_are(tissue):
    features, coords, _ = tissue
    with pytest.raises(TypeError, match=r"Unknown parameter n_epochs; .*epochs"):
        sm.integrate(features, coords, n_epochs=3)


def test_without_training_the_start_is_the_embedding(tissue):
    features, coords, _ = tissue
    start = sm.integrate(features, coords, epochs=0)
    stayed = sm.integrate(features, coords, epochs=1, lr=0)
    # A start for training has a tenth of random weights beside.
    apart = [pdist(one.embedding) for one in (start, stayed)]
    assert np.corrcoef(*apart)[0, 1] > 0.99
    assert start.history.empty
    assert list(start.history.columns) == list(stayed.history.columns)
    assert start.n_triplets == start.recall == {}


def test_the_closed_form_is_the_least_squares_map_to_the_target(tissue):
    """numpy.linalg.lstsq from the network's inputs explains no more of the target."""
    features, coords, _ = tissue
    prepared = prepare(
        features, coords, None, None, None, None, "robust", {}, 0, torch.device("cpu")
    )
    target = np.hstack(prepared.task.targets)
    inputs = np.hstack([*prepared.task.inputs, np.ones((len(target), 1))])
    least = target - inputs @ np.linalg.lstsq(inputs, target, rcond=None)[0]
    z = sm.integrate(features, coords).embedding[prepared.order]
    design = np.hstack([z, np.ones((len(z), 1))])
    error = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    assert np.sum(error**2) == pytest.approx(np.sum(least**2), rel=0.01)


def test_arguments_of_the_training_have_no_effect_without_one(tissue):
    features, coords, _ = tissue
    with pytest.warns(UserWarning, match="so lam, lr have no effect"):
        embedding = sm.integrate(features, coords, lr=0.1, lam=0.2).embedding
    np.testing.assert_array_equal(embedding, sm.integrate(features, coords).embedding)


@pytest.mark.parametrize("changes", [{"encoder": "gcn"}, {"start": "random"}])
def test_random_weights_must_be_trained(tissue, changes):
    features, coords, _ = tissue
    with pytest.raises(ValueError, match=r"begins at random weights.*epochs=300"):
        sm.integrate(features, coords, **changes)


def test_a_state_of_another_training_stays_where_nothing_is_trained(tissue, tmp_path):
    features, coords, _ = tissue
    state = tmp_path / "state.pt"

    def stop(epoch, losses):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.integrate(
            features, coords, epochs=5, checkpoint=state, checkpoint_seconds=0, callback=stop
        )
    before = state.read_bytes()
    sm.integrate(features, coords, checkpoint=state)
    assert state.read_bytes() == before


@pytest.mark.parametrize("relu", ["none", "hidden", "all"])
@pytest.mark.parametrize("latent_dim", [1, 2, 5, 8])
@pytest.mark.parametrize("names", [["rna"], ["rna", "protein"]])
def test_a_narrow_embedding_holds_the_leading_axes_of_the_target(tissue, relu, latent_dim, names):
    """numpy's singular values of the target say how much so many axes can hold."""
    features, coords, _ = tissue
    features = {name: features[name] for name in names}
    changes = {"latent_dim": latent_dim, "relu": relu}
    prepared = prepare(
        features, coords, None, None, None, None, "robust", changes, 0, torch.device("cpu")
    )
    inputs, target = (np.hstack(x) for x in (prepared.task.inputs, prepared.task.targets))
    inputs, target = inputs - inputs.mean(axis=0), target - target.mean(axis=0)
    axes = np.linalg.svd(target, full_matrices=False)[2][:latent_dim]
    best = inputs @ np.linalg.lstsq(inputs, target @ axes.T, rcond=None)[0]
    z = sm.integrate(features, coords, **changes).embedding[prepared.order]
    sizes = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)[: len(axes)]
    most = np.linalg.svd(best, compute_uv=False)
    # A ridge of a thousandth takes from the least ones.
    np.testing.assert_allclose(sizes, most, rtol=0.02, atol=0.006 * most[0])
