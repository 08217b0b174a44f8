"""What the rows of SpatialData's tables annotate, and what their spots are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

ATTRS = "spatialdata_attrs"
"""``uns`` key under which SpatialData keeps what a table annotates."""

RECORD = "spatialdata"
"""``uns`` key of which tables and coordinate systems were read."""


class Annotation(NamedTuple):
    """What each row of a table annotates.

    Attributes
    ----------
    rows
        Region (the name of an element) and instance (an index within it), one pair a row; the
        region is missing where a row annotates nothing.
    regions
        The regions that occur.
    region_key
        The column of ``obs`` with the region.
    """

    rows: pd.MultiIndex
    regions: list[str]
    region_key: str

    @property
    def region(self) -> pd.Index:
        """Region of each row."""
        return self.rows.get_level_values(0)

    @property
    def instance(self) -> pd.Index:
        """Instance of each row."""
        return self.rows.get_level_values(1)


def annotation_of(
    obs: pd.DataFrame, attrs: Mapping[str, Any] | None, what: str
) -> Annotation | None:
    """What the rows of a table annotate; ``None`` for a table that annotates nothing.

    Parameters
    ----------
    obs
        The table's ``obs``.
    attrs
        ``uns["spatialdata_attrs"]``, or what is kept as such with the table on disk.
    what
        The table, for messages.

    Raises
    ------
    ValueError
        If columns that it names are missing, or an instance is annotated twice.
    """
    given = {key: (attrs or {}).get(key) for key in ("region", "region_key", "instance_key")}
    if any(value is None for value in given.values()):
        return None
    keys = [str(given["region_key"]), str(given["instance_key"])]
    for key in keys:
        if key not in obs:
            raise ValueError(
                f"{what} annotates regions by obs[{key!r}], which is not there; obs has "
                f"{', '.join(map(str, obs.columns)) or 'nothing'}"
            )
    region = obs[keys[0]].astype(object).map(str, na_action="ignore")
    rows = pd.MultiIndex.from_arrays([region, obs[keys[1]]])
    there = region.notna().to_numpy()
    twice = rows[there][rows[there].duplicated()]
    if len(twice):
        raise ValueError(
            f"{what} has {len(twice)} rows for instances that an earlier row annotates already "
            f"(first: {twice[0][1]} of region {twice[0][0]!r}); each spot needs one row"
        )
    return Annotation(rows, list(region[there].unique()), keys[0])


def spot_names(
    tables: Mapping[str, tuple[pd.Index, Annotation | None]],
) -> dict[str, pd.Index]:
    """Names of the spots of each table: the same for the same spot, and different for others.

    Rows of two tables that annotate the same instance of a region are one spot, which is called
    as in the first table. Names that repeat within a table get their region before them.

    Parameters
    ----------
    tables
        Names of the rows of each table, and what they annotate.

    Returns
    -------
    Table → names of its rows. The result depends on nothing but the tables and their order, so
    that results find their rows again.

    Raises
    ------
    ValueError
        If names repeat even so.
    """
    result: dict[str, pd.Index] = {}
    known = pd.Series(dtype=object, index=pd.MultiIndex.from_arrays([[], []]))
    for table, (own, marks) in tables.items():
        names = pd.Series(own.astype(str), dtype=object)
        if marks is not None:
            region = pd.Series(marks.region, dtype=object)
            numbered = region.astype(str) + ":" + pd.Series(marks.instance).astype(str)
            if names.duplicated().any():
                names = region.astype(str) + ":" + names
            if names.duplicated().any():
                names = numbered
            same = pd.Series(known.reindex(marks.rows).to_numpy(), dtype=object)
            # Another spot of that region has the name.
            taken = pd.MultiIndex.from_arrays([known.index.get_level_values(0), known])
            clash = same.isna() & pd.MultiIndex.from_arrays([region, names]).isin(taken)
            names = same.where(same.notna(), names.where(~clash, numbered))
            new = (same.isna() & region.notna()).to_numpy()
            known = pd.concat([known, pd.Series(names[new].to_numpy(), index=marks.rows[new])])
        if names.duplicated().any():
            twice = names[names.duplicated()]
            raise ValueError(
                f"table {table!r}: spot names must be unique, but {twice.nunique()} occur more than "
                f"once (first: {twice.iloc[0]!r})"
            )
        result[table] = pd.Index(np.asarray(names, object), dtype=object)
    return result
