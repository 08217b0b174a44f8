"""From the arguments of ``smartcore run`` to modalities with principal components."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.cli import _images, _lazy, _machines, _places, _sections, _spatialdata
from smartcore.cli._common import UsageError, show_progress
from smartcore.cli._kinds import (
    IMAGE,
    OTHER_KINDS,
    check_other_options,
    check_own_options,
    kind_of,
    layer_of,
    rep_of,
    steps_of,
)
from smartcore.cli._lookup import find_labels
from smartcore.given.feature_types import MODALITY_NAMES, column_in
from smartcore.io import KINDS
from smartcore.io._files import hdf5_content
from smartcore.io._spot_table import is_spot_table, read_spot_table
from smartcore.io._stores import is_spatialdata
from smartcore.io._tenx import FEW

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
    """

    data: MuData | dict[str, AnnData]
    joined: bool = False

    @property
    def modalities(self) -> Mapping[str, AnnData]:
        """Modalities by name."""
        return self.data if isinstance(self.data, dict) else self.data.mod

    @property
    def n_spots(self) -> int:
        """Number of spots in one modality or more."""
        if isinstance(self.data, dict):
            return len(set().union(*(adata.obs_names for adata in self.data.values())))
        return int(self.data.n_obs)


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
    parts = {name: _read(args, source) for name, source in sources.items()}
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
        inputs = Inputs(_sections.join(sections, args), joined=True)
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


def _read(args: argparse.Namespace, source: _sections.Source) -> Inputs:
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
    return Inputs(data)


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


def representations(args: argparse.Namespace, modalities: Mapping[str, AnnData]) -> dict[str, str]:
    """Keys of ``obsm`` to be used as they are, for modalities that need no preprocessing.

    Raises
    ------
    KeyError
        If a modality lacks the key.
    """
    reps: dict[str, str] = {}
    for name, adata in modalities.items():
        if rep := rep_of(args, name):
            if rep not in adata.obsm:
                raise KeyError(
                    f"{name} has no obsm[{rep!r}]; there are: {', '.join(adata.obsm) or 'none'}"
                )
            reps[name] = rep
    return reps


def preprocess(args: argparse.Namespace, inputs: Inputs) -> dict[str, str]:
    """Give every modality principal components, and return the ``obsm`` key of each.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the counts are not such or a key is missing; the message names the modality.
    """
    from smartcore import pp

    check_own_options(args, inputs.modalities)
    reps = representations(args, inputs.modalities)
    common: dict[str, Any] = {
        "seed": args.seed,
        "progress": show_progress(args),
        "align_sections": not args.no_align_sections,
        "in_tissue": not args.keep_off_tissue,
        **({} if args.n_comps is None else {"n_comps": args.n_comps}),
    }
    counted = {"check_counts": not args.not_counts}
    fewest = {} if args.min_spots is None else {"min_spots": args.min_spots}
    for name, adata in inputs.modalities.items():
        if name in reps:
            logger.info("%s: obsm[%r] is used as it is", name, reps[name])
            continue
        kind = kind_of(args, name)
        layer = None if inputs.joined else layer_of(args, name)
        try:
            given = dict(common)
            if kind in KINDS:
                given |= counted
            if kind in OTHER_KINDS:
                given |= {"name": name} | steps_of(args, name)
            if kind != "embedding":
                given["layer"] = layer
            if kind in KINDS and name in _machines.intensities(adata):
                logger.info("%s: values are mean intensities of cells, not counts", name)
                given["check_counts"] = False
            if kind is not None:
                given["section_key"] = _own_column(inputs, adata, args.section_key)
                given["batch_key"] = _own_column(inputs, adata, args.batch_key)
            if kind == "rna":
                controls = args.keep_controls
                pp.rna(adata, n_top_genes=args.n_top_genes, controls=controls, **given, **fewest)
            elif kind == "protein":
                pp.protein(adata, clr=args.clr, controls=args.keep_controls, **given)
            elif kind == "chromatin":
                pp.chromatin(adata, **given, **fewest)
            elif kind == "other":
                pp.features(adata, **given)
            elif kind == "embedding":
                pp.embedding(adata, dict(args.embedding_key or ()).get(name), **given)
            else:
                known = ", ".join(alias for names in MODALITY_NAMES.values() for alias in names)
                raise ValueError(
                    f"how to preprocess it is not clear from its name (known names: {known}); "
                    f"say it by --kind {name}=rna, protein, chromatin, other or embedding, or use "
                    "principal components that are there by --rep"
                )
        except (KeyError, TypeError, ValueError) as err:
            raise type(err)(f"{name}: {err.args[0] if err.args else err}") from err
        reps[name] = _keys.PCA
    return reps


def _own_column(inputs: Inputs, adata: AnnData, key: str | None) -> str | None:
    """``key``, once the modality has the column, which may be another's or the file's own."""
    if key is not None and key not in adata.obs:
        adata.obs[key] = find_labels(inputs.data, key).values.reindex(adata.obs_names)
    return key
