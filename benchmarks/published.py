"""The preset "published" beside bio-SMART 0.1.2, on the simulated tri-omics section.

Both get the same principal components (smartcore.pp, from counts) and coordinates, train with
the tutorial's settings, and are clustered alike: PCA to 20, mclust EEE at K = 5. Labels serve
for the score alone. Needs `make test`'s environment, R with mclust, and the data.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from anndata import AnnData, read_h5ad
from sklearn.metrics import adjusted_rand_score

import smartcore as sm
from smartcore.clustering import cluster_embedding

DATA = Path(__file__).parents[2] / "shared" / "data" / "tri_omics_sim"
MODALITIES = {"rna": ("RNA", sm.pp.rna), "protein": ("ADT", sm.pp.protein)} | {
    "chromatin": ("ATAC", sm.pp.chromatin)
}
SETTINGS = {"epochs": 300, "lr": 1e-3, "weight_decay": 1e-5}


def load(folder: Path) -> dict[str, AnnData]:
    """The three modalities with their principal components."""
    modalities = {}
    for name, (file, preprocess) in MODALITIES.items():
        modalities[name] = read_h5ad(folder / f"adata_{file}.h5ad")
        preprocess(modalities[name])
    return modalities


def ours(features: dict, coords: np.ndarray, preset: str, seed: int) -> np.ndarray:
    """Embedding by smartcore."""
    settings = SETTINGS if preset == "published" else {}
    return sm.integrate(
        features, coords, preset=preset, n_neighbors=4, seed=seed, **settings
    ).embedding


def theirs(
    features: dict,
    coords: np.ndarray,
    seed: int,
    *,
    n_neighbors: int = 4,
    farthest_ratio: float = 0.6,
    epochs: int = SETTINGS["epochs"],
    lr: float = SETTINGS["lr"],
    device: str = "cpu",
) -> np.ndarray:
    """Embedding by bio-SMART, as its tutorial for these data has it unless told otherwise."""
    from smart.build_graph import Cal_Spatial_Net
    from smart.MNN import Mutual_Nearest_Neighbors
    from smart.train import train_SMART

    # Its import asks for all cores, whatever the environment says.
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    np.random.seed(seed)  # noqa: NPY002 (its negatives come from there)
    torch.manual_seed(seed)
    adatas = [
        AnnData(np.zeros((len(coords), 1)), obsm={"spatial": coords, "X_pca": x})
        for x in features.values()
    ]
    triplets = []
    for adata in adatas:
        Cal_Spatial_Net(adata, n_neighbors=n_neighbors, verbose=False)
        triplets.append(
            Mutual_Nearest_Neighbors(
                adata, key="X_pca", n_nearest_neighbors=3, farthest_ratio=farthest_ratio
            )
        )
    inputs = [torch.from_numpy(x).to(device) for x in features.values()]
    edges = [torch.tensor(a.uns["edgeList"], dtype=torch.long).to(device) for a in adatas]
    model = train_SMART(
        inputs,
        edges,
        triplets,
        weights=[1] * 2 * len(inputs),
        n_epochs=epochs,
        lr=lr,
        weight_decay=SETTINGS["weight_decay"],
        device=torch.device(device),
        window_size=10,
        slope=1e-4,
    )
    with torch.no_grad():
        return model(inputs, edges)[0].cpu().numpy()


def main() -> None:
    """Print a row a run, then the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(2024, 2029))
    args = parser.parse_args()
    if not args.data.is_dir():
        sys.exit(f"The data are not at {args.data}; say where with --data.")
    modalities = load(args.data)
    first = modalities["rna"]
    features = {name: a.obsm["X_pca"] for name, a in modalities.items()}
    truth, coords = first.obs["domain"], first.obsm["spatial"]
    methods = {
        "bio-SMART 0.1.2": theirs,
        'smartcore, preset "published"': lambda f, c, s: ours(f, c, "published", s),
        'smartcore, preset "paper"': lambda f, c, s: ours(f, c, "paper", s),
        'smartcore, preset "robust"': lambda f, c, s: ours(f, c, "robust", s),
    }
    rows = []
    for seed in args.seeds:
        for method, embed in methods.items():
            start = time.perf_counter()
            embedding = embed(features, coords, seed)
            seconds = time.perf_counter() - start
            labels = cluster_embedding(embedding, 5, method="mclust", seed=seed)
            ari = adjusted_rand_score(truth, labels)
            rows.append({"method": method, "seed": seed, "ARI": ari, "seconds": seconds})
            print(f"{seed}  {ari:.4f}  {seconds:6.1f} s  {method}", flush=True)
    table = pd.DataFrame(rows).groupby("method", sort=False)
    print("\nMedian (least to greatest) over the seeds:")
    for method, runs in table:
        ari = runs["ARI"]
        print(
            f"{ari.median():.4f} ({ari.min():.4f} to {ari.max():.4f})"
            f"  {runs['seconds'].median():6.1f} s  {method}"
        )


if __name__ == "__main__":
    main()
