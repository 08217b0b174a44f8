"""Clusters against R's mclust, scanpy, igraph and scikit-learn."""

import builtins
import logging
import os
import random
import shutil
import subprocess
import sys
import warnings

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import rankdata
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score
from sklearn.mixture import GaussianMixture

from smartcore.clustering import (
    METHODS,
    ClusterCountError,
    cluster_embedding,
    graph_clusters,
    reduce_embedding,
    row_order,
)
from smartcore.clustering._mclust import fit_eee, missing_for_mclust
from smartcore.tl._cluster import cluster
from smartcore.tl._n_clusters import choose_n_clusters, score_n_clusters

HAS_MCLUST = missing_for_mclust() is None
needs_mclust = pytest.mark.skipif(not HAS_MCLUST, reason="needs R, its package mclust, and rpy2")
ANY_METHOD = [pytest.param(m, marks=needs_mclust if m == "mclust" else ()) for m in METHODS]


def blobs(sizes=(60, 90, 40), width=6, distance=12.0, seed=0, dtype=np.float32):
    """Round, well separated groups; returns rows and true groups."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.zeros((len(sizes), width))
    centres[np.arange(len(sizes)), np.arange(len(sizes))] = distance
    return (centres[truth] + rng.normal(size=(len(truth), width))).astype(dtype), truth


def cigars(n_spots=300, n_groups=4, seed=0):
    """Long parallel groups of one covariance, apart only where the spread is small."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_groups, size=n_spots)
    x = rng.normal(size=(n_spots, 5)) * [40, 20, 1, 1, 1]
    x[:, 2] += 9 * truth
    x[:, 3] += 9 * (truth % 2)
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    return x @ rotation, truth


HIERARCHIES = ("VVV SVD", "VVV VARS", "EII VARS")


