"""Maps of spots and cells in space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smartcore._keys import DOMAINS, SPATIAL

from ._axes import axes, check_opacity, paint
from ._colors import Palette
from ._data import colors_of, coordinates, values_of
from ._images import Image, draw_picture, picture_of, spot_width
from ._lattice import lattice
from ._outlines import Outlines, draw_outlines, polygons
from ._spots import RASTERIZE, draw_spots, name_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection

    from ._data import Data


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
    image: Image = False,
    scale: float | None = None,
    library: str | None = None,
    crop: bool = True,
    alpha: float = 1.0,
    image_alpha: float = 1.0,
    outlines: Outlines | None = None,
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
        resized or zoomed; None takes the step of the lattice. On an image None takes the true
        diameter of the spots, where ``uns["spatial"]`` has it, else 0.6 steps. Spots on an
        upright square lattice are squares; others are discs.
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
    image
        The image of the tissue below the spots. True: the one in ``uns["spatial"]`` of the most
        pixels ("hires", else "lowres"); a name: that one, such as "lowres"; or pixels of shape
        (rows, columns[, 3 or 4]). :func:`smartcore.io.read_modality` with ``images=True`` and
        scanpy's ``read_visium`` keep such images.
    scale
        Pixels of the image for one unit of the coordinates. None takes the image's own of
        ``uns["spatial"]``; needed where `image` is pixels. The origin of the coordinates is the
        upper left corner of the image.
    library
        Which library of ``uns["spatial"]``, where it holds several; None takes the only one, or
        the one that ``obs["library_id"]`` or ``obs["section"]`` names for all spots.
    crop
        Whether to show the part of the image with spots; False shows all of it.
    alpha, image_alpha
        Opacity of the spots and of the image, from 0 to 1.
    outlines
        Outlines of the cells, which are drawn in place of spots: a table of the columns
        ``cell_id``, ``vertex_x``, ``vertex_y`` and perhaps ``part``, as
        :func:`smartcore.io.read_boundaries` returns it; a GeoDataFrame whose index names the
        cells; or a mapping from cell to an array of shape (n_vertices, 2). In units of the
        coordinates.

    Returns
    -------
    The Axes; its collection holds the spots in the order of `data`. Of outlines it holds those
    that there are, in the order of the cells.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData, `ax` is no Axes, or `image` or `outlines` is of
        another type.
    KeyError
        If `color`, `spatial_key`, `image` or `library` is not there; the message lists what is.
    ValueError
        If coordinates are missing, `size` or `scale` is not positive, an opacity is not from 0
        to 1, `palette` does not fit, the image lies elsewhere, there are several libraries, or no
        cell has an outline.

    Examples
    --------
    >>> from smartcore.datasets import tri_omics
    >>> mdata = tri_omics((12, 12), n_genes=20, modalities=["rna"])
    >>> ax = spatial(mdata, "domain")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['background', 'factor 1', 'factor 2', 'factor 3', 'factor 4']

    An image of 24 × 24 pixels, two for one unit of the coordinates:

    >>> import numpy as np
    >>> ax = spatial(mdata, "domain", image=np.full((24, 24, 3), 0.9), scale=2, size=0.5)
    >>> len(ax.images)
    1
    """
    values = values_of(data, color)
    coords = coordinates(data, spatial_key)
    n_dims = coords.shape[1]
    coords = coords[:, :2]
    picture = picture_of(data, image, scale, library)
    check_opacity(alpha=alpha, image_alpha=image_alpha)
    step, square = lattice(coords)
    width = spot_width(size, step, picture)
    shown = coords
    if outlines is not None:
        vertices, rows = polygons(outlines, data.obs_names)
        shown = np.concatenate(vertices)
    margin = max(step, width)
    low, high = shown.min(axis=0) - margin, shown.max(axis=0) + margin
    if picture is not None and not crop:
        low, high = np.zeros(2), picture.reach
    if ax is None:
        tall = (high[1] - low[1]) / (high[0] - low[0])
        ax = axes(None, (6.0, float(np.clip(4.5 * tall + 0.5, 3.0, 9.0))))
        ax.set_anchor("N")  # so that the legend starts at the top of the figure
    else:
        ax = axes(ax, (6.0, 5.0))
    if picture is not None:
        draw_picture(ax, picture, low, high, image_alpha)
    drawn: Collection
    if outlines is None:
        drawn = draw_spots(ax, coords, width, square)
    else:
        drawn, values = draw_outlines(ax, vertices, len(rows) > RASTERIZE), values.iloc[rows]
    ax.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]) if invert_y else (low[1], high[1]))
    ax.set_aspect("equal")
    name_axes(ax, spatial_key)
    if n_dims > 2:
        title = f"{title or ''} (axes 1 and 2 of {n_dims})".strip()
    if title:
        ax.set_title(title)
    if alpha < 1:
        drawn.set_alpha(alpha)
    paint(drawn, ax, values, palette, colors_of(data, color), color, legend)
    return ax
