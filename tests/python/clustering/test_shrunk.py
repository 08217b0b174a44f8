"""The default: a mixture of Gaussians whose shared covariance is shrunk."""

import warnings

import numpy as np
import pytest
from scipy.stats import chi2, multivariate_normal
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from helpers.clustering import blobs
from smartcore.clustering import Mixture, _shrunk, cluster_embedding, find_clusters


def log_likelihood(z, fit):
    """Mean log-likelihood of a spot, by scipy."""
    parts = [
        np.log(weight) + multivariate_normal(mean, fit.covariance).logpdf(z)
        for weight, mean in zip(fit.weights, fit.means, strict=True)
    ]
    return float(np.logaddexp.reduce(parts, axis=0).mean())


class TestFit:
    def test_without_shrinkage_it_is_sklearns_tied_mixture(self, monkeypatch):
        monkeypatch.setattr(_shrunk, "_SPHERE", 0.0)
        monkeypatch.setattr(_shrunk, "_FLOOR", 0.0)
        x, _ = blobs((150, 200, 120), distance=3.0, dtype=np.float64)
        z = x - x.mean(axis=0)
        fit = _shrunk.fit_shrunk(z, 3, np.random.default_rng(0))[0]
        fit = _shrunk.em(z, fit, tolerance=1e-12)
        oracle = GaussianMixture(
            3,
            covariance_type="tied",
            tol=1e-12,
            max_iter=5000,
            reg_covar=0,
            means_init=fit.means + 0.05,
        ).fit(z)
        np.testing.assert_allclose(fit.weights, oracle.weights_, atol=1e-5)
        np.testing.assert_allclose(fit.means, oracle.means_, atol=1e-4)
        np.testing.assert_allclose(fit.covariance, oracle.covariances_, atol=1e-4)
        assert log_likelihood(z, fit) == pytest.approx(oracle.score(z), abs=1e-8)

    def test_covariance_is_four_parts_own_and_one_of_the_sphere(self):
        x, _ = blobs((150, 200, 120), distance=3.0, dtype=np.float64)
        z = (x - x.mean(axis=0)) * [3, 2, 1, 1, 1, 0.1]
        fit = _shrunk.fit_shrunk(z, 3, np.random.default_rng(0))[0]
        fit = _shrunk.em(z, fit, tolerance=1e-12)
        density = [
            weight * multivariate_normal(mean, fit.covariance).pdf(z)
            for weight, mean in zip(fit.weights, fit.means, strict=True)
        ]
        member = np.array(density) / np.sum(density, axis=0)
        own = sum(
            (z - mean).T @ ((z - mean) * rows[:, None])
            for mean, rows in zip(fit.means, member, strict=True)
        ) / len(z)
        sphere = np.eye(6) * np.trace(own) / 6
        np.testing.assert_allclose(fit.covariance, 0.6 * own + 0.4 * sphere, rtol=1e-3, atol=1e-4)

    def test_log_densities_are_scipys_up_to_a_constant(self):
        x, _ = blobs((60, 50), distance=2.0, dtype=np.float64)
        fit = _shrunk.fit_shrunk(x - x.mean(axis=0), 2, np.random.default_rng(0))[0]
        z = x[:20] - x.mean(axis=0)
        constant = -z.shape[1] / 2 * np.log(2 * np.pi)
        each = [log_likelihood(row[None], fit) for row in z]
        np.testing.assert_allclose(fit.log_densities(z) + constant, each)

    def test_a_cluster_is_given_up_for_the_split_of_another(self):
        """From two clusters in one blob and one over two, where EM by itself stays."""
        x, truth = blobs((200, 200, 200), width=3, distance=40.0, dtype=np.float64)
        z = x - x.mean(axis=0)
        half = np.random.default_rng(0).random(len(z)) < 0.5
        wrong = np.where(truth == 0, half.astype(int), 2)
        member = np.eye(3)[wrong]
        start = _shrunk._moments(member.T @ z, member.sum(axis=0), z.T @ z)
        stuck = _shrunk.em(z, start)
        assert adjusted_rand_score(truth, stuck.labels(z)) < 0.7
        assert adjusted_rand_score(truth, _shrunk._moved(z, stuck).labels(z)) == 1

    def test_at_least_as_likely_as_the_best_of_a_hundred_random_starts(self):
        rng = np.random.default_rng(3)
        centres = rng.normal(0, 2.2, (9, 5))
        z = centres[rng.integers(9, size=1500)] + rng.normal(size=(1500, 5))
        z -= z.mean(axis=0)
        found = _shrunk.fit_shrunk(z, 9, np.random.default_rng(0))[0]
        best = -np.inf
        for seed in range(100):
            member = np.eye(9)[KMeans(9, n_init=1, random_state=seed).fit_predict(z)]
            start = _shrunk._moments(member.T @ z, member.sum(axis=0), z.T @ z)
            best = max(best, log_likelihood(z, _shrunk.em(z, start)))
        assert log_likelihood(z, found) > best - 1e-4


