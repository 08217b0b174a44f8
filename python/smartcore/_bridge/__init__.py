"""The core as the R package calls it: arrays and lists in, arrays and dicts out."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import version
from typing import Any

from smartcore._bridge._clusters import (
    by_size,
    choose,
    choose_input,
    cluster,
    mclust_code,
    mclust_input,
)
from smartcore._bridge._components import components
from smartcore._bridge._run import run
from smartcore._bridge._values import whole_numbers
from smartcore._bridge._viewers import export, regions
from smartcore.integration import choose_device
from smartcore.params import Params, resolve_params

INTERFACE = 12
"""Raised when a function here changes in what it takes or gives: the R package checks it."""

__all__ = [
    "INTERFACE",
    "by_size",
    "check",
    "choose",
    "choose_input",
    "cluster",
    "components",
    "export",
    "mclust_code",
    "mclust_input",
    "parameters",
    "regions",
    "run",
    "versions",
]


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {
        "smartcore": version("spatialsmart"),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def parameters() -> list[str]:
    """Return the names of the method's parameters."""
    return [field.name for field in fields(Params)]


def check(preset: str, params: Mapping[str, Any], device: str) -> None:
    """Raise what :func:`run` would for these, before there is anything to run it on."""
    resolve_params(preset, whole_numbers(params))
    choose_device(device)
