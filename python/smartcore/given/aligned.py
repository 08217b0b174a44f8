"""Series and tables of the same spots, brought to one order by the names of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def aligned(**values: Any) -> tuple[Any, ...]:
    """Values of the same spots in one order.

    Series and DataFrames are matched by their index, and get the order of the first of them. Arrays
    and lists have no names: they stay as they are, which is right as long as all that has names is
    in one order.

    Parameters
    ----------
    **values
        What there is of each spot, by the name of the argument; ``None`` where it is not given.

    Returns
    -------
    The values in the order given.

    Raises
    ------
    ValueError
        If two have different rows, or rows in different order beside an array whose order nothing
        tells.
    """
    return tuple(align(values).values())


def align(values: Mapping[str, Any]) -> dict[str, Any]:
    """As :func:`aligned`, by name."""
    named = {k: v for k, v in values.items() if isinstance(v, pd.Series | pd.DataFrame)}
    result = dict(values)
    if len(named) < 2:
        return result
    first = next(iter(named))
    order = named[first].index
    for name, value in list(named.items())[1:]:
        if value.index.equals(order):
            continue
        if _numbered(value.index, order) or _numbered(order, value.index):
            continue  # the one has no names, just row numbers
        _check_same(first, order, name, value.index)
        unnamed = [k for k, v in values.items() if v is not None and k not in named]
        if unnamed:
            raise ValueError(
                f"the rows of {first} and {name} are in different order, and {unnamed[0]} has no "
                "names to be put in one of them: give it as a Series or DataFrame with the spots "
                "as its index, or all in one order"
            )
        result[name] = value.reindex(order)
    return result


def check_one_order(values: Mapping[str, Any]) -> None:
    """Refuse Series and DataFrames whose rows are named otherwise, or in another order.

    Raises
    ------
    ValueError
        If so; the message names two of them.
    """
    named = {k: v.index for k, v in values.items() if isinstance(v, pd.Series | pd.DataFrame)}
    if not named:
        return
    first, order = next(iter(named.items()))
    for name, index in named.items():
        if index.equals(order) or _numbered(index, order) or _numbered(order, index):
            continue
        _check_same(first, order, name, index)
        raise ValueError(
            f"the rows of {first} and {name} name the same spots in different order: bring them "
            f"into one, as by {name}.loc[{first}.index]"
        )


def _numbered(index: pd.Index, other: pd.Index) -> bool:
    """Whether an index only numbers rows, and the other has names."""
    return isinstance(index, pd.RangeIndex) and not pd.api.types.is_integer_dtype(other)


def _check_same(first: str, order: pd.Index, name: str, index: pd.Index) -> None:
    for what, one in ((first, order), (name, index)):
        if not one.is_unique:
            raise ValueError(
                f"{what} has rows of one name ({one[one.duplicated()][0]!r}) and cannot be matched "
                "with others by names: give arrays (.to_numpy()) in one order"
            )
    for (what, one), (where, other) in (
        ((first, order), (name, index)),
        ((name, index), (first, order)),
    ):
        if not (there := one.isin(other)).all():
            raise ValueError(
                f"{first} and {name} must be of the same spots, but {(~there).sum()} of "
                f"{len(one)} in {what} are not in {where} (first: {one[~there][0]!r}). Take those "
                "that both have"
            )
