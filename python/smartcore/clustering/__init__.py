"""Clusters of an embedding: arrays in, labels out."""

from smartcore.clustering._cluster import METHODS, cluster_embedding, resolve_method
from smartcore.clustering._communities import GRAPH_METHODS, ClusterCountError, graph_clusters
from smartcore.clustering._embedding import (
    check_embedding,
    check_integer,
    distinct_rows,
    reduce_embedding,
    row_order,
)

__all__ = [
    "GRAPH_METHODS",
    "METHODS",
    "ClusterCountError",
    "check_embedding",
    "check_integer",
    "cluster_embedding",
    "distinct_rows",
    "graph_clusters",
    "reduce_embedding",
    "resolve_method",
    "row_order",
]
