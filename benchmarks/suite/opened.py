"""A labelled set, prepared once for all designs: features, averages over surroundings, the start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray

from smartcore.network.model import SMART
from smartcore.preparation import Prepared, prepare
from smartcore.spatial.walks import Walks
from smartcore.training.embedding import encode

from .sets import LabelledSet

EPOCHS = 50
CPU = torch.device("cpu")
# Of the scales of Walks: own values, then 1, 2, 4, 8, 16 and 32 steps.
SCALES = (0, 3, 4, 5, 6, 7, 8)
_FOLDS = 5
# Share of a spot's weights that must be left where a fold is taken out.
_LEAST = 1e-3


@dataclass
class Opened:
    """A set with everything that comes before the training, in the order of ``prepared``.

    Attributes
    ----------
    prepared
        Network, filters, targets and graph, by ``smartcore`` itself, for a training.
    start
        The default's embedding, which is not trained.
    features
        Modality → features in the scale of the network (n_spots, d); missing rows are 0.
    coords
        Shape (n_spots, 2).
    truths
        Labeling → labels, for scores alone.
    seed
        Of everything random.
    """

    prepared: Prepared
    start: NDArray[np.float32]
    features: dict[str, NDArray[np.float32]]
    coords: NDArray[np.float64]
    truths: dict[str, NDArray[np.object_]]
    seed: int

    @classmethod
    def of(cls, labelled: LabelledSet, seed: int) -> Opened:
        """Spots without any modality are left out."""
        some = np.zeros(len(labelled.coords), bool)
        for x in labelled.features.values():
            some |= ~np.isnan(x).any(axis=1)
        given = {name: x[some] for name, x in labelled.features.items()}
        masks = labelled.observed
        masks = None if masks is None else {name: mask[some] for name, mask in masks.items()}
        coords = labelled.coords[some]
        ready = partial(prepare, given, coords, None, None, masks, None, "robust")
        default, prepared = ready({}, seed, CPU), ready({"epochs": EPOCHS}, seed, CPU)
        start = embedding(default.model, default)
        rows = prepared.order
        standard = prepared.model.standardize(
            {name: np.nan_to_num(x[rows]) for name, x in given.items()}
        )
        truths = {name: truth[some][rows] for name, truth in labelled.truths.items()}
        return cls(prepared, start, standard, coords[rows], truths, seed)

    @property
    def inputs(self) -> NDArray[np.float32]:
        """Filtered features of all modalities beside each other."""
        return np.hstack(list(self.prepared.task.inputs))

    @cached_property
    def scores(self) -> dict[str, NDArray[np.float32]]:
        """Modality → scores within their usual range along the spatial directions, weighted."""
        found = {}
        for name, x in self.features.items():
            one = self.prepared.model.filters[name]
            usual = ((one.range.split(x)[0] - one.center) / one.scale).astype(np.float32)
            weight = np.sqrt(np.sum(one.usual.out.astype(np.float64) ** 2, axis=1))
            found[name] = usual @ one.usual.into * weight.astype(np.float32)
        return found

    @cached_property
    def folds(self) -> NDArray[np.integer]:
        """Fold of each spot, at random."""
        return np.random.default_rng(self.seed).integers(0, _FOLDS, len(self.coords))

    def surroundings(self, x: NDArray[np.float32], *, own: bool) -> NDArray[np.float32]:
        """Averages of ``x`` at all scales beside each other, shape (n_spots, d · scales).

        Without ``own`` each average leaves out the spot's fold, and with it the spot.
        """
        walks = Walks(self.prepared.graph)
        scales = SCALES if own else SCALES[1:]
        ones = np.ones((len(x), 1), np.float32)
        if own:
            return np.hstack([y for i, y in enumerate(walks.averages(x)) if i in scales])
        out = np.zeros((len(x), len(scales), x.shape[1]), np.float32)
        for fold in range(_FOLDS):
            rows = self.folds == fold
            kept = np.hstack([x, ones]) * ~rows[:, None]
            means = (y for i, y in enumerate(walks.averages(kept)) if i in scales)
            for j, y in enumerate(means):
                out[rows, j] = y[rows, :-1] / np.maximum(y[rows, -1:], _LEAST)
        return out.reshape(len(x), -1)


def embedding(model: SMART, prepared: Prepared) -> NDArray[np.float32]:
    """Z of all spots by ``model``."""
    task = prepared.task
    return encode(model, task.inputs, task.around, task.halo, task.tiles, CPU)
