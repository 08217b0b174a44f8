"""SpatialData stores as input."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from smartcore.cli import _lazy
from smartcore.cli._common import STORE, UsageError
from smartcore.io._annotation import RECORD
from smartcore.io._stores import is_spatialdata

if TYPE_CHECKING:
    from mudata import MuData


def check_options(args: argparse.Namespace) -> None:
    """Refuse options for stores where there is none.

    Raises
    ------
    UsageError
        If there are such, or the result is to be a store and the input is no single one.
    """
    stores = [path for path in args.input if is_spatialdata(path.expanduser())]
    for option in ("table", "coordinate_system"):
        if getattr(args, option) and not stores:
            raise UsageError(
                f"--{option.replace('_', '-')} is for SpatialData stores, and INPUT is none"
            )
    if args.output.suffix == STORE and (len(stores) != 1 or len(args.input) != 1):
        raise UsageError(
            f"{args.output}: a {STORE} store is a copy of INPUT, which must be one SpatialData store; "
            "other results go to .h5mu (or .h5ad, for a single modality)"
        )


def read(args: argparse.Namespace, path: Path) -> MuData:
    """Read the modalities of a store, with their places.

    Raises
    ------
    KeyError, OSError, ValueError
        As :func:`smartcore.io.read_spatialdata`.
    """
    from smartcore import io

    _lazy.refuse(args, path)
    return io.read_spatialdata(
        path,
        table=args.table,
        coordinate_system=args.coordinate_system,
        spatial_key=args.spatial_key,
    )


def section_key(data: MuData) -> str | None:
    """Column of ``obs`` with the regions, where data of SpatialData have several."""
    record = data.uns.get(RECORD)
    key = record.get("section_key") if isinstance(record, Mapping) else None
    return None if key is None else str(key)
