"""The preset "published" against the published package, bio-SMART 0.1.2."""

import numpy as np
import pytest
import torch
from anndata import AnnData

import smartcore as sm
from smartcore.neighbors.mutual import mutual_nearest_neighbors
from smartcore.spatial.graph import spatial_graph
from smartcore.training.loop import train
from smartcore.training.steps import Task
from smartcore.training.tiles import Halo, Tiles

bio_graph = pytest.importorskip("smart.build_graph", reason="bio-SMART is not installed")
bio_mnn = pytest.importorskip("smart.MNN")
bio_model = pytest.importorskip("smart.model")
bio_train = pytest.importorskip("smart.train")

N = 240


class GivenTriplets:
    def __init__(self, anchors, positives, negatives):
        self.anchors, self.positives, self.negatives = map(
            np.asarray, (anchors, positives, negatives)
        )

    def draw(self, rng):
        return np.stack([self.anchors, self.positives, self.negatives])


@pytest.fixture(scope="module", params=[1, 2, 3], ids=["one", "two", "three"])
def case(request):
    """Data, and all that bio-SMART makes of them before training."""
    rng = np.random.default_rng(request.param)
    coords = np.argwhere(np.ones((16, 15))) + rng.uniform(-0.3, 0.3, (N, 2))
    widths = [9, 5, 7][: request.param]
    scales = rng.uniform(1, 6, request.param)
    features = [
        (rng.normal(size=(N, d)) * s).astype(np.float32)
        for d, s in zip(widths, scales, strict=True)
    ]
    adatas = [AnnData(np.zeros((N, 1)), obsm={"spatial": coords, "X_pca": x}) for x in features]
    bio_graph.Cal_Spatial_Net(adatas[0], n_neighbors=4, verbose=False)
    edges = torch.tensor(adatas[0].uns["edgeList"], dtype=torch.long)
    np.random.seed(0)  # noqa: NPY002 (their negatives come from there)
    triplets = [
        bio_mnn.Mutual_Nearest_Neighbors(a, key="X_pca", n_nearest_neighbors=3, farthest_ratio=0.6)
        for a in adatas
    ]
    return coords, features, edges, triplets


def ours_for(case, **changes):
    """Our model with the weights bio-SMART starts from at seed 0, and our task."""
    coords, features, _, triplets = case
    params = sm.params.resolve_params("published", changes)
    names = [f"m{i}" for i in range(len(features))]
    model = sm.SMART({name: x.shape[1] for name, x in zip(names, features, strict=True)}, params)
    torch.manual_seed(0)
    theirs = bio_model.SMART([x.shape[1] for x in features] + [64], torch.device("cpu"))
    for ours_part, theirs_part in zip(
        [*model.encoders, *model.decoders], [*theirs.encoders, *theirs.decoders], strict=True
    ):
        convs = theirs_part.conv1, theirs_part.conv2
        for layer, conv in zip(ours_part.layers, convs, strict=True):
            layer.load_state_dict(conv.state_dict())
    model.fusion.load_state_dict(theirs.fc.state_dict())
    halo = Halo(spatial_graph(coords, n_neighbors=4, directed=True))
    task = Task(
        inputs=features,
        targets=features,
        around=[halo.around(x) for x in features],
        observed=[None] * len(features),
        samplers=[GivenTriplets(*t) for t in triplets],
        coords=coords,
        halo=halo,
        tiles=Tiles(coords, None, N),
    )
    return model, theirs, task, params


def as_torch(task):
    """Inputs, graph and means over neighbours."""
    inputs, around = (
        [torch.from_numpy(x) for x in arrays] for arrays in (task.inputs, task.around)
    )
    return inputs, task.halo.part(np.arange(N), 0).graph, around


def train_theirs(case, params, epochs):
    _, features, edges, triplets = case
    n = len(features)
    torch.manual_seed(0)
    return bio_train.train_SMART(
        [torch.from_numpy(x) for x in features],
        [edges] * n,
        triplets,
        weights=[1] * 2 * n,
        n_epochs=epochs,
        lr=params.lr,
        weight_decay=params.weight_decay,
        device=torch.device("cpu"),
        window_size=params.stop_window,
        slope=params.stop_slope,
        margin=params.margin,
        return_loss=True,
    )


def test_graph_is_the_same(case):
    coords, _, edges, _ = case
    ours = spatial_graph(coords, n_neighbors=4, directed=True)
    receiving, sending = ours.nonzero()
    assert set(zip(sending, receiving, strict=True)) == set(map(tuple, edges.numpy().T.tolist()))


def test_anchors_and_positives_are_the_same(case):
    _, features, _, triplets = case
    for x, (anchors, positives, _) in zip(features, triplets, strict=True):
        ours = zip(*mutual_nearest_neighbors(x, 3), strict=True)
        assert set(ours) == set(zip(anchors, positives, strict=True))


def test_embedding_and_reconstruction_are_the_same(case):
    _, features, edges, _ = case
    model, theirs, task, _ = ours_for(case)
    with torch.no_grad():
        z, decoded = model(*as_torch(task))
        their_z, their_decoded = theirs(as_torch(task)[0], [edges] * len(features))
    torch.testing.assert_close(z, their_z, atol=1e-5, rtol=0)
    for a, b in zip(decoded, their_decoded, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_losses_and_one_step_are_the_same(case):
    model, _, task, params = ours_for(case, epochs=1)
    history = train(model, task, params, progress=False)
    theirs, their_losses = train_theirs(case, params, 1)
    ours = history.loc[1, ["total", "triplet", "reconstruction"]]
    np.testing.assert_allclose(ours, their_losses[0], atol=1e-5, rtol=1e-6)
    for a, b in zip(model.fusion.parameters(), theirs.fc.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def slope_of_a_clear_stop(history, window):
    """A threshold that slopes fall below at one check, well away from those before and after."""
    checks = np.arange(99, 250, 10)
    slopes = [
        min(
            abs(np.polyfit(np.arange(window), history[name].iloc[n - window : n], 1)[0])
            for name in ("reconstruction", "triplet")
        )
        for n in checks
    ]
    least = np.minimum.accumulate(slopes)
    i = np.argmin(least[1:] / least[:-1])
    return float(np.sqrt(least[i] * least[i + 1]))


def test_training_to_its_own_stop_is_the_same(case):
    model, _, task, params = ours_for(case, epochs=300, lr=5e-3, stop_slope=0)
    whole = train(model, task, params, progress=False)
    slope = slope_of_a_clear_stop(whole, params.stop_window)
    model, _, task, params = ours_for(case, epochs=300, lr=5e-3, stop_slope=slope)
    history = train(model, task, params, progress=False)
    theirs, their_losses = train_theirs(case, params, 300)
    assert len(their_losses) < 300
    assert len(history) == len(their_losses)
    ours = history[["total", "triplet", "reconstruction"]]
    np.testing.assert_allclose(ours, their_losses, rtol=1e-3, atol=1e-3)
    _, features, edges, _ = case
    with torch.no_grad():
        z = model.encode(*as_torch(task))
        their_z, _ = theirs(as_torch(task)[0], [edges] * len(features))
    torch.testing.assert_close(z, their_z, atol=1e-2, rtol=0)
