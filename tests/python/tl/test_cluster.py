"""Domains written to AnnData and MuData."""

import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from helpers.clustering import blobs
from smartcore.clustering import Mixture, cluster_embedding
from smartcore.tl._cluster import cluster
from smartcore.tl._n_clusters import choose_n_clusters, score_n_clusters


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
        kept = copied.uns["domain_clusters"]
        model = Mixture.from_arrays(kept.pop("model"))
        assert kept == {
            "method": "shrunk",
            "n_clusters": 3,
            "use_rep": "other",
            "seed": 0,
            "far": 0.0,
        }
        x = copied.obsm["other"].to_numpy()
        assert model.labels(x).tolist() == copied.obs["domain"].astype(int).tolist()

    def test_memberships_and_model_survive_a_file(self, kind, tmp_path):
        data, _ = container(kind, distance=3.0)
        cluster(data, 3)
        path = tmp_path / ("data.h5ad" if kind == "anndata" else "data.h5mu")
        data.write(path)
        back = ad.read_h5ad(path) if kind == "anndata" else md.read_h5mu(path)
        model = Mixture.from_arrays(back.uns["smart_clusters"]["model"])
        memberships = back.obsm["smart_memberships"]
        np.testing.assert_allclose(model.memberships(back.obsm["X_smart"]), memberships, atol=1e-6)
        assert memberships.dtype == np.float32
        domains = back.obs["smart"].astype(int)
        assert memberships.argmax(axis=1).tolist() == domains.tolist()
        assert (memberships.max(axis=1) < 0.99).any()

    def test_memberships_of_other_clusters_go(self, kind):
        data, _ = container(kind)
        cluster(data, 3)
        cluster(data, 3, key_added="kept")
        cluster(data, 3, method="kmeans")
        assert "smart_memberships" not in data.obsm
        assert "kept_memberships" in data.obsm
        assert "model" not in data.uns["smart_clusters"]

    def test_resolution_in_place_of_a_number(self, kind):
        data, truth = container(kind, sizes=(60, 90, 70))
        cluster(data, method="leiden", resolution=0.05, n_neighbors=30)
        assert adjusted_rand_score(truth, data.obs["smart"]) == 1
        kept = data.uns["smart_clusters"]
        assert (kept["resolution"], kept["n_clusters"]) == (0.05, 3)

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
        assert table.attrs == {
            "suggested": 3,
            "method": "kmeans",
            "n_spots": 190,
            "lower_is_better": {"silhouette": False, "davies_bouldin": True, "stability": False},
        }
        assert "smart" not in data.obs


def test_not_a_container():
    with pytest.raises(TypeError, match="ndarray: give an AnnData or MuData"):
        cluster(np.zeros((3, 2)), 2)
