import numpy as np
import pytest
import torch
from scipy.stats import linregress

import smartcore as sm
from smartcore.training.loop import reconstruction_loss, should_stop, triplet_loss


def test_losses_written_out():
    rng = np.random.default_rng(0)
    x, x_hat, z = (rng.normal(size=(20, 5)) for _ in range(3))
    rows = rng.integers(0, 20, (3, 11))
    squares = ((x - x_hat) ** 2).sum(axis=1)
    a, p, n = z[rows]
    hinge = np.linalg.norm(a - p, axis=1) - np.linalg.norm(a - n, axis=1) + 0.5
    ours = reconstruction_loss(torch.tensor(x_hat), torch.tensor(x), "sum")
    np.testing.assert_allclose(ours, squares.mean())
    ours = reconstruction_loss(torch.tensor(x_hat), torch.tensor(x), "mean")
    np.testing.assert_allclose(ours, squares.mean() / 5)
    ours = triplet_loss(torch.tensor(z), torch.tensor(rows), 0.5)
    np.testing.assert_allclose(ours, np.maximum(hinge, 0).mean(), rtol=1e-5)
    assert triplet_loss(torch.tensor(z), torch.empty(3, 0, dtype=torch.long), 0.5) == 0


@pytest.mark.parametrize(("lam", "alpha"), [(0.3, None), (0.8, {"rna": 2.0, "protein": 0.5})])
def test_total_is_the_weighted_sum(tissue, lam, alpha):
    features, coords, _ = tissue
    history = sm.integrate(features, coords, preset="paper", lam=lam, alpha=alpha, epochs=3).history
    weight = alpha or {"rna": 1, "protein": 1}
    for kind in ("reconstruction", "triplet"):
        parts = sum(weight[m] * history[f"{kind}_{m}"] for m in features)
        np.testing.assert_allclose(history[kind], parts, rtol=1e-5)
    total = lam * history["reconstruction"] + (1 - lam) * history["triplet"]
    np.testing.assert_allclose(history["total"], total, rtol=1e-5)
    assert history.index.tolist() == [1, 2, 3]


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_all_is_trained(tissue, preset):
    features, coords, _ = tissue
    # A turn to principal axes would change weights that no gradient reaches.
    result = sm.integrate(features, coords, preset=preset, epochs=2, seed=3, principal_axes=False)
    start = sm.SMART(result.model.n_features, result.params, seed=3)
    for (name, before), after in zip(
        start.named_parameters(), result.model.parameters(), strict=True
    ):
        assert not torch.equal(before, after), name


def test_published_trains_the_fusion_alone(tissue):
    features, coords, _ = tissue
    result = sm.integrate(features, coords, preset="published", epochs=2, seed=3)
    start = sm.SMART(result.model.n_features, result.params, seed=3)
    changed = {
        name
        for (name, before), after in zip(
            start.named_parameters(), result.model.parameters(), strict=True
        )
        if not torch.equal(before, after)
    }
    assert changed == {"fusion.weight", "fusion.bias"}


@pytest.mark.parametrize("preset", sm.PRESETS)
def test_loss_falls(tissue, preset):
    features, coords, _ = tissue
    history = sm.integrate(features, coords, preset=preset, epochs=60).history
    assert history["total"].iloc[-5:].mean() < 0.98 * history["total"].iloc[0]


def rows(total=None, reconstruction=None, triplet=None):
    n = len(next(v for v in (total, reconstruction, triplet) if v is not None))
    zero = np.zeros(n)
    return [
        {"total": t, "reconstruction": r, "triplet": p}
        for t, r, p in zip(
            *(zero if v is None else v for v in (total, reconstruction, triplet)), strict=True
        )
    ]


@pytest.mark.parametrize("seed", range(20))
def test_stop_on_either_is_the_regressions_slope(seed):
    rng = np.random.default_rng(seed)
    slopes = 10 ** rng.uniform(-5, -3, 2)
    r, t = (np.arange(19) * -s + rng.normal(0, 1e-5, 19) for s in slopes)
    params = sm.Params(stop_on="either", stop_window=10)
    fitted = [abs(linregress(np.arange(10), v[-10:]).slope) for v in (r, t)]
    assert should_stop(rows(reconstruction=r, triplet=t), params) == (min(fitted) < 1e-4)


def test_a_constant_loss_stops_nothing():
    falling = -np.arange(19.0)
    params = sm.Params(stop_on="either", stop_window=10)
    assert not should_stop(rows(reconstruction=falling, triplet=np.zeros(19)), params)
    nearly = np.linspace(0, 1e-6, 19)
    assert should_stop(rows(reconstruction=falling, triplet=nearly), params)


def test_stop_on_total_is_free_of_scale():
    flat = 1 + 1e-5 * np.random.default_rng(0).normal(size=39)
    steep = np.linspace(2, 1, 39)
    params = sm.Params(stop_on="total", stop_window=20)
    for scale in (1e-6, 1, 1e6):
        assert should_stop(rows(total=scale * flat), params)
        assert not should_stop(rows(total=scale * steep), params)


def test_stop_is_asked_every_ten_epochs_and_never_at_zero():
    flat = np.ones(60)
    params = sm.Params(stop_window=20)
    asked = [n + 1 for n in range(60) if should_stop(rows(total=flat[:n]) if n else [], params)]
    assert asked == [30, 40, 50, 60]
    assert not should_stop(rows(total=flat[:29]), sm.Params(stop_window=20, stop_slope=0))


def test_stops_by_itself(tissue):
    features, coords, _ = tissue
    result = sm.integrate(features, coords, stop_slope=0.5, stop_window=10, epochs=100)
    assert len(result.history) == 19


def test_callback_sees_each_epoch(tissue):
    features, coords, _ = tissue
    seen = []
    result = sm.integrate(
        features, coords, epochs=4, callback=lambda epoch, losses: seen.append((epoch, losses))
    )
    assert [epoch for epoch, _ in seen] == [1, 2, 3, 4]
    np.testing.assert_array_equal([v["total"] for _, v in seen], result.history["total"])


def test_what_the_callback_raises_ends_the_training(tissue):
    features, coords, _ = tissue

    def stop(epoch, losses):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.integrate(features, coords, epochs=5, callback=stop)


def test_no_mutual_neighbours_goes_on_with_reconstruction(tissue):
    features, coords, _ = tissue
    features = {**features, "lonely": np.zeros((len(coords), 1))}
    observed = {"lonely": np.arange(len(coords)) < 1}
    with pytest.warns(UserWarning, match="No mutual nearest neighbours in modality 'lonely'"):
        result = sm.integrate(features, coords, observed=observed, epochs=3)
    assert result.n_triplets["lonely"] == 0
    assert (result.history["triplet_lonely"] == 0).all()
    assert np.isfinite(result.embedding).all()


def test_loss_that_is_not_finite_is_said(tissue):
    features, coords, _ = tissue
    with pytest.raises(FloatingPointError, match=r"lower learning rate than lr=1e\+20"):
        sm.integrate(features, coords, lr=1e20, epochs=50)