class TestDefault:
    def test_a_component_of_noise_costs_nothing(self):
        """A free covariance gives a component of little variance as much say as any."""
        rng = np.random.default_rng(0)
        x, truth = blobs((100, 150, 120), distance=5.0, dtype=np.float64)
        noise = 0.05 * rng.choice([-1.0, 1.0], size=(len(x), 3)) + 0.001 * rng.normal(
            size=(len(x), 3)
        )
        joint = np.column_stack([x, noise])
        assert adjusted_rand_score(truth, cluster_embedding(joint, 3)) > 0.95
        assert adjusted_rand_score(truth, cluster_embedding(joint, 3, method="gmm")) < 0.5

    @pytest.mark.filterwarnings("ignore:.*far from every")
    @pytest.mark.parametrize("size", [1e2, 1e4, 1e6])
    def test_outliers_get_no_cluster(self, size):
        x, truth = blobs((200, 300, 250), distance=8.0, dtype=np.float64)
        x[:5] += size * np.random.default_rng(0).normal(size=(5, x.shape[1]))
        found = find_clusters(x, 3, n_pcs=None)
        assert np.bincount(found.labels).min() > 150
        assert adjusted_rand_score(truth[5:], found.labels[5:]) == 1
        assert found.far == pytest.approx(5 / len(x))

    def test_outliers_are_told(self):
        x, _ = blobs((200, 300, 250), distance=8.0, dtype=np.float64)
        x[:15] += 1e4
        with pytest.warns(UserWarning, match=r"2\.0% of the spots are far from every one of the 3"):
            find_clusters(x, 3, n_pcs=None)

    def test_a_domain_far_away_is_no_outlier(self):
        x, truth = blobs((60, 500, 440), distance=8.0, dtype=np.float64)
        x[truth == 0] += 300
        found = find_clusters(x, 3)
        assert adjusted_rand_score(truth, found.labels) == 1
        assert found.far == 0

    def test_seeds_find_the_same(self):
        rng = np.random.default_rng(1)
        centres = rng.normal(0, 2.5, (8, 6))
        x = centres[rng.integers(8, size=2000)] + rng.normal(size=(2000, 6))
        first, *others = (cluster_embedding(x, 8, seed=seed) for seed in range(5))
        assert min(adjusted_rand_score(first, other) for other in others) > 0.99

    def test_two_ways_that_are_as_likely_are_told(self):
        """Corners of a square: two clusters lie this way or that."""
        rng = np.random.default_rng(0)
        corners = np.array([[0, 0], [0, 6], [6, 0], [6, 6]], float)
        x = np.repeat(corners, 100, axis=0) + rng.normal(size=(400, 2))
        with pytest.warns(
            UserWarning, match=r"about equally well.* ± .* adjusted Rand index is -?0\.0"
        ):
            find_clusters(x, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            find_clusters(x, 4)

    @pytest.mark.parametrize("scale", [1e-20, 1e-9, 1e9, 1e20])
    def test_blind_to_scale(self, scale):
        x, _ = blobs(distance=4.0, dtype=np.float64)
        np.testing.assert_array_equal(cluster_embedding(x * scale, 3), cluster_embedding(x, 3))

    def test_more_spots_than_the_starts_take(self, monkeypatch):
        monkeypatch.setattr(_shrunk, "_START_SPOTS", 300)
        monkeypatch.setattr(_shrunk, "_BLOCK", 700)
        x, truth = blobs((900, 1300, 700), distance=7.0)
        found = find_clusters(x, 3)
        assert adjusted_rand_score(truth, found.labels) > 0.99
        np.testing.assert_allclose(
            found.mixture.weights, np.array([1300, 900, 700]) / 2900, atol=0.01
        )


class TestMixture:
    @pytest.fixture(scope="class")
    def found(self):
        x, _ = blobs((120, 160, 90), width=8, distance=3.5)
        return x, find_clusters(x, 3)

    def test_scores_are_sklearns_components_within_bounds(self, found):
        x, clusters = found
        mixture = clusters.mixture
        pcs = PCA().fit_transform(x.astype(np.float64))
        scores = mixture.scores(x) * pcs[:, 0].std()
        signs = np.sign((scores * pcs).sum(axis=0))
        inside = np.abs(scores - np.clip(scores, mixture.lower, mixture.upper)) >= 0
        np.testing.assert_allclose((scores * signs)[inside], pcs[inside], atol=1e-3)

    def test_memberships_are_scipys(self, found):
        x, clusters = found
        mixture = clusters.mixture
        z = mixture.scores(x)
        density = np.array(
            [
                weight * multivariate_normal(mean, mixture.covariance).pdf(z)
                for weight, mean in zip(mixture.weights, mixture.means, strict=True)
            ]
        ).T
        expected = density / density.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(mixture.memberships(x), expected, atol=1e-10)
        np.testing.assert_array_equal(expected.argmax(axis=1), clusters.labels)

    def test_distances_are_mahalanobis(self, found):
        x, clusters = found
        mixture = clusters.mixture
        z = (x - mixture.center) @ mixture.axes
        precision = np.linalg.inv(mixture.covariance)
        each = [np.einsum("ij,jk,ik->i", z - m, precision, z - m) for m in mixture.means]
        np.testing.assert_allclose(mixture.distances(x), np.sqrt(np.min(each, axis=0)), rtol=1e-8)
        assert not mixture.far(x).any()
        away = x[:1] + 1000
        assert mixture.distances(away) > 2 * np.sqrt(chi2.ppf(0.999, 8))
        assert mixture.far(away).all()

    def test_arrays_and_back(self, found):
        x, clusters = found
        again = Mixture.from_arrays(clusters.mixture.arrays())
        np.testing.assert_array_equal(again.labels(x), clusters.labels)
        with pytest.raises(KeyError, match="means"):
            Mixture.from_arrays({k: v for k, v in again.arrays().items() if k != "means"})

    def test_another_embedding_is_refused(self, found):
        with pytest.raises(ValueError, match="3 dimensions, but the clusters were found in 8"):
            found[1].mixture.labels(np.zeros((4, 3)))


class TestSize:
    def test_number_or_resolution(self):
        x, _ = blobs()
        with pytest.raises(ValueError, match="n_clusters=None and resolution=None"):
            find_clusters(x, method="leiden")
        with pytest.raises(ValueError, match="n_clusters=3 and resolution=1"):
            find_clusters(x, 3, method="leiden", resolution=1)
        with pytest.raises(ValueError, match="for method='leiden' or 'louvain', not 'shrunk'"):
            find_clusters(x, resolution=1.0)
        for bad, error in [
            ("1", TypeError),
            (True, TypeError),
            (0, ValueError),
            (np.inf, ValueError),
        ]:
            with pytest.raises(error, match="resolution="):
                find_clusters(x, method="louvain", resolution=bad)
        with pytest.raises(ValueError, match="n_pcs='all'"):
            find_clusters(x, 3, n_pcs="all")

    @pytest.mark.parametrize("method", ["leiden", "louvain"])
    def test_higher_resolutions_give_more(self, method):
        x = np.random.default_rng(0).normal(size=(300, 5))
        found = [find_clusters(x, method=method, resolution=r, seed=1) for r in (0.2, 1.0, 4.0)]
        numbers = [clusters.n_clusters for clusters in found]
        assert numbers == sorted(set(numbers))
        assert [clusters.resolution for clusters in found] == [0.2, 1.0, 4.0]
        assert all(np.all(np.diff(np.bincount(c.labels)) <= 0) for c in found)

    def test_the_resolution_that_was_searched_gives_the_same(self):
        x, _ = blobs((60, 90, 70), distance=5)
        by_number = find_clusters(x, 4, method="leiden", n_neighbors=15)
        again = find_clusters(x, method="leiden", n_neighbors=15, resolution=by_number.resolution)
        np.testing.assert_array_equal(by_number.labels, again.labels)
