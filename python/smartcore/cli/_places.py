"""Modalities that lie on another grid than the spots, or under them: pixels, and the histology."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from anndata import AnnData

from smartcore.cli._common import UsageError
from smartcore.cli._kinds import IMAGE, OTHER_KINDS, kind_of
from smartcore.cli._lookup import give_column

logger = logging.getLogger("smartcore")


def placed_names(args: argparse.Namespace) -> set[str]:
    """Modalities whose pixels are to be brought to the spots."""
    return {name for name, _ in args.place or ()}


def bring_to_spots(args: argparse.Namespace, data: dict[str, AnnData]) -> None:
    """Put pixels of the modalities that ``--place`` names on the spots of the first other one.

    Raises
    ------
    UsageError
        If there is no other modality, or the names of spots show that pixels are left as they are.
    KeyError, ValueError
        If coordinates or sections are missing or no pixel is near a spot; the message names the
        modality.
    """
    from smartcore import pp

    radii = dict(args.place or ())
    if IMAGE in radii:
        raise UsageError(f"--place {IMAGE}: its colours are those of the spots already")
    spots = next((name for name in data if name not in radii), None)
    if spots is None:
        raise UsageError("--place brings pixels to the spots of another modality: give one, too")
    key = args.section_key
    if key is not None:
        others = {name: adata for name, adata in data.items() if name not in radii}
        give_column(data[spots], others, key)
    for name in [name for name in data if name in radii]:
        logger.info("%s: bringing its pixels to the spots of %s", name, spots)
        try:
            data[name] = pp.to_spots(
                data[name],
                data[spots],
                method=args.place_method,
                radius=radii[name],
                spatial_key=args.spatial_key,
                section_key=key,
            )
        except (KeyError, TypeError, ValueError) as err:
            raise type(err)(f"{name}: {err.args[0] if err.args else err}") from err
    for name, adata in data.items():
        if (
            kind_of(args, name) in OTHER_KINDS
            and name != spots
            and not adata.obs_names.isin(data[spots].obs_names).any()
        ):
            raise UsageError(
                f"{name} and {spots} have no name of a spot in common (such as "
                f"{adata.obs_names[0]!r} and {data[spots].obs_names[0]!r}); if {name} was measured "
                f"at other places of the same section, --place {name} brings it to the spots"
            )


def image_modality(args: argparse.Namespace, data: Mapping[str, AnnData], source: Path) -> AnnData:
    """Colours of the histology under the spots of the first modality, which has the image.

    Raises
    ------
    UsageError
        If there is no image, or nothing tells how it lies under the coordinates.
    """
    from smartcore import pp

    name, spots = next(iter(data.items()))
    if args.coords:
        raise UsageError(
            "--image-colors: nothing tells how the image lies under the coordinates of --coords. "
            "smartcore.pp.image_colors in Python takes the scale"
        )
    kept = spots.uns.get("spatial", {})
    if kept:
        images = [set(library.get("images", {})) for library in kept.values()]
        finest: Literal["hires", "lowres"] = (
            "hires" if all("hires" in own for own in images) else "lowres"
        )
        return pp.image_colors(spots, resolution=finest, spatial_key=args.spatial_key)
    raise UsageError(
        f"--image-colors: {name} has no image: {source} is neither a Space Ranger folder with "
        "'spatial' nor a file with uns['spatial'], as scanpy keeps the images of Visium"
    )
