"""Tables and a figure of the scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from . import choices
from .methods import ABLATIONS, SINGLES, registry
from .peers import IMPOSSIBLE
from .running import read
from .sets import groups

FLOOR = "coordinates"

SCORES = {
    "probe": "Blocked kNN probe",
    "ari_mean": "ARI, mean over K−2 … K+3",
    "ari": "ARI at the labeling's own K",
}

OTHERS = {
    "own_ari": "ARI, own clusters",
    "ami": "AMI",
    "nmi": "NMI",
    "homogeneity": "homogeneity",
    "mutual_info": "MI",
    "v_measure": "V-measure",
    "fmi": "FMI",
    "morans_i": "Moran's I",
    "silhouette": "silhouette",
}

INTRODUCTION = Path(__file__).with_name("introduction.md")


def write(results: Path, docs: Path) -> None:
    """Write ``accuracy.md`` and ``images/accuracy.png`` under `docs`."""
    runs = pd.DataFrame(read(results).values())
    scores = long(runs)
    names = ordered(scores["method"].unique())
    main = [name for name in names if name not in {*ABLATIONS, *SINGLES} and ":" not in name]
    others = [name for name in names if name not in main]
    n_simulations = sum(name.startswith("sim_") for name in groups()["simulated"])
    parts = [INTRODUCTION.read_text().format(n_simulations=n_simulations)]
    for score, title in SCORES.items():
        if not (scores["score"] == score).any():
            continue
        parts += [f"## {title}\n", markdown(by_group(scores, main, score))]
    parts += [
        "## Other scores\n",
        "Over the labelings that a method has: rows of other coverage do not compare.\n",
    ]
    parts += [markdown(further(scores, runs, main))]
    if others:
        parts += ["## Ablations and single modalities\n", "The probe; `robust` for comparison.\n"]
        parts += [markdown(by_group(scores, ["robust", *others], "probe", ranked=False))]
    parts += ["## Probe by set\n", markdown(by_labeling(scores, main, "probe"))]
    if (scores["score"] == "ari_mean").any():
        parts += ["## ARI by set, mean over K−2 … K+3\n"]
        parts += [markdown(by_labeling(scores, main, "ari_mean"))]
    parts += ["## Seeds run\n", "Least to most of a set; of the probe / of clusters.\n"]
    parts += [markdown(seeds(scores, ordered(scores["method"])))]
    parts += ["## What could not be run\n", markdown(not_run(runs, main))]
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "accuracy.md").write_text("\n".join(parts))
    draw(scores, main, docs / "images" / "accuracy.png")
    choices.draw(scores, runs, docs / "images" / "choices.png")


def long(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a score: method, set, seed, group, labeling, score, value."""
    rows = []
    for run in runs[runs["status"] == "done"].to_dict("records"):
        for labeling, scores in run["scores"].items():
            for score, value in scores.items():
                if score != "ari_by_k":
                    rows.append((run["method"], run["group"], run["set"], labeling, score, value))
    return pd.DataFrame(rows, columns=["method", "group", "set", "labeling", "score", "value"])


def ordered(found: Iterable[str]) -> list[str]:
    """Methods in the registry's order, then others."""
    known = [name for family in registry().values() for name in family]
    found = set(found)
    return [n for n in known if n in found] + sorted(found - set(known))


