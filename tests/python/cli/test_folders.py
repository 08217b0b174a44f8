"""Output folders of machines on the command line."""

import shutil

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

from helpers.cli import QUICK, assert_fails, run
from helpers.io import make_outs, write_matrix
from helpers.machines import make_hd
from smartcore import io

pytestmark = [
    pytest.mark.usefixtures("no_pulling"),
    pytest.mark.filterwarnings("ignore:.*occur more than once"),
]


@pytest.fixture(scope="module")
def outs(section, tmp_path_factory):
    """The simulated section as a folder of Visium, one spot of it outside the tissue."""
    folder = tmp_path_factory.mktemp("visium") / "outs"
    (folder / "spatial").mkdir(parents=True)
    rna, protein = (ad.read_h5ad(section / f"{name}.h5ad") for name in ("rna", "protein"))
    write_matrix(
        folder / "filtered_feature_bc_matrix.h5",
        np.hstack([part.X.toarray() for part in (rna, protein)]),
        list(rna.obs_names),
        [*rna.var_names, *protein.var_names],
        ["Gene Expression"] * rna.n_vars + ["Antibody Capture"] * protein.n_vars,
    )
    table = pd.DataFrame(rna.obsm["spatial"], rna.obs_names, columns=["col", "row"])
    table = table.assign(in_tissue=[0] + [1] * (rna.n_obs - 1), array_row=0, array_col=0)
    columns = ["in_tissue", "array_row", "array_col", "row", "col"]
    table[columns].to_csv(folder / "spatial/tissue_positions_list.csv", header=False)
    return folder


def test_packed_folder_goes_through(outs, section, out, capsys):
    packed = shutil.make_archive(str(out.parent / "mine"), "gztar", outs.parent)
    assert run(packed, "-k", 3, "-o", out, *[arg for arg in QUICK if arg != "-q"]) == 0
    told = capsys.readouterr().err
    assert "mine.tar.gz/outs: taken for the output of Visium" in told
    assert "Visium: rna (143 × 60), protein (143 × 20); coordinates in full-resolution pix" in told
    assert (
        "left out: 1 of 144 spots of rna, which lie outside the tissue (--keep-off-tissue" in told
    )
    result = mudata.read_h5mu(out)
    assert list(result.mod) == ["rna", "protein"]
    expected = ad.read_h5ad(section / "rna.h5ad")[result.obs_names]
    assert np.allclose(result.obsm["spatial"], expected.obsm["spatial"])
    assert result.obsm["X_smart"].shape == (143, 8)
    assert result.uns["smart_folder"]["unit"] == "full-resolution pixel"


def test_one_modality_of_a_folder(tmp_path, counts, out, capsys):
    hd = make_hd(tmp_path / "hd", counts)
    args = ["run", "--protein", hd, "--bin", 5, "-o", out, *QUICK]
    message = r"hd has no --bin 5; there are --bin 2, --bin 8, --bin 16, --bin cell"
    assert_fails(capsys, args, message, folder=out.parent)


def test_options_that_do_not_fit(outs, section, out, tmp_path, counts, capsys):
    def fails(*args, message, code):
        args = ["run", *args, "-o", out, *QUICK]
        assert_fails(capsys, args, message, code=code, folder=out.parent)

    fails(outs, "--bin", "small", message=r"--bin: .*'small' must be a size in micr", code=2)
    fails(outs, "--machine", "Xerox", message=r"'Xerox' is no machine; there are Visium", code=2)
    fails(outs, "--bin", 8, message=r"bin: Visium has no choices", code=1)
    message = r"all\.h5mu is no folder of a machine, for which alone --bin, --machine would count"
    fails(section / "all.h5mu", "--bin", 8, "--machine", "visium hd", message=message, code=2)
    both = tmp_path / "both"
    make_outs(both / "a/outs", counts)
    make_outs(both / "b/outs", counts)
    fails(both, message=r"several folders of machines: .*a/outs, .*b/outs", code=1)
    fails(outs, "--backed", message=r"--backed reads \.h5ad files and \.zarr stores", code=2)


def test_outputs_within_a_folder(outs, tmp_path, counts, capsys):
    hd = make_hd(tmp_path / "hd", counts)
    for folder, place in (
        (outs, "spatial/o.h5mu"),
        (hd, "binned_outputs/o.h5mu"),
        (hd, "segmented_outputs/spatial/o.h5mu"),
    ):
        args = ["run", folder, "-o", folder / place, "--force", *QUICK]
        assert_fails(capsys, args, "would be written over the input", code=2)
        assert not (folder / place).exists()


def test_folders_are_told_from_files(section, outs, tmp_path):
    from smartcore.cli._machines import is_folder

    assert is_folder(outs)
    shutil.copytree(outs, tmp_path / "a")
    ad.read_h5ad(section / "rna.h5ad").write_zarr(tmp_path / "a.zarr")
    for path in (section / "rna.h5ad", section / "all.h5mu", tmp_path / "a.zarr", tmp_path / "no"):
        assert not is_folder(path)
    assert io.read_modality(tmp_path / "a", "protein").n_vars == 20
