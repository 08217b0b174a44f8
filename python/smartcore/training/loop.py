"""Losses, the loop over epochs, and when to stop."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import is_parametrized
from tqdm.auto import tqdm

from smartcore.network.model import SMART
from smartcore.params import Params
from smartcore.training.checkpoint import Checkpoint, fingerprint, rng_state, set_rng_state
from smartcore.training.distributed import Workers
from smartcore.training.steps import Batch, Batches, Task

logger = logging.getLogger(__name__)

Callback = Callable[[int, Mapping[str, float]], object]

_CHECK_EVERY = 10
_LEAST_PASSES = 4


def reconstruction_loss(x_hat: Tensor, x: Tensor, kind: str) -> Tensor:
    """Mean over spots of the squared error's sum or mean over features (paper, L_recon)."""
    if not len(x):
        return x_hat.sum()
    error = functional.mse_loss(x_hat, x)
    return error * x.shape[1] if kind == "sum" else error


def triplet_loss(
    z: Tensor, triplets: Tensor, margin: float, weights: Tensor | None = None
) -> Tensor:
    """Mean of max(‖z_a − z_p‖ − ‖z_a − z_n‖ + margin, 0) (paper, L_triplet); 0 for no triplet."""
    if triplets.shape[1] == 0:
        # Part of the graph, since all processes must exchange gradients of z.
        return 0 * z.sum()
    anchor, positive, negative = (z.index_select(0, rows) for rows in triplets)
    if weights is None:
        return functional.triplet_margin_loss(anchor, positive, negative, margin=margin)
    each = functional.triplet_margin_loss(
        anchor, positive, negative, margin=margin, reduction="none"
    )
    return (each * weights).sum() / weights.sum()


def losses(
    network: nn.Module, modalities: Sequence[str], batch: Batch, params: Params, workers: Workers
) -> tuple[Tensor, dict[str, Tensor]]:
    """Total loss (paper, L) and its terms: the two sums over modalities, and each modality's.

    Their means over all processes are those of the step.
    """
    z, decoded = network(batch.inputs, batch.part.graph, batch.around)
    z = workers.gather(batch.part.of_core(z), batch.sizes)
    alpha = params.alpha or {}
    terms: dict[str, Tensor] = {}
    both = {"reconstruction": z.new_zeros(()), "triplet": z.new_zeros(())}
    for i, name in enumerate(modalities):
        x, x_hat, rows = batch.targets[i], batch.part.of_core(decoded[i]), batch.observed[i]
        if rows is not None:
            x_hat = x_hat.index_select(0, rows)
        fit = reconstruction_loss(x_hat, x, params.squared_error)
        apart = triplet_loss(z, batch.triplets[i], params.margin, batch.weights[i])
        terms[f"reconstruction_{name}"] = batch.shares[i] * fit
        terms[f"triplet_{name}"] = batch.triplet_shares[i] * apart
        for kind in both:
            both[kind] = both[kind] + alpha.get(name, 1.0) * terms[f"{kind}_{name}"]
    total = params.total_weight * (
        params.lam * both["reconstruction"] + (1 - params.lam) * both["triplet"]
    )
    return total, {"total": total, **both, **terms}


