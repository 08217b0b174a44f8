"""Does training earn its keep? What designs beyond a linear map add to the closed-form start.

    python benchmarks/leads.py --seeds 0-4            # runs what results/leads.csv lacks
    python benchmarks/leads.py --report               # prints the tables of docs/training.md

Designs are in suite/designs.py. Scores: the blocked kNN probe and the ARI of the default clusters
at the labels' number of kinds; the agreement near borders is the share of the spots within two
steps of a border between labels whose cluster, after the best matching of clusters to labels,
is that of their label. Labels serve for scores alone. Of designs that are trained, `linear` and
`unseen` are what their linear start and they themselves predict of data that were held out: R², of
the contrast nats. Seconds are processor time of the design, without what all have in common.
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
import torch
from accuracy import expand, numbers
from filter_choices import family_of
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from suite import scoring, sets
from suite.designs import DESIGNS, Courses
from suite.opened import Opened
from suite.provenance import origin
from suite.store import RESULTS, Table
from suite.tables import markdown

from smartcore import metrics
from smartcore.clustering import find_clusters

RUN = ("set", "seed", "design")
SCORES = ("probe", "ari", "border", "linear", "unseen", "epochs", "seconds")
COLUMNS = (*RUN, "family", *SCORES, "smartcore", "torch", "commit", "date")
START = "start"
SIMULATED = ("sim_usual", "sim_coarse_fine", "sim_border_2", "sim_border_4", "sim_tiles_4")
NEW = ("new_layers", "new_rare", "new_border_1", "new_border_3")
SETS = (
    *("starmap_visual_cortex", "starmap_mpfc_BZ5", "starmap_mpfc_BZ14", "mob_rep12"),
    *("snareseq_1_0", "snareseq_5_0", "cbmc_1_0", "cbmc_5_0", "mosaic_sim_s1"),
    *SIMULATED,
    *NEW,
    *("her2st_A1", "her2st_B1", "her2st_C1", "her2st_D1", "lymph_node_A1"),
    *("dlpfc_151673", "dlpfc_pcs_151507", "merfish_pcs-0.09"),
)
BORDERS = {
    "gradual, simulated": ("sim_border_2", "sim_border_4", "new_border_1", "new_border_3"),
    "sharp, simulated": ("sim_usual", "sim_tiles_4", "new_layers", "new_rare"),
    "large and small, simulated": ("sim_coarse_fine",),
    "STARmap cortex": ("starmap_visual_cortex",),
}
_NEAR = 2.0


def main() -> None:
    """Run what is not yet there, or print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--seeds", type=numbers, default=list(range(5)), help="such as 0-4")
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    table = Table(given.results / "leads.csv", COLUMNS, RUN, RUN)
    if given.report:
        report(pd.DataFrame(table.rows()))
        return
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    names = expand(list(given.sets), sets.every())
    for seed in given.seeds:
        for name in names:
            there = {tuple(row[key] for key in RUN) for row in table.rows()}
            wanted = [d for d in given.designs if (name, str(seed), d) not in there]
            if wanted:
                run(sets.load(name, given.data, given.cache), seed, wanted, table)


def run(labelled: sets.LabelledSet, seed: int, designs: list[str], table: Table) -> None:
    """Try designs on a set; those that do not apply leave a row without scores."""
    opened, courses = Opened.of(labelled, seed), Courses(labelled, seed)
    rows = []
    for design in designs:
        began = time.process_time()
        tried = DESIGNS[design](opened, courses)
        seconds = time.process_time() - began
        row: dict[str, Any] = {"set": labelled.name, "seed": seed, "design": design}
        row |= {"family": family_of(labelled.name, labelled.group)}
        if tried is not None:
            row |= score(tried.z, opened, labelled.group) | {"seconds": seconds}
            row |= {"linear": tried.linear, "unseen": tried.unseen, "epochs": tried.epochs}
        rows.append(row | origin())
        print(labelled.name, seed, design, row.get("probe"), row.get("ari"), flush=True)
    table.replace(rows)


