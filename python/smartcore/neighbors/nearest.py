"""Nearest rows by Euclidean distance: among all, or among the cells of feature space around."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smartcore.spatial.graph import drop_self

MOST_COMPARED = 100_000
"""Rows that a row is compared with at most, where not with all."""

RECALL = 0.99
"""Share of the nearest rows that is to be found among those compared."""

N_PROBES = 1000
"""Rows whose nearest are searched among all, to tell how many must be compared."""

# Of k-means: cells per √n rows, rows of the sample per cell, rounds.
_CELLS_PER_ROOT, _SAMPLED, _ROUNDS = 2, 64, 3
# Distances held at a time, 8 MB, or of so many rows to very many.
_BLOCK, _LEAST_ROWS = 1 << 21, 16
_LARGEST_GROUP = 32


def comparable(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """``x`` as float32, moved and scaled so that distances are precise in it.

    Squared distances are differences of squared norms: a common offset would drown them, and
    very large or small numbers leave the range of float32. Which rows are nearer stays the same.
    """
    if not x.size:
        return x.astype(np.float32)
    center = x.mean(axis=0, dtype=np.float64).astype(np.result_type(x, np.float32))
    y = (x - center).astype(np.float32, copy=False)
    largest = max(y.max(), -y.min())
    return np.ldexp(y, -np.frexp(largest)[1], out=y)


def squared_norms(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each row."""
    return np.einsum("ij,ij->i", x, x)


