"""The methods: from a set and a seed to an embedding."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smartcore as sm
from smartcore.graph import neighbor_mean, smooth, spatial_graph
from smartcore.missing import fill_missing
from smartcore.params import PRESETS

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
    actual = ALIASES.get(name, name)
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
            features, labelled.coords, observed=observed, preset=actual, seed=seed, **changes
        )
        return Result(fit.embedding)

    return Method(label, run)


def bio_smart(labelled: LabelledSet, seed: int) -> Result:
    """The published package, with its tutorials' settings for the sets that they have."""
    from published import theirs

    settings: dict[str, Any] = {"n_neighbors": sm.graph.guess_n_neighbors(labelled.coords)}
    if labelled.group == "lymph node":
        settings |= {"lr": 5e-3}
    if labelled.group == "P22":
        settings |= {"lr": 5e-3, "epochs": 500, "farthest_ratio": 0.4}
    embedding = theirs(complete(labelled), labelled.coords, seed, **settings)
    return Result(embedding, versions={"peer": f"bio-SMART {version_of('bio-SMART')}"})


ALIASES = {"robust-0.1": "robust"}
"""Names under which the results of a preset are kept, where they are not its own."""

BASELINES = [
    Method("coordinates", lambda labelled, _: Result(labelled.coords), random=False),
    Method("pca", lambda labelled, _: Result(scaled(labelled)), random=False),
    Method("pca_1hop", hops(1), random=False),
    Method("pca_2hop", hops(2), random=False),
    Method("pca_banksy", banksy(0.2), random=False),
    Method("pca_banksy_domains", banksy(0.8), random=False),
]

ABLATIONS = [
    "robust:lam=0.0",
    "robust:lam=0.5",
    "robust:lam=1.0",
    "robust:n_neighbors=0",
    "robust:n_neighbors=8",
    "robust:encoder=gcn",
    "robust:encoder=gatv2",
    "robust:target_weights=none",
    "robust:neighbor_share=0.2",
    "robust:neighbor_share=0.35",
    "robust:neighbor_share=0.5",
    "robust:n_twins=0",
    "robust:target_hops=0",
    "robust:target_hops=2",
    "robust:triplet_source=features",
    "robust:margin=0.1",
    "robust:margin=1.0",
    "robust:epochs=1",
    "robust:epochs=300",
    "robust:start=random",
    "robust:start=random,epochs=300,lr=0.003",
]

SINGLES = [
    f"{preset}@{modality}"
    for preset in ("robust", *ALIASES)
    for modality in ("rna", "protein", "chromatin")
]


def registry() -> dict[str, list[str]]:
    """Names of the methods by family; a family's name stands for all of it."""
    from .peers import PEERS

    return {
        "baselines": [method.name for method in BASELINES],
        "presets": [*PRESETS, *ALIASES],
        "published_package": ["bio-SMART"],
        "peers": list(PEERS),
        "singles": SINGLES,
        "ablations": ABLATIONS,
    }


def family_of(name: str) -> str:
    """The family of a method; "trials" for a preset with changes that no family has."""
    return next((f for f, members in registry().items() if name in members), "trials")


def find(name: str, peers: Path) -> Method:
    """The method of that name; a preset may have changes: ``robust@rna:lam=0.5,margin=1``.

    Raises
    ------
    ValueError
        If there is none.
    """
    from .peers import PEERS, peer

    for method in BASELINES:
        if method.name == name:
            return method
    if name == "bio-SMART":
        return Method(name, bio_smart)
    if name in PEERS:
        return peer(name, peers)
    head, _, tail = name.partition(":")
    base, _, modality = head.partition("@")
    if base in PRESETS or base in ALIASES:
        pairs = (pair.partition("=") for pair in tail.split(",") if pair)
        return preset(base, {key: _value(text) for key, _, text in pairs}, modality or None)
    known = [one for family in registry().values() for one in family]
    sys.exit(f"Method {name!r} is not known; choose among {', '.join([*registry(), *known])}.")


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)
