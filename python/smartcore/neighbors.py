"""Nearest neighbours in feature space, within a section and between two."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from smartcore.graph import drop_self

if TYPE_CHECKING:
    from pynndescent import NNDescent

logger = logging.getLogger(__name__)

EXACT_UP_TO = 50_000
"""Spots beyond which neighbours are searched approximately."""

MOST_PARTNERS = 10
"""Other sections that a section is compared with, where there are more spots than that."""

_LEAST_ASKED = 30
_BLOCK = 1 << 20
_FEW = 8
"""So many minima are found one by one more quickly than by partition."""


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
        Features, shape (n_spots, d).
    k
        Neighbours looked for.
    seed
        Of the approximate search.
    """

    def __init__(self, x: NDArray[np.floating], k: int, seed: int = 0) -> None:
        self.x = x
        self._k, self._seed = k, seed

    def nearest_in(self, other: Search) -> NDArray[np.intp]:
        """The rows of ``other`` nearest to each row of this, by Euclidean distance.

        Exact where the numbers of rows multiply to 50,000² at most; beyond, by NN-descent with
        at least 30 neighbours asked for.

        Returns
        -------
        Shape (n_spots, k), or fewer columns where ``other`` has fewer rows. In a section itself
        no row is its own neighbour.
        """
        itself = other is self
        k = min(self._k, len(other.x) - itself)
        if k < 1:
            return np.empty((len(self.x), 0), np.intp)
        if len(self.x) * len(other.x) <= EXACT_UP_TO**2:
            return _nearest(self.x, other.x, k, itself)
        if itself:
            return drop_self(self._index.neighbor_graph[0][:, : k + 1].astype(np.intp))
        found = other._index.query(self.x, k=max(_LEAST_ASKED, k))[0]
        return found[:, :k].astype(np.intp)

    @cached_property
    def _index(self) -> NNDescent:
        from pynndescent import NNDescent

        asked = min(len(self.x), max(_LEAST_ASKED, self._k + 1))
        return NNDescent(self.x, n_neighbors=asked, random_state=self._seed)


def _nearest(
    a: NDArray[np.floating], b: NDArray[np.floating], k: int, itself: bool
) -> NDArray[np.intp]:
    """Exact search; of equal distances the first rows are taken."""
    # A library's search costs milliseconds a call, too much for hundreds of pairs of sections.
    norms = np.einsum("ij,ij->i", b, b)
    found = np.empty((len(a), k), np.intp)
    step = max(1, _BLOCK // len(b))
    for start in range(0, len(a), step):
        distance = a[start : start + step] @ b.T
        distance *= -2
        distance += norms
        rows = np.arange(len(distance))
        if itself:
            distance[rows, start + rows] = np.inf
        if k > _FEW:
            found[start : start + step] = np.argpartition(distance, k - 1, axis=1)[:, :k]
            continue
        for nth in range(k):
            nearest = distance.argmin(axis=1)
            found[start + rows, nth] = nearest
            distance[rows, nearest] = np.inf
    return found
