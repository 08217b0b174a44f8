"""Images of the tissue: from Space Ranger's folders to the maps of a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anndata import AnnData

from smartcore import _keys
from smartcore.cli._lookup import find_labels

if TYPE_CHECKING:
    from smartcore.pl._images import Picture

logger = logging.getLogger("smartcore")

_LIBRARY = "library_id"


def keep_images(folders: list[Path], modalities: Mapping[str, AnnData]) -> None:
    """Put the images of a section's folders into ``uns["spatial"]`` of its first modality.

    A damaged image is a warning: domains are found without it.
    """
    from smartcore.io._images import library_images
    from smartcore.io.machines import PIXELS

    holder = next(iter(modalities.values()))
    if holder.uns.get(_keys.FOLDER, {}).get("unit", PIXELS) != PIXELS:
        return  # an image lies under places in its own pixels alone
    for folder in folders:
        if not (folder / "spatial").is_dir():
            continue
        try:
            found = library_images(folder)
        except (OSError, ValueError) as err:
            logger.warning("the map is drawn without the image of the tissue: %s", err)
            continue
        if found:
            holder.uns[_keys.SPATIAL] = found
            return


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
