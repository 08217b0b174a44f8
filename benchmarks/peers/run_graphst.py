"""GraphST with its defaults, and mclust on 20 components of its output, as its users do."""

import torch
from anndata import AnnData
from exchange import Section, main
from GraphST.GraphST import GraphST
from GraphST.utils import clustering


def embed(section: Section) -> dict:
    """20 components of the reconstructed expression; clusters without the optional refinement."""
    (counts,) = section.counts.values()
    adata = AnnData(counts, obsm={"spatial": section.coords})
    found = GraphST(adata, device=torch.device("cpu"), random_seed=section.seed).train()
    clustering(found, section.n_clusters, method="mclust")
    domains = found.obs["domain"].astype(int).to_numpy()
    return {"embedding": found.obsm["emb_pca"], "clusters": domains}


main(embed, "GraphST")
