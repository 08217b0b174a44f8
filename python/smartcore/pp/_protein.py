"""From counts of proteins to principal components."""

from __future__ import annotations

from functools import partial
from typing import Literal

from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import whole_or_none
from smartcore.pp._join import Sections
from smartcore.pp._modality import Modality
from smartcore.pp._transforms import log_ratios, log_sums


def protein(
    adata: AnnData | Sections,
    *,
    layer: str | None = None,
    section_key: str | None = None,
    batch_key: str | None = None,
    align_sections: bool = True,
    clr: Literal["protein", "spot"] = "protein",
    n_comps: int | None = None,
    key_added: str = _keys.PCA,
    controls: bool = False,
    check_counts: bool = True,
    in_tissue: bool = True,
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
    section_key
        Column of ``obs`` with the section of each spot. A list has its sections.
    batch_key, align_sections
        As for :func:`rna`.
    clr
        Mean over the spots of a ``"protein"`` (as the paper) or over the proteins of a
        ``"spot"`` (which also evens out the depth of the spots).
    n_comps
        Components; ``None``: as many as proteins, at most 30.
    controls
        Use isotype controls, too, which are recognised by their names (such as "IgG1_isotype_ctrl")
        and otherwise left out; a log message counts them.
    key_added, check_counts, in_tissue, seed, progress, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps)
    float32, ``varm["PCs"]`` and ``uns["pca"]``.

    Raises
    ------
    ValueError
        If the values cannot be counts, no protein is left, or ``clr`` is not known.
    KeyError
        If there is no such layer or column.

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
    modality = Modality(
        "protein",
        "protein",
        "protein",
        adata,
        by="name",
        layer=layer,
        section_key=section_key,
        batch_key=batch_key,
        align_sections=align_sections,
        n_comps=whole_or_none("n_comps", n_comps),
        key_added=key_added,
        controls=controls,
        check_counts=check_counts,
        in_tissue=in_tissue,
        seed=seed,
        progress=progress,
        copy=copy,
    )
    counts = modality.counts(min_spots=1)
    empty, (log_total, _) = counts.sums(log_sums)
    take, columns = counts.take(counts.features)
    mean = log_total[0, columns] / modality.n_spots if clr == "protein" else None
    x = counts.blocks.map(partial(log_ratios, take, mean, len(counts.features)), len(columns))
    return modality.write_components(x, columns, scale=True, empty=empty, settings={"clr": clr})
