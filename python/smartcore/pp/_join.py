"""Several sections as one object, over the features they share."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import ArrayLike, NDArray

from smartcore import _keys
from smartcore.pp._on_disk import changed, is_lazy
from smartcore.pp._peaks import SharedPeaks, are_peaks, shared_peaks
from smartcore.pp._shared_names import shared_names

logger = logging.getLogger(__name__)

Sections: TypeAlias = Mapping[str, AnnData] | Sequence[AnnData]
"""One AnnData a section: by name, or numbered from "1"."""

T = TypeVar("T")


def join_sections(
    sections: Sections,
    *,
    by: Literal["name", "overlap"] = "name",
    layer: str | None = None,
    min_shared: int = 10,
    section_key: str = _keys.SECTION,
    spatial_key: str = _keys.SPATIAL,
) -> AnnData:
    """One AnnData of the spots of all sections, over the features they share.

    Parameters
    ----------
    sections
        One modality of each section: section → AnnData, or a list of AnnData, whose sections
        are then called "1", "2", … Raw counts, sparse or dense, in memory or on disk.
    by
        ``"name"`` for genes and proteins. ``"overlap"`` for peaks ("chr1:100-200" or
        "chr1-100-200"): those of different sections that overlap become one feature with their
        counts summed, kept if every section has one. Where no name is one of a peak (bins with
        numbers), names are matched as by ``"name"``.
    layer
        Layer that holds the counts; ``None``: ``X``.
    min_shared
        Fewer shared features are an error, unless they are half of a section's.
    section_key
        Column of ``obs`` for the section.
    spatial_key
        Coordinates in ``obsm``, which the result has if all sections do.

    Returns
    -------
    ``X``: the counts, CSR, or a dask array of it if those of a section are on disk; spots named "section:spot", so that sections may use the same
    barcodes; ``obs`` with all columns of the sections, NaN where a section lacks one; ``var``
    with the columns on which all agree.

    Raises
    ------
    TypeError
        If ``sections`` is neither list nor dict of AnnData.
    KeyError
        If a section lacks the layer.
    ValueError
        If a section has no features, there are too few shared ones, or names repeat; the message
        tells which section is the odd one, and of differences in case or between Ensembl ids and symbols.

    References
    ----------
    Du et al., Nat Commun 17, 2876 (2026), Methods, "SMART-MS".

    Examples
    --------
    >>> import smartcore as sm
    >>> one = sm.datasets.tri_omics((6, 8), modalities=["protein"]).mod["protein"]
    >>> two = sm.datasets.tri_omics((9, 6), modalities=["protein"], seed=1).mod["protein"]
    >>> joined = join_sections({"one": one, "two": two[:, 10:].copy()})
    >>> joined.shape, joined.obs["section"].value_counts(sort=False).to_dict()
    ((102, 90), {'one': 48, 'two': 54})
    """
    if by not in ("name", "overlap"):
        raise ValueError(f"by={by!r} is not known; use 'name' or 'overlap'.")
    parts = named_sections(sections)
    for name, adata in parts.items():
        _check_section(name, adata, layer, section_key)
    features = {name: adata.var_names for name, adata in parts.items()}
    # The peaks of one section have no others to be summed with.
    by_name = by == "name" or len(parts) == 1
    if not by_name and not any(map(are_peaks, features.values())):
        # Bins, which are no intervals by their names.
        logger.info("Names of the features are no peaks: they are matched by name.")
        by_name = True
    if by_name:
        shared: SharedPeaks | pd.Index = shared_names(features, min_shared)
    else:
        shared = shared_peaks(features, min_shared)
    lazy = any(is_lazy(_source(adata, layer)) for adata in parts.values())
    with warnings.catch_warnings():
        # Spots of different sections may share names; they get others below.
        warnings.filterwarnings("ignore", message="Observation names are not unique")
        joined = ad.concat(
            [_part(name, adata, layer, shared, lazy) for name, adata in parts.items()],
            merge="same",
        )
    if all(spatial_key in adata.obsm for adata in parts.values()):
        joined.obsm[spatial_key] = _stacked(
            {name: adata.obsm[spatial_key] for name, adata in parts.items()}, spatial_key
        )
    joined.obs = pd.concat([adata.obs for adata in parts.values()])
    joined.obs_names = [
        f"{name}:{spot}" for name, adata in parts.items() for spot in adata.obs_names
    ]
    which = np.repeat(np.arange(len(parts)), [adata.n_obs for adata in parts.values()])
    joined.obs[section_key] = pd.Categorical.from_codes(which, list(parts))
    return joined


def named_sections(sections: Mapping[str, T] | Sequence[T]) -> dict[str, T]:
    """Sections by name; those of a list are numbered from "1".

    Raises
    ------
    TypeError
        If ``sections`` is neither list nor dict, or a name no string.
    ValueError
        If it is empty.
    """
    if isinstance(sections, str) or not isinstance(sections, Mapping | Sequence):
        raise TypeError(f"A list or dict of sections is needed, not {type(sections).__name__}.")
    if not sections:
        raise ValueError("The list of sections is empty; give at least one.")
    if isinstance(sections, Mapping):
        if odd := [name for name in sections if not isinstance(name, str)]:
            raise TypeError(f"Names of sections must be strings, but {odd[0]!r} is none.")
        return dict(sections)
    return {str(i): part for i, part in enumerate(sections, 1)}


def _check_section(name: str, adata: object, layer: str | None, key: str) -> None:
    if not isinstance(adata, AnnData):
        raise TypeError(f"Section {name!r} is no AnnData but {type(adata).__name__}.")
    if layer is not None and layer not in adata.layers:
        raise KeyError(
            f"Section {name!r} has no layer {layer!r}; there are {list(adata.layers) or 'none'}."
        )
    if layer is None and adata.X is None:
        raise ValueError(f"X of section {name!r} is empty: counts are needed, in X or in a layer.")
    if adata.n_vars == 0:
        raise ValueError(f"Section {name!r} has no features.")
    if not adata.obs_names.is_unique:
        twice = adata.obs_names[adata.obs_names.duplicated()]
        raise ValueError(
            f"{twice.nunique()} spot names occur more than once in section {name!r} (first: "
            f"{twice[0]!r}); obs_names_make_unique() would do."
        )
    if key in adata.obs and (adata.obs[key].astype(object) != name).any():
        raise ValueError(
            f"obs[{key!r}] of section {name!r} is there already and holds "
            f"{adata.obs[key].iloc[0]!r}: give a dict that names the sections so, or another "
            "section_key."
        )


def _source(adata: AnnData, layer: str | None) -> Any:
    return adata.X if layer is None else adata.layers[layer]


def _part(
    name: str, adata: AnnData, layer: str | None, shared: SharedPeaks | pd.Index, lazy: bool
) -> AnnData:
    if isinstance(shared, SharedPeaks):
        step, var = partial(shared.sums, name), pd.DataFrame(index=shared.names)
    else:
        columns = adata.var_names.get_indexer(shared)
        step, var = partial(_columns, columns), adata.var.iloc[columns]
    source = _source(adata, layer)
    counts = (
        changed(source, step, len(var), f"section {name!r}")
        if lazy
        else step(sp.csr_matrix(source))
    )
    return AnnData(counts, obs=pd.DataFrame(index=adata.obs_names), var=var)


def _columns(columns: NDArray[np.intp], counts: sp.csr_matrix) -> sp.csr_matrix:
    return counts[:, columns]


def _stacked(coords: Mapping[str, ArrayLike], key: str) -> NDArray:
    arrays = {name: np.asarray(xy) for name, xy in coords.items()}
    widths = {name: xy.shape[1] for name, xy in arrays.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"obsm[{key!r}] of the sections differ in their dimensions: {widths}.")
    return np.concatenate(list(arrays.values()))
