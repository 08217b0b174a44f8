"""How widely spots are averaged, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ._axes import axes
from ._colors import PALETTE
from ._data import missing_key, recorded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._data import Data

_COLUMNS = ("modality", "reach", "error")


def scales(scales: pd.DataFrame | Mapping[str, object] | Data, ax: Axes | None = None) -> Axes:
    """Error to be expected of averages of spots with their surroundings, by their width.

    Narrow averages err by noise, wide ones by what they blur. A line for each modality, from
    spots as they are (0) to the widest average; a dot marks the least error. Each direction of a
    modality is averaged more or less widely than that, as ``uns["smart"]["directions"]`` says.

    Parameters
    ----------
    scales
        :attr:`smartcore.Integration.scales`: a table, or mapping from column to values, with the
        columns ``modality``, ``reach`` and ``error``. Of AnnData or MuData,
        ``uns["smart"]["scales"]`` is taken.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    The Axes. A dot marks the width that would be best if all directions of the modality had the
    same one. Each has its own, and the log tells their mean, which may be another.

    Raises
    ------
    TypeError
        If `scales` is none of these, or `ax` is no Axes.
    KeyError
        If the object holds no scales, as of versions before 0.2, or the table lacks a column; the
        message lists what is there.
    ValueError
        If the table is empty: spots were not averaged, or not over widths found from the data.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"modality": "rna", "reach": [0.0, 1.0, 2.0], "error": [2, 0.4, 0.6]})
    >>> scales(table).get_xlabel()
    'Width of the average (neighbour distances)'
    """
    if not isinstance(scales, pd.DataFrame | Mapping):
        scales = recorded(scales, "scales")
    table = pd.DataFrame(scales)
    for column in _COLUMNS:
        if column not in table:
            raise missing_key(column, "the table of scales", table.columns)
    if table.empty:
        raise ValueError(
            "the table of scales is empty, since spots were not averaged over widths found from "
            "the data; they are with preset='robust', regions above 0, neighbours, and data that "
            "vary in space"
        )
    ax = axes(ax, (6.0, 4.0))
    for i, (name, part) in enumerate(table.groupby(table["modality"].astype(str), sort=False)):
        reach, error = (part[column].to_numpy(np.float64) for column in ("reach", "error"))
        color, least = PALETTE[i % len(PALETTE)], int(np.argmin(error))
        ax.plot(reach, error, color=color, label=name, marker="o", markevery=[least])
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.set(xlabel="Width of the average (neighbour distances)", ylabel="Expected error")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize="small")
    return ax
