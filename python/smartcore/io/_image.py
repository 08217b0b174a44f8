"""The image of the tissue in a Space Ranger folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smartcore.io._files import existing
from smartcore.io._images import IMAGES, SCALE_FACTORS, in_unit, tissue_images

_DIAMETER = "spot_diameter_fullres"


class Image(NamedTuple):
    """An image of the tissue, for :func:`smartcore.pp.image_colors`.

    Attributes
    ----------
    pixels
        Shape (height, width, 3), from 0 to 255.
    scale
        Pixels of the image for a unit of the coordinates that :func:`read_folder` gives: a pixel of
        the full-resolution image, for Visium HD a micrometre.
    spot_diameter
        In the same unit.
    """

    pixels: NDArray[np.uint8]
    scale: float
    spot_diameter: float


def read_image(path: str | Path, resolution: Literal["hires", "lowres"] = "hires") -> Image:
    """Read the image of the tissue of a Space Ranger folder, with its scale.

    Parameters
    ----------
    path
        The ``outs`` folder, or the folder ``spatial`` in it.
    resolution
        Which image: ``tissue_hires_image.png`` or ``tissue_lowres_image.png``.

    Raises
    ------
    FileNotFoundError
        If the image or ``scalefactors_json.json`` is not there.
    ValueError
        If they cannot be read, or lack the scale factor.

    Examples
    --------
    >>> import smartcore as sm
    >>> image = sm.io.read_image("outs")  # doctest: +SKIP
    >>> sm.pp.image_colors(
    ...     rna, image.pixels, scale=image.scale, radius=image.spot_diameter / 2
    ... )  # doctest: +SKIP
    """
    if resolution not in IMAGES:
        raise ValueError(f"resolution={resolution!r} is not known; use 'hires' or 'lowres'.")
    folder = existing(path, "a Space Ranger 'outs' folder")
    folder = folder / "spatial" if (folder / "spatial").is_dir() else folder
    file, table = folder / IMAGES[resolution], folder / SCALE_FACTORS
    if missing := [one.name for one in (file, table) if not one.is_file()]:
        raise FileNotFoundError(f"{folder} has no {' and no '.join(missing)}")
    found = tissue_images(folder, [resolution])
    factors = found["scalefactors"]
    if _DIAMETER not in factors:
        raise ValueError(f"{table} lacks {_DIAMETER}; it has {', '.join(factors) or 'nothing'}")
    factors = in_unit(factors, factors.get("microns_per_pixel", 1.0))
    scale, diameter = factors[f"tissue_{resolution}_scalef"], factors[_DIAMETER]
    return Image(found["images"][resolution], scale, diameter)
