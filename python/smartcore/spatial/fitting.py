"""How far each direction of feature space is averaged over its surroundings, from the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from smartcore.spatial.directions import Directions, spatial_directions
from smartcore.spatial.filters import Branch, SpatialFilter
from smartcore.spatial.nuggets import nuggets
from smartcore.spatial.outliers import Range
from smartcore.spatial.walks import N_AVERAGES, Walks, reach

TOLERANCE = 0.02
"""Share of what space explains that a wider average may lose against the best one."""

LEANING = 0.5
"""Share of the widest such average in the filter; the weights of least error have the rest."""

# Spots that averages are compared on, at most.
_COMPARED = 20_000
# Averages are alike, so their weights are found with a little ridge.
_RIDGE = 1e-6
# Of the variance, below which outlying values are not looked at.
_LEAST_EXCESS = 1e-3


@dataclass(frozen=True)
class Choice:
    """What :func:`fit_filter` saw of one modality.

    Attributes
    ----------
    directions
        Of the features within their usual range.
    nugget
        Share of each direction's variance that was taken for noise, shape (rank,).
    explained
        Share of each direction's variance that the filtered scores are expected to hold of what
        is continuous in space, shape (rank,).
    reach
        Width of the averages in the filtered scores, in steps between neighbours, shape (rank,).
    error
        Expected squared error of each average, as a share of the variance that is continuous in
        space, over all directions by their weight; shape (N_AVERAGES,).
    """

    directions: Directions
    nugget: NDArray[np.float64]
    explained: NDArray[np.float64]
    reach: NDArray[np.float64]
    error: NDArray[np.float64]


def within_range(
    x: NDArray[np.floating],
) -> tuple[Range, NDArray[np.float64], float, NDArray[np.float32], NDArray[np.float32]]:
    """Usual range, centre and scale of ``x``; and its parts within the range and beyond, scaled."""
    bounds = Range.of(x)
    usual, beyond = bounds.split(x)
    center = usual.mean(axis=0, dtype=np.float64)
    scale = float(np.sqrt(np.mean((usual - center) ** 2)))
    # A modality that says nothing stays at zero instead of becoming noise.
    scale = scale if scale > 1e-12 * float(np.abs(x).max(initial=0)) else 1.0
    within = ((usual - center) / scale).astype(np.float32)
    return bounds, center, scale, within, beyond / np.float32(scale)


def fit_filter(
    x: NDArray[np.floating],
    graph: sp.csr_matrix,
    *,
    regions: float = 1.0,
    seed: int = 0,
) -> tuple[SpatialFilter, Choice]:
    """Find how wide each direction of a modality is to be averaged, without labels.

    Of each direction the part that is continuous in space is looked for; the rest of its variance,
    the nugget (:func:`smartcore.spatial.nuggets.nuggets`), is taken for noise. The expected
    squared error of any weighted sum of averages is then known from the data alone: it is the
    squared difference from the values themselves, plus twice the nugget times the weight that a
    spot has in its own average, less the nugget [1]_. Two answers to it are averaged, half and
    half: the non-negative weights of least error, which is the Wiener filter within the bank of
    :class:`smartcore.spatial.walks.Walks`; and the widest single average whose error is within
    ``TOLERANCE`` of the best one's, as a share of what it explains. The second one leans towards
    large regions where the data do not decide.

    Filtered directions are weighted by how much they vary in space
    (:attr:`smartcore.spatial.directions.Directions.weight`), and turned back to features.

    Parameters
    ----------
    x
        Features, shape (n_spots, d).
    graph
        Spatial graph, (n_spots, n_spots).
    regions
        From 0, features as they are, to 1. The nugget, the tolerance and the weighting by
        variation in space are scaled by it.
    seed
        Of the spots that averages are compared on, where there are more than 20,000, and of the
        random signs for the traces.

    Returns
    -------
    The filter, and what it was chosen by.

    References
    ----------
    .. [1] Mallows, "Some comments on C_p", Technometrics 15, 661 (1973). Stein, "Estimation of
       the mean of a multivariate normal distribution", Ann Stat 9, 1135 (1981).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.spatial.graph import spatial_graph
    >>> xy = np.argwhere(np.ones((30, 30)))
    >>> x = np.random.default_rng(0).normal(size=(900, 12))
    >>> wave = np.sin(xy[:, 0] / 6)
    >>> x[:, 0] += wave
    >>> graph = spatial_graph(xy)
    >>> filtered = fit_filter(x, graph)[0].apply(x, graph)
    >>> [float(np.corrcoef(wave, y[:, 0])[0, 1].round(1)) for y in (x, filtered)]
    [0.5, 1.0]
    """
    rng = np.random.default_rng(seed)
    walks = Walks(graph)
    traces = walks.traces(rng)
    n = len(x)
    rows = None if n <= _COMPARED else np.sort(rng.choice(n, _COMPARED, replace=False))
    bounds, center, scale, within, beyond = within_range(x)
    directions = spatial_directions(within, graph)
    usual, choice = _fit(within, graph, walks, traces, directions, regions, rows)
    excess = Branch(
        *(np.zeros(shape, np.float32) for shape in ((x.shape[1], 0), (N_AVERAGES, 0), (0, 0)))
    )
    if np.mean(beyond**2) > _LEAST_EXCESS:
        beyond = beyond - beyond.mean(axis=0)
        along = spatial_directions(beyond, graph)
        if along.varies:
            branch, _ = _fit(beyond, graph, walks, traces, along, regions, rows)
            # Those that vary in space come first, and are all used.
            n_kept = int(along.beyond.sum())
            out = np.diag(np.sqrt(along.variance[:n_kept])).astype(np.float32)
            excess = Branch(branch.into[:, :n_kept], branch.weights[:, :n_kept], out)
    return SpatialFilter(bounds, center, scale, usual, excess), choice


def _fit(
    x: NDArray[np.float32],
    graph: sp.csr_matrix,
    walks: Walks,
    traces: NDArray[np.float64],
    directions: Directions,
    regions: float,
    rows: NDArray[np.intp] | None,
) -> tuple[Branch, Choice]:
    size = 1 - regions * (1 - directions.weight)
    # The others are left out of the view, however they are averaged.
    used = np.flatnonzero(size > 0)
    into = directions.into[:, used]
    scores = x.astype(np.float64) @ into
    own = scores if rows is None else scores[rows]
    averages = np.stack(
        [
            (y if rows is None else y[rows]).astype(np.float64)
            for y in walks.averages(scores.astype(np.float32))
        ]
    )
    nugget = np.full(len(size), regions)
    nugget[used] = regions * nuggets(scores, graph, rows)
    continuous = 1 - nugget
    gram = np.einsum("knr,lnr->rkl", averages, averages, optimize=True) / len(own)
    product = np.einsum("nr,knr->rk", own, averages, optimize=True) / len(own)
    # Agreement with what is continuous: less what a spot's own noise contributes to it.
    product -= nugget[used, None] * traces
    errors = continuous[used, None] - 2 * product + np.einsum("rkk->rk", gram)
    weights = np.zeros((N_AVERAGES, len(used)))
    for r, own_continuous in enumerate(continuous[used]):
        weights[:, r] = _weights(gram[r], product[r], errors[r], own_continuous, regions)
    explained, width = np.zeros(len(size)), np.zeros(len(size))
    explained[used] = 2 * np.einsum("kr,rk->r", weights, product)
    explained[used] -= np.einsum("kr,rkl,lr->r", weights, gram, weights)
    total = weights.sum(axis=0)
    width[used] = np.divide(
        reach() ** 2 @ weights, total, out=np.zeros(len(total)), where=total > 0
    )
    counted = directions.variance[used] * size[used] ** 2
    choice = Choice(
        directions=directions,
        nugget=nugget,
        explained=np.clip(explained, 0, 1),
        reach=np.sqrt(width),
        error=counted @ errors / max(float(counted @ continuous[used]), np.finfo(float).tiny),
    )
    branch = Branch(
        into=into.astype(np.float32),
        weights=weights.astype(np.float32),
        out=(size[used, None] * directions.back[used]).astype(np.float32),
    )
    return branch, choice


def _weights(
    gram: NDArray[np.float64],
    product: NDArray[np.float64],
    errors: NDArray[np.float64],
    continuous: float,
    regions: float,
) -> NDArray[np.float64]:
    """Of each average: those of least error, leaning to the widest that is nearly as good."""
    factor = cholesky(gram + _RIDGE * np.eye(len(gram)), lower=True)
    best = nnls(factor.T, solve_triangular(factor, product, lower=True))[0]
    allowed = TOLERANCE * regions * max(continuous - errors.min(), 0)
    widest = int(np.flatnonzero(errors <= errors.min() + allowed + 1e-12)[-1])
    best *= 1 - LEANING
    best[widest] += LEANING
    return best
