"""What ``smartcore run`` writes, against the library called by hand."""

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import metrics as sk

import smartcore as sm
from helpers.cli import BY_HAND, FAST, QUICK, assert_fails, run

pytestmark = pytest.mark.usefixtures("no_pulling")


def test_run_equals_the_library_by_hand(section, out, capsys):
    parts = {kind: ad.read_h5ad(section / f"{kind}.h5ad") for kind in ("rna", "protein")}
    sm.pp.rna(parts["rna"], n_comps=12, seed=3)
    sm.pp.protein(parts["protein"], n_comps=12, seed=3)
    by_hand = sm.tl.smart(parts, seed=3, lam=0.7, lr=1e-3, encoder="gcn", n_neighbors=5, **BY_HAND)
    sm.tl.cluster(by_hand, 4, method="kmeans", seed=3)

    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    options = ["--lambda", 0.7, "--learning-rate", 1e-3, "--encoder", "gcn", "--n-neighbors", 5]
    assert run(*sources, *options, "--n-comps", 12, "--seed", 3, "-k", 4, "-o", out, *QUICK) == 0

    assert capsys.readouterr().out == f"{out}\n"
    result = sm.io.read_mudata(out)
    assert np.array_equal(result.obsm["X_smart"], by_hand.obsm["X_smart"])
    assert list(result.obs["smart"]) == list(by_hand.obs["smart"])
    assert list(result.mod) == ["rna", "protein"]
    original = ad.read_h5ad(section / "rna.h5ad")
    assert (result["rna"].X != original.X).nnz == 0
    assert sorted(p.name for p in out.parent.iterdir()) == ["out.h5mu", "out_domains.csv"]
    table = pd.read_csv(out.parent / "out_domains.csv", dtype={"domain": str})
    assert list(table.columns) == ["spot", "domain", "x", "y"]
    assert list(table["domain"]) == list(result.obs["smart"])
    assert np.array_equal(table[["x", "y"]], original[table["spot"]].obsm["spatial"])


@pytest.mark.parametrize("kind", ["rna", "protein", "chromatin"])
def test_one_modality_goes_to_h5ad(section, out, kind):
    out = out.with_suffix(".h5ad")
    assert run(f"--{kind}", section / f"{kind}.h5ad", "-k", 3, "-o", out, *QUICK) == 0
    by_hand = ad.read_h5ad(section / f"{kind}.h5ad")
    getattr(sm.pp, kind)(by_hand)
    sm.tl.smart(by_hand, **BY_HAND)
    result = ad.read_h5ad(out)
    assert np.array_equal(result.obsm["X_smart"], by_hand.obsm["X_smart"])
    assert result.obs["smart"].nunique() == 3


def test_h5mu_input_keeps_what_it_holds(section, out):
    assert run(section / "all.h5mu", "-k", 5, "-o", out, *QUICK) == 0
    mdata = sm.io.read_mudata(section / "all.h5mu")
    sm.pp.rna(mdata["rna"])
    sm.pp.protein(mdata["protein"])
    sm.pp.chromatin(mdata["chromatin"])
    sm.tl.smart(mdata, **BY_HAND)
    result = sm.io.read_mudata(out)
    assert np.array_equal(result.obsm["X_smart"], mdata.obsm["X_smart"])
    assert list(result.obs.columns) == ["domain", "smart"]
    assert "nonspatial" in result.obsm


