"""Leading eigenvectors, against LAPACK's."""

import numpy as np
import pytest

from smartcore.pp import _eigen
from smartcore.pp._eigen import leading_eigenvectors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "k"), [(400, 10), (12, 12), (30, 5), (1, 1)], ids=["many", "all", "few", "one"]
)
def test_leading_eigenvectors_are_lapacks(n, k, dtype):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2 * n, n)) * np.linspace(1, 2, n)
    matrix = x.T @ x / (2 * n)
    values, vectors = leading_eigenvectors(
        lambda v: (matrix @ v).astype(dtype), n, k, seed=0, dtype=dtype
    )
    expected, basis = (a[..., ::-1][..., :k] for a in np.linalg.eigh(matrix))
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    np.testing.assert_allclose(np.abs((vectors * basis).sum(axis=0)), 1, atol=1e-4)


def test_leading_eigenvectors_of_a_matrix_of_low_rank():
    x = np.random.default_rng(1).standard_normal((4, 300))
    values, vectors = leading_eigenvectors(
        lambda v: x.T @ (x @ v), 300, 6, seed=0, dtype=np.float64
    )
    np.testing.assert_allclose(values[:4], np.linalg.svd(x)[1] ** 2)
    np.testing.assert_allclose(values[4:], 0, atol=1e-9 * values[0])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-9)


def test_too_few_products_are_told(monkeypatch):
    monkeypatch.setattr(_eigen, "_MOST_PRODUCTS", 2)
    x = np.random.default_rng(1).standard_normal((500, 300))
    with pytest.warns(UserWarning, match="Components are known to .* of their variance"):
        leading_eigenvectors(lambda v: x.T @ (x @ v), 300, 6, seed=0, dtype=np.float64)
