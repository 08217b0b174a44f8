"""How far spots lie apart, and the spots' places as they are given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy.spatial import cKDTree


def half_spacing(coords: NDArray[np.float64]) -> float:
    """Half the median distance from a spot to its nearest neighbour, in the coordinates' units.

    Raises
    ------
    ValueError
        If there are fewer than two places.
    """
    places = np.unique(coords, axis=0)
    if len(places) < 2:
        raise ValueError("All spots lie at one place: their distance cannot be told; give radius.")
    nearest = cKDTree(places).query(places, k=2, workers=-1)[0][:, 1]
    return float(np.median(nearest) / 2)


def places_of(data: AnnData | pd.DataFrame, key: str, what: str) -> NDArray[np.float64]:
    """Finite coordinates of spots, (n_spots, 2) or (n_spots, 3).

    Parameters
    ----------
    data
        An AnnData with them in ``obsm[key]``, or a table whose columns they are.
    what
        What the spots are, in messages.

    Raises
    ------
    KeyError, TypeError, ValueError
        If there are none, or other ones.
    """
    if isinstance(data, AnnData):
        if key not in data.obsm:
            raise KeyError(
                f"The {what} have no coordinates: no obsm[{key!r}]; obsm has "
                f"{sorted(data.obsm) or 'nothing'}."
            )
        values, names = np.asarray(data.obsm[key]), data.obs_names
    elif isinstance(data, pd.DataFrame):
        values, names = data.to_numpy(), data.index
    else:
        raise TypeError(
            f"The {what} must be an AnnData, or a table of coordinates whose index has their names "
            f"(pandas.DataFrame(xy, index=names)), not {type(data).__name__}."
        )
    if values.dtype.kind not in "fiu" or values.ndim != 2 or values.shape[1] not in (2, 3):
        raise ValueError(
            f"Coordinates of the {what} must be 2 or 3 columns of numbers, not {values.dtype} of "
            f"shape {values.shape}."
        )
    coords = values.astype(np.float64)
    if (odd := ~np.isfinite(coords).all(axis=1)).any():
        raise ValueError(
            f"Coordinates of {odd.sum()} of {len(odd)} {what} are no finite numbers (first: "
            f"{str(names[odd][0])!r})."
        )
    return coords
