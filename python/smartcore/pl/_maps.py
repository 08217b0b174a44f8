"""Maps of spots: in space and in UMAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smartcore._keys import DOMAINS, EMBEDDING, SPATIAL

from ._axes import axes, paint
from ._colors import Palette
from ._data import colors_of, coordinates, representation, values_of
from ._lattice import lattice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from ._data import Data

_RASTERIZE = 10_000
"""Above this number of spots, vector formats hold them as an image."""


def spatial(
    data: Data,
    color: str = DOMAINS,
    *,
    spatial_key: str = SPATIAL,
    ax: Axes | None = None,
    size: float | None = None,
    palette: Palette = None,
    title: str | None = None,
    legend: bool = True,
    invert_y: bool = True,
) -> Axes:
    """Map of spots in space, coloured by domain or by a quantity.

    Parameters
    ----------
    data
        AnnData or MuData.
    color
        A column of ``obs``, or a feature: its name in AnnData, "modality:name" in MuData.
        Numbers are quantities, with a colourbar; all else are categories, with a legend in
        natural order. Missing ones are grey.
    spatial_key
        Coordinates in ``obsm``; of three dimensions the first two are drawn, and the title
        says so. MuData without them takes each spot's from the first modality that has them.
    ax
        Where to draw; None makes a figure.
    size
        Width of a spot in units of the coordinates, so spots keep touching when the figure is
        resized or zoomed; None takes the step of the lattice. Spots on an
        upright square lattice are squares, which fill it; others are discs.
    palette
        For categories: colours in the order of the legend, a mapping from category to
        colour, or the name of a colormap; None takes ``uns["<color>_colors"]`` if it fits,
        else colours that colour-blind readers can tell apart (up to 24 categories). For
        quantities: the name of a colormap.
    title
        Title of the axes.
    legend
        Whether to draw the legend or colourbar.
    invert_y
        Whether y points down, as in images.

    Returns
    -------
    The Axes; its collection holds the spots in the order of `data`.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData, or `ax` is no Axes.
    KeyError
        If `color` or `spatial_key` is not there; the message lists what is.
    ValueError
        If coordinates are missing, `size` is not positive, or `palette` does not fit.

    Examples
    --------
    >>> from smartcore.datasets import tri_omics
    >>> mdata = tri_omics((12, 12), n_genes=20, modalities=["rna"])
    >>> ax = spatial(mdata, "domain")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['background', 'factor 1', 'factor 2', 'factor 3', 'factor 4']
    """
    values = values_of(data, color)
    coords = coordinates(data, spatial_key)
    n_dims = coords.shape[1]
    coords = coords[:, :2]
    width, square = lattice(coords)
    width = width if size is None else float(size)
    if not 0 < width < np.inf:
        raise ValueError(f"size must be positive, in units of the coordinates, not {size}")
    low, high = coords.min(axis=0) - width, coords.max(axis=0) + width
    if ax is None:
        tall = (high[1] - low[1]) / (high[0] - low[0])
        ax = axes(None, (6.0, float(np.clip(4.5 * tall + 0.5, 3.0, 9.0))))
        ax.set_anchor("N")  # so that the legend starts at the top of the figure
    else:
        ax = axes(ax, (6.0, 5.0))
    spots = _spots(ax, coords, width, square)
    ax.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]) if invert_y else (low[1], high[1]))
    ax.set_aspect("equal")
    _name_axes(ax, spatial_key)
    if n_dims > 2:
        title = f"{title or ''} (axes 1 and 2 of {n_dims})".strip()
    if title:
        ax.set_title(title)
    paint(spots, ax, values, palette, colors_of(data, color), color, legend)
    return ax


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
        points = _compute_umap(
            representation(data, use_rep, gaps=True), n_neighbors, min_dist, seed
        )
    ax = axes(ax, (6.0, 5.0))
    area = float(np.clip(60_000 / len(points), 1.0, 40.0)) if size is None else float(size)
    spots = ax.scatter(
        points[:, 0], points[:, 1], s=area, linewidths=0, rasterized=len(points) > _RASTERIZE
    )
    _name_axes(ax, "UMAP")
    if title:
        ax.set_title(title)
    paint(spots, ax, values, palette, colors_of(data, color), color, legend)
    return ax


def _compute_umap(
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


def _spots(ax: Axes, coords: NDArray[np.float64], width: float, square: bool) -> PathCollection:
    """Spots whose size is in units of the coordinates, as no marker's is."""
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D, AffineDeltaTransform

    shape = Path.unit_rectangle().transformed(Affine2D().translate(-0.5, -0.5))
    if not square:
        shape = Path.unit_circle().transformed(Affine2D().scale(0.5))
    to_pixels: Any = ax.transLimits + ax.transAxes
    spots = PathCollection(
        [shape.transformed(Affine2D().scale(width))],
        transform=AffineDeltaTransform(to_pixels),
        offsets=coords,
        offset_transform=ax.transData,
        linewidths=0,
        rasterized=len(coords) > _RASTERIZE,
    )
    ax.add_collection(spots, autolim=False)
    return spots


def _name_axes(ax: Axes, name: str) -> None:
    ax.set(xlabel=f"{name} 1", ylabel=f"{name} 2", xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(False)
