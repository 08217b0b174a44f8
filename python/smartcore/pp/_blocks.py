"""A matrix as blocks of its rows: one in memory, or many that are read from disk at each pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import scipy.sparse as sp
from numpy.typing import NDArray

Step = Callable[[sp.csr_matrix], sp.csr_matrix]


class Blocks(ABC):
    """Rows of a CSR matrix, spots × features, worked on a block at a time.

    Attributes
    ----------
    shape
        Of the whole matrix.
    dear
        Whether each pass reads from disk, so that few of them are better than cheap ones.
    """

    shape: tuple[int, int]
    dear: bool

    @abstractmethod
    def map(self, step: Step, n_columns: int) -> Blocks:
        """Blocks changed by ``step``, which may not write to what it is given."""

    @abstractmethod
    def sums(
        self, function: Callable[..., tuple[NDArray, ...]], *by_row: NDArray
    ) -> tuple[NDArray, ...]:
        """Arrays that ``function`` makes of each block, added over the blocks.

        Parameters
        ----------
        function
            Called with a block and its rows of each array in ``by_row``.
        """

    @abstractmethod
    def rows(self, function: Callable[..., NDArray], *by_row: NDArray) -> NDArray:
        """Rows that ``function`` makes of each block's rows, in their order.

        It is called as for :meth:`sums`.
        """


@dataclass(frozen=True)
class InMemory(Blocks):
    """The matrix is there: it is the one block."""

    matrix: sp.csr_matrix
    dear = False

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        """Of the matrix."""
        return self.matrix.shape

    def map(self, step: Step, n_columns: int) -> InMemory:
        """The changed matrix, made once."""
        return InMemory(step(self.matrix))

    def sums(
        self, function: Callable[..., tuple[NDArray, ...]], *by_row: NDArray
    ) -> tuple[NDArray, ...]:
        """What ``function`` makes of the matrix."""
        return function(self.matrix, *by_row)

    def rows(self, function: Callable[..., NDArray], *by_row: NDArray) -> NDArray:
        """What ``function`` makes of the matrix."""
        return function(self.matrix, *by_row)
