"""Filters of a modality: against dense algebra, SciPy's optimiser and a truth that is known."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import median_abs_deviation

from smartcore.spatial import fitting
from smartcore.spatial.filters import SpatialFilter, unfiltered
from smartcore.spatial.fitting import fit_filter, within_range
from smartcore.spatial.graph import spatial_graph
from smartcore.spatial.nuggets import nuggets
from smartcore.spatial.outliers import LIMIT, Range
from smartcore.spatial.walks import STEPS, Walks

SIDE = 40
XY = np.argwhere(np.ones((SIDE, SIDE))).astype(float)
GRAPH = spatial_graph(XY, n_neighbors=4)


def tissue(noise, seed=0, d=12):
    """Three smooth fields in a dozen features, and the features without noise."""
    rng = np.random.default_rng(seed)
    fields = np.column_stack(
        [np.sin(XY[:, 0] / 5), np.cos(XY[:, 1] / 7), np.sin((XY[:, 0] + XY[:, 1]) / 9)]
    )
    truth = fields @ rng.normal(size=(3, d))
    return truth + noise * rng.normal(size=truth.shape), truth


def test_the_range_is_in_robust_deviations():
    x = np.random.default_rng(0).standard_t(2, size=(500, 4))
    spread = median_abs_deviation(x, scale="normal")
    bounds = Range.of(x)
    np.testing.assert_allclose(bounds.upper, np.median(x, axis=0) + LIMIT * spread, rtol=1e-4)
    usual, beyond = bounds.split(x)
    np.testing.assert_allclose(usual + beyond, x, rtol=1e-6)
    assert (np.abs(usual - np.median(x, axis=0)) <= LIMIT * spread * 1.001).all()


def test_a_feature_that_is_mostly_zero_has_no_range():
    x = np.zeros((100, 2))
    x[:20, 0], x[:, 1] = 9, np.arange(100)
    usual, beyond = Range.of(x).split(x)
    np.testing.assert_array_equal(usual[:, 0], x[:, 0])
    assert not beyond[:, 0].any()


def test_filtered_features_are_nearer_to_the_truth_than_any_single_average():
    x, truth = tissue(1.5)
    fitted, _ = fit_filter(x, GRAPH)
    filtered = fitted.apply(x, GRAPH)
    scaled = (truth - fitted.center) / fitted.scale
    error = np.mean((filtered - scaled) ** 2)
    within = within_range(x)[3]
    others = [np.mean((average - scaled) ** 2) for average in Walks(GRAPH).averages(within)]
    assert error < min(others)


@pytest.mark.parametrize("noise", [0.3, 1.0, 2.0])
def test_expected_errors_are_those_against_the_truth(noise):
    """On average over draws, of features that are each a field and noise known apart."""
    told, true = [], []
    for seed in range(8):
        x, truth = tissue(noise, seed, d=3)
        _, _, scale, within, _ = within_range(x)
        choice = fit_filter(x, GRAPH)[1]
        fields = ((truth - x.mean(axis=0)) / scale) @ choice.directions.into
        scores = within @ choice.directions.into
        size = choice.directions.variance * choice.directions.weight**2
        error = [size @ np.mean((a - fields) ** 2, axis=0) for a in Walks(GRAPH).averages(scores)]
        true.append(np.array(error) / (size @ np.mean(fields**2, axis=0)))
        told.append(choice.error)
    np.testing.assert_allclose(np.mean(told, axis=0), np.mean(true, axis=0), rtol=0.15, atol=0.05)


def test_more_noise_asks_for_wider_averages():
    reaches = [fit_filter(tissue(noise)[0], GRAPH)[1].reach[0] for noise in (0.1, 1.0, 5.0)]
    assert reaches[0] < reaches[1] < reaches[2]


def test_half_of_the_weights_are_those_of_least_error(monkeypatch):
    """Against SciPy's bounded quasi-Newton method, on dense matrices."""
    monkeypatch.setattr(fitting, "TOLERANCE", 0.0)
    x, _ = tissue(1.0)
    fitted, choice = fit_filter(x, GRAPH)
    within = within_range(x)[3].astype(float)
    scores = within @ choice.directions.into
    nugget = nuggets(scores, GRAPH)
    averages = [a.astype(float) for a in Walks(GRAPH).averages(scores.astype(np.float32))]
    traces = Walks(GRAPH).traces(np.random.default_rng(0))
    for r in range(3):
        columns = np.column_stack([a[:, r] for a in averages])

        def expected_error(w, columns=columns, r=r):
            residual = np.mean((scores[:, r] - columns @ w) ** 2)
            return residual + 2 * nugget[r] * (w @ traces) - nugget[r]

        best = minimize(
            expected_error,
            np.full(len(averages), 0.1),
            bounds=[(0, None)] * len(averages),
            options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 5000},
        )
        each = [expected_error(np.eye(len(averages))[k]) for k in range(len(averages))]
        narrowest = np.eye(len(averages))[int(np.argmin(each))]
        own = 2 * fitted.usual.weights[:, r] - narrowest
        assert expected_error(own) == pytest.approx(best.fun, abs=2e-4)


