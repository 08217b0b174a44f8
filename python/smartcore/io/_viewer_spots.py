"""What viewers are given of each section: names, domains, confidence, colours and places."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.pl._colors import categorize
from smartcore.pl._data import colors_of, coordinates, is_mudata, missing_key, values_of

logger = logging.getLogger("smartcore")


@dataclass(frozen=True)
class Spots:
    """The spots or cells of one section.

    Attributes
    ----------
    names
        Barcodes or cell ids, as the machine wrote them; unique.
    codes
        Domain of each spot, an index into ``domains``; -1 where it has none.
    domains
        Names of the domains, those that do not occur in this section too.
    colors
        Colour of each domain, such as ``"#E69F00"``.
    confidence
        Probability of the most probable domain, NaN where there is none; None where clustering
        gave no probabilities.
    coords
        Places, shape (n_spots, 2), x first; None where they were not asked for.
    data
        The AnnData or MuData that the spots are from.
    rows
        Their rows in it.
    """

    names: pd.Index
    codes: NDArray[np.intp]
    domains: list[str]
    colors: list[str]
    confidence: NDArray[np.float64] | None
    coords: NDArray[np.float64] | None
    data: Any
    rows: NDArray[np.intp]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which spots have a domain."""
        return self.codes >= 0

    @property
    def places(self) -> NDArray[np.float64]:
        """The coordinates, which must have been asked for."""
        if self.coords is None:
            raise RuntimeError("coordinates were not asked for")
        return self.coords

    def labels(self, missing: str) -> NDArray[np.object_]:
        """Name of the domain of each spot; ``missing`` where it has none."""
        return np.array([*self.domains, missing], dtype=object)[self.codes]

    def free_name(self, name: str) -> str:
        """`name`, or where a domain has it ``"name (2)"`` and so on."""
        more = (f"{name} ({i})" for i in itertools.count(2))
        return next(one for one in itertools.chain([name], more) if one not in self.domains)


def sections_of(
    data: Any,
    *,
    key: str,
    section_key: str | None,
    names_key: str | None,
    spatial_key: str | None,
) -> dict[str, Spots]:
    """The spots of each section; a single section has the name "".

    Parameters
    ----------
    data
        AnnData or MuData, or a list or dict of such, one for each section.
    key
        Column of ``obs`` with the domains.
    section_key
        Column of ``obs`` with the section of each spot.
    names_key
        Column of ``obs`` with barcodes or cell ids; None: the names of the spots, without the
        section's name that joining sections puts in front.
    spatial_key
        Key in ``obsm`` of the coordinates; None reads none.

    Raises
    ------
    TypeError, KeyError, ValueError
        As :func:`smartcore.io.export` says.
    """
    sections: dict[str, Spots] = {}
    for name, part in _parts(data):
        for own, rows in _rows_by_section(part, section_key):
            full = ":".join(filter(None, (name, own)))
            if full in sections:
                raise ValueError(f"two sections are called {full!r}: rename one")
            spots = _spots(part, rows, own, key=key, names_key=names_key, spatial_key=spatial_key)
            sections[full] = spots
    return sections


