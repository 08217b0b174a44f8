"""Several sections that are worked on as one object."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray


def share_out(
    joined: AnnData, sections: Mapping[str, AnnData], key: str, copy: bool
) -> dict[str, AnnData]:
    """Write to each section its spots' part of the components of all, and their record.

    Parameters
    ----------
    joined
        What :func:`smartcore.pp.join_sections` made of the sections, with components.
    sections
        The sections, by name.
    key
        Key in ``obsm`` of the components.
    copy
        Change copies instead of the sections.

    Returns
    -------
    The sections, or their copies, by name.
    """
    parts = dict(sections)
    if copy:
        parts = {
            name: part.to_memory() if part.isbacked else part.copy() for name, part in parts.items()
        }
    ends = np.cumsum([part.n_obs for part in parts.values()])[:-1]
    scores = np.split(joined.obsm[key], ends)
    record = joined.uns["pca"]
    for part, own in zip(parts.values(), scores, strict=True):
        part.obsm[key] = own
        # Features of a section are columns of the joined by name; merged peaks are not.
        columns = joined.var_names.get_indexer(part.var_names)
        loadings = joined.varm["PCs"][columns]
        loadings[columns < 0] = 0
        part.varm["PCs"] = loadings
        if "highly_variable" in joined.var:
            part.var["highly_variable"] = joined.var["highly_variable"].to_numpy()[columns] & (
                columns >= 0
            )
        part.uns["pca"] = {**record, "params": {**record["params"]}}
    return parts


def column_codes(adata: AnnData, key: str | None, what: str) -> NDArray[np.intp] | None:
    """Value of ``obs[key]`` of each spot, as a number from 0 up; ``None`` without a key.

    Parameters
    ----------
    what
        What the values are, in messages: "sections" or "batches".

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If a spot has no value.
    """
    if key is None:
        return None
    if key not in adata.obs:
        raise KeyError(f"No obs[{key!r}] for the {what}; obs has {sorted(adata.obs)}.")
    codes = pd.factorize(adata.obs[key], sort=True)[0]
    if (missing := codes < 0).any():
        raise ValueError(
            f"obs[{key!r}] is missing for {missing.sum()} of {len(codes)} spots (first: "
            f"{adata.obs_names[missing][0]!r})."
        )
    return codes.astype(np.intp)
