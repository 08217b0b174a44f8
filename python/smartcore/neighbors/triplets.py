"""Triplets for metric learning: pairs of mutual nearest neighbours, and spots far from them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from smartcore.neighbors.mutual import Partners, mutual_pairs
from smartcore.neighbors.nearest import comparable, squared_norms
from smartcore.spatial.graph import split_sections

N_REFERENCES = 1024
"""Spots of a section from which it is told, in larger ones, where "far" begins."""

# Distances held at a time.
_BLOCK = 1 << 21


class _Accept:
    """Takes negatives from the groups of anchor and positive more rarely than from others."""

    def __init__(
        self,
        group: NDArray[np.integer],
        own_share: float,
        anchors: NDArray[np.intp],
        positives: NDArray[np.intp],
        section: NDArray[np.intp],
        parts: Sequence[NDArray[np.intp]],
    ) -> None:
        self._group = group
        self._of_anchor, self._of_positive = group[anchors], group[positives]
        n_groups = np.array([len(np.unique(group[part])) for part in parts])
        own = 1 + (
            (self._of_anchor != self._of_positive) & (section[anchors] == section[positives])
        )
        self._share = np.where(n_groups[section[anchors]] > own, own_share, 1.0)

    def __call__(
        self, which: NDArray[np.intp], candidate: NDArray[np.intp], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        group = self._group[candidate]
        own = (group == self._of_anchor[which]) | (group == self._of_positive[which])
        return ~own | (rng.random(len(own)) < self._share[which])


class TripletSampler:
    """Anchors with their positives, and as many random negatives as you ask for.

    A negative of an anchor is drawn evenly from the ``far_ratio`` of all other spots of its
    section that are farthest from it. For that the sampler keeps one number an anchor, the
    distance at which "far" begins; no n_spots × n_spots matrix is ever made. In a section of
    more than 1,024 spots that distance is told from as many of them, drawn at random: the
    share of spots that count as far varies about ``far_ratio`` with the standard deviation of
    a binomial share, √(r (1 − r) / 1024), which is 0.015 for r = 0.6.

    Parameters
    ----------
    x
        Features, shape (n_spots, d).
    sections
        Shape (n_spots,): the section of each row of ``x``; ``None``: one section.
    partners
        As for :func:`smartcore.neighbors.mutual.mutual_nearest_neighbors`.
    n_mutual
        k of the mutual nearest neighbours. A draw has at most so many triplets a spot, as many
        as one section can give, however many sections there are.
    far_ratio
        Share of the other spots that count as far, in [0, 1]; at least one does.
    max_anchors
        Search among this many spots drawn at random; ``None``: all.
    rows
        Numbers by which the caller knows the rows of ``x``; ``None``: 0, 1, …
    seed
        Of the draw of ``max_anchors``, of the approximate search, and of where "far" begins.

    Attributes
    ----------
    recall
        Share of the nearest neighbours that the search found: 1 where it was exact, else as
        measured on a sample by exact search; of several searches the least.

    References
    ----------
    Du et al. (2026), Methods, "Triplets": k = 3, r = 0.6; "SMART-MS": negatives from the
    anchor's own section.
    """

    def __init__(
        self,
        x: NDArray[np.floating],
        *,
        sections: ArrayLike | None = None,
        partners: Partners = "across",
        n_mutual: int = 3,
        far_ratio: float = 0.6,
        max_anchors: int | None = None,
        rows: NDArray[np.intp] | None = None,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._rows = np.arange(len(x)) if rows is None else rows
        self._x = comparable(np.asarray(x))
        codes = np.zeros(len(x), np.intp) if sections is None else np.asarray(sections)
        if max_anchors is not None and len(x) > max_anchors:
            chosen = np.sort(rng.choice(len(x), max_anchors, replace=False))
            self._rows, self._x, codes = self._rows[chosen], self._x[chosen], codes[chosen]
        self._norms = squared_norms(self._x)
        self._parts = split_sections(codes, len(codes))
        self._section = np.empty(len(codes), np.intp)
        for code, part in enumerate(self._parts):
            self._section[part] = code
        self._sizes = np.array([len(part) for part in self._parts], np.intp)
        self._n_far = np.maximum(1, (far_ratio * (self._sizes - 1)).astype(np.intp))
        anchors, positives, self.recall = mutual_pairs(self._x, n_mutual, seed, codes, partners)
        # The only spot of a section has no negative.
        company = self._sizes[self._section[anchors]] > 1
        self._anchors, self._positives = anchors[company], positives[company]
        self._most = n_mutual * len(self._x)
        self._far_from = self._far_thresholds(rng)

    @property
    def anchors(self) -> NDArray[np.intp]:
        """First of each pair, shape (n_pairs,)."""
        return self._rows[self._anchors]

    @property
    def positives(self) -> NDArray[np.intp]:
        """Second of each pair, shape (n_pairs,)."""
        return self._rows[self._positives]

    def draw(
        self,
        rng: np.random.Generator,
        among: NDArray[np.bool_] | None = None,
        group: NDArray[np.integer] | None = None,
        own_share: float = 1.0,
    ) -> NDArray[np.intp]:
        """Anchors, positives and negatives, shape (3, n_triplets).

        All pairs, or an even draw of them where there are more than ``n_mutual`` a spot.

        Parameters
        ----------
        rng
            Of the negatives.
        among
            By the caller's number of a spot: whether it may be in a triplet; ``None``: all may.
        group, own_share
            By the caller's number of a spot its group: as negatives, spots of the anchor's and
            the positive's group are taken with this probability only, relative to others, where
            the section has others.
        """
        pairs, parts, most = np.arange(len(self._anchors)), self._parts, self._most
        if among is not None:
            there = among[self._rows]
            parts = [part[there[part]] for part in parts]
            sizes = np.array([len(part) for part in parts])
            both = there[self._anchors] & there[self._positives]
            # The only spot of a section has no negative.
            pairs = np.flatnonzero(both & (sizes[self._section[self._anchors]] > 1))
            most = most * int(there.sum()) // len(there)
        if len(pairs) > most:
            pairs = np.sort(rng.choice(pairs, most, replace=False))
        anchors = self._anchors[pairs]
        positives = self._positives[pairs]
        accept = None
        if group is not None:
            accept = _Accept(group[self._rows], own_share, anchors, positives, self._section, parts)
        negatives = self._negatives(anchors, parts, rng, accept)
        return self._rows[np.stack([anchors, positives, negatives])]

    def _negatives(
        self,
        anchors: NDArray[np.intp],
        parts: Sequence[NDArray[np.intp]],
        rng: np.random.Generator,
        accept: _Accept | None,
    ) -> NDArray[np.intp]:
        """A far spot for each anchor, from that one of ``parts`` which its section has."""
        by_section = np.concatenate(parts)
        sizes = np.array([len(part) for part in parts], np.intp)
        start = np.cumsum(sizes) - sizes
        negatives = np.empty(len(anchors), np.intp)
        waiting = np.arange(len(negatives))
        # Most candidates are far enough; the few anchors left over are served exactly.
        for _ in range(200):
            if not waiting.size:
                break
            anchor = anchors[waiting]
            section = self._section[anchor]
            candidate = by_section[start[section] + rng.integers(0, sizes[section])]
            apart = self._x[candidate] - self._x[anchor]
            far = np.einsum("ij,ij->i", apart, apart) >= self._far_from[anchor]
            far &= candidate != anchor
            if accept is not None:
                far &= accept(waiting, candidate, rng)
            negatives[waiting[far]] = candidate[far]
            waiting = waiting[~far]
        for i in waiting:
            section = self._section[anchors[i]]
            others = parts[section]
            others = others[others != anchors[i]]
            distance = self._squared_distances(anchors[i : i + 1], others)[0]
            n_far = max(1, self._n_far[section] * len(others) // (self._sizes[section] - 1))
            negatives[i] = others[rng.choice(np.argpartition(distance, -n_far)[-n_far:])]
        return negatives

    def _far_thresholds(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Squared distance at which the far spots of each anchor begin; 0 for other spots."""
        threshold = np.zeros(len(self._x), np.float32)
        is_anchor = np.zeros(len(self._x), bool)
        is_anchor[self._anchors] = True
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for part, n_far in zip(self._parts, self._n_far, strict=True):
                n, own = len(part), np.flatnonzero(is_anchor[part])
                few = n <= N_REFERENCES
                others = part if few else np.sort(rng.choice(part, N_REFERENCES, replace=False))
                cut = min(round(len(others) * (1 - n_far / n)), len(others) - 1)
                blocks = np.array_split(own, max(1, len(own) * len(others) // _BLOCK))
                begin = partial(self._nth_distance, part, None if few else others, cut)
                threshold[part[own]] = np.concatenate(list(pool.map(begin, blocks)))
        # A hair lower, for the rounding of a distance computed another way.
        return threshold - np.float32(1e-6) * (self._norms + self._norms.max(initial=0))

    def _nth_distance(
        self,
        part: NDArray[np.intp],
        others: NDArray[np.intp] | None,
        nth: int,
        rows: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Of rows of ``part``: the nth least squared distance to ``others``.

        ``None``: to all of ``part``, the row itself the nearest.
        """
        distance = self._squared_distances(part[rows], part if others is None else others)
        if others is None:
            distance[np.arange(len(rows)), rows] = -np.inf
        distance.partition(nth, axis=1)
        return distance[:, nth]

    def _squared_distances(self, a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.float32]:
        distance = (-2 * self._x[a]) @ self._x[b].T
        distance += self._norms[a][:, None]
        distance += self._norms[b]
        return distance
