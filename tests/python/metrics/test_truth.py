"""Agreement with a truth, against scikit-learn."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from smartcore import metrics

SEVEN = {
    "ari": sk.adjusted_rand_score,
    "ami": sk.adjusted_mutual_info_score,
    "nmi": sk.normalized_mutual_info_score,
    "homogeneity": sk.homogeneity_score,
    "mutual_info": sk.mutual_info_score,
    "v_measure": sk.v_measure_score,
    "fmi": sk.fowlkes_mallows_score,
}


def test_scores_equal_scikit_learn(rng):
    truth, predicted = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    result = metrics.scores(truth, predicted)
    assert list(result) == list(SEVEN)
    for name, score in SEVEN.items():
        assert result[name] == pytest.approx(score(truth, predicted), abs=1e-12)
        assert getattr(metrics, name)(truth, predicted) == result[name]


def test_scores_by_hand():
    # Pairs of 4 spots: together in truth {01, 23}, predicted {01, 02, 12}: 1 in both.
    result = metrics.scores(list("aabb"), [0, 0, 0, 1])
    assert result["fmi"] == pytest.approx(1 / np.sqrt(2 * 3))
    entropy = stats.entropy([0.5, 0.5])
    joint = stats.entropy([0.5, 0.25, 0.25])
    mutual = entropy + stats.entropy([0.75, 0.25]) - joint
    assert result["mutual_info"] == pytest.approx(mutual)
    assert result["homogeneity"] == pytest.approx(mutual / entropy)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: [f"d{i}" for i in x],
        lambda x: pd.Categorical([f"d{i}" for i in x]),
        lambda x: pd.Series(x, dtype="Int64", index=[f"s{i}" for i in range(len(x))]),
        lambda x: pd.Series([f"d{i}" for i in x], dtype="category"),
        lambda x: np.asarray(x).astype(float),
    ],
)
def test_scores_accept_any_kind_of_label(rng, convert):
    truth, predicted = rng.integers(0, 12, 100), rng.integers(0, 3, 100)
    expected = metrics.scores(truth, predicted)
    assert metrics.scores(convert(truth), predicted) == pytest.approx(expected, abs=1e-12)
    assert metrics.scores(truth, convert(predicted)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "truth",
    [
        ["a", None, "a", "b", "b", np.nan],
        pd.Series(["a", pd.NA, "a", "b", "b", pd.NA], dtype="string"),
        pd.Categorical(["a", None, "a", "b", "b", None], categories=["b", "a", "unused"]),
        pd.Series([1, pd.NA, 1, 2, 2, pd.NA], dtype="Int64"),
        np.array([1.0, np.nan, 1.0, 2.0, 2.0, np.nan]),
    ],
)
def test_missing_truth_is_left_out_and_reported(truth, caplog):
    predicted = [0, 1, 0, 0, 1, 1]
    with caplog.at_level(logging.INFO, logger="smartcore"):
        result = metrics.scores(truth, predicted)
    expected = {n: f([0, 0, 1, 1], [0, 0, 0, 1]) for n, f in SEVEN.items()}
    assert result == pytest.approx(expected, abs=1e-12)
    assert "2 of 6 spots have no truth" in caplog.text


def test_scores_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match="truth has 3 labels and predicted 2"):
        metrics.scores([0, 1, 1], [0, 1])
    with pytest.raises(ValueError, match="all 2 labels are missing"):
        metrics.ari([None, np.nan], [0, 1])
    with pytest.raises(ValueError, match="lacks a label for 1 spots"):
        metrics.ari([0, 1, 1], [0, None, 1])
    with pytest.raises(ValueError, match="one-dimensional"):
        metrics.nmi([[0, 1]], [0, 1])
    with pytest.raises(ValueError, match="empty"):
        metrics.nmi([], [])
    # A prediction may be missing where the truth is too.
    assert metrics.ari([0, 0, 1, None], [0, 0, 1, None]) == 1.0
