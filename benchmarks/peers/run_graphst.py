"""GraphST with its defaults, and mclust on 20 components of its output, as its users do."""

import torch
from anndata import AnnData
from exchange import Section, main
from GraphST.GraphST import GraphST
from GraphST.utils import clustering
from sklearn.decomposition import PCA

N_COMPONENTS = 20


def embed(section: Section) -> dict:
    """Components of the reconstructed expression; clusters without the optional refinement.

    GraphST's own components are approximate, and those that are exact score better.
    """
    (counts,) = section.counts.values()
    adata = AnnData(counts, obsm={"spatial": section.coords})
    found = GraphST(adata, device=torch.device("cpu"), random_seed=section.seed).train()
    clustering(found, section.n_clusters, method="mclust")
    exact = PCA(N_COMPONENTS, svd_solver="full").fit_transform(found.obsm["emb"])
    return {"embedding": exact, "clusters": found.obs["domain"].astype(int).to_numpy()}


main(embed, "GraphST")