def score(z: NDArray[np.floating], opened: Opened, group: str) -> dict[str, float]:
    """Probe, ARI and agreement near borders; real sections by their first labeling."""
    found = []
    for truth in list(opened.truths.values())[: 1 if group == "real tissue" else None]:
        probe = metrics.blocked_knn_probe(z, truth, opened.coords)
        labels = find_clusters(z, scoring.n_kinds(truth), seed=opened.seed).labels
        near = agreement_near_borders(labels, truth, opened.coords)
        found.append((probe, metrics.ari(truth, labels), near))
    probe, ari, border = np.mean(found, axis=0)
    return {"probe": float(probe), "ari": float(ari), "border": float(border)}


def agreement_near_borders(
    labels: NDArray[np.integer], truth: NDArray[np.object_], coords: NDArray[np.floating]
) -> float:
    """Share of the labelled spots within two steps of another label that are in its cluster."""
    known = np.array([one is not None for one in truth]) & (labels >= 0)
    codes = np.unique(truth[known].astype(str), return_inverse=True)[1]
    found = np.unique(labels[known], return_inverse=True)[1]
    counts = np.zeros((found.max() + 1, codes.max() + 1))
    np.add.at(counts, (found, codes), 1)
    rows, columns = linear_sum_assignment(-counts)
    matched = np.full(len(counts), -1)
    matched[rows] = columns
    tree = cKDTree(coords[known])
    step = np.median(tree.query(coords[known], 2)[0][:, 1])
    pairs = tree.query_pairs(_NEAR * step * 1.01, output_type="ndarray")
    across = pairs[codes[pairs[:, 0]] != codes[pairs[:, 1]]]
    near = np.unique(across)
    return float(np.mean(matched[found[near]] == codes[near]))


def report(rows: pd.DataFrame) -> None:
    """Print means and spread by family, what was predicted of data not seen, and borders."""
    rows[list(SCORES)] = rows[list(SCORES)].apply(pd.to_numeric)
    rows = rows.dropna(subset="probe")
    order = [design for design in DESIGNS if design in set(rows["design"])]
    print(f"{rows['set'].nunique()} sets, seeds {', '.join(sorted(set(rows['seed'])))}\n")
    for value in ("probe", "ari"):
        print(f"### {value}, mean over seeds ± largest spread between seeds\n")
        print(markdown(by_family(rows, value).reindex(order)))
        print(f"### {value}, less that of the start on the same sets and seeds\n")
        print(markdown(differences(rows, value).reindex(order[1:])))
    trained = rows.dropna(subset="unseen")
    told = trained.groupby("design", sort=False).agg(
        sets=("set", "nunique"),
        start=("linear", "mean"),
        trained=("unseen", "mean"),
        better=("unseen", lambda x: float(np.mean(x > trained.loc[x.index, "linear"] + 1e-3))),
        epochs=("epochs", "median"),
    )
    print("### What was not seen\n")
    print(markdown(told.reindex([d for d in order if d in told.index]).round(4)))
    near = {
        kind: rows[rows["set"].isin(members)].groupby("design")["border"].mean()
        for kind, members in BORDERS.items()
    }
    seconds = rows.groupby("design")["seconds"].mean()
    print("### Agreement within two spots of a border; seconds of the design\n")
    print(markdown(pd.DataFrame(near | {"seconds": seconds}).reindex(order).round(3)))


def by_family(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Text "mean ± spread": the largest difference between seeds on any set of the family."""
    each = rows.groupby(["design", "family", "set"], sort=False)[value]
    spread = (each.max() - each.min()).groupby(["design", "family"], sort=False).max()
    mean = each.mean().groupby(["design", "family"], sort=False).mean()
    text = mean.map("{:.3f}".format) + " ± " + spread.map("{:.3f}".format)
    return text.unstack().fillna("")


def differences(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Mean over the sets that a design applies to, less the start's there; by family and over them."""
    keys = ["family", "set", "seed"]
    first = rows[rows["design"] == START].set_index(keys)[value]
    gain = (
        rows.set_index(keys)[value] - first.reindex(pd.MultiIndex.from_frame(rows[keys])).to_numpy()
    )
    table = gain.groupby([rows["design"].to_numpy(), gain.index.get_level_values("family")]).mean()
    wide = table.unstack()
    return wide.assign(mean=wide.mean(axis=1)).round(3)


if __name__ == "__main__":
    main()
