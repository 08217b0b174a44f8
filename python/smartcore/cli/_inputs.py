"""From the arguments of ``smartcore run`` to modalities of all sections, with coordinates."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.cli import _images, _outlines, _sections, _spatialdata
from smartcore.cli._common import UsageError
from smartcore.cli._kinds import check_other_options
from smartcore.cli._lookup import find_labels
from smartcore.cli._reading import read_section
from smartcore.io import KINDS

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")


@dataclass
class Inputs:
    """What is to be integrated.

    Attributes
    ----------
    data
        The file's own MuData, or a dict of modalities read one by one.
    joined
        Whether they are those of several files, with their counts in ``X``.
    sections
        Names of the sections, if each came from files of its own; "" stands for a single one.
    """

    data: MuData | dict[str, AnnData]
    joined: bool = False
    sections: tuple[str, ...] = ("",)

    @property
    def modalities(self) -> Mapping[str, AnnData]:
        """Modalities by name."""
        return self.data if isinstance(self.data, dict) else self.data.mod

    @property
    def spots(self) -> pd.Index:
        """Names of the spots that are in one modality or more."""
        if isinstance(self.data, dict):
            return reduce(pd.Index.union, (adata.obs_names for adata in self.data.values()))
        return self.data.obs_names


def check_sources(args: argparse.Namespace) -> None:
    """Refuse arguments that name no input, or two kinds of it.

    Raises
    ------
    UsageError
        If so.
    """
    check_other_options(args)
    named = list(_sections.named_files(args))
    if args.input and named:
        raise UsageError(
            f"give either INPUT or --{' and --'.join(named)}, not both: "
            f"{', '.join(map(str, args.input))} is expected to hold all modalities. To add one to "
            f"it, name it as well: --rna {args.input[0]} --{named[0]} …"
        )
    if not args.input and not named:
        raise UsageError(
            "no input: name a file for one or more of --rna, --protein, --chromatin, --other and "
            "--embedding, or give one .h5mu file, .rds file, 10x .h5 file or the output folder of a "
            "machine"
        )
    _check_coords_options(args)
    _spatialdata.check_options(args)
    _outlines.check_options(args)
    for kind in KINDS:
        for what in ("rep", "layer"):
            if named and getattr(args, f"{kind}_{what}") and kind not in named:
                raise UsageError(f"--{kind}-{what} is given, but --{kind} is not")


def n_named(args: argparse.Namespace) -> int:
    """Number of modalities that have an option of their own."""
    return len(_sections.named_files(args)) + bool(args.image_colors)


def _check_coords_options(args: argparse.Namespace) -> None:
    if args.coords_columns and len(args.coords_columns) not in (2, 3):
        raise UsageError("--coords-columns takes two or three columns: x, y and perhaps z")
    if not args.coords and (args.coords_columns or args.coords_names):
        option = "--coords-columns" if args.coords_columns else "--coords-names"
        raise UsageError(f"{option} is given, but --coords is not")


def load(args: argparse.Namespace) -> Inputs:
    """Read the modalities and their coordinates.

    Raises
    ------
    OSError, ValueError
        If a file is missing or wrong, or there are no coordinates.
    """
    sources = _sections.sources_of(args)
    parts = {name: Inputs(read_section(args, source)) for name, source in sources.items()}
    for name, part in parts.items():
        check_coordinates(part, args.spatial_key, f"section {name!r}" if name else "")
        _images.keep_one(part.modalities)
    for one in {name for name, _ in args.kind or ()}:
        if not any(one in part.modalities for part in parts.values()):
            there = dict.fromkeys(m for part in parts.values() for m in part.modalities)
            raise UsageError(f"--kind names {one!r}; the modalities are {', '.join(there)}")
    if len(parts) == 1:
        (inputs,) = parts.values()
        if args.section_key is None and (key := _own_sections(inputs)) is not None:
            args.section_key = key  # each has axes of its own
            logger.info("%s: obs[%r] tells its sections apart", args.input[0], key)
    else:
        for name, part in parts.items():
            if _own_sections(part) is not None:
                raise ValueError(f"section {name!r} has several sections itself: give it alone")
        sections = {name: part.modalities for name, part in parts.items()}
        args.section_key = _sections.section_column(sections)
        inputs = Inputs(_sections.join(sections, args), joined=True, sections=tuple(parts))
        if args.figures and not args.coords:
            _images.join_images(sections, inputs.modalities)
        if args.section_key != _keys.SECTION:
            logger.info(
                "the sections are in obs[%r]: obs[%r] is a column of your own",
                args.section_key,
                _keys.SECTION,
            )
        logger.info("%d sections: %s", len(parts), ", ".join(parts))
    for name, adata in inputs.modalities.items():
        logger.info("%s: %d spots, %d features", name, adata.n_obs, adata.n_vars)
    return inputs


def _own_sections(inputs: Inputs) -> str | None:
    """Column of ``obs`` with several sections, where the file, folder or store tells of such."""
    data = inputs.data
    if isinstance(data, dict):
        return None
    if data.obs.get(_keys.IMAGE, pd.Series()).nunique() > 1:
        return _keys.IMAGE
    folder = data.uns.get(_keys.FOLDER, {})
    for key in (_spatialdata.section_key(data), folder.get("section_key")):
        if key is not None and find_labels(data, key).values.nunique() > 1:
            return key
    return None


def check_coordinates(inputs: Inputs, key: str, place: str = "") -> None:
    """Refuse data without coordinates, or with some that are no numbers, before the long work.

    Raises
    ------
    ValueError
        If so.
    """
    holders: dict[str, Any] = dict(inputs.modalities)
    if not isinstance(inputs.data, dict):
        holders["all modalities"] = inputs.data
    found = {name: holder.obsm[key] for name, holder in holders.items() if key in holder.obsm}
    if not found:
        # A MuData marks there which spots a modality has.
        present = sorted({name for holder in holders.values() for name in holder.obsm} - {*holders})
        raise ValueError(
            f"{f'{place} has ' if place else ''}no coordinates: no modality has obsm[{key!r}] "
            "(obsm holds: "
            f"{', '.join(present) or 'nothing'}); name them by --spatial-key, give a table by "
            "--coords, or give the whole Space Ranger folder rather than its matrix"
        )
    for name, coordinates in found.items():
        where = f"{name} of {place}" if place else name
        if np.asarray(coordinates).dtype.kind not in "fiub":
            raise ValueError(
                f"{where}: obsm[{key!r}] holds text, not numbers: give the coordinates by --coords, "
                f"or make them numbers in Python: adata.obsm[{key!r}] = "
                f"adata.obsm[{key!r}].astype(float)"
            )
        table = pd.DataFrame(np.asarray(coordinates)).apply(pd.to_numeric, errors="coerce")
        bad = ~np.isfinite(table.to_numpy(dtype=np.float64)).all(axis=1)
        if bad.any():
            raise ValueError(
                f"{where}: {bad.sum()} of {len(bad)} spots have no coordinates: obsm[{key!r}] is "
                f"not finite there (first: {holders[name].obs_names[bad][0]!r}). Remove these "
                "spots or give their coordinates by --coords"
            )
