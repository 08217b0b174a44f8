"""From what the user gives to all that the training needs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike, NDArray

from smartcore.neighbors.triplets import TripletSampler
from smartcore.network.model import SMART, Scaling
from smartcore.params import TRAINING_ONLY, Params, check_number, resolve_params
from smartcore.sections.harmony import without_batch_effects
from smartcore.spatial.graph import guess_within, spatial_graph
from smartcore.spatial.spots import Spots, check_spots
from smartcore.targets.reconstruction import make_targets
from smartcore.targets.views import fit_views, no_scales, view
from smartcore.training.start import start_from_data
from smartcore.training.steps import Task
from smartcore.training.tiles import Halo, Tiles, step_spots

logger = logging.getLogger(__name__)


@dataclass
class Prepared:
    """All that comes before the training.

    Attributes
    ----------
    model
        The network at its start.
    task
        What it is trained on.
    settings
        Parameters, with guesses where none were given.
    graph
        The spatial graph, (n_spots, n_spots).
    order
        The input's row of each spot.
    directions, scales
        As of :class:`smartcore.integration.Integration`.
    seed
        As given, checked.
    """

    model: SMART
    task: Task
    settings: Params
    graph: sp.csr_matrix
    order: NDArray[np.intp]
    directions: pd.DataFrame
    scales: pd.DataFrame
    seed: int

    def __getstate__(self) -> dict[str, Any]:
        # A parametrised network cannot be pickled.
        weights = self.model.n_features, self.model.filters, self.model.state_dict()
        return {**self.__dict__, "model": weights}

    def __setstate__(self, state: dict[str, Any]) -> None:
        n_features, filters, weights = state["model"]
        model = SMART(n_features, state["settings"], filters=filters)
        self.__dict__.update(state, model=model)
        self.model.load_state_dict(weights)


def prepare(
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    sections: ArrayLike | None,
    batches: ArrayLike | None,
    observed: Mapping[str, ArrayLike] | None,
    adjacency: sp.spmatrix | sp.sparray | None,
    preset: str,
    params: Mapping[str, Any],
    seed: int,
    device: torch.device,
) -> Prepared:
    """Checks, spatial graph, batch effects, targets and triplets; arguments of ``integrate``."""
    settings = resolve_params(preset, params)
    seed = check_number("seed", seed, 0, 2**32 - 1, True)
    spots = check_spots(features, coords, sections, batches, observed, adjacency)
    if settings.alpha and (unknown := sorted(set(settings.alpha) - set(spots.features))):
        raise ValueError(f"alpha names {unknown}; the modalities are {list(spots.features)}.")
    if settings.link_sections and (spots.sections is None or adjacency is not None):
        there = (
            "are no sections" if spots.sections is None else "is a graph of your own (adjacency)"
        )
        raise ValueError(f"link_sections=True, but there {there}: nothing is to be linked.")
    if not settings.epochs:
        _tell_unused(params)
    if settings.graph == "knn" and settings.n_neighbors is None and adjacency is None:
        settings = replace(settings, n_neighbors=_guess(spots, settings))
    graph = graph_of(spots, settings)
    given, spots = spots, without_batches(spots, graph, settings, seed)

    scaling = {
        name: Scaling.of(x[spots.observed[name]], settings.scale)
        for name, x in spots.features.items()
    }
    standard = {name: scaling[name].apply(x) for name, x in spots.features.items()}
    views = None
    if settings.view == "filtered":
        logger.info("Choosing how widely spots are averaged with their surroundings.")
        views = fit_views(standard, spots.observed, graph, settings, seed)
    filters = None if views is None else views.filters
    inputs = view(
        standard,
        spots.observed,
        graph,
        filters,
        batches=spots.batches,
        params=settings,
        seed=seed,
    )
    widths = {name: x.shape[1] for name, x in spots.features.items()}
    model = SMART(widths, settings, filters=filters, seed=seed)
    model.set_scaling(scaling)
    logger.info("Looking for spots that are alike in every modality.")
    targets, directions, share = make_targets(
        inputs,
        spots.observed,
        graph,
        settings,
        uncorrected=None if spots is given else model.standardize(given.features),
        sections=spots.sections,
        seed=seed,
    )
    if settings.target_hops:
        settings = model.params = replace(settings, neighbor_share=share)
    samplers = []
    if settings.epochs:
        sought = targets if settings.triplet_source == "target" else inputs
        samplers = samplers_of(sought, spots, settings, seed)
    halo = Halo(graph)
    arrays = list(inputs.values())
    task = Task(
        inputs=arrays,
        targets=list(targets.values()),
        around=[halo.around(x) for x in arrays] if model.takes_around else None,
        observed=[None if mask.all() else mask for mask in spots.observed.values()],
        samplers=samplers,
        coords=spots.coords,
        halo=halo,
        tiles=tiles_of(spots, settings, model.widths, device),
    )
    if settings.start == "data":
        start_from_data(model, task, share, seed=seed)
    return Prepared(
        model,
        task,
        settings,
        graph,
        spots.order,
        directions if views is None else views.directions,
        no_scales() if views is None else views.scales,
        seed,
    )


def _tell_unused(params: Mapping[str, Any]) -> None:
    if unused := [name for name in TRAINING_ONLY if name in params]:
        warnings.warn(
            f"Nothing is trained with epochs=0, so {', '.join(unused)} "
            f"{'has' if len(unused) == 1 else 'have'} no effect. Give a number of epochs to train, "
            "such as epochs=50.",
            stacklevel=4,
        )


def samplers_of(
    x: Mapping[str, NDArray[np.float32]], spots: Spots, params: Params, seed: int
) -> list[TripletSampler]:
    """What draws the triplets of each modality, among the spots that it measured."""
    logger.info("Looking for spots that are alike in each modality.")
    return [
        TripletSampler(
            x[name][mask],
            sections=None if spots.sections is None else spots.sections[mask],
            partners=params.section_triplets,
            n_mutual=params.n_mutual,
            far_ratio=params.far_ratio,
            max_anchors=params.max_anchors,
            rows=np.flatnonzero(mask),
            seed=seed,
        )
        for name, mask in spots.observed.items()
    ]


def without_batches(spots: Spots, graph: sp.csr_matrix, params: Params, seed: int) -> Spots:
    """The spots without batch effects, each modality where it is observed."""
    if spots.batches is None:
        return spots
    features = {}
    for name, x in spots.features.items():
        rows = np.flatnonzero(spots.observed[name])
        part = without_batch_effects(
            x[rows], spots.batches[rows], graph[rows][:, rows], params, seed
        )
        features[name] = np.zeros(x.shape, part.dtype)
        features[name][rows] = part
    return replace(spots, features=features)


def _guess(spots: Spots, params: Params) -> int:
    return guess_within(spots.coords, spots.sections, linked=params.link_sections)


def graph_of(spots: Spots, params: Params) -> sp.csr_matrix:
    """The user's graph, or one from the coordinates."""
    if spots.adjacency is not None:
        return spots.adjacency
    return spatial_graph(
        spots.coords,
        method=params.graph,
        n_neighbors=params.n_neighbors,
        radius=params.radius,
        directed=params.directed,
        sections=spots.sections,
        linked=params.link_sections,
    )


def tiles_of(
    spots: Spots, params: Params, widths: Mapping[str, int], device: torch.device
) -> Tiles:
    """The tiles of a training or embedding on ``device``."""
    tiles = Tiles(spots.coords, spots.sections, step_spots(params, widths, device))
    if tiles.n_steps > 1:
        logger.info(
            "%d spots in %d tiles, a pass over which takes %d steps.",
            len(spots.coords),
            len(tiles.rows),
            tiles.n_steps,
        )
    return tiles
