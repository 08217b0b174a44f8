"""Every method on every labelled set, scored alike; a table and a figure of the scores.

Runs are kept (scores in the tables of --results, embeddings under --cache), so that one cut short
goes on where it stopped, any subset may be run, and several commands may run at once:

    python benchmarks/accuracy.py --methods robust pca --sets "real tissue" --seeds 0-4
    python benchmarks/accuracy.py --report

A family (baselines, presets, peers, singles, ablations) or a group of sets stands for all of
it; a preset may have changes: robust@rna:lam=0.5,margin=1.0. Labels serve for scores alone.
Sets that the default was not chosen with are groups of their own ("new simulated", "new
mosaic"), run when named, with a page of their own.
"""

from __future__ import annotations

import os

# Small problems are slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Numba's other threads end any process forked from theirs.
os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")

import argparse
import logging
import warnings
from pathlib import Path

from suite import registry, report, running, sets
from suite.clusters import CLUSTERS
from suite.store import RESULTS, Store


def numbers(text: str) -> list[int]:
    """Whole numbers from ``0-4`` or ``1,3``."""
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(n) for n in text.split(",")]


def expand(chosen: list[str], families: dict[str, list[str]]) -> list[str]:
    """Names, with those of families replaced by their members, each once."""
    return list(dict.fromkeys(n for name in chosen for n in families.get(name, [name])))


def main() -> None:
    """Run what is asked for and not yet there, then report if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=["baselines", "presets", "bio-SMART"])
    parser.add_argument("--sets", nargs="+", default=[*sets.real(), *sets.groups()])
    parser.add_argument("--seeds", type=numbers, default=list(range(5)), help="such as 0-4")
    parser.add_argument(
        "--clusters",
        nargs="*",
        choices=CLUSTERS,
        default=["shrunk"],
        metavar="BY",
        help="ways to cluster, of shrunk, gmm and mclust; none leaves clusters for later",
    )
    parser.add_argument("--force", action="store_true", help="run again what is there")
    parser.add_argument("--list", action="store_true", help="name methods and sets")
    parser.add_argument(
        "--report",
        nargs="*",
        choices=report.PAGES,
        metavar="PAGE",
        help=f"write pages and figures from the tables: {', '.join(report.PAGES)}; default: all",
    )
    parser.add_argument("--timeout", type=float, default=900, help="seconds an embedding may take")
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the tables")
    parser.add_argument("--peers", type=Path, help="environments of peers; default: in the cache")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    every = sets.every()
    if given.list:
        for family, members in (registry.families() | every).items():
            print(f"{family}: {', '.join(members)}")
        return
    store = Store(given.results, given.cache)
    if given.report is not None:
        report.write(store, given.report or report.PAGES, given.docs, given.data)
        return
    names = expand(given.methods, registry.families())
    chosen = [registry.find(name, given.peers or given.cache / "peers") for name in names]
    running.import_libraries()
    for name in expand(given.sets, every):
        try:
            labelled = sets.load(name, given.data, given.cache)
        except FileNotFoundError as error:
            print(f"{name}: left out, {error.filename} is not there; say where with --data")
            continue
        for method in chosen:
            # Clusters of one embedding differ from seed to seed.
            several = method.random or given.clusters
            for seed in given.seeds if several else given.seeds[:1]:
                running.run(
                    method,
                    labelled,
                    seed,
                    store,
                    timeout=given.timeout,
                    clusters=given.clusters,
                    force=given.force,
                )


if __name__ == "__main__":
    main()
