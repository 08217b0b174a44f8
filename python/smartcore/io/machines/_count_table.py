"""Large text tables of counts, read line by line into sparse matrices."""

from __future__ import annotations

import csv
import gzip
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.io._files import reading

logger = logging.getLogger("smartcore")

_AT_ONCE = 5_000_000
"""Numbers that are dense at a time: 40 MB."""

_TOLD_EVERY = 100_000_000
"""Numbers between two messages."""


@dataclass(frozen=True)
class CountTable:
    """A table with names in its first columns and numbers in all others.

    Attributes
    ----------
    names
        The first columns, as text.
    columns
        Names of the others.
    values
        CSR float32, shape (n_rows, n_columns).
    """

    names: pd.DataFrame
    columns: list[str]
    values: sp.csr_matrix


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes, unpacked if it is gzip by its content."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if packed:
            with gzip.open(file) as unpacked:
                yield unpacked  # type: ignore[misc]
        else:
            yield file


def read_count_table(path: Path, n_names: int, expected: str) -> CountTable:
    """Read a table with commas or tabs between its columns, packed (gzip) or not.

    Parameters
    ----------
    path
        The file. Its first line names the columns.
    n_names
        Number of columns of names, the first ones.
    expected
        What it should be, for messages.

    Raises
    ------
    ValueError
        If it is damaged or cut short, or has another number of cells in a line, or a cell that is
        no number; the message names file and line.
    """
    logger.info("%s: reading the table (%.1f MB)", path, path.stat().st_size / 1e6)
    with reading(path, expected), opened(path) as file:
        header = file.readline()
        delimiter = b"\t" if b"\t" in header else b","
        columns = next(csv.reader([header.decode("utf-8-sig")], delimiter=delimiter.decode()), [])
        width = len(columns) - n_names
        if width < 1:
            raise ValueError(f"its first line names {len(columns)} columns")
        names: list[list[str]] = []
        blocks, told = [], 0
        for first, lines in _pieces(file, max(1, _AT_ONCE // width)):
            cells = [line.rstrip(b"\r\n").split(delimiter, n_names) for line in lines]
            for number, found in enumerate(cells, start=first):
                n_cells = len(found) + (found[-1].count(delimiter) if len(found) > n_names else 0)
                if n_cells != len(columns):
                    raise ValueError(
                        f"line {number} has {n_cells} cells and the first {len(columns)}"
                    )
            values = _numbers([found[-1] for found in cells], delimiter.decode(), width, first)
            names.extend([cell.decode().strip('"') for cell in found[:-1]] for found in cells)
            blocks.append(sp.csr_matrix(values, dtype=np.float32))
            if len(names) * width // _TOLD_EVERY > told:
                told = len(names) * width // _TOLD_EVERY
                logger.info("%s: %d rows read", path, len(names))
        if not blocks:
            raise ValueError("it has a first line and no other")
    return CountTable(
        names=pd.DataFrame(names, columns=columns[:n_names], dtype=object),
        columns=columns[n_names:],
        values=sp.vstack(blocks, format="csr"),
    )


def _pieces(file: BinaryIO, n: int) -> Iterator[tuple[int, list[bytes]]]:
    """Lines that are not empty, ``n`` at a time, with the number of the first of them."""
    first, lines = 2, []
    for line in file:
        if line.strip():
            lines.append(line)
        if len(lines) == n:
            yield first, lines
            first, lines = first + n, []
    if lines:
        yield first, lines


def _numbers(lines: list[bytes], delimiter: str, width: int, first: int) -> NDArray:
    """The numbers of the lines, shape (n_lines, width)."""
    text = delimiter.encode().join(lines)
    for dtype in (np.int64, np.float64):  # text of whole numbers is read several times faster
        values = _parsed(text, dtype, delimiter)
        if values is not None and values.size == len(lines) * width:
            return values.reshape(len(lines), width)
    for number, line in enumerate(lines, start=first):
        values = _parsed(line, np.float64, delimiter)
        if values is None or values.size != width:
            raise ValueError(f"line {number} has a cell that is empty or no number")
    raise ValueError("it has cells that are no numbers")


def _parsed(text: bytes, dtype: type, delimiter: str) -> NDArray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=dtype, sep=delimiter)
        except (DeprecationWarning, ValueError):
            return None
