"""Outlines of cells for the maps of a run, from the files of machines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartcore.cli import _sections
from smartcore.cli._common import UsageError


def check_options(args: argparse.Namespace) -> None:
    """Refuse outlines that nothing would draw, or of another number of sections.

    Raises
    ------
    UsageError
        If so.
    """
    if not args.outlines:
        return
    if not args.figures:
        raise UsageError("--outlines is for the maps, which --no-figures leaves out")
    n, files = len(_sections.sources_of(args)), len(args.outlines)
    if files != n:
        raise UsageError(
            f"--outlines takes a file or folder for each section: {files} for {n} "
            "(- stands for a section without outlines)"
        )


def read(
    paths: Sequence[Path] | None, sections: Sequence[str], cells: pd.Index
) -> pd.DataFrame | None:
    """Read the outlines of all sections, under the names that their cells have there.

    Parameters
    ----------
    paths
        For each section a file or folder, or "-"; None where no outlines are asked for.
    sections
        Names of the sections, whose cells are called "section:cell"; one has the name "".
    cells
        Names of all cells.

    Returns
    -------
    pandas.DataFrame
        As :func:`smartcore.io.read_boundaries` returns it; None without outlines.

    Raises
    ------
    OSError, ValueError
        If a file is missing or wrong, or has an outline of none of the cells.
    """
    from smartcore import io

    tables = []
    for section, path in zip(sections, paths or [], strict=bool(paths)):
        if path == _sections.NOTHING:
            continue
        prefix = f"{section}:" if section else ""
        table = io.read_boundaries(path)
        table["cell_id"] = prefix + table["cell_id"]
        if not table["cell_id"].isin(cells).any():
            own = cells[cells.str.startswith(prefix)]
            raise ValueError(
                f"--outlines {path}: none of the {len(own)} cells has an outline there: it is of "
                "other data, or names cells otherwise "
                f"({table['cell_id'].iloc[0].removeprefix(prefix)!r} there, "
                f"{own[0].removeprefix(prefix)!r} here)"
            )
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else None
