"""Files of one large section, simulated: what benchmarks/end_to_end.py gives to `smartcore run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from .grids import N_KINDS, places

_CHUNK = 20_000
_PROTEIN_LEVEL = 40.0


@dataclass(frozen=True)
class Section:
    """What a simulated section is like.

    Attributes
    ----------
    title
        Its name in tables.
    n_spots, n_genes, n_proteins
        Its size; a section without proteins has one modality.
    depth
        Mean number of molecules of RNA in a spot.
    jitter
        How far spots lie off a square grid, in steps.
    n_clusters
        What `smartcore run` is given by ``-k``.
    """

    title: str
    n_spots: int
    n_genes: int
    n_proteins: int
    depth: float
    jitter: float
    n_clusters: str


def sections(n_spots: int | None = None) -> dict[str, Section]:
    """The sections of the benchmark by name; the same with `n_spots` each where that is given."""
    return {
        "spots": Section("spots", n_spots or 200_000, 2_000, 30, 152.0, 0.0, "9"),
        "cells": Section("cells", n_spots or 750_000, 400, 0, 60.0, 0.35, "2-15"),
    }


def simulate(section: Section, folder: Path, seed: int = 0) -> dict[str, Path]:
    """Write ``rna.h5ad`` and, with proteins, ``protein.h5ad``; kinds of domains are in ``obs``.

    Returns
    -------
    Kind of modality → file.
    """
    from anndata import AnnData

    rng = np.random.default_rng(seed)
    coords, kind = places(section.n_spots, rng)
    coords += section.jitter * rng.uniform(-1, 1, coords.shape)
    obs = pd.DataFrame(
        {"kind": pd.Categorical(kind.astype(str))},
        index=[f"spot_{i}" for i in range(section.n_spots)],
    )
    matrices = {"rna": molecules(kind, section.n_genes, section.depth, rng)}
    if section.n_proteins:
        matrices["protein"] = _proteins(kind, section.n_proteins, rng)
    files = {}
    for name, matrix in matrices.items():
        var = pd.DataFrame(index=[f"{name}_{i}" for i in range(matrix.shape[1])])
        adata = AnnData(matrix, obs=obs, var=var, obsm={"spatial": coords})
        files[name] = folder / f"{name}.h5ad"
        adata.write_h5ad(files[name])
    return files


def molecules(
    kind: NDArray[np.intp], n_genes: int, depth: float, rng: np.random.Generator
) -> sp.csr_matrix:
    """Counts of spots × genes: molecules are drawn one by one, so that zeros cost nothing.

    Parameters
    ----------
    kind
        Kind of domain of each spot, (n_spots,); a kind has a profile of its own.
    depth
        Mean number of molecules of a spot, which vary as those of a gamma-Poisson do.
    """
    level = rng.lognormal(sigma=1.2, size=n_genes)
    profiles = level * rng.lognormal(sigma=0.5, size=(N_KINDS, n_genes))
    cumulative = profiles.cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    chunks = []
    for start in range(0, len(kind), _CHUNK):
        own = kind[start : start + _CHUNK]
        n_molecules = rng.poisson(depth * rng.gamma(6.0, 1 / 6.0, len(own)))
        gene = np.empty(n_molecules.sum(), np.int32)
        owner = np.repeat(own, n_molecules)
        for k in range(N_KINDS):
            mine = np.flatnonzero(owner == k)
            # In order, as searching sorted values is several times as quick.
            gene[mine] = rng.permutation(
                np.searchsorted(cumulative[k], np.sort(rng.random(len(mine)))).clip(max=n_genes - 1)
            )
        ends = np.append(0, n_molecules.cumsum())
        ones = np.ones(len(gene), np.float32)
        chunk = sp.csr_matrix((ones, gene, ends), shape=(len(own), n_genes))
        chunk.sum_duplicates()
        chunks.append(chunk)
    return sp.vstack(chunks, format="csr")


def _proteins(kind: NDArray[np.intp], n_proteins: int, rng: np.random.Generator) -> sp.csr_matrix:
    level = _PROTEIN_LEVEL * rng.lognormal(sigma=1.0, size=n_proteins)
    profiles = level * rng.lognormal(sigma=0.7, size=(N_KINDS, n_proteins))
    depth = rng.lognormal(sigma=0.4, size=len(kind))
    return sp.csr_matrix(rng.poisson(depth[:, None] * profiles[kind]).astype(np.float32))
