"""Output folders of spatial machines: one module a machine, in the order of their table."""

from __future__ import annotations

from smartcore.io.machines import tenx, visium, visium_hd
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import MICROMETRES, PIXELS, Choice, Folder, Machine

MACHINES: tuple[Machine, ...] = (
    visium.MACHINE,
    visium_hd.MACHINE,
    tenx.MACHINE,
)
"""All machines whose folders can be read."""

__all__ = ["MACHINES", "MICROMETRES", "PIXELS", "Choice", "Contents", "Folder", "Machine"]
