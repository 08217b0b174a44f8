"""Blocks of a matrix that is larger than memory, through dask."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import h5py
import numpy as np
import psutil
import scipy.sparse as sp
from anndata.abc import CSCDataset, CSRDataset
from anndata.compat import DaskArray
from numpy.typing import NDArray

from smartcore.pp._blocks import Blocks, Step
from smartcore.pp._sparse import check_sparse

# Values in a block: about 50 MB, and a few times as much while it is worked on.
_BLOCK = 1 << 22
_MOST_THREADS = 8
_FAN_IN = 16


@dataclass(frozen=True)
class OnDisk(Blocks):
    """Blocks that dask loads, by its threads or on its cluster, whenever they are needed.

    Attributes
    ----------
    parts
        Delayed blocks: dense or sparse.
    sizes
        Rows of each.
    steps
        What is done to a block once it is loaded.
    progress
        Draw a progress bar for each pass.
    """

    shape: tuple[int, int]
    parts: list[Any]
    sizes: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    progress: bool = False
    dear = True

    def map(self, step: Step, n_columns: int) -> OnDisk:
        """The same blocks with a step more, done at each pass."""
        return replace(self, shape=(self.shape[0], n_columns), steps=(*self.steps, step))

    def sums(
        self, function: Callable[..., tuple[NDArray, ...]], *by_row: NDArray
    ) -> tuple[NDArray, ...]:
        """Sums over the blocks, in an order that does not depend on who is done first."""
        from dask import delayed

        tasks = self._tasks(function, by_row)
        add = delayed(_add, pure=False)
        while len(tasks) > 1:
            tasks = [reduce(add, tasks[i : i + _FAN_IN]) for i in range(0, len(tasks), _FAN_IN)]
        return self._compute(tasks)[0]

    def rows(self, function: Callable[..., NDArray], *by_row: NDArray) -> NDArray:
        """Rows of all blocks, one below the other."""
        return np.concatenate(self._compute(self._tasks(function, by_row)))

    def _tasks(self, function: Callable[..., Any], by_row: Sequence[NDArray]) -> list[Any]:
        from dask import delayed

        run = delayed(_run, pure=False)
        ends = np.cumsum(self.sizes)[:-1]
        slices = zip(*(np.split(a, ends) for a in by_row), strict=True) if by_row else None
        rows: Sequence[Any] = list(slices) if slices else [()] * len(self.parts)
        return [
            run(part, self.steps, function, own) for part, own in zip(self.parts, rows, strict=True)
        ]

    def _compute(self, tasks: list[Any]) -> tuple[Any, ...]:
        import dask
        from tqdm.dask import TqdmCallback

        threads = dask.config.get("num_workers", None) or min(_MOST_THREADS, os.cpu_count() or 1)
        bar = (
            TqdmCallback(desc="pass over the counts", leave=False)
            if self.progress
            else nullcontext()
        )
        # A cluster has workers of its own, and a dashboard.
        with bar, dask.config.set(num_workers=threads):
            return dask.compute(*tasks)


def _run(
    part: Any, steps: Sequence[Step], function: Callable[..., Any], by_row: Sequence[NDArray]
) -> Any:
    for step in steps:
        part = step(part)
    return function(part, *by_row)


def _add(a: Sequence[NDArray], b: Sequence[NDArray]) -> tuple[NDArray, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def is_lazy(source: object) -> bool:
    """Whether values are on disk or in a dask array, rather than in memory."""
    return isinstance(source, CSRDataset | CSCDataset | DaskArray) or _is_stored_array(source)


def _is_stored_array(source: object) -> bool:
    zarr_array = type(source).__module__.startswith("zarr.") and hasattr(source, "chunks")
    return isinstance(source, h5py.Dataset) or zarr_array


def on_disk(source: Any, place: str, *, progress: bool = False) -> OnDisk:
    """Blocks of what :func:`is_lazy`.

    Raises
    ------
    ImportError
        If dask is not there.
    ValueError
        If its columns cannot be told by rows without reading all.
    """
    x = as_dask(source, place)
    sizes = x.chunks[0]
    return OnDisk(x.shape, list(x.to_delayed().ravel()), sizes, progress=progress)


def changed(source: Any, step: Step, n_columns: int, place: str) -> Any:
    """Dask array of CSR blocks: those of ``source``, on disk or in memory, after ``step``."""
    if is_lazy(source):
        x = as_dask(source, place)
    else:
        da, _ = _dask(place)
        x = da.from_array(sp.csr_matrix(source), chunks=(-1, -1), asarray=False)
    return x.map_blocks(
        _changed,
        step,
        dtype=x.dtype,
        chunks=(x.chunks[0], (n_columns,)),
        meta=sp.csr_matrix((0, n_columns), dtype=x.dtype),
    )


def _changed(block: Any, step: Step) -> sp.csr_matrix:
    return step(sp.csr_matrix(block))


def _dask(place: str) -> tuple[Any, Any]:
    try:
        import dask.array as da
        from anndata.experimental import read_elem_lazy
    except ImportError as err:
        raise ImportError(
            f"{place} is on disk, and reading it in blocks needs dask and anndata 0.12: "
            "pip install 'spatialsmart[scale]'; or load it whole by AnnData.to_memory()."
        ) from err
    return da, read_elem_lazy


def as_dask(source: Any, place: str) -> Any:
    """Dask array whose chunks are blocks of whole rows.

    Raises
    ------
    ImportError, ValueError
        As :func:`on_disk`.
    """
    da, read_elem_lazy = _dask(place)
    if isinstance(source, CSCDataset):
        return da.from_array(_by_columns(source, place), chunks=(-1, -1), asarray=False)
    if isinstance(source, CSRDataset):
        n, nnz = source.shape[0], source.group["indices"].shape[0]
        rows = min(n, max(1, _BLOCK * n // max(1, nnz)))
        return read_elem_lazy(source.group, chunks=(rows, -1))
    if _is_stored_array(source):
        rows = min(source.shape[0], max(1, _BLOCK // max(1, source.shape[1])))
        return read_elem_lazy(source, chunks=(rows, -1))
    if source.numblocks[1] > 1:
        if sp.issparse(source._meta):
            raise ValueError(
                f"{place} is a dask array whose chunks are columns ({source.numblocks[1]} of "
                "them); blocks of whole rows are needed: store the matrix as CSR."
            )
        source = source.rechunk({1: -1})
    return source


def _by_columns(source: Any, place: str) -> sp.csr_matrix:
    """A matrix stored by columns, whole: its rows cannot be read apart."""
    size = 2 * sum(source.group[part].nbytes for part in ("data", "indices"))
    if size > psutil.virtual_memory().available:
        raise ValueError(
            f"{place} is stored by columns (CSC), so that its rows cannot be read one block after "
            f"the other, and to load it takes {size / 1e9:.1f} GB, more than there is: store it "
            "by rows (CSR)."
        )
    matrix = source.to_memory()
    try:
        check_sparse(matrix)
    except ValueError as err:
        raise ValueError(f"{place} is damaged: {err}") from err
    return matrix.tocsr()
