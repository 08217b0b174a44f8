"""From measurements of any kind to principal components."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import named, steps_among, whole_or_none
from smartcore.pp._join import Sections
from smartcore.pp._modality import Modality
from smartcore.pp._transforms import total_and_log

Step = Literal["total", "log1p", "scale"]

STEPS: tuple[Step, ...] = ("total", "log1p", "scale")
"""Steps of the normalisation, in their order."""


def features(
    adata: AnnData | Sections,
    *,
    steps: Sequence[Step] | Literal["none"] = ("scale",),
    layer: str | None = None,
    section_key: str | None = None,
    batch_key: str | None = None,
    align_sections: bool = True,
    n_comps: int | None = None,
    name: str = "features",
    key_added: str = _keys.PCA,
    in_tissue: bool = True,
    seed: int = 0,
    progress: bool = True,
    copy: bool = False,
) -> AnnData | Sections | None:
    """Principal components of measurements of any kind.

    For what :func:`rna`, :func:`protein` and :func:`chromatin` are not made for: metabolites,
    lipids, intensities of mass spectrometry, copy numbers, scores of pathways. The normalisation
    is what ``steps`` say; then each feature is centred, and PCA.

    Parameters
    ----------
    adata
        Spots × features, sparse or dense; all features are used. On disk or several sections,
        too, as for :func:`rna`; sections are matched by the names of their features.
    steps
        What is done before the PCA, in this order, whatever the order given:

        - ``"total"``: each spot's total over all features is brought to the median of the
          spots' totals. For mass spectrometry this is the total ion count (TIC).
        - ``"log1p"``: log(1 + x), for intensities, which span orders of magnitude.
        - ``"scale"``: each feature to variance 1, so that faint ones count as much as strong ones.

        ``()`` or ``"none"``: none of them. Raw intensities usually need all three; values that are
        normalised already, and those that may be negative, ``"scale"`` alone.
    layer
        Layer that holds the values; ``None``: ``X``.
    section_key, batch_key, align_sections
        As for :func:`rna`.
    n_comps
        Components; ``None``: as many as features, at most 30.
    name
        What to call the modality in the record of how the components were made.
    key_added, in_tissue, seed, progress, copy
        As for :func:`rna`.

    Returns
    -------
    ``None`` or the copy (list or dict as given), with ``obsm[key_added]`` (n_spots, n_comps)
    float32, ``varm["PCs"]`` and ``uns["pca"]``. Components are NaN, which
    :func:`smartcore.tl.smart` takes as not measured, for spots whose values are all NaN; and for
    spots whose values are all 0, unless there are negative values, among which 0 is one like
    others. Features that do not vary have loadings of 0, and a log message counts them.

    Raises
    ------
    ValueError
        If values are infinite; a measured spot has NaN; there are negative values, and ``steps``
        has "total" or "log1p"; no feature varies; or a step is not known.
    KeyError
        If there is no such layer or column.

    Examples
    --------
    >>> import numpy as np
    >>> import smartcore as sm
    >>> adata = sm.datasets.tri_omics((12, 12)).mod["protein"]
    >>> adata.X = adata.X.toarray() * 1000.0
    >>> sm.pp.features(adata, steps=["total", "log1p", "scale"], n_comps=10)
    >>> adata.obsm["X_pca"].shape
    (144, 10)
    """
    taken = steps_among(STEPS, steps)
    modality = Modality(
        named(name),
        None,
        "feature",
        adata,
        by="name",
        layer=layer,
        section_key=section_key,
        batch_key=batch_key,
        align_sections=align_sections,
        n_comps=whole_or_none("n_comps", n_comps),
        key_added=key_added,
        controls=True,
        check_counts=False,
        in_tissue=in_tissue,
        seed=seed,
        progress=progress,
        copy=copy,
    )
    for_positive = [step for step in ("total", "log1p") if step in taken]
    values = modality.values(
        refuse_negative=(
            f"for which {' and '.join(for_positive)} among the steps are not made: leave "
            f"{'it' if len(for_positive) == 1 else 'them'} out"
            if for_positive
            else None
        ),
        zeros_are_values=False,
    )
    total = float(np.median(values.totals)) if "total" in taken else None
    n_features = values.blocks.shape[1]
    x = values.blocks
    if for_positive:
        x = x.map(partial(total_and_log, total, "log1p" in taken), n_features)
    return modality.write_components(
        x,
        np.arange(n_features),
        scale="scale" in taken,
        empty=np.zeros(modality.n_spots, bool),
        settings={"steps": np.array(taken, object), **({} if total is None else {"total": total})},
        tell_constant=True,
    )
