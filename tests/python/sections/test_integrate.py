"""Several sections as one: integrate on arrays."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

import smartcore as sm
from helpers.sections import tissue
from smartcore.metrics import ari, ilisi


@pytest.mark.parametrize("preset", ["robust", "paper"])
def test_one_section_with_a_name_is_one_without(preset):
    features, coords, _, _ = tissue(((12, 10),))
    plain = sm.integrate(features, coords, preset=preset, epochs=4)
    named = sm.integrate(features, coords, sections=["only"] * 120, preset=preset, epochs=4)
    np.testing.assert_array_equal(plain.embedding, named.embedding)
    assert plain.n_triplets == named.n_triplets


@pytest.mark.parametrize("preset", ["robust", "paper", "published"])
def test_order_of_spots_and_names_of_sections_in_order_do_not_matter(preset):
    features, coords, section, _ = tissue()
    order = np.random.default_rng(5).permutation(len(coords))
    first = sm.integrate(features, coords, sections=section, preset=preset, epochs=4)
    names = np.array(["left", "right"])[section]
    again = sm.integrate(
        {m: x[order] for m, x in features.items()},
        coords[order],
        sections=names[order],
        preset=preset,
        epochs=4,
    )
    np.testing.assert_array_equal(first.embedding[order], again.embedding)


def test_sections_mix_and_domains_stay():
    features, coords, section, band = tissue(((15, 12), (12, 9)))
    mixed = sm.integrate(features, coords, sections=section, epochs=60).embedding
    apart = sm.integrate(
        features, coords, sections=section, epochs=60, harmony_rounds=0, section_triplets="within"
    ).embedding

    def scored(z):
        found = KMeans(3, n_init=5, random_state=0).fit_predict(z)
        return ari(band, found), ilisi(z, section, n_neighbors=45)

    assert scored(mixed)[0] > 0.9
    assert scored(mixed)[1] > 0.5
    assert scored(apart)[0] < 0.7
    assert scored(apart)[1] < 0.05


def test_triplets_across_sections_bring_their_domains_together():
    features, coords, section, band = tissue(((15, 12), (12, 9)))
    agreement = {}
    for which in ("across", "within"):
        z = sm.integrate(
            features,
            coords,
            sections=section,
            harmony_rounds=0,
            section_triplets=which,
            target_weights="none",
            n_twins=0,
            decoder="linear",
            start="random",
            lr=3e-3,
            epochs=60,
        ).embedding
        agreement[which] = ari(band, KMeans(3, n_init=5, random_state=0).fit_predict(z))
    assert agreement["across"] > 0.9
    assert agreement["within"] < 0.5


def test_pairs_are_counted_as_asked_for():
    features, coords, section, _ = tissue()
    count = {
        which: sm.integrate(
            features, coords, sections=section, epochs=1, section_triplets=which
        ).n_triplets["rna"]
        for which in ("across", "within", "both")
    }
    assert count["both"] == count["across"] + count["within"]
    assert min(count.values()) > 0


def test_a_fitted_network_embeds_sections_as_it_was_trained():
    features, coords, section, _ = tissue()
    result = sm.integrate(features, coords, sections=section, epochs=3, seed=4)
    again = sm.embed(result.model, features, coords, sections=section, seed=4)
    np.testing.assert_array_equal(result.embedding, again)


def test_whole_numbers_as_features():
    features, coords, section, _ = tissue()
    whole = {m: np.rint(10 * x).astype(int) for m, x in features.items()}
    floats = {m: x.astype(float) for m, x in whole.items()}
    results = [sm.integrate(f, coords, sections=section, epochs=2) for f in (whole, floats)]
    np.testing.assert_allclose(results[0].embedding, results[1].embedding, atol=1e-4)


@pytest.mark.parametrize(
    "bad",
    [
        {"harmony_theta": -1},
        {"harmony_sigma": 0},
        {"harmony_rounds": 2.5},
        {"section_triplets": "all"},
        {"link_sections": 1},
    ],
)
def test_parameters_of_sections_out_of_range(bad):
    features, coords, section, _ = tissue()
    with pytest.raises(ValueError, match=f"{next(iter(bad))}="):
        sm.integrate(features, coords, sections=section, **bad)


@pytest.mark.parametrize("bad", ["section", {"a": 1}, np.zeros((50, 2)), [1, 2]])
def test_sections_must_be_one_for_each_spot(bad):
    x = np.random.default_rng(0).normal(size=(100, 6))
    with pytest.raises(ValueError, match=r"one entry for each of 100 spots"):
        sm.integrate({"rna": x}, x[:, :2], sections=bad)


def nearest_band(z, band, there, others):
    """Band of the other spots whose mean is nearest to each spot."""
    center = np.array([z[others & (band == b)].mean(axis=0) for b in range(3)])
    return cdist(z[there], center).argmin(axis=1)


def test_50_and_5000_spots_together():
    features, coords, section, band = tissue(((10, 5), (100, 50)), batch=1)
    z = sm.integrate(features, coords, sections=section, epochs=15).embedding
    small = section == 0
    assert (nearest_band(z, band, small, ~small) == band[small]).mean() > 0.9


def test_a_section_of_one_spot():
    features, coords, section, _ = tissue(((12, 10), (1, 1)))
    with pytest.warns(UserWarning, match="too few spots|no spatial neighbour") as said:
        result = sm.integrate(features, coords, sections=section, epochs=3)
    assert np.isfinite(result.embedding).all()
    assert result.graph[-1].nnz == 0
    assert "1 of 2 sections have too few spots" in str(said[0].message)
    assert "1 of 121 spots have no spatial neighbour" in str(said[1].message)


def test_a_section_too_small_for_a_mesh():
    features, coords, section, _ = tissue(((12, 10), (2, 1)))
    with pytest.warns(UserWarning, match="1 of 2 sections have too few spots for a triangulation"):
        result = sm.integrate(features, coords, sections=section, epochs=2, graph="delaunay")
    small = np.flatnonzero(section == section[-1])
    np.testing.assert_array_equal(result.graph[small][:, small].toarray(), [[0, 1], [1, 0]])


def test_a_section_without_a_modality_is_embedded_by_the_others():
    features, coords, section, band = tissue(((15, 12), (12, 9)))
    features["protein"][section == 1] = np.nan
    observed = {"protein": section == 0}
    result = sm.integrate(features, coords, sections=section, observed=observed, epochs=60)
    there = section == 1
    assert (nearest_band(result.embedding, band, there, ~there) == band[there]).mean() > 0.9


def test_sections_each_with_a_modality_of_its_own_share_a_third():
    features, coords, section, _ = tissue(((12, 10), (9, 8), (7, 7)))
    observed = {"rna": section != 1, "protein": section != 2}
    result = sm.integrate(features, coords, sections=section, observed=observed, epochs=3)
    assert np.isfinite(result.embedding).all()


def test_sections_that_no_modality_joins_are_refused():
    features, coords, section, _ = tissue(((12, 10), (9, 8)))
    observed = {"rna": section == 0, "protein": section == 1}
    with pytest.raises(ValueError, match=r"'0' was measured in \['rna'\], section '1' in \['pro"):
        sm.integrate(features, coords, sections=section, observed=observed)
