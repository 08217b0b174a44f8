"""Principal components of every modality, by what the arguments say of it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from typing import Any

from anndata import AnnData

from smartcore import _keys
from smartcore.cli import _machines
from smartcore.cli._common import show_progress
from smartcore.cli._inputs import Inputs
from smartcore.cli._kinds import (
    OTHER_KINDS,
    check_own_options,
    kind_of,
    layer_of,
    rep_of,
    steps_of,
)
from smartcore.cli._lookup import give_column
from smartcore.given.feature_types import MODALITY_NAMES
from smartcore.io import KINDS

logger = logging.getLogger("smartcore")


def preprocess(args: argparse.Namespace, inputs: Inputs) -> dict[str, str]:
    """Give every modality principal components, and return the ``obsm`` key of each.

    Raises
    ------
    KeyError, TypeError, ValueError
        If the counts are not such or a key is missing; the message names the modality.
    """
    from smartcore import pp

    check_own_options(args, inputs.modalities)
    reps = _representations(args, inputs.modalities)
    common: dict[str, Any] = {
        "seed": args.seed,
        "progress": show_progress(args),
        "align_sections": not args.no_align_sections,
        "in_tissue": not args.keep_off_tissue,
        **({} if args.n_comps is None else {"n_comps": args.n_comps}),
    }
    counted = {"check_counts": not args.not_counts}
    fewest = {} if args.min_spots is None else {"min_spots": args.min_spots}
    for name, adata in inputs.modalities.items():
        if name in reps:
            logger.info("%s: obsm[%r] is used as it is", name, reps[name])
            continue
        kind = kind_of(args, name)
        layer = None if inputs.joined else layer_of(args, name)
        try:
            given = dict(common)
            if kind in KINDS:
                given |= counted
            if kind in OTHER_KINDS:
                given |= {"name": name} | steps_of(args, name)
            if kind != "embedding":
                given["layer"] = layer
            if kind in KINDS and name in _machines.intensities(adata):
                logger.info("%s: values are mean intensities of cells, not counts", name)
                given["check_counts"] = False
            if kind is not None:
                for option, column in (
                    ("section_key", args.section_key),
                    ("batch_key", args.batch_key),
                ):
                    if column is not None:
                        give_column(adata, inputs.data, column)
                    given[option] = column
            if kind == "rna":
                controls = args.keep_controls
                pp.rna(adata, n_top_genes=args.n_top_genes, controls=controls, **given, **fewest)
            elif kind == "protein":
                pp.protein(adata, clr=args.clr, controls=args.keep_controls, **given)
            elif kind == "chromatin":
                pp.chromatin(adata, **given, **fewest)
            elif kind == "other":
                pp.features(adata, **given)
            elif kind == "embedding":
                pp.embedding(adata, dict(args.embedding_key or ()).get(name), **given)
            else:
                known = ", ".join(alias for names in MODALITY_NAMES.values() for alias in names)
                raise ValueError(
                    f"how to preprocess it is not clear from its name (known names: {known}); "
                    f"say it by --kind {name}=rna, protein, chromatin, other or embedding, or use "
                    "principal components that are there by --rep"
                )
        except (KeyError, TypeError, ValueError) as err:
            raise type(err)(f"{name}: {err.args[0] if err.args else err}") from err
        reps[name] = _keys.PCA
    return reps


def _representations(args: argparse.Namespace, modalities: Mapping[str, AnnData]) -> dict[str, str]:
    """Keys of ``obsm`` to be used as they are, for modalities that need no preprocessing.

    Raises
    ------
    KeyError
        If a modality lacks the key.
    """
    reps: dict[str, str] = {}
    for name, adata in modalities.items():
        if rep := rep_of(args, name):
            if rep not in adata.obsm:
                raise KeyError(
                    f"{name} has no obsm[{rep!r}]; there are: {', '.join(adata.obsm) or 'none'}"
                )
            reps[name] = rep
    return reps
