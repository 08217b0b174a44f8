"""Tables for viewers: Xenium Explorer, Loupe Browser and napari."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from smartcore.io._viewer_spots import Spots

_BANDS = (0.5, 0.7, 0.9, 0.99)
"""Where bands of confidence end: programs that take groups alone show it so."""


def xenium_groups(spots: Spots) -> pd.DataFrame:
    """Cell groups of Xenium Explorer: ``cell_id``, ``group`` and ``color``.

    Cells without a domain are left out, which Xenium Explorer shows as unassigned.
    """
    known = spots.known
    colors = np.array(spots.colors, dtype=object)
    return pd.DataFrame(
        {
            "cell_id": spots.names[known],
            "group": spots.labels("")[known],
            "color": colors[spots.codes[known]],
        }
    )


def xenium_confidence(spots: Spots) -> pd.DataFrame | None:
    """The same of bands of confidence; None without confidence."""
    if (bands := _bands(spots)) is None:
        return None
    names, there, codes = bands
    shades = colormaps["viridis"](np.linspace(0, 1, len(names)))
    colors = np.array([to_hex(shade).upper() for shade in shades], dtype=object)
    return pd.DataFrame(
        {
            "cell_id": spots.names[there],
            "group": np.array(names, dtype=object)[codes],
            "color": colors[codes],
        }
    )


def loupe_categories(spots: Spots, title: str) -> pd.DataFrame:
    """A category of Loupe Browser: ``Barcode`` and a column that is called as the category."""
    known = spots.known
    return pd.DataFrame({"Barcode": spots.names[known], title: spots.labels("")[known]})


def loupe_confidence(spots: Spots, title: str) -> pd.DataFrame | None:
    """The same of bands of confidence; None without confidence."""
    if (bands := _bands(spots)) is None:
        return None
    names, there, codes = bands
    return pd.DataFrame(
        {
            "Barcode": spots.names[there],
            f"{title} confidence": np.array(names, dtype=object)[codes],
        }
    )


def loupe_projection(spots: Spots) -> pd.DataFrame | None:
    """UMAP as a projection of Loupe Browser; None where there is none.

    The columns are called as in the projections that Cell Ranger writes.
    """
    if "X_umap" not in spots.data.obsm:
        return None
    umap = np.asarray(spots.data.obsm["X_umap"], dtype=np.float64)[spots.rows]
    there = np.isfinite(umap[:, :2]).all(axis=1)
    return pd.DataFrame({"Barcode": spots.names, "UMAP-1": umap[:, 0], "UMAP-2": umap[:, 1]}).loc[
        there
    ]


def napari_points(spots: Spots, coords: NDArray[np.float64]) -> pd.DataFrame:
    """Points of napari: ``index``, ``axis-0`` (y), ``axis-1`` (x) and properties."""
    table = pd.DataFrame(
        {
            "index": np.arange(len(spots.names)),
            "axis-0": coords[:, 1],
            "axis-1": coords[:, 0],
            "name": spots.names,
            "domain": spots.labels(spots.free_name("none")),
        }
    )
    if spots.confidence is not None:
        table["confidence"] = spots.confidence
    return table


def _bands(spots: Spots) -> tuple[list[str], NDArray[np.bool_], NDArray[np.intp]] | None:
    """Names of bands, which spots have one, and the band of each of those."""
    if spots.confidence is None:
        return None
    there = spots.known & np.isfinite(spots.confidence)
    names = [f"below {_BANDS[0]:g}"]
    names += [f"{low:g} to {high:g}" for low, high in itertools.pairwise(_BANDS)]
    names.append(f"{_BANDS[-1]:g} and above")
    return names, there, np.digitize(spots.confidence[there], _BANDS)