def _parts(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        named = [(str(name), part) for name, part in data.items()]
    elif isinstance(data, Sequence) and not isinstance(data, str):
        named = [(str(i), part) for i, part in enumerate(data, 1)]
    else:
        is_mudata(data)
        yield "", data
        return
    if not named:
        raise ValueError("the list of sections is empty: give at least one")
    for name, part in named:
        is_mudata(part)
        yield name, part


def _rows_by_section(data: Any, section_key: str | None) -> Iterator[tuple[str, NDArray[np.intp]]]:
    if section_key is not None:
        yield from rows_of_sections(data, section_key).items()
        return
    column, names = noted_sections(data)
    if len(names) > 1:
        raise ValueError(
            f"obs[{column!r}] tells {len(names)} sections apart, and viewers show one at a "
            f"time: give section_key={column!r} for a file for each section"
        )
    yield "", np.arange(data.n_obs)


def noted_sections(data: Any) -> tuple[str, list[str]]:
    """The column in which a run noted several sections, and their names; "" and [] for one."""
    for column in _keys.SECTION_COLUMNS:
        try:
            names = values_of(data, column).dropna().astype(str).unique().tolist()
        except KeyError:
            continue
        if len(names) > 1:
            return column, names
    return "", []


def rows_of_sections(data: Any, section_key: str) -> dict[str, NDArray[np.intp]]:
    """The rows of each section, in the order of the spots.

    Raises
    ------
    KeyError, ValueError
        If there is no such column, or a spot has no section.
    """
    values = values_of(data, section_key)
    if values.isna().any():
        raise ValueError(
            f"obs[{section_key!r}] is missing for {int(values.isna().sum())} of {data.n_obs} spots: "
            "every spot needs its section"
        )
    text = values.astype(str).to_numpy()
    return {name: np.flatnonzero(text == name) for name in dict.fromkeys(text)}


def _spots(
    data: Any,
    rows: NDArray[np.intp],
    section: str,
    *,
    key: str,
    names_key: str | None,
    spatial_key: str | None,
) -> Spots:
    if key not in data.obs:
        raise KeyError(
            f"no domains in obs[{key!r}], which has {', '.join(map(str, data.obs.columns)) or 'none'}"
            ": run smartcore.tl.cluster first, or name another column (key=)"
        )
    labels = data.obs[key]
    if pd.api.types.is_float_dtype(labels):
        raise ValueError(f"obs[{key!r}] holds quantities ({labels.dtype}), not names of domains")
    found = categorize(labels, None, colors_of(data, key))
    _check_told_apart(found.names, key)
    coords = None
    if spatial_key is not None:
        coords = coordinates(data, spatial_key)[rows]
        if coords.shape[1] > 2:
            logger.info("obsm[%r] has %d columns: x and y are used", spatial_key, coords.shape[1])
            coords = coords[:, :2]
    spots = Spots(
        names=_names(data, rows, section, names_key),
        codes=found.codes[rows],
        domains=[str(name) for name in found.names],
        colors=[to_hex(color).upper() for color in found.colors],
        confidence=_confidence(data, key, rows),
        coords=coords,
        data=data,
        rows=rows,
    )
    if not spots.known.any():
        place = f" of section {section!r}" if section else ""
        raise ValueError(f"no spot{place} has a domain in obs[{key!r}]")
    return spots


def _check_told_apart(names: Sequence[Hashable], key: str) -> None:
    """Refuse domains that are told apart by type alone, as files hold text."""
    texts: dict[str, Hashable] = {}
    for name in names:
        if str(name) in texts:
            raise ValueError(
                f"obs[{key!r}] has two domains that are {str(name)!r} as text, "
                f"{texts[str(name)]!r} and {name!r}: rename one, or make them one (.astype(str))"
            )
        texts[str(name)] = name


def _names(data: Any, rows: NDArray[np.intp], section: str, names_key: str | None) -> pd.Index:
    if names_key is None:
        names = pd.Index(data.obs_names[rows].astype(str))
        if section and names.str.startswith(f"{section}:").all():
            names = names.str.slice(len(section) + 1)
        where = "obs_names"
    else:
        if names_key not in data.obs:
            raise missing_key(names_key, "obs", data.obs.columns)
        column = data.obs[names_key].iloc[rows]
        if column.isna().any():
            raise ValueError(f"obs[{names_key!r}] is missing for {int(column.isna().sum())} spots")
        names, where = pd.Index(column.astype(str)), f"obs[{names_key!r}]"
    if not names.is_unique:
        twice = names[names.duplicated()]
        place = f" in section {section!r}" if section else ""
        raise ValueError(
            f"{len(twice)} names of {where} occur more than once{place} (first: {twice[0]!r}). If "
            "several sections lie in this object, give section_key"
        )
    return names


def _confidence(data: Any, key: str, rows: NDArray[np.intp]) -> NDArray[np.float64] | None:
    memberships = f"{key}_memberships"
    if memberships not in data.obsm:
        return None
    table = np.asarray(data.obsm[memberships], dtype=np.float64)[rows]
    # The greatest, not that of the domain's column: domains may have been renamed or merged.
    return table.max(axis=1)
