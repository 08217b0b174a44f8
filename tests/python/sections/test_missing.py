"""Spots that one modality did not measure, against brute force and known domains."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from smartcore.sections.missing import fill_missing
from smartcore.spatial.graph import spatial_graph


def brute_force(features, observed, n_neighbors):
    """Spot by spot; only for data in which each missing row has donors."""
    names = list(features)
    scaled = {}
    for name in names:
        rows = features[name][observed[name]].astype(np.float64)
        spread = np.sqrt(((rows - rows.mean(axis=0)) ** 2).mean())
        scaled[name] = features[name].astype(np.float64) / spread
    filled = {name: features[name].copy() for name in names}
    for name in names:
        for i in np.flatnonzero(~observed[name]):
            shared = [m for m in names if observed[m][i]]
            donors = [
                j
                for j in range(len(observed[name]))
                if observed[name][j] and all(observed[m][j] for m in shared)
            ]
            distance = [
                sum(((scaled[m][i] - scaled[m][j]) ** 2).sum() for m in shared) for j in donors
            ]
            near = np.array(donors)[np.argsort(distance)[:n_neighbors]]
            filled[name][i] = features[name][near].mean(axis=0)
    return filled


def example(seed=0, n=90):
    """Three modalities of different widths and scales, and masks of every pattern."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    features = {
        name: (scale * (hidden @ rng.normal(size=(3, d)) + offset)).astype(np.float32)
        for name, d, scale, offset in (("a", 5, 1, 0), ("b", 2, 40, 3), ("c", 7, 0.01, -2))
    }
    observed = {name: rng.random(n) < 0.7 for name in features}
    nowhere = ~np.any(list(observed.values()), axis=0)
    observed["a"] |= nowhere
    return features, observed


@pytest.mark.parametrize("n_neighbors", [1, 4, 15])
def test_fill_is_brute_force(n_neighbors):
    features, observed = example()
    assert len(np.unique(np.column_stack(list(observed.values())), axis=0)) == 7
    found = fill_missing(features, observed, n_neighbors)
    expected = brute_force(features, observed, n_neighbors)
    assert list(found) == list(features)
    for name in features:
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-6)
        measured = observed[name]
        np.testing.assert_array_equal(found[name][measured], features[name][measured])


def test_all_donors_where_there_are_fewer_than_neighbours():
    features, observed = example(n=12)
    features, observed = (
        {name: part[name] for name in ("a", "b")} for part in (features, observed)
    )
    observed = {"a": np.ones(12, bool), "b": np.arange(12) < 5}
    filled = fill_missing(features, observed, 15)["b"]
    mean = features["b"][:5].mean(axis=0)
    np.testing.assert_allclose(filled[5:], np.tile(mean, (7, 1)), rtol=1e-5)


def test_a_twin_gives_its_row():
    features, observed = example()
    observed = {name: np.ones(90, bool) for name in features}
    observed["b"][[3, 4]] = False
    for name in ("a", "c"):
        features[name][3], features[name][4] = features[name][70], features[name][71]
    filled = fill_missing(features, observed, 1)
    np.testing.assert_array_equal(filled["b"][[3, 4]], features["b"][[70, 71]])


def test_nothing_missing_nothing_done():
    features, _ = example()
    filled = fill_missing(features, {name: np.ones(90, bool) for name in features})
    assert all(filled[name] is features[name] for name in features)


def test_input_stays_as_it_is():
    features, observed = example()
    before = {name: x.copy() for name, x in features.items()}
    masks = {name: mask.copy() for name, mask in observed.items()}
    fill_missing(features, observed)
    for name in features:
        np.testing.assert_array_equal(features[name], before[name])
        np.testing.assert_array_equal(observed[name], masks[name])


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
def test_what_stands_in_missing_rows_does_not_matter(value):
    features, observed = example()
    expected = fill_missing(features, observed)
    for name, mask in observed.items():
        features[name][~mask] = value
    for name, found in fill_missing(features, observed).items():
        np.testing.assert_array_equal(found, expected[name])


def test_a_modality_that_is_constant_does_not_decide():
    features, observed = example()
    observed = {name: np.ones(90, bool) for name in features}
    observed["b"][:9] = False
    without = fill_missing({name: features[name] for name in ("a", "b")}, observed)["b"]
    features["c"][:] = 3
    np.testing.assert_array_equal(fill_missing(features, observed)["b"], without)


def test_the_mean_stands_in_where_no_spot_shares_a_modality():
    features, _ = example()
    half = np.arange(90) < 40
    observed = {"a": half, "b": ~half}
    features = {name: features[name] for name in observed}
    with pytest.warns(UserWarning, match="spots lack") as caught:
        filled = fill_missing(features, observed)
    assert {str(w.message).split(":")[0] for w in caught} == {
        "40 spots lack 'b', and no spot with 'b' shares a modality with them (a)",
        "50 spots lack 'a', and no spot with 'a' shares a modality with them (b)",
    }
    for name, mask in observed.items():
        mean = features[name][mask].mean(axis=0)
        np.testing.assert_allclose(
            filled[name][~mask], np.tile(mean, ((~mask).sum(), 1)), rtol=1e-5
        )


