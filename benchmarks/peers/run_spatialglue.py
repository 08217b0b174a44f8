"""SpatialGlue on two modalities' components, by the settings of its tutorials."""

import torch
from anndata import AnnData
from exchange import Section, main
from SpatialGlue.preprocess import construct_neighbor_graph, fix_seed
from SpatialGlue.SpatialGlue_pyG import Train_SpatialGlue


def embed(section: Section) -> dict:
    """Its kinds of data set epochs and weights; "SPOTS" is that of its RNA + protein spots."""
    kind = "Spatial-epigenome-transcriptome" if "chromatin" in section.features else "SPOTS"
    fix_seed(section.seed)
    adatas = [
        AnnData(x, obsm={"spatial": section.coords, "feat": x}) for x in section.features.values()
    ]
    data = construct_neighbor_graph(*adatas, datatype=kind)
    model = Train_SpatialGlue(
        data, datatype=kind, random_seed=section.seed, device=torch.device("cpu")
    )
    return {"embedding": model.train()["SpatialGlue"]}


main(embed, "SpatialGlue")
