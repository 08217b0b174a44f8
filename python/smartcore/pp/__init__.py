"""From raw counts to principal components, one function a modality; sections joined."""

from smartcore.pp._chromatin import chromatin
from smartcore.pp._harmony import harmony
from smartcore.pp._join import join_sections
from smartcore.pp._protein import protein
from smartcore.pp._rna import rna

__all__ = ["chromatin", "harmony", "join_sections", "protein", "rna"]
