"""What a step of the training sees: spots with their surroundings, targets and triplets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smartcore.neighbors.triplets import TripletSampler
from smartcore.training.distributed import Workers
from smartcore.training.tiles import Halo, Part, Tiles, bisect


@dataclass
class Task:
    """What the network is trained on. All of it stays in main memory.

    Attributes
    ----------
    inputs, targets
        One array (n_spots, d) a modality, in the model's order, float32.
    around
        Means over neighbours of ``inputs``, for a network that takes them; else ``None``.
    observed
        Per modality, boolean (n_spots,): the rows to be reconstructed; ``None``: all.
    samplers
        Triplets per modality.
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    halo
        The graph.
    tiles
        What steps take.
    """

    inputs: Sequence[NDArray[np.float32]]
    targets: Sequence[NDArray[np.float32]]
    around: Sequence[NDArray[np.float32]] | None
    observed: Sequence[NDArray[np.bool_] | None]
    samplers: Sequence[TripletSampler]
    coords: NDArray[np.floating]
    halo: Halo
    tiles: Tiles

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All that a training depends on."""
        yield from (*self.inputs, *self.targets)
        yield from (mask for mask in self.observed if mask is not None)
        for sampler in self.samplers:
            yield from (sampler.anchors, sampler.positives)
        yield from (self.halo.mean.indptr, self.halo.mean.indices, self.tiles.tile_of)


@dataclass
class Batch:
    """The part of a step that one process computes, on its device.

    Attributes
    ----------
    part
        Its own spots, and the halo.
    sizes
        Own spots of each process, whose embeddings come one below the other.
    inputs, around
        Per modality, shape (n_rows of ``part``, d).
    targets
        Per modality, shape (n_observed own spots, d).
    observed
        Per modality the own spots to be reconstructed, ``None``: all.
    shares
        Per modality: how much the mean over own spots counts in that over all processes.
    triplets
        Per modality anchors, positives and negatives among the spots of all processes, shape
        (3, n_triplets); each process has its own.
    weights
        Per modality the weight of each triplet; ``None``: all alike.
    triplet_shares
        As ``shares``, for triplets.
    """

    part: Part
    sizes: list[int]
    inputs: list[Tensor]
    around: list[Tensor] | None
    targets: list[Tensor]
    observed: list[Tensor | None]
    shares: list[float]
    triplets: list[Tensor] = field(default_factory=list)
    weights: list[Tensor | None] = field(default_factory=list)
    triplet_shares: list[float] = field(default_factory=list)


