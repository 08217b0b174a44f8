"""Plots: maps of domains, UMAP, losses, modality contributions, sizes of domains; sections.

Every function takes a matplotlib Axes as ``ax`` and returns the Axes drawn on. Without ``ax`` it
makes a figure of its own that pyplot knows nothing of: ``ax.figure`` displays it in a notebook,
``ax.figure.savefig(...)`` writes it. Nothing is shown, and no object is modified.
"""

from ._bars import domain_sizes, modality_correlation
from ._losses import losses
from ._maps import spatial, umap
from ._sections import sections, umap_sections

__all__ = [
    "domain_sizes",
    "losses",
    "modality_correlation",
    "sections",
    "spatial",
    "umap",
    "umap_sections",
]
