"""Images of the tissue: from Space Ranger's folders to the maps of a run."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anndata import AnnData

from smartcore import _keys
from smartcore.cli import _machines
from smartcore.cli._lookup import find_labels

if TYPE_CHECKING:
    from smartcore.pl._images import Picture

logger = logging.getLogger("smartcore")

_LIBRARY = "library_id"


def wanted(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    """The argument of ``io``'s readers of folders that keeps the images, where they are used."""
    if args.coords or not _machines.is_folder(path):
        return {}  # nothing tells how an image lies under other coordinates
    images = True if args.image_colors else "try" if args.figures else False
    return {"images": images} if images else {}


def keep_one(modalities: Mapping[str, AnnData]) -> None:
    """Leave the images of a folder to one of its modalities: all have the same."""
    seen: set[str] = set()
    for adata in modalities.values():
        if _keys.FOLDER in adata.uns and _keys.SPATIAL in adata.uns:
            if seen >= set(adata.uns[_keys.SPATIAL]):
                del adata.uns[_keys.SPATIAL]
            else:
                seen |= set(adata.uns[_keys.SPATIAL])


def join_images(
    sections: Mapping[str, Mapping[str, AnnData]], joined: Mapping[str, AnnData]
) -> None:
    """Keep the image of each section with the sections' spots, under the section's name."""
    from smartcore.pl._images import libraries

    kept = {}
    for section, modalities in sections.items():
        found = {}
        for adata in modalities.values():
            found.update(libraries(adata))
        if len(found) == 1:
            (kept[section],) = map(dict, found.values())
    if kept:
        next(iter(joined.values())).uns[_keys.SPATIAL] = kept


def add_images(spots: AnnData, data: Any) -> None:
    """Give the spots of the figures the images of the data, and which of several are whose."""
    from smartcore.pl._images import libraries

    found = libraries(data)
    if not found:
        return
    spots.uns[_keys.SPATIAL] = found
    if len(found) > 1:
        try:
            own = find_labels(data, _LIBRARY).values
        except (KeyError, ValueError):
            return  # the sections may name the libraries
        spots.obs[_LIBRARY] = own.reindex(spots.obs_names)


def pictures_of(parts: Mapping[str, AnnData], spots: AnnData) -> dict[str, Picture]:
    """The image of each section of the figures, where there is one that fits."""
    from smartcore.pl._images import pictures_of_sections

    if _keys.SPATIAL not in spots.uns:
        return {}
    try:
        return pictures_of_sections(parts, True, spots)
    except (KeyError, TypeError, ValueError) as err:
        logger.warning("maps are drawn without images of the tissue: %s", err.args[0])
        return {}
