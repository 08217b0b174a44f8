"""Files of AnnData and MuData."""

import warnings

import anndata as ad
import h5py
import mudata
import numpy as np
import pandas as pd
import pytest

from helpers.io import small, truncate, write_tenx
from smartcore import io

pytestmark = pytest.mark.usefixtures("no_pulling")


def test_h5ad_comes_back_as_stored(tmp_path):
    adata = small()
    io.write_h5ad(adata, tmp_path / "a.h5ad")
    result = io.read_modality(tmp_path / "a.h5ad", "chromatin")
    oracle = ad.read_h5ad(tmp_path / "a.h5ad")
    assert (result.X != adata.X).nnz == 0
    assert np.array_equal(result.obsm["spatial"], adata.obsm["spatial"])
    pd.testing.assert_frame_equal(result.obs, oracle.obs)


def test_h5ad_with_types_of_another_kind(tmp_path):
    adata = small()
    adata.var["feature_types"] = "Gene Expression"
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match=r"no protein features.*'Antibody Capture'"):
        io.read_modality(tmp_path / "a.h5ad", "protein")
    adata.var["feature_types"] = "my panel"
    adata.write_h5ad(tmp_path / "b.h5ad")
    assert io.read_modality(tmp_path / "b.h5ad", "protein").shape == adata.shape


def test_repeated_spot_names_are_refused(tmp_path):
    adata = small()
    adata.obs_names = ["a", "a", *adata.obs_names[2:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match=r"spot names must be unique.*'a'"):
        io.read_modality(tmp_path / "a.h5ad")


def test_h5mu_round_trip(tmp_path):
    mdata = mudata.MuData({"rna": small(), "protein": small(feature="protein")})
    mdata.obsm["X_smart"] = np.random.default_rng(0).random((6, 3))
    mdata.uns["smart"] = {"params": {"lam": 0.9}}
    io.write_h5mu(mdata, tmp_path / "a.h5mu")
    result = io.read_mudata(tmp_path / "a.h5mu")
    assert list(result.mod) == ["rna", "protein"]
    assert np.array_equal(result.obsm["X_smart"], mdata.obsm["X_smart"])
    assert result.uns["smart"]["params"]["lam"] == 0.9
    with pytest.raises(ValueError, match="holds a MuData of several modalities"):
        io.read_modality(tmp_path / "a.h5mu")


@pytest.mark.parametrize("share", [0.9, 0.3])
@pytest.mark.parametrize("layout", ["h5ad", "h5mu", "h5"])
def test_truncated_files_are_named(tmp_path, counts, layout, share):
    path = tmp_path / f"cut.{layout}"
    if layout == "h5":
        write_tenx(path, counts)
    elif layout == "h5ad":
        small().write_h5ad(path)
    else:
        mudata.MuData({"rna": small()}).write_h5mu(path)
    truncate(path, share)
    read = io.read_mudata if layout == "h5mu" else io.read_modality
    with pytest.raises(ValueError, match=rf"cut\.{layout} .*(truncated|damaged)") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_damaged_content_is_named(tmp_path):
    path = tmp_path / "a.h5ad"
    small().write_h5ad(path)
    with h5py.File(path, "r+") as file:
        del file["X/indptr"]
    with pytest.raises(ValueError, match=r"a\.h5ad could not be read as AnnData"):
        io.read_modality(path)


def test_what_is_not_hdf5_or_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5ad does not exist; expected an \.h5ad"):
        io.read_modality(tmp_path / "none.h5ad")
    text = tmp_path / "text.h5ad"
    text.write_text("spot,gene\n")
    with pytest.raises(ValueError, match=r"text\.h5ad is not an HDF5 file"):
        io.read_modality(text)
    empty = tmp_path / "empty.h5"
    h5py.File(empty, "w").close()
    with pytest.raises(ValueError, match=r"neither AnnData.*it holds: nothing"):
        io.read_modality(empty)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        io.read_mudata(tmp_path)
    small().write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match="holds an AnnData object"):
        io.read_mudata(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match="kind must be one of rna, protein, chromatin; got 'atac'"):
        io.read_modality(tmp_path / "a.h5ad", "atac")
    with pytest.raises(ValueError, match="does not say which modality it is"):
        io.read_modalities(tmp_path / "a.h5ad")
