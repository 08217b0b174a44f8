"""Plots: maps of domains, UMAP, losses, scales, modality contributions, sizes; sections.

Every function takes a matplotlib Axes as ``ax`` and returns the Axes drawn on. Without ``ax`` it
makes a figure of its own that pyplot knows nothing of: ``ax.figure`` displays it in a notebook,
``ax.figure.savefig(...)`` writes it. Nothing is shown, and no object is modified.
"""

from ._bars import domain_sizes, modality_correlation
from ._losses import losses
from ._maps import spatial, umap
from ._scales import scales
from ._sections import sections, umap_sections

__all__ = [
    "domain_sizes",
    "losses",
    "modality_correlation",
    "scales",
    "sections",
    "spatial",
    "umap",
    "umap_sections",
]
