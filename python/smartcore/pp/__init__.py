"""From raw counts to principal components, one function a modality; sections joined."""

from smartcore.pp._join import join_sections
from smartcore.pp._modalities import chromatin, protein, rna

__all__ = ["chromatin", "join_sections", "protein", "rna"]
