"""The four spatial factors of the simulation, as a map of domains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BACKGROUND = "background"

_BLOCKS = {
    1: ("010", "111", "010"),  # upper left
    2: ("111", "101", "111"),  # upper right
    3: ("100", "110", "111"),  # lower left
    4: ("111", "010", "010"),  # lower right
}

_MAP = np.block(
    [
        [np.array([[int(c) * k for c in row] for row in _BLOCKS[k]]) for k in pair]
        for pair in ((1, 2), (3, 4))
    ]
)

DOMAINS = (BACKGROUND, *(f"factor {k}" for k in _BLOCKS))
"""Names of the domains; the code of a domain in `domain_map` is its place here."""


def domain_map(shape: tuple[int, int]) -> NDArray[np.intp]:
    """Domain of each place of a grid.

    Each quadrant holds one factor, a pattern of 3 x 3 blocks; on a grid of 36 x 36 a block has
    6 x 6 spots, on others the blocks stretch, to within one spot of the same size.

    Parameters
    ----------
    shape
        Rows and columns, each at least 6.

    Returns
    -------
    Shape `shape`; 0 for background, 1 to 4 for the factors. Row 0 is the top.

    Raises
    ------
    ValueError
        If `shape` is not two whole numbers of at least 6.
    """
    try:
        n_rows, n_cols = shape
        whole = int(n_rows) == n_rows and int(n_cols) == n_cols
    except (TypeError, ValueError):
        whole = False
    if not whole or min(shape) < len(_MAP):
        raise ValueError(
            f"shape must be two whole numbers (rows, columns) of at least 6, not {shape!r}"
        )
    rows = np.arange(int(n_rows)) * len(_MAP) // int(n_rows)
    cols = np.arange(int(n_cols)) * len(_MAP) // int(n_cols)
    return _MAP[np.ix_(rows, cols)].astype(np.intp)
