"""Which spots are drawn where all are more than the eye tells apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._colors import is_numeric

MAX_SPOTS = 20_000
"""Spots of which a UMAP is computed at most, unless told otherwise."""

LEAST_OF_GROUP = 50
"""Spots that a group has in a sample, however small its share, if it has so many."""


def strata(*columns: pd.Series) -> NDArray[np.intp]:
    """Group of each spot: one for each combination of categories; quantities make no groups.

    Returns
    -------
    Shape (n_spots,), from 0 up; spots without a category are a group as others are.
    """
    codes = [pd.factorize(column)[0] for column in columns if not is_numeric(column)]
    if not codes:
        return np.zeros(len(columns[0]), np.intp)
    return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].reshape(-1)


def stratified(groups: NDArray[np.intp], n: int, seed: int) -> NDArray[np.intp]:
    """Draw spots at random, of each group about its share and no group left out.

    Parameters
    ----------
    groups
        Group of each spot, from 0 up, (n_spots,).
    n
        Spots to draw.
    seed
        Seed.

    Returns
    -------
    Rows in increasing order: all where there are not more than ``n``, else ``n``. Each group has
    50 spots, or all of its own if they are fewer, as long as all groups together leave room for
    that; what is left goes by the size of the groups.
    """
    if len(groups) <= n:
        return np.arange(len(groups))
    rng = np.random.default_rng(seed)
    size = np.bincount(groups)
    quota = _quotas(size, n)
    by_group = np.split(np.argsort(groups, kind="stable"), np.cumsum(size)[:-1])
    drawn = [
        rng.choice(rows, wanted, replace=False)
        for rows, wanted in zip(by_group, quota, strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def _quotas(size: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    """Spots of each group, with a sum of ``n``."""
    least = np.minimum(size, max(1, min(LEAST_OF_GROUP, n // len(size))))
    if least.sum() > n:  # more groups than spots: the largest have one each
        return np.isin(np.arange(len(size)), np.argsort(-size, kind="stable")[:n]).astype(np.intp)
    left = size - least
    share = left * ((n - least.sum()) / left.sum())
    quota = least + share.astype(np.intp)
    by_remainder = np.argsort(np.floor(share) - share, kind="stable")
    quota[by_remainder[: n - quota.sum()]] += 1
    return quota
