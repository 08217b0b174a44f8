"""The features and spots that components are made of."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.given.feature_types import Kind, control_features, listed, of_kind, types_in

logger = logging.getLogger(__name__)


def of_that_kind(sections: Mapping[str, AnnData], kind: Kind) -> dict[str, AnnData]:
    """Sections with their features of one kind; views where there are others.

    Raises
    ------
    ValueError
        As :func:`usable_features`.
    """
    parts = {}
    for name, part in sections.items():
        parts[name] = part
        if isinstance(part, AnnData):
            keep = _kind_told(part, kind, f"section {name!r}")
            parts[name] = part if keep.all() else part[:, keep]
    return parts


def usable_features(adata: AnnData, kind: Kind | None, *, controls: bool) -> NDArray[np.bool_]:
    """Which features are of a kind and no controls; what is left out is logged.

    Parameters
    ----------
    adata
        Spots × features.
    kind
        The kind asked for; ``None``: any.
    controls
        Keep control probes and isotype controls.

    Raises
    ------
    ValueError
        If there are types of features, and none is of that kind or some are not known; or if only
        controls are left.
    """
    if kind is None:
        return np.ones(adata.n_vars, bool)
    keep = _kind_told(adata, kind, "The object")
    if not controls:
        keep[keep] = no_controls(adata.var_names[keep], kind)
    return keep


def no_controls(names: Sequence[str] | pd.Index, kind: str) -> NDArray[np.bool_]:
    """Which features are no control probes and no isotype controls; those that are are logged.

    Raises
    ------
    ValueError
        If all are.
    """
    control = control_features(names, kind)
    if not control.any():
        return ~control
    what = "control probes" if kind == "rna" else "isotype controls"
    some = [str(name) for name, found in zip(names, control, strict=True) if found][:3]
    if control.all():
        raise ValueError(
            f"All {len(control)} features are {what} by their names (such as {some[0]!r}); "
            "controls=True uses them."
        )
    logger.info(
        "%d %s are left out (%s%s); controls=True keeps them.",
        control.sum(),
        what,
        ", ".join(some),
        ", …" if control.sum() > len(some) else "",
    )
    return ~control


def _kind_told(adata: AnnData, kind: Kind, source: str) -> NDArray[np.bool_]:
    keep = of_kind(adata.var, kind, source=source)
    if not keep.all():
        logger.info(
            "%d of %d features (%s) are used as %s.",
            keep.sum(),
            keep.size,
            listed(types_in(adata.var)),
            kind,
        )
    return keep
