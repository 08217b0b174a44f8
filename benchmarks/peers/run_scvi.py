"""totalVI and MultiVI, with scvi-tools' defaults."""

import numpy as np
import scanpy as sc
import scvi
from anndata import AnnData
from exchange import Section, main
from mudata import MuData

N_TOP_GENES = 4000


def embed(section: Section) -> dict:
    """The mean of the latent distribution."""
    scvi.settings.seed = section.seed
    parts = {name: AnnData(x.astype(np.float32)) for name, x in section.counts.items()}
    if parts["rna"].n_vars > N_TOP_GENES:
        sc.pp.highly_variable_genes(
            parts["rna"], flavor="seurat_v3", n_top_genes=N_TOP_GENES, subset=True
        )
    for adata in parts.values():
        adata._inplace_subset_var(np.asarray(adata.X.sum(axis=0)).ravel() > 0)
    if section.method == "totalvi":
        parts["protein"].X = parts["protein"].X.toarray()
    mdata = MuData(parts)
    slots = {"rna": "rna_layer", "protein": "protein_layer", "chromatin": "atac_layer"}
    modalities = {slots[name]: name for name in parts}
    if section.method == "totalvi":
        scvi.model.TOTALVI.setup_mudata(mdata, modalities=modalities)
        model = scvi.model.TOTALVI(mdata)
    else:
        scvi.model.MULTIVI.setup_mudata(mdata, modalities=modalities)
        model = scvi.model.MULTIVI(
            mdata,
            n_genes=parts["rna"].n_vars,
            n_regions=parts["chromatin"].n_vars if "chromatin" in parts else 0,
        )
    model.train(accelerator="cpu", enable_progress_bar=False)
    return {"embedding": model.get_latent_representation()}


main(embed, "scvi-tools")
