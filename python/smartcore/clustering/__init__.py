"""Clusters of an embedding: arrays in, labels out."""

from smartcore.clustering._arguments import METHODS, NPcs, resolve_method, resolve_n_pcs
from smartcore.clustering._cluster import Clusters, cluster_embedding, find_clusters
from smartcore.clustering._communities import GRAPH_METHODS, ClusterCountError, graph_clusters
from smartcore.clustering._embedding import (
    by_size,
    check_embedding,
    check_integer,
    distinct_rows,
    reduce_embedding,
    row_order,
)
from smartcore.clustering._partitioner import partitioner
from smartcore.clustering.mixture import Mixture

__all__ = [
    "GRAPH_METHODS",
    "METHODS",
    "ClusterCountError",
    "Clusters",
    "Mixture",
    "NPcs",
    "by_size",
    "check_embedding",
    "check_integer",
    "cluster_embedding",
    "distinct_rows",
    "find_clusters",
    "graph_clusters",
    "partitioner",
    "reduce_embedding",
    "resolve_method",
    "resolve_n_pcs",
    "row_order",
]
