"""Pixels of one measurement brought to the spots of another one of the same section."""

from __future__ import annotations

import logging
import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from smartcore import _keys
from smartcore.pp._checks import positive
from smartcore.pp._on_disk import is_lazy
from smartcore.pp._spacing import half_spacing, places_of

logger = logging.getLogger(__name__)

Method = Literal["nearest", "mean"]

_MANY = 0.5
"""Share of the spots without a pixel that is worth a warning."""


def to_spots(
    adata: AnnData,
    reference: AnnData | pd.DataFrame,
    *,
    method: Method = "nearest",
    radius: float | None = None,
    spatial_key: str = _keys.SPATIAL,
    section_key: str | None = None,
) -> AnnData:
    """Values of pixels at the spots of another measurement of the same section.

    For measurements on unlike grids, such as RNA on Visium spots and metabolites on MALDI pixels.
    Both must have their coordinates in one and the same system: the images must be registered
    beforehand. Modalities are matched by the names of spots afterwards, as usual.

    Parameters
    ----------
    adata
        Pixels × features, with ``obsm[spatial_key]``, in memory.
    reference
        The spots: an AnnData with ``obsm[spatial_key]``, or a table of their coordinates whose
        index has their names.
    method
        ``"nearest"``: a spot gets the values of the pixel nearest to it. ``"mean"``: the mean of
        all pixels within the radius, for pixels that are smaller than spots.
    radius
        Pixels farther from a spot than this, in the units of the coordinates, are not used for
        it. ``None``: half the median distance between neighbouring spots, so that a pixel is
        used for about one spot. A log message tells it.
    spatial_key
        Key of the coordinates in ``obsm`` of both.
    section_key
        Column of ``obs`` of both with the section: pixels go to spots of their own section alone.
        ``None``: all is one section, which several sections in ``obs["section"]`` of both refute.

    Returns
    -------
    The spots that have a pixel, under their names and in their order, × the features of
    ``adata``: ``X``, layers and arrays in ``obsm`` are those of the nearest pixel, or means.
    Spots without a pixel are left out, and so count as not measured in this modality. ``obs`` has
    ``n_pixels`` (whose values a spot has) and ``pixel_distance`` (to the nearest), ``uns["to_spots"]``
    the radius and how many spots had no pixel and how many pixels went to no spot, which a log
    message tells, too.

    Warns
    -----
    UserWarning
        If more than half of the spots have no pixel.

    Raises
    ------
    ValueError
        If no spot has a pixel, coordinates are not of one dimension, names of spots repeat, values
        are on disk, or both have several sections and ``section_key`` is not given.
    KeyError
        If there are no coordinates or sections.

    Examples
    --------
    >>> import anndata as ad, numpy as np, pandas as pd
    >>> import smartcore as sm
    >>> pixels = ad.AnnData(np.array([[1.0], [2.0], [6.0]]))
    >>> pixels.obsm["spatial"] = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
    >>> spots = pd.DataFrame({"x": [0.4, 5.0], "y": [0.0, 0.0]}, index=["a", "b"])
    >>> placed = sm.pp.to_spots(pixels, spots, method="mean", radius=2)
    >>> placed.obs_names.tolist(), placed.X.tolist()
    (['a'], [[1.5]])
    """
    if method not in ("nearest", "mean"):
        raise ValueError(f"method={method!r} is not known; use 'nearest' or 'mean'.")
    if not isinstance(adata, AnnData):
        raise TypeError(f"The pixels must be an AnnData, not {type(adata).__name__}.")
    pixels = places_of(adata, spatial_key, "pixels")
    spots = places_of(reference, spatial_key, "spots")
    names = reference.obs_names if isinstance(reference, AnnData) else reference.index.astype(str)
    if not names.is_unique:
        raise ValueError(f"Names of spots repeat (first: {names[names.duplicated()][0]!r}).")
    if pixels.shape[1] != spots.shape[1]:
        raise ValueError(
            f"Pixels have {pixels.shape[1]} coordinates and spots {spots.shape[1]}; give both "
            "the same."
        )
    groups = _groups(adata, reference, section_key)
    if radius is None:
        radius = half_spacing(spots[groups[0][1]])
        logger.info(
            "Pixels within %.4g of a spot are used: half the median distance of the spots.", radius
        )
    radius = positive("radius", radius)
    weights, distance = _weights(pixels, spots, groups, method, radius)
    n_pixels = np.diff(weights.indptr)
    there = n_pixels > 0
    _tell(pixels, spots, weights, there, radius)
    means = _averaging(weights[there])
    obsm = {
        key: means(values, f"obsm[{key!r}]")
        for key, values in adata.obsm.items()
        if key != spatial_key and _is_numeric(values)
    }
    placed = AnnData(
        None if adata.X is None else means(adata.X, "X"),
        obs=pd.DataFrame(
            {"n_pixels": n_pixels[there], "pixel_distance": distance[there]}, index=names[there]
        ),
        var=adata.var.copy(),
        layers={key: means(values, f"layer {key!r}") for key, values in adata.layers.items()},
        obsm={**obsm, spatial_key: spots[there]},
    )
    if section_key is not None and isinstance(reference, AnnData):
        placed.obs[section_key] = reference.obs[section_key].to_numpy()[there]
    placed.uns["to_spots"] = {
        "method": method,
        "radius": radius,
        "n_spots_without": int((~there).sum()),
        "n_pixels_unused": int(adata.n_obs - len(np.unique(weights.indices))),
    }
    return placed


