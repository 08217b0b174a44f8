"""Spots of several modalities brought together by name."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from mudata import MuData, set_options
from numpy.typing import NDArray

from smartcore.given.names import Mismatch, mismatch
from smartcore.given.off_tissue import COLUMN as TISSUE
from smartcore.given.off_tissue import tissue_spots
from smartcore.io._writable import check_name
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
    own_names
        Modality → what a section calls it, where that is another name.
    inside
        Boolean, of all spots of the container: which lie in the tissue; of what :meth:`kept`
        gives: which were kept.
    """

    features: dict[str, NDArray[np.floating]]
    observed: dict[str, NDArray[np.bool_]]
    coords: NDArray[np.floating]
    sections: NDArray | None
    batches: NDArray | None
    reps: dict[str, str]
    inside: NDArray[np.bool_]
    own_names: dict[str, str] = field(default_factory=dict)

    def kept(self, *, in_tissue: bool) -> Matched:
        """The spots in the tissue, unless all are wanted, that some modality measured.

        Raises
        ------
        ValueError
            If no spot is left.
        """
        measured = np.any(list(self.observed.values()), axis=0)
        keep = measured & self.inside if in_tissue else measured
        n = len(keep)
        if n and not keep.any():
            raise ValueError("No spot is left: none is measured in any modality.")
        if beside := int((~self.inside).sum()) if in_tissue else 0:
            logger.info(
                "%d of %d spots lie outside the tissue (obs[%r] is 0) and are left out; "
                "in_tissue=False embeds them, too.",
                beside,
                n,
                TISSUE,
            )
        if nowhere := int((~measured & (self.inside | (not in_tissue))).sum()):
            warnings.warn(
                f"{nowhere} of {n} spots are measured in no modality and are left out: their "
                "embedding is NaN.",
                stacklevel=3,
            )
        _log_missing({m: mask[keep] for m, mask in self.observed.items()})
        if keep.all():
            return self
        return Matched(
            features={m: x[keep] for m, x in self.features.items()},
            observed={m: mask[keep] for m, mask in self.observed.items()},
            coords=self.coords[keep],
            sections=None if self.sections is None else self.sections[keep],
            batches=None if self.batches is None else self.batches[keep],
            reps=self.reps,
            inside=keep,
        )


def to_mudata(modalities: Mapping[str, AnnData]) -> MuData:
    """The AnnDatas in a MuData, by reference: nothing of theirs is copied or changed."""
    if not modalities:
        raise ValueError("The dict of modalities is empty; give at least one AnnData.")
    for name, adata in modalities.items():
        check_name(name)
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
    return Matched(
        features=features,
        observed=observed,
        coords=from_obsm(adata, spatial_key, "the coordinates"),
        sections=None if section_key is None else groups_of(adata, section_key, "section"),
        batches=None if batch_key is None else groups_of(adata, batch_key, "batch"),
        reps=dict(reps),
        inside=_inside(adata),
    )


def match_mudata(
    mdata: MuData,
    reps: str | Mapping[str, str] | None,
    spatial_key: str,
    section_key: str | None,
    batch_key: str | None,
    *,
    check_names: bool = True,
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
    for m in keys:
        check_name(m)
    rows = {m: _rows(mdata, m) for m in keys}
    _check_overlap(mdata, list(keys), check_names=check_names)
    n = mdata.n_obs
    features, observed = {}, {}
    for m, key in keys.items():
        x = _features(mdata[m], key, f"modality {m!r}")
        features[m] = np.full((n, x.shape[1]), np.nan, np.result_type(x.dtype, np.float32))
        features[m][rows[m]] = x
        observed[m] = np.zeros(n, bool)
        observed[m][rows[m]] = _measured(x)
    return Matched(
        features=features,
        observed=observed,
        coords=joint_coords(mdata, rows, spatial_key),
        sections=None if section_key is None else joint_groups(mdata, rows, section_key, "section"),
        batches=None if batch_key is None else joint_groups(mdata, rows, batch_key, "batch"),
        reps=keys,
        inside=_jointly_inside(mdata, rows),
    )


def _inside(data: AnnData | MuData) -> NDArray[np.bool_]:
    inside = tissue_spots(data.obs)
    return np.ones(data.n_obs, bool) if inside is None else inside


def _jointly_inside(mdata: MuData, rows: Mapping[str, NDArray[np.intp]]) -> NDArray[np.bool_]:
    """Which joint spots nothing marks as outside the tissue, neither jointly nor a modality."""
    inside = _inside(mdata)
    for m, own in rows.items():
        inside[own] &= _inside(mdata[m])
    return inside


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


def _check_overlap(mdata: MuData, modalities: list[str], *, check_names: bool) -> None:
    """Each modality must share spots with the others, directly or through a third.

    Spots that either of two modalities has alone get a warning, and an error where another
    spelling of their names would match more.
    """
    names = {m: mdata[m].obs_names for m in modalities}
    linked = np.eye(len(modalities), dtype=bool)
    apart: dict[tuple[str, str], Mismatch] = {}
    for (i, a), (j, b) in combinations(enumerate(modalities), 2):
        found = mismatch(names[a], names[b])
        linked[i, j] = linked[j, i] = found is None or found.n_common > 0
        if found is not None:
            apart[a, b] = found
    n_groups, group = sp.csgraph.connected_components(linked)
    if n_groups > 1:
        a = modalities[0]
        b = next(m for m, g in zip(modalities, group, strict=True) if g != group[0])
        raise ValueError(
            f"Modalities {a!r} and {b!r} have no spot name in common (such as "
            f"{apart[a, b].examples()}). {apart[a, b].advice(a, b)} Sections would have to come as "
            "a list."
        )
    for (a, b), found in apart.items():
        text = (
            f"{len(names[a]) - found.n_common} of {len(names[a])} spots of modality {a!r} are not "
            f"in {b!r}, and {len(names[b]) - found.n_common} of {len(names[b])} the other way "
            f"round (such as {found.examples()})"
        )
        if found.better is not None and check_names:
            raise ValueError(
                f"{text}. {found.advice(a, b)} Make the names of a spot the same. If "
                "these are different spots, such as of two samples, go on by check_names=False."
            )
        warnings.warn(
            f"{text}: they are embedded as different spots. Check the names if they are not.",
            stacklevel=5,
        )


def _check_reps(reps: object) -> None:
    if not isinstance(reps, Mapping):
        raise TypeError(f"reps={reps!r} must be a key of obsm, or a dict modality → key of obsm.")
    if not reps:
        raise ValueError("reps is empty; name at least one modality and its key of obsm.")
    for name in reps:
        check_name(name)


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
    odd = ~np.isfinite(x).all(axis=1) & ~np.isnan(x).all(axis=1)
    if odd.any():
        raise ValueError(
            f"obsm[{key!r}] of {where} has NaN or infinite values in {odd.sum()} of {len(x)} spots "
            f"(first: {str(adata.obs_names[odd][0])!r}). Remove these spots, or set their whole "
            "rows to NaN, which counts as not measured."
        )
    return x
