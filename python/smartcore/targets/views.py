"""What the network is given of each modality: features, or what their surroundings confirm."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.params import Params
from smartcore.sections.harmony import view_without_batch_effects
from smartcore.sections.missing import fill_missing
from smartcore.spatial.filters import SpatialFilter, unfiltered
from smartcore.spatial.fitting import Choice, fit_filter
from smartcore.spatial.walks import reach

logger = logging.getLogger(__name__)

NOT_IN_SPACE = (
    "None of the modalities shows more spatial structure than random noise, so spots are not "
    "averaged with their surroundings and the domains may not be meaningful. Check that the "
    "coordinates belong to these spots."
)


@dataclass(frozen=True)
class Views:
    """Filters of the modalities, and what they were chosen by.

    Attributes
    ----------
    filters
        Modality → its filter.
    directions
        As of :class:`smartcore.integration.Integration`.
    scales
        As of :class:`smartcore.integration.Integration`.
    """

    filters: dict[str, SpatialFilter]
    directions: pd.DataFrame
    scales: pd.DataFrame


def fit_views(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
    params: Params,
    seed: int,
) -> Views:
    """Choose the filter of each modality (:func:`smartcore.spatial.fitting.fit_filter`).

    Where no direction of any modality varies in space, surroundings say nothing of a spot:
    features stay as they are, with a warning.

    Parameters
    ----------
    features
        Modality → (n_spots, d), standardised.
    observed
        Modality → boolean (n_spots,). Unobserved rows take no part.
    graph
        Spatial graph, (n_spots, n_spots).
    params
        ``regions``: at 0 features stay as they are, too, as they do without neighbours.
    seed
        As for :func:`smartcore.spatial.fitting.fit_filter`.
    """
    widths = {name: x.shape[1] for name, x in features.items()}
    if graph.nnz == 0 or params.regions == 0:
        why = "regions=0" if params.regions == 0 else "none has neighbours"
        logger.info("Spots are not averaged with their surroundings (%s).", why)
        nothing = {name: unfiltered(d) for name, d in widths.items()}
        return Views(nothing, no_directions(), no_scales())
    filters, choices = {}, {}
    for name, x in features.items():
        rows, own = _observed_part(observed[name], graph)
        filters[name], choices[name] = fit_filter(x[rows], own, regions=params.regions, seed=seed)
    if not any(choice.directions.varies for choice in choices.values()):
        warnings.warn(NOT_IN_SPACE, stacklevel=5)
        filters = {name: unfiltered(d) for name, d in widths.items()}
        return Views(filters, _table(choices, filtered=False), no_scales())
    for name, choice in choices.items():
        _tell(name, choice)
    return Views(filters, _table(choices, filtered=True), _scales(choices))


def view(
    features: Mapping[str, NDArray[np.float32]],
    observed: Mapping[str, NDArray[np.bool_]],
    graph: sp.csr_matrix,
    filters: Mapping[str, SpatialFilter] | None,
    *,
    batches: NDArray[np.intp] | None,
    params: Params,
    seed: int,
) -> dict[str, NDArray[np.float32]]:
    """Modality → what the network is given, shape (n_spots, width), without gaps.

    Of several batches Harmony takes out what batch effects the filtered features show
    (:func:`smartcore.sections.harmony.view_without_batch_effects`). Unobserved rows are filled in
    from spots that are alike in the filtered features of the modalities they share
    (:func:`smartcore.sections.missing.fill_missing`), since these match spots better than their
    own noisy features.
    """
    if filters is None:
        return fill_missing(features, observed)
    views = {}
    for name, x in features.items():
        rows, own = _observed_part(observed[name], graph)
        part = filters[name].apply(x[rows], own)
        if batches is not None and filters[name].averages:
            mixed = view_without_batch_effects(part, batches[rows], own, params, seed)
            part = mixed.astype(np.float32)
        views[name] = part
        if len(part) < len(x):
            views[name] = np.zeros((len(x), part.shape[1]), np.float32)
            views[name][rows] = part
    return fill_missing(views, observed)


def _observed_part(
    mask: NDArray[np.bool_], graph: sp.csr_matrix
) -> tuple[NDArray[np.intp] | slice, sp.csr_matrix]:
    """The observed rows, and the graph among them."""
    if mask.all():
        return slice(None), graph
    rows = np.flatnonzero(mask)
    return rows, graph[rows][:, rows]


def _tell(name: str, choice: Choice) -> None:
    counted = choice.directions.variance * choice.directions.weight**2 * choice.explained
    n_spatial = np.count_nonzero(choice.directions.beyond)
    if not n_spatial:
        logger.info(
            "%s: none of %d directions varies in space more than noise would, so that this modality "
            "says little of the domains.",
            name,
            len(choice.reach),
        )
        return
    logger.info(
        "%s: %d of %d directions vary in space; spots are averaged over a radius of about %.1f "
        "neighbour distances.",
        name,
        n_spatial,
        len(choice.reach),
        float(counted @ choice.reach) / (float(counted.sum()) or 1),
    )


def _table(choices: Mapping[str, Choice], *, filtered: bool) -> pd.DataFrame:
    nothing = np.nan
    tables = [
        pd.DataFrame(
            {
                "modality": name,
                "autocorrelation": choice.directions.autocorrelation,
                "threshold": choice.directions.threshold,
                "weight": choice.directions.weight if filtered else 1.0,
                "noise": choice.directions.noise if choice.directions.tells_noise else nothing,
                "nugget": choice.nugget,
                "explained": choice.explained,
                "reach": choice.reach if filtered else 0.0,
            }
        )
        for name, choice in choices.items()
    ]
    return pd.concat(tables, ignore_index=True)


def no_directions() -> pd.DataFrame:
    """The table of directions without rows."""
    names = ["autocorrelation", "threshold", "weight", "noise", "nugget", "explained", "reach"]
    columns = {name: pd.Series(dtype=float) for name in names}
    return pd.DataFrame({"modality": pd.Series(dtype=str), **columns})


def _scales(choices: Mapping[str, Choice]) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"modality": name, "reach": reach(), "error": choice.error})
        for name, choice in choices.items()
    ]
    return pd.concat(tables, ignore_index=True)


def no_scales() -> pd.DataFrame:
    """The table of scales without rows."""
    columns = {name: pd.Series(dtype=float) for name in ("reach", "error")}
    return pd.DataFrame({"modality": pd.Series(dtype=str), **columns})
