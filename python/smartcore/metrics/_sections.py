"""Domains section by section."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from smartcore.given.aligned import aligned

from ._labels import Labels, encode
from ._truth import _paired


def section_ari(truth: Labels, predicted: Labels, sections: Labels) -> pd.Series:
    """Adjusted Rand index of each section by itself.

    Parameters
    ----------
    truth, predicted
        As for :func:`smartcore.metrics.ari`.
    sections
        Section of each spot, shape (n_spots,).

    Returns
    -------
    One value a section, in natural order; NaN where no truth is known.

    Raises
    ------
    ValueError
        If lengths differ, a spot has no section, or a spot with a known truth lacks a prediction.

    Examples
    --------
    >>> section_ari(list("aabbab"), [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2]).to_dict()
    {1: 1.0, 2: 0.0}
    """
    truth, predicted, sections = aligned(truth=truth, predicted=predicted, sections=sections)
    codes, names = _complete(sections, len(np.asarray(truth)))
    known = encode(truth, "truth")[0] >= 0
    true, found = _paired(truth, predicted)
    result = pd.Series(np.nan, index=pd.Index(names, name="section"), name="ari")
    for code, name in enumerate(names):
        here = codes[known] == code
        if here.any():
            result[name] = adjusted_rand_score(true[here], found[here])
    return result


def domain_proportions(domains: Labels, sections: Labels) -> pd.DataFrame:
    """Share of each domain among the spots of each section.

    Parameters
    ----------
    domains
        Domain of each spot, shape (n_spots,). Spots without one are left out.
    sections
        Section of each spot, shape (n_spots,).

    Returns
    -------
    A row a section, a column a domain, both in natural order; rows sum to 1, or are NaN where
    no spot of the section has a domain.

    Raises
    ------
    ValueError
        If lengths differ or a spot has no section.

    Examples
    --------
    >>> domain_proportions(["x", "y", "x", "x"], [1, 1, 2, 2]).to_dict("index")
    {1: {'x': 0.5, 'y': 0.5}, 2: {'x': 1.0, 'y': 0.0}}
    """
    domains, sections = aligned(domains=domains, sections=sections)
    labels, columns = encode(domains, "domains")
    codes, rows = _complete(sections, len(labels))
    counts = np.zeros((len(rows), len(columns)))
    np.add.at(counts, (codes[labels >= 0], labels[labels >= 0]), 1)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    return pd.DataFrame(
        shares, index=pd.Index(rows, name="section"), columns=pd.Index(columns, name="domain")
    )


def _complete(sections: Labels, n_spots: int) -> tuple[np.ndarray, list]:
    codes, names = encode(sections, "sections")
    if len(codes) != n_spots:
        raise ValueError(f"sections has {len(codes)} entries for {n_spots} spots")
    if (codes < 0).any():
        raise ValueError(f"sections is missing for {(codes < 0).sum()} of {n_spots} spots")
    return codes, names