def test_tenx_file_with_several_types_and_coordinates(section, out, tmp_path):
    parts = {kind: ad.read_h5ad(section / f"{kind}.h5ad") for kind in ("rna", "protein")}
    matrix = sp.hstack([part.X for part in parts.values()]).T.tocsc()
    names = [*parts["rna"].var_names, *parts["protein"].var_names]
    types = ["Gene Expression"] * parts["rna"].n_vars + ["Antibody Capture"] * 20
    spots = parts["rna"].obs_names
    with h5py.File(tmp_path / "tenx.h5", "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = np.array(spots, dtype="S")
        group["data"] = matrix.data.astype(np.int32)
        group["indices"], group["indptr"], group["shape"] = (
            matrix.indices,
            matrix.indptr,
            np.array(matrix.shape),
        )
        features = group.create_group("features")
        for key, values in {"id": names, "name": names, "feature_type": types}.items():
            features[key] = np.array(values, dtype="S")
        features["genome"] = np.array(["mm10"] * len(names), dtype="S")
    order = np.random.default_rng(0).permutation(len(spots))
    table = pd.DataFrame(parts["rna"].obsm["spatial"], index=spots, columns=["x", "y"])
    table.iloc[order].to_csv(tmp_path / "places.csv", index_label="spot")

    places = ["--coords", tmp_path / "places.csv"]
    assert run(tmp_path / "tenx.h5", *places, "-k", 3, "-o", out, *QUICK) == 0
    sm.pp.rna(parts["rna"])
    sm.pp.protein(parts["protein"])
    by_hand = sm.tl.smart(parts, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])


def test_real_outs_folder(shared_data, out, capsys):
    outs = shared_data / "seurat_visium/visium_outs"
    out = out.with_suffix(".h5ad")
    assert run(outs, "-k", 3, "-o", out, *FAST, "--no-figures") == 0
    assert "spots have no gene counts" in capsys.readouterr().err
    result = ad.read_h5ad(out)
    assert result.obsm["X_smart"].shape == (2695, 8)
    assert {"array_row", "array_col"} <= set(result.obs)


def test_coordinates_for_h5mu_drop_spots_without(section, out, tmp_path, capsys):
    mdata = sm.io.read_mudata(section / "all.h5mu")
    table = pd.DataFrame(mdata.obsm["spatial"] * 3, index=mdata.obs_names).iloc[10:]
    table.to_csv(tmp_path / "places.csv")
    places = ["--coords", tmp_path / "places.csv"]
    assert run(section / "all.h5mu", *places, "-k", 3, "-o", out, *QUICK) == 0
    assert "warning: 10 of 144 spots have no row" in capsys.readouterr().err
    result = sm.io.read_mudata(out)
    assert list(result.obs_names) == list(table.index)
    assert np.array_equal(result["rna"].obsm["spatial"], table)
    exported = pd.read_csv(out.parent / "out_domains.csv")
    assert np.array_equal(exported[["x", "y"]], table)


def test_features_that_are_there_are_used(section, out, change):
    def edit(adata):
        rng = np.random.default_rng(0)
        adata.obsm["mine"] = rng.normal(size=(adata.n_obs, 4)).astype(np.float32)
        adata.X = None

    path = change("rna", edit)
    protein = section / "protein.h5ad"
    sources = ["--rna", path, "--rna-rep", "mine", "--protein", protein]
    assert run(*sources, "-k", 3, "-o", out, *QUICK) == 0
    parts = {"rna": ad.read_h5ad(path), "protein": ad.read_h5ad(protein)}
    sm.pp.protein(parts["protein"])
    reps = {"rna": "mine", "protein": "X_pca"}
    by_hand = sm.tl.smart(parts, reps=reps, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])

    again = out.with_name("again.h5ad")
    assert run("--rna", path, "--rep", "mine", "-k", 3, "-o", again, *QUICK) == 0
    assert ad.read_h5ad(again).uns["smart"]["reps"]["rna"] == "mine"


def test_no_preprocess_uses_components_of_an_earlier_run(section, out, change):
    def edit(adata):
        sm.pp.rna(adata, n_comps=7)
        adata.X = adata.X * 0

    path = change("rna", edit)
    assert run("--rna", path, "--no-preprocess", "-k", 3, "-o", out, *QUICK) == 0
    by_hand = ad.read_h5ad(path)
    sm.tl.smart(by_hand, **BY_HAND)
    assert np.array_equal(sm.io.read_mudata(out).obsm["X_smart"], by_hand.obsm["X_smart"])


