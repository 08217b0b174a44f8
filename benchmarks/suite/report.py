"""The pages of results, printed from the tables alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from . import choices, figures, tissue_page
from .registry import ABLATIONS, SINGLES
from .sets import groups, held_out, real
from .store import Store
from .tables import (
    Groups,
    by_group,
    by_labeling,
    frame,
    further,
    long,
    markdown,
    not_run,
    ordered,
    seeds,
)

PAGES = ("real_tissue", "accuracy", "held_out")

SCORES = {
    "probe": "Blocked kNN probe",
    "ari_mean": "ARI, mean over K−2 … K+3",
    "ari_shrunk": "ARI at the labeling's own K",
    "ari_gmm": "ARI at K, mixture with a free shared covariance",
    "ari_mclust": "ARI at K, mclust",
}

# Whose seconds and memory are shown.
COSTS = {
    "tri-omics": "tri_omics_sim",
    "P22": "mouse_brain_P22",
    "1,296 spots": "new_usual",
    "5,184 spots": "new_many_spots",
}

INTRODUCTIONS = Path(__file__).parent


def write(store: Store, pages: Iterable[str], docs: Path, data: Path) -> None:
    """Write ``<page>.md`` and its figures under `docs`, for pages whose sets were run."""
    runs = frame(store.all())
    docs.mkdir(parents=True, exist_ok=True)
    members = {"real_tissue": real(), "accuracy": groups(), "held_out": held_out()}
    for page in pages:
        own = runs[runs["group"].isin(members[page])]
        if own.empty:
            print(f"{page}: left out, none of its sets was run")
            continue
        file = docs / f"{page}.md"
        introduction = (INTRODUCTIONS / f"introduction_{page}.md").read_text()
        if page == "real_tissue":
            published = tissue_page.published(store.folder, data)
            file.write_text("\n".join([introduction, *tissue_page.parts(own, published)]))
            continue
        scores = long(own)
        main = shown(scores)
        file.write_text("\n".join(_parts(introduction, own, scores, main, members[page])))
        titles = {score: SCORES[score] for score in ("probe", "ari_mean")}
        figures.draw(scores, main, members[page], titles, docs / "images" / f"{page}.png")
        if page == "accuracy":
            choices.draw(scores, own, docs / "images" / "choices.png")


def shown(scores: pd.DataFrame) -> list[str]:
    """The methods of the main tables, in order."""
    apart = {*ABLATIONS, *SINGLES}
    return [m for m in ordered(scores["method"].unique()) if m not in apart and ":" not in m]


def _parts(
    introduction: str, runs: pd.DataFrame, scores: pd.DataFrame, main: list[str], members: Groups
) -> Iterator[str]:
    """The page's paragraphs and tables."""
    others = [name for name in ordered(scores["method"].unique()) if name not in main]
    n_simulations = sum(n.startswith(("sim_", "new_")) for own in members.values() for n in own)
    yield introduction.format(n_simulations=n_simulations)
    for score, title in SCORES.items():
        if (scores["score"] == score).any():
            yield f"## {title}\n"
            yield markdown(by_group(scores, main, score, members))
    yield "## Other scores\n"
    yield "Over the labelings that a method has: rows of other coverage do not compare.\n"
    yield markdown(further(scores, runs, main, COSTS))
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
