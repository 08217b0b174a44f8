"""scikit-learn's mixture from starts of our own."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from helpers.clustering import blobs, cigars, likelihood, rscript_mclust
from smartcore.clustering import cluster_embedding, reduce_embedding


class TestGmm:
    def test_as_likely_as_the_best_of_many_random_starts(self, hidden):
        z, truth = hidden
        spread = z.std(axis=0)
        labels = cluster_embedding(z, 8, method="gmm")
        many = GaussianMixture(8, covariance_type="tied", n_init=10, random_state=1)
        many.fit(z / spread)
        assert likelihood(z / spread, labels) > many.score(z / spread) - 2e-3
        ward = AgglomerativeClustering(8)
        starts = [ward.fit_predict(z / spread**power) for power in (0, 0.5, 1)]
        by_ward = max(likelihood(z / spread, start) for start in starts)
        assert likelihood(z / spread, labels) > by_ward + 0.01
        assert adjusted_rand_score(truth, labels) > 0.7

    def test_few_spots_are_not_fitted_to_their_noise(self):
        """Many starts would be likelier by far; Ward's are all there are."""
        z = reduce_embedding(np.random.default_rng(0).normal(size=(300, 12)))
        z /= z.std(axis=0)
        labels = cluster_embedding(z, 6, method="gmm")
        ward = AgglomerativeClustering(6).fit_predict(z)
        assert likelihood(z, labels) == pytest.approx(likelihood(z, ward), abs=1e-3)
        many = GaussianMixture(6, covariance_type="tied", n_init=30, random_state=1, tol=1e-6)
        many.set_params(max_iter=1000).fit(z)
        assert many.score(z) > likelihood(z, ward) + 0.05

    def test_more_spots_than_the_start_takes(self):
        x, truth = cigars(2600)
        assert adjusted_rand_score(truth, cluster_embedding(x, 4, method="gmm")) > 0.99

    @pytest.mark.parametrize("seed", [0, 1])
    def test_long_groups_where_kmeans_is_wrong(self, tmp_path, seed):
        x, truth = cigars(seed=seed)
        labels = cluster_embedding(x, 4, method="gmm")
        assert adjusted_rand_score(truth, labels) > 0.99
        assert adjusted_rand_score(truth, cluster_embedding(x, 4, method="kmeans")) < 0.5
        expected = rscript_mclust(reduce_embedding(x), 4, 0, tmp_path)
        assert adjusted_rand_score(expected, labels) > 0.99

    @pytest.mark.parametrize("scale", [1e-9, 1e9])
    def test_blind_to_scale(self, scale):
        x, _ = cigars()
        labels = cluster_embedding(x, 4, method="gmm")
        np.testing.assert_array_equal(cluster_embedding(x * scale, 4, method="gmm"), labels)

    @pytest.mark.parametrize("n_pcs", [20, None])
    def test_rank_below_width(self, n_pcs):
        x, truth = blobs(width=4)
        x = x @ np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
        labels = cluster_embedding(x, 3, method="gmm", n_pcs=n_pcs)
        assert adjusted_rand_score(truth, labels) == 1

    def test_more_dimensions_than_spots_can_tell(self):
        x, truth = blobs((5, 6, 4), width=40, distance=30)
        labels = cluster_embedding(x, 3, method="gmm")
        assert adjusted_rand_score(truth, labels) == 1

    @pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
    def test_no_spread_within_groups_in_some_direction(self, scale):
        x, truth = blobs((50, 70, 60), distance=2)
        x[:, 3] = np.take([0, 1, 3], truth)
        labels = cluster_embedding(x * scale, 3, method="gmm")
        assert adjusted_rand_score(truth, labels) == 1

    def test_not_settled_is_said(self, monkeypatch):
        import sklearn.mixture

        real = sklearn.mixture.GaussianMixture

        class TwoRounds(real):
            def fit(self, X, y=None):
                self.max_iter = 2
                return super().fit(X)

        monkeypatch.setattr(sklearn.mixture, "GaussianMixture", TwoRounds)
        x = np.random.default_rng(0).normal(size=(200, 4))
        with pytest.warns(UserWarning, match="mixture of 5 clusters did not settle"):
            cluster_embedding(x, 5, method="gmm")
