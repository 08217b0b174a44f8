"""Results back into SpatialData: into the tables of an object, or of a copy of a store."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.io import read_elem, write_elem

from smartcore import _keys
from smartcore.io._annotation import ATTRS, RECORD, annotation_of, spot_names
from smartcore.io._stores import ZMETADATA

if TYPE_CHECKING:
    from mudata import MuData
    from spatialdata import SpatialData

logger = logging.getLogger("smartcore")


class _Table(NamedTuple):
    """What names the rows of a table."""

    obs: pd.DataFrame
    attrs: Mapping[str, Any] | None


class _Results(NamedTuple):
    """Results in the order of a table's rows, by their keys."""

    obs: dict[str, pd.Categorical]
    obsm: dict[str, np.ndarray]
    uns: dict[str, Any]


def add_to_spatialdata(
    sdata: SpatialData, data: AnnData | MuData, *, key: str = _keys.RESULT
) -> None:
    """Write embedding and domains into the tables that they were computed from.

    Parameters
    ----------
    sdata
        The SpatialData object; its tables are changed in place, in memory. To keep them on disk,
        write it to a new store, or write the table by
        ``sdata.write_element("table", overwrite=True)``.
    data
        What :func:`read_spatialdata` returned for it, or one of its modalities, after
        :func:`smartcore.tl.smart` and, where domains are wanted, :func:`smartcore.tl.cluster`.
    key
        ``key_added`` of these two.

    Returns
    -------
    None. Each table has ``obsm["X_smart"]``, ``obs["smart"]``, ``obsm["smart_memberships"]``,
    ``uns["smart"]`` and ``uns["smart_clusters"]``, as far as `data` has them. Rows keep their
    order; those that were left out have NaN, and no domain. Nothing else is changed.

    Raises
    ------
    KeyError
        If `data` has no embedding, or `sdata` lacks a table that was read.
    ValueError
        If no spot of `data` is in a table. Nothing is changed then.

    Examples
    --------
    >>> import smartcore as sm
    >>> mdata = sm.io.read_spatialdata(sdata)  # doctest: +SKIP
    >>> sm.pp.rna(mdata["rna"])  # doctest: +SKIP
    >>> sm.tl.smart(mdata)  # doctest: +SKIP
    >>> sm.tl.cluster(mdata, 7)  # doctest: +SKIP
    >>> sm.io.add_to_spatialdata(sdata, mdata)  # doctest: +SKIP
    """
    wanted = _tables_of(data)
    if missing := [name for name in wanted if name not in sdata.tables]:
        raise KeyError(
            f"sdata has no table {missing[0]!r}, which the data were read from; it has "
            f"{', '.join(map(repr, sdata.tables)) or 'none'}"
        )
    tables = {
        name: _Table(sdata.tables[name].obs, sdata.tables[name].uns.get(ATTRS)) for name in wanted
    }
    for name, results in _by_table(data, tables, key).items():
        adata = sdata.tables[name]
        for column, values in results.obs.items():
            adata.obs[column] = values
        adata.obsm.update(results.obsm)
        adata.uns.update(results.uns)


def add_to_store(path: Path, data: AnnData | MuData, *, key: str = _keys.RESULT) -> None:
    """Do the same with the tables of a store, of which nothing else is read or written.

    Parameters
    ----------
    path
        The store: a copy, as an interrupt leaves it half-written.
    data, key
        As for :func:`add_to_spatialdata`.
    """
    import zarr

    root = zarr.open_group(path, mode="r+", use_consolidated=False)
    groups: dict[str, Any] = {name: root[f"tables/{name}"] for name in _tables_of(data)}
    tables = {}
    for name, group in groups.items():
        uns: Any = group.get("uns", {})
        tables[name] = _Table(
            read_elem(group["obs"]), read_elem(uns[ATTRS]) if ATTRS in uns else None
        )
    for name, results in _by_table(data, tables, key).items():
        group = groups[name]
        columns = list(group["obs"].attrs["column-order"])
        for column, values in results.obs.items():
            write_elem(group["obs"], column, values)
        new = [column for column in results.obs if column not in columns]
        group["obs"].attrs["column-order"] = [*columns, *new]
        for place, elements in (("obsm", results.obsm), ("uns", results.uns)):
            if place not in group:
                write_elem(group, place, {})
            for own, value in elements.items():
                write_elem(group[place], own, value)
    _list_anew(path)


