"""What R hears while Python works: progress, messages, warnings; and how its interrupt gets here."""

from __future__ import annotations

import ctypes
import logging
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

import numpy as np

from smartcore._logs import heard_by

Notify = Callable[[str, str], object]
"""Called with ``"info"`` or ``"warning"`` and a text."""

BETWEEN_REPORTS = 0.2
"""Seconds between calls of R while training."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a SIGINT raise KeyboardInterrupt, and R see nothing of it until Python has returned.

    As long as Python works, R's handler must not have it: an interrupt of R that falls into a call
    of R from Python leaves Python without its stack, and R crashes later.
    """
    # Those of C are beneath Python's, which alone would not be told of a handler of R.
    get, put = ctypes.pythonapi.PyOS_getsig, ctypes.pythonapi.PyOS_setsig
    get.restype = put.restype = ctypes.c_void_p
    put.argtypes = [ctypes.c_int, ctypes.c_void_p]
    outer = get(signal.SIGINT)
    inner = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if inner is not None:
            signal.signal(signal.SIGINT, inner)
        put(signal.SIGINT, outer)


class Report:
    """Calls ``on_epoch`` after the epochs that it is told of."""

    def __init__(self, on_epoch: Callable[[int, int, float], object], epochs: int) -> None:
        self._tell = unless_ended(lambda epoch, loss: on_epoch(epoch, epochs, loss))
        self._untold: tuple[int, float] | None = None
        self._next = -np.inf

    def __call__(self, epoch: int, losses: Mapping[str, float]) -> None:
        self._untold = epoch, losses["total"]
        if time.monotonic() >= self._next:
            self.finish()
            self._next = time.monotonic() + BETWEEN_REPORTS

    def finish(self) -> None:
        """Tell of the last epoch, unless that was done."""
        untold, self._untold = self._untold, None
        if untold:
            self._tell(*untold)


def unless_ended(tell: Callable[..., object]) -> Callable[..., None]:
    """Make a function that calls ``tell``, and ends the work where that returns ``True``."""

    def told(*what: object) -> None:
        if tell(*what) is True:
            raise KeyboardInterrupt

    return told


class _Relay(logging.Handler):
    def __init__(self, notify: Notify) -> None:
        super().__init__(logging.INFO)
        self.notify = notify

    def emit(self, record: logging.LogRecord) -> None:
        self.notify("info", record.getMessage())


@contextmanager
def relayed(notify: Notify | None) -> Iterator[None]:
    """Hand warnings for the user, and what the package logs, to ``notify``."""
    if notify is None:
        yield
        return
    with heard_by(_Relay(notify), logging.INFO), warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if issubclass(category, UserWarning):
                notify("warning", str(message))
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        warnings.simplefilter("always", UserWarning)
        yield
