"""Several files of a kind: a section each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from smartcore import _keys
from smartcore.cli._common import UsageError
from smartcore.cli._kinds import counted_kind_of, kind_of, layer_of, other_files, rep_of
from smartcore.given.feature_types import one_name_each
from smartcore.io import KINDS

NOTHING = Path("-")
"""Stands for the file of a modality that a section lacks."""


@dataclass
class Source:
    """The files of one section.

    Attributes
    ----------
    input
        A file or folder with all modalities, or ``None``.
    files
        Modality → its file; those of counts are called by their kind.
    coords
        Table of coordinates, or ``None``.
    """

    input: Path | None = None
    files: dict[str, Path] = field(default_factory=dict)
    coords: Path | None = None


def sources_of(args: argparse.Namespace) -> dict[str, Source]:
    """The files of each section, by its name; one section has the name "".

    Raises
    ------
    UsageError
        If modalities, coordinates or names are of different numbers of sections.
    """
    named = named_files(args)
    given = {f"--{option}": files for option, files in named.items()}
    if args.input:
        given = {"INPUT": args.input}
    if args.coords:
        given["--coords"] = args.coords
    numbers = {option: len(files) for option, files in given.items()}
    if len(set(numbers.values())) > 1:
        raise UsageError(
            "each section needs its file: "
            + ", ".join(f"{n} for {option}" for option, n in numbers.items())
            + " (- stands for a modality that a section lacks)"
        )
    n = next(iter(numbers.values()))
    for i in range(n):
        if all(files[i] == NOTHING for option, files in given.items() if option != "--coords"):
            raise UsageError(f"section {i + 1} has no file of any modality")
    names = args.section_names or ([""] if n == 1 else _names(list(given.values())))
    if len(names) != n or len(set(names)) < n:
        raise UsageError(f"--section-names must be {n} different ones, not {', '.join(names)}")
    if n > 1 and args.section_key:
        raise UsageError("--section-key is for sections within one file; several files have theirs")
    sections = {}
    for i, name in enumerate(names):
        files = {
            option.partition(" ")[2] or option: paths[i]
            for option, paths in named.items()
            if paths[i] != NOTHING
        }
        sections[name] = Source(
            input=args.input[i] if args.input else None,
            files=files,
            coords=args.coords[i] if args.coords else None,
        )
    return sections


def named_files(args: argparse.Namespace) -> dict[str, list[Path]]:
    """Files of each modality, by its option: "rna", "other msi"."""
    counted = {kind: getattr(args, kind) for kind in KINDS if getattr(args, kind)}
    return counted | {f"{kind} {name}": files for name, kind, files in other_files(args)}


def _names(options: list[list[Path]]) -> list[str]:
    """Names of sections: what tells the files of the first modality apart, from the end."""
    first = [
        next(path for path in files if path != NOTHING) for files in zip(*options, strict=True)
    ]
    for stems in (
        [path.stem for path in first],
        [path.resolve().parent.name for path in first],
        [f"{path.resolve().parent.name}_{path.stem}" for path in first],
    ):
        if len(set(stems)) == len(stems):
            return stems
    return [str(i) for i in range(1, len(first) + 1)]


def join(
    sections: Mapping[str, Mapping[str, AnnData]], args: argparse.Namespace
) -> dict[str, AnnData]:
    """Modalities over the spots of all sections, which ``args.section_key`` tells apart.

    Raises
    ------
    KeyError, ValueError
        If a section shares too few features, or lacks what is to be used as it is.
    """
    from smartcore import pp

    common = one_name_each(
        {
            section: {m: counted_kind_of(args, m) for m in parts}
            for section, parts in sections.items()
        }
    )
    sections = {
        section: {common[section][m]: adata for m, adata in parts.items()}
        for section, parts in sections.items()
    }
    options: dict[str, Any] = {"spatial_key": args.spatial_key, "section_key": args.section_key}
    joined = {}
    for name in dict.fromkeys(m for parts in sections.values() for m in parts):
        parts = {section: own[name] for section, own in sections.items() if name in own}
        try:
            kind = kind_of(args, name)
            if kind == "embedding":
                _check_widths(parts, dict(args.embedding_key or ()).get(name))
            vectors = dict(args.embedding_key or ()).get(name) if kind == "embedding" else None
            if rep := rep_of(args, name) or vectors:
                joined[name] = _stacked(parts, rep, **options)
            else:
                by: Any = "overlap" if kind == "chromatin" else "name"
                joined[name] = pp.join_sections(parts, by=by, layer=layer_of(args, name), **options)
        except (KeyError, TypeError, ValueError) as err:
            raise type(err)(f"{name}: {err.args[0] if err.args else err}") from err
    return joined


def _check_widths(parts: Mapping[str, AnnData], key: str | None) -> None:
    """Refuse vectors in X whose dimensions differ between the sections."""
    names = [tuple(adata.var_names) for adata in parts.values()]
    if key is None and len({frozenset(one) for one in names}) > 1:
        raise ValueError(
            "the sections have vectors whose dimensions differ in number or name: "
            + ", ".join(
                f"{len(one)} in {section}" for one, section in zip(names, parts, strict=True)
            )
        )


def section_column(sections: Mapping[str, Mapping[str, AnnData]]) -> str:
    """Column of ``obs`` for the sections: one that nobody uses for something else."""
    for key in _keys.SECTION_COLUMNS:
        taken = any(
            key in adata.obs and (adata.obs[key].astype(object) != section).any()
            for section, parts in sections.items()
            for adata in parts.values()
        )
        if not taken:
            return key
    raise ValueError(f"obs has columns {', '.join(map(repr, _keys.SECTION_COLUMNS))}")


def _stacked(parts: Mapping[str, AnnData], rep: str, spatial_key: str, section_key: str) -> AnnData:
    from smartcore.tl._units import check_joint_components

    for section, adata in parts.items():
        if rep not in adata.obsm:
            raise KeyError(
                f"section {section!r} has no obsm[{rep!r}]; there are: "
                f"{', '.join(adata.obsm) or 'none'}"
            )
    check_joint_components(parts, rep)
    widths = {section: np.shape(adata.obsm[rep])[1] for section, adata in parts.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"obsm[{rep!r}] has different widths in the sections: {widths}")
    obs = pd.concat([adata.obs for adata in parts.values()])
    obs.index = [f"{section}:{spot}" for section, a in parts.items() for spot in a.obs_names]
    which = np.repeat(np.arange(len(parts)), [adata.n_obs for adata in parts.values()])
    obs[section_key] = pd.Categorical.from_codes(which, list(parts))
    keys = [k for k in (rep, spatial_key) if all(k in adata.obsm for adata in parts.values())]
    obsm = {k: np.concatenate([np.asarray(a.obsm[k]) for a in parts.values()]) for k in keys}
    return AnnData(obs=obs, obsm=obsm)
