"""Labels as codes, and arrays as the metrics need them."""

from __future__ import annotations

import logging
import re
from collections.abc import Hashable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from smartcore.given.left_out import rows_there

Labels: TypeAlias = ArrayLike | pd.Series | pd.Categorical | pd.Index
"""One label per spot: strings, integers, booleans or categories; None, NaN or NA where missing."""

logger = logging.getLogger("smartcore")


def natural_key(label: object) -> tuple[Any, ...]:
    """Sort key that puts ``"factor 2"`` before ``"factor 10"``.

    Parameters
    ----------
    label
        Any label; compared by its text.

    Returns
    -------
    The text split into words (even places) and whole numbers (odd places).
    """
    parts = re.split(r"([0-9]+)", str(label))
    return tuple(int(part) if i % 2 else part for i, part in enumerate(parts))


def encode(labels: Labels, name: str = "labels") -> tuple[NDArray[np.intp], list[Hashable]]:
    """Integer codes of labels.

    Parameters
    ----------
    labels
        One label per spot, shape (n_spots,).
    name
        What to call the argument in an error.

    Returns
    -------
    codes
        Shape (n_spots,); -1 where the label is missing.
    names
        The labels that occur, in natural order; ``names[code]`` is the label.

    Raises
    ------
    ValueError
        If the labels are not one-dimensional or there are none.
    """
    if np.ndim(labels) != 1:
        raise ValueError(
            f"{name} must be one-dimensional, one label per spot, not {np.ndim(labels)}-dimensional"
        )
    values = pd.Series(labels).reset_index(drop=True)
    if values.empty:
        raise ValueError(f"{name} is empty: give one label per spot")
    codes, uniques = pd.factorize(values)
    names = uniques.tolist()
    order = sorted(range(len(names)), key=lambda i: natural_key(names[i]))
    rank = np.full(len(names) + 1, -1, dtype=np.intp)  # the last entry serves code -1
    rank[order] = np.arange(len(names))
    return rank[codes], [names[i] for i in order]


def report_missing(codes: NDArray[np.intp], name: str) -> NDArray[np.bool_]:
    """Which spots have a label, telling the log of those that have none.

    Parameters
    ----------
    codes
        Codes from `encode`.
    name
        What the labels are called.

    Returns
    -------
    Shape (n_spots,), True where there is a label.

    Raises
    ------
    ValueError
        If every label is missing.
    """
    known = codes >= 0
    n_missing = int((~known).sum())
    if n_missing == len(codes):
        raise ValueError(f"{name}: all {n_missing} labels are missing")
    if n_missing:
        logger.info("%d of %d spots have no %s and are left out", n_missing, len(codes), name)
    return known


def embedded_only(embedding: ArrayLike, *by_spot: Any) -> tuple[Any, ...]:
    """The embedding, and what else there is of each spot, without spots that have none.

    Those were left out (beside the tissue, or measured in no modality); the log tells how many.
    """
    if hasattr(embedding, "toarray"):
        return (embedding, *by_spot)
    there = rows_there(embedding)
    if there.all() or any(len(x) != len(there) for x in by_spot):
        return (embedding, *by_spot)
    logger.info("%d of %d spots have no embedding and are left out", (~there).sum(), len(there))
    return tuple(np.asarray(x)[there] for x in (embedding, *by_spot))


def matrix(values: ArrayLike, name: str, n_spots: int | None = None) -> NDArray[np.float64]:
    """Dense, finite float64 matrix with one row per spot.

    Parameters
    ----------
    values
        Shape (n_spots, n_dims).
    name
        What to call the argument in an error.
    n_spots
        Number of rows that there must be, if known.

    Returns
    -------
    Shape (n_spots, n_dims).

    Raises
    ------
    TypeError
        If `values` is sparse or not numeric.
    ValueError
        If the shape is wrong or a value is NaN or infinite.
    """
    array = numeric(values, name, n_spots)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape (n_spots, n_dims), not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {int((~np.isfinite(array)).sum())} NaN or infinite values")
    return array


def numeric(values: ArrayLike, name: str, n_spots: int | None = None) -> NDArray[np.float64]:
    """As `matrix`, for any number of dimensions and with NaN permitted."""
    if hasattr(values, "toarray"):
        raise TypeError(f"{name} is sparse: give a dense array, such as principal components")
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numeric: {error}") from error
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} is empty, shape {array.shape}")
    if n_spots is not None and len(array) != n_spots:
        raise ValueError(f"{name} has {len(array)} rows, but there are {n_spots} spots")
    return array
