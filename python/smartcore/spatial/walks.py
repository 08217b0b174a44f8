"""Averages of each spot with its surroundings, from none to several steps wide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from smartcore.spatial.graph import neighbor_mean
from smartcore.spatial.tensors import csr_tensor

SHARES = (0.0, 0.25, 0.5)
"""Weight of the neighbours' mean in the narrowest averages; the spot itself has the rest."""

STEPS = (1, 2, 4, 8, 16, 32)
"""Steps of the random walks that the wider averages follow."""

N_AVERAGES = len(SHARES) + len(STEPS)

# Random signs times spots, by which traces are told to about a thousandth.
_SIGNS = 100_000


def reach() -> NDArray[np.float64]:
    """Width of each average, shape (N_AVERAGES,), in steps from spot to neighbour.

    The square root of the mean squared number of independent steps. In the units of the
    coordinates that is about the standard deviation of the weights, for a step of length one.
    """
    return np.sqrt(np.array([*SHARES, *STEPS], float))


class Walks:
    """The bank of averages that :class:`smartcore.spatial.filters.SpatialFilter` chooses from.

    The narrow ones weigh a spot against the mean of its neighbours (``SHARES``). The wide ones
    are random walks on the spatial graph that may also stay where they are: each step is the mean
    over the spot and its neighbours, and t steps have about the weights of a Gaussian whose
    standard deviation grows with √t. Walks follow the graph, so they never leave a section, they
    adapt to the density of cells, and they take any graph that the user brings.

    Parameters
    ----------
    graph
        As :func:`smartcore.spatial.graph.spatial_graph` makes it, shape (n_spots, n_spots). A
        spot without neighbours stays as it is in every average.
    """

    def __init__(self, graph: sp.csr_matrix) -> None:
        n = graph.shape[0]
        self._mean = csr_tensor(neighbor_mean(graph))
        self._lonely = torch.from_numpy(np.flatnonzero(np.diff(graph.indptr) == 0))
        closed = sp.csr_matrix(graph + sp.identity(n, np.float32, format="csr"))
        self._step = csr_tensor(neighbor_mean(closed))

    def averages(self, x: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """Each average of ``x`` (n_spots, d), the narrowest first: ``x`` itself."""
        own = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
        yield own.numpy()
        around = self._mean @ own
        around[self._lonely] = own[self._lonely]
        for share in SHARES[1:]:
            yield torch.lerp(own, around, share).numpy()
        walked = 0
        for steps in STEPS:
            for _ in range(steps - walked):
                own = self._step @ own
            walked = steps
            yield own.numpy()

    def traces(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Mean weight of a spot in its own average, shape (N_AVERAGES,).

        Estimated from products of random signs with their averages [1]_.

        References
        ----------
        .. [1] Hutchinson, "A stochastic estimator of the trace of the influence matrix for
           Laplacian smoothing splines", Commun Stat Simul Comput 18, 1059 (1989).
        """
        n = len(self._step)
        signs = rng.choice(np.array([-1, 1], np.float32), (n, max(1, -(-_SIGNS // n))))
        return np.array([np.mean(signs * y, dtype=np.float64) for y in self.averages(signs)])
