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
from smartcore.given.left_out import rows_there

logger = logging.getLogger("smartcore")

_LEAST_TO_MIX = 10
"""Spots from which mixing is told."""


@dataclass
class Summary:
    """What files and figures show of a result: of the spots that have an embedding.

    Attributes
    ----------
    domains
        Domain of each spot, as text, indexed by spot.
    coordinates
        Columns x, y and, if any, z; one row a spot.
    features
        Features of each modality, (n_spots, n_features), rows of NaN where it has no spot.
    embedding
        Shape (n_spots, n_dims).
    sections
        Section of each spot; None for one section.
    batches
        Batch of each spot; None where no column of batches was named.
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
    embedding: NDArray[np.floating]
    sections: pd.Series | None = None
    batches: pd.Series | None = None
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
        batch_key: str | None = None,
        truth: str | None = None,
    ) -> Summary:
        """Summarise data that have an embedding and domains."""
        from smartcore import metrics

        # Spots that were left out have no embedding.
        embedding = data.obsm[_keys.EMBEDDING]
        there = rows_there(embedding)
        names = data.obs_names[there]
        domains = data.obs[_keys.DOMAINS].loc[names].astype(str)
        features = features_of(data, reps)
        summary = cls(
            domains,
            coordinates_of(data, spatial_key).loc[names],
            {m: x[there] for m, x in features.items()},
            embedding[there],
        )
        if section_key is not None:
            summary.sections = find_labels(data, section_key).values.reindex(names)
        if batch_key is not None:
            summary.batches = find_labels(data, batch_key).values.reindex(names)
        if truth is not None:
            labels = find_labels(data, truth)
            logger.info("annotation: %s, %d spots", labels.place, len(labels.values))
            summary.truth = labels.values.reindex(names)
            summary.scores = metrics.scores(summary.truth, domains)
        for what, groups in (("sections", summary.sections), ("batches", summary.batches)):
            if groups is not None:
                _log_mixing(what, groups, summary.embedding)
        if summary.sections is not None and summary.truth is not None:
            by_section = metrics.section_ari(summary.truth, domains, summary.sections).dropna()
            text = ", ".join(f"{name} {value:.2f}" for name, value in by_section.items())
            logger.info("ARI by section: %s", text)
        return summary

    def table(self) -> pd.DataFrame:
        """One row a spot: spot, domain, x, y and, if any, z, section and batch."""
        parts = [self.domains.rename("domain"), self.coordinates]
        for name, groups in (("section", self.sections), ("batch", self.batches)):
            if groups is not None:
                parts.append(groups.rename(name))
        table = pd.concat(parts, axis=1)
        return table.rename_axis("spot").reset_index()


def _log_mixing(what: str, groups: pd.Series, embedding: NDArray[np.floating]) -> None:
    """Say how well the groups, sections or batches, mix in the embedding."""
    from smartcore import metrics

    n_groups, n_neighbors = groups.nunique(), min(90, len(embedding))
    if n_groups > 1 and n_neighbors >= _LEAST_TO_MIX:
        logger.info("computing how well the %s mix", what)
        logger.info(
            "mixing of the %d %s: iLISI %.2f, kBET %.2f (0: apart, 1: mixed)",
            n_groups,
            what,
            metrics.ilisi(embedding, groups, n_neighbors=n_neighbors),
            metrics.kbet(embedding, groups),
        )
