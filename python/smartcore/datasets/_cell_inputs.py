"""What `cells_on_layout` is given, checked: cells and their types, spots and their domains."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

logger = logging.getLogger("smartcore")


def check_modalities(cells: Any) -> dict[str, AnnData]:
    """Modality → AnnData of a MuData or a mapping, whose cells have names of their own."""
    modalities = cells if isinstance(cells, Mapping) else getattr(cells, "mod", None)
    if not isinstance(modalities, Mapping):
        raise TypeError(
            f"cells must be a MuData or a dict modality → AnnData, not {type(cells).__name__}"
        )
    if not modalities:
        raise ValueError("cells holds no modality: give the counts of one at least")
    for name, adata in modalities.items():
        if not isinstance(adata, AnnData):
            raise TypeError(f"modality {name!r} must be an AnnData, not {type(adata).__name__}")
        if not adata.obs_names.is_unique:
            twice = adata.obs_names[adata.obs_names.duplicated()][0]
            raise ValueError(
                f"modality {name!r} has several cells of one name (such as {twice!r}): they "
                "cannot be matched; obs_names_make_unique() would do if the cells are in the "
                "same order everywhere"
            )
    return dict(modalities)


def typed_cells(cells: Any, modalities: dict[str, AnnData], column: str) -> pd.Series:
    """Type of each cell that is in all modalities; categories by frequency, then by name."""
    holders = {name: adata.obs for name, adata in modalities.items()}
    if not isinstance(cells, Mapping):
        holders["the MuData"] = cells.obs
    obs = next((obs for obs in holders.values() if column in obs), None)
    if obs is None:
        there = {name: sorted(map(str, obs)) for name, obs in holders.items()}
        raise KeyError(f"No obs[{column!r}] for the types of the cells; obs has {there}.")
    names = [adata.obs_names for adata in modalities.values()]
    in_all = names[0][np.all([names[0].isin(other) for other in names], axis=0)]
    n_cells = len(set().union(*names))
    if in_all.empty:
        such = {name: adata.obs_names[:2].tolist() for name, adata in modalities.items()}
        raise ValueError(f"the modalities have no cell in common; their names are such as {such}")
    types = obs[column].reindex(in_all).dropna().astype(str)
    _log_left_out(n_cells - len(in_all), n_cells, "cells are not in all modalities")
    if types.empty:
        raise ValueError(f"none of {len(in_all)} cells has a type in obs[{column!r}]")
    _log_left_out(len(in_all) - len(types), len(in_all), f"cells have no type in {column!r}")
    frequency = types.value_counts()
    by_frequency = sorted(frequency.index, key=lambda name: (-frequency[name], name))
    return types.astype(pd.CategoricalDtype(by_frequency))


def labelled_spots(
    layout: AnnData, column: str, key: str
) -> tuple[pd.Categorical, NDArray[np.float64]]:
    """Domains (n_spots,), categories in alphabetical order, and coordinates of the same spots."""
    if column not in layout.obs:
        there = sorted(map(str, layout.obs))
        raise KeyError(f"No obs[{column!r}] for the domains; the layout's obs has {there}.")
    if key not in layout.obsm:
        there = sorted(layout.obsm)
        raise KeyError(f"No obsm[{key!r}] for the coordinates; the layout's obsm has {there}.")
    known = layout.obs[column].notna().to_numpy()
    if not known.any():
        raise ValueError(f"none of {len(known)} spots of the layout has a domain in {column!r}")
    _log_left_out(int((~known).sum()), len(known), f"spots have no domain in {column!r}")
    try:
        spatial = np.asarray(layout.obsm[key], dtype=np.float64)[known]
    except (TypeError, ValueError) as error:
        raise ValueError(f"the layout's obsm[{key!r}] must be numeric: {error}") from error
    if spatial.ndim != 2 or spatial.shape[1] not in (2, 3):
        raise ValueError(
            f"the layout's obsm[{key!r}] must have 2 or 3 columns, not shape {spatial.shape}"
        )
    if n_bad := int((~np.isfinite(spatial)).any(axis=1).sum()):
        raise ValueError(
            f"coordinates of {n_bad} spots in the layout's obsm[{key!r}] are NaN or infinite: "
            "leave these spots out"
        )
    return pd.Categorical(layout.obs.loc[known, column].astype(str)), spatial


def main_types_of(
    types: pd.Series, domain: pd.Categorical, type_column: str, domain_column: str
) -> pd.DataFrame:
    """A row a domain: its main type, the numbers of its spots and of the cells of that type."""
    names, type_names = domain.categories, types.cat.categories
    main = np.arange(len(names)) % len(type_names)
    if len(names) > len(type_names):
        warnings.warn(
            f"{domain_column!r} has {len(names)} domains, but {type_column!r} has only "
            f"{len(type_names)} types: some domains share their main type and cannot be told "
            "apart. Join domains, or set some to None to leave their spots out",
            stacklevel=3,
        )
    return pd.DataFrame(
        {
            "main_type": type_names[main].to_numpy(dtype=object),
            "n_spots": np.bincount(domain.codes),
            "n_cells": np.bincount(types.cat.codes)[main],
        },
        index=pd.Index(names, name="domain"),
    )


def counts_of(modality: str, adata: AnnData, cells: pd.Index) -> sparse.csr_matrix:
    """Counts of the cells, float32, shape (n_cells, n_features)."""
    if adata.isbacked:
        adata = adata.to_memory()
    if adata.X is None:
        raise ValueError(f"modality {modality!r} has no X: put its raw counts there")
    given = adata.X if sparse.issparse(adata.X) else np.asarray(adata.X)
    counts = sparse.csr_matrix(given)[adata.obs_names.get_indexer(cells)]
    odd = ~((counts.data >= 0) & (counts.data == np.rint(counts.data)) & (counts.data < np.inf))
    if odd.any():
        raise ValueError(
            f"modality {modality!r} has values that are no counts (such as "
            f"{counts.data[odd][0]:g}): X must hold raw counts"
        )
    return counts.astype(np.float32)


def _log_left_out(n: int, of: int, what: str) -> None:
    if n:
        logger.info("%d of %d %s and are left out", n, of, what)
