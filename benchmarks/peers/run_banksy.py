"""BANKSY by its authors' settings for domains."""

import numpy as np
import scanpy as sc
from anndata import AnnData
from banksy.embed_banksy import generate_banksy_matrix
from banksy.initialize_banksy import initialize_banksy
from banksy_utils.umap_pca import pca_umap
from exchange import Section, main

DECAY = "scaled_gaussian"
LAMBDA = 0.8
N_TOP_GENES = 2000
N_COMPONENTS = 20


def embed(section: Section) -> dict:
    """20 components of own expression, neighbours' mean and their gradient."""
    np.random.seed(section.seed)  # noqa: NPY002 (its PCA takes no seed)
    (counts,) = section.counts.values()
    adata = AnnData(counts.astype(np.float32), obsm={"spatial": section.coords})
    adata.obs["x"], adata.obs["y"] = section.coords.T
    if adata.n_vars > N_TOP_GENES:
        sc.pp.highly_variable_genes(adata, flavor="seurat_v3", n_top_genes=N_TOP_GENES)
    sc.pp.normalize_total(adata)
    if "highly_variable" in adata.var:
        adata = adata[:, adata.var["highly_variable"]].copy()
    # A gene without variance has no z-score.
    adata = adata[:, np.asarray(adata.X.sum(axis=0)).ravel() > 0].copy()
    graphs = initialize_banksy(
        adata,
        ("x", "y", "spatial"),
        num_neighbours=15,
        nbr_weight_decay=DECAY,
        max_m=1,
        plt_edge_hist=False,
        plt_nbr_weights=False,
        plt_theta=False,
    )
    generate_banksy_matrix(adata, graphs, [LAMBDA], max_m=1, verbose=False)
    pca_umap(graphs, pca_dims=[N_COMPONENTS], plt_remaining_var=False)
    return {"embedding": graphs[DECAY][LAMBDA]["adata"].obsm[f"reduced_pc_{N_COMPONENTS}"]}


main(embed, "pybanksy")
