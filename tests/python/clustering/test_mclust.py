"""Clusters against R's mclust."""

import builtins

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from helpers.clustering import HIERARCHIES, blobs, cigars, likelihood, needs_mclust, rscript_mclust
from smartcore.clustering import cluster_embedding, reduce_embedding, row_order
from smartcore.clustering._mclust import fit_eee


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
        with pytest.raises(ImportError, match=r"mclust.*spatialsmart\[r\].*'gmm'"):
            cluster_embedding(x, 3, method="mclust")

    def test_absent_r_does_not_end_the_process(self, monkeypatch, tmp_path):
        pytest.importorskip("rpy2.situation")
        monkeypatch.setenv("R_HOME", str(tmp_path))
        with pytest.raises(ImportError, match="R is not found"):
            cluster_embedding(blobs()[0], 3, method="mclust")
