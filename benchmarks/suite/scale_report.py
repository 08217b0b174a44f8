"""The page and the plot of benchmarks/scale.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .staged import STAGES

Row = dict[str, Any]
COLORS = {
    "smartcore": "#c0392b",
    "smartcore, trained": "#e59866",
    "bio-SMART": "#2c3e50",
    "SpatialGlue": "#7f8c8d",
}

_TITLE = """# Time and memory

<!-- Written by benchmarks/scale.py --report, its text in benchmarks/suite/scale_report.py. -->

What a fit costs by the number of spots: `python benchmarks/scale.py` measures it (`--help` says how to choose methods and sizes; what was run before is kept), `--report` writes this page. Measured on {machines}.
"""

_COMPONENTS = """## From components to the embedding

Square grids with domains of 12 kinds, 30 + 30 simulated components, 4 spatial neighbours. Each method runs in a process of its own, with its defaults and to its own stop: `smartcore`, whose default finds its weights in closed form; the same trained for 50 epochs (`epochs=50`); `bio-SMART` 0.1.2 with its tutorials' settings, of which only the fusion layer is trained{spatialglue}. Seconds are those of the clock, without imports and reading; the memory is the greatest that the process had, libraries (about 0.5 GB) and input included. `bio-SMART` looks for triplets among 20,000 spots at most, drawn at random: beyond that size most spots have none.

![Seconds and memory by number of spots](images/scale.png)
"""

_SPATIALGLUE = '; `SpatialGlue` 1.1.5 with the 600 epochs of its "SPOTS" settings'

_COUNTS = """## From counts to the embedding

{n_spots:,} spots, 20,000 genes and 30 proteins. `smartcore`: `pp.rna`, `pp.protein`, `integrate`. `bio-SMART`: scanpy's filter, 3,000 variable genes (`seurat_v3`), normalisation, log1p, scaling to a dense matrix and 30 components, centred log-ratios and components of the proteins; then as above.
"""

_QUALITY = """## What tiles and approximate neighbours change

ARI of a Gaussian mixture at the true number of domains, mean over 3 seeds (least to most): the fit on the whole graph with exact neighbours; in 8 tiles (`step_spots`); with neighbours searched among cells of feature space as beyond 50,000 spots; and with both. Recall: the share of the nearest neighbours that the search found.
"""


def write(rows: Sequence[Row], docs: Path) -> None:
    """Write ``scale.md`` and ``images/scale.png`` under `docs`."""
    threads = {(row["machine"], row["threads"]) for row in rows if row["case"] != "quality"}
    machines = "; ".join(f"{machine}, {n} threads" for machine, n in sorted(threads))
    parts = [_TITLE.format(machines=machines)]
    by_case = {case: [r for r in rows if r["case"] == case] for case in _SECTIONS}
    for case, (text, table) in _SECTIONS.items():
        if found := by_case[case]:
            peer = _SPATIALGLUE if any(r["method"] == "SpatialGlue" for r in found) else ""
            parts += [text.format(n_spots=found[0]["n_spots"], spatialglue=peer), table(found)]
    docs.joinpath("images").mkdir(parents=True, exist_ok=True)
    (docs / "scale.md").write_text("\n".join(parts).rstrip() + "\n")
    if by_case["components"]:
        _draw(by_case["components"], docs / "images" / "scale.png")


def _stages(rows: Sequence[Row]) -> str:
    """A line a run: seconds of each stage, and why there are none."""
    rows = sorted(rows, key=lambda row: (row["n_spots"], list(COLORS).index(row["method"])))
    names = [s for s in STAGES if any(s in r.get("seconds", {}) for r in rows)]
    head = ["spots", "method", *names, "total, s", "steps", "ms a step", "memory, GB"]
    lines = []
    for row in rows:
        cells = [f"{row['n_spots']:,}", f"`{row['method']}`"]
        if row["status"] == "done":
            seconds = row["seconds"]
            cells += [f"{seconds[s]:.2f}" if s in seconds else "" for s in names]
            cells += [f"**{row['total']:.1f}**"]
            if row["steps"]:
                each = 1000 * seconds["training"] / row["steps"]
                cells += [f"{row['steps']:,}", f"{each:.0f}"]
            else:
                cells += ["", ""]
            cells += [f"{row['peak_gb']:.2f}"]
        else:
            cells += ["" for _ in names] + [row["note"], "", "", f"{row['peak_gb']:.2f} so far"]
        lines.append(cells)
    return _markdown(head, lines)


def _quality(rows: Sequence[Row]) -> str:
    rows = [row for row in rows if row["status"] == "done"]
    lines = []
    for row in rows:
        for variant, scores in row["ari"].items():
            mean = f"{np.mean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"
            recall = f"{row['recall'][variant]:.3f}"
            lines.append([row["method"], f"{row['n_spots']:,}", variant, mean, recall])
    return _markdown(["set", "spots", "fit", "ARI", "recall"], lines)


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    table = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in table)


_SECTIONS = {
    "components": (_COMPONENTS, _stages),
    "counts": (_COUNTS, _stages),
    "quality": (_QUALITY, _quality),
}


def _draw(rows: Sequence[Row], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    sizes = sorted({row["n_spots"] for row in rows})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for axis, name, label in zip(
        axes, ("total", "peak_gb"), ("seconds to the embedding", "memory, GB"), strict=True
    ):
        for method, color in COLORS.items():
            done = [r for r in rows if r["method"] == method and r["status"] == "done"]
            if done:
                spots, values = [r["n_spots"] for r in done], [r[name] for r in done]
                order = np.argsort(spots)
                spots, values = np.array(spots)[order], np.array(values)[order]
                axis.plot(spots, values, "o-", color=color, label=method)
        axis.set(xscale="log", yscale="log", xlabel="spots", ylabel=label)
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes], fontsize=8)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,g}"))
        for each in (axis.xaxis, axis.yaxis):
            each.set_minor_locator(NullLocator())
        axis.grid(which="major", color="0.9")
        axis.spines[["top", "right"]].set_visible(False)
    longest = [r for r in rows if r["method"] == "smartcore" and r["status"] == "done"]
    if longest:
        last = max(longest, key=lambda r: r["n_spots"])
        spots = np.array(sizes)
        linear = last["total"] * spots / last["n_spots"]
        axes[0].plot(spots, linear, ":", color="0.6", label="linear")
    axes[0].legend(frameon=False)
    figure.savefig(file, dpi=150)
    plt.close(figure)
