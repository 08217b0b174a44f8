"""The core's part of r_overhead.R: the same counts through the same steps, without R."""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

import smartcore as sm


def read_data(folder: Path) -> tuple[dict[str, AnnData], np.ndarray]:
    """Counts, spots × features, and coordinates."""
    n_spots, *n_features = map(int, (folder / "sizes").read_text().split())
    modalities = {}
    for name, n in zip(("rna", "protein"), n_features, strict=True):
        parts = [
            np.fromfile(folder / f"{name}.{part}", dtype)
            for part, dtype in (("x", np.float64), ("i", np.int32), ("p", np.int32))
        ]
        modalities[name] = AnnData(sp.csr_matrix(tuple(parts), shape=(n_spots, n)))
    return modalities, np.fromfile(folder / "coords", np.float64).reshape(2, -1).T


def steps(modalities: dict[str, AnnData], coords: np.ndarray, **params: int) -> np.ndarray:
    """From counts to the embedding and what RunSMART() says of it."""
    sm.pp.rna(modalities["rna"], seed=42)
    sm.pp.protein(modalities["protein"], seed=42)
    features = {name: adata.obsm["X_pca"] for name, adata in modalities.items()}
    result = sm.integrate(features, coords, seed=42, progress=False, **params)
    for x in features.values():
        sm.metrics.modality_correlation(result.embedding, {"": x}, n_reference=1000, seed=42)
    return result.embedding


def memory(field: str) -> float:
    """A line of the process's status, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def cpu_seconds() -> float:
    """Time of all threads of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(folder: Path) -> None:
    """Print seconds of CPU and of the clock, and MiB."""
    modalities, coords = read_data(folder)
    small = sm.datasets.tri_omics((12, 12))
    steps(
        {name: small[name].copy() for name in modalities},
        np.asarray(small.obsm["spatial"], float),
        epochs=2,
    )
    del small
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    cpu, clock = cpu_seconds(), time.perf_counter()
    embedding = steps(modalities, coords)
    cpu, clock = cpu_seconds() - cpu, time.perf_counter() - clock
    peak = memory("VmHWM")
    embedding.T.astype(np.float64).tofile(folder / "embedding_python")
    print(cpu, clock, peak - before)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
