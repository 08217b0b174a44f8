"""Values between R and Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from smartcore.params import Params


def narrow(embedding: NDArray[np.floating]) -> NDArray[np.floating]:
    """Float32 where nothing is lost: R knows only float64, and rounding depends on the type."""
    x = np.asarray(embedding)
    # Whatever is not finite is for check_embedding to refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = x.astype(np.float32)
    return rounded if np.array_equal(rounded, x) else x


def whole_numbers(params: Mapping[str, Any]) -> dict[str, Any]:
    """R's 300 is 300.0; what else is wrong with a value is for ``Params`` to say."""
    hints = get_type_hints(Params)

    def convert(name: str, value: Any) -> Any:
        hint = hints.get(name)
        takes_int = hint is int or int in get_args(hint)
        return int(value) if takes_int and isinstance(value, float) and value % 1 == 0 else value

    return {name: convert(name, value) for name, value in params.items()}


def columns_of(table: pd.DataFrame) -> dict[str, Any]:
    """A table as R takes it: text as lists, numbers as arrays."""
    return {
        str(name): column.to_numpy() if is_numeric_dtype(column) else column.tolist()
        for name, column in table.items()
    }
