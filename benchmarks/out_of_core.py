"""Counts larger than memory to principal components: time and peak memory, from a file on disk.

    python benchmarks/out_of_core.py [--spots 1000000] [--genes 2000] [--density 0.05] [--zarr]

Simulates a sparse count matrix into a scratch folder, some thousand spots at a time, then gives it
to ``sm.pp.rna`` in a child process, and prints that process's time and peak memory (VmHWM: all of
it, imports included). At a smaller size the components are compared with those found in memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

CHUNK = 20_000
N_KINDS = 12


def profiles(n_genes: int, density: float, rng: np.random.Generator) -> np.ndarray:
    """Rate of each gene in each kind of tissue, kinds × genes, scaled for the density wanted."""
    rate = rng.gamma(0.5, 1, n_genes) * rng.gamma(2, 0.5, (N_KINDS, n_genes))
    scale = np.geomspace(1e-4, 1e2, 200)
    shares = [1 - np.exp(-s * rate).mean() for s in scale]
    return rate * np.interp(density, shares, scale)


def simulated_chunks(n_spots: int, n_genes: int, density: float, seed: int = 0):
    """Counts of bands of tissue, a chunk of spots at a time; most work is drawing what is not 0."""
    rng = np.random.default_rng(seed)
    rate = profiles(n_genes, density, rng)
    total, cumulative = rate.sum(axis=1), rate.cumsum(axis=1) / rate.sum(axis=1, keepdims=True)
    for start in range(0, n_spots, CHUNK):
        n = min(CHUNK, n_spots - start)
        kind = rng.integers(0, N_KINDS, n)
        depth = rng.poisson(total[kind] * rng.gamma(10, 0.1, n))
        gene = np.empty(depth.sum(), np.int32)
        owner = np.repeat(kind, depth)
        draw = rng.random(len(gene))
        for k in range(N_KINDS):
            mine = owner == k
            gene[mine] = np.searchsorted(cumulative[k], draw[mine]).clip(max=n_genes - 1)
        x = sp.csr_matrix(
            (np.ones(len(gene), np.float32), gene, np.r_[0, depth.cumsum()]), (n, n_genes)
        )
        x.sum_duplicates()
        yield x


def write(path: Path, n_spots: int, n_genes: int, density: float) -> int:
    """Simulate to an AnnData on disk; returns how many values are not zero."""
    chunks = simulated_chunks(n_spots, n_genes, density)
    first = next(chunks)
    if path.suffix == ".zarr":
        import zarr

        ad.AnnData(first).write_zarr(path)
        store = zarr.open_group(path)
    else:
        import h5py

        ad.AnnData(first).write_h5ad(path)
        store = h5py.File(path, "r+")
    x = ad.io.sparse_dataset(store["X"])
    for chunk in chunks:
        x.append(chunk)
    names = pd.DataFrame(index=np.arange(n_spots).astype(str))
    ad.io.write_elem(store, "obs", names)
    nnz = store["X"]["indices"].shape[0]
    if path.suffix != ".zarr":
        store.close()
    return nnz


def components(path: Path, *, memory: bool, n_top: int | None) -> ad.AnnData:
    """Components of the counts at ``path``, read whole or by blocks."""
    import smartcore as sm

    adata = sm.io.read_lazily(path)
    if memory:
        adata = adata.to_memory()
    sm.pp.rna(adata, n_top_genes=n_top, progress=False)
    return adata


def child(path: Path, n_top: int | None) -> None:
    """Measure: one line of JSON."""
    start = time.perf_counter()
    adata = components(path, memory=False, n_top=n_top)
    seconds = time.perf_counter() - start
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    assert adata.obsm["X_pca"].shape[0] == adata.n_obs
    peak = int(status["VmHWM"].split()[0]) * 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "shape": adata.obsm["X_pca"].shape}))


def size_on_disk(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--spots", type=int, default=1_000_000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--density", type=float, default=0.05)
    parser.add_argument("--n-top-genes", type=int, help="default: all")
    parser.add_argument("--compare", type=int, default=50_000, help="spots of the comparison")
    parser.add_argument("--zarr", action="store_true", help="a zarr store rather than h5ad")
    parser.add_argument("--scratch", type=Path, help="where the files go (default: /tmp or TMPDIR)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args.n_top_genes)
        return
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        path = Path(folder) / f"counts.{'zarr' if args.zarr else 'h5ad'}"
        start = time.perf_counter()
        nnz = write(path, args.spots, args.genes, args.density)
        print(
            f"{args.spots:,} spots × {args.genes:,} genes, {nnz:,} counts "
            f"({nnz / args.spots / args.genes:.1%}), {size_on_disk(path) / 1e9:.2f} GB on disk; "
            f"simulated in {time.perf_counter() - start:.0f} s"
        )
        command = [sys.executable, __file__, "--child", str(path)]
        if args.n_top_genes:
            command += ["--n-top-genes", str(args.n_top_genes)]
        # What the simulation left in the file cache is of no use to a file larger than memory.
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"counts → {result['shape'][1]} components: {result['seconds']:.0f} s, peak memory of "
            f"the process {result['peak'] / 1e9:.2f} GB; load {os.getloadavg()[0]:.1f} on "
            f"{os.cpu_count()} CPUs"
        )
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        path = Path(folder) / f"small.{'zarr' if args.zarr else 'h5ad'}"
        write(path, args.compare, args.genes, args.density)
        disk, memory = (
            components(path, memory=m, n_top=args.n_top_genes).obsm["X_pca"] for m in (False, True)
        )
        # By components: those of noise alone are about equally strong, and may turn.
        cosine = np.abs((disk * memory).sum(axis=0)) / (
            np.linalg.norm(disk, axis=0) * np.linalg.norm(memory, axis=0)
        )
        angles = np.linalg.svd(np.linalg.qr(disk)[0].T @ np.linalg.qr(memory)[0])[1]
        print(
            f"{args.compare:,} spots, on disk against in memory: cosines of the components from "
            f"{cosine.min():.7f}, of the subspaces from {angles.min():.7f}"
        )


if __name__ == "__main__":
    main()
