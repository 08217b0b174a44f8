"""The viewers that domains are written for."""

from __future__ import annotations

from typing import Literal, get_args

Viewer = Literal["xenium", "loupe", "qupath", "napari", "vitessce"]
VIEWERS: tuple[Viewer, ...] = get_args(Viewer)

SUFFIXES: dict[Viewer, tuple[str, ...]] = {
    "xenium": (".csv",),
    "loupe": (".csv",),
    "qupath": (".geojson", ".json"),
    "napari": (".csv",),
    "vitessce": (),
}
"""How the names of their files end; none for a folder."""

PLACED: tuple[Viewer, ...] = ("qupath", "napari", "vitessce")
"""Those that are given coordinates."""
