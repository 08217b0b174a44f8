"""From the counts of a modality to its principal components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.pp._counts import get_counts
from smartcore.pp._hvg import highly_variable
from smartcore.pp._pca import Components, principal_components
from smartcore.pp._sparse import column_sums, row_sums, scale_columns, scale_rows


def rna(
    adata: AnnData,
    *,
    layer: str | None = None,
    n_top_genes: int | None = 3000,
    min_spots: int = 10,
    n_comps: int = 30,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Principal components of RNA counts.

    Genes counted in ``min_spots`` spots or more; the ``n_top_genes`` most variable of them
    (Seurat 3's way, on counts); each spot's total over all genes kept brought to ``target_sum``;
    log(1 + x); each gene scaled to variance 1; PCA (Du et al. 2026, Methods, "Preprocessing").
    ``X`` and layers stay as they are.

    Parameters
    ----------
    adata
        Spots × genes, raw counts, sparse or dense.
    layer
        Layer that holds the counts; ``None``: ``X``.
    n_top_genes
        Highly variable genes; ``None`` for all genes.
    min_spots
        Spots in which a gene must be counted.
    n_comps
        Components; fewer, with a warning, where there are not so many.
    target_sum
        Total that each spot is brought to.
    key_added
        Key in ``obsm``.
    check_counts
        Refuse values that are no whole numbers; negative ones always are.
    seed
        Start of the iteration; any seed gives the same components within rounding.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None`` or the copy, with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``,
    ``var["highly_variable"]`` and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, or no gene is left.
    KeyError
        If there is no such layer.

    Examples
    --------
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["rna"]
    >>> sm.pp.rna(adata, n_comps=10)
    >>> adata.obsm["X_pca"].shape
    (144, 10)
    """
    n_comps, seed = _whole("n_comps", n_comps), _whole("seed", seed, 0)
    min_spots, target_sum = _whole("min_spots", min_spots, 0), _positive("target_sum", target_sum)
    if n_top_genes is not None:
        n_top_genes = _whole("n_top_genes", n_top_genes)
    counts = get_counts(adata, layer=layer, what="gene", min_spots=min_spots, check=check_counts)
    top = (
        counts.features
        if n_top_genes is None
        else highly_variable(counts.matrix, counts.features, n_top_genes)
    )
    x, columns = counts.take(top)
    scale_rows(x, _to_total(counts.totals, target_sum))
    np.log1p(x.data, out=x.data)
    components = principal_components(x, n_comps, scale=True, what="gene", seed=seed)
    settings = {"n_top_genes": len(top), "min_spots": min_spots, "target_sum": target_sum}
    return _write(
        adata, components, columns, key_added, copy, "rna", layer, settings, highly_variable=top
    )