def rscript_mclust(z, n_clusters, seed, folder, hierarchies=HIERARCHIES, partition=None):
    """Classify by Mclust in an R process of its own, or skip where it cannot run.

    The likeliest of the mixtures from these hierarchical starts, each mclust's model and ``use``,
    and from a partition.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("needs Rscript")
    probe = [rscript, "-e", 'if (!requireNamespace("mclust", quietly = TRUE)) quit(status = 9)']
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("needs R's package mclust")
    np.asfortranarray(z).T.tofile(folder / "z.bin")
    np.savetxt(folder / "partition.txt", [] if partition is None else partition, fmt="%d")
    code = f"""
    suppressPackageStartupMessages(library(mclust))
    z <- matrix(readBin("{folder / "z.bin"}", "double", {z.size}), {z.shape[0]}, {z.shape[1]})
    set.seed({seed})
    model <- if (ncol(z) > 1) "EEE" else "E"
    fits <- lapply(strsplit(c({", ".join(map(repr, hierarchies))}), " "), function(hierarchy) {{
      some <- if (nrow(z) > 2000) sample(nrow(z), 2000) else seq_len(nrow(z))
      start <- list(hcPairs = hc(
        z[some, , drop = FALSE], use = hierarchy[2],
        modelName = if (ncol(z) > 1) hierarchy[1] else substr(hierarchy[1], 1, 1)))
      if (nrow(z) > 2000) start$subset <- some
      Mclust(z, G = {n_clusters}, modelNames = model, initialization = start, verbose = FALSE)
    }})
    partition <- scan("{folder / "partition.txt"}", quiet = TRUE)
    if (length(partition)) {{
      fit <- me(z, model, unmap(partition))
      fits$given <- list(classification = map(fit$z), loglik = fit$loglik)
    }}
    fit <- fits[[which.max(sapply(fits, function(fit) fit$loglik))]]
    writeLines(as.character(fit$classification), "{folder / "labels.txt"}")
    """
    subprocess.run([rscript, "-e", code], check=True, capture_output=True)
    return np.loadtxt(folder / "labels.txt", dtype=int)


def likelihood(z, labels):
    """Mean log-likelihood of a spot in the mixture that EM finds from these clusters."""
    member = np.eye(labels.max() + 1)[labels]
    means = member.T @ z / member.sum(axis=0)[:, None]
    within = z - means[labels]
    mixture = GaussianMixture(
        len(means),
        covariance_type="tied",
        max_iter=1000,
        tol=1e-6,
        weights_init=member.mean(axis=0),
        means_init=means,
        precisions_init=np.linalg.inv(np.cov(within.T)),
    )
    return mixture.fit(z).score(z)


@pytest.fixture(scope="module")
def hidden():
    """Groups that four of twenty directions tell apart, none of much variance."""
    rng = np.random.default_rng(0)
    truth = rng.integers(8, size=1000)
    x = rng.normal(size=(1000, 20))
    x[:, :4] += 2 * rng.normal(size=(8, 4))[truth]
    return reduce_embedding(x * np.linspace(1, 12, 20)), truth


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


class TestMclust:
    @needs_mclust
    @pytest.mark.parametrize(("n_spots", "seed"), [(300, 0), (2010, 7)])
    def test_as_r_itself(self, tmp_path, n_spots, seed):
        # Overlapping groups: there, above 2,000 spots, the start drawn decides.
        rng = np.random.default_rng(3)
        truth = rng.integers(6, size=n_spots)
        x = rng.normal(size=(n_spots, 4)) + 1.2 * rng.normal(size=(6, 4))[truth]
        z = reduce_embedding(x, 3)
        order = row_order(z)
        expected = np.empty(n_spots)
        start = cluster_embedding(x, 6, method="gmm", n_pcs=3, seed=seed)[order]
        expected[order] = rscript_mclust(z[order], 6, seed, tmp_path, partition=start)
        labels = cluster_embedding(x, 6, method="mclust", n_pcs=3, seed=seed)
        assert adjusted_rand_score(expected, labels) == 1

    @needs_mclust
    def test_few_of_many_directions_tell_groups_apart(self, tmp_path):
        """mclust's own start, blind to variance, is lost among the others."""
        rng = np.random.default_rng(0)
        truth = rng.integers(5, size=600)
        x = 0.1 * rng.standard_t(3, size=(600, 20))
        x[:, :3] += 2 * rng.normal(size=(5, 3))[truth]
        alone = rscript_mclust(reduce_embedding(x), 5, 0, tmp_path, hierarchies=HIERARCHIES[:1])
        assert adjusted_rand_score(truth, alone) < 0.8
        labels = cluster_embedding(x, 5, method="mclust")
        assert adjusted_rand_score(truth, labels) > 0.99

    @needs_mclust
    def test_ellipsoids_are_lost_in_heavy_tails_and_ward_is_not(self, tmp_path):
        rng = np.random.default_rng(1)
        truth = rng.choice(6, 600, p=[0.4, *[0.12] * 5])
        x = 0.1 * rng.standard_t(2, size=(600, 20))
        x[:, :3] += 3 * rng.normal(size=(6, 3))[truth]
        for hierarchy in HIERARCHIES[:2]:
            alone = rscript_mclust(reduce_embedding(x), 6, 0, tmp_path, hierarchies=[hierarchy])
            assert adjusted_rand_score(truth, alone) < 0.95
        labels = cluster_embedding(x, 6, method="mclust")
        assert adjusted_rand_score(truth, labels) > 0.99

    @needs_mclust
    def test_hierarchical_starts_miss_the_likeliest_mixture(self, hidden, tmp_path):
        z, _ = hidden
        hierarchical = rscript_mclust(z, 8, 0, tmp_path) - 1
        labels = cluster_embedding(z, 8, method="mclust")
        assert likelihood(z, labels) > likelihood(z, hierarchical) + 0.01

    @needs_mclust
    def test_one_dimension(self, tmp_path):
        x, _ = blobs((30, 50), width=2)
        z = reduce_embedding(x, 1)
        labels = cluster_embedding(x, 2, method="mclust", n_pcs=1)
        assert adjusted_rand_score(rscript_mclust(z, 2, 0, tmp_path), labels) == 1

    @needs_mclust
    def test_several_numbers_at_once(self, tmp_path):
        x, _ = cigars()
        rng = np.random.default_rng(1)
        starts = {2: None, 4: rng.integers(4, size=len(x)), 7: rng.integers(7, size=len(x))}
        fits = fit_eee(x, starts, 0)
        assert list(fits) == list(starts)
        for k, (labels, notes) in fits.items():
            expected = rscript_mclust(x, k, 0, tmp_path, partition=starts[k])
            np.testing.assert_array_equal(labels, expected)
            assert notes == []

    @needs_mclust
    def test_leaves_r_as_it_was_and_the_console_silent(self, capfd):
        import rpy2.robjects as ro

        ro.r('RNGkind("Wichmann-Hill"); set.seed(5)')
        try:
            before, attached = list(ro.r(".Random.seed")), list(ro.r("search()"))
            x, _ = blobs((150, 70))
            capfd.readouterr()
            cluster_embedding(x, 2, method="mclust")
            assert capfd.readouterr() == ("", "")
            assert list(ro.r(".Random.seed")) == before
            assert list(ro.r("search()")) == attached
            ro.r('rm(".Random.seed", envir = globalenv())')
            cluster_embedding(x, 2, method="mclust")
            assert not ro.r('exists(".Random.seed", envir = globalenv(), inherits = FALSE)')[0]
        finally:
            ro.r('RNGkind("default", "default", "default")')

    @needs_mclust
    @pytest.mark.parametrize("n_pcs", [20, None])
    def test_rank_below_width(self, n_pcs):
        x, truth = blobs(width=4)
        x = x @ np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
        labels = cluster_embedding(x, 3, method="mclust", n_pcs=n_pcs)
        assert adjusted_rand_score(truth, labels) == 1

    @needs_mclust
    def test_no_fit(self):
        x = np.random.default_rng(0).normal(size=(12, 11))
        with pytest.raises(RuntimeError, match=r"5 clusters to 12 spots.*method='gmm'"):
            cluster_embedding(x, 5, method="mclust")

    @pytest.fixture
    def no_rpy2(self, monkeypatch):
        real_import = builtins.__import__

        def blocked(name, *args, **kwargs):
            if name.partition(".")[0] == "rpy2":
                raise ModuleNotFoundError("No module named 'rpy2'", name="rpy2")
            return real_import(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", blocked)

    def test_absent_rpy2_is_said(self, no_rpy2):
        x, _ = blobs()
        with pytest.raises(ImportError, match=r"mclust.*smartcore\[r\].*'gmm'"):
            cluster_embedding(x, 3, method="mclust")

    def test_absent_rpy2_default_is_gmm(self, no_rpy2, caplog):
        x, _ = blobs()
        with caplog.at_level(logging.INFO, logger="smartcore"):
            labels = cluster_embedding(x, 3)
        assert "'gmm'" in caplog.text
        np.testing.assert_array_equal(labels, cluster_embedding(x, 3, method="gmm"))

    def test_absent_r_does_not_end_the_process(self, monkeypatch, tmp_path):
        pytest.importorskip("rpy2.situation")
        monkeypatch.setenv("R_HOME", str(tmp_path))
        with pytest.raises(ImportError, match="R is not found"):
            cluster_embedding(blobs()[0], 3, method="mclust")

    @needs_mclust
    def test_default_is_mclust(self, caplog):
        x, _ = cigars()
        with caplog.at_level(logging.INFO, logger="smartcore"):
            labels = cluster_embedding(x, 4)
        assert "'mclust'" in caplog.text
        np.testing.assert_array_equal(labels, cluster_embedding(x, 4, method="mclust"))


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


@pytest.fixture(scope="module")
def shapes():
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=500)
    return 2 * rng.normal(size=(5, 6))[truth] + rng.normal(size=(500, 6))


