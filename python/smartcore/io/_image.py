"""The image of the tissue in a Space Ranger folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from smartcore.io._files import existing, reading

logger = logging.getLogger("smartcore")


class Image(NamedTuple):
    """An image of the tissue, for :func:`smartcore.pp.image_colors`.

    Attributes
    ----------
    pixels
        Shape (height, width, 3 or 4), from 0 to 1.
    scale
        Pixels of the image for a pixel of the full-resolution image, in which the coordinates are.
    spot_diameter
        In pixels of the full-resolution image.
    """

    pixels: NDArray[np.float32]
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
    from matplotlib.image import imread

    if resolution not in ("hires", "lowres"):
        raise ValueError(f"resolution={resolution!r} is not known; use 'hires' or 'lowres'.")
    folder = existing(path, "a Space Ranger 'outs' folder")
    folder = folder / "spatial" if (folder / "spatial").is_dir() else folder
    file, table = folder / f"tissue_{resolution}_image.png", folder / "scalefactors_json.json"
    if missing := [one.name for one in (file, table) if not one.is_file()]:
        raise FileNotFoundError(f"{folder} has no {' and no '.join(missing)}")
    with reading(table, "Space Ranger's scale factors (JSON)"):
        factors = json.loads(table.read_text())
        key = f"tissue_{resolution}_scalef"
        scale, diameter = (float(factors[name]) for name in (key, "spot_diameter_fullres"))
    with reading(file, "a PNG image"):
        pixels = imread(file)
    if pixels.ndim != 3:
        raise ValueError(f"{file} is grey: it has no colours")
    logger.info("%s: an image of %d × %d pixels", file, pixels.shape[1], pixels.shape[0])
    return Image(pixels, scale, diameter)