def nearest(
    a: NDArray[np.float32], b: NDArray[np.float32], k: int, own: int | None = None
) -> NDArray[np.intp]:
    """The rows of ``b`` nearest to each row of ``a``, nearest first; exact in float32.

    Parameters
    ----------
    a, b
        Shapes (n, d) and (m, d), as of :func:`comparable`.
    k
        Rows looked for, fewer than m, or m where no row is left out.
    own
        Row of ``b`` that is the first of ``a``, the next ones follow: no row finds itself.

    Returns
    -------
    Shape (n, k).

    Notes
    -----
    The columns of a block of distances are dealt out to groups. The k nearest rows are in the
    k groups of the least minima, so only these are looked through.
    """
    m = len(b)
    group = int(np.clip(np.sqrt(m / (4 * k)), 1, _LARGEST_GROUP))
    n_groups = -(-m // group)
    points, norms = torch.from_numpy(b), torch.from_numpy(squared_norms(b))
    if blank := n_groups * group - m:
        points = torch.cat([points, points.new_zeros(blank, points.shape[1])])
        norms = torch.cat([norms, norms.new_full((blank,), torch.inf)])
    found = torch.empty((len(a), k), dtype=torch.int64, device="cpu")
    step = max(_LEAST_ROWS, _BLOCK // len(points))
    block = points.new_empty((min(step, len(a)), len(points)))
    for start in range(0, len(a), step):
        queries = torch.from_numpy(a[start : start + step])
        distance = block[: len(queries)]
        torch.addmm(norms, queries, points.T, alpha=-2, out=distance)
        if own is not None:
            distance.diagonal(own + start).fill_(torch.inf)
        found[start : start + step] = _least(distance, k, n_groups)
    return found.numpy()


def _least(distance: Tensor, k: int, n_groups: int) -> Tensor:
    """Columns of the k least of each row; group g has columns g, g + n_groups and so on."""
    groups = distance.unflatten(1, (-1, n_groups))
    nearest = groups.amin(1).topk(min(k, n_groups), largest=False, sorted=False)[1]
    members = torch.arange(groups.shape[1], device=distance.device)[:, None] * n_groups
    columns = (nearest[:, None] + members).flatten(1)
    least = distance.gather(1, columns).topk(k, largest=False)[1]
    return columns.gather(1, least)


@dataclass
class Cells:
    """Rows by cells of feature space: those nearest to one of some centres.

    Attributes
    ----------
    x
        The rows by cell, shape (n, d).
    rows
        Where each was, shape (n,).
    start
        First row of each cell, and the end, shape (n_cells + 1,).
    centers
        Shape (n_cells, d).
    """

    x: NDArray[np.float32]
    rows: NDArray[np.intp]
    start: NDArray[np.intp]
    centers: NDArray[np.float32]

    @classmethod
    def of(cls, x: NDArray[np.float32], seed: int) -> Cells:
        """About 2 √n cells by k-means of a sample; those that are too large are cut."""
        rng = np.random.default_rng(seed)
        n_cells = min(len(x), round(_CELLS_PER_ROOT * np.sqrt(len(x))))
        sample = x[np.sort(rng.choice(len(x), min(len(x), _SAMPLED * n_cells), replace=False))]
        centers = sample[np.sort(rng.choice(len(sample), n_cells, replace=False))]
        for _ in range(_ROUNDS):
            centers = _means(sample, nearest(sample, centers, 1)[:, 0], centers)
        cell = nearest(x, centers, 1)[:, 0]
        size = np.bincount(cell, minlength=n_cells)
        # Equal rows share a cell, however many they are.
        most = 4 * -(-len(x) // n_cells)
        pieces = -(-size // most)
        nth = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        start = np.repeat(np.cumsum(size) - size, pieces) + most * nth
        rows = np.argsort(cell, kind="stable")
        return cls(x[rows], rows, np.append(start, len(x)), np.repeat(centers, pieces, axis=0))

    @cached_property
    def before(self) -> NDArray[np.intp]:
        """Rows in the cells that are nearer than each of :attr:`around`."""
        size = np.diff(self.start)[self.around]
        return np.cumsum(size, axis=1) - size

    @cached_property
    def around(self) -> NDArray[np.intp]:
        """Cells by distance from each cell, itself first, shape (n_cells, n_cells)."""
        norms = squared_norms(self.centers)
        distance = norms - 2 * self.centers @ self.centers.T
        np.fill_diagonal(distance, -np.inf)
        return np.argsort(distance, axis=1, kind="stable")

    def nearest(
        self, a: NDArray[np.float32] | None, k: int, seed: int
    ) -> tuple[NDArray[np.intp], float]:
        """As :func:`nearest`, among so many rows of the cells around that most are found.

        Parameters
        ----------
        a
            Shape (n_queries, d); ``None`` for the rows themselves, of which none finds itself.

        Returns
        -------
        Shape (n_queries, k); and the share of the nearest that is found, as measured on
        ``N_PROBES`` rows.
        """
        if a is None:
            queries, order, start = self.x, self.rows, self.start
        else:
            cell = nearest(a, self.centers, 1)[:, 0]
            order = np.argsort(cell, kind="stable")
            queries = a[order]
            start = np.append(0, np.cumsum(np.bincount(cell, minlength=len(self.centers))))
        n_compared, recall = self._n_compared(queries, start, k, a is None, seed)
        found = np.empty((len(queries), k), np.intp)
        for cell in np.flatnonzero(np.diff(start)):
            around = self.around[cell, : np.searchsorted(self.before[cell], n_compared)]
            spans = [slice(self.start[c], self.start[c + 1]) for c in around]
            members = slice(start[cell], start[cell + 1])
            columns = nearest(
                queries[members],
                np.concatenate([self.x[span] for span in spans]),
                k,
                0 if a is None else None,
            )
            found[order[members]] = np.concatenate([self.rows[span] for span in spans])[columns]
        return found, recall

    def _n_compared(
        self, queries: NDArray[np.float32], start: NDArray[np.intp], k: int, own: bool, seed: int
    ) -> tuple[int, float]:
        """Rows to be compared with for the recall wanted, and the recall there will be."""
        n = min(N_PROBES, len(queries))
        probes = np.sort(np.random.default_rng(seed).choice(len(queries), n, replace=False))
        found = nearest(queries[probes], self.x, k + own)
        if own:
            found = drop_self(found, probes)
        cell = np.searchsorted(start, probes, side="right") - 1
        holds = np.searchsorted(self.start, found, side="right") - 1
        before = np.empty((n, len(self.centers)), np.intp)
        np.put_along_axis(before, self.around[cell], self.before[cell], axis=1)
        skipped = np.take_along_axis(before, holds, axis=1)
        wanted = int(np.quantile(skipped, RECALL, method="higher")) + 1
        n_compared = max(min(wanted, MOST_COMPARED), k + own)
        return n_compared, float(np.mean(skipped < n_compared))


def _means(
    x: NDArray[np.float32], cell: NDArray[np.intp], centers: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean of the rows of each cell; of a cell without any the centre it had."""
    size = np.bincount(cell, minlength=len(centers))
    filled = size > 0
    first = (np.cumsum(size) - size)[filled]
    moved = centers.copy()
    by_cell = x[np.argsort(cell, kind="stable")]
    moved[filled] = np.add.reduceat(by_cell, first, axis=0) / size[filled, None]
    return moved
