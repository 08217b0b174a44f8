"""What the network learns to reconstruct: features without what only one spot says."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.graph import neighbor_mean, smooth
from smartcore.params import Params
from smartcore.triplets import mutual_nearest_neighbors

logger = logging.getLogger(__name__)

# Variance, relative to the greatest, below which a direction is rounding.
_RANK_TOLERANCE = 1e-8
# What the greatest eigenvalue of noise exceeds in one of a hundred draws (Tracy and Widom's law
# for symmetric matrices), in units of its fluctuation about Wigner's edge.
_TRACY_WIDOM_99 = 2.02


def make_targets(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
    params: Params,
    *,
    sections: NDArray[np.intp] | None = None,
    seed: int = 0,
) -> tuple[dict[str, NDArray[np.float32]], pd.DataFrame]:
    """Targets of the reconstruction, in which triplets are found, too.

    Three steps, each of which ``params`` may leave out. Directions of each modality are weighted
    by :func:`spatial_weights` (``target_weights``); each spot is averaged with its spatial
    neighbours (``target_hops``, ``neighbor_share``); and with its twins, the spots anywhere that
    are mutual nearest neighbours of it in all modalities together (``n_twins``, ``twin_share``).

    Where directions are to be weighted and none of any modality varies in space, neighbours have
    nothing to say of a spot: nothing is weighted nor averaged in space, with a warning.

    Parameters
    ----------
    features
        Modality → (n_spots, d), standardised; rows not observed are filled in.
    observed
        Modality → boolean (n_spots,). Only observed rows are averaged, others stay as they are.
    graph
        Spatial graph, (n_spots, n_spots).
    params
        The parameters named above.
    sections
        Codes (n_spots,): a spot has twins in its own section and in each other one.
    seed
        Of the approximate search for twins among very many spots.

    Returns
    -------
    Modality → (n_spots, d); and a table of the directions: ``modality``, ``autocorrelation``,
    ``threshold``, ``weight``, without rows where nothing is weighted.
    """
    targets = dict(features)
    table = _no_directions()
    hops, share = params.target_hops, params.neighbor_share
    if params.target_weights == "spatial" and graph.nnz:
        targets, table = _weighted(targets, observed, graph)
        if not varies(table):
            warnings.warn(
                "No modality varies in space more than noise would: its directions are taken as "
                "they are, no spot is averaged with its neighbours, and domains found may mean "
                "little. Are the coordinates those of these spots?",
                stacklevel=5,
            )
            targets, hops = dict(features), 0
            table["weight"] = 1.0
    targets = {
        name: _averaged(x, observed[name], graph, hops, share) for name, x in targets.items()
    }
    if params.n_twins and params.twin_share:
        twins = twin_graph(np.hstack(list(targets.values())), params.n_twins, sections, seed)
        targets = {
            name: _averaged(x, observed[name], twins, 1, params.twin_share)
            for name, x in targets.items()
        }
    if params.target_weights == "spatial":
        # Losses and margin keep their meaning, however much was taken away.
        size = float(np.sqrt(np.mean([np.mean(x**2) for x in targets.values()])))
        targets = {name: x / np.float32(size or 1) for name, x in targets.items()}
    return targets, table


def spatial_weights(
    x: NDArray[np.floating], graph: sp.csr_matrix
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """How much each direction of feature space varies in space, beside what noise would do.

    Directions are those of maximum autocorrelation [1]_: uncorrelated combinations of the
    features, each as like as can be to the mean of its spatial neighbours. In pure noise of n
    spots and d features the symmetric d × d matrix of their correlations with that mean is of
    Wigner's kind, with eigenvalues up to ``2 √d ‖(M + Mᵀ)/2‖_F / n``, M being the averaging
    over neighbours. A direction beyond this threshold keeps its variance, one below it a share
    of it in proportion, and one that is no more like its neighbours than like any spot none.

    Parameters
    ----------
    x
        Features, shape (n_spots, d).
    graph
        Spatial graph, (n_spots, n_spots).

    Returns
    -------
    The matrix that x is to be multiplied by to weight it, shape (d, d); the autocorrelation of
    each direction, greatest first, shape (rank,); and the threshold.

    References
    ----------
    .. [1] Switzer and Green, "Min/max autocorrelation factors for multivariate spatial imagery",
       Stanford technical report 6 (1984). Dray, Saïd and Débias, "Spatial ordination of
       vegetation data using a generalization of Wartenberg's multivariate spatial correlation",
       J Veg Sci 19, 45 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.graph import spatial_graph
    >>> xy = np.argwhere(np.ones((20, 20)))
    >>> x = np.random.default_rng(0).normal(size=(400, 3))
    >>> x[:, 0] += 2 * np.sin(xy[:, 0] / 3)
    >>> _, autocorrelation, threshold = spatial_weights(x, spatial_graph(xy))
    >>> (autocorrelation > threshold).tolist()
    [True, False, False]
    """
    x = np.asarray(x, dtype=np.float64)
    n = len(x)
    centered = x - x.mean(axis=0)
    mean = neighbor_mean(graph)
    variance, axes = np.linalg.eigh(centered.T @ centered / n)
    kept = variance > _RANK_TOLERANCE * variance.max(initial=0)
    spread, axes = np.sqrt(variance[kept]), axes[:, kept]
    whiten = axes / spread
    scores = centered @ whiten
    likeness = scores.T @ (mean @ scores) / n
    autocorrelation, rotation = np.linalg.eigh((likeness + likeness.T) / 2)
    autocorrelation, rotation = autocorrelation[::-1], rotation[:, ::-1]
    both_ways = (mean + mean.T) / 2
    threshold = 2 * np.sqrt(len(autocorrelation)) * float(sp.linalg.norm(both_ways)) / n
    weight = weights(autocorrelation, threshold)
    return (
        (whiten @ rotation * weight) @ (axes * spread @ rotation).T,
        autocorrelation,
        threshold,
    )


def weights(autocorrelation: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Weights in [0, 1] of directions; 1 where no spot has neighbours."""
    if threshold == 0:
        return np.ones(len(autocorrelation))
    return np.sqrt(np.clip(autocorrelation / threshold, 0, 1))


