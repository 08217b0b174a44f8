"""Principal components of sparse data, without ever making them dense."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.utils.sparsefuncs import mean_variance_axis

from smartcore.pp._sparse import scale_columns

# Up to this many features their covariance matrix is the quicker way.
_COVARIANCE_UP_TO = 1000
_MOST_COMPS = 30
# Spread of a constant, relative to its size, after some steps in single precision.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Components:
    """Principal components.

    Attributes
    ----------
    scores
        Shape (n_spots, n_comps), float32; columns have mean 0 and falling variance.
    loadings
        Shape (n_features, n_comps), float32; rows of constant features are 0.
    variance, variance_ratio
        Shape (n_comps,): variance of each component, and its share of the total.
    """

    scores: NDArray[np.float32]
    loadings: NDArray[np.float32]
    variance: NDArray[np.float64]
    variance_ratio: NDArray[np.float64]


def principal_components(
    x: sp.csr_matrix, n_comps: int | None, *, scale: bool, what: str, seed: int = 0
) -> Components:
    """PCA of ``x``, its columns centred and, if asked, scaled to variance 1.

    ``x`` stays sparse: centring is implicit in each product with it, scaling is a factor on its
    values, **in place**.

    Parameters
    ----------
    x
        Shape (n_spots, n_features), non-negative; its values are used up.
    n_comps
        Components wanted; fewer, with a warning, where ``x`` has not so many. ``None``: 30, or as
        many as there are.
    what
        Name of the features in messages.
    seed
        Of the start of the iteration.

    Raises
    ------
    ValueError
        If no feature varies.
    """
    n, n_features = x.shape
    mean, variance = (v.astype(np.float64) for v in mean_variance_axis(x, axis=0))
    constant = variance <= (_ROUNDING * mean) ** 2
    varying = np.flatnonzero(~constant)
    if not varying.size:
        raise ValueError(f"All {n_features} {what}s are constant over the spots: nothing to embed.")
    most = min(n - 1, len(varying))
    if n_comps is None:
        n_comps = min(_MOST_COMPS, most)
    elif n_comps > most:
        warnings.warn(
            f"{n_comps} components asked for, {most} are there ({n} spots, "
            f"{len(varying)} {what}s that vary); {most} are taken.",
            stacklevel=3,
        )
        n_comps = most
    factor = np.where(constant, 0.0, 1.0)
    if scale:
        factor[varying] = 1 / np.sqrt(variance[varying] * n / (n - 1))
    if scale or len(varying) < n_features:
        scale_columns(x, factor)
    small = len(varying) <= _COVARIANCE_UP_TO or n_comps == len(varying)
    columns = np.arange(n_features)
    if len(varying) < (n_features if small else n_features // 2):
        x, columns = x[:, varying], varying
    if small:
        pca = PCA(n_comps, svd_solver="covariance_eigh")
        exact = x.data.astype(np.float64)
        scores = pca.fit_transform(sp.csr_matrix((exact, x.indices, x.indptr), shape=x.shape))
    else:
        pca = PCA(n_comps, svd_solver="arpack", random_state=np.random.RandomState(seed))
        scores = pca.fit_transform(x)
    # One sign, whatever the order of the spots.
    loadings = pca.components_.T
    top = np.abs(loadings).argmax(axis=0)
    sign = np.where(loadings[top, np.arange(n_comps)] < 0, -1, 1)
    full = np.zeros((n_features, n_comps), np.float32)
    full[columns] = loadings * sign
    full[constant] = 0
    return Components(
        scores=np.ascontiguousarray(scores * sign, dtype=np.float32),
        loadings=full,
        variance=pca.explained_variance_.astype(np.float64),
        variance_ratio=pca.explained_variance_ratio_.astype(np.float64),
    )
