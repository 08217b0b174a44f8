"""Output folders of spatial machines: one module a machine, in the order of their table."""

from __future__ import annotations

from smartcore.io.machines import (
    cosmx,
    merscope,
    slide_seq,
    stereo_seq,
    tenx,
    visium,
    visium_hd,
    xenium,
)
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import MICROMETRES, PIXELS, Choice, Folder, Machine

MACHINES: tuple[Machine, ...] = (
    visium.MACHINE,
    visium_hd.MACHINE,
    xenium.MACHINE,
    cosmx.MACHINE,
    merscope.MACHINE,
    stereo_seq.MACHINE,
    slide_seq.MACHINE,
    tenx.MACHINE,
)
"""All machines whose folders can be read."""

__all__ = ["MACHINES", "MICROMETRES", "PIXELS", "Choice", "Contents", "Folder", "Machine"]
