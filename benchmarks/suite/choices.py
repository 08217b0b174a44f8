"""Figure of what λ, k, the neighbours' share and the number of clusters do to the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .sets import groups

DEFAULT = "robust"
# Title → what stands below the axis: the method that has it.
PANELS: dict[str, dict[str, str]] = {
    "λ (lam)": {
        "0": "robust:lam=0.0",
        "0.5": "robust:lam=0.5",
        "0.9": DEFAULT,
        "1": "robust:lam=1.0",
    },
    "k (n_neighbors)": {
        "0": "robust:n_neighbors=0",
        "4 or 6": DEFAULT,
        "8": "robust:n_neighbors=8",
    },
    "neighbours' share": {
        "0.2": "robust:neighbor_share=0.2",
        "0.35": "robust:neighbor_share=0.35",
        "0.5": "robust:neighbor_share=0.5",
        "from noise": DEFAULT,
    },
}
AROUND = range(-2, 4)


def draw(scores: pd.DataFrame, runs: pd.DataFrame, file: Path) -> None:
    """A panel a choice, a line a group of sets; circles: the default.

    Parameters
    ----------
    scores
        A row a score, as :func:`suite.tables.long` makes them.
    runs
        A row a labeling of a run, with the ARI by number of clusters.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(
        1, len(PANELS) + 1, figsize=(13, 3.2), layout="constrained", width_ratios=[4, 3, 4, 5]
    )
    probes = scores[scores["score"] == "probe"].groupby(["method", "group", "set", "labeling"])
    means = probes["value"].mean().groupby(["method", "group"]).mean()
    for ax, (title, choices) in zip(axes, PANELS.items(), strict=False):
        for i, group in enumerate(groups()):
            values = [means.get((method, group), np.nan) for method in choices.values()]
            ax.plot(list(choices), values, "-", marker=".", color=f"C{i}", label=group)
            at = list(choices.values()).index(DEFAULT)
            ax.plot([list(choices)[at]], [values[at]], "o", color=f"C{i}", fillstyle="none")
        ax.set(xlabel=title, ylim=(0, 1))
    axes[0].set_ylabel("blocked kNN probe")
    axes[0].legend(frameon=False, fontsize=8)
    table = _by_number(runs[(runs["method"] == DEFAULT) & (runs["status"] == "done")])
    for i, group in enumerate(groups()):
        if group in table.index:
            axes[-1].plot(list(AROUND), table.loc[group], "-", marker=".", color=f"C{i}")
    ticks = ["K" if d == 0 else f"K{'−' if d < 0 else '+'}{abs(d)}" for d in AROUND]
    axes[-1].set(xlabel="clusters (K: kinds of labels)", ylabel="ARI", ylim=(0, 1))
    axes[-1].set_xticks(list(AROUND), ticks)
    fig.savefig(file, dpi=130)
    plt.close(fig)


def _by_number(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean ARI; a row a group of sets, a column a number of clusters less that of kinds."""
    rows = [
        (run["group"], run["set"], run["labeling"], number, value)
        for run in runs.to_dict("records")
        for number, value in _centred(run["ari_by_k"]).items()
    ]
    table = pd.DataFrame(rows, columns=["group", "set", "labeling", "number", "ari"])
    each = table.groupby(["group", "set", "labeling", "number"])["ari"].mean()
    return each.groupby(["group", "number"]).mean().unstack().reindex(columns=list(AROUND))


def _centred(by_number: str) -> dict[int, float]:
    """ARI by the number of clusters less that of kinds; none where some number was not found."""
    found = [float(pair.partition(":")[2]) for pair in by_number.split()]
    return dict(zip(AROUND, found, strict=True)) if len(found) == len(AROUND) else {}
