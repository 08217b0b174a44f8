"""Spots that lie beside the tissue, as Space Ranger marks them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COLUMN = "in_tissue"
"""Column of ``obs``: 1 for spots in the tissue, 0 for others."""

_OUTSIDE = {"0", "0.0", "false"}
_INSIDE = {"1", "1.0", "true"}


def tissue_spots(obs: pd.DataFrame) -> NDArray[np.bool_] | None:
    """Which spots lie in the tissue; ``None`` if all do, or nothing is said of it.

    Raises
    ------
    ValueError
        If the column holds other values than 0 and 1, or marks all spots as outside.
    """
    if COLUMN not in obs:
        return None
    texts = obs[COLUMN].astype(object).where(obs[COLUMN].notna(), 1).astype(str).str.lower()
    if odd := sorted(set(texts) - _OUTSIDE - _INSIDE):
        raise ValueError(
            f"obs[{COLUMN!r}] must hold 1 for spots in the tissue and 0 for others, not "
            f"{odd[0]!r}. in_tissue=False uses all spots."
        )
    inside = texts.isin(_INSIDE).to_numpy(bool)
    if not inside.any():
        raise ValueError(
            f"obs[{COLUMN!r}] marks all {len(inside)} spots as outside the tissue. "
            "in_tissue=False uses them all."
        )
    return None if inside.all() else inside
