"""Moran's I of embeddings and of clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ._labels import Labels, encode, matrix, numeric, report_missing


def _weights(graph: Any, n_spots: int) -> sparse.csr_matrix:
    if not sparse.issparse(graph):
        raise TypeError(
            f"graph must be a scipy sparse matrix of weights, not {type(graph).__name__}"
        )
    if graph.shape != (n_spots, n_spots):
        raise ValueError(
            f"graph has shape {graph.shape}, but there are {n_spots} spots: "
            f"({n_spots}, {n_spots}) is needed"
        )
    weights = sparse.csr_matrix(graph, dtype=np.float64)
    if not np.isfinite(weights.data).all():
        raise ValueError("graph has NaN or infinite weights")
    if weights.sum() == 0:
        raise ValueError("graph has no weights: Moran's I needs at least one edge")
    return weights


def _morans_i(columns: NDArray[np.float64], weights: sparse.csr_matrix) -> NDArray[np.float64]:
    """Moran's I of each column; NaN for a constant one, which scanpy would warn of."""
    from scanpy.metrics import morans_i as scanpy_morans_i

    varies = columns.min(axis=0) != columns.max(axis=0)
    result = np.full(columns.shape[1], np.nan)
    if varies.any():
        result[varies] = scanpy_morans_i(weights, np.ascontiguousarray(columns[:, varies].T))
    return result


def morans_i(values: ArrayLike, graph: Any) -> float | NDArray[np.float64]:
    """Moran's I of each column of an embedding.

    Do not pass cluster codes: codes are names, not quantities, so the result would change
    with their numbering. `morans_i_clusters` is for clusters.

    Parameters
    ----------
    values
        Shape (n_spots, n_dims), or (n_spots,) for one variable.
    graph
        Sparse weights, shape (n_spots, n_spots), such as a spatial neighbour graph. It need
        not be symmetric or normalised.

    Returns
    -------
    Shape (n_dims,), or a float for one variable. NaN where a column is constant. Near 0 for
    no autocorrelation (exactly -1 / (n_spots - 1) is expected), towards 1 for smooth.

    Raises
    ------
    TypeError
        If `graph` is not sparse or `values` not numeric.
    ValueError
        If shapes disagree, a value is not finite, or the graph has no weights.

    References
    ----------
    Moran, "Notes on continuous stochastic phenomena", Biometrika 37, 17 (1950); computed by
    scanpy.

    Examples
    --------
    >>> from scipy.sparse import diags_array
    >>> line = diags_array([1.0, 1.0], offsets=[-1, 1], shape=(6, 6)).tocsr()
    >>> round(morans_i([0, 0, 0, 1, 1, 1], line), 3)
    0.6
    """
    array = numeric(values, "values")
    one = array.ndim == 1
    columns = matrix(array[:, None] if one else array, "values")
    result = _morans_i(columns, _weights(graph, len(columns)))
    return float(result[0]) if one else result


def morans_i_clusters(labels: Labels, graph: Any) -> pd.Series:
    """Moran's I of each cluster's indicator (1 in the cluster, 0 elsewhere).

    Clusters are one-hot encoded, never taken as integer codes: codes are names, so Moran's I
    of codes changes when the same clusters are numbered otherwise, and says nothing about
    any of them. The indicator of a cluster does not depend on the numbering.

    Parameters
    ----------
    labels
        Shape (n_spots,). Spots without a label are left out of the graph.
    graph
        Sparse weights, shape (n_spots, n_spots).

    Returns
    -------
    One value per cluster, indexed by cluster in natural order; NaN for a cluster that holds
    every spot. Its mean is a summary of a clustering.

    Raises
    ------
    TypeError
        If `graph` is not sparse.
    ValueError
        If shapes disagree or the graph has no weights.

    Examples
    --------
    >>> from scipy.sparse import diags_array
    >>> line = diags_array([1.0, 1.0], offsets=[-1, 1], shape=(6, 6)).tocsr()
    >>> morans_i_clusters(["b", "b", "b", "a", "a", "a"], line).round(3).to_dict()
    {'a': 0.6, 'b': 0.6}
    """
    codes, names = encode(labels)
    weights = _weights(graph, len(codes))
    known = report_missing(codes, "labels")
    if not known.all():
        weights = _weights(weights[known][:, known], int(known.sum()))
    one_hot = (codes[known][:, None] == np.arange(len(names))).astype(np.float64)
    return pd.Series(_morans_i(one_hot, weights), index=names, name="morans_i")
