"""Features without what outlying spots exceed the usual range by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 3.5
"""Robust standard deviations from the median up to which a value counts as usual."""

_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Range:
    """The usual range of each feature.

    A few spots with extreme values (rare cell types, damaged tissue, fragments) would otherwise
    set the directions of a modality and dominate every average that they are part of.

    Attributes
    ----------
    lower, upper
        Bounds, shape (d,): ``LIMIT`` robust standard deviations (1.4826 times the median absolute
        deviation) below and above the median. Infinite for a feature whose median absolute
        deviation is 0, of which more than half the spots have the same value.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[np.floating]) -> Range:
        """The usual range of the columns of ``x``, shape (n_spots, d).

        Examples
        --------
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [2.0], [3.0], [100.0]])
        >>> Range.of(x).upper.round(2)
        array([7.19])
        """
        center = np.median(x, axis=0).astype(np.float64)
        spread = _MAD_TO_SD * np.median(np.abs(x - center), axis=0)
        width = np.where(spread > 0, LIMIT * spread, np.inf)
        return cls(center - width, center + width)

    def split(self, x: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``x`` within the range, and what it exceeds the range by; their sum is ``x``."""
        usual = np.clip(x, self.lower, self.upper).astype(np.float32)
        return usual, (x - usual).astype(np.float32)
