"""From counts of chromatin to principal components."""

from __future__ import annotations

from functools import partial

import numpy as np
from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import positive, whole
from smartcore.pp._join import Sections
from smartcore.pp._modality import Modality
from smartcore.pp._transforms import tf_idf


def chromatin(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    section_key: str | None = None,
    batch_key: str | None = None,
    align_sections: bool = True,
    min_spots: int = 10,
    n_comps: int = 30,
    scale_factor: float = 1e4,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    check_counts: bool = True,
    in_tissue: bool = True,
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
    section_key
        Column of ``obs`` with the section of each spot. A list has its sections.
    batch_key, align_sections
        Bring each peak to one mean in all sections, or batches; see :func:`rna`.
    min_spots
        Spots in which a peak must be counted.
    n_comps
        Components; fewer, with a warning, where there are not so many.
    scale_factor
        Of the term frequency.
    target_sum
        Total that each spot is brought to after TF-IDF.
    key_added, check_counts, in_tissue, seed, progress, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps)
    float32, ``varm["PCs"]`` and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, or no peak is left.
    KeyError
        If there is no such layer or column.

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
    min_spots, target_sum = whole("min_spots", min_spots, 0), positive("target_sum", target_sum)
    scale_factor = positive("scale_factor", scale_factor)
    modality = Modality(
        "chromatin",
        "chromatin",
        "peak",
        adata,
        by="overlap",
        layer=layer,
        section_key=section_key,
        batch_key=batch_key,
        align_sections=align_sections,
        n_comps=whole("n_comps", n_comps),
        key_added=key_added,
        controls=True,
        check_counts=check_counts,
        in_tissue=in_tissue,
        seed=seed,
        progress=progress,
        copy=copy,
    )
    counts = modality.counts(min_spots)
    empty, _ = counts.sums()
    take, columns = counts.take(counts.features)
    n_spots, peak_totals = modality.n_spots, counts.moments.total[0, columns]
    idf = np.log1p(
        np.divide(n_spots, peak_totals, out=np.zeros(len(columns)), where=peak_totals > 0)
    )
    x = counts.blocks.map(partial(tf_idf, take, idf, scale_factor, target_sum), len(columns))
    return modality.write_components(
        x,
        columns,
        scale=False,
        empty=empty,
        settings={
            "min_spots": min_spots,
            "scale_factor": scale_factor,
            "target_sum": target_sum,
        },
    )
