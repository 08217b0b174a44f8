"""Maps of one real section of each family: the experts' labels and the domains of the default.

python benchmarks/tissue_maps.py        # writes docs/images/real_tissue.png
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import logging
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
from scipy.optimize import linear_sum_assignment
from suite import sets
from suite.clusters import CLUSTERS
from suite.scoring import n_kinds

import smartcore as sm

SECTIONS = {
    "DLPFC 151673": "dlpfc_151673",
    "DLPFC components 151507": "dlpfc_pcs_151507",
    "STARmap visual cortex": "starmap_visual_cortex",
    "mPFC BZ5": "starmap_mpfc_BZ5",
    "MOB": "mob_rep12",
    "MERFISH −0.09": "merfish_pcs-0.09",
}


def matched(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Codes of the domains, each that of the label which most of it has."""
    table = np.array(
        [
            [np.sum((truth == t) & (found == f)) for t in range(truth.max() + 1)]
            for f in range(found.max() + 1)
        ]
    )
    rows, columns = linear_sum_assignment(-table)
    code = np.arange(found.max() + 1) + truth.max() + 1
    code[rows] = columns
    return code[found]


def main() -> None:
    """Draw the maps."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=sets.DATA)
    parser.add_argument("--cache", type=Path, default=sets.CACHE)
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(2, len(SECTIONS), figsize=(15, 5.6), layout="constrained")
    colors = np.array(plt.get_cmap("tab20").colors)[[*range(0, 20, 2), *range(1, 20, 2)]]
    for (title, name), (above, below) in zip(SECTIONS.items(), axes.T, strict=True):
        labelled = sets.load(name, given.data, given.cache)
        labels = next(iter(labelled.truths.values()))
        k = n_kinds(labels)
        fit = sm.integrate(labelled.features, labelled.coords, observed=labelled.observed)
        found = np.asarray(CLUSTERS["shrunk"](fit.embedding, [k], 0)[k])
        known = np.array([label is not None for label in labels])
        names = sorted(set(labels[known]))
        truth = np.array([names.index(label) if label is not None else -1 for label in labels])
        domains = matched(truth, np.unique(found, return_inverse=True)[1])
        ari = sm.metrics.ari(labels[known], found[known])
        xy = labelled.coords
        size = 2500 / len(xy) + 1
        above.scatter(*xy[known].T, s=size, c=colors[truth[known] % 20], linewidths=0)
        below.scatter(*xy.T, s=size, c=colors[domains % 20], linewidths=0)
        above.set_title(title, fontsize=10)
        below.set_title(f"ARI {ari:.2f}", fontsize=10)
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[], aspect="equal")
        ax.invert_yaxis()
        ax.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("experts' labels")
    axes[1, 0].set_ylabel("domains found")
    fig.savefig(given.docs / "images" / "real_tissue.png", dpi=120)


if __name__ == "__main__":
    main()
