"""How much of a spot's values its surroundings do not share, however near they are."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def nuggets(
    scores: NDArray[np.floating],
    graph: sp.csr_matrix,
    rows: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Share of the variance of each column that is not continuous in space.

    Values of neighbours have the correlation c₁, those of neighbours' neighbours c₂. Extended on
    a straight line to distance 0, they have 2 c₁ − c₂ there: what is missing from 1 is the nugget
    of the variogram [1]_. It holds measurement noise and all variation on a scale smaller than
    the distance between spots, such as that between cells of different types side by side.

    Parameters
    ----------
    scores
        Centred columns, shape (n_spots, r).
    graph
        Spatial graph, (n_spots, n_spots).
    rows
        The spots that the correlations are taken over; ``None``: all.

    Returns
    -------
    Shape (r,), from 0 to 1 − c₁, or to 1 where neighbours are not alike.

    References
    ----------
    .. [1] Cressie, "Statistics for spatial data" (1993), sections 2.3 and 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.spatial.graph import spatial_graph
    >>> xy = np.argwhere(np.ones((40, 40)))
    >>> wave, noise = np.sin(xy[:, :1] / 9), np.random.default_rng(0).normal(size=(1600, 1))
    >>> x = np.hstack([wave - wave.mean(), noise - noise.mean()])
    >>> nuggets(x, spatial_graph(xy)).round(1)
    array([0., 1.])
    """
    x = np.asarray(scores, dtype=np.float64)
    linked = graph.astype(bool).astype(np.float32)
    first = linked if rows is None else linked[rows]
    own = sp.identity(graph.shape[0], np.float32, format="csr")
    second = (first @ linked).astype(bool)
    second = second - second.multiply(first + (own if rows is None else own[rows]) > 0)
    near, far = (_correlation(x, ring.astype(np.float64), rows) for ring in (first, second))
    continuous = np.clip(2 * near - far, np.maximum(near, 0), 1)
    return np.where(near > 0, 1 - continuous, 1.0)


def _correlation(
    x: NDArray[np.float64], ring: sp.csr_matrix, rows: NDArray[np.intp] | None
) -> NDArray[np.float64]:
    """Correlation of spots with those that ``ring`` links them to; 0 without any."""
    own = x if rows is None else x[rows]
    weight = np.asarray(ring.sum(axis=1))
    variance = np.sum(own**2 * weight, axis=0)
    product = np.sum(own * (ring @ x), axis=0)
    return np.divide(product, variance, out=np.zeros(x.shape[1]), where=variance > 0)
