"""Images of the tissue that Space Ranger keeps beside the positions of the spots."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore.io._files import reading

logger = logging.getLogger("smartcore")

IMAGES = {"hires": "tissue_hires_image.png", "lowres": "tissue_lowres_image.png"}
"""Name of an image, as scanpy calls it, and its file."""

SCALE_FACTORS = "scalefactors_json.json"


def tissue_images(spatial_folder: Path, names: Iterable[str] = tuple(IMAGES)) -> dict[str, Any]:
    """Read the images of the tissue and their scale factors from a ``spatial`` folder.

    Parameters
    ----------
    spatial_folder
        The folder with ``tissue_hires_image.png``, ``tissue_lowres_image.png`` or both, and
        ``scalefactors_json.json``.
    names
        Which of them: "hires", "lowres".

    Returns
    -------
    dict
        What scanpy keeps in ``uns["spatial"][library]``: ``"images"``, from "hires" and "lowres",
        as far as they are there, to pixels of shape (rows, columns, 3), uint8, white where
        they are transparent; and
        ``"scalefactors"``, of which ``tissue_hires_scalef`` and ``tissue_lowres_scalef`` are
        pixels of that image for one pixel of full resolution, and ``spot_diameter_fullres`` is
        in pixels of full resolution. Empty if the folder holds no image.

    Raises
    ------
    FileNotFoundError
        If there are images, but no scale factors.
    ValueError
        If a file cannot be read, or a scale factor is not a positive number.
    """
    found = {
        name: spatial_folder / IMAGES[name]
        for name in names
        if (spatial_folder / IMAGES[name]).is_file()
    }
    if not found:
        return {}
    factors = spatial_folder / SCALE_FACTORS
    if not factors.is_file():
        raise FileNotFoundError(
            f"{spatial_folder} holds {', '.join(path.name for path in found.values())}, but no "
            f"{SCALE_FACTORS}, which says how the image lies under the spots"
        )
    scales = _scale_factors(factors, list(found))
    images = {name: _pixels(path) for name, path in found.items()}
    sizes = ", ".join(
        f"{name} {image.shape[1]} × {image.shape[0]}" for name, image in images.items()
    )
    logger.info("%s: images of the tissue (%s pixels)", spatial_folder, sizes)
    return {"images": images, "scalefactors": scales}


def library_images(folder: Path, pixel_size: float = 1.0) -> dict[str, Any]:
    """What goes to ``uns["spatial"]`` from an ``outs`` folder: its library and the images of it.

    Scale factors are for coordinates in which a pixel of full resolution has the length
    ``pixel_size``. Empty, with a log message, where there are no images.
    """
    images = tissue_images(folder / "spatial")
    if not images:
        logger.info("%s/spatial holds no image of the tissue", folder)
        return {}
    images["scalefactors"] = in_unit(images["scalefactors"], pixel_size)
    place = folder.resolve()
    return {(place.parent if place.name == "outs" else place).name: images}


def in_unit(factors: Mapping[str, float], pixel_size: float) -> dict[str, float]:
    """Scale factors for coordinates in another unit than pixels of full resolution.

    Parameters
    ----------
    factors
        Space Ranger's.
    pixel_size
        Length of a pixel of full resolution in the unit of the coordinates.
    """
    lengths = {name: pixel_size for name in factors if name.endswith("_fullres")}
    per_pixel = {name: 1 / pixel_size for name in factors if name.endswith("_scalef")}
    return {name: x * {**lengths, **per_pixel}.get(name, 1.0) for name, x in factors.items()}


def _scale_factors(path: Path, images: list[str]) -> dict[str, float]:
    with reading(path, "Space Ranger's scale factors (a JSON object of numbers)"):
        content = json.loads(path.read_text(encoding="utf-8"))
        factors = {str(name): float(value) for name, value in content.items() if value is not None}
    for name in [f"tissue_{image}_scalef" for image in images]:
        if name not in factors:
            raise ValueError(f"{path} lacks {name}; it has {', '.join(factors) or 'nothing'}")
        if not 0 < factors[name] < np.inf:
            raise ValueError(f"{path}: {name} must be a positive number, not {factors[name]}")
    return factors


def _pixels(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    with reading(path, "an image (PNG)"), Image.open(path) as image:
        if image.mode.startswith(("I", "F")):
            raise ValueError(f"it has more than 8 bits a pixel (mode {image.mode})")
        if not image.has_transparency_data:
            return np.array(image.convert("RGB"))
        white = Image.new("RGBA", image.size, "white")
        return np.array(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))
