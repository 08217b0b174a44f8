"""UMAP of an embedding."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smartcore._keys import DOMAINS, EMBEDDING
from smartcore.neighbors.nearest import comparable
from smartcore.neighbors.search import Search

from ._axes import axes, paint
from ._colors import Palette
from ._data import colors_of, representation, values_of
from ._sample import MAX_SPOTS, strata, stratified
from ._spots import RASTERIZE, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._data import Data

logger = logging.getLogger("smartcore")

_ITS_OWN_WAY = 4_096
"""Spots up to which umap-learn searches neighbours exactly and starts from eigenvectors.

Of more, compiling its approximate search takes longer than an exact one, and eigenvectors of a
graph whose groups lie apart can take minutes.
"""


def umap(
    data: Data,
    color: str = DOMAINS,
    *,
    use_rep: str = EMBEDDING,
    basis: str | None = None,
    n_neighbors: int = 15,
    min_dist: float = 0.3,
    seed: int = 0,
    max_spots: int | None = MAX_SPOTS,
    ax: Axes | None = None,
    size: float | None = None,
    palette: Palette = None,
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """UMAP [1]_ of an embedding, coloured by domain or by a quantity.

    The time of UMAP grows with the spots, and a figure shows some thousand of them: of more than
    `max_spots`, so many are drawn at random, and the title and a log message say so. Above 4,096
    spots UMAP starts from the first two principal components rather than from eigenvectors of the
    graph of neighbours, which keeps the global structure as well and takes no time [2]_.

    Parameters
    ----------
    data
        AnnData or MuData; it is not modified, the UMAP is not kept.
    color
        As in `spatial`.
    use_rep
        Embedding in ``obsm`` from which to compute UMAP.
    basis
        Key in ``obsm`` of a UMAP already there, such as "X_umap"; None computes one.
    n_neighbors, min_dist, seed
        Parameters of UMAP; without effect where `basis` is given.
    max_spots
        Spots of which UMAP is computed and which are drawn, at most: at random of each category
        about its share, and at least 50 of it if it has so many. None takes all; all are drawn
        where `basis` is given, too.
    ax
        Where to draw; None makes a figure.
    size
        Area of a point, in square points; None goes by the number of spots.
    palette, title, legend
        As in `spatial`.

    Returns
    -------
    The Axes; its collection holds the spots that are drawn in the order of `data`.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData, or `ax` is no Axes.
    KeyError
        If `color`, `use_rep` or `basis` is not there; the message lists what is.
    ValueError
        If the embedding is not finite, there are not more than `n_neighbors` spots, `max_spots`
        is not more than that, or `palette` does not fit.

    References
    ----------
    .. [1] McInnes, Healy and Melville, "UMAP", arXiv:1802.03426 (2018).
    .. [2] Kobak and Linderman, Nat Biotechnol 39, 156 (2021).

    Examples
    --------
    >>> from smartcore.datasets import tri_omics
    >>> adata = tri_omics((12, 12), n_genes=20, modalities=["rna"])["rna"]
    >>> adata.obsm["X_umap"] = adata.obsm["spatial"] / 10
    >>> umap(adata, "domain", basis="X_umap").get_xlabel()
    'UMAP 1'
    """
    values = values_of(data, color)
    if basis is not None:
        points = representation(data, basis, gaps=True)
    else:
        embedding = representation(data, use_rep, gaps=True)
        rows = sample_of(embedding, strata(values), max_spots, n_neighbors, seed)
        points = compute_umap(embedding[rows], n_neighbors, min_dist, seed)
        if len(rows) < len(embedding):
            title = f"{title or 'UMAP'} ({len(rows):,} of {len(embedding):,} spots)"
            values = values.iloc[rows]
    ax = axes(ax, (6.0, 5.0))
    area = float(np.clip(60_000 / len(points), 1.0, 40.0)) if size is None else float(size)
    spots = ax.scatter(
        points[:, 0], points[:, 1], s=area, linewidths=0, rasterized=len(points) > RASTERIZE
    )
    name_axes(ax, "UMAP")
    if title:
        ax.set_title(title)
    paint(spots, ax, values, palette, colors_of(data, color), color, legend)
    return ax


def sample_of(
    embedding: NDArray[np.float64],
    groups: NDArray[np.intp],
    max_spots: int | None,
    n_neighbors: int,
    seed: int,
) -> NDArray[np.intp]:
    """Rows of which a UMAP is computed: all, or ``max_spots`` of those in the embedding.

    Raises
    ------
    ValueError
        If UMAP cannot be made of so few.
    """
    there = np.flatnonzero(~np.isnan(embedding).any(axis=1))
    if max_spots is None or len(there) <= max_spots:
        return np.arange(len(embedding))
    if max_spots <= n_neighbors:
        raise ValueError(
            f"max_spots must be above n_neighbors, {n_neighbors}, or None for all, not {max_spots}"
        )
    logger.info(
        "UMAP is computed of %d of the %d spots, drawn at random from every group; "
        "max_spots=None takes all.",
        max_spots,
        len(there),
    )
    return there[stratified(groups[there], max_spots, seed)]


def compute_umap(
    embedding: NDArray[np.float64], n_neighbors: int, min_dist: float, seed: int
) -> NDArray[np.float64]:
    """UMAP of rows of an embedding, (n_spots, 2); rows of NaN have no place in it."""
    there = ~np.isnan(embedding).any(axis=1)
    if not 2 <= n_neighbors < there.sum():
        raise ValueError(
            f"n_neighbors must be at least 2 and below the number of spots, {there.sum()}, "
            f"not {n_neighbors}"
        )
    from umap import UMAP

    x = embedding[there]
    settings: dict[str, Any] = {}
    if len(x) > _ITS_OWN_WAY:
        settings = {"init": "pca", "precomputed_knn": _neighbors(x, n_neighbors, seed)}
    # UMAP is reproducible on one thread only.
    model = UMAP(
        n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1, **settings
    )
    # Spots that were left out of the embedding are at no place.
    points = np.full((len(embedding), 2), np.nan)
    with warnings.catch_warnings():
        # No other spots are to be placed later.
        warnings.filterwarnings("ignore", message=".*transforming new data")
        points[there] = model.fit_transform(x)
    return points


def _neighbors(
    x: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The k nearest rows of each row, itself first, and their distances, (n_spots, k)."""
    search = Search(comparable(x), k - 1, seed)
    found, _ = search.nearest_in(search)
    found = np.column_stack([np.arange(len(x)), found])
    distances = np.empty(found.shape, np.float32)
    for nth, column in enumerate(found.T):
        distances[:, nth] = np.linalg.norm(x[column] - x, axis=1)
    return found, distances
