"""The kind of a modality, by options or its name, and the options for one modality."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from anndata import AnnData

from smartcore import _keys
from smartcore.cli._common import UsageError
from smartcore.given.feature_types import KINDS, Kind, kind_of_modality

OtherKind = Literal["other", "embedding"]
AnyKind: TypeAlias = Kind | OtherKind

OTHER_KINDS: tuple[OtherKind, ...] = get_args(OtherKind)
"""Kinds that a user has to name: measurements of any sort, and vectors that are ready."""

IMAGE = "image"
"""Name of the modality that --image-colors makes."""

STEPS: dict[str, tuple[str, ...]] = {
    "other": ("total", "log1p", "scale"),
    "embedding": ("scale",),
}
"""Steps of the normalisation of each, as :mod:`smartcore.pp` knows them."""


def parse_kind(text: str) -> tuple[str, AnyKind]:
    """Argument type: a modality and its kind, such as ``MyAssay=rna``."""
    name, _, kind = text.rpartition("=")
    if not name or kind not in (*KINDS, *OTHER_KINDS):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=KIND, with one of the kinds {', '.join((*KINDS, *OTHER_KINDS))}"
        )
    return name, next(one for one in (*KINDS, *OTHER_KINDS) if one == kind)


def parse_own(text: str) -> tuple[str, str]:
    """Argument type: a modality and a value for it, such as ``msi=raw``."""
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as msi=raw")
    return name, value


def parse_steps(text: str) -> tuple[str, tuple[str, ...]]:
    """Argument type: a modality and the steps of its normalisation, such as ``msi=total,log1p``."""
    name, value = parse_own(text)
    steps = tuple(value.split(","))
    wrong = [step for step in steps if step not in STEPS["other"]]
    if wrong and steps != ("none",):
        raise argparse.ArgumentTypeError(
            f"{text!r}: {wrong[0]!r} is none of {', '.join(STEPS['other'])}, nor none alone"
        )
    return name, () if steps == ("none",) else steps


def parse_place(text: str) -> tuple[str, float | None]:
    """Argument type: a modality, and perhaps a radius, such as ``msi`` or ``msi=30``."""
    name, equals, value = text.partition("=")
    try:
        radius = float(value) if equals else None
    except ValueError:
        radius = 0.0
    if not name or (radius is not None and not 0 < radius < float("inf")):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither NAME nor NAME=RADIUS with a number above 0"
        )
    return name, radius


def other_files(args: argparse.Namespace) -> Iterator[tuple[str, OtherKind, list[Path]]]:
    """Name, kind and files of each modality of ``--other`` and ``--embedding``.

    Raises
    ------
    UsageError
        If one has no name, or one that is taken.
    """
    seen: set[str] = {IMAGE} if args.image_colors else set()
    for kind in OTHER_KINDS:
        for given in getattr(args, kind) or ():
            name, equals, first = given[0].partition("=")
            if not equals or not name or not first or "/" in name:
                raise UsageError(
                    f"--{kind} takes NAME=FILE, and for further sections FILE, such as msi=a.h5ad "
                    f"b.h5ad; not {given[0]}"
                )
            if name in KINDS:
                raise UsageError(f"--{kind} {name}=…: that name is taken by --{name}")
            if name in seen:
                raise UsageError(
                    f"--{kind} {name}=…: {name} is there already; the files of several sections "
                    "follow one another, as in msi=a.h5ad b.h5ad"
                )
            seen.add(name)
            files = [Path(text) for text in (first, *given[1:])]
            for path in files[1:]:
                begin, has_name, _ = str(path).partition("=")
                if has_name and "/" not in begin and not path.exists():
                    raise UsageError(f"give --{kind} once for each modality: --{kind} {path}")
            yield name, kind, files


def check_other_options(args: argparse.Namespace) -> None:
    """Refuse options for one modality whose name is none of those that were given.

    Raises
    ------
    UsageError
        If so, or a step is none of that kind.
    """
    kinds = {name: kind for name, kind in _told(args).items() if kind in OTHER_KINDS}
    for option, wanted in {
        "steps": OTHER_KINDS,
        "other_layer": ("other",),
        "embedding_key": ("embedding",),
        "place": OTHER_KINDS,
    }.items():
        named = [name for name, _ in getattr(args, option) or ()]
        dashed = option.replace("_", "-")
        for name in named:
            if kinds.get(name) not in wanted:
                known = [one for one, kind in kinds.items() if kind in wanted]
                raise UsageError(
                    f"--{dashed} names {name!r}, which no --{' or --'.join(wanted)} does"
                    + (f"; there is {', '.join(known)}" if known else "")
                )
        if twice := {name for name in named if named.count(name) > 1}:
            raise UsageError(f"--{dashed} names {', '.join(sorted(twice))} more than once")
    for name, steps in args.steps or ():
        if wrong := [step for step in steps if step not in STEPS[kinds[name]]]:
            raise UsageError(
                f"--steps {name}={','.join(steps)}: {wrong[0]} is not for --embedding, which takes "
                f"{', '.join(STEPS['embedding'])} or none"
            )


def kind_of(args: argparse.Namespace, name: str) -> AnyKind | None:
    """Kind of a modality: as told by options, or else by its name."""
    return _told(args).get(name) or kind_of_modality(name)


def _told(args: argparse.Namespace) -> dict[str, AnyKind]:
    """Kinds of modalities that options tell."""
    told: dict[str, AnyKind] = dict(args.kind or ())
    told |= {name: kind for name, kind, _ in other_files(args)}
    if args.image_colors:
        told[IMAGE] = "other"
    return told


def counted_kind_of(args: argparse.Namespace, name: str) -> Kind | None:
    """Kind of a modality of counts; ``None`` for others, which are known by their names alone."""
    kind = kind_of(args, name)
    return next((one for one in KINDS if one == kind), None)


def rep_of(args: argparse.Namespace, name: str) -> str | None:
    """Key of ``obsm`` to be used as it is for the modality of that name, if asked for."""
    everyone = args.rep or (_keys.PCA if args.no_preprocess else None)
    return own_option(args, name, "rep") or everyone


def layer_of(args: argparse.Namespace, name: str) -> str | None:
    """Layer of the counts, or other values, of the modality of that name; None for ``X``."""
    if kind_of(args, name) in OTHER_KINDS:
        return dict(args.other_layer or ()).get(name)
    return own_option(args, name, "layer") or args.layer


def own_option(args: argparse.Namespace, name: str, what: str) -> str | None:
    """Value of ``--KIND-what`` for the modality of that name, if given."""
    kind = counted_kind_of(args, name)
    return getattr(args, f"{kind}_{what}") if kind else None


def steps_of(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Steps of the normalisation of a modality, if they are told."""
    told = dict(args.steps or ())
    return {"steps": told[name]} if name in told else {}


def check_own_options(args: argparse.Namespace, modalities: Mapping[str, AnnData]) -> None:
    """Refuse options for a kind of modality that is not there.

    Raises
    ------
    UsageError
        If there are such.
    """
    kinds = {kind_of(args, name) for name in modalities}
    for kind in KINDS:
        for what in ("rep", "layer"):
            if getattr(args, f"{kind}_{what}") and kind not in kinds:
                raise UsageError(
                    f"--{kind}-{what} is given, but no modality is of that kind: there are "
                    f"{', '.join(modalities)}"
                )
