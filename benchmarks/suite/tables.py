"""Tables of scores, for pages and for the terminal."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from .peers import IMPOSSIBLE
from .registry import families
from .store import COLUMNS, SCORES, Row

FLOOR = "coordinates"

OTHERS = {
    "own_ari": "ARI, own clusters",
    "chaos": "CHAOS",
    "pas": "PAS",
    "spatial_silhouette": "spatial silhouette",
    "ami": "AMI",
    "nmi": "NMI",
    "homogeneity": "homogeneity",
    "fmi": "FMI",
    "morans_i": "Moran's I",
    "silhouette": "silhouette",
}

Groups = dict[str, list[str]]


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows of the tables of results, their numbers as numbers."""
    runs = pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(str)
    numbers = [name for name in (*SCORES, "seconds", "memory_mb") if name != "ari_by_k"]
    runs[numbers] = runs[numbers].apply(pd.to_numeric)
    return runs.astype({"seed": int})


def long(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a score: method, group, set, labeling, seed, score, value."""
    kept = ["method", "group", "set", "labeling", "seed"]
    scores = [name for name in SCORES if name != "ari_by_k"]
    done = runs[runs["status"] == "done"]
    table = done.melt(kept, scores, var_name="score", value_name="value")
    return table.dropna(subset="value").reset_index(drop=True)


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


def further(
    scores: pd.DataFrame, runs: pd.DataFrame, names: list[str], costs_of: dict[str, str]
) -> pd.DataFrame:
    """A row a method: the other scores, and what a run costs on sets by title."""
    means = scores.groupby(["method", "score", "set", "labeling"])["value"].mean()
    wide = means.groupby(["method", "score"]).mean().unstack()
    table = wide.reindex(index=names, columns=list(OTHERS)).rename(columns=OTHERS)
    table = table.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    done = runs[runs["status"] == "done"]
    for title, name in costs_of.items():
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
