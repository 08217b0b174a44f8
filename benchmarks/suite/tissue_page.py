"""The page of real tissue: by section, beside published scores; by family; seeds run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from .real_noise import REAL_NOISE
from .real_tissue import COLUMNS, FAMILIES, REAL_TISSUE
from .registry import SINGLES, families
from .store import write_whole
from .tables import long, markdown, not_run, ordered

PUBLISHED = "published.csv"
_MEDIANS = "published_ari_medians.csv"
# How the source names a section → set and labeling; only where the labels are the same.
_SECTIONS = {
    **{f"DLPFC{n}": (f"dlpfc_{n}", "truth") for n in (151673, 151674)},
    **{f"DLPFC{n}": (f"dlpfc_pcs_{n}", "truth") for n in (151507, 151508, 151671)},
    "mVC": ("starmap_visual_cortex", "label_benchmarkst"),
    "mPFC20180417_BZ5_control": ("starmap_mpfc_BZ5", "truth"),
    "mPFC20180424_BZ14_control": ("starmap_mpfc_BZ14", "truth"),
    **{f"mHypothalamus-{n}": (f"merfish_pcs-{n}", "truth") for n in ("0.04", "0.09", "0.19")},
}
# How it names the methods that it has in a second column, or abbreviates.
_METHODS = {
    "adept_aris": "ADEPT",
    "ccst_aris": "CCST",
    "congi_aris": "conGI",
    "const_aris": "conST",
    "stagate_aris": "STAGATE",
}
_SHOWN = ("GraphST", "STAGATE")
_COUNTS = ("DLPFC", "STARmap", "mPFC", "MOB")
_TITLES = {
    "probe": "Blocked kNN probe",
    "ari_shrunk": "ARI at the labels' K",
    "ari_mean": "ARI, mean over K−2 … K+3",
    "ari_gmm": "ARI at K, mixture with a free shared covariance",
    "ari_mclust": "ARI at K, mclust",
    "chaos": "CHAOS (lower is smoother)",
    "pas": "PAS (lower is smoother)",
    "spatial_silhouette": "Spatial silhouette",
}
_COSTS = ("starmap_mpfc_BZ5", "starmap_visual_cortex", "dlpfc_151673")


def published(folder: Path, data: Path) -> pd.DataFrame:
    """Published median ARIs of our sections: set, labeling, method, ari.

    From the table among the results, which is made anew where the source is there.
    """
    source, kept = data / "real_tissue" / _MEDIANS, folder / PUBLISHED
    if source.is_file():
        found = pd.read_csv(source).set_index("dataset").rename(columns=_METHODS)
        # Where it has two medians of a method, the better one.
        found = found.T.groupby(level=0).max().T
        rows = [
            (*_SECTIONS[section], method, value)
            for section, values in found.iterrows()
            if section in _SECTIONS
            for method, value in values.dropna().items()
        ]
        table = pd.DataFrame(rows, columns=["set", "labeling", "method", "ari"])
        ordered_rows = table.sort_values(["set", "labeling", "method"])
        write_whole(kept, ordered_rows.to_csv(index=False))
    return pd.read_csv(kept) if kept.is_file() else pd.DataFrame([], columns=_COLUMNS)


_COLUMNS = ["set", "labeling", "method", "ari"]


def main_labeling(name: str) -> str:
    """The labeling of a section that means are of."""
    return next(iter(COLUMNS.get(name, ["truth"])))


def parts(runs: pd.DataFrame, medians: pd.DataFrame) -> Iterator[str]:
    """The page's tables."""
    scores = long(runs)
    tissue = scores[scores["group"] == "real tissue"]
    names = _shown(tissue)
    yield "## Means by family\n"
    yield (
        "Mean over the family's sections ± standard deviation over seeds; `counts`: mean of the "
        "families with counts, `all`: of all. *Italics*: some sections only.\n"
    )
    for score, title in _present(tissue):
        yield f"### {title}\n"
        yield markdown(by_family(tissue, names, score))
    yield "## By section\n"
    yield "Mean over seeds.\n"
    for score, title in _present(tissue):
        yield f"### {title}\n"
        yield markdown(by_section(tissue, names, score, medians))
    for group, title, columns in (
        ("real noise", "Real count noise, two modalities", _of_draws),
        ("kinds", "Types of cells as labels", lambda name: name.removesuffix("_kinds")),
    ):
        own = scores[scores["group"] == group]
        if own.empty:
            continue
        yield f"## {title}\n"
        for score, what in _present(own):
            if score in ("probe", "ari_shrunk", "ari_mean"):
                yield f"### {what}\n"
                yield markdown(by_columns(own, _shown(own, singles=True), score, columns))
    yield "## Seconds and memory\n"
    yield markdown(costs(runs, names))
    yield "## Seeds run\n"
    yield markdown(seeds(tissue, names))
    yield "## What could not be run\n"
    yield markdown(not_run(runs, names, {"real tissue": REAL_TISSUE}))


