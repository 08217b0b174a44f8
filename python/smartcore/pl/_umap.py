"""Spots in UMAP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smartcore._keys import DOMAINS, EMBEDDING

from ._axes import axes, paint
from ._colors import Palette
from ._data import colors_of, representation, values_of
from ._spots import RASTERIZE, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._data import Data


def umap(
    data: Data,
    color: str = DOMAINS,
    *,
    use_rep: str = EMBEDDING,
    basis: str | None = None,
    n_neighbors: int = 15,
    min_dist: float = 0.3,
    seed: int = 0,
    ax: Axes | None = None,
    size: float | None = None,
    palette: Palette = None,
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """UMAP of an embedding, coloured by domain or by a quantity.

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
    ax
        Where to draw; None makes a figure.
    size
        Area of a point, in square points; None goes by the number of spots.
    palette, title, legend
        As in `spatial`.

    Returns
    -------
    The Axes; its collection holds the spots in the order of `data`.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData, or `ax` is no Axes.
    KeyError
        If `color`, `use_rep` or `basis` is not there; the message lists what is.
    ValueError
        If the embedding is not finite, there are not more than `n_neighbors` spots, or
        `palette` does not fit.

    References
    ----------
    McInnes, Healy and Melville, "UMAP", arXiv:1802.03426 (2018).

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
        points = compute_umap(representation(data, use_rep, gaps=True), n_neighbors, min_dist, seed)
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


def compute_umap(
    embedding: NDArray[np.float64], n_neighbors: int, min_dist: float, seed: int
) -> NDArray[np.float64]:
    there = ~np.isnan(embedding).any(axis=1)
    if not 2 <= n_neighbors < there.sum():
        raise ValueError(
            f"n_neighbors must be at least 2 and below the number of spots, {there.sum()}, "
            f"not {n_neighbors}"
        )
    from umap import UMAP

    # UMAP is reproducible on one thread only.
    model = UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, n_jobs=1)
    # Spots that were left out of the embedding are at no place.
    points = np.full((len(embedding), 2), np.nan)
    points[there] = model.fit_transform(embedding[there])
    return points
