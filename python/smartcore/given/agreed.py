"""A column that several tables have of the same spots."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def agreed(columns: Mapping[str, pd.Series], name: str, example: str) -> pd.Series:
    """The values of all tables together, those that are missing left out.

    Parameters
    ----------
    columns
        Table, as messages call it, → its column, whose index names the spots.
    name
        Name of the column.
    example
        The modality that a message names as one to choose.

    Returns
    -------
    One value for each spot that has one in any table, of type object.

    Raises
    ------
    ValueError
        If tables have different values for a spot.
    """
    values = pd.concat([column.astype(object).dropna() for column in columns.values()])
    different = values.groupby(level=0).nunique() > 1
    if different.any():
        raise ValueError(
            f"{' and '.join(columns)} have different {name!r} for {different.sum()} spots; name "
            f"one of them, as in '{example}:{name}'"
        )
    return values[~values.index.duplicated()]
