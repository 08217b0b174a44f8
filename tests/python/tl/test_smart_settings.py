"""Keys and settings that tl.smart refuses."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.tl import COORDS, NAMES, QUICK, N, both, joined, modality, refused


def test_missing_keys_list_those_there():
    adata, mdata = modality("rna", X_umap=COORDS), both()
    adata.obs["batch"] = "a"
    mdata["protein"].obs["batch"] = "a"
    there = r"obsm has \['X_pca', 'X_umap', 'spatial'\]"
    refused(adata, KeyError, f"No obsm\\['X_x'\\] .*{there}", reps="X_x")
    refused(adata, KeyError, f"No obsm\\['X_x'\\] .*modality 'b'.*{there}", reps={"b": "X_x"})
    refused(adata, KeyError, f"No obsm\\['xy'\\] for the coord.*{there}", spatial_key="xy")
    refused(adata, KeyError, r"No obs\['s'\] .*has \['batch'\]", section_key="s")
    refused(mdata, KeyError, r"modality 'rna'; obsm has \['X_pca', 'spatial'\]", reps="X_x")
    refused(mdata, KeyError, r"\['adt'\]; the modalities are \['rna', 'p", reps={"adt": "X_pca"})
    refused(mdata, KeyError, r"'rna': \['X_pca', 'spatial'\], 'protein'", spatial_key="xy")
    refused(mdata, KeyError, r"No obs\['s'\].*'protein': \['batch'\]", section_key="s")


def test_missing_components_point_to_pp():
    adata = modality("rna")
    del adata.obsm["X_pca"]
    refused(adata, KeyError, "Make them with smartcore.pp")
    refused({"rna": adata}, KeyError, "modality 'rna'.*Make them with smartcore.pp")


@pytest.mark.parametrize("reps", [["X_pca"], ("X_pca", "X_protein"), 3])
def test_reps_of_another_kind(reps):
    for data in (modality("rna"), both()):
        refused(data, TypeError, "must be a key of obsm, or a dict modality", reps=reps)


def test_no_reps():
    for data in (modality("rna"), both()):
        refused(data, ValueError, "reps is empty", reps={})


@pytest.mark.parametrize("form", ["array", "frame"])
@pytest.mark.parametrize("key", ["X_pca", "spatial"])
def test_text_where_numbers_belong(form, key):
    text = np.full((N, 2), "a")
    for data in (modality("rna"), both()):
        part = data if isinstance(data, ad.AnnData) else data["rna"]
        part.obsm[key] = text if form == "array" else pd.DataFrame(text, index=NAMES)
        with pytest.raises(ValueError, match=rf"obsm\['{key}'\] .* not numbers"):
            sm.tl.smart(data, **QUICK)


def test_features_that_are_partly_nan():
    adata = modality("rna")
    adata.obsm["X_pca"][3, 1] = np.nan
    refused(adata, ValueError, "NaN or infinite values in 1 of 56 spots.*'spot3'")


def test_spot_without_any_modality():
    adata, others = modality("rna"), modality("rna")
    adata.obsm["X_pca"][3] = np.nan
    with pytest.warns(UserWarning, match=f"1 of {adata.n_obs} spots are measured in no modality"):
        sm.tl.smart(adata, **QUICK)
    kept = np.arange(adata.n_obs) != 3
    assert np.isnan(adata.obsm["X_smart"][3]).all()
    assert not adata.obsp["smart_connectivities"][3].nnz
    others = others[kept].copy()
    sm.tl.smart(others, **QUICK)
    np.testing.assert_array_equal(adata.obsm["X_smart"][kept], others.obsm["X_smart"])
    graph = adata.obsp["smart_connectivities"][kept][:, kept]
    assert not (graph != others.obsp["smart_connectivities"]).nnz
    sm.tl.cluster(adata, 2, method="kmeans")
    assert adata.obs["smart"].isna().to_numpy().nonzero()[0].tolist() == [3]


def test_no_spot_is_measured():
    adata = modality("rna")
    adata.obsm["X_pca"][:] = np.nan
    refused(adata, ValueError, "No spot is left")


@pytest.mark.parametrize(
    "data", [None, "rna.h5ad", np.ones((5, 2)), {modality}, pd.DataFrame({"a": [1]})]
)
def test_other_containers(data):
    with pytest.raises(TypeError, match="data must be a MuData, an AnnData or a dict"):
        sm.tl.smart(data, **QUICK)


def test_dicts_of_something_else():
    with pytest.raises(ValueError, match="dict of modalities is empty"):
        sm.tl.smart({}, **QUICK)
    with pytest.raises(TypeError, match="Modality 'rna' is no AnnData but ndarray"):
        sm.tl.smart({"rna": np.ones((5, 2))}, **QUICK)
    with pytest.raises(ValueError, match="MuData has no modality"):
        sm.tl.smart(joined(), **QUICK)
    with pytest.raises(TypeError, match="Modality 'pair' is no AnnData but MuData"):
        sm.tl.smart(joined(pair=both()), reps="spatial", **QUICK)


def test_settings_that_do_not_exist_or_fit():
    refused(both(), TypeError, "Unknown parameter n_epochs.*epochs", n_epochs=3)
    refused(both(), ValueError, "alpha names .*adt.*the modalities are", alpha={"adt": 1.0})
    refused(both(), ValueError, "preset='best'", preset="best")
    refused(both(), ValueError, "use at most 55", n_neighbors=60)
    refused(both(), TypeError, "key_added=None", key_added=None)


@pytest.mark.parametrize("n_spots", [0, 1, 2, 19])
def test_too_few_spots(n_spots):
    refused(modality("rna", np.arange(n_spots)), ValueError, "Features of|at least 20")
