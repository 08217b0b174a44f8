"""What files cannot hold, found before the work and not at its end."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import anndata as ad
import h5py
import pandas as pd
from anndata import AnnData

if TYPE_CHECKING:
    from mudata import MuData

_RESERVED = "_index"


def check_writable(data: AnnData | MuData | Mapping[str, AnnData]) -> None:
    """Refuse what an .h5ad or .h5mu file could not hold, or not give back.

    Tables and ``uns`` are written to memory and read again; matrices are not.

    Parameters
    ----------
    data
        The object, or modalities by name.

    Raises
    ------
    ValueError
        With the place, the column or key, and what would do.
    """
    for name, _ in _parts(data):
        if name:
            check_name(name)
    for name, part in _parts(data):
        place = f" of modality {name!r}" if name else ""
        for table, frame in _tables(part):
            _check_table(frame, f"{table}{place}")
        for key in (*part.obsm, *(getattr(part, "layers", None) or ()), *part.obsp):
            _check_key(key, f"obsm, obsp or layers{place}")
        for key, value in part.uns.items():
            _check_uns(str(key), value, f"uns{place}")


def make_writable(data: AnnData | MuData | Mapping[str, AnnData]) -> list[str]:
    """Change what files cannot hold to what they can, in place.

    Nullable strings become text, which loses nothing; columns of values of several types become
    text; a column called ``_index`` gets another name, an index of an empty name none.

    Returns
    -------
    list
        What was changed in a way that shows, a sentence each.
    """
    said: list[str] = []
    for name, part in _parts(data):
        place = f" of {name}" if name else ""
        for table in ("obs", "var"):
            changed, notes = _writable_table(getattr(part, table), f"{table}{place}")
            if changed is not None:
                setattr(part, table, changed)
                said += notes
        if isinstance(part, AnnData) and part.raw is not None:
            changed, notes = _writable_table(part.raw.var, f"raw.var{place}")
            if changed is not None:
                part.raw = AnnData(X=part.raw.X, obs=part.obs[[]], var=changed)
                said += notes
    return said


def check_name(name: str) -> None:
    """Refuse a name of a modality under which a file could not be read again.

    Raises
    ------
    ValueError
        If it is one.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"a modality needs a name that is text, not {name!r}")
    if "/" in name or name in (".", ".."):
        raise ValueError(
            f"a modality cannot be called {name!r}: in .h5mu and .h5ad files '/' stands between "
            f"groups. Call it {name.replace('/', '_') or 'otherwise'!r}, say"
        )


def _parts(data: AnnData | MuData | Mapping[str, AnnData]) -> Iterator[tuple[str, Any]]:
    if isinstance(data, AnnData):
        yield "", data
        return
    if not isinstance(data, Mapping):
        yield "", data
        data = data.mod
    yield from data.items()


def _tables(part: Any) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "obs", part.obs
    yield "var", part.var
    if getattr(part, "raw", None) is not None:
        yield "raw.var", part.raw.var
    for key, value in part.obsm.items():
        if isinstance(value, pd.DataFrame):
            yield f"obsm[{key!r}]", value


def _check_table(frame: pd.DataFrame, place: str) -> None:
    if frame.index.name == "":
        raise ValueError(
            f"the index of {place} has an empty name, which files cannot hold: set its name to "
            "None (index.name = None)"
        )
    if (reason := _fails(frame)) is None:
        return
    for column in frame:
        if (own := _fails(frame[[column]])) is not None:
            raise ValueError(
                f"column {column!r} of {place} cannot be written to a file ({own}): it holds "
                f"{_kinds(frame[column])}. Make it text (.astype(str)) or delete it"
            )
    raise ValueError(f"{place} cannot be written to a file: {reason}")


def _check_key(key: object, place: str) -> None:
    if not isinstance(key, str) or not key or "/" in key:
        raise ValueError(
            f"{key!r} in {place} cannot be written to a file and read again: give it a name that "
            "is text without '/'"
        )


def _check_uns(key: str, value: object, place: str) -> None:
    if "/" in key:
        _check_key(key, place)
    with _memory() as file:
        try:
            ad.io.write_elem(file, "x", value)
            back = ad.io.read_elem(file["x"])
        except Exception as err:
            raise ValueError(
                f"{key!r} in {place} cannot be written to a file ({_line(err)}): it holds "
                f"{type(value).__name__}. Delete it, or make it arrays, tables, text and numbers"
            ) from err
    if not _same_keys(value, back):
        raise ValueError(f"{key!r} in {place} holds keys with '/', which files would change")


def _fails(frame: pd.DataFrame) -> str | None:
    """Why a table cannot be written and read again; ``None`` if it can."""
    slashed = [str(name) for name in frame.columns if "/" in str(name)]
    if slashed:
        return f"'/' in {slashed[0]!r} would stand between groups"
    with _memory() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Text becomes categories before AnnData writes it.
            whole = AnnData(obs=frame.copy(deep=False))
            whole.strings_to_categoricals()
            ad.io.write_elem(file, "x", whole.obs)
            back = ad.io.read_elem(file["x"])
        except Exception as err:
            return _line(err)
    return None if list(back.columns) == list(frame.columns) else "its columns change on reading"


def _same_keys(one: object, other: object) -> bool:
    if not isinstance(one, Mapping):
        return True
    return (
        isinstance(other, Mapping)
        and {str(key) for key in one} == set(other)
        and all(_same_keys(value, other[str(key)]) for key, value in one.items())
    )


def _memory() -> h5py.File:
    return h5py.File(io.BytesIO(), "w")


def _line(err: Exception) -> str:
    return next(iter(str(err).strip().splitlines()), "") or type(err).__name__


def _kinds(column: pd.Series | pd.DataFrame) -> str:
    if isinstance(column, pd.DataFrame):
        return "several columns of one name"
    if column.dtype != object:
        return str(column.dtype)
    return ", ".join(sorted({type(value).__name__ for value in column}))


def _writable_table(frame: pd.DataFrame, place: str) -> tuple[pd.DataFrame | None, list[str]]:
    """The table as a file can hold it, and what to say; ``None`` where it is such already."""
    changed, said = frame, []
    if frame.index.name == "":
        changed = frame.rename_axis(index=None)
    if _RESERVED in frame:
        new = next(name for name in ("index_", "index__", "index___") if name not in frame)
        changed = changed.rename(columns={_RESERVED: new})
        said.append(
            f"column {_RESERVED!r} of {place} is now called {new!r}: files reserve its name"
        )
    texts = {}
    # Column by column only where the table as a whole cannot be written.
    for name in changed.columns if _fails(changed) is not None else ():
        column = changed[name]
        if not isinstance(column, pd.Series) or _fails(column.to_frame()) is None:
            continue
        if isinstance(column.dtype, pd.StringDtype):
            texts[name] = column.astype(object).where(column.notna(), None)
        elif column.dtype == object:
            texts[name] = column.map(str, na_action="ignore")
            said.append(f"column {name!r} of {place} holds {_kinds(column)}: it is now text")
    if texts:
        changed = changed.assign(**texts)
    return None if changed is frame else changed, said
