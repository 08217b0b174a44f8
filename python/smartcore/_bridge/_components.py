"""Principal components of each modality, for R."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys, pp
from smartcore._feedback import Notify, interruptible, relayed
from smartcore.pp._embedding import check_dimensions
from smartcore.pp._kept import no_controls

_NOT_COUNTED = ("other", "embedding")


@interruptible()
def components(
    kind: str,
    parts: Sequence[sp.csr_matrix] | Mapping[str, Sequence[sp.csr_matrix]],
    *,
    features: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    sections: NDArray[np.integer] | None = None,
    batches: NDArray[np.integer] | None = None,
    align_sections: bool = True,
    n_comps: int | None = None,
    n_features: float | None = None,
    min_spots: int | None = None,
    clr: str | None = None,
    steps: str | Sequence[str] | None = None,
    controls: bool = False,
    check_counts: bool = True,
    seed: int = 0,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Principal components of counts, or of other values.

    Parameters
    ----------
    kind
        ``"rna"``, ``"protein"`` or ``"chromatin"``; ``"other"`` for :func:`smartcore.pp.features`,
        ``"embedding"`` for :func:`smartcore.pp.embedding`.
    parts
        Spots × features; matrices of different spots, one below the other. For objects whose
        features may differ a dict of such, by object.
    features
        Names of the features, by which controls are known; for a dict object → names: those that
        all share are used, peaks by genomic overlap.
    sections
        Shape (n_spots,): codes of the sections, over which variable genes are chosen, and within
        which features are centred and scaled.
    batches
        Shape (n_spots,): codes of the batches, within which features are centred and scaled
        instead.
    align_sections, n_comps, n_features, min_spots, clr, controls
        As for :mod:`smartcore.pp`, where ``n_features`` is called ``n_top_genes``; ``None``: the
        default there. Infinite ``n_features``: all.
    steps, check_counts, seed
        As for :mod:`smartcore.pp`; ``None``: the steps of the default there.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``components`` (n_measured, n_comps); ``measured``, the rows of the spots that have values; and
    ``n_features``: how many there were to start from.
    """
    functions: dict[str, Callable[..., object]] = {
        "rna": pp.rna,
        "protein": pp.protein,
        "chromatin": pp.chromatin,
        "other": pp.features,
        "embedding": pp.embedding,
    }
    if kind not in functions:
        raise ValueError(f"kind={kind!r} is not known; use one of {', '.join(functions)}.")
    given: dict[str, Any] = {"n_comps": n_comps}
    counted = kind not in _NOT_COUNTED
    if not counted:
        given["steps"] = steps
    elif kind == "protein":
        given["clr"] = clr
    else:
        given["min_spots"] = min_spots
    settings = {name: value for name, value in given.items() if value is not None}
    if kind == "rna" and n_features is not None:
        settings["n_top_genes"] = None if np.isinf(n_features) else n_features
    with relayed(notify):
        if isinstance(parts, Mapping):
            sections_given = {
                name: _named(_stacked(own), _names_of(features, name), counted=counted)
                for name, own in parts.items()
            }
            if kind == "embedding":
                check_dimensions(sections_given)
            adata = pp.join_sections(
                sections_given,
                by="overlap" if kind == "chromatin" else "name",
            )
        else:
            counts = _stacked(parts)
            # Names that repeat would be warned of, though nothing here goes by them.
            if features is not None and not controls:
                keep = no_controls(list(features), kind)
                counts = counts if keep.all() else counts[:, keep]
            names = None if counted or isinstance(features, Mapping) else features
            adata = _named(counts, names, counted=counted)
        if sections is not None:
            adata.obs[_keys.SECTION] = sections
            settings["section_key"] = _keys.SECTION
        if batches is not None:
            adata.obs[_keys.BATCH] = batches
            settings["batch_key"] = _keys.BATCH
        settings["align_sections"] = align_sections
        if kind in ("rna", "protein"):
            settings["controls"] = controls
        if counted:
            settings["check_counts"] = check_counts
        functions[kind](adata, seed=seed, **settings)
    x = np.asarray(adata.obsm[_keys.PCA])
    measured = ~np.isnan(x).any(axis=1)
    return {
        "components": x[measured],
        "measured": np.flatnonzero(measured).astype(np.int32),
        "n_features": adata.n_vars,
    }


def _named(values: sp.csr_matrix, features: Sequence[str] | None, *, counted: bool) -> AnnData:
    """Values with the names of their features; where messages name spots, numbered from 1."""
    var = None if features is None else pd.DataFrame(index=list(features))
    if counted:
        return AnnData(values, var=var)
    cells = pd.DataFrame(index=[f"cell {i}" for i in range(1, values.shape[0] + 1)])
    return AnnData(values, obs=cells, var=var)


def _names_of(features: Mapping[str, Sequence[str]] | Sequence[str] | None, name: str) -> list[str]:
    if not isinstance(features, Mapping):
        raise TypeError("features must be a dict object → names, as parts are.")
    return list(features[name])


def _stacked(parts: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    return parts[0] if len(parts) == 1 else sp.vstack(parts, format="csr")
