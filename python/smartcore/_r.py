"""R, through rpy2."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

logger = logging.getLogger("smartcore")


def missing_in_r(packages: Iterable[str] = ()) -> str | None:
    """Say what keeps R from being used here.

    Parameters
    ----------
    packages
        R packages that are needed.

    Returns
    -------
    None where R, rpy2 and the packages are there, else the reason in words.
    """
    try:
        from rpy2 import situation
    except ImportError as error:
        return f"Python's package rpy2 cannot be imported ({error})"
    # An R home without R's base package ends the process when rpy2 starts R.
    home = situation.get_r_home()
    if not home or not Path(home, "library", "base").is_dir():
        return f"R is not found (R home: {home or 'none'})"
    try:
        import rpy2.robjects as ro
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return f"rpy2 cannot start R ({error})"
    with ro.conversion.localconverter(ro.default_converter):
        there = ro.r("function(name) requireNamespace(name, quietly = TRUE)")
        missing = [name for name in packages if not there(name)[0]]
    return f"R has no package {' and no package '.join(missing)}" if missing else None


def require_r(packages: Iterable[str], what: str) -> None:
    """Raise ImportError unless R, rpy2 and the R packages are there."""
    if reason := missing_in_r(packages):
        raise ImportError(
            f"{what} needs R, with {', '.join(packages)}, and rpy2 (pip install 'spatialsmart[r]'), "
            f"but {reason}"
        )


def code_r() -> Any:
    """The functions of ``_rds.R``, as an R list; rpy2's conversion rules must be set."""
    import rpy2.robjects as ro

    return ro.r(files("smartcore.io").joinpath("_rds.R").read_text("utf-8"))


def call_r(expected: str, source: Path, name: str, *args: Any) -> dict[str, Any]:
    """Call a function of ``_rds.R`` and bring its result to Python.

    Raises
    ------
    ImportError
        If the function wants an R package that is missing.
    ValueError
        If it fails; the message names `source` and what was `expected`.
    """
    import rpy2.robjects as ro

    # In a thread of its own rpy2 has no conversion rules at all unless given.
    with ro.conversion.localconverter(ro.default_converter):
        given = [
            ro.NULL if arg is None else ro.StrVector(arg) if isinstance(arg, list) else arg
            for arg in args
        ]
        out: dict[str, Any] = _to_python(code_r().rx2(name)(*given))
    for note in out.pop("notes"):
        logger.info("R on %s: %s", source, " ".join(note.split()))
    if missing := out.get("missing"):
        raise ImportError(f"{source}: {missing[0]}")
    if error := out.get("error"):
        raise ValueError(f"{source}: R failed ({' '.join(error[0].split())}); expected {expected}")
    return out


def _to_python(value: Any) -> Any:
    """Vectors as arrays or lists of text, R's lists as dicts, NULL as None."""
    import rpy2.robjects as ro

    if value is ro.NULL:
        return None
    if isinstance(value, ro.ListVector):
        names = [] if value.names is ro.NULL else [str(name) for name in value.names]
        return dict(zip(names, map(_to_python, value), strict=True))
    if isinstance(value, ro.StrVector):
        return [str(item) for item in value]
    return np.array(value)  # a copy: R's own memory goes with its object
