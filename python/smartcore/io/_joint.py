"""One modality of a MuData by itself, with what is kept for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anndata import AnnData

if TYPE_CHECKING:
    from mudata import MuData


def as_anndata(mdata: MuData, modality: str) -> AnnData:
    """One modality as AnnData, with what is kept for all: domains, embedding, places, colours.

    For tools that take no MuData, and for ``.h5ad`` files.

    Parameters
    ----------
    mdata
        As :func:`read_rds`, :func:`read_mudata` or :func:`smartcore.tl.smart` return it. It stays
        as it is.
    modality
        Its name.

    Returns
    -------
    AnnData
        A copy, with the spots of the modality. What ``mdata`` has in ``obs``, ``obsm``, ``obsp``
        and ``uns`` takes the place of what the modality has under the same name.

    Raises
    ------
    ValueError
        If there is no such modality.

    Examples
    --------
    >>> import smartcore as sm
    >>> mdata = sm.datasets.tri_omics((6, 6), n_genes=20, n_proteins=8, n_peaks=20)
    >>> adata = sm.io.as_anndata(mdata, "protein")
    >>> adata.shape, "domain" in adata.obs
    ((36, 8), True)
    """
    if modality not in mdata.mod:
        raise ValueError(f"There is no modality {modality!r}; there are {list(mdata.mod)}.")
    adata = mdata[modality].copy()
    rows = mdata.obs_names.get_indexer(adata.obs_names)
    of_modalities = tuple(f"{name}:" for name in mdata.mod)
    joint = mdata.obs.iloc[rows]
    for name in joint:
        if not str(name).startswith(of_modalities):
            adata.obs[name] = joint[name].array
    for key, x in mdata.obsm.items():
        # Under a modality's name MuData keeps which spots it has.
        if key not in mdata.mod:
            adata.obsm[key] = _rows(x, rows)
    for key, x in mdata.obsp.items():
        if key not in mdata.mod:
            adata.obsp[key] = _rows(x, rows)[:, rows]
    adata.uns.update(mdata.uns)
    return adata


def _rows(x: Any, rows: Any) -> Any:
    return x.iloc[rows] if hasattr(x, "iloc") else x[rows]
