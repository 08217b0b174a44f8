"""How well labels separate an embedding; used to choose the number of clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sk

from smartcore.given.aligned import aligned

from ._labels import Labels, embedded_only, encode, matrix, report_missing


def _labelled(embedding: ArrayLike, labels: Labels) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    embedding, labels = aligned(embedding=embedding, labels=labels)
    codes, _ = encode(labels)
    embedding, codes = embedded_only(embedding, codes)
    points = matrix(embedding, "embedding", len(codes))
    known = report_missing(codes, "labels")
    points, codes = points[known], codes[known]
    _check_clusters(codes, "labels")
    return points, codes


def _check_clusters(codes: NDArray[np.intp], where: str) -> None:
    n_clusters = len(np.unique(codes))
    if not 2 <= n_clusters < len(codes):
        raise ValueError(
            f"{where} hold {n_clusters} cluster(s) of {len(codes)} spots: at least 2 clusters, "
            "and fewer than there are spots, are needed"
        )


def check_sample_size(sample_size: int | None) -> None:
    """Raise ValueError for a subset that is too small to be scored."""
    if sample_size is not None and sample_size < 2:
        raise ValueError(f"sample_size must be at least 2, or None for all, not {sample_size}")


def mean_silhouette(
    points: NDArray[np.float64], codes: NDArray[np.intp], sample_size: int | None, seed: int
) -> float:
    """`silhouette` of checked points, shape (n_spots, n_dims), and codes, shape (n_spots,)."""
    if sample_size is not None and len(codes) > sample_size:
        rows = np.random.default_rng(seed).choice(len(codes), sample_size, replace=False)
        points, codes = points[rows], codes[rows]
        _check_clusters(codes, f"labels in a subset of sample_size = {sample_size}")
    return float(sk.silhouette_score(points, codes))


def silhouette(
    embedding: ArrayLike, labels: Labels, *, sample_size: int | None = 5000, seed: int = 0
) -> float:
    """Mean silhouette width.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    labels
        Shape (n_spots,). Spots without a label are left out.
    sample_size
        Above this number of spots, a random subset of this size is scored; None scores all.
    seed
        Seed of the subset.

    Returns
    -------
    From -1 to 1, higher is better separated.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, there are fewer than 2 clusters (in the
        subset too), or `sample_size` is below 2.

    References
    ----------
    Rousseeuw, "Silhouettes", J Comput Appl Math 20, 53 (1987).

    Examples
    --------
    >>> round(silhouette([[0.0], [0.1], [5.0], [5.1]], ["a", "a", "b", "b"]), 2)
    0.98
    """
    check_sample_size(sample_size)
    return mean_silhouette(*_labelled(embedding, labels), sample_size, seed)


def davies_bouldin(embedding: ArrayLike, labels: Labels) -> float:
    """Davies-Bouldin index.

    Parameters
    ----------
    embedding
        Shape (n_spots, n_dims).
    labels
        Shape (n_spots,). Spots without a label are left out.

    Returns
    -------
    0 or more, lower is better separated.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or there are fewer than 2 clusters.

    References
    ----------
    Davies and Bouldin, "A cluster separation measure", IEEE PAMI 1, 224 (1979).

    Examples
    --------
    >>> round(davies_bouldin([[0.0], [0.1], [5.0], [5.1]], ["a", "a", "b", "b"]), 2)
    0.02
    """
    return float(sk.davies_bouldin_score(*_labelled(embedding, labels)))
