"""Tables of text: every cell as it stands in the file."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smartcore.io._files import reading

_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
    b"PK\x03\x04": lambda packed: _only_member(packed),
}
"""First bytes of packed files, whatever their names."""

_DELIMITERS = "\t;,| "
"""In the order in which they are tried; a comma may also be a decimal point."""

_LINES = 200
"""Lines by which the delimiter is found."""

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class TextTable:
    """A table before anyone says what its columns are.

    Attributes
    ----------
    rows
        All lines, the first one included; cells are text.
    index_only
        Whether the first line has one cell less than the others, as R writes a header above a
        column of row names. It has an empty cell in front then.
    """

    rows: pd.DataFrame
    index_only: bool = False

    @property
    def first(self) -> list[str]:
        """Cells of the first line."""
        return [str(cell) for cell in self.rows.iloc[0]]

    def with_header(self) -> pd.DataFrame:
        """The lines below the first, which names the columns."""
        return self.rows.iloc[1:].set_axis(pd.Index(self.first), axis=1)


def read_text_table(path: Path, expected: str) -> TextTable:
    """Read a table with commas, semicolons, tabs, bars or blanks between its columns.

    Parameters
    ----------
    path
        The file, of any name; packed by gzip, bzip2, xz or zip, or not.
    expected
        What it should be, for messages.

    Raises
    ------
    ValueError
        If it is no such table, or not in UTF-8 or UTF-16; the message names the file.
    """
    with reading(path, expected):
        text = _decoded(_unpacked(path.read_bytes()))
        delimiter, less = _delimiter(text)
        lines = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=delimiter,
            strict=True,
            skipinitialspace=delimiter == " ",
        )
        cells = [line for line in lines if line]
        if less:
            cells[0] = ["", *cells[0]]
        width = len(cells[0])
        for number, line in enumerate(cells, start=1):
            if len(line) != width:
                raise ValueError(f"line {number} has {len(line)} columns, the first {width}")
        return TextTable(pd.DataFrame(cells, dtype=object), less)


def read_table(path: Path, expected: str) -> pd.DataFrame:
    """Read a table whose first line names its columns; of parquet, too.

    Parameters
    ----------
    path, expected
        As for :func:`read_text_table`.

    Returns
    -------
    pandas.DataFrame
        Cells are text, but those of parquet as stored there.

    Raises
    ------
    ValueError
        As :func:`read_text_table`.
    """
    if is_parquet(path):
        return read_parquet(path, expected)
    return read_text_table(path, expected).with_header()


def is_parquet(path: Path) -> bool:
    """Whether the file begins as parquet does, or is called so."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1" or path.suffix == ".parquet"


def read_parquet(path: Path, expected: str) -> pd.DataFrame:
    """Read a table of parquet, an index with a name as its first column.

    Raises
    ------
    ValueError
        If it cannot be read.
    ImportError
        If pyarrow is not there.
    """
    with reading(path, expected):
        try:
            table = pd.read_parquet(path)
        except ImportError as err:
            raise ImportError(f"reading {path} needs pyarrow: pip install pyarrow") from err
        named = not isinstance(table.index, pd.RangeIndex)
        return table.rename_axis(index=lambda name: name or "").reset_index() if named else table


def as_names(cells: pd.Series, what: str) -> pd.Index:
    """Names of spots as text.

    Raises
    ------
    ValueError
        If one is empty or occurs twice.
    """
    texts = [cell.decode() if isinstance(cell, bytes) else str(cell) for cell in cells]
    names = pd.Index(texts, dtype=object)
    if (empty := names == "").any():
        raise ValueError(f"{what}: {empty.sum()} rows have no name in column {str(cells.name)!r}")
    if not names.is_unique:
        twice = names[names.duplicated()]
        raise ValueError(
            f"{what}: spot {twice[0]!r} occurs twice in column {str(cells.name)!r}"
            + (f", as do {len(twice.unique()) - 1} others" if twice.nunique() > 1 else "")
        )
    return names


def as_numbers(cells: pd.Series, names: pd.Index, what: str) -> NDArray[np.float64]:
    """Finite numbers, as they stand in the cells.

    Raises
    ------
    ValueError
        If a cell is empty or no finite number; the message names column and spot.
    """
    if pd.api.types.is_numeric_dtype(cells):
        values = cells.to_numpy(np.float64, na_value=np.nan)
        bad = ~np.isfinite(values)
    else:
        texts = ["" if cell is None else str(cell) for cell in cells]
        bad = np.array([_NUMBER.fullmatch(text) is None for text in texts], bool)
        values = np.array(["nan" if b else t for t, b in zip(texts, bad, strict=True)], np.float64)
        bad |= ~np.isfinite(values)
    if bad.any():
        cell = str(cells.iloc[int(np.flatnonzero(bad)[0])])
        hint = "; decimals need a point" if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", cell) else ""
        raise ValueError(
            f"{what}: coordinates must be finite numbers, but column {str(cells.name)!r} has "
            f"missing or infinite values or text in {bad.sum()} of {len(bad)} rows (first: "
            f"{cell!r} of spot {str(names[bad][0])!r}){hint}"
        )
    return values


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    return _NUMBER.fullmatch(text) is not None


def _unpacked(content: bytes) -> bytes:
    unpack = next((f for start, f in _UNPACK.items() if content.startswith(start)), None)
    return content if unpack is None else _unpacked(unpack(content))


def _only_member(packed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        members = [m for m in file.namelist() if not m.endswith("/") and "__MACOSX" not in m]
        if len(members) != 1:
            raise ValueError(f"the archive holds {len(members)} files: {', '.join(members)}")
        return file.read(members[0])


def _decoded(content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as err:
        raise ValueError(f"it is not UTF-8: save it as such ({err})") from err
    if "\0" in text:
        raise ValueError("it holds binary data, not text")
    if not text.strip():
        raise ValueError("it is empty")
    return text


def _delimiter(text: str) -> tuple[str, bool]:
    """What is between columns, and whether the first line has one cell less."""
    lines = [line for line in text.splitlines()[: _LINES + 1] if line.strip()][:_LINES]
    found: list[tuple[int, str, bool]] = []
    for delimiter in _DELIMITERS:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " ")
        if (shape := _shape([len(cells) for cells in reader if cells])) is not None:
            found.append((shape[0], delimiter, shape[1]))
    if not found:
        raise ValueError("its lines have no common number of columns, two or more")
    # A comma within the cells of a table with semicolons makes no columns of its own.
    enough = [shape for shape in found if shape[0] > 2] or found
    _, delimiter, less = enough[0]
    return delimiter, less


def _shape(widths: list[int]) -> tuple[int, bool] | None:
    """Number of columns, and whether the first line lacks one."""
    width = widths[-1]
    if width < 2 or any(w != width for w in widths[1:]):
        return None
    return (width, widths[0] < width) if widths[0] in (width, width - 1) else None
