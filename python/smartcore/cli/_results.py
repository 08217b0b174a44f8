"""What a finished run holds, and the files it is written to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io import StagedFiles

logger = logging.getLogger("smartcore")


_LEAST_TO_MIX = 10
"""Spots from which mixing is told."""


class Labels(NamedTuple):
    """Labels of spots, and where they were found."""

    values: pd.Series
    place: str


def modalities_of(data: Any) -> Mapping[str, AnnData]:
    """Modalities of a MuData or a dict; none for a single AnnData."""
    return {} if isinstance(data, AnnData) else data if isinstance(data, dict) else data.mod


def find_labels(data: Any, column: str) -> Labels:
    """Find a column of ``obs``, in the data itself or in its modalities.

    Parameters
    ----------
    data
        AnnData, MuData or a dict of modalities.
    column
        The column; ``rna:column`` looks in the modality rna only.

    Returns
    -------
    Labels
        One label for each spot that has one, missing ones left out, and a text such as
        ``obs['column'] of rna``.

    Raises
    ------
    KeyError
        If there is no such column; the message lists those that are there.
    ValueError
        If modalities have different labels for the same spot.
    """
    modalities = modalities_of(data)
    tables = {name: adata.obs for name, adata in modalities.items()}
    if not isinstance(data, dict):
        if column in data.obs:
            return Labels(data.obs[column].astype(object).dropna(), f"obs[{column!r}]")
        tables = {"": data.obs, **tables}
    prefix, _, rest = column.partition(":")
    if rest and prefix in modalities:
        tables, column = {prefix: modalities[prefix].obs}, rest
    found = {place: table[column] for place, table in tables.items() if column in table}
    if not found:
        there = "; ".join(
            f"obs{' of ' * bool(name)}{name} has {', '.join(table.columns) or 'nothing'}"
            for name, table in tables.items()
        )
        raise KeyError(f"no column {column!r}: {there}")
    values = pd.concat([labels.astype(object).dropna() for labels in found.values()])
    different = values.groupby(level=0).nunique() > 1
    if different.any():
        raise ValueError(
            f"{' and '.join(found)} have different {column!r} for {different.sum()} spots; name "
            f"one of them, as in '{next(iter(modalities))}:{column}'"
        )
    where = " and ".join(filter(None, found))
    place = f"obs[{column!r}]" + (f" of {where}" if where else "")
    return Labels(values[~values.index.duplicated()], place)


def coordinates_of(data: Any, key: str) -> pd.DataFrame:
    """Coordinates of all spots, wherever in the data they are: columns x, y and, if any, z."""
    holders = [data, *modalities_of(data).values()]
    parts = [
        pd.DataFrame(np.asarray(holder.obsm[key], dtype=float), index=holder.obs_names)
        for holder in holders
        if key in holder.obsm
    ]
    if not parts:
        raise KeyError(f"no coordinates in obsm[{key!r}]")
    table = pd.concat(parts)
    table = table[~table.index.duplicated()].reindex(data.obs_names)
    return table.set_axis([*"xyz", *map(str, range(3, table.shape[1]))][: table.shape[1]], axis=1)


def features_of(data: Any, reps: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Features of every modality over all spots, rows of NaN where a modality has no spot."""
    result = {}
    for name, adata in (modalities_of(data) or {next(iter(reps)): data}).items():
        values = adata.obsm[reps[name]]
        values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        table = pd.DataFrame(values.astype(np.float64), index=adata.obs_names)
        result[name] = table.reindex(data.obs_names).to_numpy()
    return result


@dataclass
class Summary:
    """What files and figures show of a result.

    Attributes
    ----------
    domains
        Domain of each spot, as text, indexed by spot.
    coordinates
        Columns x, y and, if any, z; one row a spot.
    features
        Features of each modality, (n_spots, n_features), rows of NaN where it has no spot.
    sections
        Section of each spot; None for one section.
    truth
        Annotation of each spot, missing where it has none; None if none was asked for.
    scores
        Agreement of the domains with the annotation.
    choice
        Criteria for each number of domains, where the number was chosen.
    """

    domains: pd.Series
    coordinates: pd.DataFrame
    features: dict[str, NDArray[np.float64]]
    sections: pd.Series | None = None
    truth: pd.Series | None = None
    scores: dict[str, float] | None = None
    choice: pd.DataFrame | None = None

    @classmethod
    def of(
        cls,
        data: Any,
        reps: Mapping[str, str],
        *,
        spatial_key: str = _keys.SPATIAL,
        section_key: str | None = None,
        truth: str | None = None,
    ) -> Summary:
        """Summarise data that have an embedding and domains."""
        from smartcore import metrics

        domains = data.obs[_keys.DOMAINS].astype(str)
        summary = cls(domains, coordinates_of(data, spatial_key), features_of(data, reps))
        if section_key is not None:
            summary.sections = find_labels(data, section_key).values.reindex(data.obs_names)
        if truth is not None:
            labels = find_labels(data, truth)
            logger.info("annotation: %s, %d spots", labels.place, len(labels.values))
            summary.truth = labels.values.reindex(data.obs_names)
            summary.scores = metrics.scores(summary.truth, domains)
        if summary.sections is not None:
            summary.log_sections(summary.sections, data.obsm[_keys.EMBEDDING])
        return summary

    def log_sections(self, sections: pd.Series, embedding: NDArray[np.floating]) -> None:
        """Say how well sections mix, and how well the domains of each fit the annotation."""
        from smartcore import metrics

        n_sections, n_neighbors = sections.nunique(), min(90, len(embedding))
        if n_sections > 1 and n_neighbors >= _LEAST_TO_MIX:
            logger.info(
                "mixing of the %d sections: iLISI %.2f, kBET %.2f (0: apart, 1: mixed)",
                n_sections,
                metrics.ilisi(embedding, sections, n_neighbors=n_neighbors),
                metrics.kbet(embedding, sections),
            )
        if self.truth is not None:
            by_section = metrics.section_ari(self.truth, self.domains, sections).dropna()
            text = ", ".join(f"{name} {value:.2f}" for name, value in by_section.items())
            logger.info("ARI by section: %s", text)

    def table(self) -> pd.DataFrame:
        """One row a spot: spot, domain, x, y and, if any, z and section."""
        parts = [self.domains.rename("domain"), self.coordinates]
        if self.sections is not None:
            parts.append(self.sections.rename("section"))
        table = pd.concat(parts, axis=1)
        return table.rename_axis("spot").reset_index()


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
        from smartcore.cli._figures import NAMES

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
            from smartcore.cli._figures import DPI, draw

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
