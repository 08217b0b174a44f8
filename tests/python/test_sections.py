"""Several sections as one: integrate on arrays, tl on lists and dicts of objects."""

import warnings

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

import smartcore as sm
from smartcore.metrics import ari, ilisi
from smartcore.spatial.graph import guess_within, spatial_graph

QUICK = {"epochs": 3, "latent_dim": 8, "progress": False}


def tissue(shapes=((12, 10), (9, 8)), seed=0, batch=2.0):
    """Sections of three bands; features, coords, section and band of each spot."""
    rng = np.random.default_rng(seed)
    grids = [np.argwhere(np.ones(shape)).astype(float) for shape in shapes]
    section = np.repeat(np.arange(len(shapes)), [len(g) for g in grids])
    coords = np.concatenate(grids)
    height = np.array([shape[0] for shape in shapes])[section]
    band = (3 * coords[:, 0] // height).astype(int)
    features = {}
    for name, d in (("rna", 8), ("protein", 5)):
        shift = rng.normal(size=(len(shapes), d)) * batch
        features[name] = rng.normal(size=(len(band), d)) + 4 * np.eye(3, d)[band] + shift[section]
    return features, coords, section, band


# --- arrays ---------------------------------------------------------------------------------


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


# --- sections that are unlike -----------------------------------------------------------------


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


# --- neighbours across sections ---------------------------------------------------------------


def stack(n_layers=3, gap=1.0, side=8):
    plane = np.argwhere(np.ones((side, side))).astype(float)
    layers = [np.c_[plane, np.full(len(plane), gap * i)] for i in range(n_layers)]
    return np.concatenate(layers), np.repeat(np.arange(n_layers), side * side)


def test_linked_sections_have_the_neighbours_of_space():
    coords, section = stack()
    graph = spatial_graph(coords, sections=section, linked=True).toarray() > 0
    distance = cdist(coords, coords)
    np.fill_diagonal(distance, np.inf)
    inner = np.flatnonzero(
        (section == 1) & (coords[:, :2] > 0).all(axis=1) & (coords[:, :2] < 7).all(axis=1)
    )
    assert graph[inner][distance[inner] < 1.01].all()
    assert guess_within(coords, section, linked=True) == 6
    sixth = np.sort(distance, axis=1)[:, 5]
    nearer = distance < sixth[:, None] - 1e-9
    assert graph[nearer | nearer.T].all()
    reach = np.maximum(sixth[:, None], sixth)
    assert not graph[distance > reach + 1e-9].any()
    plain = spatial_graph(coords, sections=section, n_neighbors=6).toarray() > 0
    assert not (section[:, None] != section)[plain].any()


@pytest.mark.parametrize("method", ["radius", "delaunay"])
def test_linked_sections_by_other_graphs(method):
    coords, section = stack()
    rng = np.random.default_rng(0)
    coords = coords + rng.uniform(-0.1, 0.1, coords.shape)
    graph = spatial_graph(coords, method=method, radius=1.3, sections=section, linked=True)
    i, j = graph.nonzero()
    assert (section[i] != section[j]).any()
    assert (np.linalg.norm(coords[i] - coords[j], axis=1) <= 1.3).all()


def test_sections_that_cannot_be_linked():
    coords, section = stack()
    with pytest.raises(ValueError, match="three dimensions"):
        spatial_graph(coords[:, :2], sections=section, linked=True)
    far, section = stack(gap=50)
    with pytest.warns(UserWarning, match="No spot has a neighbour in another section"):
        spatial_graph(far, sections=section, linked=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spatial_graph(far, n_neighbors=4, linked=True)


def test_nothing_to_be_linked_is_an_error():
    coords, section = stack()
    x = {"rna": np.random.default_rng(0).normal(size=(len(coords), 6))}
    with pytest.raises(ValueError, match="link_sections=True, but there are no sections"):
        sm.integrate(x, coords, link_sections=True)
    graph = spatial_graph(coords)
    with pytest.raises(ValueError, match=r"link_sections=True, but .*adjacency"):
        sm.integrate(x, coords, sections=section, adjacency=graph, link_sections=True)


def test_linked_sections_through_integrate():
    coords, section = stack()
    x = {"rna": np.random.default_rng(0).normal(size=(len(coords), 6))}
    linked = sm.integrate(x, coords, sections=section, epochs=2, link_sections=True)
    assert linked.params.n_neighbors == 6
    i, j = linked.graph.nonzero()
    assert (section[i] != section[j]).any()
    again = sm.embed(linked.model, x, coords, sections=section)
    np.testing.assert_array_equal(linked.embedding, again)


# --- objects ----------------------------------------------------------------------------------


def objects(shapes=((12, 10), (9, 8)), seed=0):
    """For each section a dict modality → AnnData, barcodes the same in all."""
    features, coords, section, _ = tissue(shapes, seed)
    return [
        {
            m: ad.AnnData(
                obs=pd.DataFrame(index=[f"spot{i}" for i in range((section == s).sum())]),
                obsm={"X_pca": x[section == s], "spatial": coords[section == s]},
            )
            for m, x in features.items()
        }
        for s in np.unique(section)
    ]


def as_mudata(parts):
    with mudata.set_options(pull_on_update=False):
        return mudata.MuData({m: a.copy() for m, a in parts.items()})


@pytest.fixture
def expected():
    features, coords, section, _ = tissue()
    z = sm.integrate(features, coords, sections=section, epochs=3, latent_dim=8)
    return [z.embedding[section == s] for s in (0, 1)], z.graph, section


def check(results, expected):
    embeddings, graph, section = expected
    for s, (one, z) in enumerate(zip(results, embeddings, strict=True)):
        np.testing.assert_array_equal(one.obsm["X_smart"], z)
        own = np.flatnonzero(section == s)
        assert (one.obsp["smart_connectivities"] != graph[own][:, own]).nnz == 0
        assert one.uns["smart"]["section_sizes"].tolist() == [120, 72]


def test_a_list_of_mudata(expected):
    given = [as_mudata(parts) for parts in objects()]
    assert sm.tl.smart(given, **QUICK) is None
    check(given, expected)
    assert given[0].uns["smart"]["sections"].tolist() == ["1", "2"]


def test_a_dict_of_dicts_becomes_a_dict_of_mudata(expected):
    given = dict(zip(("a", "b"), objects(), strict=True))
    results = sm.tl.smart(given, **QUICK)
    assert list(results) == ["a", "b"]
    check(results.values(), expected)
    assert results["a"].uns["smart"]["sections"].tolist() == ["a", "b"]
    np.testing.assert_array_equal(results["b"].obsm["spatial"], given["b"]["rna"].obsm["spatial"])
    assert "X_smart" not in given["a"]["rna"].obsm


def test_copies_of_a_list_leave_it_as_it_is(expected):
    given = [as_mudata(parts) for parts in objects()]
    results = sm.tl.smart(given, copy=True, **QUICK)
    assert isinstance(results, list)
    check(results, expected)
    assert not any("X_smart" in one.obsm for one in given)


def test_a_list_of_anndata_is_one_with_a_section_column():
    parts = [one["rna"] for one in objects()]
    joined = ad.concat(parts, keys=["1", "2"], label="section", index_unique="-")
    sm.tl.smart(joined, section_key="section", **QUICK)
    sm.tl.smart(parts, **QUICK)
    np.testing.assert_array_equal(
        np.vstack([p.obsm["X_smart"] for p in parts]), joined.obsm["X_smart"]
    )
    # Names of spots do not matter to one object, not even those that repeat.
    joined.obs_names = [name.split("-")[0] for name in joined.obs_names]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Observation names are not unique")
        again = sm.tl.smart(joined, section_key="section", copy=True, **QUICK)
    np.testing.assert_array_equal(again.obsm["X_smart"], joined.obsm["X_smart"])


def test_one_object_in_a_list_is_that_object():
    one, other = (as_mudata(objects()[0]) for _ in range(2))
    sm.tl.smart(one, **QUICK)
    sm.tl.smart([other], **QUICK)
    np.testing.assert_array_equal(one.obsm["X_smart"], other.obsm["X_smart"])


def test_sections_within_the_objects_of_a_list():
    given = [one["rna"] for one in objects()]
    for part in given:
        part.obs["slide"] = np.where(np.arange(part.n_obs) % 2, "x", "y")
    sm.tl.smart(given, section_key="slide", **QUICK)
    assert given[0].uns["smart"]["sections"].tolist() == ["1:x", "1:y", "2:x", "2:y"]


def test_an_object_that_lacks_a_modality():
    given = dict(zip(("a", "b"), objects(), strict=True))
    del given["b"]["protein"]
    results = sm.tl.smart(given, reps={"rna": "X_pca", "protein": "X_pca"}, **QUICK)
    assert results["b"].uns["smart"]["n_observed"] == {"rna": 192, "protein": 120}
    assert np.isfinite(results["b"].obsm["X_smart"]).all()


def test_from_counts_to_domains_of_a_dict_of_sections(tmp_path):
    mdatas = {s: sm.datasets.tri_omics((12, 12 - 2 * i), seed=i) for i, s in enumerate("ab")}
    for step, m in ((sm.pp.rna, "rna"), (sm.pp.protein, "protein")):
        step({s: mdata[m] for s, mdata in mdatas.items()}, n_comps=8)
    rna = {s: mdata["rna"] for s, mdata in mdatas.items()}
    sm.tl.smart(rna, **QUICK)
    sm.tl.smart(list(mdatas.values()), reps={"rna": "X_pca", "protein": "X_pca"}, **QUICK)
    sm.tl.cluster(mdatas, 3, method="kmeans")
    domains = pd.concat([mdata.obs["smart"] for mdata in mdatas.values()])
    assert set(domains) == {"0", "1", "2"}
    together = np.vstack([mdata.obsm["X_smart"] for mdata in mdatas.values()])
    one = ad.AnnData(obsm={"X_smart": together}, obs=pd.DataFrame(index=np.arange(264).astype(str)))
    sm.tl.cluster(one, 3, method="kmeans")
    assert one.obs["smart"].tolist() == domains.tolist()
    copies = sm.tl.cluster(mdatas, 2, method="kmeans", copy=True)
    assert list(copies) == ["a", "b"]
    assert mdatas["a"].obs["smart"].nunique() == 3
    table = sm.tl.choose_n_clusters(
        list(mdatas.values()), [2, 3], method="kmeans", n_repeats=2, progress=False
    )
    assert len(table) == 2
    mdatas["a"].write_h5mu(tmp_path / "a.h5mu")
    rna["b"].write_h5ad(tmp_path / "b.h5ad")
    assert ad.read_h5ad(tmp_path / "b.h5ad").uns["smart"]["sections"].tolist() == ["a", "b"]


def refused(given, error, message, **kwargs):
    with pytest.raises(error, match=message):
        sm.tl.smart(given, **QUICK, **kwargs)


def test_components_of_each_section_alone_are_refused():
    parts = [sm.datasets.tri_omics((8, 8), seed=i)["rna"] for i in range(2)]
    for part in parts:
        sm.pp.rna(part, n_comps=5, n_top_genes=None)
    refused(parts, ValueError, "components of their own in sections '1' and '2'")
    sm.pp.rna(parts, n_comps=5)
    sm.tl.smart(parts, **QUICK)
    for part in parts:
        sm.pp.rna(part, n_comps=5, n_top_genes=None, key_added="mine")
    refused(parts, ValueError, "components of their own in sections '1' and '2'", reps="mine")


def test_sections_that_are_given_as_modalities():
    parts = {s: sm.datasets.tri_omics((8, 8), seed=i)["protein"] for i, s in enumerate("ab")}
    sm.pp.protein(list(parts.values()), n_comps=5)
    refused(parts, ValueError, r"\['a', 'b'\] look like sections.*as sections \['1', '2'\]")
    for part in parts.values():
        sm.pp.protein(part, n_comps=5)
    with pytest.warns(UserWarning, match="If they are sections, give a list"):
        sm.tl.smart(parts, **QUICK)
    parts["b"].obs_names = [f"b{name}" for name in parts["b"].obs_names]
    with pytest.warns(UserWarning, match="If they are sections, give a list"):
        refused(parts, ValueError, "Sections would have to come as a list")


def test_objects_that_do_not_fit():
    one, two = objects()
    two["protein"].obsm["X_pca"] = two["protein"].obsm["X_pca"][:, :3]
    refused({"a": one, "b": two}, ValueError, "'protein' have different widths.*'a': 5, 'b': 3")
    one, two = objects()
    for part in two.values():
        part.obsm["spatial"] = np.c_[part.obsm["spatial"], np.zeros(part.n_obs)]
    refused([one, two], ValueError, "different dimensions: {'1': 2, '2': 3}")
    refused([], ValueError, "list of sections is empty")
    refused([as_mudata(one), one["rna"]], TypeError, "'1': 'MuData', '2': 'AnnData'")
    refused([one, 3], TypeError, "'2': 'int'")
    refused([one, objects()[1]], KeyError, "reps names .'atac'.", reps={"atac": "X_pca"})
    refused("ab", TypeError, "must be a MuData")


def test_two_sections_with_a_batch_effect_of_the_mosaic_set(shared_data):
    from smartcore.clustering import cluster_embedding
    from smartcore.metrics import kbet
    from smartcore.sections.harmony import harmony

    folder = shared_data / "mosaic_sim" / "replicate1"
    joined = sm.pp.join_sections(
        {name: ad.read_h5ad(folder / f"{name}_adata_rna.h5ad") for name in ("s1", "s2")}
    )
    sm.pp.rna(joined, section_key="section")
    truth, section = joined.obs["gt"].astype(str), joined.obs["section"]
    alone = harmony(joined.obsm["X_pca"], section)
    sm.tl.smart(joined, section_key="section", epochs=150, progress=False)
    found = {
        name: cluster_embedding(z, 5, method="gmm")
        for name, z in (("harmony", alone), ("smart", joined.obsm["X_smart"]))
    }
    assert ari(truth, found["smart"]) > ari(truth, found["harmony"]) + 0.1
    assert kbet(joined.obsm["X_smart"], section) > kbet(alone, section) - 0.03
    assert ilisi(joined.obsm["X_smart"], section) > ilisi(alone, section) - 0.03
