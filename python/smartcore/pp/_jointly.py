"""One step of preprocessing on several sections together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.pp._join import Sections, join_sections, named_sections


def jointly(
    step: Callable[..., object],
    sections: Sections,
    *,
    by: Literal["name", "overlap"],
    layer: str | None,
    key: str,
    copy: bool,
    **settings: Any,
) -> Sections | None:
    """Run ``step`` on the joined sections and give each section its spots' part of the result.

    Parameters
    ----------
    step
        :func:`smartcore.pp.rna` or one of its kin.
    by, layer
        As for :func:`smartcore.pp.join_sections`.
    key
        Key in ``obsm`` of the components.
    settings
        Other arguments of ``step``.

    Returns
    -------
    ``None``, or copies of the sections in the form given.
    """
    parts = named_sections(sections)
    joined = join_sections(parts, by=by, layer=layer)
    step(joined, key_added=key, section_key=_keys.SECTION, **settings)
    if copy:
        parts = {
            name: part.to_memory() if part.isbacked else part.copy() for name, part in parts.items()
        }
    ends = np.cumsum([part.n_obs for part in parts.values()])[:-1]
    scores = np.split(joined.obsm[key], ends)
    record = {**joined.uns["pca"]}
    record["params"] = {
        **record["params"],
        "layer": layer or "X",
        "sections": np.array(list(parts)),
    }
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
    if not copy:
        return None
    return parts if isinstance(sections, Mapping) else list(parts.values())


def section_codes(adata: AnnData, key: str | None) -> NDArray[np.intp] | None:
    """Section of each spot, as a number from 0 up, or ``None`` for one section.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If a spot has no section.
    """
    if key is None:
        return None
    if key not in adata.obs:
        raise KeyError(f"No obs[{key!r}] for the sections; obs has {sorted(adata.obs)}.")
    codes = pd.factorize(adata.obs[key], sort=True)[0]
    if (codes < 0).any():
        raise ValueError(f"obs[{key!r}] is missing for {(codes < 0).sum()} of {len(codes)} spots.")
    return codes.astype(np.intp)


def section_settings(key: str | None, aligned: bool) -> dict[str, object]:
    """What the record of components says of the sections, if there are such."""
    return {} if key is None else {"section_key": key, "align_sections": aligned}
