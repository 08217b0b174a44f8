"""Maps that designs fit: ridge regression, and a network of one hidden layer that adds to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

# Of the mean square of the inputs.
_RIDGE = 1e-2
_WIDTH, _DROPOUT, _RATE, _DECAY = 128, 0.2, 2e-3, 1e-2
_EPOCHS, _PATIENCE, _BATCH = 150, 15, 512

Map = Callable[[NDArray[np.floating]], NDArray[np.float32]]


@dataclass(frozen=True)
class Fitted:
    """A map, and the share of the held-out spots' variance that it explains.

    Attributes
    ----------
    apply
        From inputs (n, d) to predictions (n, r).
    linear, network
        R² of the ridge regression alone, and with the network on it.
    epochs
        Passes over the data after which the network was best; 0: it never helped.
    """

    apply: Map
    linear: float
    network: float
    epochs: int


def ridge(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    """Coefficients (d, r) of ridge regression, without an intercept."""
    x = x.astype(np.float64)
    square = x.T @ x
    square[np.diag_indices(len(square))] += _RIDGE * np.trace(square) / len(square)
    return np.linalg.solve(square, x.T @ y)


def explained(y: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """R² over all columns together, for centred ``y``."""
    return float(1 - np.sum((y - predicted) ** 2) / np.sum(y**2))


def fit(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    held_out: NDArray[np.bool_],
    *,
    network: bool,
    seed: int,
    dropped: list[slice] | None = None,
) -> Fitted:
    """Fit on the other spots; the network stops where it predicts ``held_out`` best.

    With ``dropped``, one of these groups of columns, at random, is zero in each step.
    """
    train = ~held_out
    linear = ridge(x[train], y[train])
    residual = (y - x @ linear).astype(np.float32)
    of_linear = explained(y[held_out], x[held_out] @ linear)
    if not network:
        whole = ridge(x, y)
        return Fitted(lambda new: (new @ whole).astype(np.float32), of_linear, of_linear, 0)
    size = np.float32(x.std() or 1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        net, best, epochs = _train(x / size, residual, held_out, seed, dropped)
    total = float(np.sum(y[held_out] ** 2))

    def apply(new: NDArray[np.floating]) -> NDArray[np.float32]:
        with torch.no_grad():
            added = net(torch.from_numpy((new / size).astype(np.float32))).numpy()
        return (new @ linear + added).astype(np.float32)

    return Fitted(apply, of_linear, 1 - best / total, epochs)


def _train(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    held_out: NDArray[np.bool_],
    seed: int,
    dropped: list[slice] | None,
) -> tuple[nn.Module, float, int]:
    net = nn.Sequential(
        nn.Linear(x.shape[1], _WIDTH),
        nn.ReLU(),
        nn.Dropout(_DROPOUT),
        nn.Linear(_WIDTH, y.shape[1]),
    )
    nn.init.zeros_(net[3].weight)
    nn.init.zeros_(net[3].bias)
    adam = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    unseen = torch.from_numpy(held_out)
    rng = np.random.default_rng(seed)

    def error() -> float:
        net.eval()
        with torch.no_grad():
            return float(((net(inputs[unseen]) - targets[unseen]) ** 2).sum())

    best, at = error(), 0
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    for epoch in range(1, _EPOCHS + 1):
        net.train()
        for rows in torch.from_numpy(rng.permutation(np.flatnonzero(~held_out))).split(_BATCH):
            part = inputs[rows]
            if dropped:
                part = part.clone()
                part[:, dropped[rng.integers(len(dropped))]] = 0
            adam.zero_grad()
            ((net(part) - targets[rows]) ** 2).mean().backward()
            adam.step()
        now = error()
        if now < best:
            best, at = now, epoch
            kept = {name: value.clone() for name, value in net.state_dict().items()}
        elif epoch - at >= _PATIENCE:
            break
    net.load_state_dict(kept)
    return net.eval(), best, at
