"""What the plots read from AnnData and MuData; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore._keys import RESULT
from smartcore.given.agreed import agreed

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    Data: TypeAlias = AnnData | MuData


def is_mudata(data: object) -> bool:
    """Whether `data` is MuData rather than AnnData.

    Raises
    ------
    TypeError
        If it is neither.
    """
    from anndata import AnnData
    from mudata import MuData

    if isinstance(data, MuData):
        return True
    if isinstance(data, AnnData):
        return False
    raise TypeError(f"data must be AnnData or MuData, not {type(data).__name__}")


def missing_key(key: str, where: str, there: Iterable[object]) -> KeyError:
    """The error for a key that is not there, listing what is."""
    return KeyError(f"{key!r} is not in {where}, which has: {', '.join(map(str, there)) or 'none'}")


def recorded(data: object, what: str) -> Any:
    """What ``uns["smart"]`` holds under a name.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData.
    KeyError
        If there is none; the message lists what is there.
    """
    try:
        is_mudata(data)
    except TypeError:
        raise TypeError(
            f"{what} must be a DataFrame, a mapping, AnnData or MuData, not {type(data).__name__}"
        ) from None
    uns = cast("Data", data).uns
    if RESULT not in uns:
        raise missing_key(RESULT, "uns", uns)
    if what not in uns[RESULT]:
        raise missing_key(what, f"uns[{RESULT!r}]", uns[RESULT])
    return uns[RESULT][what]


def values_of(data: Data, key: str) -> pd.Series:
    """One value per spot: a column of ``obs``, or a feature.

    Parameters
    ----------
    data
        AnnData or MuData.
    key
        A column of ``obs``; of AnnData also a feature's name; of MuData also a column of its
        modalities, "modality:column" or "modality:feature".

    Raises
    ------
    TypeError
        If `data` is neither.
    KeyError
        If there is no such key.
    ValueError
        If modalities have different values in that column.
    """
    mudata = is_mudata(data)
    if key in data.obs:
        return data.obs[key]
    if mudata:
        name, _, inner = key.partition(":")
        if inner and name in data.mod:
            return values_of(data.mod[name], inner).reindex(data.obs_names)
        if (held := _of_modalities(data, key)) is not None:
            return held
    elif key in data.var_names:
        return pd.Series(data.obs_vector(key), index=data.obs_names, name=key)
    where = "obs" if mudata else "obs or var_names; obs"
    raise missing_key(key, where, data.obs.columns)


def _of_modalities(data: MuData, key: str) -> pd.Series | None:
    """A column that modalities have and the whole has not."""
    columns = {name: part.obs[key] for name, part in data.mod.items() if key in part.obs}
    if not columns:
        return None
    values = agreed(columns, key, next(iter(columns))).reindex(data.obs_names)
    if not isinstance(next(iter(columns.values())).dtype, pd.CategoricalDtype):
        return values.infer_objects()
    categories = [c.astype("category").cat.categories for c in columns.values()]
    return values.astype(pd.CategoricalDtype(list(dict.fromkeys(chain(*categories)))))


def colors_of(data: Data, key: str) -> object:
    """Colours stored with the object for a column of ``obs``, or None."""
    return data.uns.get(f"{key}_colors") if key in data.obs else None


def representation(data: Data, key: str, *, gaps: bool = False) -> NDArray[np.float64]:
    """A matrix of ``obsm``, finite, shape (n_spots, n_dims) with 2 or more dimensions.

    With ``gaps``, rows that are wholly NaN may be there, as long as others are not.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData.
    KeyError
        If there is no such key.
    ValueError
        If it has fewer than 2 columns or values are not finite.
    """
    masks = set(data.mod) if is_mudata(data) else set()  # MuData keeps one for each modality
    if key not in data.obsm:
        raise missing_key(key, "obsm", [k for k in data.obsm if k not in masks])
    return _checked(np.asarray(data.obsm[key], dtype=np.float64), key, gaps=gaps)


def coordinates(data: Data, key: str) -> NDArray[np.float64]:
    """Coordinates; for MuData without, each spot's from the first modality that has them.

    Raises
    ------
    TypeError
        If `data` is neither AnnData nor MuData.
    KeyError
        If there is no such key, in the modalities neither.
    ValueError
        If a spot has no coordinates, or they have fewer than 2 columns.
    """
    if not is_mudata(data) or key in data.obsm:
        return representation(data, key)
    frames = [
        pd.DataFrame(np.asarray(part.obsm[key], dtype=np.float64), index=part.obs_names)
        for part in data.mod.values()
        if key in part.obsm
    ]
    if not frames:
        there = [k for k in data.obsm if k not in data.mod]
        there += [f"{name}:{k}" for name, part in data.mod.items() for k in part.obsm]
        raise missing_key(key, "obsm", there)
    joined = pd.concat(frames)
    joined = joined[~joined.index.duplicated()].reindex(data.obs_names)
    return _checked(joined.to_numpy(), key)


def _checked(array: NDArray[np.float64], key: str, *, gaps: bool = False) -> NDArray[np.float64]:
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(f"obsm[{key!r}] must have at least 2 columns, but has shape {array.shape}")
    bad = ~np.isfinite(array).all(axis=1)
    if gaps and not (gap := np.isnan(array).all(axis=1)).all():
        bad &= ~gap
    if bad.any():
        raise ValueError(f"obsm[{key!r}] is missing or not finite for {int(bad.sum())} spots")
    return array
