"""Several sections as one, beside PCA + Harmony without SMART and beside each section alone.

- dlpfc_pair, mpfc_pair: two sections of real tissue each, over the genes they share
- heart: nine small sections on two slides
- mosaic: the RNA of two simulated sections with a batch effect (K = 5, both labelled)
- her2st: A1 to A6, six serial sections of a breast tumour (labels on A1 alone)
- her2st_thinned: of these nine of ten molecules at random, others for each seed; when named
- her2st_36: copies of these, for the time that many sections take; when named
- sim_…: RNA and protein of sections by smartcore.datasets.sections, each with one difficulty

All get components from counts by smartcore.pp: "aligned" with features centred and scaled within
sections, as SMART-MS by default, else over all sections together. For each seed: domains by each
of --clusters; ARI over all labelled spots and by section, at the number of labels and, of the
real sets, as a mean over other numbers (one K says little of a small tissue); a probe for each
labelled section (smartcore.metrics.blocked_knn_probe), which needs no clusters; iLISI and kBET of
what was clustered. The domains of sections embedded alone get those names that their labels make
the best ones, for an ARI over all. Labels serve for the scores alone.

Runs are kept in sections.csv of --results; --force runs again what is there.
"""

from __future__ import annotations

import os

# Small problems are slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from suite.clusters import CLUSTERS
from suite.methods import side_by_side
from suite.provenance import origin
from suite.scoring import AROUND, around
from suite.section_scores import by_label, joined, mixing, scored
from suite.section_sets import SETS, WHEN_NAMED, Parts
from suite.sets import DATA
from suite.store import RESULTS, Table, text

import smartcore as sm
from smartcore.params import PRESETS
from smartcore.sections.harmony import harmony
from smartcore.spatial.graph import smooth, spatial_graph

# Scored at other numbers of clusters, too; the real pairs by the shrunk mixture.
NUMBERS = {"her2st": range(3, 10), "her2st_thinned": range(3, 10)}
REAL = ("dlpfc_pair", "mpfc_pair", "heart")

RUN = ("set", "preset", "theta", "seed", "clusters", "method")
SCORES = ("ari", "ari_mean", "probe", "ilisi", "graph_ilisi", "kbet")
COLUMNS = (*RUN, *SCORES, "section_ari", "seconds", "smartcore", "torch", "commit", "date")


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
    if not np.array_equal(whole.slides, whole.sections):
        start = time.perf_counter()
        by_slide = joined(parts, seed, aligned=True, batch_key="slide")
        z = sm.integrate(
            by_slide.pcs,
            by_slide.coords,
            sections=by_slide.sections,
            batches=by_slide.slides,
            seed=seed,
            **params,
        ).embedding
        yield "SMART-MS, batches by slide", by_slide, z, time.perf_counter() - start
    for name, part in parts.items():
        if next(iter(part.values())).obs.get("label", pd.Series()).nunique() > 1:
            start = time.perf_counter()
            alone = joined({name: part}, seed, aligned=True)
            z = sm.integrate(alone.pcs, alone.coords, seed=seed, **params).embedding
            yield f"{name} alone", alone, z, time.perf_counter() - start


def run(name: str, seed: int, args: argparse.Namespace, params: dict) -> Iterator[dict]:
    """A row a method and way to cluster."""
    parts: Parts = SETS[name](args.data, seed)
    labels = pd.concat([p["label"] for p in _obs(parts) if "label" in p])
    k = labels.nunique()
    alone: dict[str, list[tuple]] = {by: [] for by in args.clusters}
    for how, whole, z, seconds in embeddings(parts, seed, params):
        if args.only and not how.endswith(tuple(args.only)):
            continue
        common = {"method": how, "seconds": seconds} | mixing(whole, z)
        for by in args.clusters:
            numbers = NUMBERS.get(name, around(k) if name in REAL and by == AROUND else ())
            scores, domains = scored(whole, z, k, by, seed, numbers)
            yield common | {"clusters": by} | scores
            if how.endswith("alone"):
                alone[by].append((whole.labels, by_label(whole.labels, domains), common["probe"]))
    for by, found in alone.items():
        if len(found) > 1:
            truth, named, probes = zip(*found, strict=True)
            ari = sm.metrics.ari(pd.concat(truth).to_numpy(), np.concatenate(named))
            row = {"method": "each alone", "clusters": by, "ari": ari, "probe": np.nanmean(probes)}
            yield row


def _obs(parts: Parts) -> Iterator[pd.DataFrame]:
    return (adata.obs for part in parts.values() for adata in part.values())


def show(table: pd.DataFrame, name: str, clusters: str) -> None:
    """Print medians over seeds, and least and greatest ARI."""
    mine = table[(table["set"] == name) & (table["clusters"] == clusters)]
    columns = [*SCORES, "seconds"]
    groups = mine.astype(dict.fromkeys(columns, float)).groupby("method", sort=False)
    print(f"\n{name} by {clusters}: median of {mine['seed'].nunique()} seeds")
    print(groups[columns].median().dropna(axis=1, how="all").round(3).to_string(na_rep=""))
    print("Least and greatest ARI:")
    print(groups["ari"].agg(["min", "max"]).round(3).to_string(), flush=True)


def main() -> None:
    """Run what is asked for and not yet there, and print the medians over seeds."""
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
    parser.add_argument("--preset", default="robust", choices=PRESETS)
    parser.add_argument(
        "--theta", type=float, help="of Harmony, with SMART and without (default: preset's)"
    )
    parser.add_argument("--clusters", "--method", nargs="+", choices=CLUSTERS, default=["shrunk"])
    parser.add_argument("--only", nargs="+", help="methods whose names end so, such as alone")
    parser.add_argument("--force", action="store_true", help="run again what is there")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the table")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"The data are not at {args.data}; say where with --data.")
    theta = PRESETS[args.preset].harmony_theta if args.theta is None else args.theta
    params = {"preset": args.preset, "harmony_theta": theta}
    table = Table(args.results / "sections.csv", COLUMNS, RUN, RUN)
    for name in args.sets:
        for seed in range(args.seeds):
            common = {"set": name, "preset": args.preset, "theta": theta, "seed": seed}
            there = {row["clusters"] for row in table.rows() if _same(row, common)}
            if args.force or args.only or not set(args.clusters) <= there:
                rows = [common | origin() | row for row in run(name, seed, args, params)]
                table.replace(rows)
        mine = [row for row in table.rows() if _same(row, common | {"seed": None})]
        for clusters in args.clusters:
            show(pd.DataFrame(mine).replace("", np.nan), name, clusters)


def _same(row: dict, wanted: dict) -> bool:
    """Whether a row of the table has what is wanted of it; None: anything."""
    return all(value is None or row[name] == text(value) for name, value in wanted.items())


if __name__ == "__main__":
    main()
