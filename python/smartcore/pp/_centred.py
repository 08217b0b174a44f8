"""Features centred and scaled, but not turned: what is kept of those that are few already."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from smartcore.pp._alignment import align
from smartcore.pp._blocks import Blocks
from smartcore.pp._pca import Components, is_constant, scores_of
from smartcore.pp._sparse import column_sums


def centred_features(
    x: Blocks, *, scale: bool, codes: NDArray[np.intp] | None = None
) -> Components:
    """The columns of ``x`` that vary, centred and, if asked, scaled to variance 1; or by section.

    Parameters
    ----------
    x, scale, codes
        As for :func:`~smartcore.pp._pca.principal_components`.

    Returns
    -------
    Components, one for each column that varies, in their order.

    Raises
    ------
    ValueError
        If none does.
    """
    by_row = () if codes is None else (codes,)
    size = np.array([x.shape[0]]) if codes is None else np.bincount(codes)
    total, squares = x.sums(partial(column_sums, n_sections=len(size)), *by_row)
    aligned = align(size, total, squares, scale=scale)
    varying = np.flatnonzero(~is_constant(aligned))
    if not varying.size:
        raise ValueError(
            f"All {x.shape[1]} dimensions are constant"
            + ("" if len(size) == 1 else f" within each of the {len(size)} sections or batches")
            + ": nothing to embed."
        )
    factor = 1 / np.sqrt(aligned.variance[varying]) if scale else np.ones(len(varying))
    loadings = np.zeros((x.shape[1], len(varying)))
    loadings[varying, np.arange(len(varying))] = factor
    variance = aligned.total_variance[varying] * factor**2
    return Components(
        scores=x.rows(partial(scores_of, aligned, loadings), *by_row),
        loadings=(loadings > 0).astype(np.float32),
        variance=variance,
        variance_ratio=variance / variance.sum(),
    )
