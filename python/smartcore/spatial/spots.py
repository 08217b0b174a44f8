"""What the user gives, checked and put in one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from smartcore.spatial.graph import check_coords

MIN_SPOTS = 20
"""Fewer tell nothing of neighbourhoods or domains: whatever comes of them is noise."""


@dataclass(frozen=True)
class Spots:
    """Spots in canonical order: by section, then by place.

    In that order the input's own order changes nothing, ties between equally distant
    neighbours included.

    Attributes
    ----------
    features
        Modality → (n_spots, d); rows that were not observed are 0.
    observed
        Modality → boolean (n_spots,).
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    sections
        Integer codes (n_spots,), or ``None`` for one section.
    batches
        Integer codes (n_spots,), those of the sections unless batches were given; ``None`` for
        one batch.
    adjacency
        The user's own graph, or ``None``.
    order
        The input's row of each spot, shape (n_spots,).
    """

    features: dict[str, NDArray[np.floating]]
    observed: dict[str, NDArray[np.bool_]]
    coords: NDArray[np.float64]
    sections: NDArray[np.intp] | None
    batches: NDArray[np.intp] | None
    adjacency: sp.csr_matrix | None
    order: NDArray[np.intp]


def check_spots(
    features: Mapping[str, ArrayLike],
    coords: ArrayLike,
    sections: ArrayLike | None,
    batches: ArrayLike | None,
    observed: Mapping[str, ArrayLike] | None,
    adjacency: sp.spmatrix | sp.sparray | None,
) -> Spots:
    """Check the arguments of :func:`smartcore.integrate` and sort the spots.

    Raises
    ------
    ValueError
        As :func:`smartcore.integrate` says.
    """
    arrays, masks = _check_features(features, observed)
    xy = check_coords(coords)
    n = len(next(iter(arrays.values())))
    if len(xy) != n:
        raise ValueError(f"There are coordinates of {len(xy)} spots, but features of {n}.")
    if n < MIN_SPOTS:
        raise ValueError(
            f"{n} spots are too few to embed: at least {MIN_SPOTS} with values are needed to tell "
            "domains from noise."
        )
    codes, names = _check_groups("sections", sections, n)
    if codes is not None:
        _check_common_modalities(masks, codes, names)
    batch_codes = codes if batches is None else _check_groups("batches", batches, n)[0]
    # Spots at one place are told apart by their features.
    keys = [x[:, 0] for x in arrays.values()] + [*xy.T] + ([] if codes is None else [codes])
    order = np.lexsort(keys)
    return Spots(
        features={name: x[order] for name, x in arrays.items()},
        observed={name: mask[order] for name, mask in masks.items()},
        coords=xy[order],
        sections=None if codes is None else codes[order],
        batches=None if batch_codes is None else batch_codes[order],
        adjacency=_check_adjacency(adjacency, order),
        order=order,
    )


def _check_features(
    features: Mapping[str, ArrayLike], observed: Mapping[str, ArrayLike] | None
) -> tuple[dict[str, NDArray[np.floating]], dict[str, NDArray[np.bool_]]]:
    if not isinstance(features, Mapping) or not features:
        raise ValueError(
            "features must map at least one modality to an array (n_spots, d), but is "
            f"{'empty' if isinstance(features, Mapping) else type(features).__name__}."
        )
    if unknown := sorted(set(observed or {}) - set(features)):
        raise ValueError(f"observed names {unknown}; the modalities are {list(features)}.")
    arrays = {name: _check_array(name, given) for name, given in features.items()}
    sizes = {name: len(x) for name, x in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"All modalities must have the same spots, but their numbers are {sizes}.")
    masks: dict[str, NDArray[np.bool_]] = {}
    for name, x in arrays.items():
        mask = np.asarray((observed or {}).get(name, np.ones(len(x), bool)))
        if mask.dtype != bool or mask.shape != (len(x),):
            raise ValueError(
                f"observed[{name!r}] must be boolean of shape ({len(x)},), not {mask.dtype} "
                f"of shape {mask.shape}."
            )
        bad = np.flatnonzero(mask & ~np.isfinite(x).all(axis=1))
        if bad.size:
            raise ValueError(
                f"Features of {name!r} are NaN or infinite in {bad.size} of {len(x)} spots "
                f"(first: row {bad[0]}). Mark spots that the modality did not measure by False in "
                "observed, or remove them."
            )
        if not mask.any():
            raise ValueError(f"Modality {name!r} is observed in none of the {len(x)} spots.")
        arrays[name] = np.where(mask[:, None], x, 0)
        masks[name] = mask
    nowhere = np.flatnonzero(~np.any(list(masks.values()), axis=0))
    if nowhere.size:
        raise ValueError(
            f"{nowhere.size} spots are observed in no modality (first: row {nowhere[0]}); "
            "remove them."
        )
    return arrays, masks


def _check_array(name: str, given: ArrayLike) -> NDArray[np.floating]:
    if sp.issparse(given):
        raise ValueError(
            f"Features of {name!r} are sparse: give its principal components (smartcore.pp)."
        )
    x = np.asarray(given)
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind not in "fiu":
        raise ValueError(
            f"Features of {name!r} must be numbers of shape (n_spots, d), with d from 1 up, "
            f"not {x.dtype} of shape {x.shape}."
        )
    return x


def _check_groups(
    what: str, groups: ArrayLike | None, n: int
) -> tuple[NDArray[np.intp] | None, NDArray]:
    """Code of each spot's group, and the groups' names; ``what`` is the argument's name."""
    if groups is None:
        return None, np.empty(0)
    given = np.asarray(groups)
    if given.ndim != 1 or len(given) != n:
        raise ValueError(
            f"{what} must have one entry for each of {n} spots, shape ({n},), but is "
            f"{type(groups).__name__} of shape {given.shape}."
        )
    codes, names = pd.factorize(given, sort=True)
    if (missing := codes < 0).any():
        raise ValueError(
            f"{what} is missing for {missing.sum()} of {n} spots (first: row "
            f"{np.flatnonzero(missing)[0]})."
        )
    return codes, np.asarray(names)