def twin_graph(
    x: NDArray[np.float32], k: int, sections: NDArray[np.intp] | None = None, seed: int = 0
) -> sp.csr_matrix:
    """Graph of the mutual k nearest neighbours in feature space, shape (n_spots, n_spots).

    In several sections: of those in the spot's own and of those in each other one.
    """
    anchors, positives = mutual_nearest_neighbors(x, k, seed, sections=sections, partners="both")
    ones = np.ones(len(anchors), np.float32)
    return sp.csr_matrix((ones, (anchors, positives)), shape=(len(x), len(x)))


def _weighted(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
) -> tuple[dict[str, NDArray[np.float32]], pd.DataFrame]:
    weighted, tables = {}, []
    for name, x in features.items():
        mask = observed[name]
        matrix, autocorrelation, threshold = spatial_weights(x[mask], graph[mask][:, mask])
        weighted[name] = (x @ matrix).astype(np.float32)
        tables.append(
            pd.DataFrame(
                {
                    "modality": name,
                    "autocorrelation": autocorrelation,
                    "threshold": threshold,
                    "weight": weights(autocorrelation, threshold),
                }
            )
        )
        logger.info(
            "%s: %d of %d directions vary in space more than noise would.",
            name,
            np.count_nonzero(autocorrelation > threshold),
            len(autocorrelation),
        )
    return weighted, pd.concat(tables, ignore_index=True)


def varies(directions: pd.DataFrame) -> bool:
    """Whether any modality has a direction more autocorrelated than that of noise ever is."""
    for _, table in directions.groupby("modality"):
        edge = table["threshold"].iloc[0]
        most = edge * (1 + _TRACY_WIDOM_99 / 2 * len(table) ** (-2 / 3))
        if table["autocorrelation"].max() > most:
            return True
    return False


def _averaged(
    x: NDArray[np.float32], mask: NDArray[np.bool_], graph: sp.csr_matrix, hops: int, share: float
) -> NDArray[np.float32]:
    """Averages among the observed spots; the others are no target and stay as they are."""
    if mask.all():
        return smooth(x, graph, hops, share)
    averages = x.copy()
    averages[mask] = smooth(x[mask], graph[mask][:, mask], hops, share)
    return averages


def _no_directions() -> pd.DataFrame:
    names = ["autocorrelation", "threshold", "weight"]
    columns = {name: pd.Series(dtype=float) for name in names}
    return pd.DataFrame({"modality": pd.Series(dtype=str), **columns})
