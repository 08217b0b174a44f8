"""Counts of a section."""

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp


def section(n_spots, names, seed=0, depth=3.0):
    rng = np.random.default_rng(seed)
    rate = depth * rng.gamma(0.4, 1, (n_spots, 4)) @ rng.gamma(0.4, 1, (4, len(names)))
    return ad.AnnData(
        sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(index=[f"spot{i}" for i in range(n_spots)]),
        var=pd.DataFrame(index=list(names)),
        obsm={"spatial": rng.uniform(0, 9, (n_spots, 2))},
    )


def genes(first, last):
    return [f"GENE{i}" for i in range(first, last)]
