"""``smartcore score``, against scikit-learn."""

import json
import re
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import metrics as sk

import smartcore as sm
from helpers.cli import QUICK, assert_fails, run
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.fixture
def scored(tmp_path) -> tuple[Path, pd.Series, pd.Series]:
    """A result with domains and, in one modality only, a truth that some spots lack."""
    mdata = sm.datasets.tri_omics((10, 10), n_genes=5, n_proteins=5, modalities=["rna", "protein"])
    domains = np.random.default_rng(0).integers(3, size=100).astype(str)
    mdata.obs["smart"] = pd.Categorical(domains)
    truth = mdata["rna"].obs["domain"].astype(object)
    truth.iloc[:7] = np.nan
    mdata["rna"].obs["layer"] = pd.Categorical(truth)
    mdata.write_h5mu(tmp_path / "result.h5mu")
    known = truth.dropna()
    return tmp_path / "result.h5mu", known, mdata.obs.loc[known.index, "smart"]


def test_score_finds_the_truth_in_a_modality(scored, capsys):
    path, truth, predicted = scored
    assert main(["score", str(path), "--truth", "layer", "--json"]) == 0
    text, error = capsys.readouterr()
    report = json.loads(text)
    assert report["truth"] == "obs['layer'] of rna"
    assert report["n_spots"] == 93
    assert "obs['layer'] of rna; 93 spots" in error
    expected = {
        "ari": sk.adjusted_rand_score(truth, predicted),
        "ami": sk.adjusted_mutual_info_score(truth, predicted),
        "nmi": sk.normalized_mutual_info_score(truth, predicted),
        "homogeneity": sk.homogeneity_score(truth, predicted),
        "mutual_info": sk.mutual_info_score(truth, predicted),
        "v_measure": sk.v_measure_score(truth, predicted),
        "fmi": sk.fowlkes_mallows_score(truth, predicted),
    }
    assert report["scores"] == pytest.approx(expected)
    assert main(["score", str(path), "--truth", "rna:layer", "-q"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert {k: float(v) for k, v in lines.items()} == pytest.approx(expected, abs=1e-4)


def test_score_of_a_single_modality_of_any_type(change, out, capsys):
    def typed(adata):
        adata.var["feature_types"] = "Antibody Capture"

    result = out.with_suffix(".h5ad")
    assert run("--protein", change("protein", typed), "-k", 3, "-o", result, *QUICK) == 0
    capsys.readouterr()
    assert main(["score", str(result), "--truth", "domain", "--json"]) == 0
    adata = ad.read_h5ad(result)
    expected = sk.adjusted_rand_score(adata.obs["domain"], adata.obs["smart"])
    assert str(round(expected, 6))[:6] in capsys.readouterr().out


@pytest.mark.parametrize("reach", [1, 3])
def test_score_with_morans_i_on_the_fitted_graph(scored, capsys, reach):
    path, _, _ = scored
    mdata = sm.io.read_mudata(path)
    labels, xy = mdata.obs["domain"].to_numpy(), mdata.obsm["spatial"]
    distance = np.abs(xy[:, None] - xy[None]).sum(axis=2)
    near = (distance > 0) & (distance <= reach)
    mdata.obsp["smart_connectivities"] = sp.csr_matrix(near.astype(np.float32))
    mdata.write_h5mu(path)
    assert main(["score", str(path), "--truth", "domain", "--pred", "domain", "--moran"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^ari +1\.0000$", text, re.M)
    one = (labels == "factor 1").astype(float)
    z = one - one.mean()
    expected = len(z) * (z @ near @ z) / (near.sum() * (z @ z))
    found = re.search(r"^morans_i of factor 1 +(\S+)$", text, re.M)
    assert found is not None
    assert float(found[1]) == pytest.approx(expected, abs=1e-4)


def test_score_of_tables(tmp_path, capsys):
    (tmp_path / "domains.csv").write_text("spot,domain,x\n01,a,1\n02,a,2\n03,b,3\n04,b,4\n")
    (tmp_path / "truth.tsv").write_text("name\tlayer\n04\tII\n03\tI\n02\tI\n01\tI\n99\tI\n")
    truth = ["--truth", "layer", "--truth-file", str(tmp_path / "truth.tsv")]
    assert main(["score", str(tmp_path / "domains.csv"), *truth, "--json"]) == 0
    text, error = capsys.readouterr()
    report = json.loads(text)
    assert "1 annotated spots have no domain" in error
    assert report["n_spots"] == 4
    expected = sk.adjusted_rand_score([1, 1, 1, 2], [1, 1, 2, 2])
    assert report["scores"]["ari"] == pytest.approx(expected)


def test_score_failures(scored, tmp_path, section, capsys):
    path, _, _ = scored
    table = tmp_path / "domains.csv"
    table.write_text("spot,domain\nx,a\n")
    no_truth = ["score", path, "--truth", "nothing"]
    assert_fails(capsys, no_truth, r"no column 'nothing'.*obs of rna has domain, layer")
    assert_fails(capsys, ["score", section / "rna.h5ad", "--truth", "domain"], "no column 'smart'")
    assert_fails(capsys, ["score", tmp_path / "no.csv", "--truth", "a"], "does not exist")
    apart = ["score", table, "--truth", "layer", "--truth-file", path]
    assert_fails(capsys, apart, "no spot has both a domain and an annotation")
    assert_fails(capsys, ["score", table, "--truth", "a", "--moran"], "coordinates", code=2)
    assert_fails(capsys, ["score", path], "--truth", code=2)


def test_score_refuses_modalities_that_differ(scored, capsys):
    path, _, _ = scored
    mdata = sm.io.read_mudata(path)
    mdata["protein"].obs["layer"] = "one"
    mdata.write_h5mu(path)
    args = ["score", path, "--truth", "layer"]
    assert_fails(capsys, args, "rna and protein have different 'layer'.*'rna:layer'")
