"""From counts, or other values, to components, one function a modality; sections joined."""

from smartcore.pp._chromatin import chromatin
from smartcore.pp._embedding import embedding
from smartcore.pp._features import features
from smartcore.pp._harmony import harmony
from smartcore.pp._image_colors import image_colors
from smartcore.pp._join import join_sections
from smartcore.pp._protein import protein
from smartcore.pp._rna import rna
from smartcore.pp._to_spots import to_spots

__all__ = [
    "chromatin",
    "embedding",
    "features",
    "harmony",
    "image_colors",
    "join_sections",
    "protein",
    "rna",
    "to_spots",
]
