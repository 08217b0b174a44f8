"""The spatial graph: which spots are neighbours in the tissue."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

logger = logging.getLogger(__name__)

# Some GiB of memory.
_MOST_EDGES = 10**8


def check_coords(coords: ArrayLike) -> NDArray[np.float64]:
    """Coordinates as float64 of shape (n_spots, 2) or (n_spots, 3).

    Raises
    ------
    ValueError
        If the shape is another, or a coordinate is NaN or infinite.
    """
    try:
        xy = np.asarray(coords, dtype=np.float64)
    except (TypeError, ValueError) as err:
        raise ValueError(f"Coordinates must be numbers: {err}.") from err
    if xy.ndim != 2 or xy.shape[1] not in (2, 3):
        raise ValueError(
            f"Coordinates must have shape (n_spots, 2) or (n_spots, 3), not {xy.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(xy).all(axis=1))
    if bad.size:
        raise ValueError(
            f"Coordinates of {bad.size} of {len(xy)} spots are NaN or infinite "
            f"(first: row {bad[0]}, {xy[bad[0]].tolist()}). Remove these spots or give them a place."
        )
    return xy


def guess_n_neighbors(coords: ArrayLike) -> int:
    """4 for spots on a square lattice, 6 for Visium's hexagonal one and for irregular cells.

    On a square lattice the fifth neighbour is √2 times as far as the fourth; on a hexagonal one
    the seventh is √3 times as far as the sixth (Du et al. 2026, Methods: k = 4 and 6).

    Parameters
    ----------
    coords
        Shape (n_spots, 2) or (n_spots, 3).

    Examples
    --------
    >>> import numpy as np
    >>> guess_n_neighbors(np.argwhere(np.ones((8, 8))))
    4
    """
    xy = np.unique(check_coords(coords), axis=0)
    if len(xy) < 9:
        return 4 if len(xy) < 7 else 6
    # Some thousands of spots tell a lattice as well as all of them.
    probes = xy[:: max(1, len(xy) // 5000)]
    distance = np.median(cKDTree(xy).query(probes, k=8)[0][:, 1:], axis=0)
    square = distance[4] > 1.2 * distance[3] and distance[3] < 1.2 * distance[0]
    checkered = (xy == np.rint(xy)).all() and len(np.unique(xy.sum(axis=1) % 2)) == 1
    if square and checkered and xy.shape[1] == 2 and np.isclose(distance[0], np.sqrt(2)):
        warnings.warn(
            "The coordinates look like Visium's array rows and columns, which are no distances: "
            "the six neighbours of a spot are not its nearest. Give pixel coordinates, or "
            "multiply the rows by √3.",
            stacklevel=4,
        )
    return 4 if square else 6


def guess_within(
    coords: ArrayLike, sections: ArrayLike | None = None, *, linked: bool = False
) -> int:
    """:func:`guess_n_neighbors` of the largest section, or what it has of them; logged.

    In sections that are linked two more: a spot above and one below.
    """
    xy = check_coords(coords)
    largest = max(split_sections(sections, len(xy)), key=len)
    k = min(guess_n_neighbors(xy[largest]), len(largest) - 1)
    if linked and sections is not None:
        k = min(k + 2, len(xy) - 1)
    logger.info("%d spatial neighbours, from the layout of the spots (n_neighbors).", k)
    return k


def spatial_graph(
    coords: ArrayLike,
    *,
    method: str = "knn",
    n_neighbors: int | None = None,
    radius: float | None = None,
    directed: bool = False,
    sections: ArrayLike | None = None,
    linked: bool = False,
) -> sp.csr_matrix:
    """Graph of spatial neighbours, block-diagonal over sections unless they are linked.

    Parameters
    ----------
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    method
        ``"knn"``, ``"radius"`` or ``"delaunay"``.
    n_neighbors
        For ``"knn"``: neighbours of a spot, 0 for none; ``None`` asks :func:`guess_n_neighbors`.
    radius
        Greatest distance of neighbours, in the units of ``coords``; for ``"radius"`` required,
        for ``"delaunay"`` optional.
    directed
        For ``"knn"``: the spot that was chosen gets an edge from the one that chose it, and none
        back: the graph of the published package. Otherwise an edge either way makes both.
    sections
        Shape (n_spots,): the section of each spot; neighbours share it. ``None``: one section.
    linked
        Neighbours need not share the section, distance alone decides: for serial sections
        registered in 3-D.

    Returns
    -------
    Shape (n_spots, n_spots), float32 ones; row i holds the spots whose features spot i receives.

    Raises
    ------
    ValueError
        For coordinates that are not finite, a ``method`` that is not known, as many neighbours
        as spots, a missing ``radius``, collinear spots for ``"delaunay"``, or sections to be
        linked by 2-D coordinates.

    Examples
    --------
    >>> spatial_graph([[0, 0], [1, 0], [3, 0]], n_neighbors=1).toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    xy = check_coords(coords)
    n = len(xy)
    if method == "knn" and n_neighbors is None:
        n_neighbors = guess_within(xy, sections, linked=linked)
    sources, targets = [], []
    parts = split_sections(None if linked else sections, n)
    if linked and sections is not None and xy.shape[1] != 3:
        raise ValueError(
            "Sections can be linked by coordinates of three dimensions only, which tell how far "
            "apart they lie; these have two."
        )
    if method == "knn" and (small := sum(len(rows) <= (n_neighbors or 0) for rows in parts)):
        if small == len(parts):
            most = max(map(len, parts)) - 1
            raise ValueError(
                f"n_neighbors={n_neighbors} asks for as many neighbours as there are spots "
                f"({most + 1}{'' if len(parts) == 1 else ' in the largest section'}); "
                f"use at most {most}."
            )
        warnings.warn(
            f"{small} of {len(parts)} sections have too few spots for {n_neighbors} spatial "
            "neighbours; their spots have all others of the section.",
            stacklevel=2,
        )
    # Of several sections one may be too small for a mesh.
    least = xy.shape[1] + 1 if method == "delaunay" and len(parts) > 1 else 0
    if few := sum(len(rows) < least for rows in parts):
        warnings.warn(
            f"{few} of {len(parts)} sections have too few spots for a triangulation; their spots "
            "have all others of the section for neighbours.",
            stacklevel=2,
        )
    for rows in parts:
        if len(rows) < least:
            chosen, chooser = _knn_edges(xy[rows], len(rows) - 1)
        elif method == "knn":
            chosen, chooser = _knn_edges(xy[rows], min(n_neighbors or 0, len(rows) - 1))
        elif method == "radius":
            chosen, chooser = _radius_edges(xy[rows], radius)
        elif method == "delaunay":
            chosen, chooser = _delaunay_edges(xy[rows], radius, len(parts) > 1)
        else:
            raise ValueError(f"Graph {method!r} is not known; use 'knn', 'radius' or 'delaunay'.")
        sources.append(rows[chooser])
        targets.append(rows[chosen])
    row, col = np.concatenate(targets), np.concatenate(sources)
    graph = sp.csr_matrix((np.ones(len(row), np.float32), (row, col)), shape=(n, n))
    if not directed:
        graph = graph.maximum(graph.T).tocsr()
    graph.sort_indices()
    if linked and sections is not None:
        _check_links(graph, np.asarray(sections).ravel())
    lonely = n - np.count_nonzero(np.diff(graph.indptr))
    if lonely and n_neighbors != 0 and not directed:
        warnings.warn(
            f"{lonely} of {n} spots have no spatial neighbour; they are embedded from their own "
            "features alone.",
            stacklevel=2,
        )
    return graph


