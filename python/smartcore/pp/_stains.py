"""Colours of histology as amounts of stain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STAINS = ("haematoxylin", "eosin", "residual")

# Optical density in red, green and blue of haematoxylin, eosin and DAB, from Ruifrok and Johnston,
# Anal Quant Cytol Histol 23, 291 (2001). Without DAB the third takes what the others leave over.
_DENSITY = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])

_DARKEST = 1 / 255
"""Of 8 bits the least above 0: black is as dark as that."""


def stains(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
    """Amounts of haematoxylin, eosin and what is left, from colours, by colour deconvolution.

    Parameters
    ----------
    rgb
        Red, green and blue from 0 to 1 along the last axis.

    Returns
    -------
    Optical densities, to base 10, along the last axis; 0 where one would be negative.

    References
    ----------
    Ruifrok and Johnston, Anal Quant Cytol Histol 23, 291 (2001).
    """
    density = -np.log10(np.clip(rgb, _DARKEST, 1, dtype=np.float64))
    return np.maximum(density @ np.linalg.inv(_DENSITY), 0)
