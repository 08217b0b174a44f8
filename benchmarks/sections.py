"""Several sections as one, beside PCA + Harmony without SMART and beside each section alone.

- mosaic: the RNA of two simulated sections with a batch effect (K = 5, both labelled)
- her2st: A1 to A6, six serial sections of a breast tumour (labels on A1 alone)
- her2st_thinned: of these nine of ten molecules at random, others for each seed; when named
- her2st_36: copies of these, for the time that many sections take; when named
- sim_…: RNA and protein of sections by smartcore.datasets.sections, each with one difficulty

All get components from counts by smartcore.pp: "aligned" with features centred and scaled within
sections, as SMART-MS by default, else over all sections together. For each seed: domains by mclust
where R has it, else by its mixture model; ARI over all labelled spots and by section, at the
number of labels and, of A1, as the mean over K = 3 to 9 (one K says little of a small tissue);
a probe for each labelled section (smartcore.metrics.blocked_knn_probe), which needs no clusters;
iLISI and kBET of what was clustered. The domains of sections embedded alone get those names that
their labels make the best ones, for an ARI over all. Labels serve for the scores alone.
"""

from __future__ import annotations

import os

# Small problems are slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from sklearn.neighbors import kneighbors_graph
from suite.clusters import mclust
from suite.methods import side_by_side
from suite.sets import DATA, her2_counts, mosaic_counts

import smartcore as sm
from smartcore.clustering import cluster_embedding, resolve_method
from smartcore.params import PRESETS
from smartcore.sections.harmony import harmony
from smartcore.spatial.graph import smooth, spatial_graph

NUMBERS = range(3, 10)
# In steps of the grid, as the probe has it.
PROBE_RADIUS = 8


Parts = dict[str, dict[str, AnnData]]
"""Section → modality → counts, labels in ``obs["label"]``."""


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


SETS = {"mosaic": mosaic, "her2st": her2st} | {name: simulated(name) for name in SIMULATIONS}
WHEN_NAMED = {"her2st_thinned": her2st_thinned, "her2st_36": her2st_36}
SETS |= WHEN_NAMED


@dataclass(frozen=True)
class Joined:
    """All sections' spots: components by modality, and what they are scored against."""

    pcs: dict[str, np.ndarray]
    coords: np.ndarray
    sections: np.ndarray
    labels: pd.Series


def joined(parts: Parts, seed: int, *, aligned: bool) -> Joined:
    """The sections' spots, one section below the other."""
    pcs = {}
    for modality in next(iter(parts.values())):
        whole = sm.pp.join_sections({name: part[modality] for name, part in parts.items()})
        step = getattr(sm.pp, modality)
        step(whole, section_key="section", align_sections=aligned, seed=seed)
        pcs[modality] = whole.obsm["X_pca"]
    sections = whole.obs["section"].astype(str).to_numpy()
    return Joined(pcs, whole.obsm["spatial"], sections, whole.obs["label"].reset_index(drop=True))


def embeddings(parts: Parts, seed: int, params: dict) -> Iterator[tuple]:
    """Method, its sections, what is to be clustered and the seconds it took."""
    for label, aligned in (("", False), (", aligned", True)):
        start = time.perf_counter()
        whole = joined(parts, seed, aligned=aligned)
        common = time.perf_counter() - start
        start = time.perf_counter()
        z = sm.integrate(
            whole.pcs, whole.coords, sections=whole.sections, seed=seed, **params
        ).embedding
        name = "SMART-MS" if aligned else "SMART-MS, not aligned"
        yield name, whole, z, common + time.perf_counter() - start
        start = time.perf_counter()
        mixed = {
            m: harmony(x, whole.sections, theta=params["harmony_theta"], seed=seed)
            for m, x in whole.pcs.items()
        }
        x = side_by_side(mixed)
        seconds = common + time.perf_counter() - start
        yield f"PCA{label} + Harmony", whole, x, seconds
        start = time.perf_counter()
        averaged = smooth(x, spatial_graph(whole.coords, sections=whole.sections), 1)
        seconds += time.perf_counter() - start
        yield f"PCA{label} + Harmony, averaged once", whole, averaged, seconds
    for name, part in parts.items():
        if "label" in next(iter(part.values())).obs:
            start = time.perf_counter()
            alone = joined({name: part}, seed, aligned=True)
            z = sm.integrate(alone.pcs, alone.coords, seed=seed, **params).embedding
            yield f"{name} alone", alone, z, time.perf_counter() - start


