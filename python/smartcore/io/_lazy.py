"""AnnData whose counts stay on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
from anndata import AnnData
from anndata.compat import DaskArray

from smartcore.io._files import existing, hdf5_content, reading
from smartcore.io._stores import check_whole, is_zarr, look_into

_EXPECTED = "an .h5ad file or a .zarr store of AnnData"


def check_zarr(path: Path) -> None:
    """Refuse zarr stores that hold something else than an AnnData.

    Raises
    ------
    ValueError
        If it is one; the message says what it holds and what would do.
    """
    store = look_into(path)
    check_whole(path)
    if store.content == "mudata":
        raise ValueError(
            f"{path} is a MuData store: write it as .h5mu "
            f"(mudata.read_zarr({str(path)!r}).write_h5mu(…)), or give one of its modalities, such "
            f"as {path}/mod/rna"
        )
    if store.content == "spatialdata":
        named = ", ".join(f"{path}/tables/{table}" for table in store.tables) or "which it lacks"
        raise ValueError(
            f"{path} is a SpatialData store: read it with its places by io.read_spatialdata (on "
            f"the command line: as INPUT), or give one of its tables, {named}"
        )
    if store.content is None:
        raise ValueError(
            f"{path} is a zarr store, but holds no AnnData (obs, var); it holds "
            f"{', '.join(store.keys) or 'nothing'}"
        )


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


def in_memory(values: Any) -> Any:
    """A matrix whose values are in memory: those of a dask array are read."""
    return values.compute() if isinstance(values, DaskArray) else values


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
