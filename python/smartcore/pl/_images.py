"""The image of the tissue that lies under a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from smartcore._keys import SECTION, SPATIAL

from ._data import is_mudata, missing_key

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._data import Data

Image: TypeAlias = bool | str | NDArray[Any]
"""Whether to draw the image that the object holds, the name of one of several, or pixels."""

_LIBRARY_KEYS = ("library_id", SECTION)
"""Columns of ``obs`` that may name the library of each spot."""

_ON_IMAGE = 0.6
"""Width of spots on an image, in steps, where their diameter is not known: about Visium's."""


@dataclass(frozen=True)
class Picture:
    """An image and where it lies.

    Attributes
    ----------
    pixels
        Shape (rows, columns), (rows, columns, 3) or (rows, columns, 4).
    scale
        Pixels for one unit of the coordinates, whose origin is the upper left corner.
    diameter
        Of a spot, in units of the coordinates; None where it is not known.
    """

    pixels: NDArray[Any]
    scale: float
    diameter: float | None = None

    @property
    def reach(self) -> NDArray[np.float64]:
        """Width and height in units of the coordinates."""
        rows, columns = self.pixels.shape[:2]
        return np.array([columns, rows]) / self.scale


def libraries(data: Data) -> dict[str, Mapping[str, Any]]:
    """The libraries of ``uns["spatial"]`` that hold images; MuData's first, or of a modality."""
    holders = [data, *data.mod.values()] if is_mudata(data) else [data]
    found: dict[str, Mapping[str, Any]] = {}
    for holder in holders:
        kept = holder.uns.get(SPATIAL)
        for name, library in dict(kept if isinstance(kept, Mapping) else {}).items():
            if isinstance(library, Mapping) and library.get("images"):
                found.setdefault(str(name), library)
    return found


def picture_of(
    data: Data, image: Image | None, scale: float | None, library: str | None
) -> Picture | None:
    """The image to be drawn, or None where none is wanted.

    Raises
    ------
    ValueError
        If `scale` or `library` is given without an image.
    TypeError, KeyError, ValueError
        As :func:`find_picture`.
    """
    if image is None or (isinstance(image, bool | np.bool_) and not image):
        if scale is not None or library is not None:
            raise ValueError("scale and library are of an image: give image=True, too")
        return None
    return find_picture(data, image, scale, library)


def pictures_of_sections(
    parts: Mapping[str, Data], image: bool | str, whole: Data | None
) -> dict[str, Picture]:
    """The image of each section that has one.

    Parameters
    ----------
    parts
        Section → its spots.
    image
        True, or the name of the image.
    whole
        What the sections are parts of, if they are of one object: its libraries are named for
        the sections, or for ``obs["library_id"]``.

    Raises
    ------
    KeyError
        If no section has an image, or one lacks the image of that name.
    """
    pictures = {}
    for name, part in parts.items():
        there = list(libraries(part if whole is None else whole))
        if name in there:
            library: str | None = name
        elif len(there) == 1 and (whole is None or len(parts) == 1):
            library = there[0]
        else:
            library = _named_by_spots(part, there)
        if library is not None:
            holder = part if whole is None else whole
            pictures[name] = find_picture(holder, image, None, library)
    if not pictures:
        raise KeyError(
            f"no section has an image: uns['spatial'] must hold a library for each, named as the "
            f"section ({', '.join(parts)}) or as obs['library_id'] of its spots"
        )
    return pictures


def spot_width(size: float | None, step: float, picture: Picture | None) -> float:
    """Width of spots: what is asked for; on an image their diameter; the step of the layout.

    Raises
    ------
    ValueError
        If `size` is not positive.
    """
    if size is not None:
        if not 0 < float(size) < np.inf:
            raise ValueError(f"size must be positive, in units of the coordinates, not {size}")
        return float(size)
    if picture is None:
        return step
    return picture.diameter or _ON_IMAGE * step


