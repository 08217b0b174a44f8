"""Serial sections with and without links between them, by how well they are registered.

Simulated: four sections of one tissue, RNA alone, on grids of 18 x 18 spots, each measured in a
batch of its own. The domains are at the same places in all. Where registration is wrong, each
section but the first is shifted by so many steps in a direction of its own, x and y alike. Sections
lie at distances of --spacing steps.

For each seed: domains by smartcore.tl.smart and smartcore.tl.cluster at the true number, with
link_sections off and on; ARI over all spots. The truth serves for the scores alone. Prints each
score, and then the median, the least and the greatest of the seeds.
"""

from __future__ import annotations

import os

# Small problems are slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd

import smartcore as sm

SHAPE, N_SECTIONS = (18, 18), 4


def simulate(seed: int, signal: float) -> dict:
    """Section → MuData with components."""
    sections = sm.datasets.sections(
        [SHAPE] * N_SECTIONS, batch_effect=0.5, seed=seed, signal=signal, modalities=["rna"]
    )
    sm.pp.rna({name: mdata["rna"] for name, mdata in sections.items()}, seed=seed, progress=False)
    return sections


def placed(sections: dict, spacing: float, error: float, seed: int) -> dict:
    """The sections with coordinates of three dimensions."""
    rng = np.random.default_rng(seed)
    parts = {}
    for i, (name, mdata) in enumerate(sections.items()):
        adata = mdata["rna"].copy()
        angle = rng.uniform(0, 2 * np.pi)
        shift = error * (i > 0) * np.array([np.cos(angle), np.sin(angle)])
        xy = adata.obsm["spatial"] + shift
        adata.obsm["spatial"] = np.column_stack([xy, np.full(len(xy), spacing * i)])
        parts[name] = adata
    return parts


def ari(parts: dict, seed: int, **params: object) -> float:
    """Of the domains of all sections together."""
    sm.tl.smart(parts, seed=seed, progress=False, **params)
    truth = np.concatenate([part.obs["domain"].astype(str) for part in parts.values()])
    sm.tl.cluster(parts, n_clusters=len(set(truth)), seed=seed)
    return sm.metrics.ari(truth, np.concatenate([part.obs["smart"] for part in parts.values()]))


def rows(args: argparse.Namespace, seed: int) -> Iterator[dict]:
    """A row a score."""
    sections = simulate(seed, args.signal)
    flat = placed(sections, 1.0, 0.0, seed)
    yield {"spacing": "", "error": "", "how": "not linked", "ari": ari(flat, seed)}
    for spacing in args.spacing:
        for error in args.errors:
            parts = placed(sections, spacing, error, seed)
            score = ari(parts, seed, link_sections=True)
            yield {"spacing": spacing, "error": error, "how": "linked", "ari": score}


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--signal", type=float, default=0.08, help="of the simulation")
    parser.add_argument("--spacing", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--errors", type=float, nargs="+", default=[0.0, 1.0, 3.0])
    args = parser.parse_args()
    found = []
    for seed in range(args.seeds):
        for row in rows(args, seed):
            found.append(row)
            print(f"seed {seed}:", *row.values(), flush=True)
    table = pd.DataFrame(found)
    groups = table.groupby(["how", "spacing", "error"], sort=False)["ari"]
    print(groups.agg(["median", "min", "max"]).round(3).to_string())


if __name__ == "__main__":
    main()
