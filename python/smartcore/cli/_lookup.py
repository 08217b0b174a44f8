"""Labels, coordinates and features, wherever in the data they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.given.agreed import agreed


class Labels(NamedTuple):
    """Labels of spots, and where they were found."""

    values: pd.Series
    place: str


def modalities_of(data: Any) -> Mapping[str, AnnData]:
    """Modalities of a MuData or a dict; none for a single AnnData."""
    return {} if isinstance(data, AnnData) else data if isinstance(data, dict) else data.mod


def find_labels(data: Any, column: str) -> Labels:
    """Find a column of ``obs``, in the data itself or in its modalities.

    Parameters
    ----------
    data
        AnnData, MuData or a dict of modalities.
    column
        The column; ``rna:column`` looks in the modality rna only.

    Returns
    -------
    Labels
        One label for each spot that has one, missing ones left out, and a text such as
        ``obs['column'] of rna``.

    Raises
    ------
    KeyError
        If there is no such column; the message lists those that are there.
    ValueError
        If modalities have different labels for the same spot.
    """
    modalities = modalities_of(data)
    tables = {name: adata.obs for name, adata in modalities.items()}
    if not isinstance(data, dict):
        if column in data.obs:
            return Labels(data.obs[column].astype(object).dropna(), f"obs[{column!r}]")
        tables = {"": data.obs, **tables}
    prefix, _, rest = column.partition(":")
    if rest and prefix in modalities:
        tables, column = {prefix: modalities[prefix].obs}, rest
    found = {place: table[column] for place, table in tables.items() if column in table}
    if not found:
        there = "; ".join(
            f"obs{' of ' * bool(name)}{name} has {', '.join(table.columns) or 'nothing'}"
            for name, table in tables.items()
        )
        raise KeyError(f"no column {column!r}: {there}")
    values = agreed(found, column, next(iter(modalities), ""))
    where = " and ".join(filter(None, found))
    place = f"obs[{column!r}]" + (f" of {where}" if where else "")
    return Labels(values, place)


def give_column(adata: AnnData, data: Any, column: str) -> None:
    """Give a modality a column of ``obs`` that it lacks and the data or other modalities have.

    Raises
    ------
    KeyError, ValueError
        As :func:`find_labels`.
    """
    if column not in adata.obs:
        adata.obs[column] = find_labels(data, column).values.reindex(adata.obs_names)


def coordinates_of(data: Any, key: str) -> pd.DataFrame:
    """Coordinates of all spots, wherever in the data they are: columns x, y and, if any, z."""
    holders = [data, *modalities_of(data).values()]
    parts = [
        pd.DataFrame(np.asarray(holder.obsm[key], dtype=float), index=holder.obs_names)
        for holder in holders
        if key in holder.obsm
    ]
    if not parts:
        raise KeyError(f"no coordinates in obsm[{key!r}]")
    table = pd.concat(parts)
    table = table[~table.index.duplicated()].reindex(data.obs_names)
    return table.set_axis([*"xyz", *map(str, range(3, table.shape[1]))][: table.shape[1]], axis=1)


def features_of(data: Any, reps: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Features of every modality over all spots, rows of NaN where a modality has no spot."""
    result = {}
    for name, adata in (modalities_of(data) or {next(iter(reps)): data}).items():
        values = adata.obsm[reps[name]]
        values = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
        table = pd.DataFrame(values.astype(np.float64), index=adata.obs_names)
        result[name] = table.reindex(data.obs_names).to_numpy()
    return result