def by_family(scores: pd.DataFrame, names: list[str], score: str) -> pd.DataFrame:
    """A row a method: mean over each family's sections ± SD over seeds of that mean."""
    table = pd.DataFrame("", index=names, columns=["all", "counts", *FAMILIES])
    main = scores["labeling"] == scores["set"].map(main_labeling)
    chosen = scores[main & (scores["score"] == score)]
    for name in names:
        wide = chosen[chosen["method"] == name].pivot(index="seed", columns="set", values="value")
        whole = {}
        for family, members in FAMILIES.items():
            found = [member for member in members if member in wide]
            if not found:
                continue
            # Seeds that some section lacks would change the mean, not the spread.
            values = wide[found].dropna().mean(axis=1)
            if values.empty:
                continue
            table.loc[name, family] = _spread(values)
            if len(found) == len(members):
                whole[family] = values
            else:
                table.loc[name, family] = f"*{_spread(values)} of {len(found)}/{len(members)}*"
        for column, wanted in (("all", tuple(FAMILIES)), ("counts", _COUNTS)):
            if set(wanted) <= set(whole):
                values = pd.concat([whole[f] for f in wanted], axis=1).dropna().mean(axis=1)
                table.loc[name, column] = f"**{_spread(values)}**" if len(values) else ""
    return table


def _spread(values: pd.Series) -> str:
    text = f"{values.mean():.3f}"
    return f"{text} ± {values.std(ddof=0):.3f}" if len(values) > 1 else text


def by_section(
    scores: pd.DataFrame, names: list[str], score: str, medians: pd.DataFrame
) -> pd.DataFrame:
    """A row a section and labeling, a column a method; of ARI at K published medians, too."""
    chosen = scores[(scores["score"] == score) & scores["method"].isin(names)]
    means = chosen.groupby(["set", "labeling", "method"])["value"].mean().unstack()
    means = means.reindex(columns=names)
    keys = [(s, y) for s in REAL_TISSUE for y in COLUMNS.get(s, ["truth"])]
    means = means.reindex([key for key in keys if key in means.index])
    table = means.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    if score == "ari_shrunk" and not medians.empty:
        wide = medians.pivot(index=["set", "labeling"], columns="method", values="ari")
        for name in _SHOWN:
            table[f"published: {name}"] = _column(wide[name], table.index)
        best = wide.idxmax(axis=1) + " " + wide.max(axis=1).map("{:.3f}".format)
        table["published: best of nine"] = [best.get(key, "") for key in table.index]
    table.index = [s if y == "truth" else f"{s}, {y}" for s, y in table.index]
    return table


def _column(values: pd.Series, index: pd.Index) -> list[str]:
    found = values.reindex(index)
    return ["" if pd.isna(value) else f"{value:.3f}" for value in found]


def by_columns(
    scores: pd.DataFrame, names: list[str], score: str, column_of: Callable[[str], str]
) -> pd.DataFrame:
    """A row a method, sets that share a column as one: mean over them ± their SD."""
    chosen = scores[(scores["score"] == score) & scores["method"].isin(names)]
    means = chosen.groupby(["method", "set"])["value"].mean().reset_index()
    means["column"] = means["set"].map(column_of)
    cells = means.groupby(["method", "column"])["value"].agg(_spread).unstack()
    order = list(dict.fromkeys(means["column"]))
    return cells.reindex(index=names, columns=order).fillna("")


def _of_draws(name: str) -> str:
    draw = REAL_NOISE[name]
    return f"{draw.cells}, {draw.cells_per_spot} a spot"


def costs(runs: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row a method: median seconds and MB on some sections."""
    done = runs[(runs["status"] == "done") & runs["set"].isin(_COSTS)]
    medians = done.groupby(["method", "set"])[["seconds", "memory_mb"]].median()
    table = pd.DataFrame("", index=names, columns=list(_COSTS))
    for (name, where), (seconds, memory) in medians.iterrows():
        if name in table.index:
            table.loc[name, where] = f"{seconds:.1f} s, {memory:.0f} MB"
    return table


def seeds(scores: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A row a method: least to most seeds of a family's sections that were run."""
    probes = scores[scores["score"] == "probe"]
    counts = probes.groupby(["method", "set"])["seed"].nunique()
    table = pd.DataFrame("", index=names, columns=list(FAMILIES))
    for name in names:
        for family, members in FAMILIES.items():
            found = [int(counts.get((name, member), 0)) for member in members]
            least, most = min(found), max(found)
            table.loc[name, family] = f"{least}" if least == most else f"{least}–{most}"
    return table


def _present(scores: pd.DataFrame) -> list[tuple[str, str]]:
    found = set(scores["score"])
    return [(score, title) for score, title in _TITLES.items() if score in found]


def _shown(scores: pd.DataFrame, *, singles: bool = False) -> list[str]:
    ablations = set(families()["ablations"])
    return [
        name
        for name in ordered(scores["method"].unique())
        if ":" not in name and name not in ablations and (singles or name not in SINGLES)
    ]
