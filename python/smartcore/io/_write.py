"""Writing so that a file is either whole or not there."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import psutil
from anndata import AnnData

from smartcore.io._folders import check_can_be_written_to
from smartcore.io._stores import is_zarr
from smartcore.io._writable import check_writable

if TYPE_CHECKING:
    from mudata import MuData

_HOST = "".join(c if c.isalnum() else "_" for c in platform.node()) or "here"

Compression = Literal["gzip", "lzf"] | None


def check_destination(path: str | Path, *, overwrite: bool = True, store: bool = False) -> Path:
    """Check that a file can be written at `path`, before any work is done.

    Parameters
    ----------
    path
        The file to be written.
    overwrite
        Whether a file that is there may be replaced.
    store
        Whether a zarr store is to be written, and not a file.

    Returns
    -------
    pathlib.Path
        The path with links followed, so that replacing it leaves a link in place.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If its folder does not exist or is no folder.
    IsADirectoryError
        If `path` is itself a folder, and not a store that a store is to replace.
    FileExistsError
        If a file is there and `overwrite` is False, or a store is to replace it.
    PermissionError
        If the folder cannot be written to.
    """
    path = Path(path).expanduser().resolve()
    folder = path.parent
    if not folder.exists():
        raise FileNotFoundError(f"cannot write {path}: the folder {folder} does not exist")
    if not folder.is_dir():
        raise NotADirectoryError(f"cannot write {path}: {folder} is not a folder")
    if path.is_dir() and not (store and is_zarr(path)):
        what = "a folder that is no store" if store else "a folder"
        raise IsADirectoryError(f"cannot write {path}: it is {what}")
    if store and path.is_file():
        raise FileExistsError(f"cannot write {path}: it is a file, and no store")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already")
    check_can_be_written_to(folder, f"cannot write {path}")
    return path


class StagedFiles:
    """Several files, or zarr stores, that appear together or not at all.

    Used as a context manager: each file is written at the temporary path that :meth:`stage`
    gives, in the folder of its destination, and :meth:`commit` moves all into place. Leaving the
    block without a commit, by an error or an interrupt, removes the temporary files and leaves
    what was there before.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with io.StagedFiles() as files:
    ...         temporary = files.stage(Path(folder) / "a.txt")
    ...         _ = temporary.write_text("whole")
    ...         _ = files.commit()
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """

    def __init__(self) -> None:
        self._moves: dict[Path, Path] = {}

    def stage(self, path: str | Path, *, store: bool = False) -> Path:
        """Return the temporary path at which to write the file meant for `path`.

        With `store` that is a zarr store, which replaces one that is there.

        Raises
        ------
        OSError
            As :func:`check_destination`.
        """
        final = check_destination(path, store=store)
        _remove_abandoned(final)
        temporary = _temporary(final)
        self._moves[temporary] = final
        return temporary

    def commit(self) -> list[Path]:
        """Move all files into place, and return where they are."""
        for temporary in self._moves:
            _flush_to_disk(temporary)
        replaced: list[Path] = []
        with _uninterrupted():
            for temporary, final in self._moves.items():
                if final.is_dir():
                    # No folder can take the place of one that has content.
                    replaced.append(_temporary(final))
                    os.rename(final, replaced[-1])
                try:
                    os.replace(temporary, final)
                except OSError:
                    if replaced and not final.exists():
                        os.rename(replaced.pop(), final)
                    raise
            done = list(self._moves.values())
            self._moves.clear()
        for path in replaced:
            _remove(path)
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for temporary in self._moves:
            _remove(temporary)
        self._moves.clear()


def _temporary(final: Path) -> Path:
    # The suffix stays last, as writers choose the format by it.
    mark = f"{_HOST}-{os.getpid()}-{secrets.token_hex(4)}"
    return final.with_name(f".{final.stem}.{mark}.partial{final.suffix}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_abandoned(final: Path) -> None:
    """Remove what a process of this machine that was killed had begun to write there."""
    start, end = f".{final.stem}.{_HOST}-", f".partial{final.suffix}"
    for path in final.parent.glob(f".*{end}"):
        pid = path.name[len(start) :].partition("-")[0]
        if path.name.startswith(start) and pid.isdecimal() and not psutil.pid_exists(int(pid)):
            _remove(path)


def _flush_to_disk(path: Path) -> None:
    parts = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    for part in parts:
        with part.open("rb+") as file:
            os.fsync(file.fileno())


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C for the moment that renaming takes."""
    previous = signal.getsignal(signal.SIGINT)
    # Only the main thread may do so, and a handler set outside Python could not be put back.
    if previous is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def write_h5mu(mdata: MuData, path: str | Path, *, compression: Compression = "gzip") -> None:
    """Write a MuData object, replacing the file only when the new one is whole.

    Parameters
    ----------
    mdata
        The object.
    path
        The ``.h5mu`` file.
    compression
        Compression of the arrays.

    Raises
    ------
    ValueError
        If `path` does not end in ``.h5mu``, or a table, a key or the name of a modality cannot be
        written and read again; the message names it.
    OSError
        If the folder is missing or cannot be written to, or the disk is full; a file that was
        there is kept.
    """
    _check_suffix(path, ".h5mu")
    check_writable(mdata)
    with StagedFiles() as files:
        mdata.write_h5mu(files.stage(path), compression=compression)
        files.commit()


def write_h5ad(adata: AnnData, path: str | Path, *, compression: Compression = "gzip") -> None:
    """Write an AnnData object, replacing the file only when the new one is whole.

    Parameters
    ----------
    adata
        The object.
    path
        The ``.h5ad`` file.
    compression
        Compression of the arrays.

    Raises
    ------
    ValueError
        If `path` does not end in ``.h5ad``, or as :func:`write_h5mu`.
    OSError
        As :func:`write_h5mu`.
    """
    _check_suffix(path, ".h5ad")
    check_writable(adata)
    with StagedFiles() as files:
        adata.write_h5ad(files.stage(path), compression=compression)
        files.commit()


def _check_suffix(path: str | Path, suffix: str) -> None:
    if Path(path).suffix != suffix:
        raise ValueError(f"{path} must end in {suffix}; got {Path(path).suffix or 'no suffix'!r}")
