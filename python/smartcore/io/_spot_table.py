"""Tables of spots × values: vectors of a model, intensities, and other values of each spot."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore.io._files import existing, reading
from smartcore.io._tables import as_names, is_parquet, read_parquet
from smartcore.io.machines._count_table import read_count_table

logger = logging.getLogger("smartcore")

_EXPECTED = "a table of spots × values, the names of the spots in its first column"
_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")


def is_spot_table(path: Path) -> bool:
    """Whether a file is such a table, by its name."""
    return path.name.lower().endswith(_SUFFIXES)


def read_spot_table(path: str | Path) -> AnnData:
    """Read a table with a line for each spot.

    Parameters
    ----------
    path
        Text with commas or tabs, packed (gzip) or not, or Parquet. The first line names the
        columns, the first column the spots; all else are numbers.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a line has another number of cells than the first, a value is no number, or the names of
        two spots are the same.
    ImportError
        If Parquet is to be read and pyarrow is not there.
    """
    source = existing(path, _EXPECTED)
    if is_parquet(source):
        table = read_parquet(source, _EXPECTED)
        with reading(source, _EXPECTED):
            text = [
                str(c) for c in table.columns[1:] if not pd.api.types.is_numeric_dtype(table[c])
            ]
            if text:
                raise ValueError(f"its column {text[0]!r} holds no numbers")
            values = table.iloc[:, 1:].to_numpy(np.float32)
        spots, columns = table.iloc[:, 0], table.columns[1:]
    else:
        found = read_count_table(source, 1, _EXPECTED)
        spots, columns, values = found.names.iloc[:, 0], found.columns, found.values.toarray()
    names = as_names(spots, str(source)).rename(None)
    features = pd.Index([str(name).strip('"') for name in columns], dtype=object)
    return AnnData(values, obs=pd.DataFrame(index=names), var=pd.DataFrame(index=features))
