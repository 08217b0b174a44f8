"""From raw counts to principal components, one function a modality; sections joined."""

from smartcore.pp._harmony import harmony
from smartcore.pp._join import join_sections
from smartcore.pp._modalities import chromatin, protein, rna

__all__ = ["chromatin", "harmony", "join_sections", "protein", "rna"]
