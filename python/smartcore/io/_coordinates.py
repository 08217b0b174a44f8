"""Coordinates of spots from a table."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.given.names import mismatch
from smartcore.given.off_tissue import tissue_spots
from smartcore.io._columns import NAMES, TISSUE, Columns, find_columns, looks_named, plain
from smartcore.io._files import existing
from smartcore.io._tables import (
    TextTable,
    as_names,
    as_numbers,
    is_number,
    is_parquet,
    read_parquet,
    read_text_table,
)
from smartcore.io._tenx import POSITION_COLUMNS

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")

EXPECTED = "a table of spot name, x, y and optionally z, with named columns"


def read_coordinates(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    names: str | None = None,
    in_tissue: bool = True,
) -> pd.DataFrame:
    r"""Read the coordinates of spots from a table.

    Columns are recognised by their names as Space Ranger, Xenium, CosMx, MERSCOPE, Slide-seq,
    Seurat, Giotto and others write them, in any order and among others; a log message says which
    were taken. Text stays as it stands in the file: the spot ``0012`` is not ``12``, and ``NA``
    is a name.

    Parameters
    ----------
    path
        A table with commas, semicolons, tabs, bars or blanks between its columns, also packed
        (gzip, bzip2, xz, zip), or a parquet file. Its first line names the columns. It may be
        missing in two cases: three columns are spot, x and y, and six columns of which the second
        is 0 or 1 are Space Ranger's list of positions.
    columns
        The columns of x and y (and z), as they are called in the table, where they are not
        recognised or others are meant.
    names
        The column that names the spots; ``None``: a column called barcode, cell_id, spot or the
        like, else the first.
    in_tissue
        Leave out spots that a column ``in_tissue`` marks by 0, which a log message counts.

    Returns
    -------
    pandas.DataFrame
        One row a spot, indexed by its name, with columns x, y and, where the table names it, z.
        Places on Visium's hexagonal array come with rows √3 times as far apart as columns, as
        they are in the tissue.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If columns are not recognised or ambiguous (the message lists those that are there), a
        coordinate is not a finite number, or a spot occurs twice.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cells.csv"
    ...     _ = path.write_text("cell_id,counts,x_centroid,y_centroid\n01,9,2.5,4\n02,7,3,5\n")
    ...     io.read_coordinates(path).T.to_dict("list")
    {'01': [2.5, 4.0], '02': [3.0, 5.0]}
    """
    source = existing(path, EXPECTED)
    if columns is not None and (isinstance(columns, str) or len(columns) not in (2, 3)):
        raise ValueError(f"columns={columns!r} must be the names of two or three columns")
    what = str(source)
    table = _with_names(source, named=columns is not None or names is not None)
    found = find_columns(table, what=what, axes=columns, names=names)
    if table.empty:
        raise ValueError(f"{what} has a header but no row")
    index = as_names(table.iloc[:, found.names], what)
    values = [as_numbers(table.iloc[:, i], index, what) for i in found.axes]
    result = pd.DataFrame(dict(zip("xyz", values, strict=False)), index=index)
    taken = [str(table.columns[i]) for i in found.axes]
    logger.info(
        "%s: %s are the coordinates (%s), %r names the spots",
        what,
        ", ".join(map(repr, taken)),
        found.source,
        str(table.columns[found.names]),
    )
    result = _hexagonal(result, found, what)
    if found.tissue is not None and in_tissue:
        result = _inside(result, table.iloc[:, found.tissue], what)
    return result.rename_axis("spot")


def _with_names(source: Path, *, named: bool) -> pd.DataFrame:
    """The table under the names of its columns, given by its first line or by its shape."""
    if is_parquet(source):
        return read_parquet(source, EXPECTED)
    text = read_text_table(source, EXPECTED)
    shape = None if named or text.index_only or looks_named(text.first) else _unnamed(text)
    return text.with_header() if shape is None else text.rows.set_axis(pd.Index(shape), axis=1)


def _unnamed(text: TextTable) -> tuple[str, ...] | None:
    """Names of the columns of a table without a header, where its first line tells them."""
    name, *cells = text.first
    # Pandas numbers columns that have no names.
    numbered = cells == ["0", "1"] and plain(name) in ("", *NAMES)
    if numbered or not all(map(is_number, cells)):
        return None
    if len(cells) == 2:
        return ("spot", "x", "y")
    if len(cells) == len(POSITION_COLUMNS) - 1 and set(text.rows.iloc[:, 1]) <= {"0", "1"}:
        return POSITION_COLUMNS
    return None


def _hexagonal(table: pd.DataFrame, found: Columns, what: str) -> pd.DataFrame:
    """Places on a hexagonal array, where they are such, as far apart as in the tissue."""
    if found.source != "array positions" or len(table) < 2:
        return table
    both = table["x"] + table["y"]
    if not np.array_equal(both, np.round(both)) or (both % 2).nunique() > 1:
        return table
    if not (table["x"] % 2).nunique() > 1:
        return table
    logger.info("%s: a hexagonal array; rows are √3 times as far apart as columns", what)
    return table.assign(y=table["y"] * math.sqrt(3))


def _inside(table: pd.DataFrame, marks: pd.Series, what: str) -> pd.DataFrame:
    """The spots in the tissue."""
    try:
        keep = tissue_spots(pd.DataFrame({TISSUE: marks.to_numpy()}))
    except ValueError as err:
        raise ValueError(f"{what}: {str(err).replace('obs', 'column ', 1)}") from err
    if keep is None:
        return table
    if not keep.all():
        logger.info(
            "%s: %d of %d spots lie outside the tissue (%s 0) and are left out",
            what,
            (~keep).sum(),
            len(keep),
            TISSUE,
        )
    return table[keep]


Data = TypeVar("Data", AnnData, "MuData")


def add_coordinates(
    data: Data,
    coordinates: pd.DataFrame,
    *,
    spatial_key: str = _keys.SPATIAL,
    source: str = "the coordinates",
    check_names: bool = True,
) -> Data:
    """Match coordinates to spots by name.

    Parameters
    ----------
    data
        AnnData or MuData; left as it is.
    coordinates
        As :func:`read_coordinates` returns it.
    spatial_key
        Where in ``obsm`` the coordinates go.
    source
        Where the coordinates come from, for messages.
    check_names
        Refuse spots without coordinates, where names with another prefix or suffix would match
        more rows. False leaves these spots out.

    Returns
    -------
    AnnData or MuData
        A copy with the spots that have coordinates; a warning says how many have none. A MuData
        has them jointly and in each modality. ``uns["smart_folder"]`` no longer tells the unit.

    Raises
    ------
    ValueError
        If no spot has coordinates, or with other names more would.

    Examples
    --------
    >>> import anndata as ad, numpy as np, pandas as pd
    >>> from smartcore import io
    >>> adata = ad.AnnData(np.ones((2, 3)), obs=pd.DataFrame(index=["a", "b"]))
    >>> table = pd.DataFrame({"x": [5.0, 6.0], "y": [1.0, 2.0]}, index=["b", "a"])
    >>> io.add_coordinates(adata, table).obsm["spatial"]
    array([[6., 2.],
           [5., 1.]])
    """
    import mudata

    known = data.obs_names.isin(coordinates.index)
    if not known.any():
        found = mismatch(data.obs_names, coordinates.index)
        examples = found.examples() if found else "one of the two is empty"
        advice = found.advice("the spots", source) if found else ""
        raise ValueError(
            f"none of the {data.n_obs} spots has a row among the {len(coordinates)} of {source}; "
            f"names must be the same in both (such as {examples}). {advice}".rstrip()
        )
    if not known.all():
        found = mismatch(data.obs_names, coordinates.index) if check_names else None
        if found is not None and found.better is not None:
            raise ValueError(
                f"{(~known).sum()} of {data.n_obs} spots have no row in {source}, which has "
                f"others (such as {found.examples()}). {found.advice('the spots', source)} Make "
                "the names the same, or leave these spots out by check_names=False "
                "(--no-check-names on the command line)"
            )
        missing = data.obs_names[~known]
        warnings.warn(
            f"{len(missing)} of {data.n_obs} spots have no row in {source} and were dropped "
            f"(first: {missing[0]!r})",
            UserWarning,
            stacklevel=2,
        )
    with mudata.set_options(pull_on_update=False):
        result: Any = data[known].copy()
    holders = [result] if isinstance(result, AnnData) else [result, *result.mod.values()]
    for part in holders:
        part.obsm[spatial_key] = coordinates.loc[part.obs_names].to_numpy(np.float64)
        # What was known of the unit of the former coordinates.
        known = dict(part.uns.get(_keys.FOLDER, {}))
        about = {name: known[name] for name in known if name not in ("unit", "pixel_size")}
        part.uns[_keys.FOLDER] = about | {"coordinates": source}
    return result
