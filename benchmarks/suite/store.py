"""The tables of results: a row a labeling of a run, in one CSV file for each family of methods.

Runs add up over time. Every write replaces the rows of one run under a lock and swaps whole files,
so that processes at work at once lose nothing of each other's, and one that is cut short leaves
the table as it was.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"

RUN = ("method", "set", "seed")
"""What makes a run."""

SCORES = (
    "probe",
    "ari_shrunk",
    "ari_mean",
    "ari_by_k",
    "ari_gmm",
    "ari_mclust",
    "own_ari",
    "chaos",
    "pas",
    "spatial_silhouette",
    "ami",
    "nmi",
    "homogeneity",
    "fmi",
    "morans_i",
    "silhouette",
)
COLUMNS = (
    "set",
    "group",
    "method",
    "seed",
    "labeling",
    "status",
    *SCORES,
    "seconds",
    "memory_mb",
    "embedding",
    "smartcore",
    "torch",
    "peer",
    "commit",
    "date",
    "note",
)
_DIGITS = {"seconds": 2, "memory_mb": 0}

Row = dict[str, str]
"""Column → text as in the file; empty where nothing is known."""


class Table:
    """One CSV file whose rows belong to runs.

    Parameters
    ----------
    file
        Need not be there yet.
    columns
        Its columns, in order; files with others are refused.
    run
        The columns that tell runs apart.
    order
        Columns that rows are sorted by, whole numbers as numbers.
    """

    def __init__(
        self,
        file: Path,
        columns: tuple[str, ...] = COLUMNS,
        run: tuple[str, ...] = RUN,
        order: tuple[str, ...] = ("set", "method", "seed", "labeling"),
    ) -> None:
        self.file, self.columns, self.run, self.order = file, columns, run, order

    def rows(self) -> list[Row]:
        """All rows.

        Raises
        ------
        ValueError
            If the file has other columns.
        """
        if not self.file.is_file():
            return []
        with self.file.open(newline="") as lines:
            reader = csv.DictReader(lines)
            if tuple(reader.fieldnames or ()) != self.columns:
                raise ValueError(
                    f"{self.file} has the columns {reader.fieldnames}, not {list(self.columns)}; "
                    "move it away, or rewrite its header."
                )
            return list(reader)

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put these rows in place of all those of the same runs.

        Raises
        ------
        ValueError
            If a row has a column that the table lacks, or the file has other columns.
        """
        new = [self._as_text(row) for row in rows]
        runs = {self._run_of(row) for row in new}
        with locked(self.file.parent):
            kept = [row for row in self.rows() if self._run_of(row) not in runs]
            self._write(sorted([*kept, *new], key=self._place))

    def _as_text(self, row: Mapping[str, Any]) -> Row:
        if unknown := set(row) - set(self.columns):
            raise ValueError(f"a table of results has no columns {sorted(unknown)}")
        return {name: text(row.get(name), _DIGITS.get(name, 4)) for name in self.columns}

    def _run_of(self, row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in self.run)

    def _place(self, row: Row) -> tuple[tuple[int, str], ...]:
        values = (row[name] for name in self.order)
        return tuple((int(v), "") if v.isdecimal() else (-1, v) for v in values)

    def _write(self, rows: list[Row]) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.file, out.getvalue())


class Store:
    """Tables of results in a folder, one for each family; embeddings in the cache."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._embeddings = cache / "embeddings"

    def embedding(self, method: str, labelled: str, seed: int) -> Path:
        """Where the embedding of a run lies."""
        return self._embeddings / labelled / method.replace("/", "_") / f"{seed}.npz"

    def run(self, family: str, method: str, labelled: str, seed: int) -> dict[str, Row]:
        """Labeling → row of one run; the labeling is empty where the run has no embedding."""
        key = (method, labelled, str(seed))
        rows = self._table(family).rows()
        return {row["labeling"]: row for row in rows if tuple(row[c] for c in RUN) == key}

    def put(self, family: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put these rows in place of all those of the same runs."""
        self._table(family).replace(rows)

    def all(self) -> list[Row]:
        """All rows of all families.

        Raises
        ------
        ValueError
            If two files have the same run.
        """
        rows, home = [], {}
        for file in sorted(self.folder.glob("*.csv")):
            if header(file) != list(COLUMNS):
                continue
            for row in Table(file).rows():
                key = tuple(row[name] for name in RUN)
                if home.setdefault(key, file.name) != file.name:
                    raise ValueError(
                        f"{home[key]} and {file.name} both have the run {key}: delete one"
                    )
                rows.append(row)
        return rows

    def _table(self, family: str) -> Table:
        return Table(self.folder / f"{family.replace(' ', '_')}.csv")


def text(value: Any, digits: int = 4) -> str:
    """A value as tables have it: numbers rounded, nothing for None and NaN."""
    if value is None or value != value:
        return ""
    if isinstance(value, Mapping):
        return " ".join(f"{key}:{text(one, digits)}" for key, one in value.items())
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def header(file: Path) -> list[str]:
    """Names of a CSV file's columns."""
    with file.open(newline="") as lines:
        return next(csv.reader(lines), [])


def write_whole(file: Path, content: str) -> None:
    """Write a file as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "w", newline="") as out:
            out.write(content)
        os.chmod(name, 0o644)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the folder's tables alone, waiting for other processes that do."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
