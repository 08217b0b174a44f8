"""Sets of several sections for benchmarks/sections.py: counts by section and modality."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from anndata import AnnData, read_h5ad

import smartcore as sm

from .real_tissue import labelings, read_section
from .sets import her2_counts, mosaic_counts

_LEAST_SPOTS = 10

Parts = dict[str, dict[str, AnnData]]
"""Section → modality → counts, labels in ``obs["label"]``.

Sections that were processed together share a value of ``obs["slide"]``, where that is known.
"""


def mosaic(data: Path, seed: int) -> Parts:
    """Two sections of RNA, 200 genes each; the same for all seeds."""
    parts = {name: mosaic_counts(data, name, {"rna": "rna"}) for name in ("s1", "s2")}
    for part in parts.values():
        part["rna"].obs["label"] = part["rna"].obs["gt"].astype(str)
    return parts


def her2st(data: Path, seed: int) -> Parts:
    """Six sections, the first of them labelled; the same for all seeds."""
    names = [f"A{i}" for i in range(1, 7)]
    parts = {name: {"rna": her2_counts(data / "her2st", name)} for name in names}
    first = parts["A1"]["rna"]
    first.obs["label"] = first.obs.pop("domain")
    return parts


def her2st_thinned(data: Path, seed: int) -> Parts:
    """The six sections with nine of ten molecules: how much of a score is the sample's?"""
    rng, parts = np.random.default_rng(seed), her2st(data, seed)
    for part in parts.values():
        _thin(part["rna"], 0.9, rng)
    return parts


def her2st_36(data: Path, seed: int) -> Parts:
    """The six sections six times each; of a copy's molecules four of five are kept at random."""
    rng, copies = np.random.default_rng(seed), {}
    for name, part in her2st(data, seed).items():
        for i in range(6):
            copy = part["rna"].copy()
            _thin(copy, 0.8, rng)
            if i and "label" in copy.obs:
                del copy.obs["label"]
            copies[f"{name}_{i}"] = {"rna": copy}
    return copies


def _thin(adata: AnnData, share: float, rng: np.random.Generator) -> None:
    adata.X.data = rng.binomial(adata.X.data.astype(np.int64), share).astype(np.float32)


SIMULATIONS: dict[str, dict] = {
    "sim_usual": {},
    "sim_weak": {"signal": 0.2},
    "sim_lost": {"zero_inflation": 0.85, "signal": 0.5},
    "sim_states": {"n_nonspatial": 8, "p_nonspatial": 0.3, "signal": 0.4},
    "sim_no_batch": {"batch_effect": 0.0, "signal": 0.3},
    "sim_mild_batch": {"batch_effect": 0.3, "signal": 0.3},
    "sim_strong_batch": {"batch_effect": 2.0, "signal": 0.5},
    "sim_unequal": {"shapes": [(40, 40), (10, 12)], "signal": 0.5},
    "sim_three": {"shapes": [(30, 30), (24, 30), (18, 40)], "signal": 0.4},
    # The second section loses some of the domains.
    "sim_half": {"signal": 0.4, "columns": 15},
    "sim_half_no_batch": {"signal": 0.4, "columns": 15, "batch_effect": 0.0},
    "sim_strip": {"signal": 0.5, "columns": 8},
    "sim_strip_no_batch": {"signal": 0.5, "columns": 8, "batch_effect": 0.0},
}
"""Arguments of smartcore.datasets.sections, and how many columns of s2 are kept."""


def simulated(name: str) -> Callable[[Path, int], Parts]:
    """Sections of that name; others for each seed."""

    def make(_: Path, seed: int) -> Parts:
        options = {"shapes": [(36, 36), (24, 30)], "modalities": ["rna", "protein"]}
        options |= SIMULATIONS[name]
        columns = options.pop("columns", np.inf)
        whole = sm.datasets.sections(seed=seed, **options)
        parts = {section: dict(mdata.mod) for section, mdata in whole.items()}
        kept = parts["s2"]["rna"].obsm["spatial"][:, 0] < columns
        parts["s2"] = {m: adata[kept].copy() for m, adata in parts["s2"].items()}
        for section in parts.values():
            for adata in section.values():
                adata.obs["label"] = adata.obs["domain"].astype(str)
        return parts

    return make


def pair(*names: str) -> Callable[[Path, int], Parts]:
    """Sections of real tissue by the names of their files; the same for all seeds."""

    def make(data: Path, seed: int) -> Parts:
        parts = {name: {"rna": read_section(name, data)} for name in names}
        for name, part in parts.items():
            part["rna"].obs["label"] = labelings(name, part["rna"])["truth"].astype(object)
        return parts

    return make


def heart(data: Path, seed: int) -> Parts:
    """Nine small sections on two slides; the same for all seeds.

    No labels have spots that the registration told nothing about, and those of regions with fewer
    than ten spots in the section.
    """
    whole = read_h5ad(data / "real_tissue" / "heart_sections.h5ad")
    parts = {}
    for name in sorted(whole.obs["image"].unique()):
        section = whole[whole.obs["image"] == name].copy()
        label = section.obs["name"].astype(object).replace("whole heart", None)
        section.obs["label"] = label.where(label.map(label.value_counts()) >= _LEAST_SPOTS, None)
        number, section.obs["slide"] = name.split("_")[:2]
        parts[f"s{number}"] = {"rna": section}
    return parts


SETS = {
    "dlpfc_pair": pair("dlpfc_151673", "dlpfc_151674"),
    "mpfc_pair": pair("starmap_mpfc_BZ5", "starmap_mpfc_BZ14"),
    "heart": heart,
    "mosaic": mosaic,
    "her2st": her2st,
} | {name: simulated(name) for name in SIMULATIONS}
WHEN_NAMED = {"her2st_thinned": her2st_thinned, "her2st_36": her2st_36}
SETS |= WHEN_NAMED
