"""Plots: maps of domains, sections, UMAP, losses, scales, modality contributions, sizes.

Every function takes a matplotlib Axes as ``ax`` and returns the Axes drawn on. Without ``ax`` it
makes a figure of its own that pyplot knows nothing of: ``ax.figure`` displays it in a notebook,
``ax.figure.savefig(...)`` writes it. Nothing is shown, and no object is modified.
"""

from ._bars import domain_sizes, modality_correlation
from ._losses import losses
from ._maps import spatial
from ._scales import scales
from ._sections import sections, umap_sections
from ._serial import sections_3d
from ._umap import umap

__all__ = [
    "domain_sizes",
    "losses",
    "modality_correlation",
    "scales",
    "sections",
    "sections_3d",
    "spatial",
    "umap",
    "umap_sections",
]
