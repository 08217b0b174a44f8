"""Tables and a figure of the scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import choices
from .peers import IMPOSSIBLE
from .registry import ABLATIONS, SINGLES, families
from .running import read
from .sets import groups, held_out

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

# Whose seconds and memory are shown.
COSTS = {
    "tri-omics": "tri_omics_sim",
    "P22": "mouse_brain_P22",
    "1,296 spots": "new_usual",
    "5,184 spots": "new_many_spots",
}

INTRODUCTIONS = Path(__file__).parent

Groups = dict[str, list[str]]


def write(results: Path, docs: Path) -> None:
    """Write ``accuracy.md`` and, if its sets were run, ``held_out.md`` under `docs`, and figures."""
    runs = pd.DataFrame(read(results).values())
    docs.mkdir(parents=True, exist_ok=True)
    for page, members in (("accuracy", groups()), ("held_out", held_out())):
        own = runs[runs["group"].isin(members)]
        if own.empty:
            continue
        scores = long(own)
        names = ordered(scores["method"].unique())
        main = [name for name in names if name not in {*ABLATIONS, *SINGLES} and ":" not in name]
        (docs / f"{page}.md").write_text("\n".join(_parts(page, own, scores, main, members)))
        draw(scores, main, members, docs / "images" / f"{page}.png")
        if page == "accuracy":
            choices.draw(scores, own, docs / "images" / "choices.png")


def _parts(
    page: str, runs: pd.DataFrame, scores: pd.DataFrame, main: list[str], members: Groups
) -> Iterator[str]:
    """The page's paragraphs and tables."""
    others = [name for name in ordered(scores["method"].unique()) if name not in main]
    n_simulations = sum(n.startswith(("sim_", "new_")) for own in members.values() for n in own)
    introduction = INTRODUCTIONS / f"introduction_{page}.md"
    yield introduction.read_text().format(n_simulations=n_simulations)
    for score, title in SCORES.items():
        if (scores["score"] == score).any():
            yield f"## {title}\n"
            yield markdown(by_group(scores, main, score, members))
    yield "## Other scores\n"
    yield "Over the labelings that a method has: rows of other coverage do not compare.\n"
    yield markdown(further(scores, runs, main))
    if others:
        yield "## Ablations and single modalities\n"
        yield "The probe; `robust` for comparison.\n"
        yield markdown(by_group(scores, ["robust", *others], "probe", members, ranked=False))
    yield "## Probe by set\n"
    yield markdown(by_labeling(scores, main, "probe", members))
    if (scores["score"] == "ari_mean").any():
        yield "## ARI by set, mean over K−2 … K+3\n"
        yield markdown(by_labeling(scores, main, "ari_mean", members))
    yield "## Seeds run\n"
    yield "Least to most of a set; of the probe / of clusters.\n"
    yield markdown(seeds(scores, ordered(scores["method"]), members))
    yield "## What could not be run\n"
    yield markdown(not_run(runs, main, members))


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
    known = [name for family in families().values() for name in family]
    found = set(found)
    return [n for n in known if n in found] + sorted(found - set(known))


def by_group(
    scores: pd.DataFrame, names: list[str], score: str, members: Groups, *, ranked: bool = True
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
    present = [group for group in members if group in sizes.index]
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
    """A row a method: the other scores, and what a run costs on some sets."""
    means = scores.groupby(["method", "score", "set", "labeling"])["value"].mean()
    wide = means.groupby(["method", "score"]).mean().unstack()
    table = wide.reindex(index=names, columns=list(OTHERS)).rename(columns=OTHERS)
    table = table.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    done = runs[runs["status"] == "done"]
    for title, name in COSTS.items():
        if name not in set(done["set"]):
            continue
        costs = done[done["set"] == name].groupby("method")[["seconds", "memory_mb"]].median()
        for column, unit, form in (("seconds", "s", "{:.1f}"), ("memory_mb", "MB", "{:.0f}")):
            values = costs[column].reindex(names)
            table[f"{title}, {unit}"] = ["" if pd.isna(v) else form.format(v) for v in values]
    return table


def by_labeling(
    scores: pd.DataFrame, names: list[str], score: str, members: Groups
) -> pd.DataFrame:
    """A row a labeling, a column a method: means over seeds."""
    chosen = scores[(scores["score"] == score) & scores["method"].isin(names)]
    means = chosen.groupby(["set", "labeling", "method"])["value"].mean().unstack()
    order = [name for own in members.values() for name in own]
    means = means.reindex(columns=names).sort_index(
        level=0, key=lambda index: index.map(order.index), sort_remaining=False
    )
    means.index = [name if label == "truth" else f"{name}, {label}" for name, label in means.index]
    return means.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")


def seeds(scores: pd.DataFrame, names: list[str], members: Groups) -> pd.DataFrame:
    """A row a method: how many seeds its sets have in each group."""
    kinds = ["probe", "ari_mean"]
    counts = (
        scores[scores["score"].isin(kinds)]
        .groupby(["score", "method", "group", "set", "labeling"])
        .size()
        .groupby(["score", "method", "group"])
        .agg(["min", "max"])
    )
    table = pd.DataFrame("", index=names, columns=list(members))
    for name in names:
        for group in table.columns:
            found = [counts.loc[key] for s in kinds if (key := (s, name, group)) in counts.index]
            table.loc[name, group] = " / ".join(
                f"{n['min']}" if n["min"] == n["max"] else f"{n['min']}–{n['max']}" for n in found
            )
    return table


def not_run(runs: pd.DataFrame, names: list[str], members: Groups) -> pd.DataFrame:
    """A row a method and reason."""
    done = set(runs.loc[runs["status"] == "done", ["method", "set"]].itertuples(index=False))
    pairs = list(runs[["method", "set"]].itertuples(index=False))
    never = [pair not in done for pair in pairs]
    bad = runs[never & runs["method"].isin([*names, *families()["peers"]])]
    rows = [
        {"method": name, "why": why, "sets": "all", "": "impossible"}
        for name, why in IMPOSSIBLE.items()
    ]
    for (name, status, note), part in bad.groupby(["method", "status", "note"], sort=False):
        where = list(dict.fromkeys(part["set"]))
        rows.append({"method": name, "why": note, "sets": ", ".join(where), "": status})
    tried = set(pairs)
    for name in names:
        if left := [one for own in members.values() for one in own if (name, one) not in tried]:
            rows.append({"method": name, "why": "", "sets": ", ".join(left), "": "not tried"})
    return pd.DataFrame(rows, columns=["method", "", "why", "sets"]).set_index("method")


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, with its index as the first column."""
    lines = [["", *table.columns], ["---"] * (1 + len(table.columns))]
    lines += [[f"`{name}`", *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def draw(scores: pd.DataFrame, names: list[str], members: Groups, file: Path) -> None:
    """A panel a group and score; a dot a labeling, a bar their mean."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    present = [group for group in members if (scores["group"] == group).any()]
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
