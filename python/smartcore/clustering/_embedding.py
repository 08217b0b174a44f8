"""The embedding, checked and reduced to its principal components."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats = npt.NDArray[np.float64]


def reduce_embedding(embedding: npt.ArrayLike, n_pcs: int | None = 20) -> Floats:
    """Reduce an embedding to its first principal components.

    Computed in float64, with the sign of each component fixed by its largest
    loading. Components whose variance is no more than rounding are left out.

    Parameters
    ----------
    embedding
        Array of shape (n_spots, n_dims), finite.
    n_pcs
        Number of components, at least 1; None returns the embedding itself, or
        no column where all rows are equal up to rounding.

    Returns
    -------
    Array of shape (n_spots, k), k at most ``n_pcs`` and at most the rank.

    Raises
    ------
    TypeError, ValueError
        If the embedding or ``n_pcs`` is not as above.
    """
    x = check_embedding(embedding)
    if n_pcs is not None:
        n_pcs = check_integer("n_pcs", n_pcs, 1)
    noise = _rounding(x)
    x = np.asarray(x, dtype=np.float64)
    if n_pcs is None:
        return x if _varies(x, noise) else x[:, :0]
    return components(x, noise)[:, :n_pcs]


def principal_axes(embedding: npt.ArrayLike, n_pcs: int | None) -> tuple[Floats, Floats]:
    """Find the linear map from an embedding to its first principal components.

    Parameters
    ----------
    embedding, n_pcs
        As for :func:`reduce_embedding`.

    Returns
    -------
    The mean of the embedding, shape (n_dims,), and the axes, shape (n_dims, k): the components of
    rows x are ``(x - mean) @ axes``. Where ``n_pcs`` is None the axes are those of the embedding.

    Raises
    ------
    TypeError, ValueError
        If the embedding or ``n_pcs`` is not as above.
    """
    x = check_embedding(embedding)
    if n_pcs is not None:
        n_pcs = check_integer("n_pcs", n_pcs, 1)
    noise = _rounding(x)
    x = np.asarray(x, dtype=np.float64)
    if n_pcs is None:
        axes = np.eye(x.shape[1]) if _varies(x, noise) else np.zeros((x.shape[1], 0))
        return x.mean(axis=0), axes
    centred, mean = _centred(x)
    return x[0] + mean, _axes(centred, noise)[:, :n_pcs]


def _rounding(x: npt.NDArray[Any]) -> float:
    """Standard deviation that is no more than rounding of the numbers as they were given."""
    eps = np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).eps
    return 4 * float(eps) * float(np.abs(x).max(initial=0))


def _varies(x: Floats, noise: float) -> bool:
    return len(x) > 0 and bool(np.any(x.std(axis=0) > noise))


def check_embedding(embedding: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return the embedding as a two-dimensional array of finite numbers, or raise."""
    if sp.issparse(embedding):
        raise TypeError("the embedding is a sparse matrix: give a dense array (.toarray())")
    x = np.asarray(embedding)
    if x.dtype.kind not in "fiu":
        raise TypeError(f"the embedding has dtype {x.dtype}: give floats or integers")
    if x.ndim != 2:
        raise ValueError(f"the embedding has shape {x.shape}: give (n_spots, n_dims)")
    if not np.isfinite(x).all():
        rows = np.flatnonzero(~np.isfinite(x).all(axis=1))
        raise ValueError(
            f"the embedding has NaN or infinite values in {len(rows)} of {len(x)} spots, the "
            f"first is spot {rows[0]}: drop those spots or fill the values"
        )
    return x


def check_integer(
    name: str, value: object, low: int, high: int | None = None, what: str = ""
) -> int:
    """Return ``value`` as an int within [low, high], or raise naming it."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}={value!r} is not an integer")
    number = int(value)
    if number < low or (high is not None and number > high):
        upper = "" if high is None else f" and at most {high}{f' ({what})' if what else ''}"
        raise ValueError(f"{name}={value!r}: give an integer of at least {low}{upper}")
    return number


def row_order(z: Floats) -> npt.NDArray[np.intp]:
    """Order of rows by their values, so that the spots' own order changes no start."""
    return np.lexsort(z.T[::-1]) if z.shape[1] else np.arange(len(z))


def distinct_rows(x: npt.NDArray[Any], enough: int) -> npt.NDArray[np.intp]:
    """Number the distinct rows, up to ``enough`` of them.

    Parameters
    ----------
    x
        Array of shape (n_spots, n_dims).
    enough
        Number of distinct rows after which the rest need not be told apart.

    Returns
    -------
    The number of each row's value from 0, -1 where not told, shape (n_spots,).
    """
    number = np.full(len(x), -1, dtype=np.intp)
    # Most embeddings show enough within their first rows.
    _, head = np.unique(x[: 4 * enough], axis=0, return_inverse=True)
    if head.max(initial=-1) + 1 >= enough:
        number[: len(head)] = head.reshape(-1)
        return number
    rest = np.arange(len(x))
    for i in range(enough):
        if not len(rest):
            break
        same = (x[rest] == x[rest[0]]).all(axis=1)
        number[rest[same]] = i
        rest = rest[~same]
    return number


def by_size(labels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """Renumber labels by decreasing size, those of one size by first occurrence."""
    _, first, inverse, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    return rank[inverse]


def components(x: Floats, noise: float) -> Floats:
    """All principal components whose standard deviation exceeds rounding."""
    centred, _ = _centred(x)
    return np.ascontiguousarray(centred @ _axes(centred, noise))


def _centred(x: Floats) -> tuple[Floats, Floats]:
    """Rows less their mean, and how far that lies from the first row."""
    x = x - x[:1]  # exact where rows are equal, so that constants become zeros
    mean = x.mean(axis=0)
    x -= mean
    return x, mean


def _axes(centred: Floats, noise: float) -> Floats:
    from sklearn.decomposition import PCA

    n_spots, n_dims = centred.shape
    if not centred.any():
        return np.zeros((n_dims, 0))
    pca = PCA(svd_solver="covariance_eigh" if n_spots >= n_dims else "full").fit(centred)
    spread = np.sqrt(pca.explained_variance_)
    kept = spread > max(noise, 1e-6 * float(spread.max()))
    return pca.components_[kept].T
