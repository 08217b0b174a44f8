"""What a run of benchmarks/scale.py does in its process: a method, its stages timed.

Stages are timed around the functions of the packages themselves, which know nothing of it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from . import grids

Arrays = dict[str, NDArray]
STAGES = (
    "preprocessing",
    "graph",
    "filters",
    "filtering",
    "targets",
    "triplets",
    "start",
    "training",
    "axes",
    "embedding",
)


class Stages:
    """Seconds of each stage, and steps of the optimizer."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.steps = 0

    def watch(self, where: Any, name: str, stage: str) -> None:
        """Have what `where` calls `name` timed from now on."""
        setattr(where, name, self.timed(getattr(where, name), stage))

    def timed(self, function: Callable, stage: str) -> Callable:
        """The function, its seconds added to the stage's."""

        def run(*args: Any, **settings: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **settings)
            finally:
                spent = time.perf_counter() - start
                self.seconds[stage] = self.seconds.get(stage, 0) + spent

        return run

    def count_steps(self) -> None:
        """Have Adam's steps counted from now on."""
        import torch

        step = torch.optim.Adam.step

        def counted(optimizer: Any, *args: Any, **settings: Any) -> Any:
            self.steps += 1
            return step(optimizer, *args, **settings)

        torch.optim.Adam.step = counted  # type: ignore[method-assign]


def simulate(case: str, n_spots: int, file: Path) -> None:
    """Write the input of a case."""
    if case == "components":
        np.savez(file, **grids.components(n_spots))
        return
    coords, kind, found = grids.counts(n_spots)
    arrays = {f"{name}/{part}": getattr(x, part) for name, x in found.items() for part in _CSR}
    np.savez(file, coords=coords, kind=kind, **arrays)


def run(method: str, case: str, file: Path, device: str) -> dict[str, Any]:
    """Seconds by stage and in total, steps, and a GPU's memory."""
    with np.load(file) as stored:
        arrays = dict(stored)
    stages = Stages()
    prepare = EMBED[method](stages, device)
    stages.count_steps()
    _wake(device)
    start = time.perf_counter()
    if case == "counts":
        for name in ("smartcore.pp", "scanpy", "skmisc.loess"):
            importlib.import_module(name)
        counts = _counts(arrays)
        start = time.perf_counter()
        preprocess = _by_scanpy if method == "bio-SMART" else _by_smartcore
        features = stages.timed(preprocess, "preprocessing")(counts)
    else:
        features = {key[2:]: x for key, x in arrays.items() if key.startswith("x/")}
    embedding = prepare(features, arrays["coords"])
    total = time.perf_counter() - start
    if not np.isfinite(embedding).all():
        raise FloatingPointError("the embedding is not finite")
    return {"seconds": stages.seconds, "total": total, "steps": stages.steps} | _gpu_memory(device)


def _wake(device: str) -> None:
    """A GPU takes a second or two before it first computes."""
    import torch

    torch.ones(2, 2, device=device).matmul(torch.ones(2, 2, device=device)).cpu()


def _gpu_memory(device: str) -> dict[str, float]:
    import torch

    if torch.device(device).type != "cuda":
        return {}
    return {"gpu_gb": torch.cuda.max_memory_allocated(device) / 2**30}


def _smartcore(stages: Stages, device: str, **changes: Any) -> Callable:
    from smartcore import integration, preparation

    for where, name, stage in (
        (preparation, "graph_of", "graph"),
        (preparation, "fit_views", "filters"),
        (preparation, "view", "filtering"),
        (preparation, "make_targets", "targets"),
        (preparation, "TripletSampler", "triplets"),
        (preparation, "start_from_data", "start"),
        (integration, "train", "training"),
        (integration, "principal_axes", "axes"),
        (integration, "encode", "embedding"),
    ):
        stages.watch(where, name, stage)

    def embed(features: Arrays, coords: NDArray) -> NDArray:
        return integration.integrate(
            features, coords, n_neighbors=4, device=device, **changes
        ).embedding

    return embed


def _bio_smart(stages: Stages, device: str) -> Callable:
    from published import theirs
    from smart import MNN, build_graph, train

    stages.watch(build_graph, "Cal_Spatial_Net", "graph")
    stages.watch(MNN, "Mutual_Nearest_Neighbors", "triplets")
    stages.watch(train, "train_SMART", "training")
    return lambda features, coords: theirs(features, coords, 0, device=device)


EMBED = {
    "smartcore": _smartcore,
    "smartcore, trained": partial(_smartcore, epochs=50),
    "bio-SMART": _bio_smart,
}

_CSR = ("data", "indices", "indptr", "shape")


def _counts(arrays: Arrays) -> dict[str, Any]:
    from anndata import AnnData

    return {
        name: AnnData(
            sp.csr_matrix(
                tuple(arrays[f"{name}/{part}"] for part in _CSR[:3]),
                shape=tuple(arrays[f"{name}/shape"]),
            )
        )
        for name in ("rna", "protein")
    }


def _by_smartcore(counts: dict[str, Any]) -> Arrays:
    import smartcore as sm

    sm.pp.rna(counts["rna"])
    sm.pp.protein(counts["protein"])
    return {name: adata.obsm["X_pca"] for name, adata in counts.items()}


def _by_scanpy(counts: dict[str, Any]) -> Arrays:
    """As the tutorials of bio-SMART and SpatialGlue have it, genes scaled dense."""
    import scanpy as sc

    rna, protein = counts["rna"], counts["protein"]
    sc.pp.filter_genes(rna, min_cells=10)
    sc.pp.highly_variable_genes(rna, flavor="seurat_v3", n_top_genes=3000)
    sc.pp.normalize_total(rna, target_sum=1e4)
    sc.pp.log1p(rna)
    sc.pp.scale(rna)
    sc.pp.pca(rna, n_comps=30)
    logs = np.log1p(protein.X.toarray())
    protein.X = logs - logs.mean(axis=0)
    sc.pp.scale(protein)
    sc.pp.pca(protein, n_comps=min(30, protein.n_vars) - 1)
    return {name: np.asarray(a.obsm["X_pca"], np.float32) for name, a in counts.items()}
