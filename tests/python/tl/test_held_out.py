"""Molecules held out as the yardstick of training."""

import logging
import re

import numpy as np
import pytest
import scipy.sparse as sp
from anndata import AnnData

import smartcore as sm
from smartcore.tl._held_out import _halves, told


@pytest.fixture(scope="module")
def counts():
    return sm.datasets.tri_omics((14, 14), modalities=["rna", "protein"], signal=0.6)


def test_halves_are_all_molecules_and_independent():
    rng = np.random.default_rng(0)
    whole = AnnData(sp.csr_matrix(rng.poisson(20.0, (300, 40)).astype(np.float32)))
    whole.obsm["spatial"] = rng.random((300, 2))
    data = sm.tl._held_out.to_mudata({"rna": whole})
    seen, unseen = _halves(data, np.random.default_rng(1), "spatial", None)
    first, second = seen["rna"].X.toarray(), unseen["rna"].X.toarray()
    np.testing.assert_array_equal(first + second, whole.X.toarray())
    # Halves of Poisson counts are independent; halves by rounding would not be.
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03
    np.testing.assert_array_equal(seen["rna"].obsm["spatial"], whole.obsm["spatial"])


def test_r2_is_that_of_ridge_regression_by_hand():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(103, 5))
    held = z @ rng.normal(size=(5, 3)) + rng.normal(size=(103, 3))
    held[7] = np.nan
    there = np.arange(103) != 7
    x, y = z[there] / z[there].std(), held[there] - held[there].mean(axis=0)
    order = np.arange(102)
    np.random.RandomState(4).shuffle(order)
    error = 0.0
    for fold in np.split(order, np.cumsum([21, 21, 20, 20])):
        rest = np.setdiff1d(order, fold)
        a, b = x[rest] - x[rest].mean(axis=0), y[rest] - y[rest].mean(axis=0)
        slope = np.linalg.solve(a.T @ a + np.eye(5), a.T @ b)
        guess = (x[fold] - x[rest].mean(axis=0)) @ slope + y[rest].mean(axis=0)
        error += np.sum((y[fold] - guess) ** 2)
    assert told(z, held, 4) == pytest.approx(1 - error / np.sum(y**2), rel=1e-9)


def test_the_course_is_told_and_the_data_stay(counts, caplog):
    before = {name: adata.X.copy() for name, adata in counts.mod.items()}
    with (
        caplog.at_level(logging.INFO, logger="smartcore"),
        pytest.warns(UserWarning, match=r"Training does not help: .* after 5 epochs\."),
    ):
        table = sm.tl.held_out_molecules(counts, max_epochs=5, lr=0.0, progress=False)
    assert list(table.index) == [0, 1, 2, 5]
    # Steps of no size change nothing.
    assert table.nunique().eq(1).all()
    np.testing.assert_allclose(table["held_out"], table[["rna", "protein"]].mean(axis=1))
    assert 0 < table["held_out"].iloc[0] < 1
    said = re.search(r"explains ([\d.]+) % .* before training", caplog.text)
    assert float(said[1]) == pytest.approx(100 * table["held_out"].iloc[0], abs=0.06)
    for name, adata in counts.mod.items():
        assert (before[name] != adata.X).nnz == 0
        assert "X_pca" not in adata.obsm


def test_training_that_helps_is_no_warning(counts, recwarn):
    table = sm.tl.held_out_molecules(
        counts, preset="paper", max_epochs=50, lr=3e-3, progress=False, decoder="linear", l2="none"
    )
    assert table["held_out"].idxmax() > 0
    assert not [w for w in recwarn if "does not help" in str(w.message)]


def test_an_embedding_of_noise_is_said_to_hold_nothing():
    rng = np.random.default_rng(3)
    noise = AnnData(sp.csr_matrix(rng.poisson(3.0, (400, 60)).astype(np.float32)))
    noise.obsm["spatial"] = np.argwhere(np.ones((20, 20))).astype(float)
    with pytest.warns(UserWarning, match="no better than their mean"):
        table = sm.tl.held_out_molecules(noise, max_epochs=1, regions=0, progress=False)
    assert (table["held_out"] <= 0).all()


def test_what_cannot_be_split_is_refused(counts):
    halved = counts.copy()
    halved["rna"].X = halved["rna"].X / 2
    with pytest.raises(ValueError, match="X of modality 'rna' holds values that are no counts"):
        sm.tl.held_out_molecules(halved, progress=False)
    other = {"lipids": counts["rna"]}
    with pytest.raises(ValueError, match="'lipids' does not say how its counts are preprocessed"):
        sm.tl.held_out_molecules(other, progress=False)
    with pytest.raises(TypeError, match="use max_epochs"):
        sm.tl.held_out_molecules(counts, epochs=3)


def test_own_preprocessing(counts):
    def few(adata):
        sm.pp.rna(adata, n_comps=7, progress=False)

    with pytest.warns(UserWarning, match="does not help"):
        table = sm.tl.held_out_molecules(
            {"lipids": counts["rna"]},
            preprocess={"lipids": few},
            max_epochs=1,
            lr=0.0,
            progress=False,
        )
    assert list(table.columns) == ["held_out", "lipids"]
