"""From raw counts to principal components, one function a modality."""

from smartcore.pp._modalities import chromatin, protein, rna

__all__ = ["chromatin", "protein", "rna"]
