"""The files that a finished run is written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from smartcore.cli._figures import DPI, NAMES, draw
from smartcore.cli._summary import Summary
from smartcore.io import StagedFiles


@dataclass(frozen=True)
class Outputs:
    """The files of a run, named after its result.

    Attributes
    ----------
    result
        The ``.h5mu`` or ``.h5ad`` file.
    """

    result: Path

    def beside(self, what: str) -> Path:
        """Path of another file of the run: ``out.h5mu`` → ``out_what``."""
        return self.result.with_name(f"{self.result.stem}_{what}")

    def targets(self, *, figures: bool, truth: bool, choice: bool = False) -> list[Path]:
        """All files that a run may write."""
        names = ["domains.csv"]
        names += ["scores.csv"] if truth else []
        names += ["n_clusters.csv"] if choice else []
        if figures:
            names += [f"{name}.png" for name in NAMES if truth or name != "truth"]
        return [self.result, *map(self.beside, names)]

    def write(
        self, files: StagedFiles, data: Any, summary: Summary, *, figures: bool, seed: int
    ) -> None:
        """Write all files to temporary places; `files` moves them when told to."""
        if figures:
            for name, figure in draw(data, summary, seed=seed):
                figure.savefig(files.stage(self.beside(f"{name}.png")), dpi=DPI)
        summary.table().to_csv(files.stage(self.beside("domains.csv")), index=False)
        if summary.scores is not None:
            table = pd.Series(summary.scores, name="value").rename_axis("score")
            table.to_csv(files.stage(self.beside("scores.csv")))
        if summary.choice is not None:
            summary.choice.to_csv(files.stage(self.beside("n_clusters.csv")))
        write = data.write_h5mu if self.result.suffix == ".h5mu" else data.write_h5ad
        write(files.stage(self.result), compression="gzip")


def score_text(scores: Mapping[str, float]) -> str:
    """Scores as lines of name and value."""
    width = max(map(len, scores))
    return "\n".join(f"{name:<{width}}  {value:.4f}" for name, value in scores.items())