def _check_links(graph: sp.csr_matrix, sections: NDArray) -> None:
    edges = graph.tocoo()
    codes = np.unique(sections, return_inverse=True)[1].ravel()
    links = np.count_nonzero(codes[edges.row] != codes[edges.col])
    logger.info("%d of %d edges link sections.", links // 2, graph.nnz // 2)
    if codes.any() and not links:
        warnings.warn(
            "No spot has a neighbour in another section: sections lie farther apart than the "
            "neighbours within them. More n_neighbors, a radius, or a smaller unit of the third "
            "coordinate would link them.",
            stacklevel=3,
        )


def split_sections(sections: ArrayLike | None, n: int) -> list[NDArray[np.intp]]:
    """Row numbers of each section, in the order of their sections' codes or names."""
    if sections is None:
        return [np.arange(n)]
    codes = np.unique(np.asarray(sections), return_inverse=True)[1]
    return np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])


def _knn_edges(xy: NDArray[np.float64], k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Chosen and choosing spot of each edge."""
    n = len(xy)
    if k == 0:
        none = np.empty(0, np.intp)
        return none, none
    found = cKDTree(xy).query(xy, k=k + 1, workers=-1)[1]
    chosen = drop_self(found)
    return chosen.ravel(), np.repeat(np.arange(n), k)


def drop_self(found: NDArray[np.intp], rows: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """The k neighbours among k + 1 found by ``rows`` (``None``: all), without the row itself.

    Among many spots at one place a spot may not have found itself; the farthest goes then.
    """
    n, k = found.shape
    own = found == (np.arange(n) if rows is None else rows)[:, None]
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(n, k - 1)


def _radius_edges(
    xy: NDArray[np.float64], radius: float | None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if radius is None or not radius > 0:
        raise ValueError(
            f"radius={radius!r} must be a positive distance, in the units of the coordinates."
        )
    tree = cKDTree(xy)
    n_edges = int(tree.count_neighbors(tree, radius)) - len(xy)
    if n_edges > _MOST_EDGES:
        raise ValueError(
            f"radius={radius:g} makes {n_edges / len(xy):.0f} neighbours a spot of {len(xy)} spots; "
            "a distance of a few spots would do, in the units of the coordinates."
        )
    pairs = tree.query_pairs(radius, output_type="ndarray")
    return pairs[:, 0], pairs[:, 1]


def _delaunay_edges(
    xy: NDArray[np.float64], radius: float | None, several: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of the spots of one section, of several or the only one."""
    try:
        mesh = Delaunay(xy)
    except (QhullError, ValueError) as err:
        raise ValueError(
            f"The {len(xy)} spots{' of a section' if several else ''} have no Delaunay "
            "triangulation (too few, or all on one line); use graph='knn'."
        ) from err
    corners = mesh.simplices
    pairs = np.concatenate([corners[:, [a, b]] for a, b in _corner_pairs(corners.shape[1])])
    # Spots at a place already taken are left out of the mesh: join them to the one there.
    pairs = np.unique(np.sort(np.concatenate([pairs, mesh.coplanar[:, [0, 2]]]), axis=1), axis=0)
    if radius is not None:
        pairs = pairs[np.linalg.norm(xy[pairs[:, 0]] - xy[pairs[:, 1]], axis=1) <= radius]
    return pairs[:, 0].astype(np.intp), pairs[:, 1].astype(np.intp)


def _corner_pairs(n: int) -> Iterator[tuple[int, int]]:
    return ((a, b) for a in range(n) for b in range(a))


def neighbor_mean(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Rows of ``graph`` divided by their sums: times X, the mean over each spot's neighbours."""
    degree = np.asarray(graph.sum(axis=1), dtype=np.float32).ravel()
    weight = np.divide(1, degree, out=np.zeros_like(degree), where=degree > 0)
    return sp.csr_matrix(sp.diags(weight, dtype=np.float32) @ graph)


def smooth(
    x: NDArray[np.float32], graph: sp.csr_matrix, hops: int, share: float = 0.5
) -> NDArray[np.float32]:
    """Average each spot with its neighbours, ``hops`` times: ``share`` of it is their mean.

    A spot without neighbours stays as it is. Shape (n_spots, d).
    """
    mean = neighbor_mean(graph)
    lonely = np.diff(graph.indptr) == 0
    own, around = np.float32(1 - share), np.float32(share)
    for _ in range(hops):
        neighbors = mean @ x
        neighbors[lonely] = x[lonely]
        x = own * x + around * neighbors
    return x
