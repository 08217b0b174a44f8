"""Names of spots that should be the same and are not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

_LEAST_GAIN = 0.05
_BARCODE = re.compile(r"[ACGTN]{8,}")


def _barcode(name: str) -> str:
    found = _BARCODE.search(name)
    return found[0] if found else name


_CHANGES: dict[str, Callable[[str], str]] = {
    "as they are": str,
    "without a number after the last '-'": lambda name: re.sub(r"-\d+$", "", name),
    "without what follows the last '-', '_' or '.'": lambda name: re.sub(r"[-_.]\w+$", "", name),
    "without what precedes the first '_', ':', '#' or '-'": lambda name: re.sub(
        r"^[^_:#-]+[_:#-]", "", name
    ),
    "without what precedes the last '_', ':' or '#'": lambda name: re.sub(r"^.*[_:#]", "", name),
    "by their barcode alone": _barcode,
}


class Mismatch(NamedTuple):
    """Two lists of names of which each has some that the other lacks.

    Attributes
    ----------
    n_common
        Names in both.
    only, other_only
        Names in one of them.
    better
        Names that would match after a change of names, and the changes of either list; ``None``
        where no change would match more.
    """

    n_common: int
    only: pd.Index
    other_only: pd.Index
    better: tuple[int, str, str] | None

    def examples(self) -> str:
        """A name of either list, as text: where a change would help, of one spot."""
        return f"{str(self.only[0])!r} and {str(self.other_only[0])!r}"

    def advice(self, one: str, other: str) -> str:
        """What change of names would match more, as a sentence."""
        if self.better is None:
            return ""
        n, how, other_how = self.better
        same = next(iter(_CHANGES))
        parts = [
            f"those of {what} {change}"
            for what, change in ((one, how), (other, other_how))
            if change != same
        ]
        return f"{n} names would match in place of {self.n_common}, {' and '.join(parts)}."


def mismatch(one: pd.Index, other: pd.Index) -> Mismatch | None:
    """Compare two lists of names; ``None`` where one holds all of the other.

    Parameters
    ----------
    one, other
        Names, unique in each.
    """
    one, other = one.astype(str), other.astype(str)
    in_other, in_one = one.isin(other), other.isin(one)
    if in_other.all() or in_one.all():
        return None
    n_common = int(in_other.sum())
    best: tuple[int, str, str] | None = None
    # A few barcodes of other samples may look the same by chance.
    least = _LEAST_GAIN * min(len(one), len(other))
    if min((~in_other).sum(), (~in_one).sum()) <= least:
        return Mismatch(n_common, one[~in_other], other[~in_one], None)
    changed = [
        {how: _if_unique(names, change) for how, change in _CHANGES.items()}
        for names in (one, other)
    ]
    for how, names in changed[0].items():
        for other_how, other_names in changed[1].items():
            n = len(names & other_names)
            if n > (n_common + least if best is None else best[0]):
                best = (n, how, other_how)
    only, other_only = one[~in_other], other[~in_one]
    if best is not None:
        only, other_only = _of_one_spot(only, other_only, best)
    return Mismatch(n_common, only, other_only, best)


def _if_unique(names: pd.Index, change: Callable[[str], str]) -> set[str]:
    changed = {change(str(name)) for name in names}
    return changed if len(changed) == len(names) else set()


def _of_one_spot(
    only: pd.Index, other_only: pd.Index, best: tuple[int, str, str]
) -> tuple[pd.Index, pd.Index]:
    """Both, those that the change matches first."""
    _, how, other_how = best
    changed = {_CHANGES[other_how](str(name)): name for name in other_only}
    for name in only:
        if (match := changed.get(_CHANGES[how](str(name)))) is not None:
            return pd.Index([name, *only]), pd.Index([match, *other_only])
    return only, other_only
