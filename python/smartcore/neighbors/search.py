"""Nearest neighbours in feature space, within a section and between two."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from smartcore.neighbors.nearest import Cells, nearest

logger = logging.getLogger(__name__)

EXACT_UP_TO = 50_000
"""Spots beyond which neighbours are searched approximately."""

MOST_PARTNERS = 10
"""Other sections that a section is compared with, where there are more spots than that."""


def section_pairs(
    sizes: Sequence[int], partners: Literal["across", "within", "both"], seed: int = 0
) -> list[tuple[int, int]]:
    """Pairs of sections between which mutual nearest neighbours are looked for.

    Parameters
    ----------
    sizes
        Spots of each section.
    partners
        ``"across"``: every two different sections; ``"within"``: each with itself; ``"both"``.
        One section goes with itself, whatever is asked for.
    seed
        Of the choice among very many.

    Returns
    -------
    Pairs (s, t), s ≤ t. The work for all pairs of sections grows with the square of all spots
    together, not with the number of sections. Beyond 50,000 spots, therefore, each of many
    sections goes with its five neighbours to either side on a random circle only.

    Examples
    --------
    >>> section_pairs([9, 9, 9], "across"), section_pairs([9], "across")
    ([(0, 1), (0, 2), (1, 2)], [(0, 0)])
    """
    n = len(sizes)
    own = [(s, s) for s in range(n)]
    if partners == "within" or n == 1:
        return own
    pairs = list(combinations(range(n), 2))
    if sum(sizes) > EXACT_UP_TO and n - 1 > MOST_PARTNERS:
        place = np.random.default_rng(seed).permutation(n)
        steps = {(s, t): abs(int(place[s] - place[t])) for s, t in pairs}
        pairs = [p for p in pairs if min(steps[p], n - steps[p]) <= MOST_PARTNERS // 2]
        logger.info("Triplets from %d of %d pairs of sections.", len(pairs), n * (n - 1) // 2)
    return pairs if partners == "across" else sorted([*own, *pairs])


class Search:
    """The spots of a section, which have neighbours there and in other sections.

    Parameters
    ----------
    x
        Features, shape (n_spots, d), as of :func:`smartcore.neighbors.nearest.comparable`.
    k
        Neighbours looked for.
    seed
        Of the approximate search.
    """

    def __init__(self, x: NDArray[np.float32], k: int, seed: int = 0) -> None:
        self.x = x
        self._k, self._seed = k, seed

    def nearest_in(self, other: Search) -> tuple[NDArray[np.intp], float]:
        """The rows of ``other`` nearest to each row of this, by Euclidean distance.

        Exact where the numbers of rows multiply to 50,000² at most; beyond, each row is compared
        with those of the cells of feature space around it only, 100,000 rows at most, such that
        99 % of the neighbours are found if so many suffice.

        Returns
        -------
        Shape (n_spots, k), or fewer columns where ``other`` has fewer rows; in a section itself
        no row is its own neighbour. And the share of the neighbours that is found: 1 for the
        exact search, else as measured on a sample by exact search.
        """
        itself = other is self
        k = min(self._k, len(other.x) - itself)
        if k < 1:
            return np.empty((len(self.x), 0), np.intp), 1.0
        if len(self.x) * len(other.x) <= EXACT_UP_TO**2:
            return nearest(self.x, other.x, k, 0 if itself else None), 1.0
        return other._cells.nearest(None if itself else self.x, k, self._seed)

    @cached_property
    def _cells(self) -> Cells:
        return Cells.of(self.x, self._seed)
