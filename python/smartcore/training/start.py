"""Where the training begins: at averages in space, and their best linear map to the target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import polar
from torch import Tensor

from smartcore.network.layers import SAGE
from smartcore.network.model import SMART
from smartcore.params import Params
from smartcore.training.steps import Task

# Share of the random weights that stays for a training, so that units differ in what they learn.
_NOISE = 0.1
# Of the mean square of a unit, against units that are alike or silent.
_RIDGE = 1e-3
# Of all variance; well above float32's rounding.
_TIE = 1e-4


def start_from_data(model: SMART, task: Task, share: float, *, seed: int = 0) -> None:
    """Give ``model`` the weights that ``start="data"`` of :class:`smartcore.Params` describes.

    GraphSAGE encoders hand on, through pairs of units of opposite sign that a ReLU leaves whole
    between them [1]_, the leading directions of the target in the average of each spot with
    its neighbours that the target is made of; other encoders stay random. The decoder's matrix
    spans the leading directions of all modalities' targets, and the fusion layer is the ridge
    regression of the target along them on what the encoders give. Spots are seen as many at a
    time as in a step of the training. Without a training (``epochs=0``), and where pairs have no
    room for all directions, each direction has one unit, whose values are moved above 0.

    Parameters
    ----------
    model
        With a linear or isometric decoder; changed in place, on the CPU.
    task
        What it will be trained on.
    share
        Weight of the neighbours' mean in the target.
    seed
        Of the part of an isometric decoder's parameters that nothing depends on at first.

    References
    ----------
    .. [1] Balduzzi et al., "The shattered gradients problem", ICML (2017): looks-linear weights.
    """
    params = model.params
    # Whatever device a program has made torch's default.
    with torch.no_grad(), torch.device("cpu"):
        if params.encoder == "sage":
            parts = zip(model.encoders, task.targets, task.inputs, strict=True)
            for encoder, target, x in parts:
                layers = [module for module in encoder.modules() if isinstance(module, SAGE)]
                if _pairs_do(params, target.shape[1]):
                    axes = _axes(target.T @ target, params.latent_dim // 2)
                    noise = _NOISE if params.epochs else 0.0
                    _hand_on(layers, axes.T, share, params.relu, noise)
                else:
                    axes = _axes(target.T @ target, params.latent_dim)
                    above = 0.0 if params.relu == "none" else _above(x @ axes.numpy())
                    _hand_on_shifted(layers, axes.T, share, params.relu, above)
        loadings, bias = _solve(model, task)
        with torch.random.fork_rng(devices=[]):
            # An orthonormal matrix is completed to a square one at random.
            torch.default_generator.manual_seed(seed)
            model.decoders.set_linear(loadings, bias)


def _axes(square: NDArray[np.floating], most: int) -> Tensor:
    """An orthonormal basis of the leading ``most`` eigenvectors' space, in columns.

    All of the space: its own axes; a part: the basis nearest to the first of these. Neither turns
    with rounding as eigenvectors of like eigenvalues do, and of directions that are as good the
    first is taken.
    """
    n = len(square)
    if n <= most:
        return torch.eye(n)
    tie = _TIE * np.trace(square, dtype=np.float64) * np.linspace(1, 0, n)
    leading = np.linalg.eigh(square + np.diag(tie))[1][:, n - most :]
    return torch.from_numpy(leading @ polar(leading[:most].T)[0]).float()


def _hand_on(
    layers: Sequence[SAGE], directions: Tensor, share: float, relu: str, noise: float
) -> None:
    width: int = layers[0].out_channels
    pairs = len(directions)
    for i, layer in enumerate(layers):
        for weight in (layer.lin_l.weight, layer.lin_r.weight, layer.lin_l.bias):
            weight *= noise
        rows = directions
        if i:
            # The sum of what both units of a pair hold, with the sign of each.
            rows = torch.zeros(pairs, width)
            rows[:, :pairs], rows[:, pairs : 2 * pairs] = torch.eye(pairs), -torch.eye(pairs)
            if relu == "none":
                rows /= 2
        last = i == len(layers) - 1
        both = rows if last and relu != "all" else torch.cat([rows, -rows])
        own, around = (1.0, 0.0) if i else (1 - share, share)
        layer.lin_r.weight[: len(both)] += own * both
        layer.lin_l.weight[: len(both)] += around * both


def _pairs_do(params: Params, n_directions: int) -> bool:
    """Whether pairs of units have room for all directions, or a training may need them."""
    return params.epochs > 0 or params.l2 != "none" or params.latent_dim // 2 >= n_directions


def _above(x: NDArray[np.floating]) -> float:
    """What keeps values like these, and ten times as large, above 0."""
    return 10 * float(np.abs(x).max(initial=0)) or 1.0


def _hand_on_shifted(
    layers: Sequence[SAGE], directions: Tensor, share: float, relu: str, above: float
) -> None:
    """As :func:`_hand_on`, a unit a direction: values are moved up, where a ReLU changes none."""
    n = len(directions)
    for i, layer in enumerate(layers):
        for weight in (layer.lin_l.weight, layer.lin_r.weight, layer.lin_l.bias):
            weight.zero_()
        rows = torch.eye(n, layer.in_channels) if i else directions
        own, around = (1.0, 0.0) if i else (1 - share, share)
        layer.lin_r.weight[:n] += own * rows
        layer.lin_l.weight[:n] += around * rows
        last = i == len(layers) - 1
        moved = above if relu == "all" or not last else 0.0
        layer.lin_l.bias[:n] += moved - (above if i else 0.0)


def _solve(model: SMART, task: Task) -> tuple[Tensor, Tensor]:
    """Fusion layer in closed form; weight and bias of the decoder."""
    n = len(task.coords)
    target = np.hstack(list(task.targets))
    mean = target.mean(axis=0, dtype=np.float64)
    covariance = (target.T @ target).astype(np.float64) / n - np.outer(mean, mean)
    width, n_features = model.params.latent_dim, len(mean)
    loadings = torch.zeros(n_features, width)
    axes = _axes(covariance, width)
    loadings[:, : axes.shape[1]] = axes

    size = model.fusion.in_features
    square, product = np.zeros((size, size)), np.zeros((size, n_features))
    sums = np.zeros(size)
    model.eval()
    for spots in task.tiles.once():
        units = _units(model, task, spots)
        square += units.T @ units
        product += units.T @ target[spots]
        sums += units.sum(axis=0)
    square = square / n - np.outer(sums, sums) / n**2
    product = product / n - np.outer(sums, mean) / n
    square[np.diag_indices(size)] += _RIDGE * (np.trace(square) / size or 1)
    weight = torch.from_numpy(np.linalg.solve(square, product)).float() @ loadings
    model.fusion.weight.copy_(weight.T)
    model.fusion.bias.copy_(-torch.from_numpy(sums / n).float() @ weight)
    return loadings, torch.from_numpy(mean).float()


def _units(model: SMART, task: Task, spots: NDArray[np.intp]) -> NDArray[np.float64]:
    """What the fusion layer is given for ``spots``, shape (n, width · modalities)."""
    part = task.halo.part(spots, model.hops(decode=False))
    means = None if task.around is None else [part.take(x) for x in task.around]
    units = model.encode_apart([part.take(x) for x in task.inputs], part.graph, means)
    return part.of_core(units).double().numpy()