@pytest.fixture(scope="module")
def scanpy_graph(shapes):
    import scanpy as sc

    graph = ad.AnnData(shapes)
    sc.pp.neighbors(graph, n_neighbors=15, use_rep="X", random_state=3)
    return graph


class TestGraph:
    @pytest.mark.parametrize("n_clusters", [3, 5, 8])
    def test_leiden_is_scanpys(self, shapes, scanpy_graph, n_clusters):
        import scanpy as sc

        labels, resolution = graph_clusters(shapes, n_clusters, "leiden", 15, 3)
        options = {"flavor": "igraph", "n_iterations": 2, "directed": False, "random_state": 3}
        sc.tl.leiden(scanpy_graph, resolution=resolution, **options)
        assert scanpy_graph.obs["leiden"].nunique() == n_clusters
        assert adjusted_rand_score(scanpy_graph.obs["leiden"], labels) == 1

    @pytest.mark.parametrize("n_clusters", [3, 5, 8])
    def test_louvain_is_igraphs(self, shapes, scanpy_graph, n_clusters):
        import igraph

        labels, resolution = graph_clusters(shapes, n_clusters, "louvain", 15, 3)
        matrix = scanpy_graph.obsp["connectivities"]
        network = igraph.Graph.Weighted_Adjacency(matrix.toarray(), mode="undirected")

        def modularity(groups):
            return network.modularity(groups, network.es["weight"], resolution=resolution)

        direct = network.community_multilevel("weight", resolution=resolution)
        assert len(np.unique(labels)) == n_clusters
        assert modularity(labels.tolist()) > 0.97 * modularity(direct.membership)

    @pytest.mark.parametrize("method", ["leiden", "louvain"])
    def test_parts_that_do_not_touch_are_not_joined(self, method):
        x, truth = blobs((40, 40, 40), distance=100)
        with pytest.raises(ClusterCountError, match=r"2 clusters.*reached: 3\. .*n_neighbors"):
            cluster_embedding(x, 2, method=method, n_neighbors=10)
        labels = cluster_embedding(x, 3, method=method, n_neighbors=10)
        assert adjusted_rand_score(truth, labels) == 1

    def test_counts_on_both_sides_are_named(self, monkeypatch):
        import smartcore.clustering._communities as module

        def jumps(graph, seed):
            return lambda resolution: np.arange(graph.n_obs) % (2 if resolution < 3.3 else 5)

        monkeypatch.setattr(module, "_leiden", jumps)
        x, _ = blobs()
        with pytest.raises(ClusterCountError, match=r"reached: 2 and 5\."):
            cluster_embedding(x, 3, method="leiden")

    def test_a_count_off_the_monotone_path_is_found(self, monkeypatch):
        import smartcore.clustering._communities as module

        def wavers(graph, seed):
            def partition(resolution):
                count = 2 if resolution < 3.0 else 5
                return np.arange(graph.n_obs) % (3 if 3.2 < resolution < 3.4 else count)

            return partition

        monkeypatch.setattr(module, "_leiden", wavers)
        x, _ = blobs()
        assert cluster_embedding(x, 3, method="leiden").max() == 2

    def test_igraphs_own_random_numbers_are_put_back(self, shapes):
        graph_clusters(shapes, 4, "louvain", 15, 0)
        import igraph

        network = igraph.Graph.Erdos_Renyi(60, 0.2)
        random.seed(1)
        before = random.getstate()
        network.community_multilevel()
        assert random.getstate() != before


