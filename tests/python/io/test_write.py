"""Files appear whole or not at all."""

import os
import signal
import stat
import threading
from pathlib import Path

import anndata as ad
import mudata
import numpy as np
import pytest

from helpers.io import small
from smartcore import io
from smartcore.io._writable import make_writable

pytestmark = pytest.mark.usefixtures("no_pulling")


class Unwritable:
    """Something no HDF5 writer knows."""


def test_a_failed_write_harms_nothing(tmp_path):
    path = tmp_path / "a.h5ad"
    io.write_h5ad(small(), path)
    before = path.read_bytes()
    broken = small()
    broken.uns["thing"] = Unwritable()
    with pytest.raises(Exception, match="Unwritable"):
        io.write_h5ad(broken, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5ad"]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    mdata = mudata.MuData({"rna": small()})

    def interrupted(self, path, **_):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(mudata.MuData, "write_h5mu", interrupted)
    with pytest.raises(KeyboardInterrupt):
        io.write_h5mu(mdata, tmp_path / "a.h5mu")
    assert not list(tmp_path.iterdir())


def test_staged_files_appear_together(tmp_path):
    (tmp_path / "b.txt").write_text("old")

    def fail():
        with io.StagedFiles() as files:
            files.stage(tmp_path / "a.txt").write_text("new")
            files.stage(tmp_path / "b.txt").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"b.txt": "old"}
    with io.StagedFiles() as files:
        files.stage(tmp_path / "a.txt").write_text("new")
        files.stage(tmp_path / "b.txt").write_text("new")
        assert not (tmp_path / "a.txt").exists()
        files.commit()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "new", "b.txt": "new"}


def test_one_missing_file_keeps_all_back(tmp_path):
    with io.StagedFiles() as files:
        files.stage(tmp_path / "a.txt").write_text("new")
        files.stage(tmp_path / "b.txt")
        with pytest.raises(FileNotFoundError):
            files.commit()
    assert not list(tmp_path.iterdir())


def test_interrupt_does_not_split_the_moves(tmp_path, monkeypatch):
    replace = os.replace

    def interrupting(source, target):
        os.kill(os.getpid(), signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupting)
    handler = signal.getsignal(signal.SIGINT)
    with io.StagedFiles() as files:
        for name in ("a.txt", "b.txt"):
            files.stage(tmp_path / name).write_text("new")
        files.commit()
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", "b.txt"}
    assert signal.getsignal(signal.SIGINT) is handler


def test_staged_files_work_outside_the_main_thread(tmp_path):
    thread = threading.Thread(target=io.write_h5ad, args=(small(), tmp_path / "a.h5ad"))
    thread.start()
    thread.join()
    assert io.read_modality(tmp_path / "a.h5ad").shape == (6, 4)


def test_links_and_permissions_are_kept(tmp_path):
    (tmp_path / "store").mkdir()
    link = tmp_path / "a.h5ad"
    link.symlink_to(tmp_path / "store/real.h5ad")
    io.write_h5ad(small(), link)
    assert link.is_symlink()
    assert io.read_modality(tmp_path / "store/real.h5ad").shape == (6, 4)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(link.stat().st_mode) == 0o666 & ~mask


def test_check_destination(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError, match=r"folder .*none does not exist"):
        io.check_destination(tmp_path / "none/a.h5mu")
    with pytest.raises(OSError, match=r"is not a folder|Not a directory"):
        io.check_destination(tmp_path / "file/a.h5mu")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        io.check_destination(tmp_path)
    with pytest.raises(FileExistsError, match="exists already"):
        io.check_destination(tmp_path / "file", overwrite=False)
    assert io.check_destination(tmp_path / "file") == tmp_path.resolve() / "file"


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(PermissionError, match=r"is not writable .*Read-only file system"):
        io.write_h5ad(small(), tmp_path / "a.h5ad")


def test_the_suffix_says_the_format(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.h5ad; got '\.csv'"):
        io.write_h5ad(small(), tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"must end in \.h5mu; got 'no suffix'"):
        io.write_h5mu(mudata.MuData({"rna": small()}), tmp_path / "a")


def test_an_index_of_an_empty_name(tmp_path):
    adata = ad.AnnData(np.ones((2, 2)))
    adata.obs["batch"] = ["a", "b"]
    adata.obs.index.name = ""
    with pytest.raises(ValueError, match="the index of obs has an empty name"):
        io.write_h5ad(adata, tmp_path / "out.h5ad")
    assert not list(tmp_path.iterdir())
    assert make_writable(adata) == []
    io.write_h5ad(adata, tmp_path / "out.h5ad")
    assert ad.read_h5ad(tmp_path / "out.h5ad").obs["batch"].tolist() == ["a", "b"]
