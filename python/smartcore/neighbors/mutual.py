"""Mutual nearest neighbours in feature space: whom triplets and averages bring together."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from smartcore.neighbors.nearest import comparable
from smartcore.neighbors.search import Search, section_pairs
from smartcore.spatial.graph import split_sections

logger = logging.getLogger(__name__)

Partners = Literal["across", "within", "both"]
"""Sections in which positives of an anchor are looked for: others, its own, or both."""


def mutual_nearest_neighbors(
    x: NDArray[np.floating],
    k: int = 3,
    seed: int = 0,
    *,
    sections: ArrayLike | None = None,
    partners: Partners = "across",
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of rows that are each among the other's ``k`` nearest neighbours.

    For every pair of sections by itself: a row of one is among the k nearest that a row of the
    other has in its section, and the reverse.

    Parameters
    ----------
    x
        Features, shape (n_spots, d). Equal rows are neighbours at distance 0.
    k
        Neighbours looked at; at most as many as a section has for a spot.
    seed
        Of the approximate search in large sections.
    sections
        Shape (n_spots,): the section of each row; ``None``: one section.
    partners
        Pairs of different sections, each section with itself, or both; one section always goes
        with itself. Of very many spots in many sections, each goes with some others only (see
        :func:`smartcore.neighbors.search.section_pairs`).

    Returns
    -------
    Anchors and positives, each of shape (n_pairs,), sorted; every pair stands both ways.

    References
    ----------
    Du et al. (2026), Methods, "Triplets" and "SMART-MS"; mutual nearest neighbours after
    Haghverdi et al., Nat Biotechnol 36, 421 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> a, p = mutual_nearest_neighbors(np.array([[0.0], [1.0], [1.5], [9.0]]), k=1)
    >>> a.tolist(), p.tolist()
    ([1, 2], [2, 1])
    >>> x, section = np.array([[0.0], [1.0], [0.2], [9.0]]), [0, 0, 1, 1]
    >>> a, p = mutual_nearest_neighbors(x, k=1, sections=section)
    >>> a.tolist(), p.tolist()
    ([0, 2], [2, 0])
    """
    return mutual_pairs(comparable(np.asarray(x)), k, seed, sections, partners)[:2]


def mutual_pairs(
    x: NDArray[np.float32],
    k: int,
    seed: int,
    sections: ArrayLike | None,
    partners: Partners,
) -> tuple[NDArray[np.intp], NDArray[np.intp], float]:
    """:func:`mutual_nearest_neighbors`, and the least recall of the searches."""
    n, recall = len(x), 1.0
    parts = split_sections(sections, n)
    searches = [Search(x if len(parts) == 1 else x[rows], k, seed) for rows in parts]
    found = [np.empty((2, 0), np.intp)]
    for s, t in section_pairs([len(rows) for rows in parts], partners, seed):
        i, j, found_of = _mutual(searches[s], searches[t])
        pairs = np.stack([parts[s][i], parts[t][j]])
        found += [pairs] if s == t else [pairs, pairs[::-1]]
        recall = min(recall, found_of)
    if recall < 1:
        logger.info(
            "Of the %d nearest neighbours among %d spots %.1f %% are found, a sample says.",
            *(k, n, 100 * recall),
        )
    anchors, positives = np.concatenate(found, axis=1)
    order = np.argsort(anchors * n + positives, kind="stable")
    return anchors[order], positives[order], recall


def _mutual(a: Search, b: Search) -> tuple[NDArray[np.intp], NDArray[np.intp], float]:
    """Rows of ``a`` and of ``b`` that are among each other's ``k`` nearest; recall."""
    near_b, recall_b = a.nearest_in(b)
    near_a, recall_a = (near_b, recall_b) if a is b else b.nearest_in(a)
    both = _chosen(near_b, len(b.x)).multiply(_chosen(near_a, len(a.x)).T.tocsr()).tocoo()
    return both.row.astype(np.intp), both.col.astype(np.intp), min(recall_a, recall_b)


def _chosen(found: NDArray[np.intp], n: int) -> sp.csr_matrix:
    """Matrix of which of ``n`` rows each row has found."""
    m, k = found.shape
    ones, columns, start = np.ones(m * k, bool), found.ravel(), k * np.arange(m + 1)
    return sp.csr_matrix((ones, columns, start), shape=(m, n)).sorted_indices()
