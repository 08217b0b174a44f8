"""CellCharter: three layers of neighbours, and its Gaussian mixture."""

import cellcharter as cc
import numpy as np
import squidpy as sq
from anndata import AnnData
from exchange import Section, main, side_by_side


def embed(section: Section) -> dict:
    """As its documentation does, from components in place of a latent space of scVI."""
    adata = AnnData(np.zeros((len(section.coords), 1), np.float32))
    adata.obsm["spatial"] = section.coords
    adata.obsm["X_pca"] = side_by_side(section).astype(np.float32)
    sq.gr.spatial_neighbors(adata, coord_type="generic", delaunay=True)
    cc.gr.remove_long_links(adata)
    cc.gr.aggregate_neighbors(adata, n_layers=3, use_rep="X_pca")
    found = {"embedding": adata.obsm["X_cellcharter"]}
    try:
        model = cc.tl.Cluster(
            section.n_clusters,
            random_state=section.seed,
            trainer_params={"accelerator": "cpu", "enable_progress_bar": False},
        )
        model.fit(adata, use_rep="X_cellcharter")
        found["clusters"] = model.predict(adata, use_rep="X_cellcharter").codes.astype(int)
    except (ValueError, RuntimeError):
        pass  # its mixture of full covariances fails on sections of few spots
    return found


main(embed, "cellcharter")
