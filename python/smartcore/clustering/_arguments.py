"""Arguments of the clustering, resolved and checked."""

from __future__ import annotations

from typing import Literal

import numpy as np

from smartcore.clustering import _shrunk
from smartcore.clustering._communities import GRAPH_METHODS
from smartcore.clustering._embedding import check_integer
from smartcore.clustering._mclust import missing_for_mclust

METHODS = ("shrunk", "mclust", "gmm", "leiden", "louvain", "kmeans")
DEFAULT = METHODS[0]

_N_PCS = 20  # as in the paper, for all methods but the default

NPcs = int | None | Literal["auto"]


def resolve_method(method: str | None) -> str:
    """Name the clustering method that ``method`` stands for here.

    Parameters
    ----------
    method
        A name of ``METHODS``, or None: the default, ``"shrunk"``.

    Returns
    -------
    A name of ``METHODS``.

    Raises
    ------
    ValueError
        If the name is unknown.
    ImportError
        If ``"mclust"`` is asked for and cannot run; the message says what to install.
    """
    if method is None:
        return DEFAULT
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}, or None")
    if method == "mclust" and (missing := missing_for_mclust()):
        raise ImportError(
            f"method='mclust' cannot run: {missing}. Install R, its package mclust "
            "(in R: install.packages('mclust')) and rpy2 (pip install \"spatialsmart[r]\"), "
            "or use method='gmm', which is the same model without R"
        )
    return method


def resolve_n_pcs(n_pcs: NPcs, method: str) -> int | None:
    """Number of components that ``n_pcs`` stands for with a method; None: the embedding itself.

    Raises
    ------
    TypeError, ValueError
        If it is neither an integer of at least 1, nor None, nor ``"auto"``.
    """
    if isinstance(n_pcs, str):
        if n_pcs != "auto":
            raise ValueError(f"n_pcs={n_pcs!r}: give a number of components, None or 'auto'")
        return _shrunk.N_PCS if method == DEFAULT else _N_PCS
    return None if n_pcs is None else check_integer("n_pcs", n_pcs, 1)


def resolve_size(
    n_clusters: object, resolution: object, method: str, n_spots: int
) -> tuple[int | None, float | None]:
    """Either a number of clusters or a resolution, checked, and None for the other.

    Raises
    ------
    TypeError, ValueError
        If both are given, or neither, or the one given is out of range or of no use to the method.
    """
    if (n_clusters is None) == (resolution is None):
        raise ValueError(
            f"n_clusters={n_clusters!r} and resolution={resolution!r}: give one of them, a number "
            "of clusters, or a resolution for method='leiden' or 'louvain'"
        )
    if resolution is None:
        number = check_integer("n_clusters", n_clusters, 1, n_spots, "the number of spots")
        return number, None
    if method not in GRAPH_METHODS:
        raise ValueError(
            f"resolution={resolution!r} is for method='leiden' or 'louvain', not {method!r}, "
            "which takes n_clusters"
        )
    if isinstance(resolution, (bool, np.bool_)) or not isinstance(
        resolution, (int, float, np.number)
    ):
        raise TypeError(f"resolution={resolution!r} is not a number")
    if not 0 < float(resolution) < np.inf:
        raise ValueError(f"resolution={resolution!r}: give a finite number above 0")
    return None, float(resolution)
