"""Peaks that sections have in common, by genomic overlap."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

_STRAND = r"(?:[:_ ][+\-.*])?$"
_FORMS = (
    rf"^(.+)[:\-](\d[\d,]*)(?:\.0)?-(\d[\d,]*)(?:\.0)?{_STRAND}",
    rf"^(.+)_(\d+)_(\d+){_STRAND}",
    rf"^(.+)[\t ](\d+)[\t ](\d+){_STRAND}",
    r"^(.+)\.(\d+)\.(\d+)$",
)
"""Chromosome, start and end in the forms that programs write; the first that fits counts."""


@dataclass(frozen=True)
class SharedPeaks:
    """Peaks of several sections as common features.

    Attributes
    ----------
    names
        "chromosome:start-end" of each feature: the union of its peaks.
    members
        Section → feature of each of its peaks, shape (n_peaks,); -1 for none.
    """

    names: pd.Index
    members: dict[str, NDArray[np.intp]]

    def sums(self, section: str, counts: sp.csr_matrix) -> sp.csr_matrix:
        """Counts (n_spots, n_peaks) of a section's peaks, summed over those of a feature."""
        member = self.members[section]
        peak = np.flatnonzero(member >= 0)
        shape = (len(member), len(self.names))
        # Sums of small integers outgrow their type.
        dtype = counts.dtype if counts.dtype.kind == "f" else np.int64
        which = sp.csr_matrix((np.ones(len(peak), dtype), (peak, member[peak])), shape=shape)
        return sp.csr_matrix(counts @ which)


def parse_peaks(names: pd.Index, section: str) -> pd.DataFrame:
    """Chromosome, start and end of peaks named "chr1:100-200" or alike.

    Between the parts may stand ":", "-", "_", "." or a blank, commas between thousands, and a
    strand behind.

    Raises
    ------
    ValueError
        If a name is of another form, or ends before it starts.
    """
    parts = _parts(names)
    bad = parts[0].isna().to_numpy()
    if bad.any():
        raise ValueError(
            f"{bad.sum()} of {len(names)} peaks of section {section!r} are not named as "
            f"'chr1:100-200' or 'chr1-100-200' (first: {names[bad][0]!r}). Rename them so; bins that "
            "are the same in all sections need the same names in all."
        )
    table = pd.DataFrame(
        {
            "chromosome": parts[0],
            "start": parts[1].str.replace(",", "").astype(np.int64),
            "end": parts[2].str.replace(",", "").astype(np.int64),
        }
    )
    empty = (table["end"] <= table["start"]).to_numpy()
    if empty.any():
        raise ValueError(
            f"{empty.sum()} peaks of section {section!r} do not end after their start (first: "
            f"{names[empty][0]!r})."
        )
    return table


def are_peaks(names: pd.Index) -> bool:
    """Whether any of the names is one of a peak."""
    return bool(_parts(names)[0].notna().any())


def _parts(names: pd.Index) -> pd.DataFrame:
    """Chromosome, start and end of each name as text; missing where it is of no known form."""
    texts = pd.Series(names.astype(str))
    parts = texts.str.extract(_FORMS[0])
    for form in _FORMS[1:]:
        if (missing := parts[0].isna()).any():
            parts[missing] = texts[missing].str.extract(form)
    return parts


def shared_peaks(names: Mapping[str, pd.Index], min_shared: int) -> SharedPeaks:
    """Peaks of different sections that overlap, as one feature each.

    Peaks are intervals [start, end): neighbouring bins that share an end do not overlap. Those
    that overlap, directly or through others, make one feature, which is kept if every section
    has a peak in it.

    Parameters
    ----------
    names
        Section → names of its peaks.
    min_shared
        Fewer features than this are refused, unless they are half of a section's peaks.

    Raises
    ------
    ValueError
        If names are not peaks, or too few are shared.
    """
    table = pd.concat(
        [parse_peaks(own, section) for section, own in names.items()],
        ignore_index=True,
    )
    section = np.repeat(np.arange(len(names)), [len(own) for own in names.values()])
    chromosome, chromosomes = pd.factorize(table["chromosome"], sort=True)
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    # One axis for all chromosomes.
    offset = chromosome * (end.max() + 1)
    order = np.lexsort((end, start + offset))
    reach = np.maximum.accumulate((end + offset)[order])
    begins = np.r_[True, (start + offset)[order][1:] >= reach[:-1]]
    cluster = np.empty(len(order), np.intp)
    cluster[order] = np.cumsum(begins) - 1
    n_clusters = cluster.max() + 1

    present = np.zeros((n_clusters, len(names)), bool)
    present[cluster, section] = True
    kept = np.flatnonzero(present.all(axis=1))
    smallest = min(map(len, names.values()))
    sizes = ", ".join(f"{name!r}: {len(own)}" for name, own in names.items())
    text = f"The {len(names)} sections share {len(kept)} peaks by overlap ({sizes})"
    if len(kept) < min(min_shared, (smallest + 1) // 2):
        raise ValueError(f"{text}, fewer than {min_shared}.{_advice(table, section, list(names))}")
    logger.info("%s.", text)

    feature = np.full(n_clusters, -1)
    feature[kept] = np.arange(len(kept))
    first = order[begins]
    last = np.append(np.flatnonzero(begins)[1:], len(order)) - 1
    labels = [
        f"{chromosomes[chromosome[i]]}:{start[i]}-{stop}"
        for i, stop in zip(first[kept], (reach[last] - offset[first])[kept], strict=True)
    ]
    ends = np.cumsum([len(own) for own in names.values()])[:-1]
    members = np.split(feature[cluster], ends)
    return SharedPeaks(pd.Index(labels), dict(zip(names, members, strict=True)))


def _advice(table: pd.DataFrame, section: NDArray[np.intp], names: list[str]) -> str:
    """Whether chromosomes are named differently, or which section has the fewest in common."""
    sets = [set(table["chromosome"][section == i]) for i in range(len(names))]
    bare = [{name.removeprefix("chr") for name in own} for own in sets]
    for i, name in enumerate(names):
        others = set().union(*sets[:i], *sets[i + 1 :])
        if not sets[i] & others:
            text = (
                f" Chromosomes of section {name!r} are like {sorted(sets[i])[0]!r}, those of the "
                f"others like {sorted(others)[0]!r}"
            )
            alike = bare[i] & set().union(*bare[:i], *bare[i + 1 :])
            return text + (": name them alike, with or without 'chr'." if alike else ".")
    return " Are all sections of one genome assembly?"
