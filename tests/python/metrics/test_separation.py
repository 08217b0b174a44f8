"""Separation of clusters, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from smartcore import metrics


def test_separation_equals_scikit_learn(rng):
    labels = np.repeat(["a", "b", "c"], 20).astype(object)
    points = rng.normal(size=(60, 3)) + np.repeat(np.arange(3), 20)[:, None]
    silhouette, db = sk.silhouette_score(points, labels), sk.davies_bouldin_score(points, labels)
    assert metrics.silhouette(points, labels) == pytest.approx(silhouette)
    assert metrics.silhouette(points, labels, sample_size=None) == pytest.approx(silhouette)
    assert metrics.davies_bouldin(points, labels) == pytest.approx(db)
    extra = np.r_[points, rng.normal(size=(2, 3)) * 100]
    assert metrics.silhouette(extra, [*labels, None, None]) == pytest.approx(silhouette)
    assert metrics.davies_bouldin(extra, [*labels, None, None]) == pytest.approx(db)


def test_silhouette_of_a_subset(rng):
    labels = np.repeat([0, 1], 500)
    points = rng.normal(size=(1000, 2)) + labels[:, None] * 2
    whole = metrics.silhouette(points, labels)
    part = metrics.silhouette(points, labels, sample_size=200)
    assert part == metrics.silhouette(points, labels, sample_size=200)
    assert part != whole
    assert part == pytest.approx(whole, abs=0.1)
    assert part != metrics.silhouette(points, labels, sample_size=200, seed=1)


def test_separation_refuses_bad_input():
    points = np.arange(4.0)[:, None]
    for score in (metrics.silhouette, metrics.davies_bouldin):
        with pytest.raises(ValueError, match="hold 1 cluster"):
            score(points, [1, 1, 1, 1])
        with pytest.raises(ValueError, match="hold 4 cluster"):
            score(points, [1, 2, 3, 4])
        with pytest.raises(ValueError, match="4 rows, but there are 3 spots"):
            score(points, [1, 2, 2])
    with pytest.raises(ValueError, match="sample_size"):
        metrics.silhouette(points, [1, 1, 2, 2], sample_size=1)
    with pytest.raises(ValueError, match="subset of sample_size"):
        metrics.silhouette(np.arange(1000.0)[:, None], [1] * 999 + [2], sample_size=5)
