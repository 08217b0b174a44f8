"""Components of the embedding, against NumPy's singular vectors."""

import numpy as np
import pytest

from helpers.clustering import blobs
from smartcore.clustering import reduce_embedding


class TestReduce:
    def test_components_equal_the_singular_vectors(self):
        x = np.random.default_rng(0).normal(size=(40, 7)) * np.arange(1, 8) + 100
        u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        z = reduce_embedding(x, 4)
        assert z.dtype == np.float64
        np.testing.assert_allclose(np.abs(z), np.abs(u * s)[:, :4], rtol=1e-7, atol=1e-9)

    def test_wide_input(self):
        x = np.random.default_rng(0).normal(size=(9, 30))
        u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        z = reduce_embedding(x, 50)
        assert z.shape == (9, 8)
        np.testing.assert_allclose(np.abs(z), np.abs(u * s)[:, :8], rtol=1e-7, atol=1e-9)

    def test_signs_do_not_depend_on_the_order_of_the_spots(self):
        x, _ = blobs()
        order = np.random.default_rng(1).permutation(len(x))
        np.testing.assert_allclose(reduce_embedding(x)[order], reduce_embedding(x[order]), 1e-6)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("offset", [0.0, 1000.0])
    def test_directions_of_rounding_are_dropped(self, dtype, offset):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 64)) + offset
        assert reduce_embedding(x.astype(dtype)).shape == (500, 3)

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
    @pytest.mark.parametrize("n_pcs", [20, None])
    def test_constant(self, value, n_pcs):
        x = np.full((333, 8), value, dtype=np.float32)
        assert reduce_embedding(x, n_pcs).shape == (333, 0)

    def test_none_leaves_the_embedding(self):
        x, _ = blobs()
        np.testing.assert_array_equal(reduce_embedding(x, None), x)
