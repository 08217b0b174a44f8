"""From the counts of a modality to its principal components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import positive, whole
from smartcore.pp._counts import get_counts, warn_of_empty
from smartcore.pp._hvg import highly_variable
from smartcore.pp._join import Sections
from smartcore.pp._jointly import jointly, section_codes
from smartcore.pp._pca import principal_components
from smartcore.pp._transforms import log_normalized, log_ratios, log_sums, tf_idf
from smartcore.pp._write import write


def rna(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    section_key: str | None = None,
    n_top_genes: int | None = 3000,
    min_spots: int = 10,
    n_comps: int = 30,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Principal components of RNA counts.

    Genes counted in ``min_spots`` spots or more; the ``n_top_genes`` most variable of them
    (Seurat 3's way, on counts); each spot's total over all genes kept brought to ``target_sum``;
    log(1 + x); each gene scaled to variance 1; PCA (Du et al. 2026, Methods, "Preprocessing").
    ``X`` and layers stay as they are.

    Parameters
    ----------
    adata
        Spots × genes, raw counts, sparse or dense; in memory or on disk (a backed AnnData, or
        dask arrays as :func:`smartcore.io.read_lazily` makes them), which are read in blocks of
        spots. Several sections, as a list or dict of AnnData, are preprocessed as one over the genes they share
        (:func:`smartcore.pp.join_sections`); each gets its spots' components.
    layer
        Layer that holds the counts; ``None``: ``X``.
    section_key
        Column of ``obs`` with the section of each spot: highly variable genes are then chosen
        over sections, for variation within them, not between. A list has its sections.
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
    progress
        Draw a progress bar for each pass over counts that are on disk.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``,
    ``var["highly_variable"]`` and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, no gene is left, or sections share too few.
    KeyError
        If there is no such layer or column.
    ImportError
        If the counts are on disk and dask is not there.

    Examples
    --------
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["rna"]
    >>> sm.pp.rna(adata, n_comps=10)
    >>> adata.obsm["X_pca"].shape
    (144, 10)
    """
    if isinstance(adata, Mapping | Sequence):
        return jointly(
            rna,
            adata,
            by="name",
            layer=layer,
            key=key_added,
            copy=copy,
            section_key=_keys.SECTION,
            n_top_genes=n_top_genes,
            min_spots=min_spots,
            n_comps=n_comps,
            target_sum=target_sum,
            check_counts=check_counts,
            seed=seed,
            progress=progress,
        )
    n_comps, seed = whole("n_comps", n_comps), whole("seed", seed, 0)
    min_spots, target_sum = whole("min_spots", min_spots, 0), positive("target_sum", target_sum)
    if n_top_genes is not None:
        n_top_genes = whole("n_top_genes", n_top_genes)
    codes = None if n_top_genes is None else section_codes(adata, section_key)
    counts = get_counts(
        adata,
        layer=layer,
        what="gene",
        min_spots=min_spots,
        check=check_counts,
        progress=progress,
        codes=codes,
    )
    top, n_empty = highly_variable(counts, n_top_genes or len(counts.features))
    warn_of_empty(n_empty, adata.n_obs, "gene")
    take, columns = counts.take(top)
    x = counts.blocks.map(partial(log_normalized, take, counts.use, target_sum), len(columns))
    components = principal_components(x, n_comps, scale=True, what="gene", seed=seed)
    settings = {"n_top_genes": len(top), "min_spots": min_spots, "target_sum": target_sum}
    return write(
        adata, components, columns, key_added, copy, "rna", layer, settings, highly_variable=top
    )


def protein(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    clr: Literal["protein", "spot"] = "protein",
    n_comps: int | None = None,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Principal components of protein counts.

    Centred log-ratio, log(1 + x / exp(mean(log(1 + x)))); each protein scaled to variance 1;
    PCA (Du et al. 2026, Methods, "Preprocessing").

    Parameters
    ----------
    adata
        Spots × proteins, raw counts, on disk or several sections, too, as for :func:`rna`.
    layer
        Layer that holds the counts; ``None``: ``X``.
    clr
        Mean over the spots of a ``"protein"`` (as the paper) or over the proteins of a
        ``"spot"`` (which also evens out the depth of the spots).
    n_comps
        Components; ``None``: as many as proteins, at most 30.
    key_added, check_counts, seed, progress, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``
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
    if isinstance(adata, Mapping | Sequence):
        return jointly(
            protein,
            adata,
            by="name",
            layer=layer,
            key=key_added,
            copy=copy,
            clr=clr,
            n_comps=n_comps,
            check_counts=check_counts,
            seed=seed,
            progress=progress,
        )
    seed = whole("seed", seed, 0)
    if n_comps is not None:
        n_comps = whole("n_comps", n_comps)
    counts = get_counts(
        adata, layer=layer, what="protein", min_spots=1, check=check_counts, progress=progress
    )
    n_empty, (log_total, _) = counts.sums(log_sums)
    warn_of_empty(n_empty, adata.n_obs, "protein")
    take, columns = counts.take(counts.features)
    mean = log_total[columns] / adata.n_obs if clr == "protein" else None
    x = counts.blocks.map(partial(log_ratios, take, mean, len(counts.features)), len(columns))
    components = principal_components(x, n_comps, scale=True, what="protein", seed=seed)
    return write(adata, components, columns, key_added, copy, "protein", layer, {"clr": clr})


def chromatin(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    min_spots: int = 10,
    n_comps: int = 30,
    scale_factor: float = 1e4,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Principal components of chromatin counts: ATAC or histone marks, in peaks or bins.

    TF-IDF, log(1 + scale_factor · count / spot's total) · log(1 + n_spots / peak's total); each
    spot's total brought to ``target_sum``; log(1 + x); PCA without scaling (Du et al. 2026,
    Methods, "Preprocessing").

    Parameters
    ----------
    adata
        Spots × peaks, raw counts, on disk or several sections, too, as for :func:`rna`,
        whose peaks are matched by genomic overlap.
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
    key_added, check_counts, seed, progress, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps) float32, ``varm["PCs"]``
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
    if isinstance(adata, Mapping | Sequence):
        return jointly(
            chromatin,
            adata,
            by="overlap",
            layer=layer,
            key=key_added,
            copy=copy,
            min_spots=min_spots,
            n_comps=n_comps,
            scale_factor=scale_factor,
            target_sum=target_sum,
            check_counts=check_counts,
            seed=seed,
            progress=progress,
        )
    n_comps, seed = whole("n_comps", n_comps), whole("seed", seed, 0)
    min_spots, target_sum = whole("min_spots", min_spots, 0), positive("target_sum", target_sum)
    scale_factor = positive("scale_factor", scale_factor)
    counts = get_counts(
        adata,
        layer=layer,
        what="peak",
        min_spots=min_spots,
        check=check_counts,
        progress=progress,
    )
    warn_of_empty(counts.sums()[0], adata.n_obs, "peak")
    take, columns = counts.take(counts.features)
    peak_totals = counts.moments.total[0, columns]
    idf = np.log1p(
        np.divide(adata.n_obs, peak_totals, out=np.zeros(len(columns)), where=peak_totals > 0)
    )
    x = counts.blocks.map(partial(tf_idf, take, idf, scale_factor, target_sum), len(columns))
    components = principal_components(x, n_comps, scale=False, what="peak", seed=seed)
    settings = {"min_spots": min_spots, "scale_factor": scale_factor, "target_sum": target_sum}
    return write(adata, components, columns, key_added, copy, "chromatin", layer, settings)
