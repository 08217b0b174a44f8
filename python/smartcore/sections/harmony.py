"""Batch effects taken out of the features, by Harmony."""

from __future__ import annotations

import logging

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from smartcore.params import Params
from smartcore.spatial.directions import spatial_directions
from smartcore.spatial.graph import neighbor_mean, smooth

logger = logging.getLogger(__name__)

_SPOTS_PER_CLUSTER = 30
_MOST_CLUSTERS = 100


def harmony(
    x: NDArray[np.floating],
    batches: ArrayLike | None,
    *,
    theta: float = 2.0,
    sigma: float = 0.1,
    max_rounds: int = 20,
    seed: int = 0,
) -> NDArray[np.floating]:
    """Features with what tells batches apart removed, as far as spots of one kind allow.

    Parameters
    ----------
    x
        Principal components, shape (n_spots, d).
    batches
        Shape (n_spots,): the batch of each spot. ``None`` or one batch: nothing is done.
    theta
        Weight of having all batches in every cluster; 0 for none. Much of it mixes spots of
        different kinds where batches are not made of the same kinds in like parts.
    sigma
        Softness of the clusters, in units of the cosine distance to their centres: a spot is
        shared among clusters whose distances differ by less.
    max_rounds
        At most so many rounds of clustering and correction; 0 for no correction.
    seed
        Start of the clustering. The order of the spots does not matter to it.

    Returns
    -------
    Shape (n_spots, d).

    References
    ----------
    Korsunsky et al., Nat Methods 16, 1289 (2019), through harmonypy; θ = 2, ridge penalty 1, and
    stops as in that paper. At most 20 rounds: Du et al., Nat Commun 17, 2876 (2026), Methods,
    "SMART-MS", which has θ = 10.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> kind, batch = np.arange(200) % 2, np.arange(200) // 100
    >>> x = rng.normal(size=(200, 5)) + 9 * np.eye(2, 5)[kind] + 3 * batch[:, None]
    >>> def shift(v):
    ...     return round(np.linalg.norm(v[batch == 0].mean(0) - v[batch == 1].mean(0)))
    >>> shift(x), shift(harmony(x, batch))
    (7, 0)
    """
    codes = np.unique(np.asarray(batches if batches is not None else []), return_inverse=True)[1]
    if max_rounds == 0 or not codes.any():
        return x
    from harmonypy import run_harmony

    codes = codes.ravel()
    order = np.lexsort([*x.T, codes])
    fit = run_harmony(
        x[order],
        {"batch": codes[order]},
        "batch",
        theta=theta,
        sigma=sigma,
        lamb=1.0,
        max_iter_harmony=max_rounds,
        max_iter_kmeans=200,
        epsilon_cluster=1e-5,
        epsilon_harmony=1e-4,
        nclust=int(np.clip(round(len(x) / _SPOTS_PER_CLUSTER), 1, _MOST_CLUSTERS)),
        random_state=seed,
        verbose=False,
    )
    corrected = np.empty(x.shape, np.result_type(x.dtype, np.float32))
    corrected[order] = fit.Z_corr
    rounds = len(fit.objective_harmony) - 1
    logger.info("Harmony: %d rounds over %d batches.", rounds, codes.max() + 1)
    return corrected


def without_batch_effects(
    x: NDArray[np.floating],
    batches: NDArray[np.intp] | None,
    graph: sp.csr_matrix,
    params: Params,
    seed: int,
) -> NDArray[np.floating]:
    """:func:`harmony` of the features, and of what the target is made of.

    Noise hides batch effects. So Harmony is asked once more where there is less of it: of the
    features averaged over spatial neighbours, with their directions weighted by how much they vary
    in space where those of the view or the target are
    (:class:`smartcore.spatial.directions.Directions`). What it takes out there is taken out of the
    features, too. Clusters are as much sharper there as the noise of the averages is less.

    Parameters
    ----------
    x
        Shape (n_spots, d).
    batches
        Shape (n_spots,), or ``None`` for one batch.
    graph
        Spatial neighbours, shape (n_spots, n_spots).
    params
        ``harmony_theta``, ``harmony_sigma``, ``harmony_rounds``, ``harmony_hops``,
        ``target_weights``, ``view``.
    seed
        As for :func:`harmony`.
    """
    if batches is None or params.harmony_rounds == 0 or (batches == batches[0]).all():
        return x
    x = _corrected(x, batches, params, seed)
    if params.harmony_hops == 0:
        return x
    weights = _weights(x, graph, params)
    averages = smooth(x if weights is None else x @ weights, graph, params.harmony_hops)
    noise = _noise_left(graph, params.harmony_hops)
    return x - (averages - _corrected(averages, batches, params, seed, noise))


def view_without_batch_effects(
    x: NDArray[np.floating],
    batches: NDArray[np.intp] | None,
    graph: sp.csr_matrix,
    params: Params,
    seed: int,
) -> NDArray[np.floating]:
    """:func:`harmony` of filtered features, which show what noise hid of batch effects.

    Parameters and result are those of :func:`without_batch_effects`. Clusters are as sharp as for
    averages over ``harmony_hops``; with 0 hops nothing is done.
    """
    if batches is None or params.harmony_rounds == 0 or params.harmony_hops == 0:
        return x
    return _corrected(x, batches, params, seed, _noise_left(graph, params.harmony_hops))


def _corrected(
    x: NDArray[np.floating],
    batches: NDArray[np.intp],
    params: Params,
    seed: int,
    noise: float = 1,
) -> NDArray[np.floating]:
    """By Harmony, whose clusters are the sharper the less ``noise`` there is."""
    return harmony(
        x,
        batches,
        theta=params.harmony_theta,
        sigma=noise * params.harmony_sigma,
        max_rounds=params.harmony_rounds,
        seed=seed,
    )


def _noise_left(graph: sp.csr_matrix, hops: int) -> float:
    """Share of the variance of independent noise that averages of neighbours still have."""
    n, lonely = graph.shape[0], np.diff(graph.indptr) == 0
    once = (sp.identity(n, format="csr") + neighbor_mean(graph) + sp.diags(lonely * 1.0)) / 2
    weights = once
    for _ in range(hops - 1):
        weights = weights @ once
    return float(sp.linalg.norm(weights) ** 2 / n)


def _weights(
    x: NDArray[np.floating], graph: sp.csr_matrix, params: Params
) -> NDArray[np.floating] | None:
    """What features are multiplied by where the target is weighted."""
    if (params.target_weights != "spatial" and params.view != "filtered") or not graph.nnz:
        return None
    directions = spatial_directions(x, graph)
    return directions.matrix.astype(x.dtype) if directions.varies else None
