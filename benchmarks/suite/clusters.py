"""Clusters of an embedding, for several numbers of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smartcore.clustering import cluster_embedding, reduce_embedding, row_order
from smartcore.clustering._mixture import mixture_start

from .shrunk import shrunk

# Hierarchical starts do not depend on the number of clusters, and cost more than the EM on most
# sets: smartcore.clustering makes them anew for each number.
_R_CODE = """
suppressPackageStartupMessages(library(mclust))
function(x, ks, seed, partitions) {
  set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
  hierarchies <- list(c("VVV", "SVD"), c("VVV", "VARS"), c("EII", "VARS"))
  starts <- lapply(hierarchies, function(hierarchy) {
    start <- list()
    if (nrow(x) > 2000) start$subset <- sample(seq.int(nrow(x)), size = 2000)
    some <- if (is.null(start$subset)) x else x[start$subset, , drop = FALSE]
    shape <- substr(hierarchy[1], 1, if (ncol(x) > 1) 3 else 1)
    start$hcPairs <- hc(some, modelName = shape, use = hierarchy[2])
    start
  })
  model <- if (ncol(x) > 1) "EEE" else "E"
  Map(function(k, partition) {
    fits <- lapply(starts, function(start) suppressWarnings(
      Mclust(x, G = k, modelNames = model, initialization = start, verbose = FALSE)
    ))
    if (length(partition)) {
      fit <- suppressWarnings(me(x, model, unmap(partition, groups = seq_len(k))))
      fit$classification <- map(fit$z)
      fits$given <- if (is.finite(fit$loglik)) fit
    }
    likelihood <- vapply(fits, function(fit) if (is.null(fit)) -Inf else fit$loglik, 0)
    as.integer(fits[[which.max(likelihood)]]$classification)
  }, ks, partitions)
}
"""


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
    import rpy2.robjects as ro
    from rpy2.robjects import numpy2ri

    z = reduce_embedding(embedding, n_pcs)
    order = row_order(z)
    wanted = [k for k in ks if k > 1]
    with ro.conversion.localconverter(ro.default_converter + numpy2ri.converter) as converter:
        r_x = converter.py2rpy(z[order])
    starts = [mixture_start(z[order], k, seed) if many_starts else None for k in wanted]
    with ro.conversion.localconverter(ro.default_converter):
        partitions = ro.ListVector(
            {
                str(k): ro.IntVector([] if start is None else start + 1)
                for k, start in zip(wanted, starts, strict=True)
            }
        )
        fits = ro.r(_R_CODE)(r_x, ro.IntVector(wanted), seed, partitions)
        found = [np.array(fit, dtype=np.intp) for fit in fits]
    result = {}
    for k, labels in zip(wanted, found, strict=True):
        if len(labels) == len(z):
            result[k] = np.empty_like(labels)
            result[k][order] = labels
    return result


def package(
    embedding: ArrayLike, ks: Iterable[int], seed: int, *, method: str
) -> dict[int, NDArray[np.intp]]:
    """Clusters by smartcore's own `method`, by number of clusters."""
    return {k: cluster_embedding(embedding, k, method=method, seed=seed) for k in ks if k > 1}


CLUSTERS: dict[str, Callable[[ArrayLike, Iterable[int], int], dict[int, NDArray[np.intp]]]] = {
    "shrunk": shrunk,
    "gmm": partial(package, method="gmm"),
    "mclust": mclust,
}
"""Name of a way to cluster → embedding, numbers of clusters and seed → labels by number."""
