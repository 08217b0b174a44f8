"""How compact domains are in the tissue, and all spatial scores of each section."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ._continuity import chaos_of, pas_of
from ._labels import Labels
from ._separation import check_sample_size, mean_silhouette
from ._tissue import Section, section_mean, split

_NEEDED = "2 domains, and fewer domains than labelled spots,"


def spatial_silhouette(
    labels: Labels,
    coords: ArrayLike,
    sections: Labels | None = None,
    *,
    sample_size: int | None = 5000,
    seed: int = 0,
) -> float:
    """Mean silhouette width of domains in the tissue (spatial ASW).

    The silhouette of the labels by Euclidean distance between the coordinates: high where a
    domain is one compact region. Layers and rings score low even when they are correct.

    Parameters
    ----------
    labels
        Domain of each spot, shape (n_spots,). Spots without a label are left out.
    coords
        Coordinates in space, shape (n_spots, 2) or (n_spots, 3), in any unit.
    sections
        Section of each spot, shape (n_spots,); None for one section. Sections are scored one by
        one, and the result is their mean, weighted by labelled spots. A section with one domain
        only, or with a domain for each spot, is not scored, with a warning.
    sample_size
        In a section with more labelled spots than this, only a random subset of this size is
        scored, by the distances within the subset; None scores all.
    seed
        Seed of the subset.

    Returns
    -------
    From -1 to 1, higher for more compact domains.

    Raises
    ------
    TypeError
        If `coords` is not numeric.
    ValueError
        If shapes disagree, a coordinate is not finite, no spot is labelled, a spot has no
        section, all spots of a section lie at one place, no section (or the subset of one) has
        2 domains and fewer domains than spots, or `sample_size` is below 2.

    References
    ----------
    Yuan et al., "Benchmarking spatial clustering methods with spatially resolved
    transcriptomics data", Nat Methods 21, 712 (2024), there "ASW"; Rousseeuw, "Silhouettes",
    J Comput Appl Math 20, 53 (1987).

    Examples
    --------
    >>> coords = np.column_stack([np.arange(8), np.zeros(8)])
    >>> round(spatial_silhouette(list("aaaabbbb"), coords), 2)
    0.54
    """
    check_sample_size(sample_size)
    score = partial(_silhouette, sample_size=sample_size, seed=seed)
    return section_mean(score, split(labels, coords, sections), _NEEDED)


def section_spatial_scores(labels: Labels, coords: ArrayLike, sections: Labels) -> pd.DataFrame:
    """All three spatial scores of each section by itself.

    Parameters
    ----------
    labels, coords
        As for :func:`chaos`.
    sections
        Section of each spot, shape (n_spots,).

    Returns
    -------
    A row a section, in natural order; columns ``chaos``, ``pas`` and ``spatial_silhouette``,
    each the function of that name with its defaults. NaN where a section cannot be scored.

    Raises
    ------
    TypeError, ValueError
        As :func:`chaos`, but for sections with fewer than 2 labelled spots.

    Examples
    --------
    >>> coords = np.column_stack([np.tile(np.arange(20), 2), np.zeros(40)])
    >>> labels = [*"aaaaaaaaaabbbbbbbbbb", *"abababababababababab"]
    >>> table = section_spatial_scores(labels, coords, np.repeat(["s1", "s2"], 20))
    >>> table.round(2).loc["s1"].to_dict()
    {'chaos': 0.17, 'pas': 0.0, 'spatial_silhouette': 0.59}
    >>> table.round(2).loc["s2"].to_dict()
    {'chaos': 0.34, 'pas': 0.7, 'spatial_silhouette': -0.09}
    """
    parts = split(labels, coords, sections)
    rows = [[score(part) for score in _SCORES.values()] for part in parts]
    table = pd.DataFrame(rows, index=[part.name for part in parts], columns=list(_SCORES))
    return table.rename_axis("section")


def _silhouette(section: Section, sample_size: int | None = 5000, seed: int = 0) -> float:
    _, points, codes = section
    if not 2 <= len(np.unique(codes)) < len(codes):
        return np.nan
    # Squared distances are differences of squared norms there: an offset would drown them.
    return mean_silhouette(points - points.mean(axis=0), codes, sample_size, seed)


_SCORES = {"chaos": chaos_of, "pas": pas_of, "spatial_silhouette": _silhouette}