def find_picture(data: Data, image: Image, scale: float | None, library: str | None) -> Picture:
    """The image to be drawn: pixels that are given, or one that the object holds.

    Raises
    ------
    TypeError
        If `image` is neither a name nor pixels.
    KeyError
        If there is no such image or library; the message lists what is there.
    ValueError
        If pixels have no scale, several libraries fit, or `scale` is not positive.
    """
    if scale is not None and not 0 < float(scale) < np.inf:
        raise ValueError(
            f"scale must be positive, in pixels of the image for one unit of the coordinates, "
            f"not {scale}"
        )
    if not isinstance(image, str | bool | np.bool_):
        if scale is None:
            raise ValueError(
                "an image given as pixels needs scale: its pixels for one unit of the coordinates"
            )
        if library is not None:
            raise ValueError(
                "library names an image of the object; leave it out, or give image=True"
            )
        return Picture(_pixels(image, "image"), float(scale))
    found = libraries(data)
    if not found:
        raise KeyError(
            "the object holds no image: uns['spatial'] has no library with images. "
            "io.read_modality(folder, images=True) keeps those of a Space Ranger folder; or give "
            "pixels as image, with scale"
        )
    name = _library(data, list(found), library)
    images, factors = found[name]["images"], found[name].get("scalefactors", {})
    where = f"uns['spatial'][{name!r}]"
    if isinstance(image, str):
        if image not in images:
            raise missing_key(image, f"{where}['images']", images)
    else:
        known = [key for key in ("hires", "lowres", *images) if key in images]
        scaled = [key for key in known if f"tissue_{key}_scalef" in factors]
        image = (known if scale is not None else scaled or known)[0]
    factor = f"tissue_{image}_scalef"
    if scale is None:
        if factor not in factors:
            raise KeyError(
                f"{factor!r} is not in {where}['scalefactors'], which has: "
                f"{', '.join(map(str, factors)) or 'none'}; give scale: pixels of the image for "
                "one unit of the coordinates"
            )
        scale = float(factors[factor])
    diameter = factors.get("spot_diameter_fullres")
    return Picture(
        _pixels(images[image], f"{where}['images'][{image!r}]"),
        float(scale),
        None if diameter is None else float(diameter),
    )


def _library(data: Data, there: list[str], wanted: str | None) -> str:
    """The library that is named, the only one, or the one that all spots are of."""
    if wanted is not None:
        if wanted not in there:
            raise missing_key(wanted, "uns['spatial']", there)
        return wanted
    if len(there) == 1:
        return there[0]
    if (named := _named_by_spots(data, there)) is not None:
        return named
    raise ValueError(
        f"uns['spatial'] holds images of several libraries: {', '.join(there)}. Take the spots of "
        "one, and name it by library; or draw all by pl.sections(…, image=True)"
    )


def _named_by_spots(data: Data, there: list[str]) -> str | None:
    """The library that a column of ``obs`` names for all spots."""
    for key in _LIBRARY_KEYS:
        if key in data.obs:
            own = data.obs[key].dropna().astype(str).unique()
            if len(own) == 1 and own[0] in there:
                return str(own[0])
    return None


def _pixels(image: Any, where: str) -> NDArray[Any]:
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "fiub" or pixels.size == 0:
        raise TypeError(
            f"{where} must be an array of pixels, the name of an image, True or False, "
            f"not {type(image).__name__}"
        )
    if pixels.ndim != 2 and not (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        raise ValueError(
            f"{where} must have shape (rows, columns), or (rows, columns, 3 or 4), "
            f"not {pixels.shape}"
        )
    return pixels


def draw_picture(
    ax: Axes,
    picture: Picture,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    alpha: float,
) -> None:
    """Draw what of an image lies between two corners, in the units of the coordinates.

    Raises
    ------
    ValueError
        If nothing does.
    """
    first = np.maximum(np.floor(low * picture.scale), 0).astype(int)
    last = np.minimum(np.ceil(high * picture.scale), picture.pixels.shape[1::-1]).astype(int)
    if (first >= last).any():
        width, height = picture.reach
        raise ValueError(
            f"the spots lie outside the image: they reach from ({low[0]:g}, {low[1]:g}) to "
            f"({high[0]:g}, {high[1]:g}), the image from (0, 0) to ({width:g}, {height:g}). The "
            "coordinates must be pixels of the full resolution, or scale must say otherwise"
        )
    left, top = first / picture.scale
    right, bottom = last / picture.scale
    ax.imshow(
        picture.pixels[first[1] : last[1], first[0] : last[0]],
        extent=(left, right, bottom, top),
        alpha=None if alpha == 1 else alpha,
        cmap="gray",
        zorder=0,
        aspect="equal",
    )
