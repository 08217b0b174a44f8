"""SpatialData objects and stores: their tables as modalities, with places from the regions."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.io._annotation import ATTRS, RECORD, Annotation, annotation_of, spot_names
from smartcore.io._features import (
    check_matrices,
    kinds_in,
    names_checked_later,
    select_kind,
    unique_names,
)
from smartcore.io._opened import chosen_tables, damage_named, opened
from smartcore.io._placed import Places, coordinate_systems, places_in_regions, places_of_tables
from smartcore.io._stores import unit_of

if TYPE_CHECKING:
    from mudata import MuData
    from spatialdata import SpatialData

logger = logging.getLogger("smartcore")


def read_spatialdata(
    data: SpatialData | str | Path,
    *,
    table: str | Sequence[str] | None = None,
    coordinate_system: str | Mapping[str, str] | None = None,
    spatial_key: str = _keys.SPATIAL,
) -> MuData:
    """Take the counts and the places of spots from a SpatialData object or store.

    Parameters
    ----------
    data
        The object, or the path of its store (zarr 2 or 3). It is only read; images are not.
    table
        Which tables to read; ``None``: all.
    coordinate_system
        The coordinate system for the places, or one for each region; ``None``: the only one, or
        "global".
    spatial_key
        Where in ``obsm`` to put the places. A table that annotates no region must have its own
        there.

    Returns
    -------
    MuData
        A table that states types of features (``var["feature_types"]``) gives a modality for each
        ("rna", "protein", "chromatin"), others one of the table's name. ``obsm[spatial_key]``,
        jointly and in each modality, (n_spots, 2 or 3): centroids of the circles, polygons, labels
        or points that the table annotates, in the coordinate system. Rows without such are left
        out, with a warning. ``uns["spatialdata"]``: ``modalities`` and ``tables`` (of
        each), ``regions`` and ``coordinate_systems`` (of each), ``unit`` (as stored, or "not
        stated") and, where there are several regions, ``section_key``: the column of ``obs`` with
        the region, for regions are sections and have axes of their own.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    ImportError
        If spatialdata is not there.
    KeyError, ValueError
        If there is no such table, region or coordinate system (the message lists those there
        are), several coordinate systems and none was asked for, tables that give the same
        modality, no places, or a store that is damaged or of an unknown version.

    Examples
    --------
    >>> import smartcore as sm
    >>> mdata = sm.io.read_spatialdata("sample.zarr", table="table")  # doctest: +SKIP
    """
    sdata, source, path = opened(data)
    tables = chosen_tables(sdata, table, source)
    marks = {
        name: annotation_of(adata.obs, adata.uns.get(ATTRS), f"{source}: table {name!r}")
        for name, adata in tables.items()
    }
    names = spot_names({name: (adata.obs_names, marks[name]) for name, adata in tables.items()})
    with damage_named(source, path):
        places = _places(
            sdata, tables, marks, names, coordinate_system, spatial_key=spatial_key, source=source
        )
    record: dict[str, Any] = {"unit": _unit(path, places, source)}
    if places.systems:
        record["regions"] = np.array(list(places.systems), dtype=object)
        record["coordinate_systems"] = np.array(list(places.systems.values()), dtype=object)
    key = _section_key(tables, marks, places)
    if key is not None:
        record["section_key"] = key
    parts: dict[str, AnnData] = {}
    origin: dict[str, str] = {}
    for name, adata in tables.items():
        what = f"{source}: table {name!r}"
        part = _with_places(adata, names[name], places, what, spatial_key, key)
        for modality, own in _modalities(part, name, what).items():
            if modality in parts:
                raise ValueError(
                    f"{source}: tables {origin[modality]!r} and {name!r} both hold {modality}. Name "
                    "one of them (table=…; --table on the command line)"
                )
            parts[modality], origin[modality] = own, name
    record["modalities"] = np.array(list(origin), dtype=object)
    record["tables"] = np.array(list(origin.values()), dtype=object)
    return _joined(parts, places, record, spatial_key)


def _places(
    sdata: Any,
    tables: Mapping[str, AnnData],
    marks: Mapping[str, Annotation | None],
    names: Mapping[str, pd.Index],
    asked: str | Mapping[str, str] | None,
    *,
    spatial_key: str,
    source: str,
) -> Places:
    annotated = {name: (names[name], one) for name, one in marks.items() if one is not None}
    regions = dict.fromkeys(region for _, one in annotated.values() for region in one.regions)
    if not regions:
        places = places_of_tables(tables, spatial_key, source)
        if places.coordinates.empty:
            raise ValueError(
                f"{source}: no spot has a place: the tables annotate no region, and have no "
                f"obsm[{spatial_key!r}]. Say what they annotate by sdata.set_table_annotates_"
                "spatialelement(…), or put coordinates there"
            )
        return places
    elements = {}
    for region in regions:
        if region not in sdata:
            found = [*sdata.shapes, *sdata.labels, *sdata.points]
            raise ValueError(
                f"{source}: a table annotates region {region!r}, which is not there; there are: "
                f"{', '.join(map(repr, found)) or 'none'}"
            )
        elements[region] = sdata[region]
    for name, adata in tables.items():
        if spatial_key in adata.obsm:
            logger.info(
                "%s: places come from the regions, not from obsm[%r] of table %r",
                *(source, spatial_key, name),
            )
    systems = coordinate_systems(elements, asked, source)
    return places_in_regions(annotated, elements, systems, source)


def _unit(path: Path | None, places: Places, source: str) -> str:
    """Unit of the places, as the store states it."""
    found = {unit_of(path, *one) for one in places.systems.items()} if path else {None}
    unit = " and ".join(sorted(filter(None, found))) or "not stated"
    if places.systems:
        systems = ", ".join(map(repr, dict.fromkeys(places.systems.values())))
        logger.info("%s: places are in coordinate system %s, unit %s", source, systems, unit)
    return unit


def _section_key(
    tables: Mapping[str, AnnData], marks: Mapping[str, Annotation | None], places: Places
) -> str | None:
    """Column for the regions, if there are several: one that holds nothing else."""
    regions = list(dict.fromkeys(places.region))
    if len(regions) < 2:
        return None
    own = [one.region_key for one in marks.values() if one is not None]
    for key in [*dict.fromkeys(own), _keys.SECTION, "smart_section"]:
        users = [marks[name] for name, adata in tables.items() if key in adata.obs]
        if all(one is not None and one.region_key == key for one in users):
            logger.info(
                "regions %s are sections: section_key=%r", ", ".join(map(repr, regions)), key
            )
            return key
    raise ValueError(f"obs has columns {_keys.SECTION!r} and 'smart_section' for something else")


def _with_places(
    adata: AnnData, names: pd.Index, places: Places, what: str, spatial_key: str, key: str | None
) -> AnnData:
    """A copy with the spots that have a place, under their names."""
    check_matrices(adata, what)
    there = names.isin(places.coordinates.index)
    if not there.any():
        raise ValueError(
            f"{what}: none of its {len(names)} spots has a place (first: {str(names[0])!r}); it "
            "annotates no region, and no other table has spots of these names"
            if len(names)
            else f"{what} has no row"
        )
    if not there.all():
        warnings.warn(
            f"{what}: {(~there).sum()} of {len(there)} spots have no place in the regions and were "
            f"left out (first: {str(names[~there][0])!r})",
            UserWarning,
            stacklevel=3,
        )
    with names_checked_later():
        part = adata[there].copy()
    part.obs_names = names[there].astype(str)
    part.obsm[spatial_key] = places.coordinates.loc[names[there]].to_numpy(np.float64)
    if key is not None:
        regions = places.region.loc[names[there]]
        part.obs[key] = pd.Categorical(regions, categories=list(dict.fromkeys(places.region)))
    return part


def _modalities(part: AnnData, table: str, what: str) -> dict[str, AnnData]:
    """The kinds of features that a table states, or the whole of it."""
    kinds = kinds_in(part.var)
    with names_checked_later():
        parts = {str(kind): select_kind(part, kind, source=what) for kind in kinds} or {table: part}
    return {name: unique_names(own, source=what) for name, own in parts.items()}


def _joined(
    parts: dict[str, AnnData], places: Places, record: dict[str, Any], spatial_key: str
) -> MuData:
    import mudata

    for part in parts.values():
        part.uns[RECORD] = dict(record)
    with mudata.set_options(pull_on_update=False), warnings.catch_warnings():
        # Features of different modalities may well share a name.
        warnings.filterwarnings("ignore", message="var_names are not unique")
        mdata = mudata.MuData(parts)
    mdata.obsm[spatial_key] = places.coordinates.loc[mdata.obs_names].to_numpy(np.float64)
    mdata.uns[RECORD] = record
    return mdata
