"""Losses over epochs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._axes import axes
from ._colors import PALETTE
from ._data import recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._data import Data

_PANELS = ("total", "reconstruction", "triplet")
_GAP = 0.08


def losses(
    history: pd.DataFrame | Mapping[str, object] | Data, ax: Axes | None = None
) -> list[Axes]:
    """Loss by epoch: total, reconstruction and triplet in stacked panels.

    The losses differ in size by orders of magnitude, so each has a panel and a scale of its
    own; the parts of a loss that belong to a modality lie in its panel.

    Parameters
    ----------
    history
        Table with one row per epoch, indexed by epoch, and columns ``total``,
        ``reconstruction``, ``triplet`` and, of a modality, such as ``reconstruction_rna``;
        those absent are left out, others not drawn. A mapping from column to values is taken
        too; without a column ``epoch`` its epochs count from 1. Of AnnData or MuData,
        ``uns["smart"]["history"]`` is taken.
    ax
        Where to draw; the panels divide its area, its own frame goes. None makes a figure.

    Returns
    -------
    The Axes of the panels, from top to bottom.

    Raises
    ------
    TypeError
        If `history` is none of these, or `ax` is no Axes.
    KeyError
        If the object holds no history, or the history no loss; the message lists what is
        there.
    ValueError
        If the history has no epoch.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"reconstruction": [9.0, 4.0], "triplet": [0.5, 0.2]}, index=[1, 2])
    >>> [panel.get_ylabel() for panel in losses(table)]
    ['Reconstruction', 'Triplet']
    """
    table = _table(history)
    columns = {
        panel: [c for c in table if c == panel or str(c).startswith(f"{panel}_")]
        for panel in _PANELS
    }
    columns = {panel: names for panel, names in columns.items() if names}
    if not columns:
        there = ", ".join(map(str, table.columns)) or "none"
        raise KeyError(f"the history has none of the columns {_PANELS}; it has: {there}")
    if table.empty:
        raise ValueError(
            "there are no losses to draw: nothing was trained (epochs=0, the default, takes the "
            "network's weights in closed form)"
        )
    modalities = list(
        dict.fromkeys(
            str(name).removeprefix(f"{panel}_")
            for panel, names in columns.items()
            for name in names
            if name != panel
        )
    )
    colors = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(modalities)}

    panels = _stack(ax, len(columns))
    for panel_axes, (panel, names) in zip(panels, columns.items(), strict=True):
        for name in names:
            modality = str(name).removeprefix(f"{panel}_")
            whole = name == panel
            panel_axes.plot(
                table.index,
                table[name],
                label="all" if whole else modality,
                color="black" if whole else colors[modality],
                linewidth=1.8 if whole else 1.2,
                zorder=3 if whole else 2,
                marker="o" if len(table) == 1 else None,
            )
        panel_axes.set_ylabel(panel.capitalize())
        panel_axes.spines[["top", "right"]].set_visible(False)
        if len(names) > 1:
            panel_axes.legend(
                loc="upper left",
                bbox_to_anchor=(1.01, 1.0),
                borderaxespad=0.0,
                frameon=False,
                fontsize="small",
            )
        panel_axes.tick_params(labelbottom=panel_axes is panels[-1])
    panels[-1].set_xlabel("Epoch")
    figure = panels[0].get_figure()
    if ax is None and figure is not None:
        figure.align_ylabels(panels)
    return panels


def _stack(ax: Axes | None, n_panels: int) -> list[Axes]:
    """Panels on top of each other that share their x axis."""
    if ax is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 0.6 + 1.6 * n_panels), layout="constrained")
        return list(figure.subplots(n_panels, 1, sharex=True, squeeze=False)[:, 0])
    ax = axes(ax, (6.0, 5.0))
    ax.set_axis_off()
    height = (1 - _GAP * (n_panels - 1)) / n_panels
    panels: list[Axes] = []
    for i in range(n_panels):
        bottom = 1 - height - i * (height + _GAP)
        share = panels[0] if panels else None
        panels.append(ax.inset_axes((0.0, bottom, 1.0, height), sharex=share))
    return panels


def _table(history: pd.DataFrame | Mapping[str, object] | Data) -> pd.DataFrame:
    if not isinstance(history, pd.DataFrame | Mapping):
        history = recorded(history, "history")
    if isinstance(history, pd.DataFrame):
        table = history
    else:
        table = pd.DataFrame({name: np.asarray(values) for name, values in history.items()})
        table.index += 1
    return table.set_index("epoch") if "epoch" in table else table
