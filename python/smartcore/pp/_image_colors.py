"""Colours of the histology under each spot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from smartcore import _keys
from smartcore.pp._checks import positive
from smartcore.pp._spacing import half_spacing, places_of
from smartcore.pp._stains import STAINS, stains

logger = logging.getLogger(__name__)

Channels = Literal["rgb", "stains", "both"]

_RGB = ("red", "green", "blue")
_AT_ONCE = 1 << 22
"""Pixels that are looked at at once."""
_BAND = 64
"""Rows of pixels whose stains are computed at once."""


def image_colors(
    spots: AnnData | pd.DataFrame,
    image: ArrayLike | None = None,
    *,
    scale: float | ArrayLike | None = None,
    radius: float | None = None,
    channels: Channels = "both",
    library: str | None = None,
    resolution: Literal["hires", "lowres"] = "hires",
    spatial_key: str = _keys.SPATIAL,
) -> AnnData:
    """Colours of the histology under each spot, as a modality that needs no model.

    Mean and standard deviation of the colours, of the stains, or of both, over the pixels of an
    H&E image within a radius of each spot, and how rough the image is there.
    :func:`smartcore.pp.features` makes components of them.

    Parameters
    ----------
    spots
        An AnnData with ``obsm[spatial_key]``, or a table of coordinates x, y whose index has the
        names of the spots.
    image
        Shape (height, width, 3): red, green and blue as whole numbers from 0 to 255 (or 65535),
        or from 0 to 1; a fourth channel is left out. ``None``: the image that scanpy keeps in
        ``uns["spatial"]``, whose scale and spot diameter are then used, too.
    scale
        Pixels of the image for a unit of the coordinates: a number, or an affine matrix, (2, 3)
        or (3, 3), from (x, y, 1) to column and row of the image. ``None``: 1.
    radius
        In the units of the coordinates. ``None``: the radius of a spot, where ``uns["spatial"]``
        has it, or else half the median distance between neighbouring spots. At least one pixel.
    channels
        ``"rgb"``: red, green, blue. ``"stains"``: haematoxylin (nuclei), eosin (the rest of
        the tissue) and what both leave over, by colour deconvolution; they assume that the
        staining has these colours. ``"both"``: all six.
    library
        Which of several entries in ``uns["spatial"]``.
    resolution
        Which of the images there.
    spatial_key
        Key of the coordinates in ``obsm``.

    Returns
    -------
    Spots × colours, under their names, with ``obsm[spatial_key]``: "red mean", "red sd" and so on,
    from 0 to 1, stains as optical densities, and "roughness", the mean difference in brightness
    between neighbouring pixels.

    Raises
    ------
    ValueError
        If spots lie outside the image, so that the scale may be wrong; or the image is no such.
    KeyError
        If there is no image or no coordinates.

    References
    ----------
    Ruifrok and Johnston, Anal Quant Cytol Histol 23, 291 (2001), for the stains.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import smartcore as sm
    >>> image = np.zeros((20, 40, 3), np.uint8)
    >>> image[:, 20:] = [255, 0, 51]
    >>> spots = pd.DataFrame({"x": [10, 30], "y": [10, 10]}, index=["left", "right"])
    >>> colors = sm.pp.image_colors(spots, image, radius=5, channels="rgb")
    >>> colors["right", ["red mean", "blue mean"]].X.round(2).tolist()
    [[1.0, 0.20000000298023224]]
    """
    if channels not in ("rgb", "stains", "both"):
        raise ValueError(f"channels={channels!r} is not known; use 'rgb', 'stains' or 'both'.")
    coords = places_of(spots, spatial_key, "spots")[:, :2]
    if image is None:
        image, scale, radius = _kept_image(spots, library, resolution, scale, radius)
    pixels = _colors(image)
    affine = _affine(scale)
    if radius is None:
        radius = half_spacing(coords)
        logger.info(
            "Colours are those within %.4g of a spot: half the median distance of the spots.",
            radius,
        )
    # Of a matrix that turns or stretches, the side of a square of the same area.
    reach = positive("radius", radius) * float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if reach < 1:
        logger.info("A spot has a radius of %.2g pixels of the image: 1 is used.", reach)
    at = coords @ affine[:, :2].T + affine[:, 2]
    _check_inside(at, pixels, spots, affine)
    logger.info("Colours under %d spots, over a radius of %.3g pixels.", len(at), max(1.0, reach))
    values, names = _channels(pixels, channels)
    colors = np.concatenate([_of_spots(values, own) for own in _discs(at, max(1.0, reach), values)])
    index = spots.obs_names if isinstance(spots, AnnData) else spots.index.astype(str)
    return AnnData(
        colors.astype(np.float32),
        obs=pd.DataFrame(index=index),
        var=pd.DataFrame(
            index=[*(f"{n} {what}" for n in names for what in ("mean", "sd")), "roughness"]
        ),
        obsm={spatial_key: coords},
    )


def _kept_image(
    spots: AnnData | pd.DataFrame,
    library: str | None,
    resolution: str,
    scale: Any,
    radius: float | None,
) -> tuple[Any, Any, float | None]:
    """Image, scale and radius of a spot as scanpy keeps them."""
    held = spots.uns.get("spatial", {}) if isinstance(spots, AnnData) else {}
    if not held:
        raise KeyError(
            "No image: give image, or an AnnData with uns['spatial'], as scanpy keeps the images of "
            "Visium."
        )
    if library is None and len(held) > 1:
        raise ValueError(f"uns['spatial'] has several entries: name one by library: {list(held)}.")
    name = next(iter(held)) if library is None else library
    if name not in held:
        raise KeyError(f"library={name!r} is not in uns['spatial'], which has {list(held)}.")
    images, factors = held[name].get("images", {}), held[name].get("scalefactors", {})
    if resolution not in images:
        raise KeyError(
            f"uns['spatial'][{name!r}] has no image {resolution!r}; it has {list(images) or 'none'}."
        )
    if scale is None:
        key = f"tissue_{resolution}_scalef"
        if key not in factors:
            raise KeyError(f"uns['spatial'][{name!r}] has no scale factor {key!r}; give scale.")
        scale = float(factors[key])
    if radius is None and "spot_diameter_fullres" in factors:
        radius = float(factors["spot_diameter_fullres"]) / 2
    return images[resolution], scale, radius


def _colors(image: ArrayLike) -> NDArray[np.float32]:
    """Red, green and blue from 0 to 1, (height, width, 3)."""
    x = np.asarray(image)
    if x.ndim != 3 or x.shape[2] not in (3, 4):
        hint = (
            " Channels come last: numpy.moveaxis(image, 0, -1)."
            if x.ndim == 3 and x.shape[0] in (3, 4)
            else ""
        )
        raise ValueError(f"An image must have shape (height, width, 3), not {x.shape}.{hint}")
    x = x[:, :, :3]
    if x.dtype in (np.uint8, np.uint16):
        return x.astype(np.float32) / np.iinfo(x.dtype).max
    if x.dtype.kind != "f" or not np.isfinite(x).all() or x.min() < 0 or x.max() > 1:
        raise ValueError(
            f"Colours must be whole numbers of 8 or 16 bits, or from 0 to 1, not {x.dtype} from "
            f"{x.min()} to {x.max()}."
        )
    return x.astype(np.float32)


def _affine(scale: Any) -> NDArray[np.float64]:
    """Shape (2, 3): from (x, y, 1) to column and row."""
    matrix = np.asarray(1.0 if scale is None else scale, np.float64)
    if matrix.ndim == 0:
        factor = positive("scale", float(matrix))
        return np.array([[factor, 0, 0], [0, factor, 0]])
    if matrix.shape not in ((2, 3), (3, 3)) or not np.isfinite(matrix).all():
        raise ValueError(
            f"scale must be a number or an affine matrix of shape (2, 3) or (3, 3), not {matrix.shape}."
        )
    if abs(np.linalg.det(matrix[:2, :2])) < 1e-12:
        raise ValueError("scale is a matrix that brings all spots to one line.")
    return matrix[:2]


def _check_inside(
    at: NDArray[np.float64],
    pixels: NDArray[np.float32],
    spots: AnnData | pd.DataFrame,
    affine: NDArray[np.float64],
) -> None:
    height, width = pixels.shape[:2]
    outside = ((at < -0.5) | (at > np.array([width, height]) - 0.5)).any(axis=1)
    if outside.any():
        names = spots.obs_names if isinstance(spots, AnnData) else spots.index
        column, row = at[outside][0]
        raise ValueError(
            f"{outside.sum()} of {len(at)} spots lie outside the image of {width} × {height} pixels "
            f"(first: {str(names[outside][0])!r}, at column {column:.0f} and row {row:.0f}). The "
            f"scale from coordinates to pixels may be wrong (it is {affine.tolist()}), or the "
            "coordinates may be y, x."
        )


def _channels(
    pixels: NDArray[np.float32], channels: Channels
) -> tuple[NDArray[np.float32], list[str]]:
    """Channels of each pixel, the last one the roughness, and the names of the others."""
    parts: list[NDArray[np.float32]] = []
    names: list[str] = []
    if channels != "stains":
        parts.append(pixels)
        names += _RGB
    if channels != "rgb":
        # Logarithms of a whole slide at once would take many times its memory.
        stained = np.empty((*pixels.shape[:2], len(STAINS)), np.float32)
        for first in range(0, len(pixels), _BAND):
            stained[first : first + _BAND] = stains(pixels[first : first + _BAND])
        parts.append(stained)
        names += STAINS
    grey = pixels.mean(axis=2)
    rough = np.zeros_like(grey)
    # To the next pixel below and to the right; the last has none.
    rough[:-1] += np.abs(np.diff(grey, axis=0)) / 2
    rough[:, :-1] += np.abs(np.diff(grey, axis=1)) / 2
    return np.concatenate([*parts, rough[:, :, None]], axis=2), names


def _discs(
    at: NDArray[np.float64], reach: float, values: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]]:
    """Rows and columns of pixels around some spots after the other, and which are within reach."""
    height, width = values.shape[:2]
    side = np.arange(-int(reach) - 1, int(reach) + 2)
    down, right = (grid.ravel() for grid in np.meshgrid(side, side, indexing="ij"))
    step = max(1, _AT_ONCE // len(down))
    for start in range(0, len(at), step):
        column, row = at[start : start + step].T
        rows = np.rint(row).astype(np.intp)[:, None] + down
        columns = np.rint(column).astype(np.intp)[:, None] + right
        near = (rows - row[:, None]) ** 2 + (columns - column[:, None]) ** 2 <= reach**2
        near &= (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        yield rows.clip(0, height - 1), columns.clip(0, width - 1), near


def _of_spots(
    values: NDArray[np.float32],
    disc: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Mean and deviation of each channel over the disc of each spot; of the last the mean."""
    rows, columns, near = disc
    n = near.sum(axis=1)
    found = []
    for channel in range(values.shape[2]):
        x = values[rows, columns, channel].astype(np.float64)
        mean = np.where(near, x, 0).sum(axis=1) / n
        found.append(mean)
        if channel < values.shape[2] - 1:
            squares = np.where(near, (x - mean[:, None]) ** 2, 0).sum(axis=1)
            found.append(np.sqrt(squares / n))
    return np.column_stack(found)
