"""Folders that come as one packed file."""

from __future__ import annotations

import logging
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from smartcore.io._files import reading

logger = logging.getLogger("smartcore")

_EXPECTED = "a packed folder (.zip, .tar or .tar.gz)"


SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive, packed or not, whatever its name."""
    return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Unpack an archive to a temporary folder, which is there until the end of the block.

    Raises
    ------
    ValueError
        If it is damaged, or has a member that would be written elsewhere or is no plain file.
    OSError
        If the disk has no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="smartcore-") as place:
        # So that messages name the archive.
        folder = Path(place) / path.name
        folder.mkdir()
        with reading(path, _EXPECTED):
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    sizes = {m.filename: m.file_size for m in packed.infolist()}
                    _check(path, folder, sizes)
                    packed.extractall(folder)
            else:
                with tarfile.open(path) as tape:
                    members = tape.getmembers()
                    for member in members:
                        if not (member.isfile() or member.isdir()):
                            raise ValueError(f"{member.name} in it is a link or a device")
                    _check(path, folder, {m.name: m.size for m in members})
                    for member in members:
                        member.mode = 0o700 if member.isdir() else 0o600
                        tape.extract(member, folder, set_attrs=False)
        yield folder


def _check(path: Path, folder: Path, sizes: dict[str, int]) -> None:
    """Refuse members that lead out of the folder, and more than fits on the disk."""
    for name in sizes:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or name.startswith(("/", "\\")) or ":" in (parts or ("",))[0]:
            raise ValueError(f"{name} in it would be written outside the folder")
    needed, free = sum(sizes.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise PermissionError(
            f"{path} holds {needed / 1e9:.1f} GB, and {folder.parent} has {free / 1e9:.1f} GB "
            "free: unpack it elsewhere and give the folder, or set TMPDIR to a larger disk"
        )
    logger.info("%s: unpacking %d files, %.1f MB", path, len(sizes), needed / 1e6)
