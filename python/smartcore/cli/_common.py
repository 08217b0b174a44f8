"""What all commands share: messages, exit codes, types of arguments."""

from __future__ import annotations

import argparse
import contextlib
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from smartcore._logs import heard_by
from smartcore.cli._words import for_the_command_line

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

STORE = ".zarr"
"""Suffix of results that are a store of SpatialData."""

logger = logging.getLogger("smartcore")


class UsageError(Exception):
    """Something wrong with the command that the parser itself cannot see."""


class PartialResultError(Exception):
    """A part of the results is there, and the others cannot be had; says both."""


class _Handler(logging.Handler):
    """Writes messages to standard error without breaking a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        text = for_the_command_line(self.format(record))
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        tqdm.write(f"smartcore: {level}{text}", file=sys.stderr)


@contextlib.contextmanager
def messages(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Show the package's messages and warnings on standard error, for as long as a command runs.

    Warnings of other packages are for programmers: they show with `verbose` only.
    """
    package = str(Path(__file__).parents[1])
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        own = filename.startswith(package) and not issubclass(
            category, (DeprecationWarning, FutureWarning)
        )
        if own or verbose:
            logger.warning("%s", " ".join(str(message).split()))

    with heard_by(_Handler(), level), warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield


def report(problem: BaseException | str, *, verbose: bool = False) -> None:
    """Say what went wrong, in one line; the traceback shows with `verbose`."""
    if verbose and isinstance(problem, BaseException):
        traceback.print_exception(problem, file=sys.stderr)
    # str() of a KeyError is the repr of its message.
    message = problem.args[0] if isinstance(problem, KeyError) and problem.args else problem
    text = " ".join(str(message).split())
    expected = (
        *(str, ValueError, KeyError, TypeError, OSError, ImportError, ArithmeticError),
        PartialResultError,
    )
    if not isinstance(problem, expected):
        text = f"{type(problem).__name__}: {text} (-v shows where)"
    text = for_the_command_line(text) or type(problem).__name__
    print(f"smartcore: error: {text}", file=sys.stderr)


@contextlib.contextmanager
def thread_limit(n: int | None) -> Iterator[None]:
    """Let PyTorch and linear algebra use at most `n` threads."""
    if n is None:
        yield
        return
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        torch.set_num_threads(before)


def show_progress(args: argparse.Namespace) -> bool:
    """Whether to draw a progress bar: on a terminal, unless told to be quiet."""
    return not args.quiet and (sys.stderr.isatty() or args.verbose)


def whole(low: int, high: int = 2**31 - 1) -> Any:
    """Make an argument type: a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} up")
        return value

    return parse


def whole_or_all(low: int) -> Any:
    """Make an argument type: a whole number from `low` up, or "all", which is None."""
    one = whole(low)

    def parse(text: str) -> int | None:
        return None if text == "all" else int(one(text))

    return parse


def number(low: float, high: float = float("inf"), *, above: bool = False) -> Any:
    """Make an argument type: a number from (or, with `above`, greater than) `low` to `high`."""
    lower = f"above {low:g}" if above else f"from {low:g}"
    span = lower if high == float("inf") else f"{lower} to {high:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not ((low < value if above else low <= value) and value <= high) or value == float(
            "inf"
        ):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number {span}")
        return value

    return parse


def cluster_numbers(text: str) -> range:
    """Argument type: a number of domains, or a range of them such as ``4-10``."""
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    low = int(match[1]) if match else 0
    high = int(match[2] or low) if match else 0
    if low < 1 or high < low or (high > low and low < 2):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of domains (1 or more) nor a range such as 4-10"
        )
    return range(low, high + 1)


def device(text: str) -> str:
    """Argument type: where PyTorch computes."""
    if text == "mps":
        raise argparse.ArgumentTypeError(
            "Apple's GPUs (mps) cannot be used, since PyTorch has no sparse matrices there; use cpu"
        )
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of auto, cpu, cuda, cuda:N")
    return text


def add_message_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on what is said."""
    group = parser.add_argument_group("messages (on standard error)").add_mutually_exclusive_group()
    group.add_argument("-q", "--quiet", action="store_true", help="say warnings and errors only")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="say more, and show where errors arise"
    )


def add_machine_options(group: argparse._ArgumentGroup) -> None:
    """Add the options on seed, device and threads."""
    group.add_argument(
        "--seed",
        type=whole(0),
        default=0,
        metavar="N",
        help="start of the random numbers; the same seed gives the same result (default: 0)",
    )
    group.add_argument(
        "--device",
        type=device,
        default="auto",
        help="auto, cpu, cuda or cuda:N (default: auto, a GPU of NVIDIA's if there is one)",
    )
    group.add_argument("--threads", type=whole(1), metavar="N", help="use at most N CPU threads")
