"""Counts on disk."""

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

import smartcore as sm

STEPS = {"gene": sm.pp.rna, "protein": sm.pp.protein, "peak": sm.pp.chromatin}
N_COMPS = 5


def counts(n_spots=400, n_features=300, seed=0) -> ad.AnnData:
    """Counts of a few factors, each clearly stronger than the next; some features are rare."""
    rng = np.random.default_rng(seed)
    factors = rng.gamma(0.5, 1, (n_spots, 8)) * 0.8 ** np.arange(8)
    rate = factors @ rng.gamma(0.3, 1, (8, n_features)) * rng.choice([0.03, 1.5], n_features)
    adata = ad.AnnData(
        sp.csr_matrix(rng.poisson(rate).astype(np.float32)),
        obs=pd.DataFrame(
            {"batch": rng.choice(["a", "b", "c"], n_spots)},
            dtype="category",
            index=[f"spot{i}" for i in range(n_spots)],
        ),
        var=pd.DataFrame(index=[f"chr1:{100 * i}-{100 * i + 50}" for i in range(n_features)]),
    )
    adata.obsm["spatial"] = rng.uniform(size=(n_spots, 2))
    return adata


def h5ad(adata, folder, change=lambda x: x):
    adata = adata.copy()
    adata.X = change(adata.X)
    adata.write_h5ad(folder / "counts.h5ad")
    return ad.read_h5ad(folder / "counts.h5ad", backed="r")
