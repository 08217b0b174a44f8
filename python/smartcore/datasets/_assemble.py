"""Counts of a section as MuData."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from smartcore._keys import SPATIAL

if TYPE_CHECKING:
    from mudata import MuData


def assemble(
    counts: dict[str, sparse.csr_matrix],
    features: dict[str, pd.DataFrame],
    domains: pd.Categorical,
    spots: list[str],
    spatial: NDArray[np.float64],
) -> MuData:
    """MuData whose modalities all have the domains and places of the spots, as it does itself.

    Parameters
    ----------
    counts
        Modality → (n_spots, n_features).
    features
        Modality → ``var``.
    domains
        Shape (n_spots,).
    spots
        Names, shape (n_spots,).
    spatial
        Coordinates, shape (n_spots, 2) or (n_spots, 3).
    """
    import mudata
    from anndata import AnnData

    obs = pd.DataFrame({"domain": domains}, index=spots)
    parts = {
        name: AnnData(X, obs=obs.copy(), var=features[name], obsm={SPATIAL: spatial.copy()})
        for name, X in counts.items()
    }
    # Pulling would add a copy of the domains for every modality.
    with mudata.set_options(pull_on_update=False):
        mdata = mudata.MuData(parts)
    mdata.obs["domain"] = obs["domain"]
    mdata.obsm[SPATIAL] = spatial
    return mdata
