"""What cannot be clustered."""

import numpy as np
import pytest
import scipy.sparse as sp

from smartcore.clustering import cluster_embedding


class TestBadInput:
    x = np.random.default_rng(0).normal(size=(20, 3))

    @pytest.mark.parametrize(
        ("embedding", "error", "message"),
        [
            (np.zeros(5), ValueError, r"shape \(5,\)"),
            (np.zeros((2, 2, 2)), ValueError, r"shape \(2, 2, 2\)"),
            ([[1.0, 2.0], [np.nan, 1.0]], ValueError, "NaN or infinite.*1 of 2.*spot 1"),
            ([[np.inf, 2.0], [0.0, 1.0]], ValueError, "NaN or infinite.*spot 0"),
            (np.array([["a"], ["b"]]), TypeError, "dtype <U1"),
            (np.ones((3, 2), dtype=complex), TypeError, "dtype complex128"),
            (sp.eye(4).tocsr(), TypeError, "sparse"),
            (np.zeros((0, 3)), ValueError, "n_clusters=1"),
        ],
    )
    def test_embedding(self, embedding, error, message):
        with pytest.raises(error, match=message):
            cluster_embedding(embedding, 1, method="gmm")

    @pytest.mark.parametrize(
        ("n_clusters", "error"),
        [
            (True, TypeError),
            (np.True_, TypeError),
            (3.0, TypeError),
            ("3", TypeError),
            (None, ValueError),
            (0, ValueError),
            (-1, ValueError),
            (21, ValueError),
        ],
    )
    def test_n_clusters(self, n_clusters, error):
        with pytest.raises(error, match="n_clusters="):
            cluster_embedding(self.x, n_clusters, method="gmm")

    @pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
    def test_numpys_integers_are_integers(self, kind):
        assert cluster_embedding(self.x, kind(2), method="kmeans", n_pcs=kind(2)).max() == 1

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"method": "mcluster"}, ValueError, "'mcluster'.*mclust, gmm, leiden, louvain, km"),
            ({"method": 3}, ValueError, "unknown method 3"),
            ({"n_pcs": 0}, ValueError, "n_pcs=0"),
            ({"n_pcs": 2.5}, TypeError, "n_pcs=2.5"),
            ({"n_neighbors": 1}, ValueError, "n_neighbors=1"),
            ({"seed": -1}, ValueError, "seed=-1"),
            ({"seed": 2**31}, ValueError, "seed=2147483648"),
            ({"seed": None}, TypeError, "seed=None"),
        ],
    )
    @pytest.mark.parametrize("n_clusters", [1, 2])
    def test_options(self, options, error, message, n_clusters):
        with pytest.raises(error, match=message):
            cluster_embedding(self.x, n_clusters, **{"method": "gmm", **options})
