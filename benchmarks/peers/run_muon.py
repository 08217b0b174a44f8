"""Through muon: MOFA+, MEFISTO, weighted nearest neighbours, similarity network fusion."""

import muon as mu
import numpy as np
import scanpy as sc
from anndata import AnnData
from exchange import Section, main
from mudata import MuData
from sklearn.cluster import SpectralClustering
from sklearn.manifold import spectral_embedding


def factors(section: Section) -> dict:
    """MOFA+, or with places MEFISTO; muon's defaults on data normalised as its tutorials do."""
    parts = {name: normalised(name, AnnData(x)) for name, x in section.counts.items()}
    mdata = MuData(parts)
    mdata.obs["x"], mdata.obs["y"] = section.coords.T
    smooth = {}
    if section.method == "mefisto":
        # Without inducing points its Gaussian processes take the cube of the number of spots.
        smooth = {
            "smooth_covariate": ["x", "y"],
            "smooth_kwargs": {"sparseGP": True, "frac_inducing": 0.2},
        }
    mu.tl.mofa(mdata, seed=section.seed, outfile="mofa.hdf5", save_data=False, **smooth)
    return {"embedding": mdata.obsm["X_mofa"]}


def normalised(name: str, adata: AnnData) -> AnnData:
    adata.var["highly_variable"] = True
    if name == "protein":
        mu.prot.pp.clr(adata)
    elif name == "chromatin":
        adata._inplace_subset_var(np.asarray(adata.X.sum(axis=0)).ravel() > 0)
        mu.atac.pp.tfidf(adata, scale_factor=1e4)
    else:
        sc.pp.filter_genes(adata, min_cells=10)
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
        sc.pp.highly_variable_genes(adata, n_top_genes=2000)
    return adata


def networks(section: Section) -> dict:
    """A network of spots from all modalities, its eigenvectors, and its clusters."""
    parts = {}
    for name, x in section.features.items():
        parts[name] = AnnData(np.zeros((len(x), 1), np.float32), obsm={"X_pca": x})
        parts[name].var_names = [name]
        if section.method == "wnn":
            mu.pp.l2norm(parts[name], rep="X_pca")
        sc.pp.neighbors(parts[name], use_rep="X_pca", n_neighbors=20, random_state=section.seed)
    mdata = MuData(parts)
    if section.method == "wnn":
        mu.pp.neighbors(mdata, random_state=section.seed)
    else:
        mu.tl.snf(mdata)
    graph = mdata.obsp["connectivities"]
    graph = ((graph + graph.T) / 2).tocsr()
    # scikit-learn takes no wider indices.
    graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
    found = {"embedding": spectral_embedding(graph, n_components=20, random_state=section.seed)}
    found["clusters"] = (
        leiden(mdata, section) if section.method == "wnn" else spectral(graph, section)
    )
    return found


def spectral(graph, section: Section) -> np.ndarray:
    """As the authors of SNF cluster it."""
    model = SpectralClustering(
        section.n_clusters, affinity="precomputed", random_state=section.seed
    )
    return model.fit_predict(graph)


def leiden(mdata: MuData, section: Section) -> np.ndarray:
    """As many Leiden clusters as asked for, or as near to it as twenty bisections come."""
    low, high, best = 0.01, 4.0, None
    for _ in range(20):
        resolution = (low * high) ** 0.5
        sc.tl.leiden(
            mdata,
            resolution=resolution,
            random_state=section.seed,
            flavor="igraph",
            n_iterations=2,
            directed=False,
        )
        codes = mdata.obs["leiden"].astype(int).to_numpy()
        off = codes.max() + 1 - section.n_clusters
        if best is None or abs(off) < best[0]:
            best = abs(off), codes
        if off == 0:
            break
        low, high = (resolution, high) if off < 0 else (low, resolution)
    return best[1]


main(lambda section: (factors if section.counts else networks)(section), "muon")
