"""What the network learns to reconstruct: features without what only one spot says."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.neighbors.mutual import mutual_nearest_neighbors
from smartcore.params import Params
from smartcore.spatial.directions import Directions, best_share, spatial_directions
from smartcore.spatial.graph import smooth
from smartcore.targets.views import NOT_IN_SPACE, no_directions

logger = logging.getLogger(__name__)


def make_targets(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
    params: Params,
    *,
    uncorrected: Mapping[str, NDArray[np.float32]] | None = None,
    sections: NDArray[np.intp] | None = None,
    seed: int = 0,
) -> tuple[dict[str, NDArray[np.float32]], pd.DataFrame, float]:
    """Targets of the reconstruction, in which triplets are found, too.

    Three steps, each of which ``params`` may leave out. Directions of each modality are weighted
    by how much they vary in space (``target_weights``, see
    :class:`smartcore.spatial.directions.Directions`); each spot is averaged with its spatial
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
    uncorrected
        The features with their batch effects, by which the share of neighbours is found. Where
        batch effects have been taken out, the least components are no longer noise alone: they
        have less of it than the others. ``None``: ``features`` had none.
    sections
        Codes (n_spots,): a spot has twins in its own section and in each other one.
    seed
        Of the approximate search for twins among very many spots.

    Returns
    -------
    Modality → (n_spots, d); a table of the directions: ``modality``, ``autocorrelation``,
    ``threshold``, ``weight``, ``noise`` and empty columns of the filters, without rows where
    nothing is weighted; and the share of its neighbours' mean in a spot's average, 0 where nothing
    is averaged.
    """
    targets = dict(features)
    table = no_directions()
    weighted = params.target_weights == "spatial" and graph.nnz > 0
    guessed = params.neighbor_share is None and params.target_hops > 0 and graph.nnz > 0
    share = (params.neighbor_share or 0.0) if params.target_hops else 0.0
    if weighted or guessed:
        directions = _directions(features, observed, graph)
        for name, one in directions.items():
            logger.info(
                "%s: %d of %d directions vary in space more than noise would.",
                name,
                np.count_nonzero(one.autocorrelation > one.threshold),
                len(one.autocorrelation),
            )
        aimless = weighted and not any(one.varies for one in directions.values())
        if aimless:
            warnings.warn(NOT_IN_SPACE, stacklevel=5)
            share = 0.0
        elif guessed:
            told = _directions(uncorrected, observed, graph) if uncorrected else directions
            share = best_share(list(told.values()), weighted=weighted)
            logger.info("Neighbours have a share of %.2f in the target of a spot.", share)
        if weighted:
            table = _table(directions, not aimless)
        if weighted and not aimless:
            targets = {
                name: (x @ directions[name].matrix).astype(np.float32)
                for name, x in targets.items()
            }
    hops = params.target_hops if share else 0
    targets = {
        name: _averaged(x, observed[name], graph, hops, share) for name, x in targets.items()
    }
    if params.n_twins and params.twin_share:
        twins = twin_graph(np.hstack(list(targets.values())), params.n_twins, sections, seed)
        targets = {
            name: _averaged(x, observed[name], twins, 1, params.twin_share)
            for name, x in targets.items()
        }
    if params.target_weights == "spatial" or params.view == "filtered":
        # Losses and margin keep their meaning, however much was taken away.
        size = float(np.sqrt(np.mean([np.mean(x**2) for x in targets.values()])))
        targets = {name: x / np.float32(size or 1) for name, x in targets.items()}
    return targets, table, share


def twin_graph(
    x: NDArray[np.float32], k: int, sections: NDArray[np.intp] | None = None, seed: int = 0
) -> sp.csr_matrix:
    """Graph of the mutual k nearest neighbours in feature space, shape (n_spots, n_spots).

    In several sections: of those in the spot's own and of those in each other one.
    """
    anchors, positives = mutual_nearest_neighbors(x, k, seed, sections=sections, partners="both")
    ones = np.ones(len(anchors), np.float32)
    return sp.csr_matrix((ones, (anchors, positives)), shape=(len(x), len(x)))


def _directions(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
) -> dict[str, Directions]:
    return {
        name: spatial_directions(x[observed[name]], graph[observed[name]][:, observed[name]])
        for name, x in features.items()
    }


def _table(directions: Mapping[str, Directions], weighted: bool) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "modality": name,
                "autocorrelation": one.autocorrelation,
                "threshold": one.threshold,
                "weight": one.weight if weighted else 1.0,
                "noise": one.noise if one.tells_noise else np.nan,
                "nugget": np.nan,
                "explained": np.nan,
                "reach": np.nan,
            }
        )
        for name, one in directions.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _averaged(
    x: NDArray[np.float32], mask: NDArray[np.bool_], graph: sp.csr_matrix, hops: int, share: float
) -> NDArray[np.float32]:
    """Averages among the observed spots; the others are no target and stay as they are."""
    if mask.all():
        return smooth(x, graph, hops, share)
    averages = x.copy()
    averages[mask] = smooth(x[mask], graph[mask][:, mask], hops, share)
    return averages
