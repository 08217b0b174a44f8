"""What a path holds, and errors that name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

Content = Literal["anndata", "mudata", "10x"]


def existing(path: str | Path, expected: str) -> Path:
    """Return `path` as a :class:`~pathlib.Path` if there is something at it.

    Raises
    ------
    FileNotFoundError
        If there is not; the message says what was `expected`.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected {expected}")
    return path


def is_litter(path: Path) -> bool:
    """Whether it is one of the files that macOS leaves in folders and archives."""
    return any(part.startswith(("._", ".DS_Store", "__MACOSX")) for part in path.parts[-2:])


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Turn whatever a reader raises into an error that names the file and what it should be.

    Raises
    ------
    ValueError
        If the content could not be read.
    OSError
        If the file could not be opened (permissions, a folder in its place).
    """
    try:
        yield
    except (PermissionError, FileNotFoundError, IsADirectoryError, ImportError, MemoryError):
        raise
    except Exception as err:
        # h5py and anndata append long traces of their own: the first line is the message.
        reason = next(iter(str(err).strip().splitlines()), "") or type(err).__name__
        raise ValueError(
            f"{path} could not be read as {expected}; it may be truncated, damaged or of another "
            f"format ({reason})"
        ) from err


def attribute(holder: h5py.File | h5py.Group | h5py.Dataset, name: str, default: Any) -> Any:
    """One value that HDF5 keeps beside the data, which some programs write as an array of one."""
    values = np.ravel(holder.attrs.get(name, default))
    return values[0] if values.size else default


def hdf5_content(path: Path) -> Content:
    """Say what an HDF5 file holds, by its groups and whatever its name.

    Raises
    ------
    ValueError
        If it is no HDF5 file, is truncated, or holds none of the known layouts.
    """
    expected = "an HDF5 file (.h5ad, .h5mu or a 10x .h5)"
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected {expected}")
    with path.open("rb"):
        pass  # permissions, before h5py hides them
    if path.suffix.lower() in (".rda", ".rdata"):
        raise ValueError(
            f"{path} is a workspace of R, which may hold several objects: load() it in R and save "
            "the object by itself, saveRDS(object, 'file.rds')"
        )
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is not {expected}, or its beginning is damaged")
    with reading(path, expected), h5py.File(path, "r") as file:
        encoding = str(file.attrs.get("encoding-type", "")).lower()
        keys = set(file)
        if encoding == "mudata" or "mod" in keys:
            mod = file.get("mod")
            for name, part in dict(mod if isinstance(mod, h5py.Group) else {}).items():
                # Without them spots and features would get numbers for names.
                if isinstance(part, h5py.Group) and not {"obs", "var"} <= set(part):
                    raise ValueError(f"its modality {name!r} has no table of spots or features")
            return "mudata"
        if {"obs", "var"} <= keys:
            return "anndata"
        if encoding == "anndata":
            raise ValueError("it has no table of spots (obs) or of features (var)")
        groups = [node for node in file.values() if isinstance(node, h5py.Group)]
        if any({"barcodes", "indptr", "shape"} <= set(group) for group in groups):
            return "10x"
    found = ", ".join(sorted(keys)) or "nothing"
    raise ValueError(
        f"{path} is an HDF5 file, but neither AnnData (obs, var), MuData (mod) nor a 10x matrix "
        f"(matrix/barcodes); it holds: {found}"
    )
