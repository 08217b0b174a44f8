"""Correlation with each modality, against a loop."""

import warnings

import numpy as np
import pytest
from scipy import sparse, stats

from smartcore import metrics


def naive_correlation(a, b, reference):
    result = []
    for i in range(len(a)):
        others = [j for j in reference if j != i]
        x = [np.linalg.norm(a[i] - a[j]) for j in others]
        y = [np.linalg.norm(b[i] - b[j]) for j in others]
        result.append(stats.pearsonr(x, y).statistic)
    return np.array(result)


def test_modality_correlation_equals_a_loop(rng):
    embedding = rng.normal(size=(40, 4)) + 1e4  # a far origin
    features = {"rna": embedding[:, :2] * 3, "protein": rng.normal(size=(40, 5))}
    result = metrics.modality_correlation(embedding, features, chunk_size=7)
    assert list(result.columns) == ["rna", "protein"]
    assert result.shape == (40, 2)
    for name, values in features.items():
        expected = naive_correlation(embedding, values, range(40))
        np.testing.assert_allclose(result[name], expected, atol=1e-8)
    assert result["rna"].mean() > result["protein"].mean() + 0.3


def test_modality_correlation_with_reference_spots(rng):
    embedding, features = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    result = metrics.modality_correlation(embedding, {"x": features}, n_reference=20, seed=3)["x"]
    reference = np.random.default_rng(3).choice(60, 20, replace=False)
    np.testing.assert_allclose(
        result, naive_correlation(embedding, features, reference), atol=1e-10
    )
    again = metrics.modality_correlation(
        embedding, {"x": features}, n_reference=20, seed=3, chunk_size=11
    )["x"]
    np.testing.assert_allclose(again, result, atol=1e-12)
    exact = metrics.modality_correlation(embedding, {"x": features}, n_reference=None)["x"]
    assert not np.allclose(exact, result)


def test_modality_correlation_undefined_and_missing(rng):
    embedding = rng.normal(size=(30, 3))
    alike = np.full((30, 2), 0.1)
    corners = np.eye(30)  # all equally far from each other
    lacking = rng.normal(size=(30, 4))
    lacking[5:8] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metrics.modality_correlation(
            embedding, {"alike": alike, "corners": corners, "lacking": lacking}
        )
    assert result["alike"].isna().all()
    assert result["corners"].isna().all()
    present = np.setdiff1d(np.arange(30), [5, 6, 7])
    assert list(np.flatnonzero(result["lacking"].isna())) == [5, 6, 7]
    np.testing.assert_allclose(
        result["lacking"][present],
        naive_correlation(embedding[present], lacking[present], range(27)),
        atol=1e-10,
    )


def test_modality_correlation_refuses_bad_input(rng):
    x = rng.normal(size=(10, 2))
    with pytest.raises(TypeError, match="map modality names"):
        metrics.modality_correlation(x, [x])
    with pytest.raises(ValueError, match="no modality"):
        metrics.modality_correlation(x, {})
    with pytest.raises(ValueError, match=r"features\['rna'\] has 9 rows"):
        metrics.modality_correlation(x, {"rna": x[:9]})
    with pytest.raises(TypeError, match="sparse"):
        metrics.modality_correlation(x, {"rna": sparse.csr_matrix(x)})
    with pytest.raises(ValueError, match="1 NaN"):
        metrics.modality_correlation(x, {"rna": np.where(np.arange(20).reshape(10, 2), x, np.nan)})
    with pytest.raises(ValueError, match="n_reference"):
        metrics.modality_correlation(x, {"rna": x}, n_reference=2)
    with pytest.raises(ValueError, match="3 spots: at least 4"):
        metrics.modality_correlation(x[:3], {"rna": x[:3]})
