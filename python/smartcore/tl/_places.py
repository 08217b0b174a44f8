"""Coordinates, sections and batches of the spots, and what else is read from ``obsm`` and ``obs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from mudata import MuData
from numpy.typing import NDArray

_MANY = {"section": "sections", "batch": "batches"}


def from_obsm(data: AnnData | MuData, key: str, what: str) -> NDArray[np.floating]:
    """Numbers of ``obsm[key]``, dense; ``what`` names them in messages."""
    if key not in data.obsm:
        raise KeyError(f"No obsm[{key!r}] for {what}; obsm has {sorted(data.obsm) or 'nothing'}.")
    value = data.obsm[key]
    if sp.issparse(value):
        value = value.toarray()
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"obsm[{key!r}] for {what} holds {value.dtype}, not numbers.")
    return value.astype(np.result_type(value.dtype, np.float32), copy=False)


def groups_of(adata: AnnData, key: str, what: str) -> NDArray:
    """``obs[key]`` of each spot; ``what`` ("section" or "batch") names it in messages."""
    if key not in adata.obs:
        raise KeyError(f"No obs[{key!r}] for the {_MANY[what]}; obs has {sorted(adata.obs)}.")
    groups = _from_obs(adata, key)
    _check_complete(pd.notna(groups), adata.obs_names, f"{what} (obs[{key!r}])", "")
    return groups


def _from_obs(data: AnnData | MuData, key: str) -> NDArray:
    return data.obs[key].astype(object).to_numpy()


def joint_coords(
    mdata: MuData, rows: Mapping[str, NDArray[np.intp]], key: str
) -> NDArray[np.floating]:
    """Coordinates of the joint spots; ``rows`` has those of each modality's spots among them."""
    joint = from_obsm(mdata, key, "the coordinates") if key in mdata.obsm else None
    values = {m: from_obsm(mdata[m], key, "the coordinates") for m in rows if key in mdata[m].obsm}
    if joint is None and not values:
        found = {m: sorted(mdata[m].obsm) for m in rows}
        raise KeyError(
            f"No obsm[{key!r}] for the coordinates, neither joint nor in a modality; the "
            f"modalities' obsm have {found}."
        )
    placed = [v[np.isfinite(v).all(axis=1)] for v in values.values()]
    extent = max((float(np.ptp(v, axis=0).max()) for v in placed if v.size), default=0.0)
    return _join(
        mdata,
        joint,
        rows,
        values,
        # Files round coordinates differently.
        differ=lambda a, b: (np.abs(a - b) > 1e-6 * extent).any(axis=1),
        what=f"coordinates (obsm[{key!r}])",
        remedy=f"Put the right ones into the joint obsm[{key!r}] of a MuData.",
    )


def joint_groups(
    mdata: MuData, rows: Mapping[str, NDArray[np.intp]], key: str, what: str
) -> NDArray:
    """As :func:`groups_of`, of each joint spot; ``rows`` as for :func:`joint_coords`."""
    joint = _from_obs(mdata, key)[:, None] if key in mdata.obs else None
    values = {m: _from_obs(mdata[m], key)[:, None] for m in rows if key in mdata[m].obs}
    if joint is None and not values:
        raise KeyError(
            f"No obs[{key!r}] for the {_MANY[what]}; obs has {sorted(mdata.obs)}, and the modalities "
            f"{ {m: sorted(mdata[m].obs) for m in rows} }."
        )
    return _join(
        mdata,
        joint,
        rows,
        values,
        differ=lambda a, b: (a != b).any(axis=1),
        what=f"{what} (obs[{key!r}])",
        remedy=f"Put the right ones into the joint obs[{key!r}] of a MuData.",
    ).ravel()


def _join(
    mdata: MuData,
    joint: NDArray | None,
    rows: Mapping[str, NDArray[np.intp]],
    values: Mapping[str, NDArray],
    *,
    differ: Callable[[NDArray, NDArray], NDArray[np.bool_]],
    what: str,
    remedy: str,
) -> NDArray:
    """Joint values; where these are missing, the modalities', which must agree."""
    widths = {v.shape[1:] for v in ([] if joint is None else [joint]) + list(values.values())}
    if len(widths) > 1:
        raise ValueError(f"Modalities have {what} of different widths. {remedy}")
    if joint is None:
        dtype = np.result_type(*(v.dtype for v in values.values()))
        joint = np.full((mdata.n_obs, *widths.pop()), np.nan, dtype)
    else:
        joint = joint.copy()
    have = ~pd.isna(joint).any(axis=1)
    source = np.full(mdata.n_obs, None, object)
    for m, value in values.items():
        spots, given = rows[m], ~pd.isna(value).any(axis=1)
        both = np.flatnonzero(given & (source[spots] != None))  # noqa: E711
        if (wrong := differ(joint[spots[both]], value[both])).any():
            at = both[wrong][0]
            spot = spots[at]
            raise ValueError(
                f"Modalities {source[spot]!r} and {m!r} have different {what} for {wrong.sum()} "
                f"spots (first: {mdata.obs_names[spot]!r}, {joint[spot].tolist()} and "
                f"{value[at].tolist()}). {remedy}"
            )
        new = given & ~have[spots]
        joint[spots[new]], source[spots[new]], have[spots[new]] = value[new], m, True
    _check_complete(have, mdata.obs_names, what, remedy)
    return joint


def _check_complete(have: NDArray[np.bool_], names: pd.Index, what: str, remedy: str) -> None:
    if not have.all():
        raise ValueError(
            f"{(~have).sum()} of {len(have)} spots have no {what} (first: {names[~have][0]!r}). "
            f"{remedy}".rstrip()
        )
