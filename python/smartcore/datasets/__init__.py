"""Spatial multi-omics with a known truth: simulated, or of real cells on a labelled layout."""

from ._cells import cells_on_layout
from ._sections import sections
from ._tri_omics import tri_omics

__all__ = ["cells_on_layout", "sections", "tri_omics"]
