"""Counts and places of cells, from two files, brought together by name."""

from __future__ import annotations

import csv
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.given.names import mismatch
from smartcore.io._files import reading
from smartcore.io._tables import as_numbers, is_parquet, read_parquet
from smartcore.io._tenx import FEW
from smartcore.io.machines._count_table import opened

logger = logging.getLogger("smartcore")

_MISSING = ["", "NA", "NaN", "nan"]
_SHOWN = 30
"""Names of columns that a message lists."""


def made(
    counts: sp.spmatrix,
    cells: pd.Index,
    features: pd.Index,
    places: NDArray[np.float64],
    obs: pd.DataFrame | None = None,
) -> AnnData:
    """Cells × features with places.

    Parameters
    ----------
    counts
        Shape (n_cells, n_features).
    cells, features
        Names.
    places
        Shape (n_cells, 2), x first.
    obs
        What else is known of the cells, in their order.
    """
    table = pd.DataFrame(index=cells) if obs is None else obs.set_axis(cells, axis=0)
    adata = AnnData(counts.tocsr().astype(np.float32), obs=table, var=pd.DataFrame(index=features))
    adata.obsm[_keys.SPATIAL] = places
    return adata


def in_common(
    counted: pd.Index,
    placed: pd.Index,
    counts: Path,
    places: Path,
    noun: str = "cells",
    *,
    all_counted: bool = True,
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[str]]:
    """Which rows of two files are of one cell.

    Parameters
    ----------
    counted, placed
        Names of the cells with counts, and of those with places, each unique.
    counts, places
        The files, for messages.
    noun
        What is counted: cells, beads.
    all_counted
        Whether the machine writes counts for every one that has a place.

    Returns
    -------
    Rows of the counts, rows of the places, in the order of the counts, and a sentence for those
    that only one of the two has, of which a warning tells, too.

    Raises
    ------
    ValueError
        If they have no cell in common, or more than one in ten is in one of them alone.
    """
    where = placed.get_indexer(counted)
    rows = np.flatnonzero(where >= 0)
    if not rows.size:
        found = mismatch(counted, placed)
        raise ValueError(
            f"{counts.name} and {places.name} have no {noun} in common"
            + (f" (such as {found.examples()})" if found else "")
            + "; they must come from one run"
        )
    sentences = []
    for names, file, lacking, strict in (
        (counted, counts, f"no place in {places.name}", True),
        (placed, places, f"no counts in {counts.name}", all_counted),
    ):
        lost = len(names) - len(rows)
        if strict and lost > FEW * len(names):
            raise ValueError(
                f"{lost} of the {len(names)} {noun} of {file} have {lacking}: the files are of "
                "different runs, or one was cut short or filtered. To leave these out, give the "
                "counts by themselves and the places by --coords, with --no-check-names"
            )
        if lost:
            sentences.append(f"{lost} {noun} of {file.name}: they have {lacking}.")
        if lost and strict:
            warnings.warn(
                f"{lost} of {len(names)} {noun} of {file.name} have {lacking} and are left out",
                UserWarning,
                stacklevel=3,
            )
    return rows, where[rows], sentences


def places_of(
    table: pd.DataFrame, columns: tuple[str, str], names: pd.Index, source: Path
) -> NDArray[np.float64]:
    """Two columns of a table as places.

    Raises
    ------
    ValueError
        If the table lacks one, or a cell of it is no finite number.
    """
    if missing := [column for column in columns if column not in table]:
        raise ValueError(
            f"{source} has no column {' or '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns[:_SHOWN]))}"
        )
    return np.column_stack([as_numbers(table[column], names, str(source)) for column in columns])


def read_cells(path: Path, expected: str, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of cells, of text (packed or not) or of parquet.

    Parameters
    ----------
    path
        The file; its first line names the columns.
    expected
        What it should be, for messages.
    names
        Columns that name the cells, and stay text; ``None``: the first one.

    Raises
    ------
    ValueError
        If it is damaged, or lacks a column of `names`.
    """
    logger.info("%s: reading the cells (%.1f MB)", path, path.stat().st_size / 1e6)
    if is_parquet(path):
        table = read_parquet(path, expected)
    else:
        with reading(path, expected), opened(path) as file:
            columns = next(csv.reader([file.readline().decode("utf-8-sig")]), [])
            texts = {i for i, c in enumerate(columns) if (c in names if names else i == 0)}
            table = pd.read_csv(
                file,
                header=None,
                names=list(range(len(columns))),
                index_col=False,
                dtype=dict.fromkeys(texts, str),
                keep_default_na=False,
                na_values={i: _MISSING for i in range(len(columns)) if i not in texts},
                low_memory=False,
            ).set_axis(pd.Index(columns), axis=1)
    if missing := [name for name in names or () if name not in table]:
        raise ValueError(
            f"{path} has no column {' or '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns[:_SHOWN]))}"
        )
    if not len(table):
        raise ValueError(f"{path} names columns, but no cell")
    return table


def other_columns(table: pd.DataFrame, without: Sequence[str]) -> pd.DataFrame:
    """What a table says of the cells beside their names and places."""
    kept = [name not in without and bool(str(name).strip()) for name in table.columns]
    return table.loc[:, np.array(kept) & ~table.columns.duplicated()]


def controls_left_out(
    features: pd.Index, controls: NDArray[np.bool_], what: str
) -> tuple[str, ...]:
    """The sentence on control features, if there are any."""
    if not controls.any():
        return ()
    names = ", ".join(map(str, features[controls][:3]))
    more = ", …" if controls.sum() > 3 else ""
    return (
        f"{controls.sum()} of {len(features)} features ({names}{more}): {what}, which measure "
        "background, not the tissue.",
    )