def _groups(
    adata: AnnData, reference: AnnData | pd.DataFrame, key: str | None
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pixels and spots of each section that has both."""
    if key is None:
        _refuse_sections(adata, reference)
        return [(np.arange(adata.n_obs), np.arange(len(reference)))]
    columns = []
    for what, data in (("pixels", adata), ("spots", reference)):
        if not isinstance(data, AnnData) or key not in data.obs:
            raise KeyError(
                f"The {what} have no obs[{key!r}] for the sections: add it, with the section of "
                f"each of the {what}."
            )
        columns.append(data.obs[key].astype(str).to_numpy())
    shared = [name for name in dict.fromkeys(columns[1]) if name in set(columns[0])]
    if not shared:
        raise ValueError(
            f"Pixels and spots have no section in common: obs[{key!r}] has "
            f"{', '.join(sorted(set(columns[0]))[:3])} and {', '.join(sorted(set(columns[1]))[:3])}."
        )
    return [
        (np.flatnonzero(columns[0] == name), np.flatnonzero(columns[1] == name)) for name in shared
    ]


def _refuse_sections(*both: AnnData | pd.DataFrame) -> None:
    key = _keys.SECTION
    columns = [data.obs[key] for data in both if isinstance(data, AnnData) and key in data.obs]
    numbers = [column.nunique() for column in columns]
    if len(numbers) == 2 and min(numbers) > 1:
        raise ValueError(
            f"obs[{key!r}] tells {numbers[0]} sections of the pixels and {numbers[1]} of the spots "
            f"apart: give section_key={key!r}, so that pixels go to spots of their own section "
            "alone. If all is one section, delete this column of the pixels."
        )


def _weights(
    pixels: NDArray[np.float64],
    spots: NDArray[np.float64],
    groups: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    method: Method,
    radius: float,
) -> tuple[sp.csr_matrix, NDArray[np.float64]]:
    """Which pixels a spot takes, as ones, (n_spots, n_pixels); the distance of the nearest."""
    distance = np.full(len(spots), np.inf)
    rows, columns = [], []
    for own_pixels, own_spots in groups:
        tree = cKDTree(pixels[own_pixels])
        distance[own_spots], nearest = tree.query(spots[own_spots], workers=-1)
        within = distance[own_spots] <= radius
        if method == "nearest":
            rows.append(own_spots[within])
            columns.append(own_pixels[nearest[within]])
            continue
        found = tree.query_ball_point(spots[own_spots], radius, workers=-1, return_sorted=True)
        rows.append(np.repeat(own_spots, [len(one) for one in found]))
        columns.append(own_pixels[np.concatenate([*found, []]).astype(np.intp)])
    row, column = np.concatenate(rows), np.concatenate(columns)
    shape = (len(spots), len(pixels))
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=shape), distance


def _tell(
    pixels: NDArray[np.float64],
    spots: NDArray[np.float64],
    weights: sp.csr_matrix,
    there: NDArray[np.bool_],
    radius: float,
) -> None:
    ranges = " and ".join(
        f"{what} from {', '.join(f'{x:.4g}' for x in xy.min(axis=0))} to "
        f"{', '.join(f'{x:.4g}' for x in xy.max(axis=0))}"
        for what, xy in (("pixels", pixels), ("spots", spots))
    )
    advice = (
        "Both need coordinates in one system and unit (here " + ranges + "); a larger radius would "
        "reach farther."
    )
    without, n = int((~there).sum()), len(there)
    if without == n:
        raise ValueError(f"No spot has a pixel within {radius:.4g}. {advice}")
    unused = weights.shape[1] - len(np.unique(weights.indices))
    logger.info(
        "%d of %d spots have a pixel within %.4g; %d have none and are not measured in this "
        "modality. %d of %d pixels went to no spot.",
        n - without,
        n,
        radius,
        without,
        unused,
        weights.shape[1],
    )
    if without > _MANY * n:
        warnings.warn(
            f"{without} of {n} spots have no pixel within {radius:.4g}. {advice}", stacklevel=3
        )


def _averaging(weights: sp.csr_matrix) -> Any:
    """What makes means over the pixels that each spot takes."""
    share = sp.diags(1 / np.diff(weights.indptr)) @ weights

    def means(values: Any, place: str) -> Any:
        if is_lazy(values):
            raise ValueError(
                f"{place} of the pixels is on disk, and pixels are brought to spots in memory: "
                "load them by AnnData.to_memory()."
            )
        dtype = np.float64 if values.dtype == np.float64 else np.float32
        if not sp.issparse(values):
            return np.asarray(share @ np.asarray(values, np.float64), dtype)
        return sp.csr_matrix(share @ sp.csr_matrix(values).astype(np.float64)).astype(dtype)

    return means


def _is_numeric(values: Any) -> bool:
    return sp.issparse(values) or (
        isinstance(values, np.ndarray) and values.ndim == 2 and values.dtype.kind in "fiu"
    )
