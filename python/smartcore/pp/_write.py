"""Components and their record on AnnData."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray

from smartcore.pp._pca import Components


def write(
    adata: AnnData,
    components: Components,
    columns: NDArray[np.intp],
    key: str,
    copy: bool,
    modality: str,
    layer: str | None,
    settings: Mapping[str, Any],
    highly_variable: NDArray[np.intp] | None = None,
) -> AnnData | None:
    """Write ``components`` of the object's ``columns`` and how they were made."""
    if not isinstance(key, str):
        raise TypeError(f"key_added={key!r} must be a string, such as 'X_pca'.")
    out = adata
    if copy:
        out = adata.to_memory() if adata.isbacked else adata.copy()
    loadings = np.zeros((adata.n_vars, components.loadings.shape[1]), np.float32)
    loadings[columns] = components.loadings
    if highly_variable is not None:
        chosen = np.zeros(adata.n_vars, bool)
        chosen[highly_variable] = True
        out.var["highly_variable"] = chosen
    out.obsm[key] = components.scores
    out.varm["PCs"] = loadings
    out.uns["pca"] = {
        "params": {"modality": modality, "layer": layer or "X", "key_added": key, **settings},
        "variance": components.variance,
        "variance_ratio": components.variance_ratio,
    }
    return out if copy else None
