"""Numbers and switches among the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np


def whole(name: str, value: object, least: int = 1) -> int:
    """``value`` as an int; ValueError unless it is a whole number from ``least`` up."""
    # 30.0 is what R's 30 becomes.
    if not _is_number(value) or value < least or value != int(value):
        raise ValueError(f"{name}={value!r} must be a whole number from {least} up.")
    return int(value)


def whole_or_none(name: str, value: object) -> int | None:
    """``None``, or as :func:`whole`."""
    return None if value is None else whole(name, value)


def positive(name: str, value: object) -> float:
    """``value`` as a float; ValueError unless it is positive and finite."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name}={value!r} must be a positive number.")
    return float(value)


def flag(name: str, value: object) -> bool:
    """``value`` as a bool; ValueError unless it is one."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}={value!r} must be True or False.")
    return bool(value)


def steps_among(known: Sequence[str], steps: str | Iterable[str]) -> tuple[str, ...]:
    """The steps asked for, in the order in which they are taken; "none" stands for no step.

    Raises
    ------
    ValueError
        If one is not among the ``known``, or "none" is not the only one.
    """
    given = [steps] if isinstance(steps, str) else list(steps)
    if given == ["none"]:
        return ()
    for step in given:
        if step not in known:
            raise ValueError(f"steps={step!r} is not known; use {', '.join(known)}, or none alone.")
    return tuple(step for step in known if step in given)


def named(value: object) -> str:
    """The name of a modality; ValueError unless it is a text."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"name={value!r} must be a text, such as 'metabolites'.")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )
