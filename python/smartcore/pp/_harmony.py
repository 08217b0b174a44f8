"""Harmony on AnnData."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from smartcore import _keys
from smartcore.pp._checks import whole
from smartcore.pp._jointly import column_codes
from smartcore.sections.harmony import harmony as corrected


def harmony(
    adata: AnnData,
    section_key: str = _keys.SECTION,
    *,
    batch_key: str | None = None,
    use_rep: str = _keys.PCA,
    key_added: str = _keys.HARMONY,
    theta: float = 2.0,
    sigma: float = 0.1,
    max_rounds: int = 20,
    seed: int = 0,
    copy: bool = False,
) -> AnnData | None:
    """Take batch effects between sections, or batches, out of the components of one modality.

    :func:`smartcore.tl.smart` does so by itself (``harmony_theta``, ``harmony_sigma``,
    ``harmony_rounds``): this is for looking at the components, or for use without SMART.

    Parameters
    ----------
    adata
        All sections, with their common components in ``obsm``.
    section_key
        Column of ``obs`` with the section of each spot; not needed with ``batch_key``.
    batch_key
        Column of ``obs`` with the batch of each spot, if that is not its section.
    use_rep, key_added
        Keys in ``obsm``: what is corrected, and where the result goes.
    theta, sigma, max_rounds, seed
        As for :func:`smartcore.sections.harmony.harmony`.
    copy
        Return a changed copy instead of changing ``adata``.

    Returns
    -------
    ``None`` or the copy, with ``obsm[key_added]``, shape (n_spots, d).

    Raises
    ------
    KeyError
        If a key is not there.
    ValueError
        If components are not finite, a spot has no section or batch, or a number is out of range.
    """
    if use_rep not in adata.obsm:
        raise KeyError(f"No obsm[{use_rep!r}]; obsm has {sorted(adata.obsm) or 'nothing'}.")
    if not 0 <= theta < np.inf:
        raise ValueError(f"theta={theta!r} must be a number from 0 up.")
    if not 0 < sigma < np.inf:
        raise ValueError(f"sigma={sigma!r} must be a number above 0.")
    x = np.asarray(adata.obsm[use_rep])
    if not np.isfinite(x).all():
        raise ValueError(f"obsm[{use_rep!r}] has NaN or infinite values.")
    codes = (
        column_codes(adata, section_key, "sections")
        if batch_key is None
        else column_codes(adata, batch_key, "batches")
    )
    max_rounds, seed = whole("max_rounds", max_rounds, 0), whole("seed", seed, 0)
    result = corrected(x, codes, theta=theta, sigma=sigma, max_rounds=max_rounds, seed=seed)
    out = adata.copy() if copy else adata
    out.obsm[key_added] = result
    return out if copy else None
