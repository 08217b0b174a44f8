"""Sections of real tissue whose domains experts have drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData, read_h5ad
from scipy.spatial import cKDTree

FAMILIES: dict[str, list[str]] = {
    "DLPFC": ["dlpfc_151673", "dlpfc_151674"],
    "STARmap": ["starmap_visual_cortex"],
    "mPFC": ["starmap_mpfc_BZ5", "starmap_mpfc_BZ14"],
    "MOB": ["mob_rep12"],
    "DLPFC components": ["dlpfc_pcs_151507", "dlpfc_pcs_151508", "dlpfc_pcs_151671"],
    "MERFISH": ["merfish_pcs-0.04", "merfish_pcs-0.09", "merfish_pcs-0.19"],
}
"""Kind of tissue and method → its sections, named as their files."""

REAL_TISSUE = [name for members in FAMILIES.values() for name in members]

KINDS = {f"{name}_kinds": name for name in ("starmap_visual_cortex", *FAMILIES["mPFC"])}
"""Sets whose labels are types of cells, not domains → their sections."""

COLUMNS: dict[str, dict[str, str]] = {
    "starmap_visual_cortex": {
        "Layer": "Layer",
        "manual_banksy": "manual_banksy",
        "label_benchmarkst": "label_benchmarkst",
    },
    "mob_rep12": {"truth": "Layer"},
}
"""Section → labeling → column of ``obs``; the first is the one that means are of."""

_CELL_TYPES = {"starmap_visual_cortex": "Cell"}
_N_COMPONENTS = 30


def labelings(name: str, adata: AnnData) -> dict[str, pd.Series]:
    """Labeling → labels, missing where an expert gave none."""
    if name in KINDS:
        return {"cell types": adata.obs[_CELL_TYPES.get(KINDS[name], "cell_type")]}
    usual = "label" if name.startswith("merfish") else "layer"
    columns = COLUMNS.get(name, {"truth": usual})
    return {labeling: adata.obs[column] for labeling, column in columns.items()}


def read_section(name: str, data: Path) -> AnnData:
    """A section, its coordinates in steps (the median distance to the nearest neighbour).

    Of the files that hold components alone, the first 30 are in ``obsm["X_pca"]``; others have
    counts in ``X``.
    """
    adata = read_h5ad(data / "real_tissue" / f"{KINDS.get(name, name)}.h5ad")
    adata.obsm["spatial"] = in_steps(adata.obsm["spatial"])
    if adata.X is None:
        adata.obsm["X_pca"] = np.asarray(adata.obsm["X_pca"][:, :_N_COMPONENTS], np.float32)
    return adata


def in_steps(coords: np.ndarray) -> np.ndarray:
    """Coordinates in units of the median distance to the nearest neighbour."""
    xy = np.asarray(coords, np.float64)
    return xy / np.median(cKDTree(xy).query(xy, 2)[0][:, 1])
