"""Every method on every labelled set, scored alike; a table and a figure of the scores.

Runs are kept (embeddings under --cache, scores in --results), so that one cut short goes on
where it stopped, and any subset may be run:

    python benchmarks/accuracy.py --methods robust pca --sets her2st_A1 --seeds 0-4
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
    parser.add_argument("--sets", nargs="+", default=list(sets.groups()))
    parser.add_argument("--seeds", type=numbers, default=list(range(5)), help="such as 0-4")
    parser.add_argument("--probe-only", action="store_true", help="leave clusters for later")
    parser.add_argument("--force", action="store_true", help="run again what is there")
    parser.add_argument("--list", action="store_true", help="name methods and sets")
    parser.add_argument("--report", action="store_true", help="write the pages and figures")
    parser.add_argument("--timeout", type=float, default=900, help="seconds an embedding may take")
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, help="default: accuracy.jsonl in the cache")
    parser.add_argument("--peers", type=Path, help="environments of peers; default: in the cache")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    results = given.results or given.cache / "accuracy.jsonl"
    every = sets.groups() | sets.held_out()
    if given.list:
        for family, members in (registry.families() | every).items():
            print(f"{family}: {', '.join(members)}")
        return
    if given.report:
        report.write(results, given.docs)
        return
    names = expand(given.methods, registry.families())
    chosen = [registry.find(name, given.peers or given.cache / "peers") for name in names]
    store = running.Store(results, given.cache)
    running.import_libraries()
    for name in expand(given.sets, every):
        try:
            labelled = sets.load(name, given.data, given.cache)
        except FileNotFoundError as error:
            print(f"{name}: left out, {error.filename} is not there; say where with --data")
            continue
        for method in chosen:
            several = method.random or (len(labelled.coords) > 2000 and not given.probe_only)
            for seed in given.seeds if several else given.seeds[:1]:
                running.run(
                    method,
                    labelled,
                    seed,
                    store,
                    timeout=given.timeout,
                    with_clusters=not given.probe_only,
                    force=given.force,
                )


if __name__ == "__main__":
    main()
