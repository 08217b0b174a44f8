"""The kind of a modality by its name, and the options for modalities of that kind."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from anndata import AnnData

from smartcore import _keys
from smartcore.cli._common import UsageError
from smartcore.given.feature_types import KINDS, Kind, kind_of_modality


def parse_kind(text: str) -> tuple[str, Kind]:
    """Argument type: a modality and its kind, such as ``MyAssay=rna``."""
    name, _, kind = text.rpartition("=")
    if not name or kind not in KINDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=KIND, with one of the kinds {', '.join(KINDS)}"
        )
    return name, next(one for one in KINDS if one == kind)


def kind_of(args: argparse.Namespace, name: str) -> Kind | None:
    """Kind of a modality: as told by ``--kind``, or else by its name."""
    return dict(args.kind or ()).get(name) or kind_of_modality(name)


def rep_of(args: argparse.Namespace, name: str) -> str | None:
    """Key of ``obsm`` to be used as it is for the modality of that name, if asked for."""
    everyone = args.rep or (_keys.PCA if args.no_preprocess else None)
    return own_option(args, name, "rep") or everyone


def layer_of(args: argparse.Namespace, name: str) -> str | None:
    """Layer of the counts of the modality of that name; None for ``X``."""
    return own_option(args, name, "layer") or args.layer


def own_option(args: argparse.Namespace, name: str, what: str) -> str | None:
    """Value of ``--KIND-what`` for the modality of that name, if given."""
    kind = kind_of(args, name)
    return getattr(args, f"{kind}_{what}") if kind else None


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