def by_group(
    scores: pd.DataFrame, names: list[str], score: str, *, ranked: bool = True
) -> pd.DataFrame:
    """A row a method: mean, spread and rank in each group."""
    chosen = scores[(scores["score"] == score) & scores["method"].isin(names)]
    runs = chosen.groupby(["method", "group", "set", "labeling"])["value"]
    # One run has no spread.
    spread = runs.std(ddof=0).where(runs.size() > 1)
    each = pd.DataFrame({"mean": runs.mean(), "sd": spread}).reset_index()
    sizes = each.drop_duplicates(["group", "set", "labeling"]).groupby("group").size()
    table = each.groupby(["method", "group"]).agg(
        mean=("mean", "mean"), sd=("sd", "mean"), n=("mean", "size")
    )
    present = [group for group in groups() if group in sizes.index]
    full = {
        name: {
            group: table.loc[(name, group)]
            for group in present
            if (name, group) in table.index and table.loc[(name, group), "n"] == sizes[group]
        }
        for name in names
    }
    ranks = {
        group: pd.Series(
            {n: full[n][group]["mean"] for n in names if group in full[n] and n != FLOOR}
        ).rank(ascending=False, method="min")
        for group in present
    }
    rows = {}
    for name in names:
        row = {"all": "", "groups": ""}
        mine = each[each["method"] == name]
        if len(mine) == sizes.sum():
            row["all"] = f"**{mine['mean'].mean():.3f}**"
            row["groups"] = f"{np.mean([full[name][g]['mean'] for g in present]):.3f}"
        for group in present:
            row[group] = ""
            if group in full[name]:
                cell = full[name][group]
                row[group] = f"{cell['mean']:.3f}"
                if not np.isnan(cell["sd"]):
                    row[group] += f" ± {cell['sd']:.3f}"
                if ranked and name in ranks[group]:
                    row[group] += f" ({ranks[group][name]:.0f})"
            elif (name, group) in table.index:
                cell = table.loc[(name, group)]
                row[group] = f"*{cell['mean']:.3f} of {cell['n']:.0f}/{sizes[group]}*"
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def further(scores: pd.DataFrame, runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row a method: the other scores, and what a run costs on the simulated set and on P22."""
    means = scores.groupby(["method", "score", "set", "labeling"])["value"].mean()
    wide = means.groupby(["method", "score"]).mean().unstack()
    table = wide.reindex(index=names, columns=list(OTHERS)).rename(columns=OTHERS)
    table = table.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    done = runs[runs["status"] == "done"]
    for title, name in (("tri-omics", "tri_omics_sim"), ("P22", "mouse_brain_P22")):
        costs = done[done["set"] == name].groupby("method")[["seconds", "memory_mb"]].median()
        for column, unit, form in (("seconds", "s", "{:.1f}"), ("memory_mb", "MB", "{:.0f}")):
            values = costs[column].reindex(names)
            table[f"{title}, {unit}"] = ["" if pd.isna(v) else form.format(v) for v in values]
    return table


def by_labeling(scores: pd.DataFrame, names: list[str], score: str) -> pd.DataFrame:
    """A row a labeling, a column a method: means over seeds."""
    chosen = scores[(scores["score"] == score) & scores["method"].isin(names)]
    means = chosen.groupby(["set", "labeling", "method"])["value"].mean().unstack()
    order = [name for members in groups().values() for name in members]
    means = means.reindex(columns=names).sort_index(
        level=0, key=lambda index: index.map(order.index), sort_remaining=False
    )
    means.index = [name if label == "truth" else f"{name}, {label}" for name, label in means.index]
    return means.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")


def seeds(scores: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row a method: how many seeds its sets have in each group."""
    kinds = ["probe", "ari_mean"]
    counts = (
        scores[scores["score"].isin(kinds)]
        .groupby(["score", "method", "group", "set", "labeling"])
        .size()
        .groupby(["score", "method", "group"])
        .agg(["min", "max"])
    )
    table = pd.DataFrame("", index=names, columns=list(groups()))
    for name in names:
        for group in table.columns:
            found = [counts.loc[key] for s in kinds if (key := (s, name, group)) in counts.index]
            table.loc[name, group] = " / ".join(
                f"{n['min']}" if n["min"] == n["max"] else f"{n['min']}–{n['max']}" for n in found
            )
    return table


def not_run(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row a method and reason."""
    done = set(runs.loc[runs["status"] == "done", ["method", "set"]].itertuples(index=False))
    pairs = list(runs[["method", "set"]].itertuples(index=False))
    never = [pair not in done for pair in pairs]
    bad = runs[never & runs["method"].isin([*names, *registry()["peers"]])]
    rows = [
        {"method": name, "why": why, "sets": "all", "": "impossible"}
        for name, why in IMPOSSIBLE.items()
    ]
    for (name, status, note), part in bad.groupby(["method", "status", "note"], sort=False):
        where = list(dict.fromkeys(part["set"]))
        rows.append({"method": name, "why": note, "sets": ", ".join(where), "": status})
    tried = set(pairs)
    for name in names:
        if left := [
            one for members in groups().values() for one in members if (name, one) not in tried
        ]:
            rows.append({"method": name, "why": "", "sets": ", ".join(left), "": "not tried"})
    return pd.DataFrame(rows, columns=["method", "", "why", "sets"]).set_index("method")


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, with its index as the first column."""
    lines = [["", *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[f"`{name}`", *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def draw(scores: pd.DataFrame, names: list[str], file: Path) -> None:
    """A panel a group and score; a dot a labeling, a bar their mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    present = [group for group in groups() if (scores["group"] == group).any()]
    rows = ["probe", "ari_mean"]
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
            colors = [
                "C3" if name in ("robust", "paper", "published") else "C0" for name in mean.index
            ]
            ax.scatter(mean, mean.index.map(place), marker="|", s=120, c=colors, lw=2)
            if FLOOR in mean and score == "probe":
                ax.axvline(mean[FLOOR], color="0.5", lw=1, ls=":")
            ax.set_yticks(list(place.values()), list(place))
            ax.set_title(f"{group}", fontsize=10)
            ax.set_xlabel(SCORES[score], fontsize=8)
            ax.grid(axis="x", color="0.93")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)
