"""Sections that come as objects of their own, and their spots as one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from anndata import AnnData
from mudata import MuData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.given.feature_types import KINDS, Kind, kind_of_modality, one_name_each
from smartcore.pp._join import named_sections
from smartcore.tl._matching import Matched, copy_of, to_mudata

Section: TypeAlias = AnnData | MuData | Mapping[str, AnnData]
Given: TypeAlias = Section | Sequence[Section] | Mapping[str, Section]


@dataclass(frozen=True)
class Units:
    """One object, or one for each section.

    Attributes
    ----------
    objects
        Section → AnnData or MuData; the only one has the name "".
    form
        ``list`` or ``dict``, as the sections were given; ``None`` for one object.
    made
        Whether objects were made here, of dicts, and must be handed out.
    """

    objects: dict[str, AnnData | MuData]
    form: type[list[Any]] | type[dict[str, Any]] | None
    made: bool

    def places(self) -> Iterator[tuple[AnnData | MuData, slice]]:
        """Each object, with its rows among all spots."""
        start = 0
        for data in self.objects.values():
            yield data, slice(start, start + data.n_obs)
            start += data.n_obs

    def copies(self) -> Units:
        """Copies in memory of what was not made here."""
        objects = {
            name: data if self.made else copy_of(data) for name, data in self.objects.items()
        }
        return Units(objects, self.form, made=True)

    def out(self) -> Any:
        """The objects in the form given, if the caller does not have them."""
        if not self.made:
            return None
        if self.form is None:
            return next(iter(self.objects.values()))
        return self.objects if self.form is dict else list(self.objects.values())


def units_of(data: object) -> Units:
    """One object for each section of ``data``.

    Raises
    ------
    TypeError
        For other containers than :func:`smartcore.tl.smart` says, or a mixture of them.
    ValueError
        If there is no section, or a dict names sections otherwise than :mod:`smartcore.pp` did.
    """
    if isinstance(data, AnnData | MuData):
        return Units({"": data}, None, made=False)
    if isinstance(data, str) or not isinstance(data, Mapping | Sequence):
        raise TypeError(
            "data must be a MuData, an AnnData or a dict modality → AnnData; or, for several "
            f"sections, a list or dict of these; not {type(data).__name__}."
        )
    if isinstance(data, Mapping) and not (
        any(isinstance(part, MuData | Mapping) for part in data.values()) or _are_sections(data)
    ):
        _check_not_sections(data)
        return Units({"": to_mudata(data)}, None, made=True)
    parts = named_sections(data)
    kinds = {
        name: next(
            (k.__name__ for k in (AnnData, MuData, Mapping) if isinstance(part, k)),
            type(part).__name__,
        )
        for name, part in parts.items()
    }
    if len(set(kinds.values())) > 1 or not set(kinds.values()) <= {"AnnData", "MuData", "Mapping"}:
        raise TypeError(
            "All sections must be AnnData, or all MuData, or all dicts modality → AnnData, but "
            f"they are {kinds}."
        )
    made = "Mapping" in kinds.values()
    objects = {name: to_mudata(part) if made else part for name, part in parts.items()}
    return Units(objects, dict if isinstance(data, Mapping) else list, made)


def _are_sections(data: Mapping[Any, object]) -> bool:
    """Whether :mod:`smartcore.pp` has prepared the AnnDatas as sections of these names."""
    return bool(data) and all(
        isinstance(part, AnnData)
        and name in part.uns.get("pca", {}).get("params", {}).get("sections", ())
        for name, part in data.items()
    )


def _check_not_sections(data: Mapping[str, object]) -> None:
    """Refuse, or warn of, parts of a dict of modalities that look like sections."""
    made = [
        part.uns.get("pca", {}).get("params", {}) if isinstance(part, AnnData) else {}
        for part in data.values()
    ]
    kinds = {params.get("modality") for params in made}
    if len(made) < 2 or len(kinds) > 1 or None in kinds:
        return
    if not kinds <= set(KINDS) and not _made_together(data):
        # An object may well have several modalities of features that are of no known kind.
        return
    if all("sections" in params for params in made):
        raise ValueError(
            f"{list(data)} look like sections, not modalities: smartcore.pp prepared all of them "
            f"as {kinds.pop()}, as sections {list(made[0]['sections'])}. Give them in a list, or "
            "in a dict with these names."
        )
    warnings.warn(
        f"{list(data)} are taken for modalities of the same spots, though all of them are "
        f"{kinds.pop()}. If they are sections, give a list of them.",
        stacklevel=4,
    )


def _made_together(data: Mapping[str, object]) -> bool:
    """Whether the components of all are of one PCA."""
    variances = [
        np.asarray(part.uns["pca"].get("variance", ()))
        for part in data.values()
        if isinstance(part, AnnData)
    ]
    return all(np.array_equal(variances[0], other) for other in variances[1:])


def match_units(units: Units, match: Callable[[AnnData | MuData], Matched]) -> Matched:
    """Arrays over the spots of all sections, one section after the other.

    Raises
    ------
    ValueError
        If sections have features or coordinates of different dimensions, or components of their
        own.
    """
    if units.form is None:
        return match(units.objects[""])
    parts = {name: _match_section(name, data, match) for name, data in units.objects.items()}
    parts = _commonly_named(units, parts)
    dims = {name: part.coords.shape[1] for name, part in parts.items()}
    if len(set(dims.values())) > 1:
        raise ValueError(f"Coordinates of the sections have different dimensions: {dims}.")
    features, observed, reps = {}, {}, {}
    modalities = dict.fromkeys(m for part in parts.values() for m in part.features)
    for m in modalities:
        there = {name: part.features[m] for name, part in parts.items() if m in part.features}
        key = next(part.reps[m] for part in parts.values() if m in part.reps)
        own = {name: parts[name].own_names.get(m, m) for name in there}
        check_joint_components(
            {name: _anndata(units.objects[name], own[name]) for name in there}, key
        )
        widths = {name: x.shape[1] for name, x in there.items()}
        if len(set(widths.values())) > 1:
            raise ValueError(
                f"Features of modality {m!r} have different widths in the sections: {widths}. "
                "They must be components of all sections together (smartcore.pp takes lists)."
            )
        width, dtype = next(iter(widths.values())), np.result_type(*there.values())
        blocks, masks = [], []
        for part in parts.values():
            n = len(part.coords)
            blocks.append(part.features.get(m, np.full((n, width), np.nan, dtype)))
            masks.append(part.observed.get(m, np.zeros(n, bool)))
        features[m], observed[m] = np.concatenate(blocks), np.concatenate(masks)
        reps[m] = key
    return Matched(
        features=features,
        observed=observed,
        coords=np.concatenate([part.coords for part in parts.values()]),
        sections=np.concatenate([_names(name, part) for name, part in parts.items()]),
        batches=_batches(parts),
        reps=reps,
        inside=np.concatenate([part.inside for part in parts.values()]),
    )


def _commonly_named(units: Units, parts: Mapping[str, Matched]) -> dict[str, Matched]:
    """Sections whose modalities of one kind have one name, whatever each calls them."""
    common = one_name_each(
        {
            name: {m: _kind(units.objects[name], m, part.reps[m]) for m in part.features}
            for name, part in parts.items()
        }
    )
    renamed = {}
    for name, part in parts.items():
        new = common[name]
        renamed[name] = replace(
            part,
            features={new[m]: x for m, x in part.features.items()},
            observed={new[m]: mask for m, mask in part.observed.items()},
            reps={new[m]: key for m, key in part.reps.items()},
            own_names={new[m]: m for m in part.features},
        )
    return renamed


def _kind(data: AnnData | MuData, modality: str, key: str) -> Kind | None:
    """Kind of a modality, as :mod:`smartcore.pp` took it, or else by its name."""
    params = _anndata(data, modality).uns.get("pca", {}).get("params", {})
    made = str(params.get("modality")) if params.get("key_added") == key else ""
    return next((kind for kind in KINDS if kind == made), None) or kind_of_modality(modality)


def _match_section(
    name: str, data: AnnData | MuData, match: Callable[[AnnData | MuData], Matched]
) -> Matched:
    """``match``, whose errors then name the section."""
    try:
        return match(data)
    except (KeyError, ValueError, TypeError) as err:
        raise type(err)(f"Section {name!r}: {err.args[0] if err.args else err}") from err


def _anndata(data: AnnData | MuData, modality: str) -> AnnData:
    return data[modality] if isinstance(data, MuData) else data


def _names(section: str, part: Matched) -> NDArray:
    if part.sections is None:
        return np.full(len(part.coords), section, object)
    return np.array([f"{section}:{own}" for own in part.sections], object)


def _batches(parts: Mapping[str, Matched]) -> NDArray | None:
    """Batches are the same by name in all sections."""
    given = [part.batches for part in parts.values() if part.batches is not None]
    return np.concatenate(given) if given else None


def check_joint_components(parts: Mapping[str, AnnData], key: str) -> None:
    """Refuse components that :mod:`smartcore.pp`, or scanpy, made of each section alone.

    Parameters
    ----------
    parts
        Section → AnnData of one modality.
    key
        Where in ``obsm`` its features are.

    Raises
    ------
    ValueError
        If two sections have a PCA of their own.
    """
    records = {name: adata.uns.get("pca", {}) for name, adata in parts.items()}
    made = {
        name: np.asarray(record["variance"])
        for name, record in records.items()
        if "variance" in record and record.get("params", {}).get("key_added", _keys.PCA) == key
    }
    for name, variance in made.items():
        first = next(iter(made))
        if not np.array_equal(made[first], variance):
            raise ValueError(
                f"obsm[{key!r}] holds components of their own in sections {first!r} and {name!r}. "
                "They must be of all sections together: give smartcore.pp the list or dict of "
                "their AnnData."
            )
