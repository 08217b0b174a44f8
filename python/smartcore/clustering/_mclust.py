"""R's mclust through rpy2: the mixture that the paper clusters its embedding with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smartcore.clustering._embedding import Floats, components
from smartcore.clustering._mixture import mixture_start

# Mclust() looks up its helpers from where it is called, so the call lives in
# mclust's own namespace: nothing is attached to the user's R search path.
_R_CODE = """
local({
  fit_eee <- function(x, k, model, seed, partition) {
    had_seed <- exists(".Random.seed", envir = globalenv(), inherits = FALSE)
    old_seed <- if (had_seed) get(".Random.seed", envir = globalenv(), inherits = FALSE)
    old_kind <- RNGkind()
    on.exit({
      suppressWarnings(do.call(RNGkind, as.list(old_kind)))
      if (had_seed) {
        assign(".Random.seed", old_seed, envir = globalenv())
      } else {
        rm(list = ".Random.seed", envir = globalenv())
      }
    })
    set.seed(seed, kind = "Mersenne-Twister", normal.kind = "Inversion",
             sample.kind = "Rejection")
    hierarchies <- list(c("VVV", "SVD"), c("VVV", "VARS"), c("EII", "VARS"))
    fits <- lapply(hierarchies, function(hierarchy) attempt({
      start <- list()
      if (nrow(x) > mclust.options("subset")) {
        start$subset <- sample(seq.int(nrow(x)), size = mclust.options("subset"))
      }
      some <- if (is.null(start$subset)) x else x[start$subset, , drop = FALSE]
      shape <- substr(hierarchy[1], 1, if (ncol(x) > 1) 3 else 1)
      start$hcPairs <- hc(some, modelName = shape, use = hierarchy[2])
      fit <- Mclust(x, G = k, modelNames = model, initialization = start, verbose = FALSE)
      if (!is.null(fit)) list(labels = fit$classification, likelihood = fit$loglik)
    }))
    if (length(partition)) fits$given <- attempt({
      fit <- me(data = x, modelName = model, z = unmap(partition, groups = seq_len(k)))
      if (is.finite(fit$loglik)) list(labels = map(fit$z), likelihood = fit$loglik)
    })
    fits[[which.max(vapply(fits, function(fit) fit$likelihood, 0))]]
  }
  attempt <- function(code) {
    notes <- character()
    fit <- tryCatch(
      withCallingHandlers(
        code,
        warning = function(w) {
          notes <<- c(notes, conditionMessage(w))
          invokeRestart("muffleWarning")
        },
        message = function(m) invokeRestart("muffleMessage")
      ),
      error = function(e) {
        notes <<- c(notes, conditionMessage(e))
        NULL
      }
    )
    if (is.null(fit)) fit <- list(labels = integer(), likelihood = -Inf)
    list(labels = as.integer(fit$labels), notes = notes, likelihood = fit$likelihood)
  }
  environment(attempt) <- asNamespace("mclust")
  helpers <- new.env(parent = asNamespace("mclust"))
  helpers$attempt <- attempt
  environment(fit_eee) <- helpers
  fit_eee
})
"""


def missing_for_mclust() -> str | None:
    """Say what keeps mclust from being used here.

    Returns
    -------
    None where R, its package mclust and rpy2 work, else the reason in words.
    """
    try:
        from rpy2 import situation
    except ImportError as error:
        return f"Python's package rpy2 cannot be imported ({error})"
    # An R home without R's base package ends the process when rpy2 starts R.
    home = situation.get_r_home()
    if not home or not Path(home, "library", "base").is_dir():
        return f"R is not found (R home: {home or 'none'})"
    try:
        import rpy2.robjects as ro
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        return f"rpy2 cannot start R ({error})"
    with ro.conversion.localconverter(ro.default_converter):
        found = bool(ro.r('isTRUE(requireNamespace("mclust", quietly = TRUE))')[0])
    return None if found else "R has no package mclust"


def mclust_input(z: Floats, n_clusters: int, seed: int) -> tuple[Floats, npt.NDArray[Any] | None]:
    """What mclust is to cluster, of full column rank, and a partition to start from, if any."""
    pcs = components(z, 0.0)
    x = z if pcs.shape == z.shape else pcs
    return x, mixture_start(x, n_clusters, seed)


def mclust_eee(
    x: npt.NDArray[np.float64], n_clusters: int, seed: int, partition: npt.NDArray[Any] | None
) -> npt.NDArray[np.int32]:
    """Cluster by mclust's EEE model: Gaussians of one shared, full covariance.

    mclust starts from hierarchical clusters of the components at one variance (its default,
    "VVV" of "SVD"). Where few of many components tell clusters apart, that start may be far from
    the best mixture; so two more are made from the components as they are ("VARS"), as ellipsoids
    of any shape ("VVV") and by Ward's sum of squares ("EII"), and its EM starts from ``partition``,
    too. The likeliest mixture is kept.

    Above 2,000 rows mclust finds each hierarchical start on 2,000 of them drawn
    with R's random numbers; these are seeded here, and R's own state is put
    back afterwards.

    Parameters
    ----------
    x
        Array of shape (n_spots, n_dims), of full column rank.
    n_clusters
        Number of Gaussians.
    seed
        Seed of R's random numbers, in [0, 2**31).
    partition
        Clusters to start from as well, values 0 to ``n_clusters - 1``, shape (n_spots,), or None.

    Returns
    -------
    mclust's classification, shape (n_spots,), values 1 to ``n_clusters``.

    Raises
    ------
    RuntimeError
        If mclust can fit no such mixture.

    References
    ----------
    Scrucca et al., "mclust 5: clustering, classification and density estimation
    using Gaussian finite mixture models", The R Journal 8, 289 (2016).
    """
    import rpy2.robjects as ro
    from rpy2.robjects import numpy2ri

    with ro.conversion.localconverter(ro.default_converter + numpy2ri.converter) as converter:
        r_x = converter.py2rpy(np.asarray(x, dtype=np.float64))
    # In a thread of its own rpy2 has no conversion rules at all unless given.
    with ro.conversion.localconverter(ro.default_converter):
        fit_eee = ro.r(_R_CODE)
        # mclust's name for the model in one dimension is E.
        start: Any = [] if partition is None else partition + 1
        model = "EEE" if x.shape[1] > 1 else "E"
        result = fit_eee(r_x, n_clusters, model, seed, ro.IntVector(start))
        labels = np.array(result.rx2("labels"), dtype=np.int32)
        notes = [str(note) for note in result.rx2("notes")]
    if len(labels) != len(x) or np.any(labels < 1):
        said = f" (mclust says: {'; '.join(notes)})" if notes else ""
        raise RuntimeError(
            f"mclust cannot fit an EEE mixture of {n_clusters} clusters to {x.shape[0]} spots in "
            f"{x.shape[1]} dimensions{said}: ask for fewer clusters, lower n_pcs, or use "
            "method='gmm', the same model with a guard against singular covariances"
        )
    for note in notes:
        warnings.warn(f"mclust: {note}", stacklevel=4)
    return labels
