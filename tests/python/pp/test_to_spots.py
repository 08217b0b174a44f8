"""Pixels brought to spots, against a comparison of all pairs."""

import logging

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import smartcore as sm


def made(n_pixels=300, n_spots=80, dims=2, seed=0):
    """Pixels and spots at random places of one square, the spots a part of it."""
    rng = np.random.default_rng(seed)
    pixels = ad.AnnData(
        rng.normal(size=(n_pixels, 6)), var=pd.DataFrame(index=[f"mz{i}" for i in range(6)])
    )
    pixels.obs_names = [f"pixel{i}" for i in range(n_pixels)]
    pixels.obsm["spatial"] = rng.uniform(0, 100, (n_pixels, dims))
    spots = ad.AnnData(obs=pd.DataFrame(index=[f"spot{i}" for i in range(n_spots)]))
    spots.obsm["spatial"] = rng.uniform(10, 115, (n_spots, dims))
    return pixels, spots


def by_brute_force(pixels, spots, method, radius, values=None):
    """Values of each spot, and how many pixels it has; NaN for a spot that has none."""
    values = pixels.X if values is None else values
    distance = np.linalg.norm(spots.obsm["spatial"][:, None] - pixels.obsm["spatial"][None], axis=2)
    result = np.full((len(distance), values.shape[1]), np.nan)
    used = np.zeros(pixels.n_obs, bool)
    for i, row in enumerate(distance):
        near = row <= radius
        if near.any():
            own = near if method == "mean" else np.arange(len(row)) == row.argmin()
            result[i] = values[own].mean(axis=0)
            used |= own
    return result, distance, used


