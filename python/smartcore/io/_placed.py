"""Places of the spots of SpatialData's tables."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.spatial import cKDTree

from smartcore.io._annotation import Annotation
from smartcore.io._centroids import centroids, systems_of

logger = logging.getLogger("smartcore")

GLOBAL = "global"
_FAR = 0.05
"""Share of spots that may lie elsewhere by another table before it counts as an error."""


@dataclass
class Places:
    """Places of spots.

    Attributes
    ----------
    coordinates
        One row a spot, indexed by its name; columns x, y and perhaps z.
    region
        Region of each spot; none where tables annotate nothing.
    systems
        Region → the coordinate system that its places are in.
    """

    coordinates: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["x", "y"]))
    region: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))
    systems: dict[str, str] = field(default_factory=dict)


def coordinate_systems(
    elements: Mapping[str, Any], asked: str | Mapping[str, str] | None, source: str
) -> dict[str, str]:
    """Choose the coordinate system of each region.

    Parameters
    ----------
    elements
        Regions by name.
    asked
        One for all regions, or for each; ``None``: the only one that all have, or "global"; where
        regions have none in common, the only one of each.
    source
        Where they come from, for messages.

    Raises
    ------
    ValueError
        If a region is not in the one asked for, or none was and there are several.
    """
    there = {region: systems_of(element) for region, element in elements.items()}
    listing = "; ".join(f"{region}: {', '.join(map(repr, own))}" for region, own in there.items())
    if asked is not None:
        wanted = {r: asked if isinstance(asked, str) else asked.get(r) for r in there}
        for region, system in wanted.items():
            if system not in there[region]:
                problem = "no coordinate system was given for" if system is None else repr(system)
                verb = "" if system is None else " is no coordinate system of"
                raise ValueError(
                    f"{source}: {problem}{verb} region {region!r}. There are: {listing}"
                )
        return {region: str(system) for region, system in wanted.items()}
    common = [name for name in next(iter(there.values())) if all(name in o for o in there.values())]
    if len(common) == 1 or GLOBAL in common:
        one = GLOBAL if GLOBAL in common else common[0]
        return dict.fromkeys(there, one)
    if not common and all(len(own) == 1 for own in there.values()):
        return {region: own[0] for region, own in there.items()}
    raise ValueError(
        f"{source} has several coordinate systems: name one (coordinate_system=…; "
        f"--coordinate-system on the command line). There are: {listing}"
    )


def places_in_regions(
    tables: Mapping[str, tuple[pd.Index, Annotation]],
    elements: Mapping[str, Any],
    systems: Mapping[str, str],
    source: str,
) -> Places:
    """Centroids of what the tables' rows annotate.

    Parameters
    ----------
    tables
        Names of the spots of each table, and what they annotate.
    elements
        Regions by name.
    systems
        Coordinate system of each region.
    source
        Where they come from, for messages.

    Raises
    ------
    ValueError
        If a table's rows find no instance at all in a region, indices of an element repeat, or
        tables have spots of one name at different places.
    """
    found = {}
    for region, element in elements.items():
        logger.info("%s: centroids of region %r, in %r", source, region, systems[region])
        try:
            found[region] = centroids(element, systems[region])
        except TypeError as err:
            raise ValueError(f"{source}: region {region!r} cannot be used: {err}") from err
        if not found[region].index.is_unique:
            twice = found[region].index[found[region].index.duplicated()][0]
            raise ValueError(f"{source}: region {region!r} has the index {twice!r} more than once")
    axes = [axis for axis in "xyz" if all(axis in points for points in found.values())]
    result = Places(systems=dict(systems))
    for table, (names, marks) in tables.items():
        parts, regions = [], []
        for region in marks.regions:
            rows = np.flatnonzero(marks.region == region)
            wanted, there = marks.instance[rows], found[region]
            at = there.index.get_indexer(wanted)
            if (at < 0).all():
                raise ValueError(
                    f"{source}: none of the {len(rows)} rows of table {table!r} for region "
                    f"{region!r} has its index there: the table has such as {wanted[0]} "
                    f"({wanted.dtype}), the region such as {there.index[0]} ({there.index.dtype})"
                    if len(there)
                    else f"{source}: region {region!r} of table {table!r} is empty"
                )
            points = there[axes].iloc[at[at >= 0]].set_axis(names[rows[at >= 0]], axis=0)
            parts.append(points[np.isfinite(points).all(axis=1)])
            regions.append(pd.Series(region, index=parts[-1].index, dtype=object))
        if parts:
            _add(result, pd.concat(parts), pd.concat(regions), table, source)
    return result


def places_of_tables(tables: Mapping[str, AnnData], spatial_key: str, source: str) -> Places:
    """Coordinates that tables hold themselves; empty where none does.

    Raises
    ------
    ValueError
        If they are no numbers, or tables have spots of one name at different places.
    """
    result = Places()
    for table, adata in tables.items():
        if spatial_key not in adata.obsm:
            continue
        values = np.asarray(adata.obsm[spatial_key])
        if values.dtype.kind not in "fiu" or values.ndim != 2 or values.shape[1] not in (2, 3):
            raise ValueError(
                f"{source}: obsm[{spatial_key!r}] of table {table!r} should hold two or three "
                f"numbers for each spot; it holds {values.dtype} of shape {values.shape}"
            )
        logger.info(
            "%s: table %r annotates no region; its own obsm[%r] is taken, in units that are not "
            "stated",
            *(source, table, spatial_key),
        )
        frame = pd.DataFrame(
            values.astype(np.float64), adata.obs_names, list("xyz")[: values.shape[1]]
        )
        _add(result, frame[np.isfinite(frame).all(axis=1)], None, table, source)
    return result


def _add(
    places: Places, points: pd.DataFrame, region: pd.Series | None, table: str, source: str
) -> None:
    """Add the places of a table's spots, unless an earlier table has them."""
    old = places.coordinates
    if old.empty:
        places.coordinates = points
    else:
        axes = [axis for axis in "xyz" if axis in old and axis in points]
        both = points.index[points.index.isin(old.index)]
        if len(both) and len(old) > 1:
            apart = np.linalg.norm(old.loc[both, axes] - points.loc[both, axes], axis=1)
            usual = np.median(cKDTree(old[axes]).query(old[axes], k=2)[0][:, 1])
            if (apart > usual).mean() > _FAR:
                raise ValueError(
                    f"{source}: table {table!r} has {len(both)} spots of names that an earlier "
                    f"table has, too, but at other places (first: {both[0]!r}). If they are other "
                    "spots, read the tables one by one (table=…; --table on the command line)"
                )
        points = points[~points.index.isin(old.index)]
        places.coordinates = pd.concat([old[axes], points[axes]])
    if region is not None:
        new = region[points.index]
        places.region = new if places.region.empty else pd.concat([places.region, new])
