"""The default clusters: a mixture of Gaussians with one covariance, shrunk towards a sphere."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from smartcore.clustering._embedding import Floats, principal_axes
from smartcore.clustering.mixture import Mixture, discriminants

N_PCS = 15
"""Principal components of the embedding that are clustered, unless told otherwise."""

# Robust standard deviations from the median within which no value is capped,
_CAP = 5.0
# nor is any within the quantiles that leave out this share of spots at either end: a domain of so
# many spots may lie as far away as it likes.
_OUTER = 0.05
# Share of the sphere in the shared covariance.
_SPHERE = 0.4
# Of the variance of all scores, so that no covariance is singular.
_FLOOR = 1e-6

# Starts are compared on so many spots at most.
_START_SPOTS = 8_000
_STARTS = 30
_KMEANS_ROUNDS = 10
_SHORT_ROUNDS = 15
_SHORT_TOLERANCE = 1e-4
_PROMISING = 6
# Where only the number of clusters is to be chosen.
_QUICK_STARTS = 10
_QUICK_PROMISING = 3
# Clusters that are given up in a move, and that are split instead.
_MOVES = 4
# The likelihood must gain so much for a move.
_GAIN = 1e-4
_ROUNDS = 500
# Of the mean log-likelihood of a spot.
_TOLERANCE = 1e-6
_NEAR = 1e-5
# Partitions that agree better (adjusted Rand index) are one.
_SAME = 0.9
# Of unsettled starts that agree so well one is enough.
_ALIKE = 0.98
# Spots in memory at a time.
_BLOCK = 50_000


@dataclass(frozen=True)
class Fit:
    """A mixture of given scores.

    Attributes
    ----------
    weights, means, covariance
        As in :class:`Mixture`.
    likelihood
        Mean log-likelihood of a spot, less a constant.
    settled
        Whether EM ended by itself.
    """

    weights: Floats
    means: Floats
    covariance: Floats
    likelihood: float = -np.inf
    settled: bool = False

    def labels(self, z: Floats) -> npt.NDArray[np.intp]:
        """Most probable cluster of each row."""
        slopes, offsets = discriminants(self.weights, self.means, self.covariance)
        return np.argmax(z @ slopes.T + offsets, axis=1)

    def log_densities(self, z: Floats) -> Floats:
        """Log-likelihood of each row, less a constant."""
        slopes, offsets = discriminants(self.weights, self.means, self.covariance)
        whole = np.logaddexp.reduce(z @ slopes.T + offsets, axis=1)
        precision = np.linalg.inv(self.covariance)
        own = np.einsum("ij,jk,ik->i", z, precision, z)
        return np.asarray(whole - (own + np.linalg.slogdet(self.covariance)[1]) / 2)


def prepare(x: npt.NDArray[np.floating], n_pcs: int | None) -> Mixture:
    """The way to scores alone: a mixture without clusters.

    Parameters
    ----------
    x
        Embedding of shape (n_spots, n_dims).
    n_pcs
        Number of components; None: the embedding's own dimensions.
    """
    center, axes = principal_axes(x, n_pcs)
    z = (np.asarray(x, np.float64) - center) @ axes
    if z.shape[1]:
        scale = float(np.sqrt(z.var(axis=0).max()))
        axes, z = axes / scale, z / scale
    lower, upper = _bounds(z)
    width = z.shape[1]
    return Mixture(center, axes, lower, upper, np.zeros(0), np.zeros((0, width)), np.eye(width))


def _bounds(z: Floats) -> tuple[Floats, Floats]:
    middle = np.median(z, axis=0)
    spread = 1.4826 * np.median(np.abs(z - middle), axis=0)
    low, high = np.quantile(z, [_OUTER, 1 - _OUTER], axis=0)
    # Where most values are equal nothing is known of the spread.
    width = np.where(spread > 0, _CAP * spread, np.inf)
    return np.minimum(low, middle - width), np.maximum(high, middle + width)


# On several threads such small products are slower, and sums vary.
@threadpool_limits.wrap(limits=1)
def fit_shrunk(z: Floats, n_clusters: int, rng: np.random.Generator) -> list[Fit]:
    """Find the likeliest mixture, and the likeliest of those that divide the spots otherwise.

    Quick k-means give starts. A few rounds of EM tell which of them are promising; these are
    followed until they settle, and the two best partitions on all spots (Biernacki, Celeux and Govaert, Comput Stat Data Anal 41, 561 (2003), "em-EM").

    Parameters
    ----------
    z
        Scores, shape (n_spots, n_scores), in an order that does not depend on that of the spots.
    n_clusters
        At least 2, and fewer than there are distinct rows.
    rng
        Draws the spots and the starts.

    Returns
    -------
    One or two mixtures, the likeliest first.
    """
    some = _draw(z, max(_START_SPOTS, 100 * n_clusters), rng)
    settled = _promising(some, n_clusters, rng, _STARTS, _PROMISING)
    moved = [_moved(some, fit) for fit in _unlike(some, settled, 3)]
    best = _unlike(some, _likeliest([*moved, *settled]))
    return _unlike(z, _likeliest([em(z, fit) for fit in best]))


@threadpool_limits.wrap(limits=1)
def fit_quickly(z: Floats, n_clusters: int, rng: np.random.Generator) -> Fit:
    """Find a likely mixture from fewer starts; the parameters are those of :func:`fit_shrunk`."""
    return _moved(z, _promising(z, n_clusters, rng, _QUICK_STARTS, _QUICK_PROMISING)[0])


@threadpool_limits.wrap(limits=1)
def refit(z: Floats, fit: Fit, rng: np.random.Generator, *, starts: int) -> Fit:
    """Find the likeliest mixture of other spots, from one that is known and from quick k-means."""
    begun = [fit, *kmeans_starts(z, len(fit.weights), rng, starts)]
    begun = [em(z, one, _SHORT_ROUNDS, _SHORT_TOLERANCE) for one in begun]
    return _likeliest(em(z, one, tolerance=_NEAR) for one in _likeliest(begun)[:2])[0]


def _promising(
    z: Floats, n_clusters: int, rng: np.random.Generator, starts: int, n: int
) -> list[Fit]:
    """The likeliest n of many starts, followed until they nearly settle."""
    begun = kmeans_starts(z, n_clusters, rng, starts)
    begun = [em(z, fit, _SHORT_ROUNDS, _SHORT_TOLERANCE) for fit in begun]
    unlike = _unlike(z, _likeliest(begun), n, _ALIKE)
    return _likeliest(em(z, fit, tolerance=_NEAR) for fit in unlike)


def _draw(z: Floats, n: int, rng: np.random.Generator) -> Floats:
    return z if len(z) <= n else z[np.sort(rng.choice(len(z), n, replace=False))]


def kmeans_starts(z: Floats, n_clusters: int, rng: np.random.Generator, starts: int) -> list[Fit]:
    """Moments of the clusters of quick k-means."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    found = []
    for seed in rng.integers(2**31, size=starts):
        start = KMeans(n_clusters, n_init=1, max_iter=_KMEANS_ROUNDS, random_state=int(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            labels = start.fit_predict(z)
        member = np.eye(n_clusters)[labels]
        found.append(_moments(member.T @ z, member.sum(axis=0), z.T @ z))
    return found


def em(z: Floats, fit: Fit, rounds: int = _ROUNDS, tolerance: float = _TOLERANCE) -> Fit:
    """Follow a mixture by expectation and maximization.

    Parameters
    ----------
    z
        Scores, shape (n_spots, n_scores), of mean 0 or near it.
    fit
        Where to begin.
    rounds
        Most rounds.
    tolerance
        Gain of the mean log-likelihood below which a round is the last.
    """
    n = len(z)
    second = z.T @ z
    fit = replace(fit, likelihood=-np.inf, settled=False)
    for _ in range(rounds):
        slopes, offsets = discriminants(fit.weights, fit.means, fit.covariance)
        sums, counts, total = np.zeros_like(fit.means), np.zeros_like(fit.weights), 0.0
        for first in range(0, n, _BLOCK):
            block = z[first : first + _BLOCK]
            member = slopes @ block.T + offsets[:, None]
            top = member.max(axis=0)
            member -= top
            np.exp(member, out=member)
            whole = member.sum(axis=0)
            member /= whole
            total += float((top + np.log(whole)).sum())
            sums += member @ block
            counts += member.sum(axis=1)
        # What all clusters share, summed over spots.
        precision = np.linalg.inv(fit.covariance)
        shared = np.linalg.slogdet(fit.covariance)[1] + float((precision * second).sum()) / n
        likelihood = total / n - shared / 2
        settled = abs(likelihood - fit.likelihood) < tolerance
        fit = replace(_moments(sums, counts, second), likelihood=likelihood, settled=settled)
        if settled:
            break
    return fit


def _moments(sums: Floats, counts: Floats, second: Floats) -> Fit:
    """Weights, means and shrunk covariance, of sums over the spots of each cluster."""
    n, width = counts.sum(), sums.shape[1]
    # A cluster that lost all its spots keeps a weight whose logarithm there is.
    weights = np.maximum(counts / n, 1e-12)
    means = sums / n / weights[:, None]
    own = second / n - (means.T * weights) @ means
    sphere = _SPHERE * own.diagonal().mean() + _FLOOR * second.diagonal().mean() / n
    return Fit(weights, means, (1 - _SPHERE) * own + sphere * np.eye(width))


def _likeliest(fits: Iterable[Fit]) -> list[Fit]:
    return sorted(fits, key=lambda fit: -fit.likelihood)


def _unlike(z: Floats, fits: list[Fit], most: int = 2, same: float = _SAME) -> list[Fit]:
    """The first, and the next of those that divide the spots otherwise than any before."""
    from sklearn.metrics import adjusted_rand_score

    kept: list[Fit] = []
    found: list[npt.NDArray[np.intp]] = []
    for fit in fits:
        labels = fit.labels(z)
        if all(adjusted_rand_score(labels, other) < same for other in found):
            kept.append(fit)
            found.append(labels)
        if len(kept) == most:
            break
    return kept


def _moved(z: Floats, fit: Fit) -> Fit:
    """Give up a cluster and split another, as long as that is likelier.

    EM alone does not leave a maximum where two clusters share a domain and one has two (Ueda et
    al., Neural Comput 12, 2109 (2000)).
    """
    for _ in range(len(fit.weights)):
        tried = [em(z, one, _SHORT_ROUNDS, _SHORT_TOLERANCE) for one in _moves(z, fit)]
        settled = [em(z, one, tolerance=_NEAR) for one in _likeliest(tried)[:2]]
        best = max(settled, key=lambda one: one.likelihood, default=fit)
        if best.likelihood < fit.likelihood + _GAIN:
            break
        fit = best
    return fit


def _moves(z: Floats, fit: Fit) -> list[Fit]:
    slopes, offsets = discriminants(fit.weights, fit.means, fit.covariance)
    log = z @ slopes.T + offsets
    labels = log.argmax(axis=1)
    top = np.partition(log, -2, axis=1)[:, -2:]
    n_clusters = len(fit.weights)
    # What it costs the spots of a cluster to go to the next best.
    cost = np.bincount(labels, top[:, 1] - top[:, 0], n_clusters)
    root = np.linalg.cholesky(fit.covariance)
    gain, halves = np.zeros(n_clusters), np.zeros_like(fit.means)
    for i in range(n_clusters):
        own = z[labels == i]
        if len(own) > 1:
            white = np.linalg.solve(root, (own - own.mean(axis=0)).T)
            values, vectors = np.linalg.eigh(white @ white.T / len(own))
            gain[i] = len(own) * values[-1]
            halves[i] = root @ vectors[:, -1] * np.sqrt(values[-1])
    found = []
    for out in np.argsort(cost, kind="stable")[:_MOVES]:
        widest = [i for i in np.argsort(-gain, kind="stable") if i != out and gain[i] > 0]
        for split in widest[:_MOVES]:
            weights, means = fit.weights.copy(), fit.means.copy()
            weights[[out, split]] = fit.weights[split] / 2
            means[out] = fit.means[split] + halves[split]
            means[split] = fit.means[split] - halves[split]
            found.append(Fit(weights / weights.sum(), means, fit.covariance))
    return found