def _check_common_modalities(
    masks: Mapping[str, NDArray[np.bool_]], codes: NDArray[np.intp], names: NDArray
) -> None:
    """Sections must be joined by modalities that they share, directly or through others."""
    has = np.array([np.bincount(codes[mask], minlength=len(names)) > 0 for mask in masks.values()])
    n_groups, group = sp.csgraph.connected_components(sp.csr_matrix(has.T.astype(int) @ has))
    if n_groups > 1:
        one, other = (np.flatnonzero(group == g)[0] for g in (0, 1))
        measured = [
            [m for m, there in zip(masks, has[:, s], strict=True) if there] for s in (one, other)
        ]
        raise ValueError(
            f"Section {str(names[one])!r} was measured in {measured[0]}, section "
            f"{str(names[other])!r} in {measured[1]}, and no other joins them: they cannot be "
            "compared. Embed them one by one."
        )


def _check_adjacency(
    adjacency: sp.spmatrix | sp.sparray | None, order: NDArray[np.intp]
) -> sp.csr_matrix | None:
    if adjacency is None:
        return None
    n = len(order)
    if not sp.issparse(adjacency) or adjacency.shape != (n, n):
        raise ValueError(
            f"adjacency must be a sparse matrix of shape ({n}, {n}), not "
            f"{type(adjacency).__name__} of shape {np.shape(adjacency)}."
        )
    given = sp.coo_matrix(sp.csr_matrix(adjacency)[order][:, order])
    edge = (given.data != 0) & (given.row != given.col)
    row, col = given.row[edge], given.col[edge]
    return sp.csr_matrix((np.ones(len(row), np.float32), (row, col)), shape=(n, n))
