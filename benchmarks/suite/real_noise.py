"""Real cells of two modalities, laid on the layers of a real section: real count noise."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from anndata import AnnData, read_h5ad

import smartcore as sm

from .real_tissue import read_section


class Draw(NamedTuple):
    """Which cells, how many a spot, which share of the domain's main type, and the seed."""

    cells: str
    cells_per_spot: int
    main_share: float
    seed: int


REAL_NOISE = {
    f"{cells}_{n}_{seed}": Draw(cells, n, share, seed)
    for cells in ("snareseq", "cbmc")
    for n, share in ((1, 0.7), (5, 0.5))
    for seed in range(3)
}
"""Name of a set → how it is drawn."""

_LAYOUT, _DOMAINS = "starmap_visual_cortex", "Layer"
# Cells → modality → its file; and the column of types, with the one that is none.
_FILES = {
    "snareseq": {"rna": "snareseq_cortex_rna", "chromatin": "snareseq_cortex_chromatin"},
    "cbmc": {"rna": "cbmc_rna", "protein": "cbmc_protein"},
}
_TYPES = {"snareseq": ("cluster (remapped)", "Mis"), "cbmc": ("label", None)}


def real_noise(name: str, data: Path) -> dict[str, AnnData]:
    """Modality → counts of a set, with the domain and the place of each spot."""
    draw = REAL_NOISE[name]
    layout = read_section(_LAYOUT, data)
    section = sm.datasets.cells_on_layout(
        _cells(draw.cells, data),
        _TYPES[draw.cells][0],
        layout,
        _DOMAINS,
        main_share=draw.main_share,
        cells_per_spot=draw.cells_per_spot,
        seed=draw.seed,
    )
    return dict(section.mod)


def _cells(cells: str, data: Path) -> dict[str, AnnData]:
    """Modality → cells; those of no type have none."""
    column, none = _TYPES[cells]
    parts = {m: read_h5ad(data / "paired_cells" / f"{f}.h5ad") for m, f in _FILES[cells].items()}
    for adata in parts.values():
        types = adata.obs[column].astype(object)
        adata.obs[column] = types.where(types != none, None)
    return parts
