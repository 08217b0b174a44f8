"""How well sections mix: iLISI, on an embedding and on a graph, and kBET."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.stats import chi2

from smartcore.given.aligned import aligned
from smartcore.neighbors.nearest import comparable
from smartcore.neighbors.search import Search

from ._labels import Labels, embedded_only, encode, matrix, report_missing

_BLOCK = 1 << 24
_TOLERANCE = 1e-5
_TRIES = 60
_LEAST_NEIGHBORS, _MOST_NEIGHBORS = 10, 70


def ilisi(
    embedding: ArrayLike, sections: Labels, *, n_neighbors: int = 90, scale: bool = True
) -> float:
    """Median over spots of the effective number of sections around each.

    Around a spot, its nearest others in the embedding have weights that fall with distance, to a
    perplexity of a third of ``n_neighbors``; the number is the inverse of Simpson's index of the
    sections among them.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    sections
        Section of each spot, shape (n_spots,). Spots without one are left out.
    n_neighbors
        Size of the neighbourhood, the spot itself among them, though without weight.
    scale
        From 0, each spot among its own section, to 1, as many sections as there are; else from 1
        to their number. Unequal sizes of sections keep it below that.

    Returns
    -------
    Higher for sections better mixed.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are fewer than 2 sections, or
        ``n_neighbors`` is below 6 or above the number of spots.

    References
    ----------
    Korsunsky et al., Nat Methods 16, 1289 (2019), LISI; scaled as Luecken et al., Nat Methods
    19, 41 (2022). The same as ``scib_metrics.ilisi_knn``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, section = rng.normal(size=(200, 3)), np.arange(200) % 2
    >>> round(ilisi(x, section), 1), round(ilisi(x + 99 * section[:, None], section), 1)
    (0.9, 0.0)
    """
    points, codes = _in_sections(embedding, sections)
    k = _check_neighbors(n_neighbors, len(codes), 6)
    neighbors, distances = _nearest(points, k)
    return _median_lisi(distances[:, 1:], codes[neighbors[:, 1:]], k // 3, scale)


def ilisi_graph(
    graph: sp.spmatrix | sp.sparray,
    sections: Labels,
    *,
    n_neighbors: int = 90,
    sample_size: int | None = 5000,
    seed: int = 0,
    scale: bool = True,
) -> float:
    """As :func:`ilisi`, the nearest spots being those of the shortest paths along a graph.

    Parameters
    ----------
    graph
        Sparse, shape (n_spots, n_spots); values are lengths of edges, which go both ways: a
        k-nearest-neighbour graph such as ``sklearn.neighbors.kneighbors_graph(z, 15,
        mode="distance")`` or scanpy's ``obsp["distances"]``.
    sections
        Section of each spot, shape (n_spots,). Spots without one are no part of the graph.
    n_neighbors, scale
        As for :func:`ilisi`. A spot that reaches fewer takes those; one that reaches none is not
        scored.
    sample_size, seed
        Above this number of spots, a random subset of this size is scored; ``None`` scores all.

    Returns
    -------
    Higher for sections better mixed; NaN for a graph without edges.

    Raises
    ------
    TypeError
        If ``graph`` is not sparse.
    ValueError
        If shapes disagree, a length is negative or not finite, or as :func:`ilisi`.

    References
    ----------
    Luecken et al., Nat Methods 19, 41 (2022), "graph iLISI".
    """
    if not sp.issparse(graph):
        raise TypeError(f"graph must be sparse, not {type(graph).__name__}")
    codes, _ = encode(sections, "sections")
    if graph.shape != (len(codes), len(codes)):
        raise ValueError(f"graph has shape {graph.shape}, but there are {len(codes)} spots")
    lengths = sp.csr_matrix(graph, dtype=np.float64)
    if lengths.nnz and not (np.isfinite(lengths.data).all() and lengths.data.min() >= 0):
        raise ValueError("graph must hold lengths of edges, finite and not negative")
    known = report_missing(codes, "section")
    lengths, codes = lengths[known][:, known], codes[known]
    _check_sections(codes)
    k = _check_neighbors(n_neighbors, len(codes), 6)
    scored = np.arange(len(codes))
    if sample_size is not None and len(scored) > sample_size:
        rng = np.random.default_rng(seed)
        scored = np.sort(rng.choice(scored, sample_size, replace=False))
    near, far = [], []
    for rows in np.array_split(scored, max(1, len(scored) * len(codes) // _BLOCK)):
        paths = dijkstra(lengths, directed=False, indices=rows)
        paths[np.arange(len(rows)), rows] = -1  # the spot itself comes first
        first = np.argsort(paths, axis=1, kind="stable")[:, 1:k]
        near.append(first)
        far.append(np.take_along_axis(paths, first, axis=1))
    return _median_lisi(np.vstack(far), codes[np.vstack(near)], k // 3, scale)


def kbet(
    embedding: ArrayLike,
    sections: Labels,
    *,
    n_neighbors: int | None = None,
    alpha: float = 0.05,
) -> float:
    """Share of spots around which sections are as frequent as they are overall.

    For each spot a χ² test on the sections of its nearest neighbours accepts that or not.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    sections
        Section of each spot, shape (n_spots,). Spots without one are left out.
    n_neighbors
        Size of the neighbourhood, the spot itself among them; ``None``: a quarter of the mean
        size of a section, from 10 to 70.
    alpha
        Level of the test.

    Returns
    -------
    Acceptance rate from 0 to 1, higher for sections better mixed; about ``1 - alpha`` for
    perfect ones.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are fewer than 2 sections, or
        ``n_neighbors`` is below 2 or above the number of spots.

    References
    ----------
    Büttner et al., Nat Methods 16, 43 (2019); over all spots at once, as ``scib_metrics.kbet``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, section = rng.normal(size=(200, 3)), np.arange(200) % 2
    >>> kbet(x, section) > 0.8, kbet(x + 99 * section[:, None], section)
    (True, 0.0)
    """
    points, codes = _in_sections(embedding, sections)
    n_sections = codes.max() + 1
    if n_neighbors is None:
        quarter = int(np.clip(len(codes) / n_sections / 4, _LEAST_NEIGHBORS, _MOST_NEIGHBORS))
        n_neighbors = min(quarter, len(codes))
    k = _check_neighbors(n_neighbors, len(codes), 2)
    around = codes[_nearest(points, k)[0]]
    expected = k * np.bincount(codes) / len(codes)
    statistic = sum(
        ((around == s).sum(axis=1) - expected[s]) ** 2 / expected[s] for s in range(n_sections)
    )
    return float(np.mean(chi2.sf(statistic, n_sections - 1) >= alpha))


def _in_sections(
    embedding: ArrayLike, sections: Labels
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    embedding, sections = aligned(embedding=embedding, sections=sections)
    codes, _ = encode(sections, "sections")
    embedding, codes = embedded_only(embedding, codes)
    points = matrix(embedding, "embedding", len(codes))
    known = report_missing(codes, "section")
    _check_sections(codes[known])
    return points[known], codes[known]


def _check_sections(codes: NDArray[np.intp]) -> None:
    if codes.max() < 1:
        raise ValueError("sections hold one section: at least 2 are needed to mix")


def _check_neighbors(n_neighbors: int, n_spots: int, least: int) -> int:
    if not least <= n_neighbors <= n_spots or int(n_neighbors) != n_neighbors:
        raise ValueError(
            f"n_neighbors must be a whole number from {least} to the number of spots, {n_spots}, "
            f"not {n_neighbors}"
        )
    return int(n_neighbors)


def _nearest(points: NDArray[np.float64], k: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Each spot itself and its ``k`` − 1 nearest others, with distances: both (n_spots, k)."""
    search = Search(comparable(points), k - 1)
    others, _ = search.nearest_in(search)
    found = np.column_stack([np.arange(len(points)), others])
    distances = np.zeros(found.shape)
    for j in range(1, k):
        distances[:, j] = np.linalg.norm(points[found[:, j]] - points, axis=1)
    return found, distances


