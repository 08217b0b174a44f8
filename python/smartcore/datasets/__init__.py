"""Simulated spatial multi-omics with a known truth."""

from ._sections import sections
from ._tri_omics import tri_omics

__all__ = ["sections", "tri_omics"]
