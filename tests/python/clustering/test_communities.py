"""Communities of a graph, against scanpy and igraph."""

import random

import anndata as ad
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from helpers.clustering import blobs
from smartcore.clustering import ClusterCountError, cluster_embedding, graph_clusters


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
    def test_plain_groups_are_found_by_the_search_among_many_spots(self, monkeypatch):
        import smartcore.clustering._communities as module

        x, truth = blobs((80, 90, 100), distance=20)
        monkeypatch.setattr(module, "_MANY", len(x))
        labels = cluster_embedding(x, method="leiden", resolution=0.01, n_neighbors=20, seed=1)
        assert adjusted_rand_score(truth, labels) == 1

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