def should_stop(
    history: Sequence[Mapping[str, float]], params: Params, steps_a_pass: int = 1
) -> bool:
    """Whether the losses of the last ``stop_window`` epochs have become flat.

    Where a pass over the spots takes several steps, their losses differ by what they see. Means
    over whole passes do not, and the slope is that of these: of at least four, and of as many as
    ``stop_window`` epochs take.
    """
    epoch, window = len(history) + 1, params.stop_window
    if steps_a_pass == 1:
        if epoch % _CHECK_EVERY:
            return False
    else:
        if len(history) % steps_a_pass:
            return False
        window = steps_a_pass * max(_LEAST_PASSES, -(-window // steps_a_pass))
    if params.stop_slope == 0 or epoch <= window or len(history) < window:
        return False
    recent = history[-window:]

    def course(name: str) -> NDArray[np.float64]:
        values = np.array([losses[name] for losses in recent])
        return values if steps_a_pass == 1 else values.reshape(-1, steps_a_pass).mean(axis=1)

    def slope(name: str) -> float:
        values = course(name)
        return float(np.polyfit(np.arange(len(values)), values, 1)[0]) / steps_a_pass

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
    device: torch.device | str = "cpu",
    callback: Callback | None = None,
    progress: bool = True,
    workers: Workers | None = None,
    checkpoint: Checkpoint | None = None,
) -> pd.DataFrame:
    """Fit ``model`` by Adam, an epoch being one step on the spots that a step sees.

    With ``epochs=0`` it stays as it is.

    Parameters
    ----------
    callback
        Called after every epoch with its number, from 1, and its losses. What it raises ends
        the training and reaches the caller.
    progress
        Show a progress bar on standard error.
    workers
        The processes that train together; ``None``: this alone.
    checkpoint
        Where the state is kept, and taken up again if it is there.

    Returns
    -------
    Losses before the step of each epoch: a row an epoch, with columns ``total``,
    ``reconstruction``, ``triplet`` and the last two for each modality.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    ValueError
        If ``checkpoint`` is of another training.
    """
    workers = workers or Workers()
    if not params.epochs:
        model.to(device).eval()
        return _course([], model.modalities)
    rng = np.random.default_rng(seed)
    for name, sampler in zip(model.modalities, task.samplers, strict=True):
        if not len(sampler.anchors):
            warnings.warn(
                f"No mutual nearest neighbours in modality {name!r}: it has no triplets and is "
                "trained by reconstruction alone. More neighbours (n_mutual) may help.",
                stacklevel=2,
            )
    batches = Batches(
        task,
        model.hops(decode=True),
        redraw=params.redraw,
        seed=seed,
        device=device,
        workers=workers,
    )
    model.to(device)
    trained = [p for p in model.parameters() if p.requires_grad]
    # Decay would take an orthonormal matrix's parameters to none.
    fixed = {id(p) for m in model.modules() if is_parametrized(m) for p in m.parameters()}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if id(p) not in fixed]},
        {"params": [p for p in trained if id(p) in fixed], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.Adam(
        [group for group in groups if group["params"]],
        lr=params.lr,
        eps=params.adam_eps,
        weight_decay=params.weight_decay,
    )
    if params.epochs < task.tiles.n_steps:
        logger.warning(
            "A pass over the spots takes %d steps, more than epochs=%d: some train nothing.",
            task.tiles.n_steps,
            params.epochs,
        )
    history: list[dict[str, float]] = []
    state = _kept(checkpoint, task, params, seed, workers)
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        names = state["names"]
        history = [dict(zip(names, row, strict=True)) for row in state["history"].tolist()]
        batches.restore(state["negatives"])
        set_rng_state(rng, state["rng"])
        logger.info("The training goes on after epoch %d, as kept in a file.", len(history))
    logger.info("Training on %d spots.", len(task.coords))
    model.train()
    network = workers.wrap(model)
    with tqdm(
        total=params.epochs,
        initial=len(history),
        desc="SMART",
        unit="epoch",
        disable=not (progress and workers.rank == 0),
    ) as bar:
        for epoch in range(len(history) + 1, params.epochs + 1):
            if should_stop(history, params, task.tiles.n_steps):
                logger.info("Stopped before epoch %d: the losses are flat.", epoch)
                break
            optimizer.zero_grad(set_to_none=True)
            batch = batches.step(epoch - 1, rng)
            total, terms = losses(network, model.modalities, batch, params, workers)
            values = workers.mean(terms)
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
            if checkpoint is not None and workers.rank == 0 and checkpoint.due():
                checkpoint.write(
                    {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "names": list(values),
                        "history": torch.tensor(
                            [list(row.values()) for row in history], dtype=torch.float64
                        ),
                        "negatives": batches.kept(),
                        "rng": rng_state(rng),
                    }
                )
            if callback is not None:
                callback(epoch, values)
    model.eval()
    return _course(history, model.modalities)


def _course(history: Sequence[Mapping[str, float]], modalities: Sequence[str]) -> pd.DataFrame:
    """Losses by epoch, from 1; with its columns where nothing was trained."""
    names = [f"{kind}_{name}" for name in modalities for kind in ("reconstruction", "triplet")]
    columns = ["total", "reconstruction", "triplet", *names]
    table = pd.DataFrame(history, columns=columns, dtype=float)
    table.index = pd.RangeIndex(1, len(table) + 1, name="epoch")
    return table


def _kept(
    checkpoint: Checkpoint | None, task: Task, params: Params, seed: int, workers: Workers
) -> dict[str, Any] | None:
    """State of this training in the first process's file, if there is one."""

    def read() -> dict[str, Any] | None:
        if checkpoint is None:
            return None
        steps = {**params.plain(), "steps a pass": task.tiles.n_steps}
        return checkpoint.open(steps, fingerprint(task.arrays()), seed)

    return workers.from_first(read)
