"""The benchmarks' sets of real tissue, and the mixture that they are clustered by."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from anndata import read_h5ad
from scipy.spatial.distance import pdist, squareform
from scipy.stats import multivariate_normal
from sklearn.metrics import adjusted_rand_score

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="module")
def suite():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    try:
        from suite import sets, shrunk
    finally:
        sys.path.remove(str(REPOSITORY / "benchmarks"))
    return sets, shrunk


def file_of(name):
    file = DATA / "real_tissue" / f"{name}.h5ad"
    if not file.is_file():
        pytest.skip(f"{file} is not there")
    return read_h5ad(file)


def test_a_section_with_counts(suite, tmp_path):
    sets, _ = suite
    raw = file_of("mob_rep12")
    section = sets.load("mob_rep12", DATA, tmp_path)
    assert section.features["rna"].shape == (282, 30)
    distance = squareform(pdist(section.coords)) + np.diag(np.full(282, np.inf))
    assert np.median(distance.min(axis=1)) == pytest.approx(1)
    expected = raw.obs["Layer"].astype(object).where(raw.obs["Layer"].notna(), None)
    assert section.truths["truth"].tolist() == expected.tolist()
    assert sum(label is None for label in section.truths["truth"]) == 5
    assert (section.counts()["rna"].X != raw.X).nnz == 0


def test_a_section_of_components_alone(suite, tmp_path):
    sets, _ = suite
    raw = file_of("merfish_pcs-0.04")
    section = sets.load("merfish_pcs-0.04", DATA, tmp_path)
    assert np.array_equal(section.features["rna"], raw.obsm["X_pca"][:, :30])
    assert len(set(section.truths["truth"])) == 8
    assert section.counts() == {}


def test_three_labelings_and_types_of_cells(suite, tmp_path):
    sets, _ = suite
    raw = file_of("starmap_visual_cortex")
    section = sets.load("starmap_visual_cortex", DATA, tmp_path)
    assert list(section.truths) == ["Layer", "manual_banksy", "label_benchmarkst"]
    assert section.truths["Layer"].tolist() == raw.obs["Layer"].tolist()
    kinds = sets.load("starmap_visual_cortex_kinds", DATA, tmp_path)
    assert kinds.truths["cell types"].tolist() == raw.obs["Cell"].tolist()
    assert np.array_equal(kinds.features["rna"], section.features["rna"])


def test_cells_on_a_layout(suite, tmp_path):
    sets, _ = suite
    layout = file_of("starmap_visual_cortex").obs["Layer"]
    section = sets.load("cbmc_1_0", DATA, tmp_path)
    assert set(section.features) == {"rna", "protein"}
    assert section.truths["truth"].tolist() == layout.astype(str).replace("cc", "HPC").tolist()
    assert section.features["protein"].shape == (1207, 10)


def test_the_shrunk_mixture_is_as_likely_as_its_parameters_say(suite, monkeypatch):
    _, shrunk = suite
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 50, 70])
    z = rng.normal(size=(150, 4)) * [3, 2, 1, 0.5] + 4 * np.eye(4)[labels]
    z -= z.mean(axis=0)
    monkeypatch.setattr(shrunk, "_ROUNDS", 1)
    found, _ = shrunk._em(z, labels, 3)
    means = np.array([z[labels == k].mean(axis=0) for k in range(3)])
    within = z - means[labels]
    own = within.T @ within / 150
    covariance = 0.8 * own + 0.2 * np.trace(own) / 4 * np.eye(4)
    weights = np.bincount(labels) / 150
    density = sum(
        w * multivariate_normal(m, covariance).pdf(z) for w, m in zip(weights, means, strict=True)
    )
    # The constant of the normal density is left out.
    assert found - 2 * np.log(2 * np.pi) == pytest.approx(np.log(density).mean())


def test_the_shrunk_mixture_heeds_variance_and_outliers(suite):
    _, shrunk = suite
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1], 100)
    x = rng.normal(size=(200, 12)) * 0.3
    x[:, 0] += 4 * truth
    x[0, 1] = 500
    labels = shrunk.shrunk(x, [2], 0)[2]
    assert adjusted_rand_score(truth, labels) > 0.97
    again = shrunk.shrunk(x, [2], 0)[2]
    assert np.array_equal(labels, again)
