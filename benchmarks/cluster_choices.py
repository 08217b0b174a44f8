"""The constants of the default clusters: what others would score, family by family.

    python benchmarks/cluster_choices.py             # runs what results/cluster_choices.csv lacks
    python benchmarks/cluster_choices.py --report    # prints the tables of docs/clusters.md

A family of tissue is left out in turn; the setting with the best mean ARI over the other families
is the one that would have been chosen without it, and its score on the family left out is what
that choice would have been worth. The embedding is that of the default, with five seeds, from the
cache if it is there. Labels serve for scores alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import logging
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from filter_choices import GROUPS, family_of, report
from numpy.typing import NDArray
from suite import scoring, sets
from suite.provenance import origin
from suite.store import RESULTS, Store, Table

import smartcore as sm
from smartcore import metrics
from smartcore.clustering import _shrunk, cluster_embedding

BEGINNING: dict[str, float] = {"_SPHERE": 0.2}
"""Where the search began. All settings change one constant of it, the default among them."""

SETTINGS: dict[str, dict[str, float]] = {
    "default": {"_SPHERE": 0.4},
    "beginning": {},
    "8 components": {"N_PCS": 8},
    "10 components": {"N_PCS": 10},
    "20 components": {"N_PCS": 20},
    "sphere 0.05": {"_SPHERE": 0.05},
    "sphere 0.1": {"_SPHERE": 0.1},
    "sphere 0.3": {"_SPHERE": 0.3},
    "sphere 0.6": {"_SPHERE": 0.6},
    "cap 3.5": {"_CAP": 3.5},
    "cap 8": {"_CAP": 8.0},
    "no cap": {"_CAP": np.inf},
    "cap within quantiles": {"_OUTER": 0.5},
}
RUN = ("setting", "set", "seed")
COLUMNS = (*RUN, "family", "ari", "smartcore", "torch", "commit", "date")
SEEDS = range(5)


def main() -> None:
    """Run what is not yet there, or print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    table = Table(given.results / "cluster_choices.csv", COLUMNS, RUN, RUN)
    if given.report:
        report(pd.DataFrame(table.rows()).astype({"ari": float}), "ari")
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    every = sets.groups() | sets.real()
    there = {tuple(row[name] for name in RUN) for row in table.rows()}
    store = Store(given.results, given.cache)
    usual = {name: getattr(_shrunk, name) for change in SETTINGS.values() for name in change}
    for group in GROUPS:
        for name in every[group]:
            labelled = None
            for seed in SEEDS:
                wanted = [s for s in given.settings if (s, name, str(seed)) not in there]
                if not wanted:
                    continue
                labelled = labelled or sets.load(name, given.data, given.cache)
                embedding = embed(labelled, seed, store.embedding("robust", name, seed))
                for setting in wanted:
                    for constant, value in (usual | BEGINNING | SETTINGS[setting]).items():
                        setattr(_shrunk, constant, value)
                    row = {"setting": setting, "set": name, "seed": seed}
                    row |= {"family": family_of(name, group)} | origin()
                    table.replace([row | score(embedding, labelled, seed, group)])


def embed(labelled: sets.LabelledSet, seed: int, file: Path) -> NDArray[np.floating]:
    """The default's embedding, from the cache if it is there."""
    if file.is_file():
        with np.load(file) as stored:
            return stored["embedding"]
    return sm.integrate(
        labelled.features, labelled.coords, observed=labelled.observed, seed=seed
    ).embedding


def score(
    embedding: NDArray[np.floating], labelled: sets.LabelledSet, seed: int, group: str
) -> dict[str, float]:
    """ARI at the number of kinds, the mean over labelings."""
    # Real sections are scored by their first labeling, others by all they have.
    truths = list(labelled.truths.values())[: 1 if group == "real tissue" else None]
    found = []
    for truth in truths:
        labels = cluster_embedding(embedding, scoring.n_kinds(truth), seed=seed)
        found.append(metrics.ari(truth, labels))
    return {"ari": float(np.mean(found))}


if __name__ == "__main__":
    main()
