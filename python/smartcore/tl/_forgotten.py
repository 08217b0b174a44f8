"""Sections that lie in one object, and nobody said so."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData
from numpy.typing import NDArray
from scipy.spatial import cKDTree

_MOST_LEVELS = 200
_QUERIES = 4_000
_NEIGHBORS = 7
# Spots at places that others have, too.
_SHARED = 0.05
# Of these, such whose place another value of the column has.
_EXPLAINED = 0.9
# Of neighbours, those with another value.
_CROSSING = 0.15
_LEAST_SHARE = 0.02
# Spots without a value.
_MISSING = 0.1
_NAMES = {
    *("sample", "samples", "sampleid", "samplename", "section", "sectionid", "sectionname"),
    *("slice", "sliceid", "slide", "slideid", "slidename", "libraryid", "library", "donor"),
    *("donorid", "patient", "patientid", "replicate", "origident", "dataset", "tissuesection"),
    *("puck", "capturearea", "mouse", "mouseid", "animal", "subject", "specimen", "biosample"),
    *("core", "batch"),
}


def _named_so(name: str) -> bool:
    """Whether a column is called as columns of sections are."""
    return re.sub(r"[^a-z0-9]+", "", name.lower()) in _NAMES


def warn_of_forgotten_sections(
    data: AnnData | MuData, coords: NDArray[np.floating], batch_key: str | None
) -> None:
    """Warn where a column of ``obs`` seems to hold sections, which nobody named.

    That is so where spots of different sections share places, lie among each other, or lie apart.

    Parameters
    ----------
    data
        The object.
    coords
        Places of its spots, (n_spots, n_dims), finite.
    batch_key
        A column that the user knows of.

    Warns
    -----
    UserWarning
        With the column and the shares.
    """
    if len(coords) <= _NEIGHBORS or not np.isfinite(coords).all():
        return
    places = pd.DataFrame(coords)
    shared = places.duplicated(keep=False).to_numpy()
    share = float(shared.mean())
    candidates = [(name, codes) for name, codes in _columns(data) if name != batch_key]
    if share > _SHARED:
        place = places.groupby(list(places.columns), sort=False).ngroup().to_numpy()
        _warn_of_places(share, next(_explaining(candidates, place[shared], shared), None))
        return
    rng = np.random.default_rng(0)
    rows = np.arange(len(coords))
    if len(rows) > _QUERIES:
        rows = np.sort(rng.choice(rows, _QUERIES, replace=False))
    near = cKDTree(coords).query(coords[rows], k=_NEIGHBORS)[1][:, 1:]
    for name, codes in candidates:
        crossing = float((codes[near] != codes[rows, None]).mean())
        sizes = np.bincount(codes) / len(codes)
        if _named_so(name) and crossing > _CROSSING:
            warnings.warn(
                f"{crossing:.0%} of the neighbours of a spot have another obs[{name!r}]. If that is "
                f"the section, give section_key={name!r}: spots of different sections are then no "
                "neighbours.",
                stacklevel=4,
            )
            return
        if crossing == 0 and (sizes > _LEAST_SHARE).sum() > 1:
            warnings.warn(
                f"the spots lie apart by obs[{name!r}], whose {len(np.unique(codes))} values have no "
                f"neighbours in common. If these are sections, give section_key={name!r}: batch "
                "effects between sections are then taken out.",
                stacklevel=4,
            )
            return


def _warn_of_places(share: float, column: str | None) -> None:
    text = f"{share:.0%} of the spots share their place with another one"
    if column is None:
        text += (
            ". If several sections lie in this object, give section_key, the column of obs that "
            "tells them apart."
        )
    else:
        text += (
            f", from which obs[{column!r}] tells them apart. If that is the section, give "
            f"section_key={column!r}: spots of different sections are then no neighbours."
        )
    warnings.warn(text, stacklevel=5)


def _explaining(
    candidates: list[tuple[str, NDArray[np.intp]]],
    places: NDArray[np.intp],
    shared: NDArray[np.bool_],
) -> Iterator[str]:
    """Columns with the name of a section in which spots at one of the shared places differ."""
    for name, codes in candidates:
        if not _named_so(name):
            continue  # any column of many values tells two spots apart
        pairs = places * (int(codes.max()) + 1) + codes[shared]
        _, which, sizes = np.unique(pairs, return_inverse=True, return_counts=True)
        if (sizes[which] == 1).mean() >= _EXPLAINED:
            yield name


def _columns(data: AnnData | MuData) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Columns of few values that all spots have, as codes."""
    tables = [data.obs]
    if isinstance(data, MuData):
        tables += [adata.obs.reindex(data.obs_names) for adata in data.mod.values()]
    seen: set[str] = set()
    for table in tables:
        for name in table.columns:
            column = table[name]
            if str(name) in seen or not isinstance(column, pd.Series):
                continue
            if column.dtype.kind == "f" and not _named_so(str(name)):
                continue
            codes, values = pd.factorize(column)
            most = len(codes) // 3 if _named_so(str(name)) else min(_MOST_LEVELS, len(codes) // 3)
            if 1 < len(values) <= most and (codes < 0).mean() < _MISSING:
                seen.add(str(name))
                yield str(name), codes.astype(np.intp) + 1
