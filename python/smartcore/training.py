"""Losses, the loop over epochs, and when to stop."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from smartcore.layers import GraphTensors
from smartcore.model import SMART
from smartcore.params import Params
from smartcore.triplets import TripletSampler

logger = logging.getLogger(__name__)

Callback = Callable[[int, Mapping[str, float]], object]

_CHECK_EVERY = 10


@dataclass
class Task:
    """What the network is trained on.

    Attributes
    ----------
    inputs, targets
        One tensor (n_spots, d) a modality, in the model's order.
    observed
        Per modality the rows to be reconstructed; ``None``: all.
    samplers
        Triplets per modality.
    """

    inputs: Sequence[Tensor]
    targets: Sequence[Tensor]
    observed: Sequence[Tensor | None]
    samplers: Sequence[TripletSampler]
    graph: GraphTensors
    _fixed: list[Tensor] = field(default_factory=list)

    def triplets(self, rng: np.random.Generator, redraw: bool) -> list[Tensor]:
        """Per modality anchors, positives and negatives, shape (3, n_triplets)."""
        if redraw or not self._fixed:
            self._fixed = [
                torch.from_numpy(s.draw(rng)).to(self.graph.edge_index.device)
                for s in self.samplers
            ]
        return self._fixed


def reconstruction_loss(x_hat: Tensor, x: Tensor, kind: str) -> Tensor:
    """Mean over spots of the squared error's sum or mean over features (paper, L_recon)."""
    error = functional.mse_loss(x_hat, x)
    return error * x.shape[1] if kind == "sum" else error


def triplet_loss(z: Tensor, triplets: Tensor, margin: float) -> Tensor:
    """Mean of max(‖z_a − z_p‖ − ‖z_a − z_n‖ + margin, 0) (paper, L_triplet); 0 for no triplet."""
    if triplets.shape[1] == 0:
        return z.new_zeros(())
    anchor, positive, negative = (z.index_select(0, rows) for rows in triplets)
    return functional.triplet_margin_loss(anchor, positive, negative, margin=margin)


def losses(
    model: SMART, task: Task, triplets: Sequence[Tensor], params: Params
) -> tuple[Tensor, dict[str, Tensor]]:
    """Total loss (paper, L) and its terms: the two sums over modalities, and each modality's."""
    z, decoded = model(task.inputs, task.graph)
    alpha = params.alpha or {}
    terms: dict[str, Tensor] = {}
    both = {"reconstruction": z.new_zeros(()), "triplet": z.new_zeros(())}
    for i, name in enumerate(model.modalities):
        x, x_hat, rows = task.targets[i], decoded[i], task.observed[i]
        if rows is not None:
            x, x_hat = x[rows], x_hat[rows]
        terms[f"reconstruction_{name}"] = reconstruction_loss(x_hat, x, params.squared_error)
        terms[f"triplet_{name}"] = triplet_loss(z, triplets[i], params.margin)
        for kind in both:
            both[kind] = both[kind] + alpha.get(name, 1.0) * terms[f"{kind}_{name}"]
    total = params.total_weight * (
        params.lam * both["reconstruction"] + (1 - params.lam) * both["triplet"]
    )
    return total, {"total": total, **both, **terms}


def should_stop(history: Sequence[Mapping[str, float]], params: Params) -> bool:
    """Whether the losses of the last ``stop_window`` epochs have become flat."""
    epoch, window = len(history) + 1, params.stop_window
    if params.stop_slope == 0 or epoch <= window or epoch % _CHECK_EVERY or len(history) < window:
        return False
    recent = history[-window:]

    def slope(name: str) -> float:
        values = np.array([losses[name] for losses in recent])
        return float(np.polyfit(np.arange(window), values, 1)[0])

    if params.stop_on == "total":
        level = float(np.mean([losses["total"] for losses in recent]))
        return -slope("total") < params.stop_slope * level
    slopes = abs(slope("reconstruction")), abs(slope("triplet"))
    # A loss that is exactly constant has nothing to train on, and tells nothing.
    constant = any(
        len({losses[name] for losses in recent}) == 1 for name in ("reconstruction", "triplet")
    )
    return not constant and min(slopes) < params.stop_slope


def train(
    model: SMART,
    task: Task,
    params: Params,
    *,
    seed: int = 0,
    callback: Callback | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Fit ``model`` by Adam, one step an epoch on the whole graph.

    Parameters
    ----------
    callback
        Called after every epoch with its number, from 1, and its losses. What it raises ends
        the training and reaches the caller.
    progress
        Show a progress bar on standard error.

    Returns
    -------
    Losses before the step of each epoch: a row an epoch, with columns ``total``,
    ``reconstruction``, ``triplet`` and the last two for each modality.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    rng = np.random.default_rng(seed)
    for name, sampler in zip(model.modalities, task.samplers, strict=True):
        if not len(sampler.anchors):
            warnings.warn(
                f"No mutual nearest neighbours in modality {name!r}: it has no triplets and is "
                "trained by reconstruction alone. More neighbours (n_mutual) may help.",
                stacklevel=2,
            )
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=params.lr, weight_decay=params.weight_decay)
    history: list[dict[str, float]] = []
    model.train()
    with tqdm(total=params.epochs, desc="SMART", unit="epoch", disable=not progress) as bar:
        for epoch in range(1, params.epochs + 1):
            if should_stop(history, params):
                logger.info("Stopped before epoch %d: the losses are flat.", epoch)
                break
            optimizer.zero_grad(set_to_none=True)
            total, terms = losses(model, task, task.triplets(rng, params.redraw), params)
            values = {name: float(term.detach()) for name, term in terms.items()}
            if not np.isfinite(values["total"]):
                raise FloatingPointError(
                    f"The loss became {values['total']} in epoch {epoch}; a lower learning rate "
                    f"than lr={params.lr:g}, or features of a smaller scale, would do."
                )
            total.backward()
            optimizer.step()
            history.append(values)
            bar.set_postfix(loss=f"{values['total']:.4g}", refresh=False)
            bar.update()
            if callback is not None:
                callback(epoch, values)
    model.eval()
    table = pd.DataFrame(history)
    table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
    return table
