"""Zarr stores: what they hold, and whether they are whole."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from smartcore.io._files import reading

ELEMENTS = ("images", "labels", "points", "shapes")
"""Groups in which SpatialData keeps what is not a table."""

ZMETADATA = "zmetadata"
"""File with the metadata of all arrays in stores that SpatialData wrote with zarr 2."""

Content = Literal["anndata", "mudata", "spatialdata"]


class Store(NamedTuple):
    """What a zarr store holds: of which kind it is, if known, its groups and its tables."""

    content: Content | None
    keys: list[str]
    tables: list[str]


def is_zarr(path: Path) -> bool:
    """Whether `path` is a folder that holds a zarr store."""
    return path.is_dir() and any((path / name).exists() for name in (".zgroup", "zarr.json"))


def look_into(path: Path) -> Store:
    """Say what a zarr store holds.

    Raises
    ------
    ImportError
        If zarr is not there.
    ValueError
        If its beginning is damaged.
    """
    import zarr

    with reading(path, "a zarr store"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Object at .* is not recognized")
        group = zarr.open_group(path, mode="r")
        attrs, keys = dict(group.attrs), set(group.keys())
        inner: Any = group["tables"] if "tables" in keys else {}
        tables = sorted(inner.keys())
    content: Content | None = None
    if str(attrs.get("encoding-type", "")).lower() == "mudata" or "mod" in keys:
        content = "mudata"
    elif tables or "spatialdata_attrs" in attrs or {*ELEMENTS} & keys:
        content = "spatialdata"
    elif {"obs", "var"} <= keys:
        content = "anndata"
    return Store(content, sorted(keys), tables)


def is_spatialdata(path: Path) -> bool:
    """Whether `path` is a store of SpatialData."""
    return is_zarr(path) and look_into(path).content == "spatialdata"


def check_whole(path: Path) -> None:
    """Refuse a store that lacks arrays, groups or counts which it says it holds.

    Raises
    ------
    ValueError
        If so: they would be read as zeros.
    """
    if lost := _lost(path):
        raise ValueError(
            f"{path} is damaged: it lists {lost[0]!r}, which is not there (of {len(lost)} such)"
        )
    for table in (path, *path.glob("tables/*")):
        for matrix in (table / "X", *table.glob("layers/*")):
            if is_zarr(matrix) and (n := _lost_values(matrix)):
                raise ValueError(
                    f"{path} is damaged: {n} files with values of {matrix.relative_to(path)} are "
                    "not there"
                )


def _lost_values(path: Path) -> int:
    """Files that are missing of a sparse matrix: those of zeros alone are not written."""
    import zarr

    with reading(path, "a zarr store"):
        group: Any = zarr.open_group(path, mode="r", use_consolidated=False)
        if not {"data", "indices", "indptr"} <= set(group):
            return 0
        lost = {name: group[name].nchunks - group[name].nchunks_initialized for name in group}
        # Where no row has two values, all of them may be in the first column.
        if lost["indices"] and np.diff(group["indptr"][:]).max(initial=0) < 2:
            lost["indices"] = 0
        return int(lost["data"] + lost["indices"])


def version_of(path: Path) -> str | None:
    """Version of a SpatialData store; ``None`` for such as state none."""
    import zarr

    attrs: Any = zarr.open_group(path, mode="r").attrs.get("spatialdata_attrs", {})
    return attrs.get("version")


def _lost(path: Path) -> list[str]:
    with reading(path, "a zarr store"):
        # SpatialData has called the first of these by the second's name.
        if (listed := path / ".zmetadata").is_file() or (listed := path / ZMETADATA).is_file():
            files = json.loads(listed.read_text())["metadata"]
            names = [name for name in files if name.endswith((".zarray", ".zgroup"))]
        elif (listed := path / "zarr.json").is_file():
            content = json.loads(listed.read_text()).get("consolidated_metadata") or {}
            names = [f"{name}/zarr.json" for name in content.get("metadata", {})]
        else:
            names = []
    return [name.rpartition("/")[0] for name in names if not (path / name).is_file()]


def unit_of(path: Path, region: str, system: str) -> str | None:
    """Unit of a coordinate system of one of SpatialData's elements; ``None`` where none is stated."""
    import zarr

    for kind in ELEMENTS:
        if is_zarr(path / kind / region):
            attrs = zarr.open_group(path / kind / region, mode="r").attrs.asdict()
            units = {unit for name, unit in _units(attrs) if name == system} - {"unit", None}
            return " and ".join(sorted(map(str, units))) or None
    return None


def _units(attrs: Any) -> Iterator[tuple[str, Any]]:
    """Coordinate systems that metadata mention as outputs, with the unit of each axis."""
    if isinstance(attrs, dict):
        output = attrs.get("output")
        if isinstance(output, dict):
            for axis in output.get("axes", ()):
                if axis.get("type") == "space":
                    yield str(output.get("name")), axis.get("unit")
        for value in attrs.values():
            yield from _units(value)
    elif isinstance(attrs, list):
        for value in attrs:
            yield from _units(value)
