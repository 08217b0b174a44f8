"""The files that a finished run is written to."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
from anndata.io import read_elem, write_elem

from smartcore import _keys
from smartcore.cli._figures import DPI, MAX_SPOTS, NAMES, draw, one_figure
from smartcore.cli._summary import Summary
from smartcore.io import StagedFiles
from smartcore.io._spatialdata_results import add_to_store, copy_store

logger = logging.getLogger("smartcore")


@dataclass(frozen=True)
class Outputs:
    """The files of a run, named after its result.

    Attributes
    ----------
    result
        The ``.h5mu`` or ``.h5ad`` file, or the ``.zarr`` store.
    source
        The store that such a store is a copy of.
    """

    result: Path
    source: Path | None = None

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

    def write_embedding(self, files: StagedFiles, data: Any) -> None:
        """Write the result before there are domains; `files` moves it when told to."""
        if self.source is not None:
            self._write_store(files, data, self.source.expanduser().resolve(), linked=False)
            return
        write = data.write_h5mu if self.result.suffix == ".h5mu" else data.write_h5ad
        write(files.stage(self.result), compression="gzip")

    def add_domains(self, files: StagedFiles, data: Any) -> None:
        """Write the result with domains: a copy of the one that is there, with what is new."""
        if self.source is not None:
            self._write_store(files, data, self.result.expanduser().resolve(), linked=True)
            return
        temporary = files.stage(self.result)
        needed, free = self.result.stat().st_size, shutil.disk_usage(self.result.parent).free
        if 1.1 * needed > free:
            raise OSError(
                f"no space is left in {self.result.parent}: {needed / 1e6:.1f} MB are needed to "
                f"add the domains, {free / 1e6:.1f} MB are free"
            )
        shutil.copyfile(self.result, temporary)
        memberships, record = f"{_keys.DOMAINS}_memberships", f"{_keys.DOMAINS}_clusters"
        with h5py.File(temporary, "r+") as file:
            # What is written there is not all that the object has: MuData repeats columns.
            obs = read_elem(file["obs"])
            obs[_keys.DOMAINS] = pd.Categorical(data.obs[_keys.DOMAINS])
            write_elem(file, "obs", obs)
            if memberships in data.obsm:
                write_elem(file, f"obsm/{memberships}", data.obsm[memberships])
            write_elem(file, f"uns/{record}", data.uns[record])

    def _write_store(self, files: StagedFiles, data: Any, source: Path, *, linked: bool) -> None:
        temporary = files.stage(self.result, store=True)
        copy_store(source, temporary, linked=linked)
        add_to_store(temporary, data, key=_keys.RESULT)

    def write_tables(self, files: StagedFiles, summary: Summary) -> None:
        """Write domains, and how their number was chosen where it was."""
        summary.table().to_csv(files.stage(self.beside("domains.csv")), index=False)
        if summary.choice is not None:
            summary.choice.to_csv(files.stage(self.beside("n_clusters.csv")))

    def write_scores(self, files: StagedFiles, summary: Summary) -> None:
        """Write the agreement with the annotation, where there is one."""
        if summary.scores is not None:
            table = pd.Series(summary.scores, name="value").rename_axis("score")
            table.to_csv(files.stage(self.beside("scores.csv")))

    def write_figures(
        self,
        data: Any,
        summary: Summary,
        *,
        seed: int,
        max_spots: int | None = MAX_SPOTS,
        images: bool = False,
        outlines: pd.DataFrame | None = None,
    ) -> None:
        """Draw and write the figures one by one; one that fails is a warning."""
        figures = draw(
            data, summary, seed=seed, max_spots=max_spots, images=images, outlines=outlines
        )
        for name, figure in figures:
            logger.info("drawing %s", self.beside(f"{name}.png"))
            with one_figure(name), StagedFiles() as files:
                figure().savefig(files.stage(self.beside(f"{name}.png")), dpi=DPI)
                files.commit()


def score_text(scores: Mapping[str, float]) -> str:
    """Scores as lines of name and value."""
    width = max(map(len, scores))
    return "\n".join(f"{name:<{width}}  {value:.4f}" for name, value in scores.items())
