"""What holds for each method."""

import os
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from helpers.clustering import ANY_METHOD, blobs
from smartcore.clustering import cluster_embedding, reduce_embedding, row_order


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

    @pytest.mark.filterwarnings("ignore:two different ways to divide")  # there is nothing to find
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


@pytest.mark.parametrize("method", ANY_METHOD)
def test_order_of_more_spots_than_a_start_takes_does_not_matter(method):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2300, 6)) + 2.5 * np.eye(4, 6)[rng.integers(0, 4, 2300)]
    shuffled = rng.permutation(len(x))
    plain, mixed = (cluster_embedding(rows, 4, method=method) for rows in (x, x[shuffled]))
    assert adjusted_rand_score(plain[shuffled], mixed) == 1


def test_numbers_of_threads_stay_as_they_are():
    code = (
        "import numpy as np, torch\n"
        "from smartcore.clustering import cluster_embedding\n"
        "x = np.random.default_rng(0).normal(size=(80, 6)) + 9 * np.eye(3, 6)[np.arange(80) % 3]\n"
        "for method in ('leiden', 'louvain'):\n"
        "    cluster_embedding(x, 3, method=method)\n"
        "    print(torch.get_num_threads())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["1", "1"]
