"""tl.smart on lists and dicts of sections, against integrate."""

import warnings

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from helpers.sections import tissue
from smartcore.metrics import ari, ilisi

QUICK = {"epochs": 3, "latent_dim": 8, "progress": False}


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