def scored(
    whole: Joined, z: np.ndarray, k: int, method: str, seed: int, numbers: Iterable[int]
) -> tuple[dict[str, float], np.ndarray]:
    """ARI over all and by section, and mixing; and the clusters."""
    wanted = sorted({k, *numbers})
    if method == "mclust":
        clusters = mclust(z, wanted, seed, many_starts=True)
    else:
        clusters = {n: cluster_embedding(z, n, method=method, seed=seed) for n in wanted}
    if k not in clusters:
        sys.exit(f"{method} found no {k} clusters of {len(z)} spots; try another --method.")
    scores = {"ARI": sm.metrics.ari(whole.labels, clusters[k])}
    if found := [sm.metrics.ari(whole.labels, clusters[n]) for n in numbers if n in clusters]:
        scores["mean ARI"] = np.mean(found)
    probes = list(_probes(whole, z))
    scores["probe"] = np.mean(probes) if probes else np.nan
    by_section = sm.metrics.section_ari(whole.labels, clusters[k], whole.sections).dropna()
    scores |= {f"ARI {name}": value for name, value in by_section.items()}
    if len(set(whole.sections)) > 1:
        scores["iLISI"] = sm.metrics.ilisi(z, whole.sections)
        graph = kneighbors_graph(z, 15, mode="distance")
        scores["graph iLISI"] = sm.metrics.ilisi_graph(graph, whole.sections)
        scores["kBET"] = sm.metrics.kbet(z, whole.sections)
    return scores, clusters[k]


def _probes(whole: Joined, z: np.ndarray) -> Iterator[float]:
    for name in np.unique(whole.sections):
        here = whole.sections == name
        labels, coords = whole.labels.to_numpy()[here], whole.coords[here]
        step = np.median(cKDTree(coords).query(coords, 2)[0][:, 1])
        # A section that ends within the radius has no distant spots.
        if pd.notna(labels).any() and np.ptp(coords, axis=0).max() > 2 * PROBE_RADIUS * step:
            yield sm.metrics.blocked_knn_probe(z[here], labels, coords)


def by_label(labels: pd.Series, domains: np.ndarray) -> np.ndarray:
    """Domains by the names of the labels that they fit best, one each."""
    table = pd.crosstab(np.asarray(domains), labels.to_numpy())
    rows, columns = linear_sum_assignment(-table.to_numpy())
    names = {table.index[i]: str(table.columns[j]) for i, j in zip(rows, columns, strict=True)}
    return np.array([names.get(domain, f"other {domain}") for domain in domains])


def main() -> None:
    """Print the median over seeds of all scores, for each method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=SETS,
        default=[name for name in SETS if name not in WHEN_NAMED],
        help=f"default: all but {', '.join(WHEN_NAMED)}",
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="robust")
    parser.add_argument(
        "--theta", type=float, help="of Harmony, with SMART and without (default: preset's)"
    )
    parser.add_argument("--method", help="clustering (default: mclust if R has it, else gmm)")
    parser.add_argument("--only", nargs="+", help="methods whose names end so, such as alone")
    parser.add_argument("--out", type=Path, help="table of all runs (.csv)")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"The data are not at {args.data}; say where with --data.")
    method, rows = resolve_method(args.method), []
    theta = PRESETS[args.preset].harmony_theta if args.theta is None else args.theta
    params = {"preset": args.preset, "harmony_theta": theta}
    for name in args.sets:
        numbers = NUMBERS if name in ("her2st", "her2st_thinned") else ()
        for seed in range(args.seeds):
            row = {"set": name, "seed": seed}
            parts, alone = SETS[name](args.data, seed), []
            adatas = [adata for part in parts.values() for adata in part.values()]
            k = pd.concat([a.obs["label"] for a in adatas if "label" in a.obs]).nunique()
            for how, whole, z, seconds in embeddings(parts, seed, params):
                if args.only and not how.endswith(tuple(args.only)):
                    continue
                scores, domains = scored(whole, z, k, method, seed, numbers)
                rows.append(row | {"method": how, "s": seconds, **scores})
                if how.endswith("alone"):
                    alone.append((whole.labels, by_label(whole.labels, domains), scores["probe"]))
            if len(alone) > 1:
                truth, found, probes = zip(*alone, strict=True)
                ari = sm.metrics.ari(pd.concat(truth).to_numpy(), np.concatenate(found))
                rows.append(row | {"method": "each alone", "ARI": ari, "probe": np.mean(probes)})
        table = pd.DataFrame(rows).query("set == @name").drop(columns=["set", "seed"])
        table = table.dropna(axis=1, how="all").groupby("method", sort=False)
        print(f"\n{name}, K = {k} by {method}: median of {args.seeds} seeds")
        print(table.median().round(3).to_string(na_rep=""))
        print("Least and greatest ARI:")
        print(table["ARI"].agg(["min", "max"]).round(3).to_string(), flush=True)
    if args.out:
        pd.DataFrame(rows).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
