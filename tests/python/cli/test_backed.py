"""``smartcore run`` on counts that stay on disk."""

import anndata as ad
import mudata
import numpy as np
import pytest

import smartcore as sm
from smartcore.cli import _lazy, main
from smartcore.pp import _on_disk

dask = pytest.importorskip("dask")
pytest.importorskip("dask.array")

QUICK = ["--epochs", "3", "--latent-dim", "8", "--cluster-method", "kmeans", "--no-figures"]
QUICK += ["-k", "3"]


@pytest.fixture(scope="module")
def section(tmp_path_factory):
    """Modalities of a simulated section, as h5ad and zarr; the counts in a layer, too."""
    folder = tmp_path_factory.mktemp("section")
    mdata = sm.datasets.tri_omics((12, 12), n_genes=60, n_proteins=20, n_peaks=60, seed=1)
    for name, adata in mdata.mod.items():
        adata.layers["raw"] = adata.X.copy()
        adata.write_h5ad(folder / f"{name}.h5ad")
        with ad.settings.override(zarr_write_format=3):
            adata.write_zarr(folder / f"{name}.zarr")
    return folder


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_on_disk, "_BLOCK", 1000)


def run(*args):
    return main(["run", *map(str, args), *QUICK])


def expected(section, name):
    adata = ad.read_h5ad(section / f"{name}.h5ad")
    {"rna": sm.pp.rna, "protein": sm.pp.protein, "chromatin": sm.pp.chromatin}[name](adata)
    return adata


def same_distances(found, other):
    """Components may have another sign."""
    a, b = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (found, other))
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("suffix", ["h5ad", "zarr"])
def test_modalities_on_disk(section, tmp_path, suffix, capsys):
    files = [
        x
        for name in ("rna", "protein", "chromatin")
        for x in (f"--{name}", section / f"{name}.{suffix}")
    ]
    assert run(*files, "--backed", "-o", tmp_path / "out.h5mu") == 0
    assert "rna: the result has no counts; they stay where they are" in capsys.readouterr().err
    with mudata.set_options(pull_on_update=False):
        out = mudata.read_h5mu(tmp_path / "out.h5mu")
    assert out.obsm["X_smart"].shape == (144, 8)
    assert out.obs["smart"].nunique() == 3
    for name, adata in out.mod.items():
        assert adata.X is None
        assert not adata.layers
        same_distances(adata.obsm["X_pca"], expected(section, name).obsm["X_pca"])
    assert (tmp_path / "out_domains.csv").exists()


def test_one_modality_and_its_layer(section, tmp_path):
    args = ["--rna", section / "rna.h5ad", "--layer", "raw", "--threads", 1, "-q"]
    assert run(*args, "--backed", "-o", tmp_path / "out.h5ad") == 0
    out = ad.read_h5ad(tmp_path / "out.h5ad")
    assert out.X is None
    assert "X_smart" in out.obsm
    same_distances(out.obsm["X_pca"], expected(section, "rna").obsm["X_pca"])


def test_zarr_in_memory(section, tmp_path):
    assert run("--rna", section / "rna.zarr", "-q", "-o", tmp_path / "out.h5ad") == 0
    out = ad.read_h5ad(tmp_path / "out.h5ad")
    np.testing.assert_array_equal(out.X.toarray(), ad.read_h5ad(section / "rna.h5ad").X.toarray())


def test_two_sections_with_coordinates_of_their_own(section, tmp_path):
    adata = ad.read_h5ad(section / "rna.h5ad")
    coords = tmp_path / "places.csv"
    table = [
        f"{name},{x},{y}"
        for name, (x, y) in zip(adata.obs_names, adata.obsm["spatial"], strict=True)
    ]
    coords.write_text("\n".join(["spot,x,y", *table[::-1]]))
    files = [section / "rna.h5ad", section / "rna.zarr"]
    args = ["--rna", *files, "--coords", coords, coords, "--section-names", "a", "b", "-q"]
    assert run(*args, "--backed", "-o", tmp_path / "out.h5ad") == 0
    out = ad.read_h5ad(tmp_path / "out.h5ad")
    assert out.n_obs == 288
    assert out.X is None


def test_a_mixed_file_is_told_apart_by_its_feature_types(section, tmp_path):
    parts = [ad.read_h5ad(section / f"{name}.h5ad") for name in ("rna", "protein")]
    both = ad.concat(parts, axis="var", merge="same")
    types = ["Gene Expression"] * parts[0].n_vars + ["Antibody Capture"] * parts[1].n_vars
    both.var["feature_types"] = types
    both.write_h5ad(tmp_path / "both.h5ad")
    assert run(tmp_path / "both.h5ad", "--backed", "-q", "-o", tmp_path / "out.h5mu") == 0
    with mudata.set_options(pull_on_update=False):
        out = mudata.read_h5mu(tmp_path / "out.h5mu")
    for name, adata in out.mod.items():
        same_distances(adata.obsm["X_pca"], expected(section, name).obsm["X_pca"])


@pytest.mark.parametrize("free", [10**12, 1000])
def test_by_itself_where_the_counts_do_not_fit(section, tmp_path, monkeypatch, free, capsys):
    class Memory:
        available = free
        total = 10**12

    monkeypatch.setattr(_lazy.psutil, "virtual_memory", Memory)
    assert run("--rna", section / "rna.h5ad", "-o", tmp_path / "out.h5ad") == 0
    in_blocks = "they are read in blocks (--no-backed loads them)" in capsys.readouterr().err
    assert in_blocks == (ad.read_h5ad(tmp_path / "out.h5ad").X is None) == (free == 1000)
    args = ["--rna", section / "rna.h5ad", "--no-backed", "-q", "--force"]
    assert run(*args, "-o", tmp_path / "out.h5ad") == 0
    assert ad.read_h5ad(tmp_path / "out.h5ad").X is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_on_a_cluster(section, tmp_path):
    distributed = pytest.importorskip("distributed")
    args = ["--rna", section / "rna.h5ad", "--backed", "-q", "-o", tmp_path / "out.h5ad"]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        assert run(*args, "--dask-cluster", cluster.scheduler_address) == 0
        assert cluster.scheduler.transition_counter > 0  # of tasks that it was given
    same_distances(
        ad.read_h5ad(tmp_path / "out.h5ad").obsm["X_pca"],
        expected(section, "rna").obsm["X_pca"],
    )


def test_a_cluster_that_is_not_there(section, tmp_path, capsys):
    args = ["--rna", section / "rna.h5ad", "--backed", "-o", tmp_path / "out.h5ad"]
    assert run(*args, "--dask-cluster", "nonsense://here") == 1
    assert "error: --dask-cluster nonsense://here:" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    # Nothing is left that would wait for it.
    assert dask.base.get_scheduler() is None


def test_files_that_are_not_read_in_blocks(section, tmp_path, capsys):
    sm.datasets.tri_omics((6, 6)).write_h5mu(tmp_path / "all.h5mu")
    assert run(tmp_path / "all.h5mu", "--backed", "-o", tmp_path / "out.h5mu") == 2
    assert "--backed reads .h5ad files and .zarr stores, not" in capsys.readouterr().err


def test_an_interrupt_leaves_no_file(section, tmp_path, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("smartcore.pp._pca.scores_of", interrupted)
    args = ["--rna", section / "rna.h5ad", "--backed", "-o", tmp_path / "out.h5ad"]
    assert run(*args) == 130
    assert "interrupted; no output was written" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
