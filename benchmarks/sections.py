"""Several sections as one, beside PCA + Harmony without SMART and beside each section alone.

- mosaic: the RNA of two simulated sections with a batch effect (K = 5, both labelled)
- her2st: A1 to A6, six serial sections of a breast tumour (labels on A1 alone)

All get components from counts by smartcore.pp. For each seed: domains by mclust where R has it,
else by its mixture model; ARI over all labelled spots and by section, at the number of labels and
as the mean over K = 3 to 9 (one K says little of small tissues); a probe for each labelled section
(smartcore.metrics.blocked_knn_probe), which needs no clusters; iLISI and kBET of what was
clustered. Labels serve for the scores alone.
"""

from __future__ import annotations

import os

# Small problems are slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData, read_h5ad
from suite.clusters import mclust

import smartcore as sm
from smartcore.clustering import cluster_embedding, resolve_method
from smartcore.graph import smooth, spatial_graph
from smartcore.harmony import harmony

NUMBERS = range(3, 10)
DATA = Path(__file__).parents[2] / "shared" / "data"


def mosaic(data: Path) -> dict[str, AnnData]:
    """Two sections of RNA, 200 genes each."""
    folder, parts = data / "mosaic_sim" / "replicate1", {}
    for name in ("s1", "s2"):
        parts[name] = read_h5ad(folder / f"{name}_adata_rna.h5ad")
        parts[name].obs["label"] = parts[name].obs["gt"].astype(str)
    return parts


def her2st(data: Path) -> dict[str, AnnData]:
    """Six sections; a spot's name is its place on the array."""
    folder, parts = data / "her2st", {}
    for name in ("A1", "A2", "A3", "A4", "A5", "A6"):
        counts = pd.read_csv(folder / f"{name}.tsv.gz", sep="\t", index_col=0)
        adata = AnnData(sp.csr_matrix(counts.to_numpy(np.float32)))
        adata.obs_names, adata.var_names = counts.index.astype(str), counts.columns.astype(str)
        adata.obsm["spatial"] = np.array([spot.split("x") for spot in counts.index], float)
        parts[name] = adata
    table = pd.read_csv(folder / "A1_labeled_coordinates.tsv", sep="\t").dropna()
    table = table[table["label"] != "undetermined"]
    spots = [f"{x:.0f}x{y:.0f}" for x, y in table[["x", "y"]].round().to_numpy()]
    labels = pd.Series(table["label"].to_numpy(), index=spots)
    parts["A1"].obs["label"] = labels.reindex(parts["A1"].obs_names)
    return parts


SETS = {"mosaic": mosaic, "her2st": her2st}


def embeddings(parts: dict[str, AnnData], seed: int, params: dict) -> Iterator[tuple]:
    """Method, the sections it saw, what is to be clustered and the seconds it took."""
    start = time.perf_counter()
    joined = sm.pp.join_sections(parts)
    sm.pp.rna(joined, section_key="section", seed=seed)
    pcs, coords = joined.obsm["X_pca"], joined.obsm["spatial"]
    sections = joined.obs["section"].to_numpy()
    common = time.perf_counter() - start
    yield "PCA", joined, pcs, common
    start = time.perf_counter()
    mixed = harmony(pcs, sections, seed=seed)
    common_mixed = common + time.perf_counter() - start
    yield "PCA + Harmony", joined, mixed, common_mixed
    start = time.perf_counter()
    averaged = smooth(mixed, spatial_graph(coords, sections=sections), 1)
    seconds = common_mixed + time.perf_counter() - start
    yield "PCA + Harmony, averaged once", joined, averaged, seconds
    for name, options in {
        "SMART-MS": {},
        "SMART-MS, triplets within, too": {"section_triplets": "both"},
    }.items():
        start = time.perf_counter()
        z = sm.integrate(
            {"rna": pcs}, coords, sections=sections, seed=seed, **options, **params
        ).embedding
        yield name, joined, z, common + time.perf_counter() - start
    for name, part in parts.items():
        if "label" not in part.obs:
            continue
        start = time.perf_counter()
        alone = part.copy()
        sm.pp.rna(alone, seed=seed)
        alone.obs["section"] = name
        z = sm.integrate(
            {"rna": alone.obsm["X_pca"]}, alone.obsm["spatial"], seed=seed, **params
        ).embedding
        yield f"{name} alone", alone, z, time.perf_counter() - start


def scored(adata: AnnData, z: np.ndarray, k: int, method: str, seed: int) -> dict[str, float]:
    """ARI over all and by section, and mixing."""
    labels, sections = adata.obs["label"], adata.obs["section"].to_numpy()
    numbers = sorted({k, *NUMBERS})
    if method == "mclust":
        clusters = mclust(z, numbers, seed)
    else:
        clusters = {n: cluster_embedding(z, n, method=method, seed=seed) for n in numbers}
    if k not in clusters:
        sys.exit(f"{method} found no {k} clusters of {len(z)} spots; try another --method.")
    domains = clusters[k]
    scores = {
        "ARI": sm.metrics.ari(labels, domains),
        "mean ARI": np.mean(
            [sm.metrics.ari(labels, clusters[n]) for n in NUMBERS if n in clusters]
        ),
        "probe": np.mean(list(_probes(adata, z, sections))),
    }
    by_section = sm.metrics.section_ari(labels, domains, sections).dropna()
    scores |= {f"ARI {name}": value for name, value in by_section.items()}
    if len(set(sections)) > 1:
        scores["iLISI"] = sm.metrics.ilisi(z, sections)
        graph = _neighbor_graph(z)
        scores["graph iLISI"] = sm.metrics.ilisi_graph(graph, sections)
        scores["kBET"] = sm.metrics.kbet(z, sections)
    return scores


def _probes(adata: AnnData, z: np.ndarray, sections: np.ndarray) -> Iterator[float]:
    for name in np.unique(sections):
        here = sections == name
        if adata.obs["label"][here].notna().any():
            labels = adata.obs["label"].to_numpy()[here]
            yield sm.metrics.blocked_knn_probe(z[here], labels, adata.obsm["spatial"][here])


def _neighbor_graph(z: np.ndarray) -> sp.csr_matrix:
    from sklearn.neighbors import kneighbors_graph

    return kneighbors_graph(z, 15, mode="distance")


def main() -> None:
    """Print the median over seeds of all scores, for each method."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="robust")
    parser.add_argument("--method", help="clustering (default: mclust if R has it, else gmm)")
    parser.add_argument("--out", type=Path, help="table of all runs (.csv)")
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"The data are not at {args.data}; say where with --data.")
    method, rows = resolve_method(args.method), []
    for name in args.sets:
        parts = SETS[name](args.data)
        labels = pd.concat([part.obs["label"] for part in parts.values() if "label" in part.obs])
        for seed in range(args.seeds):
            for how, adata, z, seconds in embeddings(parts, seed, {"preset": args.preset}):
                scores = scored(adata, z, labels.nunique(), method, seed)
                rows.append({"set": name, "method": how, "seed": seed, "s": seconds, **scores})
        table = pd.DataFrame(rows).query("set == @name").drop(columns=["set", "seed"])
        table = table.dropna(axis=1, how="all").groupby("method", sort=False)
        print(f"\n{name}, K = {labels.nunique()} by {method}: median of {args.seeds} seeds")
        print(table.median().round(3).to_string(na_rep=""))
        print("Least and greatest ARI:")
        print(table["ARI"].agg(["min", "max"]).round(3).to_string(), flush=True)
    if args.out:
        pd.DataFrame(rows).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