def protein(
    adata: AnnData,
    *,
    layer: str | None = None,
    clr: Literal["protein", "spot"] = "protein",
    n_comps: int | None = None,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Principal components of protein counts.

    Centred log-ratio, log(1 + x / exp(mean(log(1 + x)))); each protein scaled to variance 1;
    PCA (Du et al. 2026, Methods, "Preprocessing").

    Parameters
    ----------
    adata
        Spots × proteins, raw counts, sparse or dense.
    layer
        Layer that holds the counts; ``None``: ``X``.
    clr
        Mean over the spots of a ``"protein"`` (as the paper) or over the proteins of a
        ``"spot"`` (which also evens out the depth of the spots).
    n_comps
        Components; ``None``: as many as proteins, at most 30.
    key_added, check_counts, seed, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy, with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``
    and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, no protein is left, or ``clr`` is not known.
    KeyError
        If there is no such layer.

    References
    ----------
    Stoeckius et al., Nat Methods 14, 865 (2017), in the form of Seurat's ``CLR`` and of muon.

    Examples
    --------
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["protein"]
    >>> sm.pp.protein(adata)
    >>> adata.obsm["X_pca"].shape
    (144, 30)
    """
    if clr not in ("protein", "spot"):
        raise ValueError(f"clr={clr!r} is not known; use 'protein' or 'spot'.")
    seed = _whole("seed", seed, 0)
    if n_comps is not None:
        n_comps = _whole("n_comps", n_comps)
    counts = get_counts(adata, layer=layer, what="protein", min_spots=1, check=check_counts)
    x, columns = counts.take(counts.features)
    log = sp.csr_matrix((np.log1p(x.data), x.indices, x.indptr), shape=x.shape)
    if clr == "protein":
        scale_columns(x, np.exp(-column_sums(log) / x.shape[0]))
    else:
        scale_rows(x, np.exp(-row_sums(log) / len(counts.features)))
    np.log1p(x.data, out=x.data)
    components = principal_components(x, n_comps, scale=True, what="protein", seed=seed)
    return _write(adata, components, columns, key_added, copy, "protein", layer, {"clr": clr})


def chromatin(
    adata: AnnData,
    *,
    layer: str | None = None,
    min_spots: int = 10,
    n_comps: int = 30,
    scale_factor: float = 1e4,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Principal components of chromatin counts: ATAC or histone marks, in peaks or bins.

    TF-IDF, log(1 + scale_factor · count / spot's total) · log(1 + n_spots / peak's total); each
    spot's total brought to ``target_sum``; log(1 + x); PCA without scaling (Du et al. 2026,
    Methods, "Preprocessing").

    Parameters
    ----------
    adata
        Spots × peaks, raw counts, sparse or dense.
    layer
        Layer that holds the counts; ``None``: ``X``.
    min_spots
        Spots in which a peak must be counted.
    n_comps
        Components; fewer, with a warning, where there are not so many.
    scale_factor
        Of the term frequency.
    target_sum
        Total that each spot is brought to after TF-IDF.
    key_added, check_counts, seed, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy, with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``
    and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, or no peak is left.
    KeyError
        If there is no such layer.

    References
    ----------
    Stuart et al., Nat Methods 18, 1333 (2021), for TF-IDF; the same as muon's.

    Examples
    --------
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["chromatin"]
    >>> sm.pp.chromatin(adata, n_comps=10)
    >>> adata.obsm["X_pca"].shape
    (144, 10)
    """
    n_comps, seed = _whole("n_comps", n_comps), _whole("seed", seed, 0)
    min_spots, target_sum = _whole("min_spots", min_spots, 0), _positive("target_sum", target_sum)
    scale_factor = _positive("scale_factor", scale_factor)
    counts = get_counts(adata, layer=layer, what="peak", min_spots=min_spots, check=check_counts)
    x, columns = counts.take(counts.features)
    peak_totals = column_sums(x)
    idf = np.log1p(
        np.divide(x.shape[0], peak_totals, out=np.zeros(x.shape[1]), where=peak_totals > 0)
    )
    scale_rows(x, _to_total(counts.totals, scale_factor))
    np.log1p(x.data, out=x.data)
    scale_columns(x, idf)
    scale_rows(x, _to_total(row_sums(x), target_sum))
    np.log1p(x.data, out=x.data)
    components = principal_components(x, n_comps, scale=False, what="peak", seed=seed)
    settings = {"min_spots": min_spots, "scale_factor": scale_factor, "target_sum": target_sum}
    return _write(adata, components, columns, key_added, copy, "chromatin", layer, settings)


def _whole(name: str, value: object, least: int = 1) -> int:
    # 30.0 is what R's 30 becomes.
    if not _is_number(value) or value < least or value != int(value):
        raise ValueError(f"{name}={value!r} must be a whole number from {least} up.")
    return int(value)


def _positive(name: str, value: object) -> float:
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name}={value!r} must be a positive number.")
    return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def _to_total(totals: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """Factor for each spot that brings its total to ``target``; 0 for an empty one."""
    return np.divide(target, totals, out=np.zeros_like(totals), where=totals > 0)


def _write(
    adata: AnnData,
    components: Components,
    columns: NDArray[np.intp],
    key: str,
    copy: bool,
    modality: str,
    layer: str | None,
    settings: Mapping[str, Any],
    highly_variable: NDArray[np.intp] | None = None,
) -> AnnData | None:
    if not isinstance(key, str):
        raise TypeError(f"key_added={key!r} must be a string, such as 'X_pca'.")
    out = adata
    if copy:
        out = adata.to_memory() if adata.isbacked else adata.copy()
    loadings = np.zeros((adata.n_vars, components.loadings.shape[1]), np.float32)
    loadings[columns] = components.loadings
    if highly_variable is not None:
        chosen = np.zeros(adata.n_vars, bool)
        chosen[highly_variable] = True
        out.var["highly_variable"] = chosen
    out.obsm[key] = components.scores
    out.varm["PCs"] = loadings
    out.uns["pca"] = {
        "params": {"modality": modality, "layer": layer or "X", **settings},
        "variance": components.variance,
        "variance_ratio": components.variance_ratio,
    }
    return out if copy else None