def _median_lisi(
    distances: NDArray[np.float64], codes: NDArray[np.intp], perplexity: int, scale: bool
) -> float:
    """Median inverse Simpson's index of the sections ``codes`` at ``distances``, (n_spots, k)."""
    n_sections = codes.max() + 1
    step = max(1, _BLOCK // distances.shape[1])
    parts = []
    for start in range(0, len(distances), step):
        block = slice(start, start + step)
        weight = _weights(distances[block], perplexity)
        simpson = sum(
            np.where(codes[block] == s, weight, 0).sum(axis=1) ** 2 for s in range(n_sections)
        )
        parts.append(np.divide(1, simpson, out=np.full(len(weight), np.nan), where=simpson > 0))
    lisi = np.concatenate(parts)
    median = float(np.nanmedian(lisi)) if np.isfinite(lisi).any() else float("nan")
    return (median - 1) / (n_sections - 1) if scale else median


def _weights(distances: NDArray[np.float64], perplexity: int) -> NDArray[np.float64]:
    """exp(−β · distance) by row, β such that the weights' entropy is that of ``perplexity``.

    Infinite distances have no weight. Rows sum to 1, or to 0 where all are infinite.
    """
    reached = np.isfinite(distances)
    apart = np.where(reached, distances, 0)
    apart -= np.where(reached, distances, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    apart[~reached] = 0
    spread = apart.sum(axis=1, keepdims=True) / np.maximum(1, reached.sum(axis=1, keepdims=True))
    apart /= np.where(spread > 0, spread, 1)
    beta = np.ones((len(apart), 1))
    low, high = np.zeros_like(beta), np.full_like(beta, np.inf)
    for _ in range(_TRIES):
        weight = np.exp(-beta * apart) * reached
        total = np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        entropy = np.log(total) + beta * (apart * weight).sum(axis=1, keepdims=True) / total
        excess = entropy - np.log(perplexity)
        if (np.abs(excess) < _TOLERANCE).all():
            break
        low, high = np.where(excess > 0, beta, low), np.where(excess > 0, high, beta)
        beta = np.where(np.isinf(high), 2 * beta, (low + np.where(np.isinf(high), low, high)) / 2)
    return weight / total
