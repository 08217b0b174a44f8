"""AnnData whose counts stay on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
from anndata import AnnData

from smartcore.io._files import existing, hdf5_content, reading

_EXPECTED = "an .h5ad file or a .zarr store of AnnData"


def is_zarr(path: Path) -> bool:
    """Whether `path` is a folder that holds a zarr store."""
    return path.is_dir() and any((path / name).exists() for name in (".zgroup", "zarr.json"))


def check_zarr(path: Path) -> None:
    """Refuse zarr stores that hold something else than an AnnData.

    Raises
    ------
    ValueError
        If it is one; the message says what it holds and what would do.
    """
    import zarr

    with reading(path, "a zarr store"):
        group = zarr.open_group(path, mode="r")
        encoding = str(dict(group.attrs).get("encoding-type", "")).lower()
        keys = set(group.keys())
        inner: Any = group["tables"] if "tables" in keys else {}
        tables = sorted(inner.keys())
    if lost := _lost(path):
        raise ValueError(
            f"{path} is damaged: it lists {lost[0]!r}, which is not there (of {len(lost)} such)"
        )
    if encoding == "mudata" or "mod" in keys:
        raise ValueError(
            f"{path} is a MuData store: write it as .h5mu "
            f"(mudata.read_zarr({str(path)!r}).write_h5mu(…)), or give one of its modalities, such "
            f"as {path}/mod/rna"
        )
    if tables or {"images", "shapes", "points", "labels"} & keys:
        named = ", ".join(f"{path}/tables/{table}" for table in tables) or "which it lacks"
        raise ValueError(f"{path} is a SpatialData store: give one of its tables, {named}")
    if not {"obs", "var"} <= keys:
        raise ValueError(
            f"{path} is a zarr store, but holds no AnnData (obs, var); it holds "
            f"{', '.join(sorted(keys)) or 'nothing'}"
        )


def _lost(path: Path) -> list[str]:
    """Arrays and groups that a store lists and does not hold: they would be read as zeros."""
    with reading(path, "a zarr store"):
        if (listed := path / ".zmetadata").is_file():
            files = json.loads(listed.read_text())["metadata"]
            names = [name for name in files if name.endswith((".zarray", ".zgroup"))]
        elif (listed := path / "zarr.json").is_file():
            content = json.loads(listed.read_text()).get("consolidated_metadata") or {}
            names = [f"{name}/zarr.json" for name in content.get("metadata", {})]
        else:
            names = []
    return [name.rpartition("/")[0] for name in names if not (path / name).is_file()]


def is_old(path: Path) -> bool:
    """Whether an .h5ad file is of anndata before 0.7, which cannot be read in blocks."""
    with reading(path, "AnnData (.h5ad)"), h5py.File(path, "r") as file:
        return not all(
            isinstance(file[name], h5py.Group) for name in ("obs", "var") if name in file
        )


def read_lazily(path: str | Path) -> AnnData:
    """Read all but the counts of an AnnData: its ``X`` and layers become dask arrays.

    They are read from disk in blocks of spots whenever :mod:`smartcore.pp` needs them, so that
    a matrix may be larger than memory.

    Parameters
    ----------
    path
        An ``.h5ad`` file or a ``.zarr`` store. It must stay where it is.

    Returns
    -------
    AnnData
        As stored, without ``raw`` and ``obsp``.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it is of another format, or its counts are stored by columns and too large.
    ImportError
        If dask (or, for zarr, zarr) is not there.

    Examples
    --------
    >>> import tempfile
    >>> import smartcore as sm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/rna.h5ad"
    ...     sm.datasets.tri_omics((12, 12)).mod["rna"].write_h5ad(path)
    ...     adata = sm.io.read_lazily(path)
    ...     sm.pp.rna(adata, n_comps=10, progress=False)
    >>> type(adata.X).__module__.startswith("dask"), adata.obsm["X_pca"].shape
    (True, (144, 10))
    """
    source = existing(path, _EXPECTED)
    if is_zarr(source):
        check_zarr(source)
        with reading(source, "AnnData (.zarr)"):
            import zarr

            return _anndata(zarr.open_group(source, mode="r"), str(source))
    if (content := hdf5_content(source)) != "anndata":
        raise ValueError(f"{source} holds {content}; expected {_EXPECTED} to read it in blocks")
    if is_old(source):
        raise ValueError(
            f"{source} was written by anndata before 0.7 and cannot be read in blocks: read it whole "
            "(io.read_modality; --no-backed on the command line), or write it anew with a present "
            "anndata"
        )
    with reading(source, "AnnData (.h5ad)"), h5py.File(source, "r") as file:
        # dask opens the file by its name when it needs it.
        return _anndata(file, str(source))


def _anndata(group: Any, place: str) -> AnnData:
    from smartcore.pp._on_disk import as_dask

    def lazy(elem: Any, name: str) -> Any:
        what = f"{name} of {place}"
        if hasattr(elem, "keys"):
            return as_dask(ad.io.sparse_dataset(elem), what)
        return as_dask(elem, what)

    def there(name: str) -> Any:
        return ad.io.read_elem(group[name]) if name in group else None

    x = lazy(group["X"], "X") if "X" in group and np.any(group["X"].attrs.get("shape", 1)) else None
    layers = {
        name: lazy(elem, f"layer {name!r}") for name, elem in dict(group.get("layers", {})).items()
    }
    return AnnData(
        X=x,
        layers=layers,
        **{name: there(name) for name in ("obs", "var", "uns", "obsm", "varm")},
    )


def values_in_memory(path: Path) -> int | None:
    """Bytes that ``X`` and layers of an AnnData take in memory; ``None`` for what is none.

    Raises
    ------
    ValueError, OSError
        If the file is damaged or cannot be opened.
    """
    if is_zarr(path):
        with reading(path, "AnnData (.zarr)"):
            import zarr

            return _bytes(zarr.open_group(path, mode="r"))
    if path.is_file() and h5py.is_hdf5(path):
        with reading(path, "HDF5"), h5py.File(path, "r") as file:
            return _bytes(file)
    return None


def _bytes(group: Any) -> int | None:
    if "X" not in group or "obs" not in group:
        return None
    if not hasattr(group["obs"], "keys"):
        return None  # of an anndata whose files are read whole
    size = 0
    for x in (group["X"], *dict(group.get("layers", {})).values()):
        parts = [x[name] for name in ("data", "indices")] if hasattr(x, "keys") else [x]
        size += sum(part.size * part.dtype.itemsize for part in parts)
    return size
