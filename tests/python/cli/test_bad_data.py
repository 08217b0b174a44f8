"""``smartcore run`` where data or files are wrong: one line, and nothing written."""

import mudata
import numpy as np
import pytest

import smartcore as sm
from helpers.cli import QUICK, assert_fails, last_line, run
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


def test_missing_and_wrong_inputs(section, out, tmp_path, capsys):
    def fails(*args, message):
        assert_fails(capsys, ["run", *args, "-k", 3, "-o", out, *QUICK], message, folder=out.parent)

    fails("--rna", tmp_path / "none.h5ad", message=r"none\.h5ad does not exist; expected")
    fails(tmp_path / "none.h5mu", message=r"none\.h5mu does not exist; expected a MuData")
    unknown = r"results is not recognised as the output folder of a machine\. It holds nothing"
    fails("--rna", out.parent, message=unknown)
    fails(out.parent, message=unknown)
    fails(section / "rna.h5ad", message="does not say which modality it is")
    fails("--rna", section / "all.h5mu", message="holds a MuData of several modalities")
    cut = tmp_path / "cut.h5ad"
    cut.write_bytes((section / "rna.h5ad").read_bytes()[:20_000])
    fails("--rna", cut, message=r"cut\.h5ad could not be read.*truncated")
    cut_mu = tmp_path / "cut.h5mu"
    cut_mu.write_bytes((section / "all.h5mu").read_bytes()[:20_000])
    fails(cut_mu, message=r"cut\.h5mu could not be read.*truncated")


def test_bad_data(section, out, change, tmp_path, capsys):
    def fails(*args, message):
        assert_fails(capsys, ["run", *args, "-k", 3, "-o", out, *QUICK], message, folder=out.parent)

    def renamed(adata):
        adata.obs_names = [f"other_{name}" for name in adata.obs_names]

    def unplaced(adata):
        adata.obsm["spatial"][5] = np.nan

    def bare(adata):
        del adata.obsm["spatial"]

    def logged(adata):
        adata.X = adata.X.copy().log1p()

    rna = section / "rna.h5ad"
    fails("--rna", rna, "--protein", change("protein", renamed), message="no spot name in common")
    path = change("rna", unplaced)
    fails("--rna", path, message=r"rna: .*1 of 144 spots .*\(first: 'spot_0_5'\).*--coords")
    mdata = sm.io.read_mudata(section / "all.h5mu")
    mdata.obsm["spatial"][7] = np.inf
    mdata.write_h5mu(tmp_path / "joint.h5mu")
    fails(tmp_path / "joint.h5mu", message=r"1 of 144 spots .*\(first: 'spot_0_7'\)")
    path = change("rna", bare)
    fails("--rna", path, message=r"no coordinates: .*--spatial-key.*--coords")
    fails("--rna", change("rna", logged), message="rna: .*whole numbers|rna: .*counts")
    assert run("--rna", change("rna", logged), "--not-counts", "-k", 3, "-o", out, *QUICK) == 0
    out.unlink()
    (out.parent / "out_domains.csv").unlink()
    fails("--rna", rna, "--rep", "X_pca", message=r"rna has no obsm\['X_pca'\]")
    fails("--rna", rna, "--truth", "layer", message=r"no column 'layer': obs of rna has domain")
    fails("--rna", rna, "--section-key", "slice", message="slice")
    (tmp_path / "places.csv").write_text("spot,x,y\nA,1,2\n")
    fails("--rna", rna, "--coords", tmp_path / "places.csv", message="none of the 144 spots")
    (tmp_path / "places.csv").write_text("spot,x,y\nspot_0_0,1,\n")
    fails("--rna", rna, "--coords", tmp_path / "places.csv", message="missing or infinite")


def test_more_domains_than_spots(section, out, capsys):
    args = ["run", "--rna", section / "rna.h5ad", "-k", 145, "-o", out, *QUICK]
    assert_fails(capsys, args, "more domains than the 144 spots", folder=out.parent)


def test_bad_destinations(section, out, tmp_path, capsys):
    def fails(path, message, *more):
        args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", path, *QUICK, *more]
        assert_fails(capsys, args, message)

    (tmp_path / "file").write_text("")
    fails(tmp_path / "none/out.h5mu", "the folder .*none does not exist")
    fails(tmp_path / "file/out.h5mu", "is not a folder|Not a directory")
    fails(out, "the folder .*none does not exist", "--save-model", tmp_path / "none/m.pt")
    out.mkdir()
    fails(out, "it is a folder")


def test_existing_output_is_kept_without_force(section, out, capsys):
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    out.write_text("precious")
    assert_fails(capsys, args, r"out\.h5mu exists already; --force", folder=out.parent)
    assert out.read_text() == "precious"
    out.unlink()
    table = out.with_name("out_domains.csv")
    table.write_text("precious")
    assert_fails(capsys, args, r"out_domains\.csv exists already", folder=out.parent)
    out.write_text("old")
    assert main([*map(str, args), "--force"]) == 0
    assert sm.io.read_mudata(out).n_obs == 144
    assert "precious" not in table.read_text()


def test_a_failure_while_writing_leaves_nothing(section, out, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mudata.MuData, "write_h5mu", full)
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, "No space left on device", folder=out.parent)


def test_unforeseen_errors_name_their_kind(section, out, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("smartcore.tl.smart", broken)
    args = ["run", "--rna", section / "rna.h5ad", "-k", 3, "-o", out, *QUICK]
    assert_fails(capsys, args, r"error: RuntimeError: two lines \(-v shows where\)")
    assert main([*map(str, args[:-1]), "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_during_training_leaves_nothing(section, out, monkeypatch, capsys):
    smart = sm.tl.smart

    def interrupted(*args, **params):
        def callback(epoch, losses):
            if epoch == 2:
                raise KeyboardInterrupt

        return smart(*args, **params, callback=callback)

    monkeypatch.setattr("smartcore.tl.smart", interrupted)
    model = ["--save-model", out.with_name("model.pt")]
    assert run("--rna", section / "rna.h5ad", "-k", 3, "-o", out, *model, *QUICK) == 130
    text, error = capsys.readouterr()
    assert text == ""
    assert last_line(error) == "smartcore: error: interrupted; no output was written"
    assert not list(out.parent.iterdir())
