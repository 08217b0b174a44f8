"""What a folder is taken for, packed or not."""

import io as streams
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scanpy as sc

from helpers.io import make_outs, write_mtx, write_tenx
from helpers.machines import make_hd
from smartcore import io
from smartcore.io import _machine_folders
from smartcore.io.machines import MACHINES

pytestmark = [
    pytest.mark.usefixtures("no_pulling"),
    pytest.mark.filterwarnings("ignore:.*occur more than once"),
]


def test_matrix_without_places_agrees_with_scanpy(shared_data, tmp_path):
    packed = shared_data / "formats/tenx_rna_protein_mtx.tar.gz"
    found = io.read_folder(packed)
    with tarfile.open(packed) as file:
        file.extractall(tmp_path, filter="data")
    oracle = sc.read_10x_mtx(tmp_path / "filtered_feature_bc_matrix", gex_only=False)
    assert list(found.obs_names) == list(oracle.obs_names)
    assert {name: adata.n_vars for name, adata in found.mod.items()} == {"rna": 100, "protein": 17}
    for adata in found.mod.values():
        names = oracle.var_names[oracle.var["gene_ids"].isin(adata.var["gene_ids"])]
        assert (adata.X != oracle[:, names].X).nnz == 0
        assert "spatial" not in adata.obsm
    assert "unit" not in found.uns["smart_folder"]


def test_single_matrix_file(tmp_path, counts, caplog):
    path = write_tenx(tmp_path / "mine_filtered_feature_bc_matrix.h5", counts)
    with caplog.at_level("INFO", logger="smartcore"):
        found = io.read_folder(path)
    assert np.array_equal(found["protein"].X.toarray(), counts[:, 3:5])
    assert "without coordinates, which add_coordinates gives" in caplog.text


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "xztar"])
@pytest.mark.parametrize("inside", [True, False])
def test_packed_folders(tmp_path, counts, form, inside):
    outs = make_outs(tmp_path / "sample/outs", counts)
    (outs / "._filtered_feature_bc_matrix.h5").write_bytes(b"of macOS")
    root = tmp_path / "sample" if inside else outs
    packed = shutil.make_archive(str(tmp_path / "packed"), form, root)
    found, direct = io.read_folder(packed), io.read_folder(outs)
    assert np.array_equal(found.obsm["spatial"], direct.obsm["spatial"])
    assert (found["rna"].X != direct["rna"].X).nnz == 0
    assert np.array_equal(
        io.read_modality(packed, "protein").X.toarray(), counts[[0, 1, 3, 4], 3:5]
    )


def add(tape: tarfile.TarFile, name: str, **attributes) -> None:
    member = tarfile.TarInfo(name)
    member.size = 4
    for key, value in attributes.items():
        setattr(member, key, value)
    tape.addfile(member, streams.BytesIO(b"evil"))


@pytest.mark.parametrize("name", ["../evil", "/tmp/smartcore-evil", "a/../../evil"])
def test_members_that_lead_out_of_the_archive(tmp_path, name):
    with tarfile.open(tmp_path / "a.tar", "w") as tape:
        add(tape, name)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, "evil")
    for archive in ("a.tar", "a.zip"):
        with pytest.raises(ValueError, match=r"would be written outside the folder"):
            io.read_folder(tmp_path / archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "a.zip"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_members_that_are_no_files(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as tape:
        add(tape, "spatial", type=kind, linkname="/etc")
    with pytest.raises(ValueError, match=r"a\.tar could not be read .*spatial in it is a link"):
        io.read_folder(tmp_path / "a.tar")


def test_archives_that_do_not_fit_or_are_cut_short(tmp_path, counts, monkeypatch):
    make_outs(tmp_path / "outs", counts)
    packed = tmp_path / "outs.zip"
    shutil.make_archive(str(tmp_path / "outs"), "zip", tmp_path / "outs")
    with monkeypatch.context() as change:
        change.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0))
        with pytest.raises(OSError, match=r"outs\.zip holds .* GB free: unpack it elsewhere"):
            io.read_folder(packed)
    tar = tmp_path / "outs.tar.gz"
    shutil.make_archive(str(tmp_path / "outs"), "gztar", tmp_path / "outs")
    tar.write_bytes(tar.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"outs\.tar\.gz could not be read as a packed folder"):
        io.read_folder(tar)


