"""The three constants of the spatial filter: what others would score, family by family.

    python benchmarks/filter_choices.py             # runs what results/filter_choices.csv lacks
    python benchmarks/filter_choices.py --report    # prints the table of docs/default.md

A family of tissue is left out in turn; the setting with the best mean probe over the other
families is the one that would have been chosen without it, and its score on the family left out
is what that choice would have been worth. Labels serve for scores alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from suite import scoring, sets
from suite.provenance import origin
from suite.real_tissue import FAMILIES
from suite.store import RESULTS, Table
from suite.tables import markdown

import smartcore as sm
from smartcore.spatial import fitting, outliers

DEFAULT = "default"
SETTINGS: dict[str, dict[str, float]] = {
    DEFAULT: {},
    "tolerance 0": {"TOLERANCE": 0.0},
    "tolerance 0.01": {"TOLERANCE": 0.01},
    "tolerance 0.05": {"TOLERANCE": 0.05},
    "least error alone": {"LEANING": 0.0},
    "widest alone": {"LEANING": 1.0},
    "limit 2.5": {"LIMIT": 2.5},
    "limit 5": {"LIMIT": 5.0},
    "no limit": {"LIMIT": np.inf},
}
RUN = ("setting", "set")
COLUMNS = (*RUN, "family", "probe", "smartcore", "torch", "commit", "date")
GROUPS = ("real tissue", "real noise", "simulated", "lymph node", "HER2+")


@contextmanager
def constants(changes: dict[str, float]) -> Iterator[None]:
    """Other constants for a while."""
    homes = {name: outliers if name == "LIMIT" else fitting for name in changes}
    usual = {name: getattr(homes[name], name) for name in changes}
    for name, value in changes.items():
        setattr(homes[name], name, value)
    try:
        yield
    finally:
        for name, value in usual.items():
            setattr(homes[name], name, value)


def family_of(name: str, group: str) -> str:
    """Family of tissue of a set."""
    for family, members in FAMILIES.items():
        if name in members:
            return family
    return name.split("_")[0] if group == "real noise" else group


def main() -> None:
    """Run what is not yet there, or print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    table = Table(given.results / "filter_choices.csv", COLUMNS, RUN, RUN)
    if given.report:
        report(pd.DataFrame(table.rows()).astype({"probe": float}))
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    every = sets.groups() | sets.real()
    there = {tuple(row[name] for name in RUN) for row in table.rows()}
    for group in GROUPS:
        for name in every[group]:
            wanted = [s for s in given.settings if (s, name) not in there]
            labelled = sets.load(name, given.data, given.cache) if wanted else None
            for setting in wanted:
                with constants(SETTINGS[setting]):
                    fit = sm.integrate(
                        labelled.features, labelled.coords, observed=labelled.observed
                    )
                found = scoring.probe(fit.embedding, labelled).values()
                # Real sections are scored by their first labeling, others by all they have.
                scores = [one["probe"] for one in found][: 1 if group == "real tissue" else None]
                probe = float(np.mean(scores))
                row = {"setting": setting, "set": name, "family": family_of(name, group)}
                table.replace([row | {"probe": round(probe, 4)} | origin()])


def report(rows: pd.DataFrame, score: str = "probe") -> None:
    """Print means by family, and how each choice made without a family fares on it."""
    means = rows.pivot_table(index="setting", columns="family", values=score, sort=False)
    print(markdown(means.assign(mean=means.mean(axis=1)).round(3)))
    left_out = []
    for family in means:
        others = means.drop(columns=family).mean(axis=1)
        chosen = str(others.idxmax())
        left_out.append(
            {
                "left out": family,
                "best on the others": chosen,
                "its score there": means.loc[chosen, family],
                "score of the default": means.loc[DEFAULT, family],
                "best score of any": means[family].max(),
            }
        )
    print(markdown(pd.DataFrame(left_out).set_index("left out").round(3)))


if __name__ == "__main__":
    main()