def test_counts_in_a_layer(section, out, change, capsys):
    def edit(adata):
        adata.layers["raw"] = adata.X.copy()
        adata.X = adata.X.copy().log1p()

    sources = ["--rna", change("rna", edit), "--protein", section / "protein.h5ad"]
    assert run(*sources, "--rna-layer", "raw", "-k", 3, "-o", out, *QUICK) == 0
    plain = out.with_name("plain.h5mu")
    straight = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*straight, "-k", 3, "-o", plain, *QUICK) == 0
    first, second = sm.io.read_mudata(out), sm.io.read_mudata(plain)
    assert np.array_equal(first.obsm["X_smart"], second.obsm["X_smart"])
    args = ["run", *sources, "--layer", "raw", "-k", 3, "-o", out, *QUICK, "--force"]
    assert_fails(capsys, args, "protein: .*layer 'raw'", folder=out.parent)


def test_number_of_domains_is_chosen_aloud(section, out, capsys):
    args = ["--protein", section / "protein.h5ad", "-k", "2-4", "-o", out, *FAST, "--no-figures"]
    assert run(*args) == 0
    result = sm.io.read_mudata(out)
    table = sm.tl.choose_n_clusters(result, range(2, 5), method="kmeans", progress=False)
    chosen = table.attrs["suggested"]
    assert f"{chosen} domains were chosen from 2 to 4" in capsys.readouterr().err
    assert result.obs["smart"].nunique() == chosen
    written = pd.read_csv(out.parent / "out_n_clusters.csv", index_col=0)
    pd.testing.assert_frame_equal(written, table, check_exact=False)


def test_truth_is_scored_and_saved(section, out, capsys):
    sources = ["--rna", section / "rna.h5ad", "--chromatin", section / "chromatin.h5ad"]
    assert run(*sources, "-k", 5, "--truth", "domain", "-o", out, *FAST, "--no-figures") == 0
    text, error = capsys.readouterr()
    result = sm.io.read_mudata(out)
    truth, found = result["rna"].obs["domain"], result.obs["smart"]
    expected = sk.adjusted_rand_score(truth, found)
    lines = dict(line.split() for line in text.splitlines()[:-1])
    assert float(lines["ari"]) == pytest.approx(expected, abs=1e-4)
    assert len(lines) == 7
    assert text.splitlines()[-1] == str(out)
    assert "obs['domain'] of rna and chromatin, 144 spots" in error
    saved = pd.read_csv(out.parent / "out_scores.csv", index_col="score")["value"]
    assert saved["nmi"] == pytest.approx(sk.normalized_mutual_info_score(truth, found))


def test_model_is_saved_and_gives_the_embedding_again(section, out):
    path = section / "protein.h5ad"
    model = out.with_name("model.pt")
    assert run("--protein", path, "-k", 3, "-o", out, "--save-model", model, *QUICK) == 0
    result = sm.io.read_mudata(out)
    adata = result["protein"]
    again = sm.embed(sm.SMART.load(model), {"protein": adata.obsm["X_pca"]}, adata.obsm["spatial"])
    assert np.allclose(again, result.obsm["X_smart"], atol=1e-6)
    assert {p.name for p in out.parent.iterdir()} == {"out.h5mu", "out_domains.csv", "model.pt"}


def test_sections_reach_the_method_and_the_table(section, out, change):
    def edit(adata):
        adata.obs["slice"] = np.where(adata.obsm["spatial"][:, 0] < 6, "left", "right")

    path = change("rna", edit)
    assert run("--rna", path, "--section-key", "slice", "-k", 3, "-o", out, *QUICK) == 0
    result = sm.io.read_mudata(out)
    graph = result.obsp["smart_connectivities"]
    left = (result["rna"].obs["slice"] == "left").to_numpy()
    assert graph.nnz > 0
    assert graph[left][:, ~left].nnz == 0
    table = pd.read_csv(out.parent / "out_domains.csv")
    assert list(table["section"]) == list(result["rna"].obs["slice"])


def test_spots_that_a_modality_lacks(section, out, change, capsys):
    path = change("protein", lambda adata: adata[20:].copy())
    sources = ["--rna", section / "rna.h5ad", "--protein", path]
    assert run(*sources, "-k", 3, "-o", out, *FAST, "--no-figures") == 0
    assert "20 of 144 spots have no protein" in capsys.readouterr().err
    assert sm.io.read_mudata(out).n_obs == 144
