import numpy as np
import pytest
import torch
from torch_geometric.nn import GATConv, GATv2Conv, GCNConv, GraphConv, SAGEConv

import smartcore as sm
from smartcore.network.layers import GraphTensors, make_layer
from smartcore.network.model import Scaling
from smartcore.spatial.graph import spatial_graph

PYG = {
    "sage": lambda i, o: SAGEConv(i, o),
    "gcn": lambda i, o: GCNConv(i, o),
    "gat": lambda i, o: GATConv(i, o, heads=2, concat=False),
    "gatv2": lambda i, o: GATv2Conv(i, o, heads=2, concat=False),
    "graphconv": lambda i, o: GraphConv(i, o),
}


@pytest.fixture(params=[False, True], ids=["mutual", "directed"])
def graph(request):
    xy = np.random.default_rng(0).uniform(size=(80, 2))
    graph = spatial_graph(xy, n_neighbors=4, directed=request.param).tolil()
    graph[3] = 0  # a spot that receives nothing
    return GraphTensors.from_scipy(graph.tocsr())


@pytest.mark.parametrize("name", PYG)
@pytest.mark.parametrize(("n_in", "n_out"), [(7, 5), (5, 9)])
def test_layers_are_those_of_pyg_forward_and_backward(name, n_in, n_out, graph):
    ours, theirs = make_layer(name, n_in, n_out), PYG[name](n_in, n_out)
    state = {k.removeprefix("conv."): v for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    x = torch.randn(80, n_in, generator=torch.Generator().manual_seed(0))
    gradients = []
    outputs = []
    for layer, where in ((ours, graph), (theirs, graph.edge_index)):
        leaf = x.clone().requires_grad_()
        out = layer(leaf, where)
        (out * torch.arange(n_out)).square().sum().backward()
        outputs.append(out.detach())
        gradients.append([leaf.grad] + [p.grad for _, p in sorted(layer.named_parameters())])
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    for ours_grad, theirs_grad in zip(*gradients, strict=True):
        torch.testing.assert_close(ours_grad, theirs_grad, atol=1e-3, rtol=1e-4)


def model_and_inputs(graph, **params):
    settings = sm.PRESETS["paper"] if not params else sm.Params(**params)
    model = sm.SMART({"rna": 6, "protein": 4}, settings, seed=1)
    generator = torch.Generator().manual_seed(2)
    return model, [torch.randn(80, d, generator=generator) for d in (6, 4)]


def test_every_parameter_is_registered(graph):
    model, _ = model_and_inputs(graph)
    f = 64
    sage = sum(2 * i * o + o for i, o in [(6, f), (f, f), (f, f), (f, 6)])
    sage += sum(2 * i * o + o for i, o in [(4, f), (f, f), (f, f), (f, 4)])
    assert sum(p.numel() for p in model.parameters()) == sage + 2 * f * f + f


def test_the_papers_encoder_written_out(graph):
    """ReLU and length 1 after each encoder layer, none after the decoder's last."""
    model, inputs = model_and_inputs(graph)

    def layer(x, sage):
        return sage.lin_l(torch.sparse.mm(graph.mean, x)) + sage.lin_r(x)

    parts = []
    for x, encoder in zip(inputs, model.encoders, strict=True):
        for sage in encoder.layers:
            x = torch.relu(layer(x, sage))
            x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
        parts.append(x)
    z = model.fusion(torch.cat(parts, dim=1))
    first, last = model.decoders[0].layers
    decoded = layer(torch.relu(layer(z, first)), last)
    ours, ours_decoded = model(inputs, graph)
    torch.testing.assert_close(ours, z)
    torch.testing.assert_close(ours_decoded[0], decoded)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_depth_and_width(graph, n_layers):
    model, inputs = model_and_inputs(
        graph, n_layers=n_layers, latent_dim=10, decoder="graph", start="random"
    )
    z, decoded = model(inputs, graph)
    assert z.shape == (80, 10)
    assert [x.shape[1] for x in decoded] == [6, 4]
    assert all(len(e.layers) == n_layers for e in [*model.encoders, *model.decoders])


@pytest.mark.parametrize("latent_dim", [7, 10, 16])
def test_the_isometric_decoder_keeps_distances(graph, latent_dim):
    """Narrower than the ten features together, as wide, and wider."""
    model, inputs = model_and_inputs(graph, latent_dim=latent_dim, decoder="isometric")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        sum(x.square().mean() for x in model(inputs, graph)[1]).backward()
        optimizer.step()
    with torch.no_grad():
        z, decoded = model(inputs, graph)
    torch.testing.assert_close(
        torch.pdist(z), torch.pdist(torch.cat(decoded, dim=1)), atol=1e-5, rtol=1e-4
    )


def test_weights_come_from_the_seed_and_leave_the_global_generator_alone(monkeypatch):
    torch.manual_seed(0)

    def seeds_the_gpus(seed):
        raise AssertionError

    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds_the_gpus)
    before = torch.get_rng_state()
    weights = [sm.SMART({"a.b": 3}, sm.Params(), seed=s).fusion.weight.detach() for s in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_scale_is_the_root_mean_square_of_each_modality():
    x = {"a": np.random.default_rng(0).normal(3, 7, (50, 4)), "b": np.full((50, 2), 5.0)}
    model = sm.SMART({"a": 4, "b": 2}, sm.Params())
    model.set_scaling({name: Scaling.of(values, "modality") for name, values in x.items()})
    scaled = model.standardize(x)
    np.testing.assert_allclose(scaled["a"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.mean(scaled["a"] ** 2), 1, rtol=1e-6)
    np.testing.assert_array_equal(scaled["b"], 0)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04cut off"])
def test_what_is_no_saved_model(tmp_path, content):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.pt' is not a model saved by smartcore"):
        sm.SMART.load(path)


def test_a_saved_model_of_something_else(tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="is not a model saved by smartcore"):
        sm.SMART.load(tmp_path / "other.pt")
    with pytest.raises(FileNotFoundError):
        sm.SMART.load(tmp_path / "nowhere.pt")


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    model = sm.SMART({"a": 3}, sm.Params())
    path = tmp_path / "model.pt"
    model.save(path)
    old = path.read_bytes()

    def interrupted(content, file):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.save(path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]
