"""Molecules that were counted at places of a chip, added up for each bin or cell."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

_AT_ONCE = 20_000_000
"""Counts of several pieces that are kept before they are added up."""


@dataclass
class Molecules:
    """A sum over pieces of a file.

    Attributes
    ----------
    keys
        int64: the spot of each count, by a number of the caller's.
    genes
        int32: its gene, by a number of the caller's.
    counts
        int64.
    """

    keys: list[NDArray[np.int64]] = field(default_factory=list)
    genes: list[NDArray[np.int32]] = field(default_factory=list)
    counts: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, keys: NDArray, genes: NDArray, counts: NDArray) -> None:
        """Add a piece, each of shape (n,); counts of one gene in one spot become one."""
        self._append(keys, genes, counts)
        if len(self.keys) > 1 and sum(map(len, self.keys)) > _AT_ONCE:
            parts = [np.concatenate(part) for part in (self.keys, self.genes, self.counts)]
            self.keys, self.genes, self.counts = [], [], []
            self._append(*parts)

    def _append(self, keys: NDArray, genes: NDArray, counts: NDArray) -> None:
        spots, rows = np.unique(keys, return_inverse=True)
        n_genes = int(genes.max()) + 1 if len(genes) else 0
        total = _matrix(rows.ravel(), genes, counts, (len(spots), n_genes)).tocoo()
        self.keys.append(spots[total.row])
        self.genes.append(total.col.astype(np.int32))
        self.counts.append(total.data)

    def matrix(self, n_genes: int) -> tuple[NDArray[np.int64], sp.csr_matrix]:
        """The numbers of the spots, in ascending order, and spots × genes."""
        if not self.keys:
            return np.empty(0, np.int64), sp.csr_matrix((0, n_genes))
        spots, rows = np.unique(np.concatenate(self.keys), return_inverse=True)
        genes, counts = np.concatenate(self.genes), np.concatenate(self.counts)
        return spots, _matrix(rows.ravel(), genes, counts, (len(spots), n_genes))


def _matrix(
    rows: NDArray, genes: NDArray, counts: NDArray, shape: tuple[int, int]
) -> sp.csr_matrix:
    summed = sp.coo_matrix((counts.astype(np.int64), (rows, genes)), shape=shape).tocsr()
    summed.sum_duplicates()
    return summed


def bin_keys(x: NDArray, y: NDArray, size: int) -> NDArray[np.int64]:
    """A number for the square bin that each place lies in."""
    return ((x.astype(np.int64) // size) << 32) | (y.astype(np.int64) // size)


def bin_places(keys: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The lower corners of bins, shape (n_bins, 2)."""
    return np.column_stack([keys >> 32, keys & 0xFFFFFFFF]) * size


@dataclass(frozen=True)
class Spots:
    """Bins or cells, with their counts.

    Attributes
    ----------
    counts
        CSR, spots × genes.
    names, genes
        Of spots and genes.
    places
        Shape (n_spots, 2), in pixels of the chip.
    gene_ids
        Other names of the genes, where the file has two.
    sentences
        What of the file was left out.
    """

    counts: sp.csr_matrix
    names: pd.Index
    genes: pd.Index
    places: NDArray[np.float64]
    gene_ids: pd.Index | None = None
    sentences: tuple[str, ...] = ()
