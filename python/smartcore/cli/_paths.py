"""No output over an input."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from smartcore.cli._common import UsageError
from smartcore.cli._kinds import other_files
from smartcore.cli._sections import NOTHING
from smartcore.io import KINDS, _machine_folders
from smartcore.io._stores import is_zarr


def check_apart(args: argparse.Namespace, outputs: Iterable[Path]) -> None:
    """Refuse outputs that are inputs, or would be written into one.

    Links are followed. No option changes that: the input may be the only copy of the counts.

    Raises
    ------
    UsageError
        If there is such an output.
    """
    inputs = list(inputs_of(args))
    for output in outputs:
        for path in inputs:
            # A store that is replaced goes with all that lies in it.
            inside = output.expanduser().resolve() in path.resolve().parents
            if inside or _same(output, path) or _within(output, path):
                raise UsageError(
                    f"{output} would be written over the input {path}: name another output"
                )


def inputs_of(args: argparse.Namespace) -> Iterator[Path]:
    """Files and folders that a run reads."""
    given = [getattr(args, option) or [] for option in ("input", *KINDS, "coords", "outlines")]
    for files in (*given, *(files for _, _, files in other_files(args))):
        for path in files:
            if path != NOTHING:
                yield path.expanduser()


def _same(one: Path, other: Path) -> bool:
    one = one.expanduser()
    if one.resolve() == other.resolve():
        return True
    # Hard links, and names that differ in case where the file system does not tell them apart.
    return one.exists() and other.exists() and os.path.samefile(one, other)


def _within(output: Path, folder: Path) -> bool:
    """Whether ``output`` is a part of what a folder of input consists of."""
    if not folder.is_dir():
        return False
    real, output = folder.resolve(), output.expanduser().resolve()
    if is_zarr(folder) or not real.exists():
        return real in output.parents
    # Beside a matrix of text files, which tells what the folder is.
    beside = [
        real / f"{name}{end}" for name in ("features.tsv", "barcodes.tsv") for end in ("", ".gz")
    ]
    return any(
        part == output or part in output.parents
        for part in (*_machine_folders.telling(real), *beside)
    )
