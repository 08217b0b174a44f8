"""Spots beside the tissue, and sections that nobody named."""

import logging
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.tl import COORDS, QUICK, N, joined, modality


@pytest.mark.parametrize("marks", [[1, 0], [True, False], ["1", "0"], [1.0, 0.0]])
@pytest.mark.parametrize("kind", ["anndata", "mudata"])
def test_spots_off_the_tissue_are_left_out_and_said(marks, kind, caplog):
    inside = np.arange(N) % 9 != 4
    rna = modality("rna")
    rna.obs["in_tissue"] = np.where(inside, *marks)
    data = rna if kind == "anndata" else joined(rna=rna, protein=modality("protein"))
    with caplog.at_level(logging.INFO):
        sm.tl.smart(data, **QUICK)
    assert f"{(~inside).sum()} of {N} spots lie outside the tissue" in caplog.text
    assert np.isnan(data.obsm["X_smart"][~inside]).all()
    rows = np.flatnonzero(inside)
    parts = {"rna": modality("rna", rows)}
    if kind == "mudata":
        parts["protein"] = modality("protein", rows)
    alone = parts["rna"] if kind == "anndata" else joined(**parts)
    sm.tl.smart(alone, **QUICK)
    np.testing.assert_array_equal(data.obsm["X_smart"][inside], alone.obsm["X_smart"])
    sm.tl.cluster(data, 2, method="kmeans")
    assert data.obs["smart"].isna().to_numpy().tolist() == (~inside).tolist()
    sm.tl.smart(data, in_tissue=False, **QUICK)
    assert np.isfinite(data.obsm["X_smart"]).all()


def test_components_are_of_the_tissue_alone():
    adata = sm.datasets.tri_omics((12, 12), modalities=["protein"])["protein"]
    inside = np.arange(144) > 20
    adata.obs["in_tissue"] = inside.astype(int)
    alone = adata[inside].copy()
    sm.pp.protein(adata)
    sm.pp.protein(alone)
    np.testing.assert_array_equal(adata.obsm["X_pca"][inside], alone.obsm["X_pca"])
    assert np.isnan(adata.obsm["X_pca"][~inside]).all()
    sm.pp.protein(adata, in_tissue=False)
    assert np.isfinite(adata.obsm["X_pca"]).all()


@pytest.mark.parametrize(("values", "message"), [(0, "marks all 56"), ("edge", "not 'edge'")])
def test_marks_that_cannot_be(values, message):
    rna = modality("rna")
    rna.obs["in_tissue"] = values
    with pytest.raises(ValueError, match=message):
        sm.tl.smart(rna, **QUICK)


def two_sections(shift=(0.0, 0.0), jitter=0.0) -> ad.AnnData:
    parts = {}
    for i, name in enumerate("AB"):
        part = modality("rna")
        moved = np.random.default_rng(i).normal(0, jitter, COORDS.shape) if jitter else 0
        part.obsm["spatial"] = COORDS + moved + i * np.array(shift)
        part.obs["layer"] = [f"L{int(x) // 2}" for x in COORDS[:, 0]]
        parts[name] = part
    return ad.concat(parts, label="sample", index_unique="-")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"100% of the spots share their place.*obs\['sample'\].*section_key='sample'"),
        ({"jitter": 0.2}, r"of the neighbours of a spot have another obs\['sample'\]"),
        ({"shift": (60.0, 0.0)}, r"lie apart by obs\['sample'\]"),
    ],
    ids=["same places", "among each other", "apart"],
)
def test_forgotten_sections_are_told_by_their_column(given, message):
    data = two_sections(**given)
    with pytest.warns(UserWarning, match=message):
        sm.tl.smart(data, **QUICK)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*section_key")
        sm.tl.smart(data, section_key="sample", **QUICK)


def test_places_shared_without_a_column_that_tells():
    data = two_sections()
    del data.obs["sample"]
    with pytest.warns(UserWarning, match="share their place.*give section_key, the column"):
        sm.tl.smart(data, **QUICK)


def test_an_annotation_is_no_section():
    data = modality("rna")
    rng = np.random.default_rng(0)
    data.obs["layer"] = [f"L{int(x) // 2}" for x in COORDS[:, 0]]
    data.obs["cell_type"] = rng.choice(list("abc"), N)
    data.obs["n"] = rng.poisson(3, N)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sm.tl.smart(data, **QUICK)


def test_modalities_that_sections_call_otherwise_are_one():
    names = [("rna", "protein"), ("RNA", "ADT")]
    sections = {}
    for section, (rna, protein) in zip("AB", names, strict=True):
        sections[section] = joined(**{rna: modality("rna"), protein: modality("protein")})
    sm.tl.smart(sections, harmony_rounds=0, **QUICK)
    assert sections["A"].uns["smart"]["n_observed"] == {"rna": 2 * N, "protein": 2 * N}
    same = {s: joined(rna=modality("rna"), protein=modality("protein")) for s in "AB"}
    sm.tl.smart(same, harmony_rounds=0, **QUICK)
    for section in "AB":
        np.testing.assert_array_equal(
            sections[section].obsm["X_smart"], same[section].obsm["X_smart"]
        )


def test_two_modalities_of_a_kind_keep_their_names():
    one = joined(H3K27ac=modality("rna"), H3K4me3=modality("protein"))
    two = joined(H3K27ac=modality("rna"), H3K4me3=modality("protein"))
    sm.tl.smart([one, two], harmony_rounds=0, **QUICK)
    assert set(one.uns["smart"]["n_observed"]) == {"H3K27ac", "H3K4me3"}


@pytest.mark.parametrize("name", ["a/b", "H3K27ac/me3", "", "."])
def test_names_that_files_could_not_give_back(name, tmp_path):
    data = {"rna": modality("rna"), name: modality("protein")}
    with pytest.raises(ValueError, match="modality"):
        sm.tl.smart(data, **QUICK)
    with pytest.raises(ValueError, match="modality"):
        sm.tl.smart(modality("rna"), reps={name: "X_pca"}, **QUICK)


def test_apples_gpu_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"device='mps'.*use 'cpu'"):
        sm.integrate({"rna": np.eye(9)[:, :3]}, COORDS[:9], device="mps")


def test_section_column_of_the_user_stays():
    parts = []
    for i in range(2):
        part = sm.datasets.tri_omics((8, 8), modalities=["protein"], seed=i)["protein"]
        part.obs["section"] = pd.Categorical(["upper", "lower"] * 32)
        parts.append(part)
    sm.pp.protein(parts)
    sm.tl.smart(parts, **QUICK)
    for part in parts:
        assert part.obs["section"].tolist() == ["upper", "lower"] * 32
