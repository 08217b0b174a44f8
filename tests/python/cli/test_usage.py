"""Wrong usage, help and version of the command line."""

import logging

import numpy as np
import pytest
import torch

import smartcore as sm
from helpers.cli import QUICK, assert_fails, run
from smartcore.cli import main

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "no input: name a file"),
        (["x.h5mu", "--rna", "a.h5ad"], "give either INPUT or --rna, not both"),
        (["--rna", "a.h5ad", "--preset", "best"], r"robust.*paper.*published"),
        (["--rna", "a.h5ad", "--encoder", "mlp"], r"sage.*gcn.*gat.*gatv2.*graphconv"),
        (["--rna", "a.h5ad", "--cluster-method", "x"], r"mclust.*gmm.*leiden.*louvain.*kmeans"),
        (["--rna", "a.h5ad", "-k", "0"], "'0' is neither a number of domains"),
        (["--rna", "a.h5ad", "-k", "9-4"], "'9-4' is neither"),
        (["--rna", "a.h5ad", "--lambda", "1.5"], "'1.5' is not a number from 0 to 1"),
        (["--rna", "a.h5ad", "--learning-rate", "0"], "'0' is not a number above 0"),
        (["--rna", "a.h5ad", "--epochs", "2.5"], "'2.5' is not a whole number from 0 up"),
        (["--rna", "a.h5ad", "--seed", "-1"], "'-1' is not a whole number from 0 up"),
        (["--rna", "a.h5ad", "--device", "tpu"], "'tpu' is none of auto, cpu"),
        (["--rna", "a.h5ad", "--protein-rep", "X"], "--protein-rep is given, but --protein is not"),
        (["--rna", "a.h5ad", "--rep", "X", "--no-preprocess"], "not allowed with"),
        (["--rna", "a.h5ad", "-q", "-v"], "not allowed with"),
        (["--rna", "a.h5ad", "-o", "out.csv"], r"must end in \.h5mu .*not in '\.csv'"),
        (["--rna", "a.h5ad", "-o", "out"], r"must end in \.h5mu .*not in 'nothing'"),
        (["--rna", "a", "--protein", "b", "-o", "o.h5ad"], r"several modalities go to an \.h5mu"),
        (["--rna", "a.h5ad", "--save-model", "out.h5mu"], "would both write"),
        (["--rna", "a.h5ad", "--checkpoint", "out.h5mu"], "--checkpoint and another output would"),
        (
            ["--rna", "a.h5ad", "--save-model", "s.pt", "--checkpoint", "s.pt"],
            "--checkpoint and another output would",
        ),
    ],
)
def test_wrong_usage(args, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    output = [] if "-o" in args else ["-o", "out.h5mu"]
    assert_fails(capsys, ["run", *args, *output], message, code=2, folder=tmp_path)


def test_usage_known_after_reading(section, out, capsys):
    args = ["run", section / "all.h5mu", "-k", 3, "-o", out.with_suffix(".h5ad"), *QUICK]
    assert_fails(capsys, args, "several modalities go to", code=2, folder=out.parent)


def test_no_command_and_help_and_version(capsys):
    assert main([]) == 2
    assert "smartcore demo" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"smartcore {sm.__version__}\n"
    for command in ("run", "demo", "score"):
        assert main([command, "--help"]) == 0
        assert "examples:" in capsys.readouterr().out or command == "demo"
    assert main(["ruin"]) == 2


def test_the_process_is_left_as_it_was(section, out):
    logger = logging.getLogger("smartcore")
    before = (list(logger.handlers), logger.level, logger.propagate, torch.get_num_threads())
    args = ["--rna", section / "rna.h5ad", "-k", 3, "-o", out, "--threads", 1, *QUICK]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    assert run(*args) == 0
    after = (list(logger.handlers), logger.level, logger.propagate, torch.get_num_threads())
    assert after == before
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