def _list_anew(path: Path) -> None:
    """Bring the list of all arrays up to date, where a store has one."""
    import zarr

    if (listed := path / ZMETADATA).is_file():
        content = json.loads(listed.read_text())
        files = [*path.glob("tables/.z*"), *path.glob("tables/**/.z*")]
        old = {k: v for k, v in content["metadata"].items() if not k.startswith("tables/")}
        new = {file.relative_to(path).as_posix(): json.loads(file.read_text()) for file in files}
        listed.write_text(json.dumps(content | {"metadata": dict(sorted((old | new).items()))}))
    group = zarr.open_group(path, mode="r")
    if group.metadata.consolidated_metadata is not None:
        with warnings.catch_warnings():
            # Parquet files lie between the arrays.
            warnings.filterwarnings("ignore", message="Object at .* is not recognized")
            zarr.consolidate_metadata(group.store.with_read_only(False))


def copy_store(source: Path, target: Path, *, linked: bool = False) -> None:
    """Copy a store.

    Parameters
    ----------
    source, target
        The store, and a path at which there is nothing.
    linked
        Let the copy share the files of elements that are no tables, which no one may then write
        to, where the file system can do so.

    Raises
    ------
    OSError
        If there is too little space, or a file cannot be read.
    """
    files = [path for path in source.rglob("*") if path.is_file()]
    needed = sum(path.stat().st_size for path in files if not (linked and _shared(path, source)))
    free = shutil.disk_usage(target.parent).free
    if 1.1 * needed > free:
        raise OSError(
            f"no space is left in {target.parent}: a copy of {source} takes {needed / 1e6:.1f} MB, "
            f"{free / 1e6:.1f} MB are free"
        )

    def copy(one: str, other: str) -> None:
        if linked and _shared(Path(one), source):
            try:
                os.link(one, other)
                return
            except OSError:  # not on every file system
                pass
        shutil.copyfile(one, other)

    if not linked:
        logger.info("copying %s (%.1f MB)", source, needed / 1e6)
    shutil.copytree(source, target, copy_function=copy)
    for path in (target, *(one for one in target.rglob("*") if one.is_dir())):
        path.chmod(path.stat().st_mode | 0o700)  # the input may be read-only


def _shared(path: Path, store: Path) -> bool:
    """Whether a file of a store is one that :func:`add_to_store` does not write."""
    parts = path.relative_to(store).parts
    return len(parts) > 1 and parts[0] != "tables"


def _tables_of(data: AnnData | MuData) -> list[str]:
    record = data.uns.get(RECORD)
    if not isinstance(record, Mapping) or "tables" not in record:
        raise KeyError(
            f"data has no uns[{RECORD!r}], which says what tables it is of: read the SpatialData by "
            "smartcore.io.read_spatialdata"
        )
    return list(dict.fromkeys(map(str, record["tables"])))


def _by_table(
    data: AnnData | MuData, tables: Mapping[str, _Table], key: str
) -> dict[str, _Results]:
    embedding = f"X_{key}"
    if embedding not in data.obsm:
        raise KeyError(f"data has no embedding obsm[{embedding!r}]: run smartcore.tl.smart first")
    names = spot_names(
        {
            name: (table.obs.index, annotation_of(table.obs, table.attrs, f"table {name!r}"))
            for name, table in tables.items()
        }
    )
    found = {name: own for name, own in names.items() if own.isin(data.obs_names).any()}
    if not found:
        (name, own), *_ = names.items()
        raise ValueError(
            f"no spot of the data is in table {name!r}: the data have such as "
            f"{str(data.obs_names[0])!r}, the table such as {str(own[0])!r}"
        )
    return {name: _of_rows(data, own, key) for name, own in found.items()}


def _of_rows(data: AnnData | MuData, names: pd.Index, key: str) -> _Results:
    rows = data.obs_names.get_indexer(names)
    there = rows >= 0
    obsm = {}
    for name in (f"X_{key}", f"{key}_memberships"):
        if name in data.obsm:
            values = np.asarray(data.obsm[name])
            obsm[name] = np.full((len(names), values.shape[1]), np.nan, values.dtype)
            obsm[name][there] = values[rows[there]]
    obs = {}
    if key in data.obs:
        domains = pd.Categorical(data.obs[key])
        codes = np.where(there, domains.codes[rows], -1)
        obs[key] = pd.Categorical.from_codes(codes, domains.categories)
    uns = {name: data.uns[name] for name in (key, f"{key}_clusters") if name in data.uns}
    return _Results(obs, obsm, uns)
