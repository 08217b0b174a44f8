"""The spots of several sections in one object, for the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from smartcore._keys import EMBEDDING, SECTION, SPATIAL

from ._colors import categorize, is_numeric
from ._data import coordinates, is_mudata, representation, values_of

if TYPE_CHECKING:
    from anndata import AnnData

    from ._data import Data

    Sections: TypeAlias = Data | Sequence[Data] | Mapping[str, Data]


def together(
    data: Sections,
    color: str,
    section_key: str,
    *,
    spatial_key: str | None = None,
    use_rep: str | None = None,
) -> AnnData:
    """The spots of all sections in one object, with what is to be drawn and no more.

    Returns
    -------
    ``obs[color]``, ``obs["section"]`` (ordered categories), ``obsm["spatial"]`` and
    ``obsm["X_smart"]`` as asked for, ``uns["colors"]`` if the object has such for ``color``.
    """
    from anndata import AnnData

    if isinstance(data, Mapping) or (isinstance(data, Sequence) and not isinstance(data, str)):
        items = data.items() if isinstance(data, Mapping) else enumerate(data, 1)
        named = {str(name): part for name, part in items}
        if not named:
            raise ValueError("the list of sections is empty: give at least one")
        parts = list(named.values())
        for part in parts:
            is_mudata(part)
        names = [name for name, part in named.items() for _ in range(part.n_obs)]
        where: Any = pd.Categorical(names, categories=list(named), ordered=True)
    else:
        parts = [data]
        own = values_of(data, section_key)
        if own.isna().any():
            raise ValueError(f"obs[{section_key!r}] is missing for {int(own.isna().sum())} spots")
        groups = categorize(own.astype("category"), None)
        order = [groups.names[code] for code in groups.present]
        where = pd.Categorical(own, categories=order, ordered=True)
    values = [values_of(part, color) for part in parts]
    same = all(v.dtype == values[0].dtype for v in values)
    column = pd.concat(values) if same else pd.concat([v.astype(object) for v in values])
    index = pd.Index([str(i) for i in range(len(column))])
    # Where colour and section are one column, it is drawn by its own name.
    spots = AnnData(obs=pd.DataFrame({SECTION: where}, index=index))
    if color != SECTION:
        spots.obs[color] = column.to_numpy() if is_numeric(column) else column.array
    if spatial_key is not None:
        places = [coordinates(part, spatial_key) for part in parts]
        width = min(place.shape[1] for place in places)
        spots.obsm[SPATIAL] = np.concatenate([place[:, :width] for place in places])
    if use_rep is not None:
        spots.obsm[EMBEDDING] = np.concatenate(
            [representation(part, use_rep, gaps=True) for part in parts]
        )
    stored = parts[0].uns.get(f"{color}_colors")
    if stored is not None:
        spots.uns["colors"] = dict(stored) if isinstance(stored, Mapping) else list(stored)
    return spots
