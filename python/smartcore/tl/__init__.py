"""From principal components to embedding and domains, on AnnData and MuData."""

from smartcore.tl._cluster import cluster
from smartcore.tl._held_out import held_out_molecules
from smartcore.tl._n_clusters import choose_n_clusters
from smartcore.tl._smart import smart

__all__ = ["choose_n_clusters", "cluster", "held_out_molecules", "smart"]
