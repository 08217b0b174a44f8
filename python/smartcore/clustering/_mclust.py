"""R's mclust through rpy2: the mixture that the paper clusters its embedding with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smartcore.clustering._embedding import Floats, components
from smartcore.clustering._mixture import mixture_start


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


def mclust_code() -> str:
    """R code whose value is the R function behind :func:`fit_eee`."""
    return files("smartcore.clustering").joinpath("_mclust.R").read_text("utf-8")


def fit_eee(
    x: npt.NDArray[np.float64], partitions: Mapping[int, npt.NDArray[Any] | None], seed: int
) -> dict[int, tuple[npt.NDArray[np.int32], list[str]]]:
    """Fit mclust's EEE model, Gaussians of one shared, full covariance, for numbers of clusters.

    For each number, the likeliest of the mixtures from three hierarchical starts, which are made
    once for all numbers, and from a partition; ``_mclust.R`` says which, and why.

    Above 2,000 rows mclust finds each hierarchical start on 2,000 of them drawn
    with R's random numbers; these are seeded here, and R's own state is put
    back afterwards.

    Parameters
    ----------
    x
        Array of shape (n_spots, n_dims), of full column rank.
    partitions
        Number of Gaussians, k → clusters to start from as well, values 0 to ``k - 1``, shape
        (n_spots,), or None.
    seed
        Seed of R's random numbers, in [0, 2**31).

    Returns
    -------
    Number of Gaussians, k → mclust's classification, values 1 to k, shape (n_spots,), or (0,) if
    mclust can fit no such mixture; and its warnings and errors.
    """
    import rpy2.robjects as ro
    from rpy2.robjects import numpy2ri

    with ro.conversion.localconverter(ro.default_converter + numpy2ri.converter) as converter:
        r_x = converter.py2rpy(np.asarray(x, dtype=np.float64))
    # In a thread of its own rpy2 has no conversion rules at all unless given.
    with ro.conversion.localconverter(ro.default_converter):
        starts = [ro.IntVector([] if p is None else p + 1) for p in partitions.values()]
        fits = ro.r(mclust_code())(r_x, ro.IntVector(list(partitions)), seed, ro.r["list"](*starts))
        return {
            k: (
                np.array(fit.rx2("labels"), dtype=np.int32),
                [str(note) for note in fit.rx2("notes")],
            )
            for k, fit in zip(partitions, fits, strict=True)
        }


def mclust_eee(
    x: npt.NDArray[np.float64], n_clusters: int, seed: int, partition: npt.NDArray[Any] | None
) -> npt.NDArray[np.int32]:
    """Cluster by mclust's EEE model: Gaussians of one shared, full covariance.

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
    mclust's classification, shape (n_spots,), values 1 to ``n_clusters``; see :func:`fit_eee`.

    Raises
    ------
    RuntimeError
        If mclust can fit no such mixture.

    References
    ----------
    Scrucca et al., "mclust 5: clustering, classification and density estimation
    using Gaussian finite mixture models", The R Journal 8, 289 (2016).
    """
    labels, notes = fit_eee(x, {n_clusters: partition}, seed)[n_clusters]
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
