"""``smartcore demo``."""

import pytest
from sklearn import metrics as sk

import smartcore as sm
from helpers.cli import assert_fails
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.mark.usefixtures("quick_umap")
def test_demo(tmp_path, capsys):
    folder = tmp_path / "demo"
    args = ["demo", "-o", str(folder), "--shape", "12", "15", "--seed", "4", "--epochs", "5"]
    assert main(args) == 0
    text, error = capsys.readouterr()
    assert "180 spots" in error
    result = sm.io.read_mudata(folder / "demo.h5mu")
    scores = dict(line.split() for line in text.splitlines()[:-1])
    expected = sk.adjusted_rand_score(result.obs["domain"], result.obs["smart"])
    assert float(scores["ari"]) == pytest.approx(expected, abs=1e-4)
    names = {p.name for p in folder.iterdir()}
    assert {"demo_truth.png", "demo_domains.png", "demo_domains.csv", "demo_scores.csv"} <= names
    assert_fails(capsys, args, r"demo\.h5mu.*exist already; --force", folder=folder)


def test_demo_that_fails_leaves_no_folder(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("smartcore.tl.smart", interrupted)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--shape", "8", "8", "-q"]) == 130
    assert not list(tmp_path.iterdir())
    assert_fails(capsys, ["demo", "-o", tmp_path / "none/demo"], "there is no folder .*none")
    (tmp_path / "file").write_text("")
    assert_fails(capsys, ["demo", "-o", tmp_path / "file"], "a file is in its place")
    assert_fails(capsys, ["demo", "--shape", "3", "8"], "'3' is not a whole number", code=2)
