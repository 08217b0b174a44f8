"""Labels in the tissue: section by section, and the mean over sections."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smartcore.given.aligned import aligned

from ._labels import Labels, encode, matrix, report_missing
from ._sections import _complete


class Section(NamedTuple):
    """The labelled spots of a section: coordinates (n_spots, n_dims) and codes (n_spots,)."""

    name: Hashable
    points: NDArray[np.float64]
    codes: NDArray[np.intp]


Score: TypeAlias = Callable[[Section], float]


def split(labels: Labels, coords: ArrayLike, sections: Labels | None) -> list[Section]:
    """Check the arguments of a spatial score; the labelled spots of each section.

    Raises
    ------
    TypeError, ValueError
        As :func:`smartcore.metrics.chaos` says.
    """
    labels, coords, sections = aligned(labels=labels, coords=coords, sections=sections)
    codes, _ = encode(labels)
    points = matrix(coords, "coords", len(codes))
    if sections is None:
        where, names = np.zeros(len(codes), dtype=np.intp), [None]
    else:
        where, names = _complete(sections, len(codes))
    known = report_missing(codes, "labels")
    parts = []
    for i, name in enumerate(names):
        here = known & (where == i)
        part = Section(name, points[here], codes[here])
        if len(part.codes) > 1 and not np.ptp(part.points, axis=0).any():
            of = "" if sections is None else f" of section {name!r}"
            raise ValueError(f"coords: all {len(part.codes)} labelled spots{of} lie at one place")
        parts.append(part)
    return parts


def section_mean(score: Score, parts: list[Section], needed: str) -> float:
    """Mean over sections, weighted by labelled spots; NaN is a section that cannot be scored."""
    values = np.array([score(part) for part in parts])
    sizes = np.array([len(part.codes) for part in parts])
    scored = ~np.isnan(values)
    if not scored.any():
        where = "" if len(parts) == 1 else " in a section"
        raise ValueError(f"labels cannot be scored: at least {needed} are needed{where}")
    if not scored.all():
        names = ", ".join(repr(part.name) for part, ok in zip(parts, scored, strict=True) if not ok)
        warnings.warn(
            f"sections that are not scored, since at least {needed} are needed: {names}",
            stacklevel=3,
        )
    return float(np.average(values[scored], weights=sizes[scored]))
