"""Coordinates of spots from a table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.io._files import existing, reading
from smartcore.io._tenx import read_positions

if TYPE_CHECKING:
    from mudata import MuData

EXPECTED = "a table of spot name, x, y and optionally z (comma, semicolon or tab between columns)"


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def read_coordinates(path: str | Path) -> pd.DataFrame:
    """Read the coordinates of spots from a text table.

    Parameters
    ----------
    path
        A table whose first column names the spots. Columns called x, y and z (in any case) are
        the coordinates; without such names the second, third and fourth column are. The header
        may be missing. Files named ``tissue_positions*`` are read as Space Ranger's, spots in the
        tissue only.

    Returns
    -------
    pandas.DataFrame
        One row a spot, indexed by its name, with columns x, y and, where given, z.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the table has other columns, a value that is not a finite number, or a spot twice.
    """
    source = existing(path, EXPECTED)
    if source.name.startswith("tissue_positions"):
        table = read_positions(source)
        table = table.loc[table["in_tissue"] == 1, ["pxl_col_in_fullres", "pxl_row_in_fullres"]]
        return table.set_axis(["x", "y"], axis=1).astype(float)
    with reading(source, EXPECTED):
        # Names such as "0012" are text, so everything is read as text first.
        table = pd.read_csv(source, sep=None, engine="python", dtype=str, encoding="utf-8-sig")
        if table.shape[1] > 2 and all(_is_number(name) for name in table.columns[1:3]):
            table = pd.read_csv(
                source, sep=None, engine="python", dtype=str, encoding="utf-8-sig", header=None
            )
        if table.shape[1] < 3:
            raise ValueError(f"it has {table.shape[1]} columns")
        table = table.set_index(table.columns[0])
        table.index = table.index.astype(str)
        names = {str(column).strip().lower(): column for column in table.columns}
        if {"x", "y"} <= set(names):
            columns = [names[axis] for axis in "xyz" if axis in names]
        else:
            columns = list(table.columns[: 3 if table.shape[1] == 3 else 2])
        coordinates = table[columns].set_axis(list("xyz"[: len(columns)]), axis=1)
        coordinates = coordinates.apply(pd.to_numeric)
        if not coordinates.index.is_unique:
            twice = coordinates.index[coordinates.index.duplicated()][0]
            raise ValueError(f"spot {twice!r} occurs twice")
    bad = ~np.isfinite(coordinates.to_numpy()).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{source}: coordinates must be finite numbers, but {bad.sum()} spots have missing or "
            f"infinite ones (first: {coordinates.index[bad][0]!r})"
        )
    return coordinates.rename_axis("spot")


Data = TypeVar("Data", AnnData, "MuData")


def add_coordinates(
    data: Data,
    coordinates: pd.DataFrame,
    *,
    spatial_key: str = _keys.SPATIAL,
    source: str = "the coordinates",
) -> Data:
    """Match coordinates to spots by name.

    Parameters
    ----------
    data
        AnnData or MuData; left as it is.
    coordinates
        As :func:`read_coordinates` returns it.
    spatial_key
        Where in ``obsm`` the coordinates go.
    source
        Where the coordinates come from, for messages.

    Returns
    -------
    AnnData or MuData
        A copy with the spots that have coordinates; a warning says how many have none. A MuData
        has them jointly and in each modality.

    Raises
    ------
    ValueError
        If no spot has coordinates.

    Examples
    --------
    >>> import anndata as ad, numpy as np, pandas as pd
    >>> from smartcore import io
    >>> adata = ad.AnnData(np.ones((2, 3)), obs=pd.DataFrame(index=["a", "b"]))
    >>> table = pd.DataFrame({"x": [5.0, 6.0], "y": [1.0, 2.0]}, index=["b", "a"])
    >>> io.add_coordinates(adata, table).obsm["spatial"]
    array([[6., 2.],
           [5., 1.]])
    """
    import mudata

    known = data.obs_names.isin(coordinates.index)
    if not known.any():
        examples = [str(names[0]) for names in (data.obs_names, coordinates.index) if len(names)]
        raise ValueError(
            f"none of the {data.n_obs} spots has a row among the {len(coordinates)} of {source}; "
            f"names must be the same in both (first of each: {', '.join(map(repr, examples))})"
        )
    if not known.all():
        missing = data.obs_names[~known]
        warnings.warn(
            f"{len(missing)} of {data.n_obs} spots have no row in {source} and were dropped "
            f"(first: {missing[0]!r})",
            UserWarning,
            stacklevel=2,
        )
    with mudata.set_options(pull_on_update=False):
        result: Any = data[known].copy()
    holders = [result] if isinstance(result, AnnData) else [result, *result.mod.values()]
    for part in holders:
        part.obsm[spatial_key] = coordinates.loc[part.obs_names].to_numpy(np.float64)
    return result
