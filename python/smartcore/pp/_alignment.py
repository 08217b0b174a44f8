"""Several sections, or batches, at one mean and spread, a feature at a time, without making them dense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.pp._sparse import scale_cells, take_rows

# Spots that each section is given besides its own, of the mean and spread of all: what a few
# spots say of their section is believed as far as that.
_PRIOR_SPOTS = 10
# Times that a section's values are stretched, or divided, at most: a feature that a section hardly
# has would else be carried by a few of its spots.
_MOST = 2.0


@dataclass(frozen=True)
class Alignment:
    """From the values of a section to those that components are made of, but for their scale.

    A value is multiplied by ``factor``, and ``offset`` is subtracted.

    Attributes
    ----------
    factor
        Shape (n_sections, n_features), float32; ``None``: 1.
    offset
        Shape (n_sections, n_features).
    mean, variance
        Shape (n_features,): mean over all spots, and variance about the means of their sections.
    total_variance
        Shape (n_features,): variance over all spots of the values with both applied.
    size, total
        Shapes (n_sections,) and (n_sections, n_features): spots, and sums of what has been
        multiplied.
    """

    factor: NDArray[np.float32] | None
    offset: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    total_variance: NDArray[np.float64]
    size: NDArray[np.intp]
    total: NDArray[np.float64]

    def part(
        self, block: sp.csr_matrix, rows: slice, codes: NDArray[np.intp] | None
    ) -> sp.csr_matrix:
        """Consecutive rows, multiplied; ``codes`` are the sections of the block's rows."""
        part = take_rows(block, rows)
        if self.factor is None or codes is None:
            return part
        return scale_cells(part, codes[rows], self.factor)

    def covariance(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance of the columns, from the ``products`` of what has been multiplied."""
        cross = self.total.T @ self.offset
        centred = products - cross - cross.T
        centred += (self.offset.T * self.size) @ self.offset
        return centred / (self.size.sum() - 1)


def align(
    size: NDArray[np.intp],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    *,
    scale: bool,
) -> Alignment:
    """What brings sections to one mean and, if asked, to one variance of each feature.

    The location and scale adjustment of ComBat (Johnson, Li and Rabinovic, Biostatistics 8, 118
    (2007)), with a prior of fixed weight and a bound on the scale. One section: its mean is
    subtracted.

    Parameters
    ----------
    size
        Spots of each section, (n_sections,).
    total, squares
        Sums of the values and of their squares, (n_sections, n_features).
    """
    n = size.sum()
    mean = total.sum(axis=0) / n
    if len(size) == 1:
        variance = (squares[0] - total[0] * mean) / (n - 1)
        return Alignment(None, mean[None], mean, variance, variance, size, total)
    spots = size[:, None]
    own_mean = total / spots
    within = np.maximum(0, squares - total * own_mean)
    pooled = within.sum(axis=0) / max(1, n - len(size))
    weight = spots / (spots + _PRIOR_SPOTS)
    center = mean + weight * (own_mean - mean)
    factor, stretch = None, np.ones_like(within)
    if scale:
        told = (spots - 1) / (spots - 1 + _PRIOR_SPOTS)
        spread = told * within / np.maximum(1, spots - 1) + (1 - told) * pooled
        ratio = np.divide(pooled, spread, out=np.ones_like(spread), where=spread > 0)
        factor = np.clip(np.sqrt(ratio), 1 / _MOST, _MOST).astype(np.float32)
        stretch = factor.astype(np.float64)
    own_mean, center = own_mean * stretch, center * stretch
    # Means that are believed in part leave something over.
    center += (spots * (own_mean - center)).sum(axis=0) / n
    squares_left = stretch**2 * within + spots * (own_mean - center) ** 2
    return Alignment(
        factor, center, mean, pooled, squares_left.sum(axis=0) / (n - 1), size, total * stretch
    )
