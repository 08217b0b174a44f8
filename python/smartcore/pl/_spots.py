"""Spots of a map, as large as in the tissue, and axes without numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

RASTERIZE = 10_000
"""Above this number of spots, vector formats hold them as an image."""


def draw_spots(ax: Axes, coords: NDArray[np.float64], width: float, square: bool) -> PathCollection:
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
        rasterized=len(coords) > RASTERIZE,
    )
    ax.add_collection(spots, autolim=False)
    return spots


def name_axes(ax: Axes, name: str) -> None:
    """Name both axes, without ticks: their numbers say nothing."""
    ax.set(xlabel=f"{name} 1", ylabel=f"{name} 2", xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(False)
