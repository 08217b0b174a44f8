"""All methods by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from smartcore.params import PRESETS

from .methods import Method, Result, banksy, bio_smart, hops, preset, scaled
from .peers import PEERS, peer

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
    for preset in ("robust", "robust-0.1")
    for modality in ("rna", "protein", "chromatin")
]


def families() -> dict[str, list[str]]:
    """Names of the methods by family; a family's name stands for all of it."""
    return {
        "baselines": [method.name for method in BASELINES],
        "presets": list(PRESETS),
        "published_package": ["bio-SMART"],
        "peers": list(PEERS),
        "singles": SINGLES,
        "ablations": ABLATIONS,
    }


def family_of(name: str) -> str:
    """The family of a method; "trials" for a preset with changes that no family has."""
    return next((f for f, members in families().items() if name in members), "trials")


def find(name: str, peers: Path) -> Method:
    """The method of that name; a preset may have changes: ``robust@rna:lam=0.5,margin=1``.

    Raises
    ------
    ValueError
        If there is none.
    """
    for method in BASELINES:
        if method.name == name:
            return method
    if name == "bio-SMART":
        return Method(name, bio_smart)
    if name in PEERS:
        return peer(name, peers)
    head, _, tail = name.partition(":")
    base, _, modality = head.partition("@")
    if base in PRESETS:
        pairs = (pair.partition("=") for pair in tail.split(",") if pair)
        return preset(base, {key: _value(text) for key, _, text in pairs}, modality or None)
    known = [one for family in families().values() for one in family]
    sys.exit(f"Method {name!r} is not known; choose among {', '.join([*families(), *known])}.")


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)
