"""What a network could add to the closed-form start: the designs that were tried.

Every design gives an embedding, and where it was trained what it predicts of data it has not seen,
beside what its linear start predicts of them. No design sees labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from smartcore.spatial.fitting import fit_filter
from smartcore.tl._held_out import told
from smartcore.training.loop import train

from .fitted import fit
from .gates import gated
from .opened import EPOCHS, Opened, embedding
from .sets import LabelledSet
from .thinning import thin

LOOKED_AT = (1, 2, 5, 10, 20, EPOCHS)
_FEATURES, _KEPT = 200, 40
_TEMPERATURE, _WIDTH, _RATE, _STEPS, _PATIENCE, _BATCH = 0.2, 128, 2e-3, 100, 10, 512


@dataclass(frozen=True)
class Tried:
    """An embedding, and how what was not seen is predicted: by the linear start, by the design."""

    z: NDArray[np.floating]
    linear: float | None = None
    unseen: float | None = None
    epochs: int | None = None


@dataclass
class Courses:
    """The default network of a set and seed, after each of LOOKED_AT; computed once."""

    labelled: LabelledSet
    seed: int
    done: dict[str, dict[int, NDArray[np.float32]]] = field(default_factory=dict)

    def of(self, opened: Opened, key: str) -> dict[int, NDArray[np.float32]]:
        """Number of epochs → embedding; 0: before the training."""
        if key not in self.done:
            first = embedding(opened.prepared.model, opened.prepared)
            self.done[key] = {0: first} | _course(opened)
        return self.done[key]


def _course(opened: Opened) -> dict[int, NDArray[np.float32]]:
    prepared = opened.prepared
    found = {}

    def keep(epoch: int, losses: object) -> None:
        if epoch in LOOKED_AT:
            prepared.model.eval()
            found[epoch] = embedding(prepared.model, prepared)
            prepared.model.train()

    settings = replace(prepared.settings, epochs=EPOCHS, stop_slope=0.0)
    train(prepared.model, prepared.task, settings, seed=opened.seed, callback=keep, progress=False)
    return found


def start(opened: Opened, courses: Courses) -> Tried:
    """No training: the filtered features by a linear map in closed form."""
    return Tried(opened.start)


def network(opened: Opened, courses: Courses) -> Tried:
    """The default network, trained from its start for fifty epochs."""
    return Tried(courses.of(opened, "whole")[EPOCHS])


def stopped(opened: Opened, courses: Courses) -> Tried | None:
    """The same, for as many epochs as predict molecules best that were held out of the counts."""
    halves = thin(courses.labelled, opened.seed)
    if halves is None:
        return None
    seen, unseen = halves
    half = Opened.of(seen, opened.seed)
    by_epoch = {
        epoch: told(z, unseen[half.prepared.order], opened.seed)
        for epoch, z in courses.of(half, "half").items()
    }
    best = max(by_epoch, key=by_epoch.__getitem__)
    return Tried(courses.of(opened, "whole")[best], by_epoch[0], by_epoch[best], best)


def place(trained: bool) -> Callable[[Opened, Courses], Tried]:
    """Scales gated by place: by errors in closed form, or by a network that sees them."""
    return lambda opened, courses: Tried(gated(opened, trained=trained))


def blind(by_network: bool) -> Callable[[Opened, Courses], Tried]:
    """Each spot predicted from its surroundings without itself."""

    def tried(opened: Opened, courses: Courses) -> Tried:
        y = np.hstack(list(opened.scores.values()))
        x = opened.surroundings(y, own=False)
        found = fit(x, y, opened.folds == 0, network=by_network, seed=opened.seed)
        whole = opened.surroundings(y, own=True)[:, y.shape[1] :]
        return Tried(found.apply(whole), found.linear, found.network, found.epochs)

    return tried


def others(by_network: bool) -> Callable[[Opened, Courses], Tried | None]:
    """Each modality predicted from the others."""

    def tried(opened: Opened, courses: Courses) -> Tried | None:
        if len(opened.scores) < 2 or any(m is not None for m in opened.prepared.task.observed):
            return None
        parts, quality, sizes = [], [], []
        for name, y in opened.scores.items():
            rest = np.hstack([x for other, x in opened.scores.items() if other != name])
            x = opened.surroundings(rest, own=True)
            found = fit(x, y, opened.folds == 0, network=by_network, seed=opened.seed)
            parts.append(found.apply(x))
            quality.append((found.linear, found.network, found.epochs))
            sizes.append(float(np.sum(y**2)))
        linear, unseen, epochs = np.average(quality, axis=0, weights=sizes)
        return Tried(np.hstack(parts), linear, unseen, round(epochs))

    return tried


def molecules(by_network: bool) -> Callable[[Opened, Courses], Tried | None]:
    """Molecules that were held out, predicted from the others in and around the spot."""

    def tried(opened: Opened, courses: Courses) -> Tried | None:
        halves = thin(courses.labelled, opened.seed)
        if halves is None:
            return None
        seen, unseen = halves
        half = Opened.of(seen, opened.seed)
        y = unseen[half.prepared.order]
        x = half.surroundings(np.hstack(list(half.scores.values())), own=True)
        found = fit(x, y, half.folds == 0, network=by_network, seed=opened.seed)
        z = np.empty_like(y)
        z[half.prepared.order] = found.apply(x)
        return Tried(z[opened.prepared.order], found.linear, found.network, found.epochs)

    return tried


def dropout(opened: Opened, courses: Courses) -> Tried | None:
    """Each spot predicted from its surroundings, of which one modality is hidden at random."""
    scores = list(opened.scores.values())
    if len(scores) < 2:
        return None
    y = np.hstack(scores)
    x = opened.surroundings(y, own=False)
    width, n_scales = y.shape[1], x.shape[1] // y.shape[1]
    ends = np.cumsum([0, *(s.shape[1] for s in scores)])
    # Modality by modality, so that a modality is one slice of columns.
    order = np.concatenate(
        [
            np.arange(a, b) + width * scale
            for a, b in itertools.pairwise(ends)
            for scale in range(n_scales)
        ]
    )
    dropped = [slice(a * n_scales, b * n_scales) for a, b in itertools.pairwise(ends)]
    found = fit(x[:, order], y, opened.folds == 0, network=True, seed=opened.seed, dropped=dropped)
    whole = opened.surroundings(y, own=True)[:, width:]
    return Tried(found.apply(whole[:, order]), found.linear, found.network, found.epochs)


def contrast(opened: Opened, courses: Courses) -> Tried:
    """True against shuffled neighbourhoods: which surroundings are those of this spot?

    Spots and surroundings are mapped by networks that begin at the ridge regression of one on the
    other, and trained by InfoNCE (van den Oord et al., arXiv 1807.03748). What is held out is the
    bound on the mutual information, in nats.
    """
    y = np.hstack(list(opened.scores.values()))
    x = opened.surroundings(y, own=False)
    whole = opened.surroundings(y, own=True)[:, y.shape[1] :]
    held_out = opened.folds == 0
    linear = fit(x, y, held_out, network=False, seed=opened.seed).apply
    size = np.float32(y.std())
    own, around = torch.from_numpy(y / size), torch.from_numpy((x / size).astype(np.float32))
    mapped = torch.from_numpy(linear(x) / size)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(opened.seed)
        nets = torch.nn.ModuleList(_added(a.shape[1], y.shape[1]) for a in (own, around))
    adam = torch.optim.AdamW(nets.parameters(), lr=_RATE, weight_decay=1e-2)
    rng = np.random.default_rng(opened.seed)
    unseen = torch.from_numpy(rng.permutation(np.flatnonzero(held_out)))

    def bound(rows: torch.Tensor) -> torch.Tensor:
        a = torch.nn.functional.normalize(own[rows] + nets[0](own[rows]), dim=1)
        b = torch.nn.functional.normalize(mapped[rows] + nets[1](around[rows]), dim=1)
        each = a @ b.T / _TEMPERATURE
        loss = torch.nn.functional.cross_entropy(each, torch.arange(len(rows)))
        return float(np.log(len(rows))) - loss

    def of_unseen() -> float:
        nets.eval()
        with torch.no_grad():
            return float(np.mean([float(bound(rows)) for rows in unseen.split(_BATCH)]))

    first = best = of_unseen()
    at, state = 0, {name: value.clone() for name, value in nets.state_dict().items()}
    for epoch in range(1, _STEPS + 1):
        nets.train()
        for rows in torch.from_numpy(rng.permutation(np.flatnonzero(~held_out))).split(_BATCH):
            adam.zero_grad()
            (-bound(rows)).backward()
            adam.step()
        now = of_unseen()
        if now > best:
            best, at = now, epoch
            state = {name: value.clone() for name, value in nets.state_dict().items()}
        elif epoch - at >= _PATIENCE:
            break
    nets.load_state_dict(state)
    nets.eval()
    with torch.no_grad():
        added = nets[1](torch.from_numpy((whole / size).astype(np.float32))).numpy()
    return Tried(linear(whole) / size + added, first, best, at)


def _added(n_in: int, n_out: int) -> torch.nn.Sequential:
    net = torch.nn.Sequential(
        torch.nn.Linear(n_in, _WIDTH),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(_WIDTH, n_out),
    )
    torch.nn.init.zeros_(net[3].weight)
    torch.nn.init.zeros_(net[3].bias)
    return net


def before(opened: Opened, courses: Courses) -> Tried:
    """Averages of nonlinear features (random Fourier features of a spot) beside the start.

    A linear map sees the mean of the cells around a spot; these see their composition, too.
    """
    rng = np.random.default_rng(opened.seed)
    parts = [opened.inputs / np.sqrt(np.mean(opened.inputs**2) * opened.inputs.shape[1])]
    for y in opened.scores.values():
        apart = 2 * float(np.mean((y - y.mean(axis=0)) ** 2)) * y.shape[1]
        turn = rng.normal(size=(y.shape[1], _FEATURES)) * np.sqrt(2 / apart)
        waves = np.cos(y @ turn + rng.uniform(0, 2 * np.pi, _FEATURES))
        left, size, _ = np.linalg.svd(waves - waves.mean(axis=0), full_matrices=False)
        x = left[:, :_KEPT] * size[:_KEPT]
        x = (x / np.sqrt(np.mean(x**2))).astype(np.float32)
        filtered = fit_filter(x, opened.prepared.graph, seed=opened.seed)[0].apply(
            x, opened.prepared.graph
        )
        parts.append(
            filtered / np.sqrt((np.mean(filtered**2) or 1) * filtered.shape[1] * len(opened.scores))
        )
    return Tried(np.hstack(parts))


DESIGNS: dict[str, Callable[[Opened, Courses], Tried | None]] = {
    "start": start,
    "network, 50 epochs": network,
    "network, stopped by held-out molecules": stopped,
    "scales gated by place": place(trained=False),
    "scales gated by place, trained": place(trained=True),
    "spots from their surroundings, ridge": blind(by_network=False),
    "spots from their surroundings, network": blind(by_network=True),
    "held-out molecules, ridge": molecules(by_network=False),
    "held-out molecules, network": molecules(by_network=True),
    "modalities from the others, ridge": others(by_network=False),
    "modalities from the others, network": others(by_network=True),
    "modality dropout": dropout,
    "contrast with shuffled neighbourhoods": contrast,
    "composition of the surroundings": before,
}
