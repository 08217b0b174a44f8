"""Who hears what the package logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heard_by(handler: logging.Handler, level: int) -> Iterator[None]:
    """Give what the package logs from ``level`` up to ``handler``, and to nobody else."""
    log = logging.getLogger("smartcore")
    usual, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(level)
    # Another package may have given the root logger a handler that prints.
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(usual)
        log.propagate = propagate
