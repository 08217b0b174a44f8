"""From counts of RNA to principal components."""

from __future__ import annotations

from functools import partial

from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import positive, whole, whole_or_none
from smartcore.pp._hvg import highly_variable
from smartcore.pp._join import Sections
from smartcore.pp._modality import Modality
from smartcore.pp._transforms import log_normalized


def rna(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    section_key: str | None = None,
    batch_key: str | None = None,
    align_sections: bool = True,
    n_top_genes: int | None = 3000,
    min_spots: int = 10,
    n_comps: int = 30,
    target_sum: float = 1e4,
    key_added: str = _keys.PCA,
    controls: bool = False,
    check_counts: bool = True,
    in_tissue: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Principal components of RNA counts.

    Genes counted in ``min_spots`` spots or more; the ``n_top_genes`` most variable of them
    (Seurat 3's way, on counts); each spot's total over all genes kept brought to ``target_sum``;
    log(1 + x); each gene scaled to variance 1; PCA (Du et al. 2026, Methods, "Preprocessing").
    ``X`` and layers stay as they are. In several sections each gene is centred and scaled within
    its section or batch (``align_sections``).

    Parameters
    ----------
    adata
        Spots × genes, raw counts, sparse or dense; of several types of features, which
        ``var["feature_types"]`` tells apart, the genes are used. In memory or on disk (a backed AnnData, or
        dask arrays as :func:`smartcore.io.read_lazily` makes them), which are read in blocks of
        spots. Several sections, as a list or dict of AnnData, are preprocessed as one over the
        genes they share (:func:`smartcore.pp.join_sections`); each gets its spots' components.
    layer
        Layer that holds the counts; ``None``: ``X``.
    section_key
        Column of ``obs`` with the section of each spot: highly variable genes are then chosen
        over sections, for variation within them, not between. A list has its sections.
    batch_key
        Column of ``obs`` with the batch of each spot, such as its slide, run or donor, if that is
        not its section; of a list each object has it. Genes are then centred and scaled within
        batches; highly variable ones are chosen over sections all the same.
    align_sections
        Bring each gene to one mean and variance in all sections, or in all batches where there is
        a ``batch_key``, so that what a batch catches more of, or less, does not tell them apart
        (the location and scale of Johnson et al., Biostatistics 8, 118 (2007)). Those of few spots
        are moved less, and values at most doubled or halved. False, over all spots together as in
        the paper: where sections have hardly a kind of spots in common.
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
    controls
        Use control probes, too, which are recognised by their names (such as "NegControlProbe_1" or
        "BLANK_0012") and otherwise left out; a log message counts them.
    check_counts
        Refuse values that are no whole numbers; negative ones always are.
    in_tissue
        Leave out spots that ``obs["in_tissue"]`` marks by 0; their components are NaN.
    seed
        Start of the iteration; any seed gives the same components within rounding.
    progress
        Draw a progress bar for each pass over counts that are on disk.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps)
    float32, ``varm["PCs"]``, ``var["highly_variable"]`` and ``uns["pca"]``. Spots without a count
    have components of NaN: :func:`smartcore.tl.smart` takes them as not measured.

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
    min_spots, target_sum = whole("min_spots", min_spots, 0), positive("target_sum", target_sum)
    n_top_genes = whole_or_none("n_top_genes", n_top_genes)
    modality = Modality(
        "rna",
        "rna",
        "gene",
        adata,
        by="name",
        layer=layer,
        section_key=section_key,
        batch_key=batch_key,
        align_sections=align_sections,
        n_comps=whole("n_comps", n_comps),
        key_added=key_added,
        controls=controls,
        check_counts=check_counts,
        in_tissue=in_tissue,
        seed=seed,
        progress=progress,
        copy=copy,
    )
    counts = modality.counts(min_spots, moments_by_section=True)
    top, empty = highly_variable(counts, n_top_genes or len(counts.features))
    take, columns = counts.take(top)
    x = counts.blocks.map(partial(log_normalized, take, counts.use, target_sum), len(columns))
    return modality.write_components(
        x,
        columns,
        scale=True,
        empty=empty,
        settings={"n_top_genes": len(top), "min_spots": min_spots, "target_sum": target_sum},
        highly_variable=top,
    )
