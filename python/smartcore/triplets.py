"""Triplets for metric learning: mutual nearest neighbours and far spots, in feature space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from smartcore.graph import drop_self

# Beyond this many spots, neighbours are searched approximately and "far" is told from a sample.
EXACT_UP_TO = 50_000
N_REFERENCES = 4096
_BLOCK = 1 << 24


def nearest_neighbors(x: NDArray[np.floating], k: int, seed: int = 0) -> NDArray[np.intp]:
    """The ``k`` nearest other rows of each row of ``x`` (n, d) by Euclidean distance, (n, k).

    Exact up to 50,000 rows; beyond, by NN-descent with at least 30 neighbours asked for.
    """
    n = len(x)
    if n <= EXACT_UP_TO:
        # Tree searches are no faster in 30 dimensions, and slower with many equal rows.
        search = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(x)
        return drop_self(search.kneighbors(x, return_distance=False))
    from pynndescent import NNDescent

    found = NNDescent(x, n_neighbors=max(30, k + 1), random_state=seed).neighbor_graph[0]
    return drop_self(found[:, : k + 1].astype(np.intp))


def mutual_nearest_neighbors(
    x: NDArray[np.floating], k: int = 3, seed: int = 0
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of rows that are each among the other's ``k`` nearest neighbours.

    Parameters
    ----------
    x
        Features, shape (n_spots, d). Equal rows are neighbours at distance 0.
    k
        Neighbours looked at; at most n_spots − 1 of them.
    seed
        Of the approximate search beyond 50,000 spots.

    Returns
    -------
    Anchors and positives, each of shape (n_pairs,), sorted; every pair stands both ways.

    References
    ----------
    Du et al. (2026), Methods, "Triplets"; mutual nearest neighbours after Haghverdi et al.,
    Nat Biotechnol 36, 421 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> a, p = mutual_nearest_neighbors(np.array([[0.0], [1.0], [1.5], [9.0]]), k=1)
    >>> a.tolist(), p.tolist()
    ([1, 2], [2, 1])
    """
    n = len(x)
    k = min(k, n - 1)
    if k < 1:
        none = np.empty(0, np.intp)
        return none, none
    positives = nearest_neighbors(x, k, seed).ravel()
    anchors = np.repeat(np.arange(n), k)
    chosen = np.sort(anchors * n + positives)
    mutual = np.isin(positives * n + anchors, chosen, assume_unique=True)
    order = np.lexsort((positives[mutual], anchors[mutual]))
    return anchors[mutual][order], positives[mutual][order]


class TripletSampler:
    """Anchors with their positives, and as many random negatives as you ask for.

    A negative of an anchor is drawn evenly from the ``far_ratio`` of all other spots that are
    farthest from it. For that the sampler keeps one number an anchor, the distance at which
    "far" begins; no n_spots × n_spots matrix is ever made.

    Parameters
    ----------
    x
        Features, shape (n_spots, d).
    n_mutual
        k of the mutual nearest neighbours.
    far_ratio
        Share of the other spots that count as far, in [0, 1]; at least one does.
    max_anchors
        Search among this many spots drawn at random; ``None``: all.
    rows
        Numbers by which the caller knows the rows of ``x``; ``None``: 0, 1, …
    seed
        Of the draw of ``max_anchors``, and of the approximate search.

    References
    ----------
    Du et al. (2026), Methods, "Triplets": k = 3, r = 0.6.
    """

    def __init__(
        self,
        x: NDArray[np.floating],
        *,
        n_mutual: int = 3,
        far_ratio: float = 0.6,
        max_anchors: int | None = None,
        rows: NDArray[np.intp] | None = None,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._rows = np.arange(len(x)) if rows is None else rows
        self._x = np.asarray(x, dtype=np.float64)
        if max_anchors is not None and len(x) > max_anchors:
            chosen = np.sort(rng.choice(len(x), max_anchors, replace=False))
            self._rows, self._x = self._rows[chosen], self._x[chosen]
        self._norms = np.einsum("ij,ij->i", self._x, self._x)
        self._anchors, self._positives = mutual_nearest_neighbors(self._x, n_mutual, seed)
        self._n_far = max(1, int(far_ratio * (len(self._x) - 1)))
        self._far_from = self._far_thresholds(rng)

    @property
    def anchors(self) -> NDArray[np.intp]:
        """First of each pair, shape (n_pairs,)."""
        return self._rows[self._anchors]

    @property
    def positives(self) -> NDArray[np.intp]:
        """Second of each pair, shape (n_pairs,)."""
        return self._rows[self._positives]

    def draw(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """One negative for each pair, shape (n_pairs,)."""
        n = len(self._x)
        negatives = np.empty(len(self._anchors), np.intp)
        waiting = np.arange(len(negatives))
        # Most candidates are far enough; the few anchors left over are served exactly.
        for _ in range(200):
            if not waiting.size:
                break
            candidate = rng.integers(0, n, len(waiting))
            anchor = self._anchors[waiting]
            apart = self._x[candidate] - self._x[anchor]
            far = np.einsum("ij,ij->i", apart, apart) >= self._far_from[anchor]
            far &= candidate != anchor
            negatives[waiting[far]] = candidate[far]
            waiting = waiting[~far]
        for i in waiting:
            anchor = self._anchors[i]
            others = np.delete(np.arange(n), anchor)
            distance = self._squared_distances(self._anchors[i : i + 1], others)[0]
            negatives[i] = others[
                rng.choice(np.argpartition(distance, -self._n_far)[-self._n_far :])
            ]
        return self._rows[negatives]

    def _far_thresholds(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Squared distance at which the far spots of each anchor begin; 0 for other spots."""
        n = len(self._x)
        threshold = np.zeros(n)
        sampled = n > EXACT_UP_TO
        others = np.sort(rng.choice(n, N_REFERENCES, replace=False)) if sampled else np.arange(n)
        anchors = np.unique(self._anchors)
        step = max(1, _BLOCK // len(others))
        for start in range(0, len(anchors), step):
            block = anchors[start : start + step]
            distance = self._squared_distances(block, others)
            if sampled:
                cut = round(len(others) * (1 - self._n_far / n))
            else:
                # The anchor itself is never far.
                distance[np.arange(len(block)), block] = -np.inf
                cut = n - self._n_far
            cut = min(cut, len(others) - 1)
            threshold[block] = np.partition(distance, cut, axis=1)[:, cut]
        # A hair lower, for the rounding of a distance computed another way.
        return threshold - 1e-12 * (self._norms + self._norms.max(initial=0))

    def _squared_distances(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.float64]:
        distance = self._x[a] @ self._x[b].T
        distance *= -2
        distance += self._norms[a][:, None]
        distance += self._norms[b]
        return distance
