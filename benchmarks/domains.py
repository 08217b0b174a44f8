"""The default clusters of the default embedding: agreement with labels, spread over seeds, time.

    python benchmarks/domains.py --sets "real tissue" simulated --seeds 0-4
    python benchmarks/domains.py --times 20000 189867 756430
    python benchmarks/domains.py --report            # prints the tables of docs/clusters.md

Scores go to results/domains.csv and times to results/domains_times.csv. Embeddings come from the
cache of benchmarks/accuracy.py where they are there. Labels serve for scores alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import logging
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from accuracy import expand, numbers
from cluster_choices import embed
from numpy.typing import NDArray
from suite import grids, scoring, sets
from suite.provenance import origin
from suite.real_tissue import FAMILIES
from suite.store import RESULTS, Store, Table
from suite.tables import markdown

import smartcore as sm
from smartcore import metrics
from smartcore.clustering import find_clusters
from smartcore.tl._n_clusters import score_n_clusters

RUN = ("set", "seed", "labeling")
ORIGIN = ("smartcore", "torch", "commit", "date")
COLUMNS = (*RUN, "group", "ari", "ari_mean", "far", "told", "seconds", *ORIGIN)
TIME_COLUMNS = ("task", "method", "spots", "seconds", *ORIGIN)
# Beyond these gmm is not timed.
SLOW = 30_000
SETS = ("real tissue", "simulated", "lymph node", "HER2+", "new simulated", "new mosaic")


def main() -> None:
    """Run what is not yet there, or print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--times", nargs="+", type=int, metavar="SPOTS")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--seeds", type=numbers, default=list(range(5)), help="such as 0-4")
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    table = Table(given.results / "domains.csv", COLUMNS, RUN, RUN)
    times = Table(
        given.results / "domains_times.csv", TIME_COLUMNS, TIME_COLUMNS[:3], TIME_COLUMNS[:3]
    )
    if given.report:
        report(pd.DataFrame(table.rows()), pd.DataFrame(times.rows()), given.results)
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if given.times:
        for n_spots in given.times:
            measure(n_spots, times)
        return
    there = {(row["set"], row["seed"]) for row in table.rows()}
    store = Store(given.results, given.cache)
    for name in expand(list(given.sets), sets.every()):
        labelled = None
        for seed in given.seeds:
            if (name, str(seed)) in there:
                continue
            labelled = labelled or sets.load(name, given.data, given.cache)
            embedding = embed(labelled, seed, store.embedding("robust", name, seed))
            for labeling, truth in labelled.truths.items():
                row = {"set": name, "seed": seed, "labeling": labeling, "group": labelled.group}
                table.replace([row | score(embedding, truth, seed) | origin()])


def score(embedding: NDArray[np.floating], truth: NDArray[np.object_], seed: int) -> dict[str, Any]:
    """ARI at the number of kinds and around it; what was said of the clusters at it."""
    k = scoring.n_kinds(truth)
    start = time.process_time()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        own = find_clusters(embedding, k, seed=seed)
    seconds = time.process_time() - start
    by_k = {k: metrics.ari(truth, own.labels)}
    for n in scoring.around(k):
        if n != k:
            by_k[n] = metrics.ari(truth, find_clusters(embedding, n, seed=seed).labels)
    return {
        "ari": by_k[k],
        "ari_mean": float(np.mean(list(by_k.values()))),
        "far": own.far,
        "told": sum("two different ways" in str(one.message) for one in told),
        "seconds": seconds,
    }


def measure(n_spots: int, table: Table) -> None:
    """Seconds of embedding, clusters and choice of their number, for the default and gmm."""
    arrays = grids.components(n_spots)
    features = {name.removeprefix("x/"): x for name, x in arrays.items() if name.startswith("x/")}
    start = time.perf_counter()
    z = sm.integrate(features, arrays["coords"]).embedding
    tell(table, "embedding", "robust", n_spots, time.perf_counter() - start)
    methods = ["shrunk", "gmm"] if n_spots <= SLOW else ["shrunk"]
    for method in methods:
        for k in (12, 30) if n_spots <= SLOW else (12,):
            start = time.perf_counter()
            find_clusters(z, k, method=method)
            tell(table, f"clusters, K = {k}", method, n_spots, time.perf_counter() - start)
        start = time.perf_counter()
        score_n_clusters(z, range(2, 16), method=method, progress=False)
        tell(table, "choice of K from 2 to 15", method, n_spots, time.perf_counter() - start)


def tell(table: Table, task: str, method: str, n_spots: int, seconds: float) -> None:
    """Keep a time and print it."""
    print(f"{n_spots:,} {task} {method}: {seconds:.1f} s", flush=True)
    row = {"task": task, "method": method, "spots": n_spots, "seconds": seconds}
    table.replace([row | origin()])


def report(rows: pd.DataFrame, times: pd.DataFrame, results: Path) -> None:
    """Print scores by set of real tissue and by group, and the times."""
    rows[["ari", "ari_mean", "far", "told"]] = rows[["ari", "ari_mean", "far", "told"]].astype(
        float
    )
    each = rows.groupby(["group", "set", "labeling"], sort=False).agg(
        ARI=("ari", "mean"),
        spread=("ari", lambda x: x.max() - x.min()),
        around=("ari_mean", "mean"),
        far=("far", "mean"),
        told=("told", "mean"),
        seeds=("ari", "size"),
    )
    peers = pd.read_csv(results / "peers.csv")
    graphst = peers[(peers["method"] == "GraphST") & (peers["status"] == "done")]
    best = graphst[["ari_shrunk", "ari_gmm", "own_ari"]].max(axis=1)
    theirs = best.groupby([graphst["set"], graphst["labeling"]]).mean()
    real = each.loc["real tissue"].assign(
        GraphST=[theirs.get(key, np.nan) for key in each.loc["real tissue"].index]
    )
    print(markdown(real.round(3).reset_index().set_index("set")))
    first = real[~real.index.get_level_values("set").duplicated()].droplevel("labeling")
    families = {
        family: first.reindex(list(members))[["ARI", "GraphST"]].mean()
        for family, members in FAMILIES.items()
    }
    print(markdown(pd.DataFrame(families).T.round(3)))
    print(markdown(each.groupby("group", sort=False)[["ARI", "spread", "around"]].mean().round(3)))
    if len(times):
        times["seconds"] = times["seconds"].astype(float)
        wide = times.pivot_table(
            index=["spots", "task"], columns="method", values="seconds", sort=False
        )
        print(markdown(wide.round(1).reset_index().set_index("spots")))


if __name__ == "__main__":
    main()