def test_the_other_half_is_the_widest_that_is_nearly_as_good():
    x, _ = tissue(1.0)
    widest = []
    for tolerance in (0.0, 0.02, 0.2):
        usual, fitting.TOLERANCE = fitting.TOLERANCE, tolerance
        try:
            fitted, _ = fit_filter(x, GRAPH)
        finally:
            fitting.TOLERANCE = usual
        widest.append(np.flatnonzero(fitted.usual.weights[:, 0] >= 0.499).max())
    assert widest == sorted(widest)
    assert widest[-1] > widest[0]


def test_apply_is_the_weighted_sum_of_averages():
    x, _ = tissue(1.0)
    fitted, choice = fit_filter(x, GRAPH)
    within = (np.clip(x, fitted.range.lower, fitted.range.upper) - fitted.center) / fitted.scale
    links = GRAPH.toarray()
    n = len(links)
    step = (links + np.eye(n)) / (links.sum(axis=1, keepdims=True) + 1)
    around = links / links.sum(axis=1, keepdims=True)
    matrices = [np.eye(n), 0.75 * np.eye(n) + around / 4, (np.eye(n) + around) / 2]
    matrices += [np.linalg.matrix_power(step, t) for t in STEPS]
    used = choice.directions.weight > 0
    scores = within @ choice.directions.into[:, used]
    expected = (
        sum((m @ scores) * w for m, w in zip(matrices, fitted.usual.weights, strict=True))
        @ (choice.directions.weight[:, None] * choice.directions.back)[used]
    )
    np.testing.assert_allclose(fitted.apply(x, GRAPH), expected, atol=2e-4)


def test_a_small_region_of_an_exceptional_kind_is_kept():
    """Within the usual range it is one outlying spot like others; beyond it, it has a place."""
    x, _ = tissue(1.0)
    rare = (np.abs(XY - 12) <= 1).all(axis=1)
    x[rare, 0] += 40
    fitted, _ = fit_filter(x, GRAPH)
    filtered = fitted.apply(x, GRAPH)
    assert filtered.shape[1] == fitted.width == 13
    column = filtered[:, -1]
    assert abs(column[rare].mean() - column[~rare].mean()) > 20 * column[~rare].std()


def test_outliers_that_lie_anywhere_add_no_column_and_stay_within_the_range():
    x, _ = tissue(1.0)
    anywhere = np.random.default_rng(3).choice(len(x), 15, replace=False)
    clean = fit_filter(x, GRAPH)[0].apply(x, GRAPH)
    x[anywhere, 0] += 100
    fitted, _ = fit_filter(x, GRAPH)
    assert fitted.width == 12
    filtered = fitted.apply(x, GRAPH)
    others = np.setdiff1d(np.arange(len(x)), anywhere)
    assert np.corrcoef(filtered[others].ravel(), clean[others].ravel())[0, 1] > 0.99


def test_noise_is_filtered_away():
    noise = np.random.default_rng(0).normal(size=(len(XY), 12))
    signal, _ = tissue(0.5)
    left = [np.mean(fit_filter(x, GRAPH)[0].apply(x, GRAPH) ** 2) for x in (noise, signal)]
    assert left[0] < 0.03
    assert left[1] > 0.6


@pytest.mark.parametrize("d", [1, 2, 4])
def test_few_features_and_a_constant_one(d):
    x = np.column_stack([tissue(0.5)[0][:, :d], np.full(len(XY), 3.0)])
    filtered = fit_filter(x, GRAPH)[0].apply(x, GRAPH)
    assert np.isfinite(filtered).all()
    assert np.ptp(filtered[:, -1]) < 1e-5
    assert filtered[:, :d].std() > 0.5


def test_regions_0_takes_nothing_for_noise():
    x, _ = tissue(1.0)
    fitted, choice = fit_filter(x, GRAPH, regions=0.0)
    assert not choice.nugget.any()
    np.testing.assert_allclose(fitted.apply(x, GRAPH)[:, :12], within_range(x)[3], atol=2e-3)


def test_features_that_are_not_filtered_keep_their_bits():
    x = tissue(1.0)[0].astype(np.float32)
    np.testing.assert_array_equal(unfiltered(12).apply(x, GRAPH), x)


def test_same_seed_same_bits_and_a_sample_is_enough(monkeypatch):
    x, _ = tissue(1.0)
    whole = fit_filter(x, GRAPH)[0].apply(x, GRAPH)
    np.testing.assert_array_equal(fit_filter(x, GRAPH)[0].apply(x, GRAPH), whole)
    monkeypatch.setattr(fitting, "_COMPARED", 800)
    sampled = fit_filter(x, GRAPH)[0].apply(x, GRAPH)
    assert np.mean((sampled - whole) ** 2) < 0.01 * np.mean(whole**2)


def test_arrays_bring_the_filter_back():
    x, _ = tissue(1.0)
    x[:9, 0] += 50
    fitted, _ = fit_filter(x, GRAPH)
    again = SpatialFilter.from_arrays(fitted.arrays())
    np.testing.assert_array_equal(again.apply(x, GRAPH), fitted.apply(x, GRAPH))