def test_kmeans_is_sklearns():
    x = np.random.default_rng(0).normal(size=(300, 8))
    labels = cluster_embedding(x, 5, method="kmeans", n_pcs=3, seed=4)
    z = reduce_embedding(x, 3)
    order = row_order(z)
    expected = np.empty(300)
    expected[order] = KMeans(5, n_init=10, random_state=4).fit_predict(z[order])
    assert adjusted_rand_score(expected, labels) == 1


@pytest.mark.parametrize("method", ANY_METHOD)
class TestEveryMethod:
    def test_truth_and_order_of_labels(self, method):
        x, truth = blobs((40, 90, 60))
        labels = cluster_embedding(x, 3, method=method)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, np.array([2, 0, 1])[truth])

    def test_ties_go_by_the_first_spot(self, method):
        x, truth = blobs((50, 50, 50))
        order = np.random.default_rng(2).permutation(len(x))
        labels = cluster_embedding(x[order], 3, method=method)
        expected = pd.factorize(truth[order])[0]
        np.testing.assert_array_equal(labels, expected)

    def test_same_seed_same_labels_and_no_global_state(self, method):
        x = np.random.default_rng(0).normal(size=(150, 6))
        states = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
        first = cluster_embedding(x, 4, method=method, seed=9)
        assert np.array_equal(np.random.get_state()[1], states[0])  # noqa: NPY002
        assert random.getstate() == states[1]
        np.random.default_rng().normal(size=5)
        random.random()
        np.testing.assert_array_equal(first, cluster_embedding(x, 4, method=method, seed=9))

    def test_order_of_spots_does_not_matter(self, method):
        x, _ = blobs((60, 70, 80, 90))
        order = np.random.default_rng(0).permutation(len(x))
        labels = cluster_embedding(x, 4, method=method)
        shuffled = cluster_embedding(x[order], 4, method=method)
        assert adjusted_rand_score(labels[order], shuffled) == 1

    def test_input_is_not_written_to(self, method):
        x, _ = blobs()
        x.flags.writeable = False
        cluster_embedding(x, 3, method=method, n_pcs=None)

    @pytest.mark.parametrize("value", [0.0, 0.1])
    def test_constant(self, method, value):
        x = np.full((50, 64), value, dtype=np.float32)
        np.testing.assert_array_equal(cluster_embedding(x, 1, method=method), np.zeros(50))
        with pytest.raises(ValueError, match=r"n_clusters=2.*only 1 distinct"):
            cluster_embedding(x, 2, method=method)

    def test_few_distinct_spots(self, method):
        x = np.repeat(np.eye(3), [10, 30, 20], axis=0)
        labels = cluster_embedding(x, 3, method=method)
        np.testing.assert_array_equal(labels, np.repeat([2, 0, 1], [10, 30, 20]))
        with pytest.raises(ValueError, match=r"n_clusters=4.*only 3 distinct.*at most 3"):
            cluster_embedding(x, 4, method=method)

    def test_one_and_two_spots(self, method):
        one, two = np.array([[1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
        assert cluster_embedding(one, 1, method=method).tolist() == [0]
        assert cluster_embedding(two, 1, method=method).tolist() == [0, 0]
        assert cluster_embedding(two, 2, method=method).tolist() == [0, 1]
        with pytest.raises(ValueError, match=r"n_clusters=2.*at most 1"):
            cluster_embedding(one, 2, method=method)

    def test_more_components_and_neighbours_than_there_are(self, method):
        x, truth = blobs((12, 15), width=3)
        labels = cluster_embedding(x, 2, method=method, n_pcs=99, n_neighbors=99)
        assert adjusted_rand_score(truth, labels) == 1

    def test_every_spot_its_own_cluster(self, method):
        x = np.random.default_rng(0).normal(size=(6, 3))
        assert cluster_embedding(x, 6, method=method).tolist() == list(range(6))


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
            (None, TypeError),
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


def container(kind, **blob_options):
    x, truth = blobs(**blob_options)
    names = [f"spot{i}" for i in range(len(x))]
    rna = ad.AnnData(np.ones((len(x), 2), dtype=np.float32), obs=pd.DataFrame(index=names))
    protein = ad.AnnData(np.ones((len(x), 1), dtype=np.float32), obs=pd.DataFrame(index=names))
    data = rna
    if kind == "mudata":
        rna.var_names, protein.var_names = ["g0", "g1"], ["p0"]
        data = md.MuData({"rna": rna, "protein": protein})
    data.obsm["X_smart"] = x
    return data, truth


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["anndata", "mudata"])
class TestContainers:
    def test_written(self, kind, tmp_path):
        data, truth = container(kind, sizes=(5,) * 11 + (9,), width=12)
        assert cluster(data, 12, method="kmeans", seed=3) is None
        domains = data.obs["smart"]
        assert domains.cat.categories.tolist() == [str(i) for i in range(12)]
        assert domains.value_counts()["0"] == 9
        assert adjusted_rand_score(truth, domains) == 1
        assert data.uns["smart_clusters"] == {
            "method": "kmeans",
            "n_clusters": 12,
            "use_rep": "X_smart",
            "n_pcs": 20,
            "seed": 3,
        }

        path = tmp_path / ("data.h5ad" if kind == "anndata" else "data.h5mu")
        data.write(path)
        back = ad.read_h5ad(path) if kind == "anndata" else md.read_h5mu(path)
        assert back.uns["smart_clusters"]["method"] == "kmeans"
        assert back.obs["smart"].astype(str).tolist() == domains.astype(str).tolist()

    def test_copy_keys_and_method_taken(self, kind):
        data, truth = container(kind)
        data.obsm["other"] = pd.DataFrame(data.obsm.pop("X_smart"), index=data.obs_names)
        copied = cluster(data, 3, use_rep="other", key_added="domain", n_pcs=None, copy=True)
        assert "domain" not in data.obs
        assert "domain_clusters" not in data.uns
        assert adjusted_rand_score(truth, copied.obs["domain"]) == 1
        assert copied.uns["domain_clusters"] == {
            "method": "mclust" if HAS_MCLUST else "gmm",
            "n_clusters": 3,
            "use_rep": "other",
            "seed": 0,
        }

    def test_equal_to_the_array_function(self, kind):
        data, _ = container(kind)
        cluster(data, 5, method="leiden", n_neighbors=10, n_pcs=4, seed=2)
        expected = cluster_embedding(
            data.obsm["X_smart"], 5, method="leiden", n_neighbors=10, n_pcs=4, seed=2
        )
        assert data.obs["smart"].astype(int).tolist() == expected.tolist()
        assert data.uns["smart_clusters"]["n_neighbors"] == 10

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"n_clusters": 0}, ValueError),
            ({"n_clusters": 2, "method": "leiden"}, ValueError),
            ({"method": "none"}, ValueError),
            ({"use_rep": "nothing"}, KeyError),
            ({"use_rep": "nan"}, ValueError),
            ({"key_added": ""}, TypeError),
            ({"n_pcs": -1}, ValueError),
        ],
    )
    def test_untouched_where_it_fails(self, kind, options, error):
        data, _ = container(kind, sizes=(30, 30, 30), distance=100)
        data.obsm["nan"] = np.full((90, 2), np.nan)
        data.obs["smart"] = "before"
        data.uns["smart_clusters"] = "before"
        with pytest.raises(error):
            cluster(data, **{"n_clusters": 3, "method": "gmm", "n_neighbors": 10, **options})
        assert data.obs.columns.tolist() == ["smart"]
        assert data.obs["smart"].tolist() == ["before"] * 90
        assert dict(data.uns) == {"smart_clusters": "before"}

    def test_missing_embedding(self, kind):
        data, _ = container(kind)
        data.obsm["X_pca"] = data.obsm.pop("X_smart")
        for function in (cluster, choose_n_clusters):
            with pytest.raises(
                KeyError, match=r"'X_smart' in obsm, which has 'X_pca': .*tl\.smart"
            ):
                function(data, 3 if function is cluster else [3])

    def test_table(self, kind):
        data, _ = container(kind)
        table = choose_n_clusters(data, [2, 3, 4], method="kmeans", progress=False)
        expected = score_n_clusters(
            data.obsm["X_smart"], [2, 3, 4], method="kmeans", progress=False
        )
        pd.testing.assert_frame_equal(table, expected)
        assert table.attrs == {"suggested": 3, "method": "kmeans"}
        assert "smart" not in data.obs


