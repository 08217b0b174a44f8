"""Figure of the scores by group of sets."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .registry import families
from .tables import FLOOR, Groups


def draw(
    scores: pd.DataFrame,
    names: list[str],
    members: Groups,
    titles: dict[str, str],
    file: Path,
) -> None:
    """A panel a group and score (name → title); a dot a labeling, a bar their mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    present = [group for group in members if (scores["group"] == group).any()]
    rows = list(titles)
    figure, axes = plt.subplots(
        len(rows),
        len(present),
        figsize=(3 * len(present) + 1, len(rows) * (0.22 * len(names) + 1)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    place = {name: -i for i, name in enumerate(names)}
    for score, line in zip(rows, axes, strict=True):
        for group, ax in zip(present, line, strict=True):
            part = scores[(scores["score"] == score) & (scores["group"] == group)]
            part = part[part["method"].isin(names)]
            each = part.groupby(["method", "set", "labeling"])["value"].mean().reset_index()
            ax.plot(each["value"], each["method"].map(place), "o", color="0.7", ms=3)
            # A mean over some of the labelings is no match for one over all.
            n_labelings = len(each[["set", "labeling"]].drop_duplicates())
            whole = each.groupby("method").filter(lambda mine, n=n_labelings: len(mine) == n)
            mean = whole.groupby("method")["value"].mean()
            colors = ["C3" if name in families()["presets"] else "C0" for name in mean.index]
            ax.scatter(mean, mean.index.map(place), marker="|", s=120, c=colors, lw=2)
            if FLOOR in mean and score == "probe":
                ax.axvline(mean[FLOOR], color="0.5", lw=1, ls=":")
            ax.set_yticks(list(place.values()), list(place))
            ax.set_title(f"{group}", fontsize=10)
            ax.set_xlabel(titles[score], fontsize=8)
            ax.grid(axis="x", color="0.93")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)
