"""From features and coordinates to the embedding: arrays in, arrays out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from smartcore.graph import guess_within, spatial_graph
from smartcore.harmony import without_batch_effects
from smartcore.missing import fill_missing
from smartcore.model import SMART
from smartcore.params import Params, check_number, resolve_params
from smartcore.spots import Spots, check_spots
from smartcore.steps import Task
from smartcore.targets import make_targets
from smartcore.tiles import Halo, Tiles, step_spots
from smartcore.training import Callback, train
from smartcore.triplets import TripletSampler

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Integration:
    """What :func:`integrate` found.

    Attributes
    ----------
    embedding
        Z, shape (n_spots, latent_dim), float32, in the order of the input.
    history
        Losses by epoch: ``total``, ``reconstruction``, ``triplet``, the last two also for each
        modality.
    params
        The parameters used; ``n_neighbors`` holds the guess where none was given.
    model
        The fitted network; :func:`embed` applies it, its ``save`` writes it.
    graph
        The spatial graph, sparse, shape (n_spots, n_spots).
    n_triplets
        Pairs of mutual nearest neighbours in each modality.
    directions
        Table of the directions of each modality, from the most autocorrelated in space: columns
        ``modality``, ``autocorrelation``, ``threshold`` (the most that noise would have) and
        ``weight`` in the target; without rows where ``target_weights="none"``. See
        :func:`smartcore.targets.spatial_weights`.
    """

    embedding: NDArray[np.float32]
    history: pd.DataFrame
    params: Params
    model: SMART
    graph: sp.csr_matrix
    n_triplets: dict[str, int]
    directions: pd.DataFrame


def integrate(
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    observed: Mapping[str, ArrayLike] | None = None,
    adjacency: sp.spmatrix | sp.sparray | None = None,
    preset: str = "robust",
    seed: int = 0,
    device: str | torch.device = "auto",
    callback: Callback | None = None,
    progress: bool = False,
    **params: Any,
) -> Integration:
    """Embed spots measured in one or more modalities, with their places, in one latent space.

    Parameters
    ----------
    features
        Modality → array (n_spots, d), principal components as a rule (see :mod:`smartcore.pp`).
        Any number of modalities, from one up.
    coords
        Places of the spots, shape (n_spots, 2) or (n_spots, 3), in any unit.
    sections
        Shape (n_spots,): the section of each spot. Features must be components of all sections
        together (:mod:`smartcore.pp`). Harmony takes batch effects out of each modality
        (``harmony_rounds=0``: not), triplets join sections (``section_triplets``), and spots of
        different sections are no spatial neighbours (``link_sections=True``: they may be).
    observed
        Modality → boolean (n_spots,): False where the modality did not measure the spot. Such a
        row of ``features`` is ignored, and the spot is embedded from what it has (see
        :func:`smartcore.missing.fill_missing`).
    adjacency
        A spatial graph (n_spots, n_spots) to be used instead of one made from ``coords``; row i
        holds the neighbours of spot i.
    preset
        ``"robust"``, ``"paper"`` or ``"published"``; see :data:`smartcore.params.PRESETS`.
    seed
        Same seed, same machine: the same bits on a CPU. No global generator is touched.
    device
        ``"auto"`` (a CUDA GPU if there is one), or what torch takes.
    callback
        Called with the epoch's number and its losses after each epoch; what it raises ends the
        training.
    progress
        Show a progress bar on standard error.
    **params
        Changes to the preset: the fields of :class:`smartcore.Params`.

    Returns
    -------
    An :class:`Integration`. The order of the spots does not matter to it.

    Raises
    ------
    ValueError
        If shapes do not fit, values are not finite, spots are too few or in no modality, or a
        parameter is out of its range.
    TypeError
        For a parameter that does not exist.

    References
    ----------
    Du et al., Nat Commun 17, 2876 (2026).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> xy = np.argwhere(np.ones((6, 6)))
    >>> pcs = {"rna": rng.normal(size=(36, 5)) + xy[:, :1], "protein": rng.normal(size=(36, 3))}
    >>> result = integrate(pcs, xy, latent_dim=8, epochs=5)
    >>> result.embedding.shape
    (36, 8)
    >>> list(result.history.columns[:3])
    ['total', 'reconstruction', 'triplet']
    """
    settings = resolve_params(preset, params)
    seed = check_number("seed", seed, 0, 2**32 - 1, True)
    spots = check_spots(features, coords, sections, observed, adjacency)
    if settings.alpha and (unknown := sorted(set(settings.alpha) - set(spots.features))):
        raise ValueError(f"alpha names {unknown}; the modalities are {list(spots.features)}.")
    target_device = _device(device)
    if settings.graph == "knn" and settings.n_neighbors is None and adjacency is None:
        settings = replace(settings, n_neighbors=_guess(spots, settings))
    graph = _graph(spots, settings)
    spots = _mixed(spots, graph, settings, seed)

    widths = {name: x.shape[1] for name, x in spots.features.items()}
    model = SMART(widths, settings, seed=seed)
    model.fit_scale({name: x[spots.observed[name]] for name, x in spots.features.items()})
    inputs = fill_missing(model.standardize(spots.features), spots.observed)
    targets, directions = make_targets(
        inputs, spots.observed, graph, settings, sections=spots.sections, seed=seed
    )
    samplers = {
        name: TripletSampler(
            (targets if settings.triplet_source == "target" else inputs)[name][mask],
            sections=None if spots.sections is None else spots.sections[mask],
            partners=settings.section_triplets,
            n_mutual=settings.n_mutual,
            far_ratio=settings.far_ratio,
            max_anchors=settings.max_anchors,
            rows=np.flatnonzero(mask),
            seed=seed,
        )
        for name, mask in spots.observed.items()
    }
    halo = Halo(graph)
    arrays = list(inputs.values())
    task = Task(
        inputs=arrays,
        targets=list(targets.values()),
        around=[halo.around(x) for x in arrays] if model.takes_around else None,
        observed=[None if mask.all() else mask for mask in spots.observed.values()],
        samplers=list(samplers.values()),
        coords=spots.coords,
        halo=halo,
        tiles=_tiles(spots, settings, widths, target_device),
    )
    history = train(
        model,
        task,
        settings,
        seed=seed,
        device=target_device,
        callback=callback,
        progress=progress,
    )
    embedding = _encode(model, task.inputs, task.around, halo, task.tiles, target_device)
    back = np.argsort(spots.order)
    return Integration(
        embedding=embedding[back],
        history=history,
        params=settings,
        model=model.cpu(),
        graph=graph[back][:, back].tocsr(),
        n_triplets={name: len(s.anchors) for name, s in samplers.items()},
        directions=directions,
    )


def embed(
    model: SMART,
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    observed: Mapping[str, ArrayLike] | None = None,
    adjacency: sp.spmatrix | sp.sparray | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
) -> NDArray[np.float32]:
    """Embed spots by a fitted or loaded network, without training.

    Parameters
    ----------
    model
        :attr:`Integration.model`, or :meth:`smartcore.SMART.load`.
    features, coords, sections, observed, adjacency, device
        As for :func:`integrate`; features must be those of the training (the same components).
    seed
        Of Harmony, for several sections; that of the training gives what it gave.

    Returns
    -------
    Z, shape (n_spots, latent_dim), float32.

    Raises
    ------
    ValueError
        As :func:`integrate`, and if modalities or their widths are not the model's.
    """
    spots = check_spots(features, coords, sections, observed, adjacency)
    widths = {name: x.shape[1] for name, x in spots.features.items()}
    if widths != model.n_features:
        raise ValueError(
            f"The model takes {model.n_features} (modality: features), but was given {widths}."
        )
    seed = check_number("seed", seed, 0, 2**32 - 1, True)
    spatial = _graph(spots, model.params)
    spots = _mixed(spots, spatial, model.params, seed)
    # A mapping has no order to rely on, the fusion layer has.
    arrays = {name: spots.features[name] for name in model.modalities}
    observed_rows = {name: spots.observed[name] for name in model.modalities}
    inputs = fill_missing(model.standardize(arrays), observed_rows)
    target_device, home = _device(device), next(model.parameters()).device
    halo = Halo(spatial)
    given = list(inputs.values())
    around = [halo.around(x) for x in given] if model.takes_around else None
    tiles = _tiles(spots, model.params, widths, target_device)
    embedding = _encode(model.to(target_device), given, around, halo, tiles, target_device)
    model.to(home)
    return embedding[np.argsort(spots.order)]


def _mixed(spots: Spots, graph: sp.csr_matrix, params: Params, seed: int) -> Spots:
    """The spots without batch effects between sections, each modality where it is observed."""
    if spots.sections is None:
        return spots
    features = {}
    for name, x in spots.features.items():
        rows = np.flatnonzero(spots.observed[name])
        part = without_batch_effects(
            x[rows], spots.sections[rows], graph[rows][:, rows], params, seed
        )
        features[name] = np.zeros(x.shape, part.dtype)
        features[name][rows] = part
    return replace(spots, features=features)


def _guess(spots: Spots, params: Params) -> int:
    return guess_within(spots.coords, spots.sections, linked=params.link_sections)


def _graph(spots: Spots, params: Params) -> sp.csr_matrix:
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


def _tiles(spots: Spots, params: Params, widths: Mapping[str, int], device: torch.device) -> Tiles:
    tiles = Tiles(spots.coords, spots.sections, step_spots(params, widths, device))
    if tiles.n_steps > 1:
        logger.info(
            "%d spots in %d tiles, a pass over which takes %d steps.",
            len(spots.coords),
            len(tiles.rows),
            tiles.n_steps,
        )
    return tiles


def _encode(
    model: SMART,
    inputs: Sequence[NDArray[np.float32]],
    around: Sequence[NDArray[np.float32]] | None,
    halo: Halo,
    tiles: Tiles,
    device: torch.device,
) -> NDArray[np.float32]:
    """Z of all spots, of as many at a time as a step of the training has."""
    z = np.empty((len(inputs[0]), model.params.latent_dim), np.float32)
    model.eval()
    with torch.inference_mode():
        for spots in tiles.once():
            part = halo.part(spots, model.hops(decode=False), device)

            def here(x: NDArray[np.float32], rows: NDArray[np.intp] = part.rows) -> Tensor:
                return torch.from_numpy(x if len(rows) == len(x) else x[rows]).to(device)

            means = None if around is None else [here(x) for x in around]
            own = model.encode([here(x) for x in inputs], part.graph, means)
            z[spots] = part.of_core(own).cpu().numpy()
    return z


def _device(device: str | torch.device) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as err:
        raise ValueError(
            f"device={str(device)!r} is not there; use 'auto', 'cpu', or 'cuda' on a machine "
            f"with a GPU that torch sees: {err}"
        ) from err
    return chosen
