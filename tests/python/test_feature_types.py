"""Features of several kinds in one object."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm
from smartcore.given.feature_types import control_features, type_of

GENES, PROTEINS = 40, 8


def mixed(types=("Gene Expression", "Antibody Capture"), column="feature_types") -> ad.AnnData:
    """Genes, and antibodies whose depth differs by thousands between spots."""
    rng = np.random.default_rng(0)
    genes = rng.poisson(2, (60, GENES))
    proteins = rng.poisson(300 * rng.lognormal(0, 1, (60, 1)), (60, PROTEINS))
    var = pd.DataFrame(index=[f"g{i}" for i in range(GENES)] + [f"p{i}" for i in range(PROTEINS)])
    var[column] = [types[0]] * GENES + [types[1]] * PROTEINS
    x = sp.csr_matrix(np.hstack([genes, proteins]).astype(np.float32))
    return ad.AnnData(x, obs=pd.DataFrame(index=[f"s{i}" for i in range(60)]), var=var)


@pytest.mark.parametrize(
    "types",
    [
        ("Gene Expression", "Antibody Capture"),
        ("GEX", "ADT"),
        ("gene expression", "antibody_capture"),
        ("RNA", "Protein"),
    ],
)
@pytest.mark.parametrize("step", [sm.pp.rna, sm.pp.protein], ids=["rna", "protein"])
def test_only_features_of_the_kind_are_used(types, step, caplog):
    adata = mixed(types)
    own = slice(0, GENES) if step is sm.pp.rna else slice(GENES, None)
    alone = adata[:, own].copy()
    del alone.var["feature_types"]
    with caplog.at_level(logging.INFO):
        step(adata, n_comps=5)
    step(alone, n_comps=5)
    np.testing.assert_allclose(adata.obsm["X_pca"], alone.obsm["X_pca"], atol=1e-5)
    others = np.ones(adata.n_vars, bool)
    others[own] = False
    assert not adata.varm["PCs"][others].any()
    assert "of 48 features" in caplog.text


def test_sections_with_features_of_other_kinds():
    one, two = mixed(), mixed(("GEX", "ADT"))
    sm.pp.rna([one, two], n_comps=5)
    alone = [part[:, :GENES].copy() for part in (mixed(), mixed())]
    for part in alone:
        del part.var["feature_types"]
    sm.pp.rna(alone, n_comps=5)
    np.testing.assert_allclose(one.obsm["X_pca"], alone[0].obsm["X_pca"], atol=1e-5)
    assert not one.varm["PCs"][GENES:].any()


def test_the_column_modality_serves_where_it_holds_known_kinds_alone():
    adata = mixed(("rna", "protein"), "modality")
    sm.pp.protein(adata)
    assert adata.obsm["X_pca"].shape[1] == PROTEINS
    plain = mixed(("one", "two"), "modality")
    sm.pp.rna(plain, n_comps=5)
    assert plain.varm["PCs"][GENES:].any()


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (("alpha", "beta"), r"not known: 'alpha' \(40\), 'beta' \(8\)"),
        (("Gene Expression", "thing"), r"not known: 'thing' \(8\)"),
        (("Antibody Capture", "ADT"), "has no rna features.*'Antibody Capture'"),
    ],
)
def test_types_of_no_kind_are_listed(types, message):
    adata = mixed(types)
    before = adata.copy()
    with pytest.raises(ValueError, match=message):
        sm.pp.rna(adata)
    assert not adata.obsm
    assert list(adata.var) == list(before.var)


def test_one_type_that_is_not_known_says_nothing():
    adata = mixed(("anything", "anything"))
    sm.pp.rna(adata, n_comps=5)
    assert adata.obsm["X_pca"].shape == (60, 5)


def test_types_of_controls_and_other_captures_are_left_out():
    assert type_of("Negative Control Probe") == "control"
    assert type_of("CRISPR Guide Capture") == "other"
    adata = mixed(("Gene Expression", "Unassigned Codeword"))
    sm.pp.rna(adata, n_comps=5)
    assert not adata.varm["PCs"][GENES:].any()


@pytest.mark.parametrize(
    ("kind", "controls", "others"),
    [
        (
            "rna",
            [
                "NegControlProbe_00041",
                "NegPrb1",
                "Negative02",
                "BLANK_0001",
                "Blank-3",
                "UnassignedCodeword_0001",
                "SystemControl1",
                "antisense_BCL2L15",
            ],
            ["Blnk", "Negr1", "NEGR1", "Gapdh", "Antxr1"],
        ),
        (
            "protein",
            [
                "mouse_IgG2a",
                "IgG1_isotype_ctrl",
                "Rat-IgG2b-Ctrl",
                "Isotype_HTK888",
                "Armenian Hamster IgG",
                "mouse IgG1, k isotype Ctrl",
            ],
            [
                "IgD",
                "IgM",
                "IgG",
                "IgG_Fc",
                "CD3",
                "anti-mouse_CD3",
                "HLA-DR",
                "anti-mouse IgM",
                "CD8a_rat_IgG2b_clone53",
                "CD45_mouse_IgG1",
            ],
        ),
    ],
)
def test_controls_by_name(kind, controls, others):
    found = control_features([*controls, *others], kind)
    assert found.tolist() == [True] * len(controls) + [False] * len(others)


def test_isotype_controls_are_left_out_and_said(caplog):
    adata = mixed()[:, GENES:].copy()
    adata.var_names = ["CD3", "mouse_IgG1", *(f"CD{i}" for i in range(10, 16))]
    alone = adata[:, adata.var_names != "mouse_IgG1"].copy()
    with caplog.at_level(logging.INFO):
        sm.pp.protein(adata)
    assert "1 isotype controls are left out (mouse_IgG1)" in caplog.text
    sm.pp.protein(alone)
    np.testing.assert_allclose(adata.obsm["X_pca"], alone.obsm["X_pca"], atol=1e-5)
    sm.pp.protein(adata, controls=True)
    assert adata.obsm["X_pca"].shape[1] == PROTEINS
