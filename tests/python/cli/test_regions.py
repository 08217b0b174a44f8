"""How widely spots are averaged: ``smartcore run`` says, keeps and draws it."""

import re

import anndata as ad
import pytest

from helpers.cli import FAST, assert_fails, run

pytestmark = pytest.mark.usefixtures("no_pulling")


@pytest.mark.usefixtures("quick_umap")
@pytest.mark.parametrize("regions", [1, 0])
def test_it_is_said_kept_and_drawn(section, out, capsys, regions):
    out = out.with_suffix(".h5ad")
    source = ["--rna", section / "rna.h5ad", "-k", 3, "-o", out, *FAST]
    assert run(*source, "--regions", regions) == 0
    said = capsys.readouterr().err
    kept = ad.read_h5ad(out).uns["smart"]
    assert kept["params"]["regions"] == regions
    lines = re.findall(r"rna: .* averaged over a radius of about [\d.]+ neighbour distances", said)
    assert len(lines) == regions
    assert ("not averaged with their surroundings (--regions 0)" in said) != regions
    assert (len(kept["scales"]) > 0) == regions
    assert (out.parent / "out_scales.png").exists() == regions


def test_what_does_not_go_together_is_refused_before_anything_is_read(tmp_path, capsys):
    def fails(*args, message):
        command = ["run", "--rna", tmp_path / "none.h5ad", "-o", tmp_path / "out.h5ad", *args]
        assert_fails(capsys, command, message, code=2, folder=tmp_path)

    fails("--regions", 0.5, "--preset", "paper", message=r"--regions 0\.5 is for --preset robust")
    fails("--regions", 1.5, message="--regions: '1.5' is not a number from 0 to 1")
