"""Groups to be found, and R's mclust to find them."""

import functools
import shutil
import subprocess

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from smartcore.clustering import METHODS
from smartcore.clustering._mclust import missing_for_mclust

HAS_MCLUST = missing_for_mclust() is None
needs_mclust = pytest.mark.skipif(not HAS_MCLUST, reason="needs R, its package mclust, and rpy2")
ANY_METHOD = [pytest.param(m, marks=needs_mclust if m == "mclust" else ()) for m in METHODS]


def blobs(sizes=(60, 90, 40), width=6, distance=12.0, seed=0, dtype=np.float32):
    """Round, well separated groups; returns rows and true groups."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.zeros((len(sizes), width))
    centres[np.arange(len(sizes)), np.arange(len(sizes))] = distance
    return (centres[truth] + rng.normal(size=(len(truth), width))).astype(dtype), truth


def cigars(n_spots=300, n_groups=4, seed=0):
    """Long parallel groups of one covariance, apart only where the spread is small."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_groups, size=n_spots)
    x = rng.normal(size=(n_spots, 5)) * [40, 20, 1, 1, 1]
    x[:, 2] += 9 * truth
    x[:, 3] += 9 * (truth % 2)
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    return x @ rotation, truth


@functools.cache
def _has_mclust(rscript):
    probe = [rscript, "-e", 'if (!requireNamespace("mclust", quietly = TRUE)) quit(status = 9)']
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


HIERARCHIES = ("VVV SVD", "VVV VARS", "EII VARS")


def rscript_mclust(z, n_clusters, seed, folder, hierarchies=HIERARCHIES, partition=None):
    """Classify by Mclust in an R process of its own, or skip where it cannot run.

    The likeliest of the mixtures from these hierarchical starts, each mclust's model and ``use``,
    and from a partition.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("needs Rscript")
    if not _has_mclust(rscript):
        pytest.skip("needs R's package mclust")
    np.asfortranarray(z).T.tofile(folder / "z.bin")
    np.savetxt(folder / "partition.txt", [] if partition is None else partition, fmt="%d")
    code = f"""
    suppressPackageStartupMessages(library(mclust))
    z <- matrix(readBin("{folder / "z.bin"}", "double", {z.size}), {z.shape[0]}, {z.shape[1]})
    set.seed({seed})
    model <- if (ncol(z) > 1) "EEE" else "E"
    fits <- lapply(strsplit(c({", ".join(map(repr, hierarchies))}), " "), function(hierarchy) {{
      some <- if (nrow(z) > 2000) sample(nrow(z), 2000) else seq_len(nrow(z))
      start <- list(hcPairs = hc(
        z[some, , drop = FALSE], use = hierarchy[2],
        modelName = if (ncol(z) > 1) hierarchy[1] else substr(hierarchy[1], 1, 1)))
      if (nrow(z) > 2000) start$subset <- some
      Mclust(z, G = {n_clusters}, modelNames = model, initialization = start, verbose = FALSE)
    }})
    partition <- scan("{folder / "partition.txt"}", quiet = TRUE)
    if (length(partition)) {{
      fit <- me(z, model, unmap(partition))
      fits$given <- list(classification = map(fit$z), loglik = fit$loglik)
    }}
    fit <- fits[[which.max(sapply(fits, function(fit) fit$loglik))]]
    writeLines(as.character(fit$classification), "{folder / "labels.txt"}")
    """
    subprocess.run([rscript, "-e", code], check=True, capture_output=True)
    return np.loadtxt(folder / "labels.txt", dtype=int)


def likelihood(z, labels):
    """Mean log-likelihood of a spot in the mixture that EM finds from these clusters."""
    member = np.eye(labels.max() + 1)[labels]
    means = member.T @ z / member.sum(axis=0)[:, None]
    within = z - means[labels]
    mixture = GaussianMixture(
        len(means),
        covariance_type="tied",
        max_iter=1000,
        tol=1e-6,
        weights_init=member.mean(axis=0),
        means_init=means,
        precisions_init=np.linalg.inv(np.cov(within.T)),
    )
    return mixture.fit(z).score(z)
