"""Outlines of cells, from the files of Xenium, CosMx and MERSCOPE."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import h5py
import numpy as np
import pandas as pd

from smartcore.io._files import existing, is_litter, reading
from smartcore.io._tables import is_parquet, read_parquet

logger = logging.getLogger("smartcore")

Machine: TypeAlias = Literal["xenium", "cosmx", "merscope"]

_FILES: dict[str, tuple[str, ...]] = {
    "xenium": ("cell_boundaries.parquet", "cell_boundaries.csv.gz", "cell_boundaries.csv"),
    "cosmx": ("*polygons.csv", "*polygons.csv.gz"),
    "merscope": ("cell_boundaries.parquet", "*_micron_space.parquet", "cell_boundaries"),
}
"""Names of the files in the folder that a machine writes, in order of preference."""

_COLUMNS: dict[str, tuple[str, ...]] = {
    "xenium": ("cell_id", "vertex_x", "vertex_y"),
    "cosmx": ("fov", "cellID", "x_global_px", "y_global_px"),
    "merscope": ("EntityID", "ZIndex", "Geometry"),
}

_EXPECTED = (
    "outlines of cells: Xenium's cell_boundaries (.parquet, .csv.gz), CosMx's polygons (.csv), "
    "MERSCOPE's boundaries (.parquet, .hdf5), or a folder that holds one of these"
)


def read_boundaries(
    path: str | Path, machine: Machine | None = None, *, plane: int | None = None
) -> pd.DataFrame:
    r"""Read the outlines of cells, for :func:`smartcore.pl.spatial` to draw.

    Parameters
    ----------
    path
        A file of outlines, or the folder that the machine wrote. Files of nuclei
        (``nucleus_boundaries``) have the same form as those of cells.
    machine
        ``"xenium"``, ``"cosmx"`` or ``"merscope"``; None tells it by the content.
    plane
        MERSCOPE outlines cells in several planes of the section (``ZIndex``): which to take. None
        takes the one in the middle of those that there are.

    Returns
    -------
    pandas.DataFrame
        A row for each vertex, in order around the outline: ``cell_id``, ``vertex_x``,
        ``vertex_y`` and ``part``, the number of the outline within its cell, from 0. Xenium and
        MERSCOPE have µm, CosMx pixels of the slide. Cells of CosMx are called "cell_fov", such
        as ``"367_1"``, as Seurat and squidpy call them. Holes are left out.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or the folder holds no outlines.
    ValueError
        If the content is of another form or another machine, or there is no such plane.
    ImportError
        If pyarrow, or for MERSCOPE's parquet shapely, is not there.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cell_boundaries.csv"
    ...     _ = path.write_text("cell_id,vertex_x,vertex_y\na-1,0,0\na-1,4,0\na-1,0,3\n")
    ...     io.read_boundaries(path)
      cell_id  vertex_x  vertex_y  part
    0     a-1       0.0       0.0     0
    1     a-1       4.0       0.0     0
    2     a-1       0.0       3.0     0
    """
    if machine is not None and machine not in get_args(Machine):
        raise ValueError(
            f"machine={machine!r} is not known; use one of "
            f"{', '.join(map(repr, get_args(Machine)))}, or None to tell it by the content"
        )
    source = _file(existing(path, _EXPECTED), machine)
    logger.info("%s: reading the outlines of cells", source)
    found, table = _read(source, plane)
    if machine not in (None, found):
        raise ValueError(f"{source} holds outlines of {found}, not of {machine}")
    numbers = table[["vertex_x", "vertex_y"]].to_numpy(np.float64)
    if bad := int((~np.isfinite(numbers)).any(axis=1).sum()):
        raise ValueError(f"{source}: {bad} of {len(table)} vertices are missing or not finite")
    logger.info("%s: outlines of %d cells (%s)", source, table["cell_id"].nunique(), found)
    return table


def _file(path: Path, machine: str | None) -> Path:
    """The file of outlines, or MERSCOPE's folder of such."""
    if not path.is_dir() or _hdf5_files(path):
        return path
    for name in [machine] if machine else get_args(Machine):
        for pattern in _FILES[name]:
            for found in _matching(path, pattern):
                if found.is_file() or _hdf5_files(found):
                    return found
    wanted = [file for name in ([machine] if machine else _FILES) for file in _FILES[name]]
    raise FileNotFoundError(f"{path} holds no outlines of cells: none of {', '.join(wanted)}")


def _hdf5_files(path: Path) -> list[Path]:
    return _matching(path, "*.hdf5") if path.is_dir() else []


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if not is_litter(path))


def _read(path: Path, plane: int | None) -> tuple[str, pd.DataFrame]:
    """The machine and its outlines."""
    if path.is_dir():
        return "merscope", _of_hdf5(_hdf5_files(path), plane)
    with path.open("rb"):
        pass  # permissions, before h5py hides them
    if h5py.is_hdf5(path):
        return "merscope", _of_hdf5([path], plane)
    if is_parquet(path):
        table = read_parquet(path, _EXPECTED)
    else:
        with reading(path, _EXPECTED):
            table = pd.read_csv(path, dtype={"cell_id": str, "cell": str})
    for machine, columns in _COLUMNS.items():
        if set(columns) <= set(table.columns):
            make: Callable[..., pd.DataFrame] = _MAKERS[machine]
            return machine, make(table, path, plane)
    raise ValueError(
        f"{path} is not {_EXPECTED}; its columns are {', '.join(map(str, table.columns))}"
    )


