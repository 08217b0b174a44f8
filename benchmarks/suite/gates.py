"""Scales gated by place: each spot weighs the averages by what they cost around it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from smartcore.spatial.nuggets import nuggets
from smartcore.spatial.walks import Walks

from .opened import Opened

# Steps of the walk over which errors are averaged: the place of a spot.
_AROUND = 7
# Of what space explains.
_SOFTNESS = 0.05
_SIGNS = 256
_EPOCHS, _PATIENCE, _RATE = 300, 30, 1e-2


def gated(opened: Opened, *, trained: bool, own: float = 0.5) -> NDArray[np.float32]:
    """Filtered features, of which the share ``own`` is by the filter of the whole section."""
    parts = []
    for i, (name, x) in enumerate(opened.features.items()):
        whole = opened.prepared.task.inputs[i]
        one = opened.prepared.model.filters[name]
        usual = ((one.range.split(x)[0] - one.center) / one.scale).astype(np.float32)
        scores = usual @ one.usual.into
        walks = Walks(opened.prepared.graph)
        averages = np.stack(list(walks.averages(scores)))
        signs = np.random.default_rng(opened.seed).choice(
            np.array([-1, 1], np.float32), (len(x), _SIGNS)
        )
        kept = np.stack([np.mean(signs * y, axis=1) for y in walks.averages(signs)])
        nugget = nuggets(scores.astype(np.float64), opened.prepared.graph)
        weight = np.sum(one.usual.out.astype(np.float64) ** 2, axis=1)
        # Mallows' C_p of each average at each spot, up to what all have in common.
        noise, signal = float(weight @ nugget), float(weight @ (1 - nugget)) or 1.0
        cost = (
            np.einsum("knr,r->kn", (scores - averages) ** 2, weight) + 2 * kept * noise
        ) / signal
        around = list(walks.averages(cost.T.astype(np.float32)))[_AROUND]
        if trained:
            share = _trained(averages, scores, kept, weight, noise, around, opened)
        else:
            low = around.min(axis=1, keepdims=True)
            share = np.exp(-(around - low) / _SOFTNESS)
            share /= share.sum(axis=1, keepdims=True)
        local = np.einsum("nk,knr->nr", share, averages) @ one.usual.out
        width = local.shape[1]
        parts.append(np.hstack([own * whole[:, :width] + (1 - own) * local, whole[:, width:]]))
    return np.hstack(parts).astype(np.float32)


def _trained(
    averages: NDArray[np.float32],
    scores: NDArray[np.float32],
    kept: NDArray[np.float32],
    weight: NDArray[np.float64],
    noise: float,
    around: NDArray[np.float32],
    opened: Opened,
) -> NDArray[np.float32]:
    """Shares of a network that sees the errors around a spot, trained on their C_p."""
    size = np.sqrt(weight).astype(np.float32)
    x = torch.from_numpy(averages * size).permute(1, 0, 2)
    y, t = torch.from_numpy(scores * size), torch.from_numpy(kept.T.copy())
    seen = torch.from_numpy((around - around.mean(axis=1, keepdims=True)) / (around.std() or 1))
    unseen = torch.from_numpy(opened.folds == 0)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(opened.seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], 32), torch.nn.ReLU(), torch.nn.Linear(32, x.shape[1])
        )
    adam = torch.optim.Adam(net.parameters(), lr=_RATE)

    def risk(rows: torch.Tensor) -> torch.Tensor:
        share = torch.softmax(net(seen[rows]), dim=1)
        fitted = torch.einsum("nk,nkr->nr", share, x[rows])
        return (((y[rows] - fitted) ** 2).sum(1) + 2 * noise * (share * t[rows]).sum(1)).mean()

    best, at, state = np.inf, 0, net.state_dict()
    for epoch in range(_EPOCHS):
        with torch.no_grad():
            now = float(risk(unseen))
        if now < best:
            best, at = now, epoch
            state = {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - at >= _PATIENCE:
            break
        adam.zero_grad()
        risk(~unseen).backward()
        adam.step()
    net.load_state_dict(state)
    with torch.no_grad():
        return torch.softmax(net(seen), dim=1).numpy()