def test_unknown_folder_lists_what_was_looked_for(tmp_path):
    for i in range(30):
        (tmp_path / f"file{i:02d}.txt").write_text("")
    with pytest.raises(ValueError, match=r"file00\.txt.* and 10 more\. Looked for:") as caught:
        io.read_folder(tmp_path)
    for machine in MACHINES:
        assert f"  {machine.name}: {machine.needs}" in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"nothing does not exist; expected"):
        io.read_folder(tmp_path / "nothing")


def test_folder_that_fits_two_machines(tmp_path, counts, monkeypatch):
    make_outs(tmp_path / "outs", counts)
    (visium,) = (machine for machine in MACHINES if machine.name == "Visium")
    other = type(visium)("Other", ("spatial",), "a folder spatial/", visium.read)
    monkeypatch.setattr(_machine_folders, "MACHINES", (*MACHINES, other))
    with pytest.raises(ValueError, match=r"fits Visium and Other: .* machine='Visium'"):
        io.read_folder(tmp_path / "outs")
    found = io.read_folder(tmp_path / "outs", machine="visium")
    assert found.n_obs == 4
    with pytest.raises(ValueError, match=r"'Xerox' is no machine; there are Visium, Visium HD"):
        io.read_folder(tmp_path / "outs", machine="Xerox")
    with pytest.raises(ValueError, match=r"not recognised .*Looked for:\n  Visium HD:"):
        io.read_folder(tmp_path / "outs", machine="Visium HD")


def test_folder_of_several_folders(tmp_path, counts):
    make_outs(tmp_path / "a/outs", counts)
    make_hd(tmp_path / "b/outs", counts, sizes=(8,), cells=False)
    with pytest.raises(ValueError, match=r"several folders of machines: .*a/outs, .*b/outs\)"):
        io.read_folder(tmp_path)
    assert io.read_folder(tmp_path, machine="Visium HD").n_obs == 4


def test_modality_of_a_folder(tmp_path, counts):
    hd = make_hd(tmp_path / "outs", counts)
    found = io.read_modality(hd, "protein", bin=16)
    assert np.array_equal(found.X.toarray(), counts[[0, 1, 3, 4]][:, 3:5] + 16)
    assert list(io.read_modalities(hd)) == ["rna", "protein", "chromatin"]
    path = write_tenx(tmp_path / "a.h5", counts)
    with pytest.raises(ValueError, match=r"a\.h5 is no folder of a machine, .* machine, bin"):
        io.read_modality(path, "rna", machine="Visium HD", bin=16)


def test_matrix_without_feature_types_is_taken_whole(tmp_path, counts):
    folder = write_mtx(tmp_path / "filtered_feature_bc_matrix", counts)
    (folder / "features.tsv.gz").unlink()
    (folder / "genes.tsv").write_text("".join(f"g{i}\tG{i}\n" for i in range(6)))
    for kind in ("rna", "protein"):
        assert np.array_equal(io.read_modality(folder, kind).X.toarray(), counts)
    assert list(io.read_folder(folder).mod) == ["rna"]


def test_an_archive_that_was_cut_short(shared_data, tmp_path):
    packed = Path(shutil.make_archive(tmp_path / "xenium", "zip", shared_data / "formats/xenium"))
    packed.write_bytes(packed.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"xenium\.zip is no archive .* cut short"):
        io.read_folder(packed)


def test_files_beside_folders_of_other_machines(shared_data, tmp_path):
    shutil.copy(shared_data / "formats/stereoseq_bin1.gem.gz", tmp_path)
    shutil.copytree(shared_data / "formats/cosmx", tmp_path / "slide")
    with pytest.raises(ValueError, match=r"Stereo-seq beside .*slide \(CosMx\).*machine="):
        io.read_folder(tmp_path)
    assert io.read_folder(tmp_path, "stereo-seq").uns["smart_folder"]["machine"] == "Stereo-seq"
