"""Leading eigenvectors of a symmetric matrix that is known by its products alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

_TOLERANCE = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-6}
"""Residual, relative to the eigenvalue; vectors of well separated ones are a good deal closer."""
_MOST_PRODUCTS = 40
# In the basis, so that it does not grow with the number of products.
_MOST_BLOCKS = 6


def leading_eigenvectors(
    product: Callable[[NDArray], NDArray],
    n: int,
    k: int,
    *,
    seed: int,
    dtype: type[np.floating],
) -> tuple[NDArray[np.float64], NDArray]:
    """The ``k`` greatest eigenvalues, falling, and their vectors, shape (n, k).

    Block Lanczos iteration with full reorthogonalisation: a product with some vectors at once
    costs a pass over the data, so that few products are worth more vectors (Golub & Van Loan,
    Matrix Computations, 4th ed., 10.3.6).

    Parameters
    ----------
    product
        Of the matrix with vectors (n, b); positive semi-definite.
    n, k
        Size of the matrix, and number of vectors.
    seed
        Of the start; any gives the same result within rounding.
    dtype
        Of the vectors.

    Warns
    -----
    UserWarning
        If they are not known well after many products.
    """
    # Vectors beside those wanted: the more, the fewer products.
    width = min(n, k + k // 2 + 5)
    tolerance = _TOLERANCE[np.dtype(dtype)]
    block: NDArray = np.random.default_rng(seed).standard_normal((n, width)).astype(dtype)
    store: NDArray = np.empty((n, min(n, _MOST_BLOCKS * width)), dtype)
    projected = np.empty((0, 0))
    # What is done here is small: more threads would only wait for each other.
    with threadpool_limits(1, "blas"):
        block = np.linalg.qr(block)[0]
        for _ in range(_MOST_PRODUCTS):
            size, added = len(projected), block.shape[1]
            basis = store[:, : size + added]
            basis[:, size:] = block
            image = product(block)
            column = (basis.T @ image).astype(np.float64)
            projected = np.pad(projected, (0, added))
            projected[:, size:], projected[size:] = column, column.T
            values, vectors = (a[..., ::-1] for a in scipy.linalg.eigh(projected))
            image -= basis @ column.astype(dtype)
            rest = np.linalg.norm(image @ vectors[size:, :k], axis=0)
            least = np.finfo(dtype).eps * values[0]
            error = (rest / np.maximum(values[:k], least)).max()
            if error < tolerance or basis.shape[1] == n:
                break
            block = np.linalg.qr(image)[0][:, : n - basis.shape[1]]
            # Of directions that are used up, rounding alone is left.
            block = np.linalg.qr(block - basis @ (basis.T @ block))[0]
            if basis.shape[1] + block.shape[1] > store.shape[1]:
                # Start again from the best that it holds.
                store[:, :width] = basis @ vectors[:, :width].astype(dtype)
                projected = np.diag(values[:width])
        else:
            warnings.warn(
                f"Components are known to {error:.0e} of their variance: many are about equally "
                "strong. Ask for fewer (n_comps).",
                stacklevel=5,
            )
        return values[:k].copy(), basis @ vectors[:, :k].astype(dtype)
