"""Simulated spatial multi-omics with a known truth."""

from ._tri_omics import tri_omics

__all__ = ["tri_omics"]