# --- through the embedding ------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 7])
def test_embedding_does_not_depend_on_what_stands_in_missing_rows(tissue, value):
    features, coords, _ = tissue
    mask = np.random.default_rng(0).random(len(coords)) < 0.7
    settings = {"observed": {"protein": mask}, "epochs": 4, "latent_dim": 8}
    expected = sm.integrate(features, coords, **settings)
    changed = {**features, "protein": np.where(mask[:, None], features["protein"], value)}
    found = sm.integrate(changed, coords, **settings)
    np.testing.assert_array_equal(found.embedding, expected.embedding)
    np.testing.assert_array_equal(found.history, expected.history)
    again = sm.embed(found.model, changed, coords, observed={"protein": mask})
    np.testing.assert_array_equal(again, found.embedding)


def test_a_mask_changes_the_embedding(tissue):
    features, coords, _ = tissue
    mask = np.random.default_rng(0).random(len(coords)) < 0.7
    full, masked = (
        sm.integrate(features, coords, observed={"protein": m}, epochs=4, latent_dim=8).embedding
        for m in (np.ones(len(coords), bool), mask)
    )
    assert np.abs(full - masked).max() > 1e-3


def test_triplets_come_from_measured_spots_alone(tissue):
    features, coords, _ = tissue
    mask = np.arange(len(coords)) < 30
    result = sm.integrate(features, coords, observed={"protein": mask}, epochs=1, latent_dim=8)
    assert 0 < result.n_triplets["protein"] <= 30 * 3 < result.n_triplets["rna"]


@pytest.fixture(scope="module")
def simulated():
    mdata = sm.datasets.tri_omics((24, 24))
    sm.pp.rna(mdata["rna"])
    sm.pp.protein(mdata["protein"])
    sm.pp.chromatin(mdata["chromatin"])
    return mdata


@pytest.mark.parametrize("modalities", [("rna", "protein"), ("rna", "protein", "chromatin")])
@pytest.mark.parametrize("where", ["scattered", "half"])
def test_domains_are_found_where_protein_is_missing(simulated, modalities, where):
    coords = simulated.obsm["spatial"]
    missing = {
        "scattered": np.random.default_rng(0).random(len(coords)) < 0.2,
        "half": coords[:, 0] < 12,
    }[where]
    features = {m: simulated[m].obsm["X_pca"].copy() for m in modalities}
    features["protein"][missing] = np.nan
    result = sm.integrate(features, coords, observed={"protein": ~missing}, epochs=100)
    found = KMeans(5, n_init=20, random_state=0).fit_predict(result.embedding)
    truth = simulated.obs["domain"].to_numpy()
    # Measured: 0.96 to 0.98; RNA's components as they are give 0.43 to 0.57.
    assert adjusted_rand_score(truth[missing], found[missing]) > 0.88


def test_no_shared_spots_at_all_is_said(tissue):
    features, coords, _ = tissue
    half = np.arange(len(coords)) < 100
    with pytest.warns(UserWarning, match="spots lack"):
        result = sm.integrate(
            features, coords, observed={"rna": half, "protein": ~half}, epochs=2, latent_dim=8
        )
    assert np.isfinite(result.embedding).all()


def test_filled_rows_reach_no_target(monkeypatch):
    """Targets of measured spots are averages of measured spots alone."""
    from smartcore import integration

    rng = np.random.default_rng(0)
    coords = np.argwhere(np.ones((6, 6)))
    features = {"rna": rng.normal(size=(36, 3)), "protein": rng.normal(size=(36, 2))}
    mask = rng.random(36) < 0.6
    seen = []

    def stop(model, task, *args, **kwargs):
        seen.append([*task.targets, *task.inputs])
        raise KeyboardInterrupt

    monkeypatch.setattr(integration, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        sm.integrate(
            features,
            coords,
            observed={"protein": mask},
            n_neighbors=4,
            view="features",
            target_hops=1,
            neighbor_share=0.5,
            n_twins=0,
        )
    _, target, _, inputs = seen[0]
    order = np.lexsort(coords.T)
    place, mask = coords[order], mask[order]
    graph = spatial_graph(place, n_neighbors=4)
    for i in np.flatnonzero(mask):
        near = [j for j in graph[i].indices if mask[j]]
        mean = inputs[near].mean(axis=0) if near else inputs[i]
        np.testing.assert_allclose(target[i], (inputs[i] + mean) / 2, atol=1e-5)


def test_donors_share_what_can_be_had():
    """One modality everywhere, the others each on a side: filled by that one."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(80, 2)).astype(np.float32)
    left = np.arange(80) < 40
    features = {"all": hidden, "left": hidden * 3, "right": hidden + 1}
    observed = {"all": np.ones(80, bool), "left": left, "right": ~left}
    filled = fill_missing(features, observed, n_neighbors=1)
    for name, mask in (("left", left), ("right", ~left)):
        for i in np.flatnonzero(~mask):
            donors = np.flatnonzero(mask)
            nearest = donors[np.linalg.norm(hidden[donors] - hidden[i], axis=1).argmin()]
            np.testing.assert_array_equal(filled[name][i], features[name][nearest])
