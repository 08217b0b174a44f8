"""The maps of a run: domains and annotations, of each section."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.cli._images import pictures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from smartcore.pl._images import Picture

logger = logging.getLogger("smartcore")

DOMAIN, TRUTH = "domain", "annotation"
"""Columns of ``obs`` of the spots that are drawn."""


def maps(
    spots: AnnData,
    titles: dict[str, str],
    sections: pd.Series | None,
    outlines: pd.DataFrame | None = None,
) -> Figure:
    """Maps side by side; below each other for several sections, which may lie at one place.

    Parameters
    ----------
    spots
        Those that are drawn, with their coordinates, and perhaps images.
    titles
        Title of each map, by the column of ``obs`` that it shows.
    sections
        Section of each spot; None for one section.
    outlines
        Those of the cells (:func:`smartcore.io.read_boundaries`), drawn in place of spots.
    """
    from smartcore import pl
    from smartcore.pl._colors import categorize

    palettes = _palettes(spots)
    parts = {"": spots}
    if sections is not None:
        names = categorize(spots.obs[_keys.SECTION], None).names
        parts = {str(name): spots[spots.obs[_keys.SECTION] == name] for name in names}
    pictures = pictures_of(parts, spots)
    width = len(titles) if len(titles) > 1 else math.ceil(math.sqrt(len(parts)))
    figure, panels = blank(math.ceil(len(parts) * len(titles) / width), width)
    for ax in panels[len(parts) * len(titles) :]:
        ax.set_axis_off()
    wanted = [(part, color) for part in parts for color in titles]
    for ax, (part, color) in zip(panels, wanted, strict=False):
        title = titles[color] if sections is None else f"Section {part}: {titles[color]}"
        options: dict[str, Any] = {"palette": palettes[color], "title": title}
        if (own := _outlines_of(parts[part], outlines)) is not None:
            # In units of their own, which need not be those of an image.
            pl.spatial(parts[part], color, ax=ax, outlines=own, **options)
            ax.set(xlabel="", ylabel="")
            continue
        below = _below(pictures.get(part))
        try:
            pl.spatial(parts[part], color, ax=ax, **options, **below)
        except ValueError as err:
            if not below:
                raise
            logger.warning("%s: drawn without the image of the tissue: %s", title, err)
            pl.spatial(parts[part], color, ax=ax, **options)
        ax.set(xlabel="", ylabel="")
    return figure


def _outlines_of(spots: AnnData, outlines: pd.DataFrame | None) -> pd.DataFrame | None:
    """Outlines of these cells; None where no cell has one, as in a section that came without."""
    if outlines is None:
        return None
    own = outlines[outlines["cell_id"].isin(spots.obs_names)]
    return None if own.empty else own


def _below(picture: Picture | None) -> dict[str, Any]:
    """Options of a map that is drawn on an image."""
    if picture is None:
        return {}
    return {"image": picture.pixels, "scale": picture.scale, "size": picture.diameter}


def _palettes(spots: AnnData) -> dict[str, dict[Any, Any]]:
    """Colours of domains, and of annotations those of the domains that overlap them most."""
    from scipy.optimize import linear_sum_assignment

    from smartcore.pl._colors import categorize

    domains = categorize(spots.obs[DOMAIN], None)
    palettes = {DOMAIN: dict(zip(domains.names, domains.colors, strict=True))}
    if TRUTH in spots.obs:
        overlap = pd.crosstab(spots.obs[TRUTH], spots.obs[DOMAIN])
        rows, columns = linear_sum_assignment(overlap, maximize=True)
        matched = dict(zip(overlap.index[rows], overlap.columns[columns], strict=True))
        # Annotations without a domain of their own get colours that no domain has.
        others = [name for name in overlap.index if name not in matched]
        names = range(len(domains.names) + len(others))
        colors = categorize(pd.Series(names), None).colors
        palettes[TRUTH] = {name: palettes[DOMAIN][domain] for name, domain in matched.items()}
        palettes[TRUTH] |= dict(zip(others, colors[len(domains.names) :], strict=True))
    return palettes


def blank(n_rows: int, n_cols: int) -> tuple[Figure, list[Axes]]:
    """A figure of empty panels, and the panels by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6 * n_cols, 5 * n_rows), layout="constrained")
    return figure, list(figure.subplots(n_rows, n_cols, squeeze=False).ravel())
