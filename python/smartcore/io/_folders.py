"""Folders that are either whole or not there."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_folder(path: str | Path, *, mark: str, overwrite: bool) -> Path:
    """Check that a folder can be written at `path`, before any work is done.

    Parameters
    ----------
    path
        The folder to be written.
    mark
        A file that is in every folder of this kind. One without it is another's and is kept.
    overwrite
        Whether a folder of this kind that is there may be replaced.

    Returns
    -------
    pathlib.Path
        The path with links followed.

    Raises
    ------
    FileNotFoundError
        If the folder around it does not exist.
    FileExistsError
        If something is there that may not be replaced.
    PermissionError
        If the folder around it cannot be written to.
    """
    given, path = Path(path), Path(path).expanduser().resolve()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {given}: the folder {path.parent} does not exist")
    check_can_be_written_to(path.parent, f"cannot write {given}")
    if not path.exists():
        return path
    if not path.is_dir() or not (path / mark).is_file():
        if path.is_dir() and not any(path.iterdir()):
            return path
        raise FileExistsError(
            f"{given} exists already and is no folder of an export (it has no {mark}): name another"
        )
    if not overwrite:
        raise FileExistsError(f"{given} exists already: overwrite=True replaces it")
    return path


def check_can_be_written_to(folder: Path, refusal: str) -> None:
    """Refuse a folder in which no file can be made.

    Raises
    ------
    PermissionError
        With `refusal` in front.
    """
    try:
        # Permission bits say little about network drives and nothing to root: try it.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as err:
        why = err.strerror or err
        raise PermissionError(f"{refusal}: the folder {folder} is not writable ({why})") from err


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder in which to write, and put it in the place of ``path`` at the end.

    An error or an interrupt within removes it and leaves what was there.
    """
    token = f"{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{token}.partial")
    temporary.mkdir()
    try:
        yield temporary
        if not path.exists():
            temporary.rename(path)
            return
        old = path.with_name(f".{path.name}.{token}.old")
        path.rename(old)
        try:
            temporary.rename(path)
        except OSError:
            old.rename(path)
            raise
        shutil.rmtree(old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
