"""What a finished run holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.cli._lookup import coordinates_of, features_of, find_labels

logger = logging.getLogger("smartcore")

_LEAST_TO_MIX = 10
"""Spots from which mixing is told."""


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
