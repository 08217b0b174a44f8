"""Colours of categories."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore.metrics._labels import encode, natural_key

Palette: TypeAlias = str | Sequence[Any] | Mapping[Any, Any] | None
"""Name of a colormap, colours in the order of the categories, or colours by category."""

MISSING = "#D3D3D3"
"""Colour of spots without a label or value."""

# The eight of Okabe and Ito (2008); each further one lies as far as possible, in Oklab, from
# those before it, from white and from MISSING, as seen normally and by protanopes and
# deuteranopes (after Machado et al., 2009).
PALETTE = [
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#000000",
    "#78003C",
    "#3C00A5",
    "#C31EFF",
    "#784B00",
    "#5AD287",
    "#B42D87",
    "#0F3C69",
    "#7800D2",
    "#00695A",
    "#9687FF",
    "#A5FFC3",
    "#FF4B69",
    "#00F0FF",
    "#C3003C",
    "#E10FC3",
    "#FF78D2",
]

_LISTED = 20
"""Colormaps of up to so many colours are lists of distinct ones; others are continuous."""


@dataclass(frozen=True)
class Categories:
    """Categories of spots and their colours.

    Attributes
    ----------
    codes
        Shape (n_spots,); -1 where missing.
    names
        All categories in the order of legends, those that do not occur too.
    colors
        RGBA, shape (n_categories, 4).
    """

    codes: NDArray[np.intp]
    names: list[Hashable]
    colors: NDArray[np.float64]

    @property
    def present(self) -> list[int]:
        """Codes that occur, in order."""
        return [int(code) for code in np.unique(self.codes[self.codes >= 0])]

    @property
    def any_missing(self) -> bool:
        """Whether a spot has no category."""
        return bool((self.codes < 0).any())

    def per_spot(self) -> NDArray[np.float64]:
        """RGBA of each spot, shape (n_spots, 4)."""
        from matplotlib.colors import to_rgba

        return np.vstack([self.colors, to_rgba(MISSING)])[self.codes]


def is_numeric(values: pd.Series) -> bool:
    """Whether values are quantities: numbers, but not booleans."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def categorize(values: pd.Series, palette: Palette, stored: Any = None) -> Categories:
    """Categories of values, in natural order unless they are ordered, and their colours.

    Parameters
    ----------
    values
        Shape (n_spots,).
    palette
        Colours asked for, or None.
    stored
        Colours that go with the object, as scanpy keeps them in ``uns["<key>_colors"]``, or by
        category; used where there is one for each category and `palette` is None.

    Raises
    ------
    ValueError
        If `palette` has too few colours, lacks a category, or is no known colormap; or if what is
        stored is no colour.
    """
    order: list[int] | None = None
    if isinstance(values.dtype, pd.CategoricalDtype):
        categories = values.cat.categories.tolist()
        order = list(range(len(categories)))
        if not values.cat.ordered:
            order.sort(key=lambda i: natural_key(categories[i]))
        rank = np.full(len(order) + 1, -1, dtype=np.intp)  # the last entry serves code -1
        rank[order] = np.arange(len(order))
        codes = rank[values.cat.codes.to_numpy()]
        names = [categories[i] for i in order]
    else:
        codes, names = encode(values, str(values.name))
    if palette is None and stored is not None:
        palette = _stored_palette(stored, names, order, f"{values.name}_colors")
    return Categories(codes, names, _choose(palette, names))


def _stored_palette(
    stored: Any, names: list[Hashable], order: list[int] | None, key: str
) -> list[Any] | None:
    """Stored colours in the order of ``names``; None where there is not one for each."""
    from matplotlib.colors import is_color_like

    if isinstance(stored, Mapping):
        # In files the keys are text, whatever the categories are.
        by_text = {str(name): color for name, color in stored.items()}
        if not all(str(name) in by_text for name in names):
            return None
        colors = [stored[name] if name in stored else by_text[str(name)] for name in names]
    elif order is not None and len(stored) == len(names):
        colors = [stored[i] for i in order]
    else:
        return None
    for color in colors:
        if not is_color_like(color):
            raise ValueError(
                f"uns[{key!r}] holds {color!r}, which is no colour that matplotlib knows: "
                "write it as '#RRGGBB', say, or delete the key"
            )
    return colors


def _choose(palette: Palette, names: list[Hashable]) -> NDArray[np.float64]:
    from matplotlib import colormaps
    from matplotlib.colors import to_rgba_array

    if palette is None and len(names) <= len(PALETTE):
        palette = PALETTE
    if palette is None or isinstance(palette, str):
        palette = palette or "turbo"
        if palette not in colormaps:
            raise ValueError(
                f"palette {palette!r} is no matplotlib colormap: give the name of one, "
                "a list of colours or a mapping from category to colour"
            )
        cmap = colormaps[palette]
        listed = getattr(cmap, "colors", ())
        if 0 < len(listed) <= _LISTED:
            return _choose(listed, names)
        return np.asarray(cmap(np.linspace(0, 1, max(len(names), 1))))
    if isinstance(palette, Mapping):
        lacking = [name for name in names if name not in palette]
        if lacking:
            raise ValueError(f"palette has no colour for {lacking}; it has {list(palette)}")
        palette = [palette[name] for name in names]
    if len(palette) < len(names):
        raise ValueError(f"palette has {len(palette)} colours for {len(names)} categories: {names}")
    return np.asarray(to_rgba_array(list(palette)[: len(names)])).reshape(-1, 4)
