"""The spatial factors of the simulation, as a map of domains."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter

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


def check_pattern(pattern: ArrayLike) -> NDArray[np.intp]:
    """Domain of each place of a grid, as the user gave it.

    Parameters
    ----------
    pattern
        Whole numbers, shape (n_rows, n_cols): 0 for background, k for factor k.

    Raises
    ------
    ValueError
        If it is not two-dimensional, has other numbers, or holds no factor.
    """
    values = np.asarray(pattern)
    if values.ndim != 2 or values.dtype.kind not in "iuf":
        raise ValueError(
            "pattern must be a grid of whole numbers, shape (rows, columns), not "
            f"{values.dtype} of shape {values.shape}"
        )
    if not (values == np.rint(values)).all() or values.min(initial=0) < 0:
        raise ValueError("pattern must hold whole numbers: 0 for background, k for factor k")
    if values.max(initial=0) < 1:
        raise ValueError("pattern holds no factor: some places must be 1 or more")
    return values.astype(np.intp)


def domain_names(n_factors: int) -> tuple[str, ...]:
    """Names of the domains; the code of a domain in a map is its place here."""
    return (BACKGROUND, *(f"factor {k}" for k in range(1, n_factors + 1)))


def activities(domains: NDArray[np.intp], border: float) -> NDArray[np.float64]:
    """How active each factor is at each place of a map.

    Parameters
    ----------
    domains
        Shape (n_rows, n_cols); 0 for background.
    border
        Standard deviation, in spots, of the Gaussian that blurs the factors; 0 for sharp ones.

    Returns
    -------
    Shape (n_rows * n_cols, n_factors), from 0 to 1.
    """
    sharp = domains[..., None] == np.arange(1, domains.max() + 1)
    blurred = gaussian_filter(sharp.astype(np.float64), border, axes=(0, 1), mode="nearest")
    return blurred.reshape(domains.size, -1)
