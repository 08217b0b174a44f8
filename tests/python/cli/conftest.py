"""A simulated section in files, and where results go."""

from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pytest

import smartcore as sm
from helpers.io import BARCODES, NAMES


@pytest.fixture(scope="module")
def section(tmp_path_factory) -> Path:
    """A folder with a simulated section: rna, protein and chromatin .h5ad, and all as .h5mu."""
    folder = tmp_path_factory.mktemp("section")
    mdata = sm.datasets.tri_omics((12, 12), n_genes=60, n_proteins=20, n_peaks=60, seed=1)
    for name, adata in mdata.mod.items():
        adata.write_h5ad(folder / f"{name}.h5ad")
    with mudata.set_options(pull_on_update=False):
        mdata.write_h5mu(folder / "all.h5mu")
    return folder


@pytest.fixture
def counts() -> np.ndarray:
    """Spots × features of small 10x files."""
    return np.random.default_rng(0).poisson(2, (len(BARCODES), len(NAMES))).astype(np.int32)


@pytest.fixture
def change(section, tmp_path):
    """Write a changed copy of a modality, and return its path."""

    def write(name: str, edit) -> str:
        adata = ad.read_h5ad(section / f"{name}.h5ad")
        adata = edit(adata) or adata
        path = tmp_path / f"changed_{name}.h5ad"
        adata.write_h5ad(path)
        return str(path)

    return write


@pytest.fixture
def out(tmp_path) -> Path:
    """An output in an empty folder of its own."""
    (tmp_path / "results").mkdir()
    return tmp_path / "results/out.h5mu"


@pytest.fixture
def quick_umap(monkeypatch):
    """UMAP itself takes half a minute to compile; the plots' own tests draw it."""

    def first_axes(embedding, n_neighbors, min_dist, seed):
        return embedding[:, :2]

    for module in ("_sections", "_umap"):
        monkeypatch.setattr(f"smartcore.pl.{module}.compute_umap", first_axes)
