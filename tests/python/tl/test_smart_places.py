"""Where tl.smart finds coordinates and sections."""

import re

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.tl import (
    COORDS,
    NAMES,
    QUICK,
    N,
    both,
    by_hand,
    embedding,
    joined,
    modality,
    refused,
    same,
)


def test_joint_coordinates_come_first():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    mdata.obsm["spatial"] = COORDS
    mdata["rna"].obsm["spatial"] = COORDS[::-1] * 3
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), expected)


def test_joint_coordinates_of_some_spots_are_completed():
    mdata = both()
    expected = by_hand(mdata.mod, NAMES)
    mdata.obsm["spatial"] = np.where(np.arange(N)[:, None] < 20, COORDS, np.nan)
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), expected)


def test_coordinates_in_one_modality_alone():
    mdata = both()
    del mdata["rna"].obsm["spatial"]
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES))


def test_coordinates_rounded_in_a_file():
    mdata = both()
    mdata["protein"].obsm["spatial"] = (COORDS + 1e-7).astype(np.float32)
    sm.tl.smart(mdata, **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES))


def test_coordinates_that_differ():
    mdata = both()
    mdata["protein"].obsm["spatial"][[9, 12]] += 0.5
    x, y = COORDS[9]
    words = (
        "Modalities 'rna' and 'protein' have different coordinates (obsm['spatial']) for 2 spots "
        f"(first: 'spot9', [{x}, {y}] and [{x + 0.5}, {y + 0.5}])"
    )
    refused(mdata, ValueError, re.escape(words))


def test_coordinates_of_other_width():
    mdata = both()
    mdata["protein"].obsm["spatial"] = np.column_stack([COORDS, np.zeros(N)])
    refused(mdata, ValueError, "coordinates .* of different widths")


def test_spot_without_coordinates():
    data = {"rna": modality("rna", np.arange(40)), "protein": modality("protein")}
    del data["protein"].obsm["spatial"]
    refused(data, ValueError, rf"{N - 40} of {N} spots have no coordinates .*first: 'spot40'")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coordinates_that_are_not_finite(value):
    for data in (modality("rna"), joined(rna=modality("rna"))):
        part = data if isinstance(data, ad.AnnData) else data["rna"]
        part.obsm["spatial"][4, 1] = value
        refused(data, ValueError, "1 of 56 spots")


def test_three_dimensions_and_another_key():
    deep = np.column_stack([COORDS, np.arange(N) % 2])
    adata = modality("rna", xyz=deep)
    sm.tl.smart(adata, spatial_key="xyz", n_neighbors=3, **QUICK)
    expected = sm.integrate(
        {"rna": adata.obsm["X_pca"]}, deep, n_neighbors=3, epochs=3, latent_dim=8
    )
    np.testing.assert_array_equal(adata.obsm["X_smart"], expected.embedding)


SECTIONS = np.where(np.arange(N) < 28, "left", "right")


@pytest.mark.parametrize("where", ["joint", "one modality", "both modalities"])
@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_sections(where, dtype):
    mdata = both()
    column = pd.Series(SECTIONS, index=NAMES).astype(dtype)
    targets = {"joint": [mdata], "one modality": [mdata["protein"]]}
    for target in targets.get(where, mdata.mod.values()):
        target.obs["section"] = column
    sm.tl.smart(mdata, section_key="section", **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES, sections=SECTIONS))
    left = SECTIONS == "left"
    graph = mdata.obsp["smart_connectivities"]
    assert graph[left][:, left].nnz > 0
    assert graph[left][:, ~left].nnz == graph[~left][:, left].nnz == 0


def test_sections_of_an_anndata():
    adata = modality("rna")
    adata.obs["section"] = SECTIONS
    sm.tl.smart(adata, section_key="section", **QUICK)
    same(embedding(adata), by_hand({"rna": adata}, NAMES, sections=SECTIONS))


def test_sections_that_the_joint_table_has_in_part():
    mdata = both()
    mdata.obs["section"] = np.where(np.arange(N) < 10, "left", None)
    mdata["rna"].obs["section"] = SECTIONS
    sm.tl.smart(mdata, section_key="section", **QUICK)
    same(embedding(mdata), by_hand(mdata.mod, NAMES, sections=SECTIONS))


def test_sections_that_differ():
    mdata = both()
    mdata["rna"].obs["section"] = SECTIONS
    mdata["protein"].obs["section"] = np.where(np.arange(N) == 50, "left", SECTIONS)
    words = r"'rna' and 'protein' have different section .*'spot50', \['right'\] and \['left'\]"
    refused(mdata, ValueError, words, section_key="section")


@pytest.mark.parametrize("value", [None, np.nan, pd.NA])
def test_sections_that_are_missing(value):
    column = SECTIONS.astype(object)
    column[[7, 9]] = value
    adata, mdata = modality("rna"), both()
    for part in (adata, *mdata.mod.values()):
        part.obs["section"] = column
    for data in (adata, mdata):
        refused(data, ValueError, "^2 of 56 spots have no section .*'spot7'", section_key="section")
