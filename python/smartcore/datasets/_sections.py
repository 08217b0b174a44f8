"""Several simulated sections of one tissue, which a batch effect sets apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from anndata import AnnData
from scipy import sparse

from smartcore._keys import SPATIAL

from ._pattern import domain_map
from ._tri_omics import tri_omics

if TYPE_CHECKING:
    from mudata import MuData

_NOT_HERE = {"shape", "pattern"}


def sections(
    shapes: Mapping[str, tuple[int, int]] | Sequence[tuple[int, int]] = ((36, 36), (24, 30)),
    *,
    batch_effect: float = 1.0,
    seed: int = 0,
    **options: Any,
) -> dict[str, MuData]:
    """Simulate sections of one tissue, measured in batches.

    Domains and features are those of :func:`tri_omics` in all sections; each section's blocks
    stretch to its own grid. In each section each feature is caught with an efficiency of its
    own: of its counts there a share is kept, molecule by molecule. The shares are log-normal
    over sections, relative to the greatest of them.

    Parameters
    ----------
    shapes
        Rows and columns of each section's grid, at least 6 each; a list's sections are called
        "s1", "s2", …
    batch_effect
        Standard deviation of the efficiencies' natural logarithm; 0 for none.
    seed
        Seed.
    **options
        The arguments of :func:`tri_omics`, but for `shape` and `pattern`.

    Returns
    -------
    Section → MuData as of :func:`tri_omics`; spots are named "s1_spot_row_column".

    Raises
    ------
    ValueError
        If there is no section, `batch_effect` is negative, or an argument is not what
        :func:`tri_omics` takes.

    Examples
    --------
    >>> parts = sections([(12, 12), (6, 9)], n_genes=40, modalities=["rna"])
    >>> {name: part.shape for name, part in parts.items()}
    {'s1': (144, 40), 's2': (54, 40)}
    """
    import mudata

    if not isinstance(shapes, Mapping):
        shapes = {f"s{i}": shape for i, shape in enumerate(shapes, 1)}
    if not shapes:
        raise ValueError("shapes is empty: give rows and columns of one section at least.")
    if not 0 <= batch_effect < np.inf:
        raise ValueError(f"batch_effect must be finite and at least 0, not {batch_effect}")
    if given := sorted(_NOT_HERE & set(options)):
        raise ValueError(f"{', '.join(given)} cannot be chosen: shapes sets the sections' grids.")
    maps = {name: domain_map(shape) for name, shape in shapes.items()}
    # One below the other, so far apart that no border blurs into the next.
    gap = int(np.ceil(4 * options.get("border", 0.0)))
    width = max(grid.shape[1] for grid in maps.values()) + gap
    grids = [np.pad(g, ((0, gap), (0, width - g.shape[1]))) for g in maps.values()]
    whole = tri_omics(pattern=np.vstack(grids), seed=seed, **options)
    # A stream beside that of the counts.
    rng = np.random.default_rng([seed, 1])
    log_efficiency = {
        modality: rng.normal(scale=batch_effect, size=(len(maps), adata.n_vars))
        for modality, adata in whole.mod.items()
    }
    parts: dict[str, MuData] = {}
    top = 0
    for i, (name, grid) in enumerate(maps.items()):
        row, col = np.divmod(np.arange(grid.size), grid.shape[1])
        with mudata.set_options(pull_on_update=False):
            part = whole[(top + row) * width + col].copy()
            _rename(part, name, top)
        for modality, adata in part.mod.items():
            log = log_efficiency[modality]
            adata.X = _thinned(adata.X, np.exp(log[i] - log.max(axis=0)), rng)
        parts[name] = part
        top += grid.shape[0] + gap
    return parts


def _thinned(
    counts: sparse.csr_matrix, share: np.ndarray, rng: np.random.Generator
) -> sparse.csr_matrix:
    kept = counts.copy()
    kept.data = rng.binomial(kept.data.astype(np.int64), share[kept.indices]).astype(np.float32)
    kept.eliminate_zeros()
    return kept


def _rename(part: MuData, section: str, top: int) -> None:
    """Places, and names of spots, within the section."""
    spatial = part.obsm[SPATIAL] - [0, top]
    names = [f"{section}_spot_{int(row)}_{int(col)}" for col, row in spatial]
    holders: list[AnnData | MuData] = [*part.mod.values(), part]
    for holder in holders:
        holder.obs_names = names
        holder.obsm[SPATIAL] = spatial.copy()
