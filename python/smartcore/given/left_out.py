"""Spots that were left out of an embedding, or of a modality: rows of NaN."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def rows_there(x: ArrayLike) -> NDArray[np.bool_]:
    """Which rows are not wholly NaN, shape (n_spots,); all, if none is.

    What else is not finite is for others to refuse, as is an array that is no matrix of numbers.
    """
    values = np.asarray(x)
    if values.ndim != 2 or values.dtype.kind != "f":
        return np.ones(len(values) if values.ndim else 0, bool)
    there = ~np.isnan(values).all(axis=1)
    return there if there.any() else np.ones(len(values), bool)
