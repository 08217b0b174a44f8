"""Clusters around centres: a Gaussian mixture and k-means, from scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from smartcore.clustering._embedding import Floats, components

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

_START_SPOTS = 2000  # as mclust
# Starts are taken in PCs divided by sd**power: as they are, halfway, and all of
# one variance. The EM that follows is blind to linear scaling, starts are not,
# and which one suits is not known beforehand.
_START_POWERS = (0.0, 0.5, 1.0)
_STARTS_BY_KMEANS = 20  # in each of these
# Of fewer spots the likeliest mixture is the one that fits noise best.
_SPOTS_PER_PARAMETER = 2
_KMEANS_ROUNDS = 5
_SHORT_ROUNDS = 10
_PROMISING = 5
_FINALISTS = 2  # besides Ward's
_SAME = 4  # decimals of the mean log-likelihood of a spot
_ROUNDS = 1000
_ROUNDS_OF_SOME = 100
_REGULARISATION = 1e-6


def kmeans(z: Floats, n_clusters: int, seed: int) -> npt.NDArray[Any]:
    from sklearn.cluster import KMeans

    # Threads would add up the centres in varying order.
    with threadpool_limits(1, user_api="openmp"):
        labels = KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(z)
    return np.asarray(labels)


def gaussian_mixture(z: Floats, n_clusters: int, seed: int) -> npt.NDArray[Any]:
    """Fit mclust's EEE model with scikit-learn."""
    mixture, white = _likeliest(z, n_clusters, seed)
    if not mixture.converged_:
        warnings.warn(
            f"the Gaussian mixture of {n_clusters} clusters did not settle in {_ROUNDS} rounds: "
            "its clusters may be ill defined; try fewer clusters or a lower n_pcs",
            stacklevel=4,
        )
    return np.asarray(mixture.predict(white))


def mixture_start(z: Floats, n_clusters: int, seed: int) -> npt.NDArray[Any] | None:
    """Clusters of :func:`gaussian_mixture` for another EM to start from.

    ``None`` where spots are few: then they are no better than other starts.
    """
    if not _enough(_n_start(len(z), n_clusters), n_clusters, z.shape[1]):
        return None
    mixture, white = _likeliest(z, n_clusters, seed)
    return np.asarray(mixture.predict(white))


# On several threads such small products are slower.
@threadpool_limits.wrap(limits=1)
def _likeliest(z: Floats, n_clusters: int, seed: int) -> tuple[GaussianMixture, Floats]:
    """The likeliest mixture that is found, and the rows as it knows them.

    Likelihoods of mixtures have many maxima, and the start decides in which one EM ends. Ward's
    clusters are starts; and where spots are enough for the parameters, so are many of k-means:
    each gets a few rounds of EM, and the most promising are followed to their end (Biernacki,
    Celeux and Govaert, Comput Stat Data Anal 41, 561 (2003), "em-EM").
    """
    pcs = components(z, 0.0)
    spread = pcs.std(axis=0)
    # Unit variance in every direction makes the regularisation relative.
    white = pcs / spread
    n_start = _n_start(len(z), n_clusters)
    rng, some = np.random.default_rng(seed), np.arange(len(z))
    if n_start < len(z):
        some = np.sort(rng.choice(len(z), n_start, replace=False))
    # Where the shared covariance is singular for any partition, likelihoods say nothing.
    tells = len(z) - n_clusters > white.shape[1]
    scaled = [pcs[some] / spread**power for power in (_START_POWERS if tells else (0.0,))]
    few = white[some]
    many = _enough(n_start, n_clusters, white.shape[1])
    # What is to be fitted to all spots need not be settled on some.
    rounds = _ROUNDS if n_start == len(z) or not many else _ROUNDS_OF_SOME
    wards = [_em(few, *_moments(few, _ward(x, n_clusters)), rounds) for x in scaled]
    promising = []
    if many:
        starts = [labels for x in scaled for labels in _some_kmeans(x, n_clusters, rng)]
        short = [_em(few, *_moments(few, labels), _SHORT_ROUNDS) for labels in starts]
        promising = [_em(few, *_parameters(one), rounds) for one in _best(short, _PROMISING)]
    found = [max(wards, key=_likelihood), *_best(promising, _FINALISTS)]
    if n_start < len(z):
        found = [_em(white, *_parameters(one), _ROUNDS) for one in found]
    return max(found, key=_likelihood), white


def _best(mixtures: list[GaussianMixture], n: int) -> list[GaussianMixture]:
    """The likeliest n that are not the same."""
    by_likelihood = {round(_likelihood(one), _SAME): one for one in mixtures}
    return [by_likelihood[value] for value in sorted(by_likelihood, reverse=True)[:n]]


def _n_start(n_spots: int, n_clusters: int) -> int:
    return min(n_spots, max(_START_SPOTS, 2 * n_clusters))


def _enough(n_spots: int, n_clusters: int, n_dims: int) -> bool:
    """Whether there are spots enough for weights, means and one covariance."""
    n_parameters = n_clusters - 1 + n_clusters * n_dims + n_dims * (n_dims + 1) // 2
    return n_spots >= _SPOTS_PER_PARAMETER * n_parameters


def _likelihood(mixture: GaussianMixture) -> float:
    return float(mixture.lower_bound_)


def _parameters(mixture: GaussianMixture) -> tuple[Floats, Floats, Floats]:
    return mixture.weights_, mixture.means_, mixture.precisions_


def _ward(x: Floats, n_clusters: int) -> npt.NDArray[Any]:
    from sklearn.cluster import AgglomerativeClustering

    return np.asarray(AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(x))


def _some_kmeans(
    x: Floats, n_clusters: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[Any]]:
    """Partitions by a few rounds of k-means each, in which no cluster is empty."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    for seed in rng.integers(2**31, size=_STARTS_BY_KMEANS):
        # From spots at random: k-means++ looks for outliers.
        few = KMeans(
            n_clusters, init="random", n_init=1, max_iter=_KMEANS_ROUNDS, random_state=int(seed)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            labels = few.fit_predict(x)
        if len(np.unique(labels)) == n_clusters:
            yield labels


def _moments(x: Floats, labels: npt.NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Weights, means and shared precision of the clusters of a partition."""
    member = np.eye(labels.max() + 1)[labels]
    means = member.T @ x / member.sum(axis=0)[:, None]
    within = x - means[labels]
    precision = np.linalg.inv(within.T @ within / len(x) + _REGULARISATION * np.eye(x.shape[1]))
    return member.mean(axis=0), means, (precision + precision.T) / 2


def _em(
    x: Floats, weights: Floats, means: Floats, precision: Floats, rounds: int
) -> GaussianMixture:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        len(weights),
        covariance_type="tied",
        reg_covar=_REGULARISATION,
        tol=1e-6,
        max_iter=rounds,
        weights_init=weights,
        means_init=means,
        precisions_init=precision,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(x)
