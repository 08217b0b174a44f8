"""mclust's EEE for several numbers of clusters at once."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smartcore.clustering import reduce_embedding, row_order
from smartcore.clustering._mclust import fit_eee
from smartcore.clustering._mixture import mixture_start


def mclust(
    embedding: ArrayLike,
    ks: Iterable[int],
    seed: int,
    n_pcs: int = 20,
    *,
    many_starts: bool = False,
) -> dict[int, NDArray[np.intp]]:
    """Clusters of the embedding's principal components, by number of clusters.

    A number for which mclust fits no mixture is left out. Hierarchical starts alone, or with
    ``many_starts`` those of ``smartcore.clustering`` as well.
    """
    z = reduce_embedding(embedding, n_pcs)
    order = row_order(z)
    starts = {k: mixture_start(z[order], k, seed) if many_starts else None for k in ks if k > 1}
    result = {}
    for k, (labels, _) in fit_eee(z[order], starts, seed).items():
        if len(labels):
            result[k] = np.empty(len(z), np.intp)
            result[k][order] = labels
    return result
