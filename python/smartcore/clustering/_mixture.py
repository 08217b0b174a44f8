"""Clusters around centres: a Gaussian mixture and k-means, from scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from smartcore.clustering._embedding import Floats, components

_START_SPOTS = 2000  # as mclust
# Ward's start is taken in PCs divided by sd**power: as they are, halfway, and
# all of one variance. The EM that follows is blind to linear scaling, the start
# is not, and which one suits is not known beforehand.
_START_POWERS = (0.0, 0.5, 1.0)


def kmeans(z: Floats, n_clusters: int, seed: int) -> npt.NDArray[Any]:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # Threads would add up the centres in varying order.
    with threadpool_limits(1, user_api="openmp"):
        labels = KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(z)
    return np.asarray(labels)


def gaussian_mixture(z: Floats, n_clusters: int, seed: int) -> npt.NDArray[Any]:
    """Fit mclust's EEE model with scikit-learn."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    pcs = components(z, 0.0)
    spread = pcs.std(axis=0)
    # Unit variance in every direction makes the regularisation relative.
    white = pcs / spread
    reg = 1e-6

    def fit(data: Floats, weights: Floats, means: Floats, precision: Floats) -> GaussianMixture:
        mixture = GaussianMixture(
            n_clusters,
            covariance_type="tied",
            reg_covar=reg,
            tol=1e-6,
            max_iter=1000,
            weights_init=weights,
            means_init=means,
            precisions_init=precision,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(data)

    n_start = min(len(z), max(_START_SPOTS, 2 * n_clusters))
    some = np.arange(len(z))
    if n_start < len(z):
        some = np.sort(np.random.default_rng(seed).choice(len(z), n_start, replace=False))
    # Where the shared covariance is singular for any partition, likelihoods say nothing.
    powers = _START_POWERS if len(z) - n_clusters > white.shape[1] else (0.0,)
    fits = []
    for power in powers:
        ward = AgglomerativeClustering(n_clusters, linkage="ward")
        member = np.eye(n_clusters)[ward.fit_predict(pcs[some] / spread**power)]
        means = member.T @ white[some] / member.sum(axis=0)[:, None]
        within = white[some] - member @ means
        covariance = within.T @ within / n_start + reg * np.eye(white.shape[1])
        precision = np.linalg.inv(covariance)
        fits.append(fit(white[some], member.mean(axis=0), means, (precision + precision.T) / 2))
    mixture = max(fits, key=lambda one: one.lower_bound_)
    if n_start < len(z):
        mixture = fit(white, mixture.weights_, mixture.means_, mixture.precisions_)
    if not mixture.converged_:
        warnings.warn(
            f"the Gaussian mixture of {n_clusters} clusters did not settle in 1000 rounds: its "
            "clusters may be ill defined; try fewer clusters or a lower n_pcs",
            stacklevel=4,
        )
    return np.asarray(mixture.predict(white))
