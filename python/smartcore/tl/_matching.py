"""Spots of several modalities brought together by name."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from mudata import MuData, set_options
from numpy.typing import NDArray

from smartcore.tl._places import from_obsm, groups_of, joint_coords, joint_groups

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Matched:
    """Arrays over the same spots, in the container's order.

    Attributes
    ----------
    features, observed
        Modality → (n_spots, d), and modality → boolean (n_spots,).
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    sections, batches
        Shape (n_spots,), or ``None``.
    reps
        Modality → key in ``obsm`` the features come from.
    """

    features: dict[str, NDArray[np.floating]]
    observed: dict[str, NDArray[np.bool_]]
    coords: NDArray[np.floating]
    sections: NDArray | None
    batches: NDArray | None
    reps: dict[str, str]


def to_mudata(modalities: Mapping[str, AnnData]) -> MuData:
    """The AnnDatas in a MuData, by reference: nothing of theirs is copied or changed."""
    if not modalities:
        raise ValueError("The dict of modalities is empty; give at least one AnnData.")
    for name, adata in modalities.items():
        if not isinstance(adata, AnnData):
            raise TypeError(f"Modality {name!r} is no AnnData but {type(adata).__name__}.")
        _check_names(adata, f"modality {name!r}")
    with set_options(pull_on_update=False), warnings.catch_warnings():
        # Features of different modalities may well share a name.
        warnings.filterwarnings("ignore", message="var_names are not unique")
        return MuData(dict(modalities))


def copy_of(data: AnnData | MuData) -> AnnData | MuData:
    """A copy in memory; the same columns as the original."""
    if isinstance(data, AnnData):
        return data.to_memory() if data.isbacked else data.copy()
    # Pulling would add the modalities' columns to the copy.
    with set_options(pull_on_update=False):
        return data.copy()


def match_anndata(
    adata: AnnData,
    reps: str | Mapping[str, str] | None,
    spatial_key: str,
    section_key: str | None,
    batch_key: str | None,
) -> Matched:
    """One AnnData as one modality, or as several by their ``reps``."""
    if reps is None or isinstance(reps, str):
        key = reps or "X_pca"
        name = adata.uns.get("pca", {}).get("params", {}).get("modality", "features")
        reps = {name: key}
    _check_reps(reps)
    features = {m: _features(adata, key, f"modality {m!r}") for m, key in reps.items()}
    observed = {m: _measured(x) for m, x in features.items()}
    _log_missing(observed)
    return Matched(
        features=features,
        observed=observed,
        coords=from_obsm(adata, spatial_key, "the coordinates"),
        sections=None if section_key is None else groups_of(adata, section_key, "section"),
        batches=None if batch_key is None else groups_of(adata, batch_key, "batch"),
        reps=dict(reps),
    )


def match_mudata(
    mdata: MuData,
    reps: str | Mapping[str, str] | None,
    spatial_key: str,
    section_key: str | None,
    batch_key: str | None,
) -> Matched:
    """The modalities of a MuData over its joint spots."""
    if not mdata.mod:
        raise ValueError("The MuData has no modality.")
    if mdata.axis != 0:
        raise ValueError(
            f"The MuData's modalities must share spots (axis=0), not axis={mdata.axis}."
        )
    if reps is not None and not isinstance(reps, str):
        _check_reps(reps)
        if unknown := sorted(set(reps) - set(mdata.mod)):
            raise KeyError(f"reps names {unknown}; the modalities are {list(mdata.mod)}.")
        keys = dict(reps)
    else:
        keys = dict.fromkeys(mdata.mod, reps or "X_pca")
    rows = {m: _rows(mdata, m) for m in keys}
    _check_common(mdata, list(keys))
    n = mdata.n_obs
    features, observed = {}, {}
    for m, key in keys.items():
        x = _features(mdata[m], key, f"modality {m!r}")
        features[m] = np.full((n, x.shape[1]), np.nan, np.result_type(x.dtype, np.float32))
        features[m][rows[m]] = x
        observed[m] = np.zeros(n, bool)
        observed[m][rows[m]] = _measured(x)
    _log_missing(observed)
    return Matched(
        features=features,
        observed=observed,
        coords=joint_coords(mdata, rows, spatial_key),
        sections=None if section_key is None else joint_groups(mdata, rows, section_key, "section"),
        batches=None if batch_key is None else joint_groups(mdata, rows, batch_key, "batch"),
        reps=keys,
    )


def _rows(mdata: MuData, modality: str) -> NDArray[np.intp]:
    """Row of the joint spots for each spot of a modality."""
    adata = mdata[modality]
    if not isinstance(adata, AnnData):
        raise TypeError(
            f"Modality {modality!r} is no AnnData but {type(adata).__name__}; name those to be "
            "used in reps."
        )
    _check_names(adata, f"modality {modality!r}")
    rows = mdata.obs_names.get_indexer(adata.obs_names)
    if (rows < 0).any():
        raise ValueError(
            f"Spots of modality {modality!r} are not in the MuData's own list (first: "
            f"{adata.obs_names[rows < 0][0]!r}): call its update() after changing a modality."
        )
    return rows


def _check_names(adata: AnnData, where: str) -> None:
    if not adata.obs_names.is_unique:
        twice = adata.obs_names[adata.obs_names.duplicated()]
        raise ValueError(
            f"{twice.nunique()} spot names occur more than once in {where} (first: {twice[0]!r}): "
            "they cannot be matched. obs_names_make_unique() or a section's prefix would do."
        )


def _check_common(mdata: MuData, modalities: list[str]) -> None:
    """Each modality must share spots with the others, directly or through a third."""
    names = {m: mdata[m].obs_names for m in modalities}
    linked = np.eye(len(modalities), dtype=bool)
    for (i, a), (j, b) in combinations(enumerate(modalities), 2):
        linked[i, j] = linked[j, i] = bool(names[a].isin(names[b]).any())
    n_groups, group = sp.csgraph.connected_components(linked)
    if n_groups == 1:
        return
    a = modalities[0]
    b = next(m for m, g in zip(modalities, group, strict=True) if g != group[0])
    bare = [{re.sub(r"[-_.]\w+$", "", name) for name in names[m]} for m in (a, b)]
    alike = bare[0] & bare[1] and all(
        len(short) == len(names[m]) for short, m in zip(bare, (a, b), strict=True)
    )
    hint = " They would match without what follows the last '-', '_' or '.'." if alike else ""
    raise ValueError(
        f"Modalities {a!r} and {b!r} have no spot name in common ({list(names[a][:2])} … and "
        f"{list(names[b][:2])} …).{hint} Sections would have to come as a list."
    )


def _check_reps(reps: object) -> None:
    if not isinstance(reps, Mapping):
        raise TypeError(f"reps={reps!r} must be a key of obsm, or a dict modality → key of obsm.")
    if not reps:
        raise ValueError("reps is empty; name at least one modality and its key of obsm.")


def _measured(x: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Spots that have a row of features, not one of NaN."""
    return ~np.isnan(x).all(axis=1)


def _log_missing(observed: Mapping[str, NDArray[np.bool_]]) -> None:
    for name, mask in observed.items():
        if not mask.all():
            logger.info("%d of %d spots have no %s.", (~mask).sum(), len(mask), name)


def _features(adata: AnnData, key: str, where: str) -> NDArray[np.floating]:
    try:
        x = from_obsm(adata, key, f"the features of {where}")
    except KeyError as err:
        hint = " Make them with smartcore.pp." if key == "X_pca" else ""
        raise KeyError(err.args[0] + hint) from None
    if x.ndim == 1:
        x = x[:, None]
    return x
