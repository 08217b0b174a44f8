"""Filters of a modality's features: averages over surroundings, a width for each direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.spatial.outliers import Range
from smartcore.spatial.walks import N_AVERAGES, Walks


@dataclass(frozen=True)
class Branch:
    """Averages of features along directions, and what they are turned into.

    Attributes
    ----------
    into
        From features to scores along the directions, shape (d, r).
    weights
        Of each average in the filtered scores, shape (N_AVERAGES, r).
    out
        From filtered scores to filtered features, shape (r, width).
    """

    into: NDArray[np.float32]
    weights: NDArray[np.float32]
    out: NDArray[np.float32]

    def apply(self, x: NDArray[np.float32], walks: Walks) -> NDArray[np.float32]:
        """``x`` (n_spots, d) to filtered features (n_spots, width)."""
        scores = x @ self.into
        filtered = np.zeros_like(scores)
        last = int(np.max(np.flatnonzero(self.weights.any(axis=1)), initial=0))
        for weight, average in zip(self.weights[: last + 1], walks.averages(scores), strict=False):
            filtered += weight * average
        return filtered @ self.out


@dataclass(frozen=True)
class SpatialFilter:
    """Turns the features of one modality into what their surroundings confirm of them.

    Features are first brought within their usual range (:class:`smartcore.spatial.outliers.Range`).
    Each direction of maximum autocorrelation of these is then a weighted sum of averages over
    surroundings of different width, with weights as
    :func:`smartcore.spatial.fitting.fit_filter` finds them. What values
    exceed the usual range by is treated in the same way, by itself: where such values lie together
    in space, their directions are added as further columns, so that small regions of an
    exceptional kind are kept.

    Attributes
    ----------
    range
        Of the features.
    center, scale
        Mean (d,) and root mean square of the features within the range.
    usual
        The branch of the features within the range.
    excess
        That of what exceeds it; its width is 0 where nothing of it varies in space.
    """

    range: Range
    center: NDArray[np.float64]
    scale: float
    usual: Branch
    excess: Branch

    @property
    def width(self) -> int:
        """Columns of the filtered features."""
        return self.usual.out.shape[1] + self.excess.out.shape[1]

    @property
    def averages(self) -> bool:
        """Whether it averages at all."""
        return bool(self.usual.weights[1:].any())

    def apply(self, x: NDArray[np.floating], graph: sp.csr_matrix) -> NDArray[np.float32]:
        """Filtered features of ``x`` (n_spots, d), shape (n_spots, width)."""
        walks = Walks(graph)
        usual, beyond = self.range.split(x)
        within = ((usual - self.center) / self.scale).astype(np.float32)
        parts = [self.usual.apply(within, walks)]
        if self.excess.out.shape[1]:
            parts.append(self.excess.apply(beyond / np.float32(self.scale), walks))
        return np.hstack(parts)

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """Its content by name, for a file."""
        content: dict[str, NDArray[np.floating]] = {
            "lower": self.range.lower,
            "upper": self.range.upper,
            "center": self.center,
            "scale": np.array(self.scale),
        }
        for name in ("usual", "excess"):
            branch = getattr(self, name)
            content |= {f"{name}_{f.name}": getattr(branch, f.name) for f in fields(Branch)}
        return content

    @classmethod
    def from_arrays(cls, content: Mapping[str, NDArray[np.floating]]) -> SpatialFilter:
        """What :meth:`arrays` gave."""
        usual, excess = (
            Branch(**{f.name: content[f"{name}_{f.name}"] for f in fields(Branch)})
            for name in ("usual", "excess")
        )
        bounds = Range(content["lower"], content["upper"])
        return cls(bounds, content["center"], float(content["scale"]), usual, excess)


def unfiltered(d: int) -> SpatialFilter:
    """A filter that leaves ``d`` features as they are."""
    everywhere = Range(np.full(d, -np.inf), np.full(d, np.inf))
    weights = np.zeros((N_AVERAGES, d), np.float32)
    weights[0] = 1
    own = Branch(np.eye(d, dtype=np.float32), weights, np.eye(d, dtype=np.float32))
    none = Branch(*(np.zeros(shape, np.float32) for shape in ((d, 0), (N_AVERAGES, 0), (0, 0))))
    return SpatialFilter(everywhere, np.zeros(d), 1.0, own, none)
