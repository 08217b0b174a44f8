"""Real count noise with a known truth: cells of known types laid on a labelled layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData
from numpy.typing import NDArray
from scipy import sparse

from smartcore._keys import SPATIAL

from ._assemble import assemble
from ._cell_inputs import check_modalities, counts_of, labelled_spots, main_types_of, typed_cells

if TYPE_CHECKING:
    from mudata import MuData


def cells_on_layout(
    cells: MuData | Mapping[str, AnnData],
    cell_types: str,
    layout: AnnData,
    domains: str,
    *,
    main_share: float = 0.7,
    cells_per_spot: int = 1,
    spatial_key: str = SPATIAL,
    seed: int = 0,
) -> MuData:
    """Lay cells of a dissociated tissue on the spots of a section whose domains are known.

    The counts are those of real cells, with all their noise, and the domains are the truth. Each
    domain has a main cell type: the first domain in alphabetical order has the most frequent
    type, the second the next, and so on; types of the same frequency go by name. Where domains are
    more than types, types serve again from the first, with a warning. Each spot is given `cells_per_spot` cells, one by one, and has the sum of their counts. With probability
    `main_share` a cell is drawn from the main type of the spot's domain, otherwise from all
    cells, the main type among them. Cells are drawn with replacement.

    Parameters
    ----------
    cells
        Raw counts of the same cells in each of one or more modalities: MuData, or modality →
        AnnData. Cells are matched by name, in any order. Cells that a modality lacks are left
        out; how many goes to the log.
    cell_types
        Column with the types of the cells, in ``obs`` of the first modality that has it, or of
        the MuData. Cells without a type are left out, and their number goes to the log: to leave
        out a type, set it to None.
    layout
        Section with coordinates and domains. Its counts are not used.
    domains
        Column of ``layout.obs`` with the domains. Spots without a domain are left out, and
        their number goes to the log.
    main_share
        Probability that a cell is drawn from the main type of its domain, from 0 for no domains
        at all to 1 for cells of one type in each.
    cells_per_spot
        Number of cells whose counts are summed in a spot.
    spatial_key
        Key of ``layout.obsm`` with the coordinates.
    seed
        Seed.

    Returns
    -------
    The modalities of `cells`, in their order, with

    - ``X``: raw counts, CSR, float32, shape (n_spots, n_features); spots in the order of
      `layout`, named "spot_0", "spot_1", …
    - ``obs["domain"]``; in the MuData too
    - ``obsm["spatial"]``; in the MuData too
    - ``var`` as it was

    and in the MuData's ``uns["cells_on_layout"]`` the arguments, ``n_cells``, the number of cells
    drawn from, and ``main_types``, a table with a row a domain: its main type, and the numbers of
    its spots and of the cells of this type.

    Raises
    ------
    TypeError
        If `cells` is neither a MuData nor a mapping to AnnData.
    KeyError
        If a column or the coordinates are not there.
    ValueError
        If a modality holds no counts, names of cells occur twice, no cell with a type is in all
        modalities, no spot has a domain, coordinates are no finite numbers, or `main_share` or
        `cells_per_spot` is out of range.

    Examples
    --------
    Simulated cells, their domains as types, on the layout of another section:

    >>> from smartcore.datasets import tri_omics
    >>> cells = tri_omics((12, 12), n_genes=50, n_proteins=10, modalities=["rna", "protein"])
    >>> layout = tri_omics((20, 30), n_genes=1, modalities=["rna"])["rna"]
    >>> mdata = cells_on_layout(cells, "domain", layout, "domain", cells_per_spot=5)
    >>> {name: adata.shape for name, adata in mdata.mod.items()}
    {'rna': (600, 50), 'protein': (600, 10)}
    >>> mdata.uns["cells_on_layout"]["main_types"].loc["factor 1"].to_dict()
    {'main_type': 'factor 2', 'n_spots': 80, 'n_cells': 32}
    """
    if not 0 <= main_share <= 1:
        raise ValueError(f"main_share must be from 0 to 1, not {main_share}")
    if not cells_per_spot >= 1 or int(cells_per_spot) != cells_per_spot:
        raise ValueError(f"cells_per_spot must be a whole number from 1 up, not {cells_per_spot}")
    modalities = check_modalities(cells)
    types = typed_cells(cells, modalities, cell_types)
    domain, spatial = labelled_spots(layout, domains, spatial_key)
    main_types = main_types_of(types, domain, cell_types, domains)

    drawn = _draw(
        types.cat.codes.to_numpy(),
        domain.codes % len(types.cat.categories),
        main_share,
        int(cells_per_spot),
        np.random.default_rng(seed),
    )
    counts = {
        name: _sums(counts_of(name, adata, types.index), drawn)
        for name, adata in modalities.items()
    }
    mdata = assemble(
        counts,
        {name: adata.var.copy() for name, adata in modalities.items()},
        domains=domain,
        spots=[f"spot_{i}" for i in range(len(domain))],
        spatial=spatial,
    )
    mdata.uns["cells_on_layout"] = {
        "cell_types": cell_types,
        "domains": domains,
        "main_share": float(main_share),
        "cells_per_spot": int(cells_per_spot),
        "spatial_key": spatial_key,
        "seed": seed,
        "n_cells": len(types),
        "main_types": main_types,
    }
    return mdata


def _draw(
    types: NDArray[np.integer],
    main: NDArray[np.integer],
    main_share: float,
    cells_per_spot: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Cells of each spot.

    Parameters
    ----------
    types
        Type of each cell, shape (n_cells,).
    main
        Main type of each spot, shape (n_spots,).

    Returns
    -------
    Shape (n_spots, cells_per_spot).
    """
    by_type = np.argsort(types, kind="stable")
    size = np.bincount(types)
    start = np.cumsum(size) - size
    shape = (len(main), cells_per_spot)
    of_main = by_type[start[main, None] + rng.integers(size[main, None], size=shape)]
    of_all = rng.integers(len(types), size=shape)
    return np.where(rng.random(shape) < main_share, of_main, of_all)


def _sums(counts: sparse.csr_matrix, drawn: NDArray[np.intp]) -> sparse.csr_matrix:
    """Sum of the counts of the cells of each spot; shapes (n_cells, n_features), (n_spots, k)."""
    ends = np.arange(0, drawn.size + 1, drawn.shape[1])
    takes = sparse.csr_matrix(
        (np.ones(drawn.size, np.float32), drawn.ravel(), ends), shape=(len(drawn), counts.shape[0])
    )
    sums = sparse.csr_matrix(takes @ counts)
    sums.eliminate_zeros()
    sums.sort_indices()
    return sums
