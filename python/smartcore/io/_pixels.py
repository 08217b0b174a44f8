"""Coordinates in pixels of the full-resolution image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore import _keys


def check_pixel_size(pixel_size: float | None) -> None:
    """Refuse a pixel size that is none.

    Raises
    ------
    ValueError
        If it is not a positive, finite number.
    """
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise ValueError(f"pixel_size must be a positive number of micrometres, not {pixel_size}")


def in_pixels(
    coords: NDArray[np.float64], pixel_size: float | None, data: Any
) -> NDArray[np.float64]:
    """Coordinates in pixels.

    Parameters
    ----------
    coords
        Shape (n_spots, 2).
    pixel_size
        Length of a pixel in the unit of the coordinates. None: what the folder told from which
        the data were read; 1 for Space Ranger's data that other packages have read.
    data
        The AnnData or MuData that they are from.

    Raises
    ------
    ValueError
        If no pixel size is given and nothing tells that the coordinates are pixels.
    """
    check_pixel_size(pixel_size)
    if pixel_size is None:
        pixel_size = _known(data)
        if pixel_size is None:
            raise ValueError(
                f"the image's pixels are needed, and {_unit(data)}. Give pixel_size: micrometres "
                "per pixel where coordinates are in micrometres (0.2125 for Xenium), 1 where they "
                "are pixels of the full-resolution image"
            )
    return coords / pixel_size


def _unit(data: Any) -> str:
    """What is known of the unit of the coordinates."""
    for part in _parts(data):
        folder = part.uns.get(_keys.FOLDER, {})
        if "unit" in folder:
            return (
                f"these coordinates are in {folder['unit']}s ({folder.get('machine')}), of which "
                "nothing tells how many a pixel is"
            )
    return "nothing tells the unit of these coordinates"


def _known(data: Any) -> float | None:
    """Length of a pixel in the unit of the coordinates, as far as an object tells it."""
    folders = [part.uns[_keys.FOLDER] for part in _parts(data) if _keys.FOLDER in part.uns]
    if folders:
        told = folders[0].get("pixel_size")
        return None if told is None else float(told)
    return 1.0 if _of_space_ranger(data) else None


def _of_space_ranger(data: Any) -> bool:
    """Whether an object holds what comes with Space Ranger's positions, which are pixels."""
    return any(
        {"array_row", "array_col"} <= set(part.obs) or _has_scale_factors(part.uns.get("spatial"))
        for part in _parts(data)
    )


def _parts(data: Any) -> Iterator[Any]:
    if hasattr(data, "obs"):
        yield data
        yield from getattr(data, "mod", {}).values()


def _has_scale_factors(spatial: object) -> bool:
    return isinstance(spatial, Mapping) and any(
        isinstance(part, Mapping) and "scalefactors" in part for part in spatial.values()
    )
