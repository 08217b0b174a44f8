"""From files to figures: what `smartcore run` takes on a large section, stage by stage.

    python benchmarks/end_to_end.py --against main             # before and after, both sections
    python benchmarks/end_to_end.py --spots 20000 --sections spots --against main

Simulates a section (200,000 spots × 2,000 genes and 30 proteins; 750,000 cells × 400 genes, of which
the number of domains is chosen, too), runs the command line on its files, and measures each stage:
seconds of the clock, seconds of the processor, and peak memory. With --against, the code of another
commit runs in turn with that of this one, so that both meet the same machine; ratios of the
processor's seconds tell more than the clock's where other programs run. Embedding and domains of
both are compared. Writes a table to benchmarks/results and prints one for docs/large.md. Needs
Linux for the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from suite.machine import machine
from suite.section_files import Section, sections, simulate

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "end_to_end.csv"
KEYS = ["section", "spots", "genes", "proteins", "code", "stage"]


def main() -> None:
    """Run, measure, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", nargs="+", choices=list(sections()), default=list(sections()))
    parser.add_argument("--spots", type=int, help="another number of spots, for each section")
    parser.add_argument("--against", metavar="REF", help="a commit whose code runs in turn")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each; the least counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--arguments", default="", help="more for `smartcore run`, in quotes")
    parser.add_argument("--scratch", type=Path, help="where files go (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    rows: list[pd.DataFrame] = []
    with tempfile.TemporaryDirectory(dir=args.scratch) as name, _code(args.against, name) as trees:
        for section in (sections(args.spots)[one] for one in args.sections):
            folder = Path(name, section.title)
            folder.mkdir()
            files = simulate(section, folder)
            print(f"{section.title}: {section.n_spots:,} spots are simulated", flush=True)
            for turn in range(args.repeats):
                for code, tree in trees.items():
                    rows.append(_run(section, files, folder / code, code, tree, args))
                    print(
                        f"{section.title}, {code}, run {turn + 1}: {_total(rows[-1])}", flush=True
                    )
            if len(trees) > 1:
                print(_agreement(*(folder / code / "out.h5mu" for code in trees)), flush=True)
    table = pd.concat(rows).groupby(KEYS, sort=False).min().reset_index()
    table["machine"], table["threads"] = machine(), args.threads
    print(f"\n{markdown(table)}")
    keep(table, args.results)


def keep(table: pd.DataFrame, file: Path) -> None:
    """Write the rows in place of those of the same sections and sizes; others stay."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        old = pd.read_csv(file)
        measured = pd.MultiIndex.from_frame(table[KEYS[:2]])
        others = old[~pd.MultiIndex.from_frame(old[KEYS[:2]]).isin(measured)]
        table = pd.concat([others, table])
    table.round(3).to_csv(file, index=False)


@contextmanager
def _code(ref: str | None, scratch: str) -> Iterator[dict[str, Path]]:
    """Folder of each code; that of `ref` is a worktree for as long as it is needed."""
    here = HERE.parent
    if ref is None:
        yield {"now": here}
        return
    other = Path(scratch, "before")
    git = ["git", "-C", str(here), "worktree"]
    subprocess.run([*git, "add", "--detach", str(other), ref], check=True, capture_output=True)
    try:
        yield {"before": other, "now": here}
    finally:
        subprocess.run([*git, "remove", "--force", str(other)], check=True)


def _run(
    section: Section,
    files: dict[str, Path],
    folder: Path,
    code: str,
    tree: Path,
    args: argparse.Namespace,
) -> pd.DataFrame:
    """Stages of a run of the code in `tree`."""
    folder.mkdir(exist_ok=True)
    times = folder / "times.json"
    inputs = [part for kind, file in files.items() for part in (f"--{kind}", str(file))]
    command = [sys.executable, "-m", "suite.run_stages", str(times), "run", *inputs]
    command += ["-k", section.n_clusters, "-o", str(folder / "out.h5mu"), "--force"]
    command += ["--threads", str(args.threads), *args.arguments.split()]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(args.threads))
    environment = {**os.environ, **threads, "PYTHONPATH": f"{tree / 'python'}{os.pathsep}{HERE}"}
    with (folder / "messages.txt").open("w") as messages:
        done = subprocess.run(command, env=environment, stdout=messages, stderr=messages)
    if done.returncode:
        raise RuntimeError(f"{code}: {(folder / 'messages.txt').read_text()}")
    stages = json.loads(times.read_text())
    told: dict[str, Any] = {
        "section": section.title,
        "spots": section.n_spots,
        "genes": section.n_genes,
        "proteins": section.n_proteins,
        "code": code,
    }
    return pd.DataFrame([{**told, "stage": stage, **row} for stage, row in stages.items()])


def _total(table: pd.DataFrame) -> str:
    seconds, processor = table["seconds"].sum(), table["processor"].sum()
    return f"{seconds:.0f} s ({processor:.0f} s of the processor), {table['peak'].max():.2f} GB"


def _agreement(*results: Path) -> str:
    """How far embedding and domains of two runs are the same."""
    import mudata
    from sklearn.metrics import adjusted_rand_score

    with mudata.set_options(pull_on_update=False):
        one, other = (mudata.read_h5mu(path) for path in results)
    apart = np.abs(one.obsm["X_smart"] - other.obsm["X_smart"])
    same = "the same bits" if not apart.any() else f"up to {apart.max():.2g} apart"
    ari = adjusted_rand_score(one.obs["smart"].astype(str), other.obs["smart"].astype(str))
    n_domains = [data.obs["smart"].nunique() for data in (one, other)]
    return f"embeddings: {same}; domains: {n_domains[0]} and {n_domains[1]}, ARI {ari:.4f}"


def markdown(table: pd.DataFrame) -> str:
    """The table of a page: a row a stage, its seconds and memory before and now."""
    parts = []
    for (section, spots, genes, proteins), own in table.groupby(KEYS[:4], sort=False):
        codes = list(dict.fromkeys(own["code"]))
        what = f"{genes:,} genes" + (f" and {proteins} proteins" if proteins else "")
        parts.append(f"{section.capitalize()}: {spots:,} × {what}\n")
        head = ["stage", *(f"{code}, s" for code in codes)]
        head += [f"{code}, processor s" for code in codes] + [f"{code}, GB" for code in codes]
        lines = [head, ["---"] * len(head)]
        by = own.pivot(index="stage", columns="code", values=["seconds", "processor", "peak"])
        by = by.reindex(own["stage"].drop_duplicates())
        for stage, row in by.iterrows():
            lines.append([str(stage), *_cells(row, codes)])
        whole = pd.concat([by[["seconds", "processor"]].sum(), by[["peak"]].max()])
        lines.append(["**all**", *(f"**{cell}**" for cell in _cells(whole, codes))])
        parts += [f"| {' | '.join(cells)} |" for cells in lines]
        if len(codes) > 1:
            ratios = [whole[kind][codes[0]] / whole[kind][codes[1]] for kind in _KINDS[:2]]
            parts.append(
                f"\n{ratios[0]:.1f} times as quick by the clock, {ratios[1]:.1f} by the processor.\n"
            )
    return "\n".join(parts)


_KINDS = ("seconds", "processor", "peak")


def _cells(row: pd.Series, codes: list[str]) -> list[str]:
    return [
        "" if np.isnan(row[kind][code]) else f"{row[kind][code]:.{2 if kind == 'peak' else 1}f}"
        for kind in _KINDS
        for code in codes
    ]


if __name__ == "__main__":
    main()
