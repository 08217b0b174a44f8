"""What runs on a device: the same on a GPU as on the CPU, as far as rounding lets it.

Every test that computes on a device takes the fixture `device`. Those marked `gpu` run where torch
sees a GPU; `make gpu-check` runs them. The others stand in for a GPU where there is none.
"""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.spatial.distance import pdist
from torch._subclasses import FakeTensorMode

import smartcore as sm
from smartcore.integration import choose_device
from smartcore.network import layers
from smartcore.network.layers import GraphTensors
from smartcore.preparation import prepare
from smartcore.spatial.graph import neighbor_mean, spatial_graph
from smartcore.training import distributed
from smartcore.training.distributed import Workers
from smartcore.training.loop import losses
from smartcore.training.steps import Batches

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
# Adam's steps make more of rounding than its size: see tools/gpu_check.py.
AGREEMENT = 0.999

CASES = {
    "default": {},
    "tiles": {"step_spots": 90},
    "robust-0.1": {"preset": "robust-0.1"},
    "paper": {"preset": "paper"},
    "published": {"preset": "published"},
    "gcn": {"preset": "paper", "encoder": "gcn", "step_spots": 90},
    "gat": {"preset": "paper", "encoder": "gat"},
    "gatv2": {"preset": "paper", "encoder": "gatv2"},
    "graphconv": {"preset": "paper", "encoder": "graphconv"},
    "linear": {"decoder": "linear"},
}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def device(request):
    """Where to compute: the CPU, and a GPU where there is one."""
    return request.param


def agreement(a, b):
    """Correlation of the distances between spots in two embeddings."""
    return np.corrcoef(pdist(a), pdist(b))[0, 1]


def test_means_over_neighbours_are_those_of_scipy(tissue, device):
    features, coords, _ = tissue
    mean = neighbor_mean(spatial_graph(coords, n_neighbors=5))
    tensors = GraphTensors.from_mean(mean, np.diff(mean.indptr), device)
    x = features["rna"].astype(np.float32)
    for ours, theirs in ((tensors.mean, mean), (tensors.mean_transposed, mean.T)):
        product = (ours @ torch.from_numpy(x).to(device)).cpu().numpy()
        np.testing.assert_allclose(product, theirs @ x, rtol=1e-5, atol=1e-6)
    back = sp.coo_matrix(mean)
    edges = {*map(tuple, tensors.edge_index.cpu().numpy().T)}
    assert edges == {*zip(back.col, back.row, strict=True)}


@pytest.mark.parametrize("case", CASES)
def test_embedding_is_that_of_the_cpu(tissue, device, case):
    features, coords, _ = tissue
    settings = {"n_neighbors": 5, "epochs": 20, "seed": 3, **CASES[case]}
    here = sm.integrate(features, coords, device=device, **settings)
    there = sm.integrate(features, coords, device="cpu", **settings)
    assert here.history["total"].iloc[0] == pytest.approx(there.history["total"].iloc[0], rel=1e-4)
    assert agreement(here.embedding, there.embedding) > AGREEMENT
    assert next(here.model.parameters()).device.type == "cpu"


def test_sections_and_gaps_are_those_of_the_cpu(tissue, device):
    features, coords, band = tissue
    observed = {"protein": coords[:, 1] > 4}
    case = {"sections": band // 2, "observed": observed, "epochs": 20, "n_neighbors": 4}
    here, there = (sm.integrate(features, coords, device=d, **case) for d in (device, "cpu"))
    assert agreement(here.embedding, there.embedding) > AGREEMENT


def test_a_saved_network_embeds_on_either(tissue, device, tmp_path):
    features, coords, _ = tissue
    result = sm.integrate(features, coords, device=device, epochs=10, n_neighbors=4)
    result.model.save(tmp_path / "model.pt")
    loaded = sm.SMART.load(tmp_path / "model.pt")
    for where in {device, "cpu"}:
        z = sm.embed(loaded, features, coords, device=where)
        np.testing.assert_allclose(z, result.embedding, rtol=1e-3, atol=1e-4)


def test_training_goes_on_from_its_file(tissue, device, tmp_path):
    features, coords, _ = tissue
    case = {"device": device, "epochs": 20, "n_neighbors": 4, "stop_slope": 0}
    whole = sm.integrate(features, coords, **case)

    def stop(epoch, losses):
        if epoch == 8:
            raise KeyboardInterrupt

    kept = {"checkpoint": tmp_path / "state", "checkpoint_seconds": 0, **case}
    with pytest.raises(KeyboardInterrupt):
        sm.integrate(features, coords, callback=stop, **kept)
    went_on = sm.integrate(features, coords, **kept)
    assert len(went_on.history) == len(whole.history)
    assert agreement(went_on.embedding, whole.embedding) > AGREEMENT


def test_generators_of_all_devices_stay(tissue, device):
    features, coords, _ = tissue

    def states():
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return [torch.get_rng_state(), *gpus]

    before = states()
    sm.integrate(features, coords, device=device, epochs=3, n_neighbors=4)
    assert all(torch.equal(a, b) for a, b in zip(before, states(), strict=True))


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("case", ["default", "paper", "published"])
def test_default_device_of_a_program_does_not_matter(tissue, case):
    """Anything made on the default device would be made on "meta", where nothing has a value."""
    features, coords, _ = tissue
    settings = {"n_neighbors": 4, "epochs": 3, "device": "cpu", **CASES[case]}
    usual = sm.integrate(features, coords, **settings)
    torch.set_default_device("meta")
    try:
        unusual = sm.integrate(features, coords, **settings)
    finally:
        torch.set_default_device(None)
    np.testing.assert_array_equal(unusual.embedding, usual.embedding)


@pytest.mark.parametrize("case", ["default", "tiles", "paper", "published", "linear"])
def test_no_step_mixes_devices(tissue, case, monkeypatch):
    """On a GPU that only knows shapes and devices, where any tensor left on the CPU is an error."""
    features, coords, _ = tissue
    settings = {"n_neighbors": 4, "epochs": 2, **CASES[case]}
    preset = settings.pop("preset", "robust")
    observed, gpu = {"protein": coords[:, 1] > 4}, torch.device("cuda:0")
    ready = prepare(
        features, coords, None, None, observed, None, preset, settings, 0, torch.device("cpu")
    )
    # Such a GPU has no sparse matrices.
    monkeypatch.setattr(layers, "csr_tensor", lambda m: torch.from_numpy(m.toarray()))
    overwrite = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
            model = ready.model.requires_grad_(False).to(gpu)
            batches = Batches(ready.task, model.hops(decode=True), device=gpu)
            batch = batches.step(0, np.random.default_rng(0))
            _, terms = losses(model, model.modalities, batch, ready.settings, Workers())
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(overwrite)
    assert {term.device for term in terms.values()} == {gpu}


def test_objects_travel_by_the_gpu_of_their_process(monkeypatch):
    """By nccl's default they would all take the machine's first."""
    taken = []
    gpu = torch.device("cuda:1")
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed.dist, "get_backend", lambda: "nccl")
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 0)
    monkeypatch.setattr(distributed.dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(
        distributed.dist,
        "broadcast_object_list",
        lambda content, src, device: taken.append((list(content), src, device)),
    )
    assert Workers.join(gpu).from_first(lambda: "data") == "data"
    assert taken == [(["data", None], 0, gpu)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU")
def test_auto_is_the_cpu_without_a_gpu():
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(ValueError, match="device='cuda' is not there"):
        choose_device("cuda")


@pytest.mark.gpu
@NO_GPU
def test_auto_is_the_gpu():
    assert choose_device("auto").type == "cuda"
