"""Counts larger than memory to principal components: time and peak memory, from a file on disk.

    python benchmarks/out_of_core.py [--spots 1000000] [--genes 2000] [--density 0.05] [--zarr]

Simulates a sparse count matrix into a scratch folder, some thousand spots at a time, then gives it
to ``sm.pp.rna`` (or ``chromatin``) in a child process, and prints that process's time and peak memory (VmHWM: all of
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
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp
import zarr

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
    store = zarr.open_group(path, mode="w") if path.suffix == ".zarr" else h5py.File(path, "w")
    store.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
    for name, n in (("obs", n_spots), ("var", n_genes)):
        ad.io.write_elem(store, name, pd.DataFrame(index=np.arange(n).astype(str)))
    ad.io.write_elem(store, "X", next(chunks))
    x = ad.io.sparse_dataset(store["X"])
    for chunk in chunks:
        x.append(chunk)
    nnz = store["X"]["indices"].shape[0]
    if isinstance(store, h5py.File):
        store.close()
    return nnz


def forget(path: Path) -> None:
    """Take a file out of the system's cache: that is of no use to one larger than memory."""
    for file in [path] if path.is_file() else path.rglob("*"):
        if file.is_file():
            handle = os.open(file, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def components(path: Path, args: argparse.Namespace, *, memory: bool = False) -> ad.AnnData:
    """Components of the counts at ``path``, read whole or by blocks."""
    import smartcore as sm

    adata = sm.io.read_lazily(path)
    if memory:
        adata = adata.to_memory()
    if args.chromatin:
        sm.pp.chromatin(adata, progress=False)
    else:
        sm.pp.rna(adata, n_top_genes=args.n_top_genes, progress=False)
    return adata


def child(path: Path, args: argparse.Namespace) -> None:
    """Measure: one line of JSON."""
    start = time.perf_counter()
    adata = components(path, args)
    seconds = time.perf_counter() - start
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
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
    parser.add_argument("--chromatin", action="store_true", help="take them as peaks, all used")
    parser.add_argument("--compare", type=int, default=50_000, help="spots of the comparison")
    parser.add_argument("--zarr", action="store_true", help="a zarr store rather than h5ad")
    parser.add_argument("--scratch", type=Path, help="where the files go (default: /tmp or TMPDIR)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child, args)
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
        command = [sys.executable, __file__, *sys.argv[1:], "--child", str(path)]
        forget(path)
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"counts → {result['shape'][1]} components: {result['seconds']:.0f} s, peak memory of "
            f"the process {result['peak'] / 1e9:.2f} GB; load {os.getloadavg()[0]:.1f} on "
            f"{os.cpu_count()} CPUs"
        )
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        path = Path(folder) / f"small.{'zarr' if args.zarr else 'h5ad'}"
        write(path, args.compare, args.genes, args.density)
        disk, memory = (components(path, args, memory=m).obsm["X_pca"] for m in (False, True))
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