def test_not_a_container():
    with pytest.raises(TypeError, match="ndarray: give an AnnData or MuData"):
        cluster(np.zeros((3, 2)), 2)


class TestScores:
    def test_criteria_are_sklearns(self):
        x, _ = blobs((40, 60, 50), distance=5)
        numbers = [2, 3, 5]
        table = score_n_clusters(x, numbers, method="kmeans", n_pcs=4, seed=1, progress=False)
        assert table.index.tolist() == numbers
        assert table.index.name == "n_clusters"
        z = reduce_embedding(x, 4)
        order = row_order(z)
        for k in numbers:
            labels = np.empty(len(z))
            labels[order] = KMeans(k, n_init=10, random_state=1).fit_predict(z[order])
            assert table.loc[k, "silhouette"] == pytest.approx(silhouette_score(z, labels))
            assert table.loc[k, "davies_bouldin"] == pytest.approx(davies_bouldin_score(z, labels))
        expected = (
            rankdata(-table["silhouette"])
            + rankdata(table["davies_bouldin"])
            + rankdata(-table["stability"])
        ) / 3
        np.testing.assert_allclose(table["rank"], expected)

    def test_stability_by_brute_force(self, monkeypatch):
        import smartcore.tl._n_clusters as module

        x = np.random.default_rng(0).normal(size=(40, 3)).round(6)
        where = {row.tobytes(): i for i, row in enumerate(x)}
        seen = []

        def spy(z, k, **options):
            labels = np.random.default_rng(len(seen)).integers(k, size=len(z)).astype(np.int32)
            seen.append({where[row.tobytes()]: label for row, label in zip(z, labels, strict=True)})
            return labels

        monkeypatch.setattr(module, "cluster_embedding", spy)
        table = score_n_clusters(
            x, [3], method="gmm", n_pcs=None, n_repeats=3, subsample=0.7, progress=False
        )
        assert [len(labels) for labels in seen] == [40, 28, 28, 28]
        agreement = []
        for i, j in [(1, 2), (1, 3), (2, 3)]:
            both = sorted(seen[i].keys() & seen[j].keys())
            pairs = [[run[spot] for spot in both] for run in (seen[i], seen[j])]
            agreement.append(adjusted_rand_score(*pairs))
        assert table.loc[3, "stability"] == pytest.approx(np.mean(agreement))

    @pytest.mark.filterwarnings("ignore:n_clusters=3 is not scored")
    @pytest.mark.parametrize("method", ANY_METHOD)
    def test_plain_groups_are_counted(self, method):
        x, _ = blobs((60, 70, 50, 60), width=5)
        table = score_n_clusters(
            x, range(3, 6), method=method, n_neighbors=80, n_repeats=2, progress=False
        )
        assert table.attrs["suggested"] == 4
        assert table.loc[4, "stability"] == 1

    def test_ties_go_to_fewer(self, monkeypatch):
        import smartcore.tl._n_clusters as module

        monkeypatch.setattr(module, "_defined", lambda score, z, labels: 0.0)
        monkeypatch.setattr("sklearn.metrics.adjusted_rand_score", lambda a, b: 0.0)
        table = score_n_clusters(blobs()[0], [4, 2, 3, 3], method="kmeans", progress=False)
        assert table.index.tolist() == [2, 3, 4]
        assert table.attrs["suggested"] == 2

    def test_silhouette_of_many_spots_is_sampled(self, monkeypatch):
        import smartcore.tl._n_clusters as module

        monkeypatch.setattr(module, "_SILHOUETTE_SPOTS", 300)
        x, _ = blobs((400, 500), distance=4)
        run = [
            score_n_clusters(x, [2], method="kmeans", n_repeats=2, progress=False) for _ in range(2)
        ]
        pd.testing.assert_frame_equal(*run)
        whole = silhouette_score(x, cluster_embedding(x, 2, method="kmeans"))
        assert run[0].loc[2, "silhouette"] != whole
        assert run[0].loc[2, "silhouette"] == pytest.approx(whole, abs=0.05)

    def test_number_out_of_reach_is_nan_with_a_warning(self):
        x, _ = blobs((40, 40, 40), distance=100)
        options = {"method": "leiden", "n_neighbors": 10, "n_repeats": 2, "progress": False}
        with pytest.warns(UserWarning, match="n_clusters=2 is not scored: leiden"):
            table = score_n_clusters(x, [2, 3, 4], **options)
        assert table.loc[2].isna().all()
        assert table.attrs["suggested"] == 3
        with (
            pytest.warns(UserWarning, match="not scored"),
            pytest.raises(ValueError, match=r"none of the numbers of clusters \[2\]"),
        ):
            score_n_clusters(x, [2], **options)

    def test_progress_on_standard_error_only(self, capsys):
        x, _ = blobs()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tqdm without ipywidgets
            score_n_clusters(x, [2, 3], method="kmeans", n_repeats=2)
        out, err = capsys.readouterr()
        assert out == ""
        assert "6/6" in err
        score_n_clusters(x, [2, 3], method="kmeans", n_repeats=2, progress=False)
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"n_clusters": [2, 17]}, ValueError, r"up to 17.*16 of the 20 spots.*at most 16"),
            ({"n_clusters": [1, 2]}, ValueError, "n_clusters=1"),
            ({"n_clusters": []}, ValueError, "empty"),
            ({"n_clusters": 5}, TypeError, "n_clusters=5: give several"),
            ({"n_clusters": [2.0]}, TypeError, "n_clusters=2.0"),
            ({"n_repeats": 1}, ValueError, "n_repeats=1"),
            ({"subsample": 1}, ValueError, "subsample=1"),
            ({"subsample": 0.5}, ValueError, "subsample=0.5"),
            ({"subsample": "0.8"}, TypeError, "subsample='0.8'"),
            ({"method": "x"}, ValueError, "unknown method 'x'"),
        ],
    )
    def test_bad_input(self, options, error, message):
        x = np.random.default_rng(0).normal(size=(20, 3))
        with pytest.raises(error, match=message):
            score_n_clusters(x, **{"n_clusters": [2, 3], "progress": False, **options})

    def test_too_few_spots(self):
        with pytest.raises(ValueError, match="3 spots are too few"):
            score_n_clusters(np.eye(3), [2], progress=False)

    def test_too_few_distinct_spots(self):
        x = np.repeat(np.eye(3), 10, axis=0)
        with pytest.raises(ValueError, match=r"up to 4.*as few as 3 distinct"):
            score_n_clusters(x, [2, 4], method="gmm", progress=False)


@pytest.mark.parametrize("method", ANY_METHOD)
def test_order_of_more_spots_than_a_start_takes_does_not_matter(method):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2300, 6)) + 2.5 * np.eye(4, 6)[rng.integers(0, 4, 2300)]
    shuffled = rng.permutation(len(x))
    plain, mixed = (cluster_embedding(rows, 4, method=method) for rows in (x, x[shuffled]))
    assert adjusted_rand_score(plain[shuffled], mixed) == 1


@pytest.mark.parametrize("method", ["leiden", "louvain"])
def test_numbers_of_threads_stay_as_they_are(method):
    code = (
        "import numpy as np, torch\n"
        "from smartcore.clustering import cluster_embedding\n"
        "x = np.random.default_rng(0).normal(size=(80, 6)) + 9 * np.eye(3, 6)[np.arange(80) % 3]\n"
        f"cluster_embedding(x, 3, method={method!r})\n"
        "print(torch.get_num_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1"]
