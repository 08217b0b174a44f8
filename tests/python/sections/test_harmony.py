"""Batch effects taken out of components."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm
from smartcore.params import resolve_params
from smartcore.sections.harmony import _noise_left, harmony, without_batch_effects
from smartcore.spatial.graph import smooth, spatial_graph


def shifted(sizes=(150, 90), seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, sum(sizes))
    batch = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(sum(sizes), 8)) + 8 * np.eye(3, 8)[kind]
    return x + 3 * batch[:, None] * np.eye(8)[5], batch, kind


def test_harmony_mixes_sections_and_keeps_kinds():
    x, batch, kind = shifted()
    y = harmony(x, batch)
    for k in range(3):
        centers = [y[(kind == k) & (batch == b)].mean(axis=0) for b in (0, 1)]
        assert np.linalg.norm(centers[0] - centers[1]) < 1
    assert np.linalg.norm(y[kind == 0].mean(axis=0) - y[kind == 1].mean(axis=0)) > 8


def test_harmony_of_one_section_or_no_round_changes_nothing():
    x, batch, _ = shifted()
    assert harmony(x, None) is x
    assert harmony(x, np.zeros(len(x))) is x
    assert harmony(x, batch, max_rounds=0) is x


def test_harmony_repeats_and_does_not_depend_on_the_order_of_spots():
    x, batch, _ = shifted()
    first = harmony(x, batch, seed=3)
    np.testing.assert_array_equal(first, harmony(x, batch, seed=3))
    assert (first != harmony(x, batch, seed=4)).any()
    order = np.random.default_rng(1).permutation(len(x))
    np.testing.assert_array_equal(first[order], harmony(x[order], batch[order], seed=3))


@pytest.mark.parametrize("changes", [{"theta": 0}, {"sigma": 0.5}, {"max_rounds": 1}])
def test_theta_sigma_and_rounds_matter(changes):
    x, batch, _ = shifted((200, 30))
    assert not np.allclose(harmony(x, batch), harmony(x, batch, **changes))


@pytest.mark.parametrize("hops", [1, 3])
def test_noise_left_is_what_averages_have(hops):
    # The last spots have no neighbours.
    graph = spatial_graph(np.argwhere(np.ones((12, 12))), n_neighbors=4)
    graph = sp.block_diag([graph, sp.csr_matrix((30, 30))], format="csr").astype(np.float32)
    noise = np.random.default_rng(0).normal(size=(174, 4000)).astype(np.float32)
    assert _noise_left(graph, hops) == pytest.approx(smooth(noise, graph, hops).var(), rel=0.02)


@pytest.mark.parametrize("sizes", [(50, 5000), (1, 200), (2, 3), (1, 1, 9)])
def test_harmony_of_unlike_sizes(sizes):
    x, batch, _ = shifted(sizes)
    assert np.isfinite(harmony(x.astype(np.float32), batch)).all()


def test_harmony_on_anndata():
    x, batch, _ = shifted()
    adata = ad.AnnData(
        obs=pd.DataFrame({"section": batch.astype(str)}, index=np.arange(len(x)).astype(str)),
        obsm={"X_pca": x},
    )
    out = sm.pp.harmony(adata, copy=True)
    np.testing.assert_array_equal(out.obsm["X_pca_harmony"], harmony(x, batch))
    assert "X_pca_harmony" not in adata.obsm
    with pytest.raises(KeyError, match="X_lsi"):
        sm.pp.harmony(adata, use_rep="X_lsi")
    with pytest.raises(KeyError, match="batch"):
        sm.pp.harmony(adata, "batch")
    with pytest.raises(ValueError, match="theta=-1"):
        sm.pp.harmony(adata, theta=-1)
    with pytest.raises(ValueError, match="sigma=0"):
        sm.pp.harmony(adata, sigma=0)
    with pytest.raises(ValueError, match=r"max_rounds=1\.5"):
        sm.pp.harmony(adata, max_rounds=1.5)


@pytest.mark.parametrize("weights", ["none", "spatial"])
def test_batch_effects_that_noise_hides_are_found_in_averages(weights):
    rng = np.random.default_rng(0)
    xy = np.argwhere(np.ones((20, 20))).astype(float)
    coords, batch = np.vstack([xy, xy]), np.repeat([0, 1], 400)
    kind = (coords[:, 0] // 10).astype(int)
    x = 3 * rng.normal(size=(800, 15)) + 4 * np.eye(2, 15)[kind]
    # A batch effect of its own in each kind.
    x[batch == 1] += 1.5 * np.eye(2, 15, k=5)[kind[batch == 1]]
    graph = spatial_graph(coords, sections=batch)

    def left(**changes):
        params = resolve_params("robust", {"target_weights": weights, **changes})
        y = without_batch_effects(x, batch, graph, params, 0)
        means = [[y[(kind == k) & (batch == b)].mean(axis=0) for b in (0, 1)] for k in (0, 1)]
        return np.mean([np.linalg.norm(here - there) for here, there in means]), y

    once, twice = left(harmony_hops=0), left()
    assert twice[0] < once[0]
    np.testing.assert_array_equal(once[1], harmony(x, batch, sigma=0.15))
    assert left(harmony_rounds=0)[1] is x
    assert without_batch_effects(x, None, graph, resolve_params("robust", {}), 0) is x