@pytest.mark.parametrize("method", ["nearest", "mean"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_as_by_brute_force(method, dims, form, caplog):
    pixels, spots = made(dims=dims)
    radius = 7.0 if dims == 2 else 18.0
    expected, distance, used = by_brute_force(pixels, spots, method, radius)
    there = ~np.isnan(expected[:, 0])
    assert 10 < there.sum() < 75
    pixels.layers["twice"] = form(2 * pixels.X)
    pixels.obsm["UNI"] = 3 * pixels.X
    pixels.X = form(pixels.X)
    with caplog.at_level(logging.INFO, "smartcore"):
        placed = sm.pp.to_spots(pixels, spots, method=method, radius=radius)
    assert list(placed.obs_names) == list(spots.obs_names[there])
    assert list(placed.var_names) == list(pixels.var_names)
    x = placed.X if form is np.asarray else placed.X.toarray()
    np.testing.assert_allclose(x, expected[there], rtol=1e-6)
    twice = placed.layers["twice"]
    np.testing.assert_allclose(twice if form is np.asarray else twice.toarray(), 2 * x)
    np.testing.assert_allclose(placed.obsm["UNI"], 3 * x)
    np.testing.assert_array_equal(placed.obsm["spatial"], spots.obsm["spatial"][there])
    np.testing.assert_allclose(placed.obs["pixel_distance"], distance.min(axis=1)[there])
    n = (distance <= radius).sum(axis=1)[there]
    np.testing.assert_array_equal(placed.obs["n_pixels"], n if method == "mean" else 1)
    about = placed.uns["to_spots"]
    assert about["n_spots_without"] == (~there).sum()
    assert about["n_pixels_unused"] == (~used).sum()
    assert (
        f"{there.sum()} of 80 spots have a pixel within {radius:.4g}; {(~there).sum()} have none and "
        f"are not measured in this modality. {(~used).sum()} of 300 pixels went to no spot."
    ) in caplog.messages


def test_the_radius_is_half_the_spacing_of_the_spots(caplog):
    grid = np.argwhere(np.ones((6, 6))) * 50.0
    spots = pd.DataFrame(grid, columns=["x", "y"], index=[f"s{i}" for i in range(36)])
    pixels = ad.AnnData(np.arange(3.0)[:, None])
    pixels.obsm["spatial"] = np.array([[0, 25.0], [50, 75.5], [250, 225.5]])
    with caplog.at_level(logging.INFO, "smartcore"), pytest.warns(UserWarning, match="32 of 36"):
        placed = sm.pp.to_spots(pixels, spots)
    assert placed.uns["to_spots"]["radius"] == 25
    # 25 from two spots, 24.5 from one each.
    assert list(placed.obs_names) == ["s0", "s1", "s8", "s35"]
    assert placed.X.ravel().tolist() == [0, 0, 1, 2]
    assert any("Pixels within 25 of a spot are used" in text for text in caplog.messages)


def test_pixels_go_to_spots_of_their_own_section():
    pixels, spots = made()
    other = made(seed=1)
    both = [
        ad.concat([one, two], keys=["a", "b"], label="section", index_unique="-")
        for one, two in zip((pixels, spots), other, strict=True)
    ]
    placed = sm.pp.to_spots(*both, radius=7, section_key="section")
    alone = [sm.pp.to_spots(*pair, radius=7) for pair in ((pixels, spots), other)]
    np.testing.assert_array_equal(placed.X, np.vstack([one.X for one in alone]))
    assert list(placed.obs["section"]) == ["a"] * alone[0].n_obs + ["b"] * alone[1].n_obs


def test_sections_that_both_have_are_not_taken_for_one():
    pixels, spots = made()
    pixels.obs["section"] = np.repeat(["a", "b"], 150)
    spots.obs["section"] = np.repeat(["a", "b"], 40)
    with pytest.raises(ValueError, match=r"2 sections of the pixels.*section_key='section'"):
        sm.pp.to_spots(pixels, spots, radius=7)
    expected, _, _ = by_brute_force(pixels, spots, "nearest", 7)
    expected = expected[~np.isnan(expected[:, 0])]
    # A column of one section, or none, says nothing else than that all is one.
    pixels.obs["section"] = "a"
    np.testing.assert_array_equal(sm.pp.to_spots(pixels, spots, radius=7).X, expected)
    del pixels.obs["section"]
    np.testing.assert_array_equal(sm.pp.to_spots(pixels, spots, radius=7).X, expected)


def test_spots_without_pixels_lack_the_modality():
    rna = sm.datasets.tri_omics((12, 12), n_genes=60).mod["rna"]
    sm.pp.rna(rna, n_comps=10)
    rng = np.random.default_rng(0)
    pixels = ad.AnnData(rng.gamma(2, 1, (400, 15)))
    pixels.obsm["spatial"] = rng.uniform(-0.5, 5.5, (400, 2))
    msi = sm.pp.to_spots(pixels, rna, method="mean", radius=0.6)
    assert 20 < msi.n_obs < 60
    sm.pp.features(msi, n_comps=5)
    mdata = sm.tl.smart({"rna": rna, "msi": msi}, epochs=2, progress=False)
    assert mdata.n_obs == 144
    assert np.isfinite(mdata.obsm["X_smart"]).all()
    assert mdata.uns["smart"]["n_observed"] == {"rna": 144, "msi": msi.n_obs}


def test_bad_input_is_refused():
    pixels, spots = made()
    far = spots.copy()
    far.obsm["spatial"] *= 1000
    cases = [
        (ValueError, "No spot has a pixel within 5.*pixels from .* spots from", far, {"radius": 5}),
        (ValueError, "radius=0 must be a positive", spots, {"radius": 0}),
        (ValueError, "method='median' is not known", spots, {"method": "median"}),
        (KeyError, r"spots have no coordinates: no obsm\['xy'\]", spots, {"spatial_key": "xy"}),
        (KeyError, r"pixels have no obs\['slide'\]", spots, {"section_key": "slide"}),
        (TypeError, "or a table of coordinates", spots.obsm["spatial"], {}),
        (ValueError, "2 or 3 columns", pd.DataFrame({"x": [1.0]}), {}),
        (ValueError, "Pixels have 2 coordinates and spots 3", pd.DataFrame(np.eye(3)), {}),
        (ValueError, "Names of spots repeat", pd.DataFrame(np.eye(2), index=["a", "a"]), {}),
        (ValueError, "1 of 2 spots are no finite", pd.DataFrame([[0, 1], [np.nan, 0]]), {}),
    ]
    for error, words, reference, options in cases:
        pixels_now = pixels.copy()
        if "xy" in words:
            pixels_now.obsm["xy"] = pixels.obsm["spatial"]
        with pytest.raises(error, match=words):
            sm.pp.to_spots(pixels_now, reference, **options)


def test_values_on_disk_are_refused(tmp_path):
    pytest.importorskip("dask")
    pixels, spots = made()
    pixels.write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(ValueError, match=r"X of the pixels is on disk.*to_memory"):
        sm.pp.to_spots(sm.io.read_lazily(tmp_path / "x.h5ad"), spots, radius=7)


def test_the_spacing_is_that_of_one_section_where_others_are_not_shared(caplog):
    grid = np.argwhere(np.ones((5, 5))).astype(float)
    reference = ad.AnnData(obs=pd.DataFrame(index=[f"spot{i}" for i in range(50)]))
    # Spots of the second section lie on top of those of the first.
    reference.obsm["spatial"] = np.vstack([grid, grid + 0.1])
    reference.obs["section"] = ["a"] * 25 + ["b"] * 25
    pixels = ad.AnnData(np.ones((25, 2), np.float32))
    pixels.obsm["spatial"], pixels.obs["section"] = grid, "a"
    with caplog.at_level(logging.INFO, "smartcore"):
        sm.pp.to_spots(pixels, reference, section_key="section")
    assert "Pixels within 0.5 of a spot are used" in caplog.text
