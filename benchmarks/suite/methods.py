"""The methods: from a set and a seed to an embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smartcore as sm
from smartcore.sections.missing import fill_missing
from smartcore.spatial.graph import guess_n_neighbors, neighbor_mean, smooth, spatial_graph

from .provenance import version_of
from .sets import LabelledSet

Floats = NDArray[np.floating]


class NotApplicable(Exception):  # noqa: N818 (it is no error)
    """The method cannot be run on the set; the message says why."""


@dataclass(frozen=True)
class Result:
    """What a method found; ``clusters`` where it makes its own, ``seconds`` where it timed
    itself, ``note`` where it was given something else than the others, ``versions`` (peer, torch)
    of what others wrote.
    """

    embedding: Floats
    clusters: NDArray[np.integer] | None = None
    seconds: float | None = None
    note: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A name, what it calls, and whether seeds make a difference to it."""

    name: str
    run: Callable[[LabelledSet, int], Result]
    random: bool = True


def scaled(labelled: LabelledSet) -> NDArray[np.float32]:
    """All modalities' components side by side, each modality at root mean square 1."""
    return side_by_side(complete(labelled))


def side_by_side(features: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """The same of features without gaps."""
    columns = [x - x.mean(axis=0) for x in features.values()]
    return np.hstack([x / np.sqrt(np.mean(x**2) * x.shape[1]) for x in columns])


def complete(labelled: LabelledSet) -> dict[str, NDArray[np.float32]]:
    """Features with unobserved rows filled as smartcore does."""
    observed = labelled.observed
    return fill_missing(labelled.features, observed) if observed else labelled.features


def hops(n: int) -> Callable[[LabelledSet, int], Result]:
    """Components averaged `n` times with their spatial neighbours."""
    return lambda labelled, _: Result(smooth(scaled(labelled), spatial_graph(labelled.coords), n))


def banksy(share: float, n_neighbors: int = 18) -> Callable[[LabelledSet, int], Result]:
    """Own components beside their mean over a wider neighbourhood, as BANKSY weighs them."""

    def run(labelled: LabelledSet, _: int) -> Result:
        x = scaled(labelled)
        around = neighbor_mean(spatial_graph(labelled.coords, n_neighbors=n_neighbors)) @ x
        return Result(np.hstack([np.sqrt(1 - share) * x, np.sqrt(share) * around]))

    return run


def preset(name: str, changes: dict[str, Any], modality: str | None) -> Method:
    """A preset of smartcore, with changes, on all modalities or on one."""
    label = name + (f"@{modality}" if modality else "")
    label += ":" + ",".join(f"{k}={v}" for k, v in changes.items()) if changes else ""

    def run(labelled: LabelledSet, seed: int) -> Result:
        features, observed = labelled.features, labelled.observed
        if modality:
            if modality not in features:
                raise NotApplicable(f"has no {modality}")
            if len(features) == 1:
                raise NotApplicable("has one modality")
            if observed and not observed[modality].all():
                raise NotApplicable(f"has spots without {modality}")
            features, observed = {modality: features[modality]}, None
        fit = sm.integrate(
            features, labelled.coords, observed=observed, preset=name, seed=seed, **changes
        )
        return Result(fit.embedding)

    return Method(label, run)


def bio_smart(labelled: LabelledSet, seed: int) -> Result:
    """The published package, with its tutorials' settings for the sets that they have."""
    from published import theirs

    settings: dict[str, Any] = {"n_neighbors": guess_n_neighbors(labelled.coords)}
    if labelled.group == "lymph node":
        settings |= {"lr": 5e-3}
    if labelled.group == "P22":
        settings |= {"lr": 5e-3, "epochs": 500, "farthest_ratio": 0.4}
    embedding = theirs(complete(labelled), labelled.coords, seed, **settings)
    return Result(embedding, versions={"peer": f"bio-SMART {version_of('bio-SMART')}"})