class Batches:
    """Makes the batches of a training.

    Parameters
    ----------
    task
        What there is.
    hops
        How far decoded values of a spot depend on others (:meth:`smartcore.SMART.hops`).
    redraw
        Draw new negatives for each step; steps that see some tiles always do.
    seed
        Of the order of the tiles.
    """

    def __init__(
        self,
        task: Task,
        hops: int,
        *,
        redraw: bool = True,
        seed: int = 0,
        device: torch.device | str = "cpu",
        workers: Workers | None = None,
    ) -> None:
        self._task, self._hops, self._redraw, self._seed = task, hops, redraw, seed
        self._device, self._workers = device, workers or Workers()
        self._whole: Batch | None = None
        self._drawn: list[NDArray[np.intp]] = []
        self._place = np.full(len(task.coords), -1, np.int64)
        if self._workers.size > len(task.coords):
            raise ValueError(f"{self._workers.size} processes are more than there are spots.")

    def step(self, number: int, rng: np.random.Generator) -> Batch:
        """The batch of a step, counted from 0; ``rng`` draws its negatives."""
        if self._task.tiles.n_steps == 1:
            if self._whole is None:
                self._whole = self._batch(np.arange(len(self._place)))
            batch = self._whole
            if self._redraw or not batch.triplets:
                self._draw(batch, None, rng)
            return batch
        spots = self._task.tiles.step(number, self._seed)
        self._place.fill(-1)
        batch = self._batch(spots)
        among = np.zeros(len(self._place), bool)
        among[spots] = True
        self._draw(batch, among, rng)
        return batch

    def kept(self) -> list[Tensor]:
        """Triplets that are drawn once only, if any."""
        return [] if self._redraw else [torch.from_numpy(drawn) for drawn in self._drawn]

    def restore(self, kept: Sequence[Tensor]) -> None:
        """Go on with the triplets that :meth:`kept` gave."""
        if kept:
            self._drawn = [drawn.numpy() for drawn in kept]
            self._whole = self._batch(np.arange(len(self._place)))
            self._assign(self._whole, self._drawn, [None] * len(kept))

    def _batch(self, spots: NDArray[np.intp]) -> Batch:
        task, workers = self._task, self._workers
        cuts = [np.arange(len(spots))]
        if workers.size > 1:
            cuts = bisect(task.coords[spots], workers.size)
        self._place[spots[np.concatenate(cuts)]] = np.arange(len(spots))
        own = spots[cuts[workers.rank]]
        part = task.halo.part(own, self._hops, self._device)
        observed: list[Tensor | None] = []
        targets, shares = [], []
        for x, mask in zip(task.targets, task.observed, strict=True):
            rows = None if mask is None else np.flatnonzero(mask[own])
            there = len(own) if rows is None else len(rows)
            everywhere = len(self._place) if mask is None else np.count_nonzero(mask)
            targets.append(self._rows_of(x, own if rows is None else own[rows]))
            observed.append(None if rows is None else torch.from_numpy(rows).to(self._device))
            # Of what a step has on average, so that the mean over a pass is that over all spots.
            expected = everywhere / task.tiles.n_steps
            shares.append(workers.size * there / (expected or 1))
        return Batch(
            part=part,
            sizes=[len(cut) for cut in cuts],
            inputs=[part.take(x) for x in task.inputs],
            around=None if task.around is None else [part.take(x) for x in task.around],
            targets=targets,
            observed=observed,
            shares=shares,
        )

    def _rows_of(self, x: NDArray[np.float32], rows: NDArray[np.intp]) -> Tensor:
        return torch.from_numpy(x if len(rows) == len(x) else x[rows]).to(self._device)

    def _draw(
        self, batch: Batch, among: NDArray[np.bool_] | None, rng: np.random.Generator
    ) -> None:
        tiles = self._task.tiles
        if among is None:
            self._drawn = [sampler.draw(rng) for sampler in self._task.samplers]
            self._assign(batch, self._drawn, [None] * len(self._drawn))
            return
        # A pass sees two spots of a tile together once, those of two tiles more rarely.
        together = tiles.together or 1.0
        drawn = [s.draw(rng, among, tiles.tile_of, together) for s in self._task.samplers]
        across = [tiles.tile_of[a] != tiles.tile_of[p] for a, p, _ in drawn]
        self._assign(
            batch, drawn, [np.where(x, 1 / together, 1).astype(np.float32) for x in across]
        )

    def _assign(
        self,
        batch: Batch,
        drawn: Sequence[NDArray[np.intp]],
        weights: Sequence[NDArray[np.float32] | None],
    ) -> None:
        """Give the batch the triplets whose anchors are this process's."""
        workers = self._workers
        batch.triplets, batch.weights, batch.triplet_shares = [], [], []
        first = sum(batch.sizes[: workers.rank])
        for triplets, weight in zip(drawn, weights, strict=True):
            share, triplets = 1.0, self._place[triplets]
            if workers.size > 1:
                at = triplets[0] - first
                own = (at >= 0) & (at < batch.sizes[workers.rank])
                of = np.ones(len(own)) if weight is None else weight
                share = workers.size * float(of[own].sum()) / (float(of.sum()) or 1)
                triplets, weight = triplets[:, own], None if weight is None else weight[own]
            batch.triplets.append(torch.from_numpy(triplets).to(self._device))
            batch.weights.append(
                None if weight is None else torch.from_numpy(weight).to(self._device)
            )
            batch.triplet_shares.append(share)
