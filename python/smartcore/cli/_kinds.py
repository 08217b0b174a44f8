"""The kind of a modality by its name, and the options for modalities of that kind."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from anndata import AnnData

from smartcore import _keys
from smartcore.cli._common import UsageError
from smartcore.io import KINDS

ALIASES = {
    "rna": (
        *("rna", "gex", "gene", "genes", "transcriptome", "mrna"),
        *("spatial", "visium", "xenium", "nanostring", "vizgen"),  # Seurat's assays
    ),
    "protein": ("protein", "proteins", "prot", "adt", "antibody", "cite"),
    "chromatin": ("chromatin", "atac", "peaks", "histone", "h3k27ac", "h3k27me3", "h3k4me3"),
}
"""Names of modalities in .h5mu and .rds files, and how they are preprocessed."""


def kind_of(name: str) -> str | None:
    """Kind of a modality by its name, or None where the name says nothing."""
    plain = name.strip().lower()
    return next((kind for kind, names in ALIASES.items() if plain in names), None)


def rep_of(args: argparse.Namespace, name: str) -> str | None:
    """Key of ``obsm`` to be used as it is for the modality of that name, if asked for."""
    everyone = args.rep or (_keys.PCA if args.no_preprocess else None)
    return own_option(args, name, "rep") or everyone


def layer_of(args: argparse.Namespace, name: str) -> str | None:
    """Layer of the counts of the modality of that name; None for ``X``."""
    return own_option(args, name, "layer") or args.layer


def own_option(args: argparse.Namespace, name: str, what: str) -> str | None:
    """Value of ``--KIND-what`` for the modality of that name, if given."""
    kind = kind_of(name)
    return getattr(args, f"{kind}_{what}") if kind else None


def check_own_options(args: argparse.Namespace, modalities: Mapping[str, AnnData]) -> None:
    """Refuse options for a kind of modality that is not there.

    Raises
    ------
    UsageError
        If there are such.
    """
    kinds = {kind_of(name) for name in modalities}
    for kind in KINDS:
        for what in ("rep", "layer"):
            if getattr(args, f"{kind}_{what}") and kind not in kinds:
                raise UsageError(
                    f"--{kind}-{what} is given, but no modality is of that kind: there are "
                    f"{', '.join(modalities)}"
                )
