"""The modalities of one section, with their coordinates, read from its files."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata import AnnData

from smartcore.cli import _images, _lazy, _machines, _places, _spatialdata
from smartcore.cli._common import UsageError
from smartcore.cli._kinds import IMAGE, OTHER_KINDS, kind_of
from smartcore.cli._sections import Source
from smartcore.given.feature_types import column_in
from smartcore.io import KINDS
from smartcore.io._files import hdf5_content
from smartcore.io._spot_table import is_spot_table, read_spot_table
from smartcore.io._stores import is_spatialdata
from smartcore.io._tenx import FEW

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")


def read_section(args: argparse.Namespace, source: Source) -> MuData | dict[str, AnnData]:
    """Read the modalities of one section, with their coordinates."""
    from smartcore import io

    given = source.files.values() if source.input is None else [source.input]
    there = [str(path) for path in dict.fromkeys(given) if Path(path).exists()]
    if there:
        logger.info("reading %s", ", ".join(there))
    folder_choices = _machines.choices(args)
    data: Any
    placed = _places.placed_names(args)
    if source.input is None:
        data = {
            name: read_spot_table(path)
            if kind_of(args, name) in OTHER_KINDS and is_spot_table(path)
            else io.read_modality(
                path,
                next((kind for kind in KINDS if kind == name), None),
                spatial_key=args.spatial_key,
                lazy=name not in placed and _lazy.wanted(args, path),
                in_tissue=not args.keep_off_tissue,
                **_images.wanted(args, path),
                **folder_choices,
            )
            for name, path in source.files.items()
        }
    elif _machines.is_folder(source.input):
        _lazy.refuse(args, source.input)
        data = io.read_folder(
            source.input,
            spatial_key=args.spatial_key,
            in_tissue=not args.keep_off_tissue,
            **_images.wanted(args, source.input),
            **folder_choices,
        )
        if args.image_colors:
            data = dict(data.mod)
    elif folder_choices:
        raise UsageError(
            f"{source.input} is no folder of a machine, for which alone "
            f"{_machines.given(args)} would count"
        )
    elif source.input.suffix.lower() == ".rds":
        _lazy.refuse(args, source.input)
        data = _placed_cells(
            io.read_rds(source.input, spatial_key=args.spatial_key), args, source.input
        )
    elif is_spatialdata(source.input):
        data = _spatialdata.read(args, source.input)
    elif holds_mudata(source.input):
        _lazy.refuse(args, source.input)
        data = io.read_mudata(source.input)
    else:
        data = io.read_modalities(
            source.input,
            spatial_key=args.spatial_key,
            lazy=_lazy.wanted(args, source.input),
            in_tissue=not args.keep_off_tissue,
        )
    if source.input is None:
        _check_one_kind_each(args, source.files, data)
    if args.layer == "raw":
        _use_raw(args, data)
    if source.coords:
        table = io.read_coordinates(
            source.coords,
            columns=args.coords_columns,
            names=args.coords_names,
            in_tissue=not args.keep_off_tissue,
        )
        add = {
            "spatial_key": args.spatial_key,
            "source": str(source.coords),
            "check_names": not args.no_check_names,
        }
        data = (
            {
                name: adata if name in placed else io.add_coordinates(adata, table, **add)
                for name, adata in data.items()
            }
            if isinstance(data, dict)
            else io.add_coordinates(data, table, **add)
        )
    if isinstance(data, dict):
        if args.image_colors:
            first = next(iter(source.files.values()), source.input)
            data[IMAGE] = _places.image_modality(args, data, Path(str(first)))
        _places.bring_to_spots(args, data)
    elif args.image_colors or placed:
        option = "--image-colors" if args.image_colors else "--place"
        raise UsageError(
            f"{option} is for modalities in files of their own (--rna, --other …), not for "
            f"{source.input}"
        )
    return data


def _placed_cells(data: MuData, args: argparse.Namespace, path: Path) -> MuData:
    """Leave out the few cells of an object of R that lie outside its images."""
    import mudata

    if args.coords or args.spatial_key not in data.obsm:
        return data
    placed = np.isfinite(np.asarray(data.obsm[args.spatial_key], dtype=float)).all(axis=1)
    lost = int((~placed).sum())
    if not 0 < lost <= FEW * len(placed):
        return data
    logger.warning(
        "%s: %d of %d cells have no coordinates and are left out (first: %r)",
        path,
        lost,
        len(placed),
        data.obs_names[~placed][0],
    )
    with mudata.set_options(pull_on_update=False):
        return data[placed].copy()


def _check_one_kind_each(
    args: argparse.Namespace, files: Mapping[str, Path], data: Mapping[str, AnnData]
) -> None:
    """Refuse one file for two modalities, unless it is told what in it is of which."""
    elsewhere = {name for name, _ in [*(args.other_layer or ()), *(args.embedding_key or ())]}
    counted = [path for name, path in files.items() if name not in elsewhere]
    # The more telling error first.
    for name in sorted(files, key=lambda name: name in KINDS):
        path = files[name]
        if name in elsewhere or counted.count(path) < 2:
            continue
        if (kind := kind_of(args, name)) in OTHER_KINDS:
            option = "--other-layer" if kind == "other" else "--embedding-key"
            raise UsageError(
                f"{path} is given twice: say by {option} {name}=KEY where in it {name} is"
            )
        var = data[name].var
        if column_in(var) is None:
            raise UsageError(
                f"{path} is given for two kinds, but does not say which features are of which: it "
                f"needs a column 'feature_types' in var, which has "
                f"{', '.join(map(str, var.columns)) or 'none'}"
            )


def _use_raw(args: argparse.Namespace, data: MuData | dict[str, AnnData]) -> None:
    """Put what AnnData keeps in ``raw`` in place of modalities without a layer of that name."""
    import mudata

    modalities = data if isinstance(data, dict) else data.mod
    for name, adata in list(modalities.items()):
        if kind_of(args, name) in OTHER_KINDS:
            continue
        if "raw" not in adata.layers and adata.raw is not None:
            modalities[name] = adata.raw.to_adata()
            modalities[name].layers["raw"] = modalities[name].X
    if not isinstance(data, dict):
        with mudata.set_options(pull_on_update=False):
            data.update()


def holds_mudata(path: Path) -> bool:
    """Whether `path` is to be read as MuData: by its content, or its name if it is not there.

    Raises
    ------
    ValueError
        If it is a file that is not HDF5, or damaged.
    """
    return hdf5_content(path) == "mudata" if path.is_file() else path.suffix == ".h5mu"


def read_result(path: Path) -> AnnData | MuData:
    """What a run wrote."""
    from smartcore import io

    return io.read_mudata(path) if holds_mudata(path) else io.read_modality(path, kind=None)
