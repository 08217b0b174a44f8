"""A SpatialData object, from memory or from its store."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anndata import AnnData

from smartcore.io._files import existing
from smartcore.io._stores import check_whole, is_spatialdata, version_of

logger = logging.getLogger("smartcore")

EXPECTED = "a SpatialData store (.zarr)"


def opened(data: Any) -> tuple[Any, str, Path | None]:
    """The object, its name for messages, and its path if it has one.

    Raises
    ------
    FileNotFoundError, ImportError, TypeError, ValueError
        As :func:`smartcore.io.read_spatialdata`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import spatialdata
    except ImportError as err:
        raise ImportError(
            "SpatialData needs pip install 'spatialsmart[spatialdata]', in an environment with "
            f"NumPy 2 ({err})"
        ) from err
    if isinstance(data, spatialdata.SpatialData):
        return data, "the SpatialData object", Path(data.path) if data.path else None
    if not isinstance(data, (str, Path)):
        raise TypeError(f"data is a {type(data).__name__}: give a SpatialData object or a path")
    path = existing(data, EXPECTED)
    if not is_spatialdata(path):
        raise ValueError(f"{path} is not {EXPECTED}, or its beginning is damaged")
    check_whole(path)
    _check_version(path)
    logger.info("reading %s", path)
    with damage_named(str(path), path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of formats that spatialdata reads all the same
        elements: Any = ("tables", "shapes", "labels", "points")
        return spatialdata.read_zarr(path, selection=elements), str(path), path


def _check_version(path: Path) -> None:
    """Refuse stores whose version spatialdata does not know: it would read them as its own."""
    from spatialdata._io.format import SpatialDataContainerFormats

    found = version_of(path)
    if found is not None and found not in SpatialDataContainerFormats:
        raise ValueError(
            f"{path} is a SpatialData store of version {found}; spatialdata {version('spatialdata')}"
            f" reads {', '.join(SpatialDataContainerFormats)}: install a newer one"
        )


@contextmanager
def damage_named(source: str, path: Path | None) -> Iterator[None]:
    """Give errors of other packages the name of the store.

    Raises
    ------
    ValueError
        For whatever they raise.
    """
    try:
        yield
    except (ImportError, MemoryError, PermissionError):
        raise
    except Exception as err:
        own = isinstance(err, ValueError) and str(err).startswith((f"{source}:", f"{source} "))
        if path is None or own:
            raise
        reason = next(iter(str(err).strip().splitlines()), "") or type(err).__name__
        raise ValueError(
            f"{path} could not be read as SpatialData; it may be truncated, damaged or of a version "
            f"that spatialdata {version('spatialdata')} does not know ({reason})"
        ) from err


def chosen_tables(sdata: Any, asked: str | Sequence[str] | None, source: str) -> dict[str, AnnData]:
    """The tables asked for, or all.

    Raises
    ------
    KeyError, ValueError
        If there is no such table, or none at all.
    """
    there = list(sdata.tables)
    if not there:
        raise ValueError(f"{source} has no table, and so no counts")
    names = there if asked is None else [asked] if isinstance(asked, str) else list(asked)
    if unknown := [name for name in names if name not in there]:
        raise KeyError(
            f"{source} has no table {unknown[0]!r}; there are: {', '.join(map(repr, there))}"
        )
    return {name: sdata.tables[name] for name in dict.fromkeys(names)}
