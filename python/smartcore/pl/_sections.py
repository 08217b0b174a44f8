"""Several sections: side by side, and mixed in UMAP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from smartcore._keys import DOMAINS, EMBEDDING, SECTION, SPATIAL

from ._axes import category_legend, check_opacity
from ._colors import MISSING, Palette, categorize, is_numeric
from ._images import draw_picture, pictures_of_sections, spot_width
from ._lattice import lattice
from ._sample import MAX_SPOTS, strata
from ._spots import draw_spots, name_axes
from ._together import together
from ._umap import compute_umap, sample_of, umap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._images import Picture
    from ._together import Sections


def sections(
    data: Sections,
    color: str = DOMAINS,
    *,
    section_key: str = SECTION,
    spatial_key: str = SPATIAL,
    n_cols: int | None = None,
    size: float | None = None,
    palette: Palette = None,
    legend: bool = True,
    invert_y: bool = True,
    image: bool | str = False,
    alpha: float = 1.0,
    image_alpha: float = 1.0,
) -> list[Axes]:
    """Maps of all sections side by side, on one scale, with one colour for each domain.

    Parameters
    ----------
    data
        AnnData or MuData with a section column; or a list or dict of such, one for each section.
    color
        As in :func:`spatial`; a quantity has one colour scale for all sections.
    section_key
        Column of ``obs`` with the section of each spot, for a single object.
    spatial_key, size, palette, legend, invert_y
        As in :func:`spatial`.
    n_cols
        Maps in a row; ``None``: about as many as rows.
    image
        The image of the tissue below the spots of each section that has one: True, or its name,
        such as "lowres". A single object has them in ``uns["spatial"]``, in libraries that are
        named as the sections, or as ``obs["library_id"]`` of their spots.
    alpha, image_alpha
        Opacity of the spots and of the images, from 0 to 1.

    Returns
    -------
    One Axes for each section, in natural order or that of the list; ``axes[0].figure`` is the
    figure.

    Raises
    ------
    TypeError
        If ``data`` is something else.
    KeyError
        If ``color``, ``section_key``, ``spatial_key`` or ``image`` is not there; the message
        lists what is.
    ValueError
        If a spot has no section, coordinates are missing, ``palette`` does not fit, an opacity is
        not from 0 to 1, or an image lies elsewhere than its section.

    Examples
    --------
    >>> from smartcore.datasets import tri_omics
    >>> slides = {s: tri_omics((9, 9), modalities=["protein"], seed=i) for i, s in enumerate("ab")}
    >>> [ax.get_title() for ax in sections(slides, "domain")]
    ['a', 'b']
    """
    from matplotlib.figure import Figure

    spots = together(data, color, section_key, spatial_key=spatial_key)
    groups = categorize(spots.obs[SECTION], None)
    coords = spots.obsm[SPATIAL][:, :2]
    rows = [groups.codes == code for code in groups.present]
    check_opacity(alpha=alpha, image_alpha=image_alpha)
    names = [str(groups.names[code]) for code in groups.present]
    pictures = _pictures(data, names, rows, image)
    layouts = [lattice(coords[mask]) for mask in rows]
    widths = [
        spot_width(size, step, pictures.get(name))
        for (step, _), name in zip(layouts, names, strict=True)
    ]
    reach = np.max(
        [
            np.ptp(coords[mask], axis=0) / 2 + max(width, step)
            for mask, width, (step, _) in zip(rows, widths, layouts, strict=True)
        ],
        axis=0,
    )
    n_cols = n_cols or math.ceil(math.sqrt(len(rows)))
    n_rows = math.ceil(len(rows) / n_cols)
    tall = float(np.clip(reach[1] / reach[0], 0.4, 2.5))
    figure = Figure(figsize=(3.2 * n_cols + 1.3, (3.2 * tall + 0.3) * n_rows), layout="compressed")
    panels = list(figure.subplots(n_rows, n_cols, squeeze=False).ravel())
    for ax in panels[len(rows) :]:
        ax.remove()
    panels = panels[: len(rows)]
    drawn = []
    for ax, mask, width, (_, square), name in zip(
        panels, rows, widths, layouts, names, strict=True
    ):
        middle = (coords[mask].min(axis=0) + coords[mask].max(axis=0)) / 2
        if name in pictures:
            draw_picture(ax, pictures[name], middle - reach, middle + reach, image_alpha)
        drawn.append(draw_spots(ax, coords[mask], width, square))
        if alpha < 1:
            drawn[-1].set_alpha(alpha)
        y = (middle[1] + reach[1], middle[1] - reach[1])
        ax.set(
            xlim=(middle[0] - reach[0], middle[0] + reach[0]),
            ylim=y if invert_y else y[::-1],
            title=name,
            xticks=[],
            yticks=[],
        )
        ax.set_aspect("equal")
    _paint(drawn, panels, rows, spots.obs[color], palette, spots.uns.get("colors"), legend, n_cols)
    return panels


def _pictures(
    data: Sections, names: list[str], rows: Sequence[np.ndarray], image: bool | str
) -> dict[str, Picture]:
    """The images of the sections that are drawn, by the names of the sections."""
    if not image:
        return {}
    if isinstance(data, Mapping):
        parts = {str(name): part for name, part in data.items()}
    elif isinstance(data, Sequence):
        parts = {str(i): part for i, part in enumerate(data, 1)}
    else:
        parts = {name: data[mask] for name, mask in zip(names, rows, strict=True)}
        return pictures_of_sections(parts, image, data)
    return pictures_of_sections({name: parts[name] for name in names}, image, None)


def umap_sections(
    data: Sections,
    color: str = DOMAINS,
    *,
    section_key: str = SECTION,
    use_rep: str = EMBEDDING,
    n_neighbors: int = 15,
    min_dist: float = 0.3,
    seed: int = 0,
    max_spots: int | None = MAX_SPOTS,
    palette: Palette = None,
    section_palette: Palette = None,
) -> list[Axes]:
    """One UMAP of all sections twice: coloured by section, and by domain.

    Parameters
    ----------
    data, color, section_key
        As in :func:`sections`.
    use_rep, n_neighbors, min_dist, seed
        As in :func:`umap`.
    max_spots
        As in :func:`umap`; of each domain in each section at random about its share.
    palette, section_palette
        Colours of the domains and of the sections, as in :func:`spatial`.

    Returns
    -------
    The two Axes. Spots are drawn in random order, so that no section hides another.

    Raises
    ------
    TypeError, KeyError, ValueError
        As :func:`sections` and :func:`umap`.
    """
    from matplotlib.figure import Figure

    spots = together(data, color, section_key, use_rep=use_rep)
    rows = sample_of(
        spots.obsm[EMBEDDING],
        strata(spots.obs[SECTION], spots.obs[color]),
        max_spots,
        n_neighbors,
        seed,
    )
    n_all, spots = spots.n_obs, spots[rows].copy()
    spots.obsm["X_umap"] = compute_umap(spots.obsm[EMBEDDING], n_neighbors, min_dist, seed)
    shuffled = spots[np.random.default_rng(seed).permutation(spots.n_obs)].copy()
    if (stored := spots.uns.get("colors")) is not None:
        shuffled.uns[f"{color}_colors"] = stored
    figure = Figure(figsize=(12.0, 4.8), layout="constrained")
    panels = list(figure.subplots(1, 2))
    for ax, column, colors in ((panels[0], SECTION, section_palette), (panels[1], color, palette)):
        title = "By section" if ax is panels[0] else f"By {color}"
        if len(rows) < n_all:
            title += f" ({len(rows):,} of {n_all:,} spots)"
        umap(shuffled, column, basis="X_umap", palette=colors, ax=ax, title=title)
        name_axes(ax, "UMAP")
    return panels


def _paint(
    drawn: Sequence[Any],
    panels: Sequence[Axes],
    rows: Sequence[np.ndarray],
    values: pd.Series,
    palette: Palette,
    stored: object,
    legend: bool,
    n_cols: int,
) -> None:
    """Colours on one scale for all panels, and one legend or colourbar."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    if not is_numeric(values):
        categories = categorize(values, palette, stored)
        colors = categories.per_spot()
        for collection, mask in zip(drawn, rows, strict=True):
            collection.set_facecolor(colors[mask])
        if legend:
            category_legend(panels[min(n_cols, len(panels)) - 1], categories, str(values.name))
        return
    name = "viridis" if palette is None else palette
    if not isinstance(name, str) or name not in colormaps:
        raise ValueError(
            f"{values.name!r} is numeric, so palette must name a matplotlib colormap, not {name!r}"
        )
    numbers = np.ma.masked_invalid(values.to_numpy(dtype=np.float64, na_value=np.nan))
    norm = Normalize()
    norm.autoscale_None(numbers)
    for collection, mask in zip(drawn, rows, strict=True):
        cmap = colormaps[name].with_extremes(bad=MISSING)
        collection.set(array=numbers[mask], norm=norm, cmap=cmap)
    if legend and numbers.count():
        panels[0].figure.colorbar(drawn[0], ax=list(panels), label=str(values.name), shrink=0.8)
