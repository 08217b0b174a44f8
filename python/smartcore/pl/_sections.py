"""Several sections: side by side, and mixed in UMAP."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from smartcore._keys import DOMAINS, EMBEDDING, SECTION, SPATIAL

from ._axes import category_legend
from ._colors import MISSING, Palette, categorize, is_numeric
from ._data import coordinates, is_mudata, representation, values_of
from ._lattice import lattice
from ._maps import _compute_umap, _name_axes, _spots, umap

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes

    from ._data import Data

    Sections: TypeAlias = Data | Sequence[Data] | Mapping[str, Data]


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

    Returns
    -------
    One Axes for each section, in natural order or that of the list; ``axes[0].figure`` is the
    figure.

    Raises
    ------
    TypeError
        If ``data`` is something else.
    KeyError
        If ``color``, ``section_key`` or ``spatial_key`` is not there; the message lists what is.
    ValueError
        If a spot has no section, coordinates are missing, or ``palette`` does not fit.

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
    layouts = [lattice(coords[mask]) for mask in rows]
    if size is not None and not 0 < float(size) < np.inf:
        raise ValueError(f"size must be positive, in units of the coordinates, not {size}")
    widths = [width if size is None else float(size) for width, _ in layouts]
    reach = np.max(
        [
            np.ptp(coords[mask], axis=0) / 2 + width
            for mask, width in zip(rows, widths, strict=True)
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
    for ax, mask, width, (_, square), code in zip(
        panels, rows, widths, layouts, groups.present, strict=True
    ):
        middle = (coords[mask].min(axis=0) + coords[mask].max(axis=0)) / 2
        drawn.append(_spots(ax, coords[mask], width, square))
        y = (middle[1] + reach[1], middle[1] - reach[1])
        ax.set(
            xlim=(middle[0] - reach[0], middle[0] + reach[0]),
            ylim=y if invert_y else y[::-1],
            title=str(groups.names[code]),
            xticks=[],
            yticks=[],
        )
        ax.set_aspect("equal")
    _paint(drawn, panels, rows, spots.obs[color], palette, spots.uns.get("colors"), legend, n_cols)
    return panels


def umap_sections(
    data: Sections,
    color: str = DOMAINS,
    *,
    section_key: str = SECTION,
    use_rep: str = EMBEDDING,
    n_neighbors: int = 15,
    min_dist: float = 0.3,
    seed: int = 0,
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
    points = _compute_umap(spots.obsm[EMBEDDING], n_neighbors, min_dist, seed)
    spots.obsm["X_umap"] = points
    shuffled = spots[np.random.default_rng(seed).permutation(spots.n_obs)].copy()
    if (stored := spots.uns.get("colors")) is not None:
        shuffled.uns[f"{color}_colors"] = stored
    figure = Figure(figsize=(12.0, 4.8), layout="constrained")
    panels = list(figure.subplots(1, 2))
    for ax, column, colors in ((panels[0], SECTION, section_palette), (panels[1], color, palette)):
        title = "By section" if ax is panels[0] else f"By {color}"
        umap(shuffled, column, basis="X_umap", palette=colors, ax=ax, title=title)
        _name_axes(ax, "UMAP")
    return panels


def together(
    data: Sections,
    color: str,
    section_key: str,
    *,
    spatial_key: str | None = None,
    use_rep: str | None = None,
) -> AnnData:
    """The spots of all sections in one object, with what is to be drawn and no more.

    Returns
    -------
    ``obs[color]``, ``obs["section"]`` (ordered categories), ``obsm["spatial"]`` and
    ``obsm["X_smart"]`` as asked for, ``uns["colors"]`` if the object has such for ``color``.
    """
    from anndata import AnnData

    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, str)):
        items = data.items() if isinstance(data, Mapping) else enumerate(data, 1)
        named = {str(name): part for name, part in items}
        if not named:
            raise ValueError("the list of sections is empty: give at least one")
        parts = list(named.values())
        for part in parts:
            is_mudata(part)
        names = [name for name, part in named.items() for _ in range(part.n_obs)]
        where: Any = pd.Categorical(names, categories=list(named), ordered=True)
    else:
        parts = [data]
        own = values_of(data, section_key)
        if own.isna().any():
            raise ValueError(f"obs[{section_key!r}] is missing for {int(own.isna().sum())} spots")
        groups = categorize(own.astype("category"), None)
        order = [groups.names[code] for code in groups.present]
        where = pd.Categorical(own, categories=order, ordered=True)
    values = [values_of(part, color) for part in parts]
    same = all(v.dtype == values[0].dtype for v in values)
    column = pd.concat(values) if same else pd.concat([v.astype(object) for v in values])
    index = pd.Index([str(i) for i in range(len(column))])
    # Where colour and section are one column, it is drawn by its own name.
    spots = AnnData(obs=pd.DataFrame({SECTION: where}, index=index))
    if color != SECTION:
        spots.obs[color] = column.to_numpy() if is_numeric(column) else column.array
    if spatial_key is not None:
        places = [coordinates(part, spatial_key)[:, :2] for part in parts]
        spots.obsm[SPATIAL] = np.concatenate(places)
    if use_rep is not None:
        spots.obsm[EMBEDDING] = np.concatenate(
            [representation(part, use_rep, gaps=True) for part in parts]
        )
    stored = parts[0].uns.get(f"{color}_colors")
    if stored is not None:
        spots.uns["colors"] = list(stored)
    return spots


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
