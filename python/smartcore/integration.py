"""From features and coordinates to the embedding: arrays in, arrays out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike, NDArray

from smartcore.given.aligned import check_one_order
from smartcore.network.model import SMART
from smartcore.params import Params, check_number
from smartcore.preparation import Prepared, graph_of, prepare, tiles_of, without_batches
from smartcore.spatial.spots import check_spots
from smartcore.targets.views import view
from smartcore.training.checkpoint import Checkpoint
from smartcore.training.distributed import Workers
from smartcore.training.embedding import encode, principal_axes
from smartcore.training.loop import Callback, train
from smartcore.training.tiles import Halo


@dataclass(frozen=True)
class Integration:
    """What :func:`integrate` found.

    Attributes
    ----------
    embedding
        Z, shape (n_spots, latent_dim), float32, in the order of the input.
    history
        Losses by epoch: ``total``, ``reconstruction``, ``triplet``, the last two also for each
        modality. Without rows where nothing was trained (``epochs=0``).
    params
        The parameters used; ``n_neighbors`` holds the guess where none was given.
    model
        The fitted network; :func:`embed` applies it, its ``save`` writes it.
    graph
        The spatial graph, sparse, shape (n_spots, n_spots).
    n_triplets
        Pairs of mutual nearest neighbours in each modality. Empty where nothing was trained, since
        only the training uses them.
    recall
        Share of each modality's nearest neighbours that the search for these pairs found: 1
        where it was exact (up to 50,000 spots), else as measured on a sample. Empty as
        ``n_triplets``.
    directions
        Table of the directions of each modality, from the most autocorrelated in space: columns
        ``modality``, ``autocorrelation``, ``threshold`` (the most that noise would have),
        ``weight`` in the target and ``noise``, the share of its variance that seems to be noise
        (NaN of fewer than ten directions, of which that cannot be told; too little of several
        sections, of which Harmony lowers the least components most);
        without rows where ``target_weights="none"``. See
        :class:`smartcore.spatial.directions.Directions`. Where features are filtered
        (``view="filtered"``) also ``nugget``, the share of its variance that is not continuous in
        space and was taken for noise; ``explained``, the share that the filtered features hold;
        and ``reach``, how widely spots were averaged, in steps between neighbours; else NaN.
    scales
        Table of the averages that the filters were chosen among: ``modality``; ``reach``, how wide
        an average is, in steps between neighbours (the standard deviation of its weights, where
        neighbours are one step apart); and ``error``, its expected squared error as a share of
        the variance that is continuous in space. Without rows where nothing was chosen.
        :func:`smartcore.pl.scales` draws it.
    """

    embedding: NDArray[np.float32]
    history: pd.DataFrame
    params: Params
    model: SMART
    graph: sp.csr_matrix
    n_triplets: dict[str, int]
    recall: dict[str, float]
    directions: pd.DataFrame
    scales: pd.DataFrame


def integrate(
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    batches: ArrayLike | None = None,
    observed: Mapping[str, ArrayLike] | None = None,
    adjacency: sp.spmatrix | sp.sparray | None = None,
    preset: str = "robust",
    seed: int = 0,
    device: str | torch.device = "auto",
    callback: Callback | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    checkpoint_seconds: float = 60.0,
    distributed: bool = False,
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
    batches
        Shape (n_spots,): the batch of each spot, such as its slide, run or donor, between which
        Harmony takes batch effects out; ``None``: the section. Several sections may be of one
        batch, and a section of several batches; without ``sections`` all spots are of one section.
        For all else sections count.
    observed
        Modality → boolean (n_spots,): False where the modality did not measure the spot. Such a
        row of ``features`` is ignored, and the spot is embedded from what it has (see
        :func:`smartcore.sections.missing.fill_missing`).
    adjacency
        A spatial graph (n_spots, n_spots) to be used instead of one made from ``coords``; row i
        holds the neighbours of spot i.
    preset
        ``"robust"``, ``"robust-0.1"``, ``"paper"`` or ``"published"``; see
        :data:`smartcore.params.PRESETS`.
    seed
        Same seed, same machine: the same bits on a CPU. No global generator is touched.
    device
        ``"auto"`` (a CUDA GPU if there is one), or what torch takes.
    callback
        Called with the epoch's number and its losses after each epoch; what it raises ends the
        training.
    progress
        Show a progress bar on standard error.
    checkpoint
        File in which the state of the training is kept while it runs, and from which it goes on
        if the file is there: to the same bits on a CPU, as if it had not been interrupted. It is
        removed once the embedding is there. ``None``: none. Without training (``epochs=0``, the
        default) no state is kept.
    checkpoint_seconds
        The state is written after the first epoch that ends so long after the last writing; 0:
        after every epoch.
    distributed
        Train in all processes that ``torchrun`` started, or that
        ``torch.distributed.init_process_group`` joined: each takes a part of every step. All must
        call this; the first one's data count, and all return its result. The steps are those of
        one process but for the order of floating-point sums.
    **params
        Changes to the preset: the fields of :class:`smartcore.Params`.

    Returns
    -------
    An :class:`Integration`. The order of the spots does not matter to it.

    Raises
    ------
    ValueError
        If Series or DataFrames name their rows differently, or in different order; shapes do not fit, values are not finite, spots are too few or in no modality, a
        parameter is out of its range, ``checkpoint`` is of another training, or there are no
        processes for ``distributed``.
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
    target_device = choose_device(device, distributed)
    _check_order(coords, sections, batches, features, observed)
    kept = checkpoint
    if kept is not None and not isinstance(kept, Checkpoint):
        kept = Checkpoint(kept, checkpoint_seconds)
    workers = Workers.join(target_device) if distributed else Workers()
    prepared = workers.from_first(
        partial(
            prepare,
            features,
            coords,
            sections,
            batches,
            observed,
            adjacency,
            preset,
            params,
            seed,
            target_device,
        )
    )
    return _fit(prepared, workers, target_device, callback, progress, kept)


def _check_order(
    coords: ArrayLike,
    sections: ArrayLike | None,
    batches: ArrayLike | None,
    features: Mapping[str, ArrayLike],
    observed: Mapping[str, ArrayLike] | None,
) -> None:
    """Refuse tables that name spots in different orders: the result could have one of them only."""
    given: dict[str, Any] = {"coords": coords, "sections": sections, "batches": batches}
    for what, arrays in (("features", features), ("observed", observed)):
        if isinstance(arrays, Mapping):
            given |= {f"{what}[{m!r}]": x for m, x in arrays.items()}
    check_one_order(given)


def _fit(
    prepared: Prepared,
    workers: Workers,
    device: torch.device,
    callback: Callback | None,
    progress: bool,
    checkpoint: Checkpoint | None,
) -> Integration:
    model, task = prepared.model, prepared.task
    history = train(
        model,
        task,
        prepared.settings,
        seed=prepared.seed,
        device=device,
        callback=callback,
        progress=progress,
        workers=workers,
        checkpoint=checkpoint,
    )
    of_all = model, task.inputs, task.around, task.halo, task.tiles, device
    if prepared.settings.principal_axes:
        axes = workers.from_first(lambda: principal_axes(*of_all))
        model.turn(axes, seed=prepared.seed)
    embedding = workers.from_first(lambda: encode(*of_all))
    if checkpoint is not None and prepared.settings.epochs and workers.rank == 0:
        checkpoint.trained()
    back = np.argsort(prepared.order)
    return Integration(
        embedding=embedding[back],
        history=history,
        params=prepared.settings,
        model=model.cpu(),
        graph=prepared.graph[back][:, back].tocsr(),
        n_triplets={
            name: len(s.anchors) for name, s in zip(model.modalities, task.samplers, strict=False)
        },
        recall={name: s.recall for name, s in zip(model.modalities, task.samplers, strict=False)},
        directions=prepared.directions,
        scales=prepared.scales,
    )


def assist(device: str | torch.device = "auto") -> None:
    """Help the first process, which calls :func:`integrate`, and leave the result to it.

    For a process that ``torchrun`` started beside the first and that has no data of its own.
    """
    target_device = choose_device(device, distributed=True)
    workers = Workers.join(target_device)

    def nothing() -> Prepared:
        raise RuntimeError("The first process has nobody to assist.")

    _fit(workers.from_first(nothing), workers, target_device, None, False, None)


def embed(
    model: SMART,
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    *,
    sections: ArrayLike | None = None,
    batches: ArrayLike | None = None,
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
    features, coords, sections, batches, observed, adjacency, device
        As for :func:`integrate`; features must be those of the training (the same components).
    seed
        Of Harmony, for several batches; that of the training gives what it gave.

    Returns
    -------
    Z, shape (n_spots, latent_dim), float32.

    Raises
    ------
    ValueError
        As :func:`integrate`, and if modalities or their widths are not the model's.
    """
    spots = check_spots(features, coords, sections, batches, observed, adjacency)
    widths = {name: x.shape[1] for name, x in spots.features.items()}
    if widths != model.n_features:
        raise ValueError(
            f"The model takes {model.n_features} (modality: features), but was given {widths}."
        )
    seed = check_number("seed", seed, 0, 2**32 - 1, True)
    spatial = graph_of(spots, model.params)
    spots = without_batches(spots, spatial, model.params, seed)
    # A mapping has no order to rely on, the fusion layer has.
    arrays = {name: spots.features[name] for name in model.modalities}
    observed_rows = {name: spots.observed[name] for name in model.modalities}
    inputs = view(
        model.standardize(arrays),
        observed_rows,
        spatial,
        model.filters,
        batches=spots.batches,
        params=model.params,
        seed=seed,
    )
    target_device, home = choose_device(device), next(model.parameters()).device
    halo = Halo(spatial)
    given = list(inputs.values())
    around = [halo.around(x) for x in given] if model.takes_around else None
    tiles = tiles_of(spots, model.params, model.widths, target_device)
    embedding = encode(model.to(target_device), given, around, halo, tiles, target_device)
    model.to(home)
    return embedding[np.argsort(spots.order)]


def choose_device(device: str | torch.device, distributed: bool = False) -> torch.device:
    """Where to compute; ValueError where there is no such device."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if distributed and device == "cuda":
        # torchrun's number of the process on its machine: a GPU for each.
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if str(device).partition(":")[0] == "mps":
        raise ValueError(
            "device='mps': Apple's GPUs cannot be used, since PyTorch has no sparse matrices there; "
            "use 'cpu', which is 'auto' on a Mac."
        )
    try:
        chosen = torch.device(device)
    except RuntimeError as err:
        # torch lists all kinds that there are, most of which nobody has.
        raise ValueError(
            f"device={str(device)!r} is not known; use 'auto', 'cpu' or 'cuda'."
        ) from err
    try:
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as err:
        raise ValueError(
            f"device={str(device)!r} is not there; use 'auto', 'cpu', or 'cuda' on a machine "
            f"with a GPU that torch sees: {err}"
        ) from err
    return chosen
