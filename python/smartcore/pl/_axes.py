"""Axes, legends and colourbars that the plots share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ._colors import MISSING, Categories, Palette, categorize, is_numeric

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import Collection

_ENTRY = 0.2
"""Height of a legend's entry, in inches."""

_CHARACTER = 0.09
"""Width of a character of a tick label, in inches."""


def axes(ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """The Axes given, or those of a new figure outside pyplot.

    Raises
    ------
    TypeError
        If `ax` is neither Axes nor None.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if ax is None:
        return Figure(figsize=figsize, layout="compressed").add_subplot()
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None, not {type(ax).__name__}")
    return ax


def check_opacity(**values: float) -> None:
    """Refuse what is no opacity.

    Raises
    ------
    ValueError
        If one of the values is not from 0 to 1.
    """
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 (transparent) to 1 (opaque), not {value}")


def legend(ax: Axes, labels: Sequence[object], colors: Sequence[Any], title: str | None) -> None:
    """A legend of dots, right of the axes."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], linestyle="", marker="o", markersize=7, color=color, label=str(label))
        for label, color in zip(labels, colors, strict=True)
    ]
    per_column = max(int(ax.bbox.height / ax.figure.dpi / _ENTRY), 4)
    ax.legend(
        handles=handles,
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        handletextpad=0.2,
        ncols=max(-(-len(handles) // per_column), 1),
    )


def category_legend(ax: Axes, categories: Categories, title: str | None) -> None:
    """A legend of the categories that occur, and of "missing" if some are."""
    labels: list[object] = [categories.names[code] for code in categories.present]
    colors: list[Any] = [categories.colors[code] for code in categories.present]
    if categories.any_missing:
        labels.append("missing")
        colors.append(MISSING)
    legend(ax, labels, colors, title)


def paint(
    collection: Collection,
    ax: Axes,
    values: pd.Series,
    palette: Palette,
    stored: object,
    label: str,
    show_legend: bool,
) -> None:
    """Colour the spots of a collection by values, with a legend or a colourbar.

    Raises
    ------
    ValueError
        If `palette` does not fit the values.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    if not is_numeric(values):
        categories = categorize(values, palette, stored)
        colors: Any = categories.per_spot()
        collection.set_facecolor(colors)
        if show_legend:
            category_legend(ax, categories, label)
        return
    palette = "viridis" if palette is None else palette
    if not isinstance(palette, str) or palette not in colormaps:
        raise ValueError(
            f"{label!r} is numeric, so palette must name a matplotlib colormap, not {palette!r}; "
            "make the column categorical if its numbers are names"
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    masked = np.ma.masked_invalid(numbers)
    norm = Normalize()
    norm.autoscale_None(masked)
    collection.set(array=masked, norm=norm, cmap=colormaps[palette].with_extremes(bad=MISSING))
    if show_legend and masked.count():
        figure = ax.get_figure()
        if figure is not None:
            figure.colorbar(collection, ax=ax, label=label, shrink=0.8)


def tilt(ax: Axes, labels: Sequence[str]) -> None:
    """Slant the labels of the x axis where they would run into each other."""
    place = ax.bbox.width / ax.figure.dpi / max(len(labels), 1)
    if max(map(len, labels), default=0) * _CHARACTER > place:
        ax.tick_params(axis="x", labelrotation=45)
        for text in ax.get_xticklabels():
            text.set(ha="right", rotation_mode="anchor")
