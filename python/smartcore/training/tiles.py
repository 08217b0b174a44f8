"""Spatial tiles: parts of the graph that are embedded at a time, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import psutil
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from smartcore.network.layers import GraphTensors
from smartcore.params import Params
from smartcore.spatial.graph import neighbor_mean, split_sections
from smartcore.spatial.tensors import csr_tensor

STEP_SPOTS = 50_000
"""Spots that a step of the training sees, where there are more and memory allows it."""

TILES_A_STEP = 8
"""The more there are, the more triplets join different tiles, and the more halo there is."""

_MEMORY_SHARE = 0.25


def step_spots(params: Params, widths: Mapping[str, int], device: torch.device) -> int:
    """How many spots a step sees: ``params.step_spots``, or what memory allows.

    A step holds about so many float32 numbers a spot: for each modality eight times its width
    (input, neighbours' mean, target, decoded, and gradients), for each of its graph layers six
    times ``latent_dim`` (output, ReLU, neighbours' mean, and gradients), and for its triplets 24
    times ``latent_dim`` (three spots, their differences, and gradients, of two triplets a spot).
    A quarter of the memory of the machine, or of the GPU, is to hold them: of all of it, not of
    what is free, so that the same machine gives the same bits.

    Parameters
    ----------
    params
        ``step_spots``, and what shapes the network.
    widths
        Modality → number of features.
    device
        Where it is computed.
    """
    if params.step_spots is not None:
        return params.step_spots
    layers = params.n_layers * (2 if params.decoder == "graph" else 1)
    numbers = 8 * sum(widths.values()) + len(widths) * params.latent_dim * (6 * layers + 24)
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    else:
        memory = psutil.virtual_memory().total
    return min(STEP_SPOTS, max(1, int(_MEMORY_SHARE * memory / (4 * numbers))))


def bisect(coords: NDArray[np.floating], n_parts: int) -> list[NDArray[np.intp]]:
    """Cut spots into compact parts of equal size, by recursive coordinate bisection.

    Parameters
    ----------
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    n_parts
        From 1 to n_spots.

    Returns
    -------
    Rows of each part, ascending; sizes differ by one spot at most for powers of two.

    Examples
    --------
    >>> [rows.tolist() for rows in bisect(np.array([[0, 0], [9, 0], [1, 0], [8, 1]]), 2)]
    [[0, 2], [1, 3]]
    """

    def cut(rows: NDArray[np.intp], n: int) -> Iterator[NDArray[np.intp]]:
        if n == 1:
            yield np.sort(rows)
            return
        axis = np.ptp(coords[rows], axis=0).argmax()
        ordered = rows[np.argsort(coords[rows, axis], kind="stable")]
        half = n // 2
        at = round(len(rows) * half / n)
        yield from cut(ordered[:at], half)
        yield from cut(ordered[at:], n - half)

    return list(cut(np.arange(len(coords)), n_parts))


class Tiles:
    """A partition of the spots, and the order in which steps take its tiles.

    A pass over the spots is cut into ``n_steps`` steps, each of which takes tiles drawn at
    random, so that every pass sees every tile once. Spots that fit in one step are one tile.

    Parameters
    ----------
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    sections
        Shape (n_spots,), or ``None``; no tile has spots of two sections, unless all fit in one.
    most
        About so many spots has a step at most: a step of unequal tiles may have some more.

    Attributes
    ----------
    n_steps
        Steps of a pass.
    rows
        Spots of each tile, ascending.
    tile_of
        Shape (n_spots,): the tile of each spot.
    together
        Probability that two different tiles are in the same step of a pass.
    """

    def __init__(
        self, coords: NDArray[np.floating], sections: NDArray[np.integer] | None, most: int
    ) -> None:
        n = len(coords)
        self.n_steps = -(-n // most)
        self.rows: list[NDArray[np.intp]] = [np.arange(n)]
        if self.n_steps > 1:
            size = max(1, most // TILES_A_STEP)
            self.rows = [
                part[rows]
                for part in split_sections(sections, n)
                for rows in bisect(coords[part], -(-len(part) // size))
            ]
        self.tile_of = np.empty(n, np.int32)
        for tile, rows in enumerate(self.rows):
            self.tile_of[rows] = tile
        n_tiles = len(self.rows)
        taken = np.array([len(s) for s in np.array_split(np.arange(n_tiles), self.n_steps)])
        pairs = n_tiles * (n_tiles - 1)
        self.together = float((taken * (taken - 1)).sum() / pairs) if pairs else 1.0

    def step(self, number: int, seed: int) -> NDArray[np.intp]:
        """Spots of a step, ascending; steps are counted from 0 through all passes."""
        turn, place = divmod(number, self.n_steps)
        order = np.random.default_rng([seed, turn]).permutation(len(self.rows))
        tiles = np.array_split(order, self.n_steps)[place]
        return np.sort(np.concatenate([self.rows[tile] for tile in tiles]))

    def once(self) -> Iterator[NDArray[np.intp]]:
        """Spots of neighbouring tiles together, ascending, as many as a step has; all of them."""
        for tiles in np.array_split(np.arange(len(self.rows)), self.n_steps):
            yield np.sort(np.concatenate([self.rows[tile] for tile in tiles]))


@dataclass(frozen=True)
class Part:
    """Spots with all that is around them as far as the network sees.

    Attributes
    ----------
    rows
        Numbers of the spots and those around them (halo), ascending.
    core
        Where in ``rows`` the spots themselves stand; ``None``: there is no halo.
    graph
        The graph among ``rows``. Spots at the rim lack neighbours, which reaches no core spot.
    """

    rows: NDArray[np.intp]
    core: torch.Tensor | None
    graph: GraphTensors

    def take(self, x: NDArray[np.float32]) -> torch.Tensor:
        """Rows of ``x``, which has all spots, on the device of the graph."""
        own = x if len(self.rows) == len(x) else x[self.rows]
        return torch.from_numpy(own).to(self.graph.degree.device)

    def of_core(self, x: torch.Tensor) -> torch.Tensor:
        """Rows of ``x`` that belong to core spots."""
        return x if self.core is None else x.index_select(0, self.core)


class Halo:
    """Takes parts out of a graph.

    Parameters
    ----------
    graph
        As :func:`smartcore.spatial.graph.spatial_graph` makes it.
    """

    def __init__(self, graph: sp.csr_matrix) -> None:
        self.mean = neighbor_mean(graph)
        self.degree = np.diff(self.mean.indptr)
        self._place = np.full(graph.shape[0], -1, np.int32)

    def around(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean over each spot's neighbours, shape (n_spots, d)."""
        return (csr_tensor(self.mean) @ torch.from_numpy(x)).numpy()

    def part(self, spots: NDArray[np.intp], hops: int, device: torch.device | str = "cpu") -> Part:
        """``spots`` (ascending) and the halo from which ``hops`` aggregations are exact for them.

        A mean, and a degree, is that of the whole graph.
        """
        if len(spots) == len(self._place):
            return Part(spots, None, GraphTensors.from_mean(self.mean, self.degree, device))
        inside = np.zeros(len(self._place), bool)
        inside[spots] = True
        rim = spots
        for _ in range(hops):
            reached = self.mean[rim].indices
            rim = np.unique(reached[~inside[reached]])
            inside[rim] = True
        rows = np.flatnonzero(inside)
        self._place[rows] = np.arange(len(rows))
        own = self.mean[rows]
        column = self._place[own.indices]
        core = self._place[spots].astype(np.int64)
        self._place[rows] = -1
        kept = column >= 0
        start = np.concatenate([[0], np.cumsum(kept)])[own.indptr]
        local = sp.csr_matrix((own.data[kept], column[kept], start), shape=(len(rows), len(rows)))
        return Part(
            rows,
            None if len(rows) == len(spots) else torch.from_numpy(core).to(device),
            GraphTensors.from_mean(local, self.degree[rows], device),
        )