def _of_xenium(table: pd.DataFrame, path: Path, plane: int | None) -> pd.DataFrame:
    # A cell may have several nuclei, which Xenium tells apart by their labels.
    part = table.get("label_id", 0)
    return _tidy(table["cell_id"], table["vertex_x"], table["vertex_y"], part, path)


def _of_cosmx(table: pd.DataFrame, path: Path, plane: int | None) -> pd.DataFrame:
    cells = table["cellID"].astype(str) + "_" + table["fov"].astype(str)
    return _tidy(cells, table["x_global_px"], table["y_global_px"], 0, path)


def _of_merscope(table: pd.DataFrame, path: Path, plane: int | None) -> pd.DataFrame:
    try:
        import shapely
    except ImportError as err:
        raise ImportError(
            f"reading {path} needs shapely (pip install shapely, or the extra 'outlines')"
        ) from err
    table = table[table["ZIndex"] == _plane(table["ZIndex"], plane, path)]
    with reading(path, "MERSCOPE's outlines (WKB)"):
        shapes = shapely.from_wkb(table["Geometry"].to_numpy())
    single, cell = shapely.get_parts(shapes, return_index=True)
    vertices, ring = shapely.get_coordinates(shapely.get_exterior_ring(single), return_index=True)
    names = table["EntityID"].to_numpy()[cell[ring]]
    return _tidy(names, vertices[:, 0], vertices[:, 1], ring, path)


_MAKERS: dict[str, Callable[..., pd.DataFrame]] = {
    "xenium": _of_xenium,
    "cosmx": _of_cosmx,
    "merscope": _of_merscope,
}


def _of_hdf5(paths: list[Path], plane: int | None) -> pd.DataFrame:
    """Of MERSCOPE's older files: cell, plane, part → vertices of shape (1, n, 2)."""
    names, planes, parts, vertices = [], [], [], []
    for path in paths:
        with reading(path, "MERSCOPE's outlines (HDF5)"), h5py.File(path, "r") as file:
            for cell, index, part, array in _stored(file["featuredata"]):
                names.append(cell)
                planes.append(index)
                parts.append(part)
                vertices.append(array)
    if not names:
        raise ValueError(f"{paths[0].parent} holds no outline")
    wanted = _plane(pd.Series(planes), plane, paths[0].parent)
    kept = [i for i, index in enumerate(planes) if index == wanted]
    sizes = [len(vertices[i]) for i in kept]
    corners = np.concatenate([vertices[i] for i in kept])
    cells = np.repeat([names[i] for i in kept], sizes)
    numbers = np.repeat([parts[i] for i in kept], sizes)
    return _tidy(cells, corners[:, 0], corners[:, 1], numbers, paths[0])


def _stored(cells: h5py.Group) -> Iterator[tuple[str, int, int, np.ndarray]]:
    for cell, levels in cells.items():
        for level, parts in levels.items():
            if not level.startswith("zIndex_"):
                continue
            for part, group in parts.items():
                yield cell, int(level[7:]), int(part[2:]), group["coordinates"][0]


def _plane(planes: pd.Series, wanted: int | None, path: Path) -> int:
    there = sorted({int(plane) for plane in planes})
    if not there:
        raise ValueError(f"{path} holds no outline")
    if wanted is None:
        wanted = there[(len(there) - 1) // 2]
        logger.info("%s: plane %d of %s", path, wanted, ", ".join(map(str, there)))
    if wanted not in there:
        raise ValueError(
            f"{path} has no outlines in plane {wanted}; its planes are {', '.join(map(str, there))}"
        )
    return wanted


def _tidy(cells: Any, x: Any, y: Any, part: Any, path: Path) -> pd.DataFrame:
    """The table that is returned: names as text, parts counted within each cell."""
    codes, unique = pd.factorize(pd.Series(np.asarray(cells)))
    if not len(codes):
        raise ValueError(f"{path} holds no outline")
    if (codes < 0).any():
        raise ValueError(f"{path}: {(codes < 0).sum()} vertices have no cell")
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in unique]
    table = pd.DataFrame(
        {
            "cell_id": np.array(names, dtype=object)[codes],
            "vertex_x": pd.to_numeric(np.asarray(x), errors="coerce").astype(np.float64),
            "vertex_y": pd.to_numeric(np.asarray(y), errors="coerce").astype(np.float64),
        }
    )
    label = pd.Series(np.broadcast_to(np.asarray(part), len(table)))
    firsts = pd.DataFrame({"cell": codes, "label": label}).drop_duplicates()
    firsts["part"] = firsts.groupby("cell").cumcount()
    keys = pd.MultiIndex.from_frame(firsts[["cell", "label"]])
    rows = keys.get_indexer(pd.MultiIndex.from_arrays([codes, label]))
    table["part"] = firsts["part"].to_numpy()[rows]
    return table
