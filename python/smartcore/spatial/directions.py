"""Directions of feature space: what of them varies in space, and what of them is noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from smartcore.spatial.graph import neighbor_mean

# Variance, relative to the greatest, below which a direction is rounding.
_RANK_TOLERANCE = 1e-8
# What the greatest eigenvalue of noise exceeds in one of a hundred draws (Tracy and Widom's law
# for symmetric matrices), in units of its fluctuation about Wigner's edge.
_TRACY_WIDOM_99 = 2.02
# Of fewer directions even the least may be signal.
_FEWEST = 10
# A component of less than this part of the next one's variance is a copy of others, or rounding.
# Where it is in doubt it counts as noise, and spots are averaged little.
_GAP = 1e-3
_USUAL_SHARE = 0.35
_MOST_SHARE = 0.5


@dataclass(frozen=True)
class Directions:
    """Directions of maximum autocorrelation of one modality.

    Uncorrelated combinations of the features, each as like as can be to the mean of its spatial
    neighbours [1]_, the most alike first.

    Attributes
    ----------
    autocorrelation
        Correlation with the mean of the neighbours, shape (rank,).
    threshold
        Autocorrelation that pure noise would reach. In noise of n spots and d features the
        symmetric d × d matrix of correlations with the neighbours' mean is of Wigner's kind, with
        eigenvalues up to ``2 √d ‖(M + Mᵀ)/2‖_F / n``, M being the averaging over neighbours.
    variance
        Of the features along each direction, shape (rank,).
    noise
        Share of that variance that is noise, shape (rank,), see :func:`spatial_directions`.
    difference
        Mean square of the difference between a spot and the mean of its neighbours, as a share
        of the variance, shape (rank,).
    n_met
        Spots with neighbours, over which difference and spread are means.
    spread
        Sum of the squared weights of the neighbours in that mean, on average: 1/k where all spots
        have k.
    into
        From centred features to scores of variance 1 along the directions, shape (d, rank).
    back
        From scores to features, shape (rank, d).

    References
    ----------
    .. [1] Switzer and Green, "Min/max autocorrelation factors for multivariate spatial imagery",
       Stanford technical report 6 (1984). Dray, Saïd and Débias, "Spatial ordination of
       vegetation data using a generalization of Wartenberg's multivariate spatial correlation",
       J Veg Sci 19, 45 (2008).
    """

    autocorrelation: NDArray[np.float64]
    threshold: float
    variance: NDArray[np.float64]
    noise: NDArray[np.float64]
    difference: NDArray[np.float64]
    n_met: int
    spread: float
    into: NDArray[np.float64]
    back: NDArray[np.float64]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Weights in [0, 1], shape (rank,).

        A direction beyond the threshold keeps its variance, one below it a share of it in
        proportion, and one that is no more like its neighbours than like any spot none.
        """
        if self.threshold == 0:
            return np.ones(len(self.autocorrelation))
        return np.sqrt(np.clip(self.autocorrelation / self.threshold, 0, 1))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """What features are to be multiplied by to be weighted, shape (d, d)."""
        return (self.into * self.weight) @ self.back

    @property
    def tells_noise(self) -> bool:
        """Whether there are directions enough that the least is noise."""
        return len(self.noise) >= _FEWEST

    @property
    def beyond(self) -> NDArray[np.bool_]:
        """Which directions are more autocorrelated than noise is in 99 of 100 draws."""
        fluctuation = max(len(self.autocorrelation), 1) ** (-2 / 3)
        most = self.threshold * (1 + _TRACY_WIDOM_99 / 2 * fluctuation)
        return self.autocorrelation > most

    @property
    def varies(self) -> bool:
        """Whether a direction is more autocorrelated than noise is in 99 of 100 draws."""
        return bool(self.beyond.any())


def spatial_directions(
    x: NDArray[np.floating], graph: sp.csr_matrix, *, n_features: int = 300
) -> Directions:
    """Directions of maximum autocorrelation, and the noise in each.

    The principal component of least variance is taken for noise alone, unless it has less than a
    thousandth of the next one's: then it is a copy of others, or rounding. How much of a component of
    greater variance is noise follows from the theory of a few signals in much noise [1]_: with c
    spots a feature, noise of variance 1/c a feature reaches by itself the variance ``(1 + √c)²/c``
    in a component; one of ``(1 + t)(c + t)/(t c)`` owes the share ``c (1 + t)/(t (t + c))`` of it
    to noise.

    Parameters
    ----------
    x
        Features, shape (n_spots, d).
    graph
        Spatial graph, (n_spots, n_spots).
    n_features
        Features that the columns of x are components of, about; at least its columns. A wrong
        guess tells little where spots are many.

    Returns
    -------
    :class:`Directions`, as many as the features have rank.

    References
    ----------
    .. [1] Benaych-Georges and Nadakuditi, "The singular values and vectors of low rank
       perturbations of large rectangular random matrices", J Multivar Anal 111, 120 (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.spatial.graph import spatial_graph
    >>> xy = np.argwhere(np.ones((20, 20)))
    >>> x = np.random.default_rng(0).normal(size=(400, 12))
    >>> x[:, 0] += 4 * np.sin(xy[:, 0] / 3)
    >>> directions = spatial_directions(x, spatial_graph(xy))
    >>> int((directions.autocorrelation > directions.threshold).sum())
    1
    >>> int(directions.noise.argmin()), bool(directions.noise[0] < 0.1)
    (0, True)
    """
    x = np.asarray(x, dtype=np.float64)
    n = len(x)
    centered = x - x.mean(axis=0)
    mean = neighbor_mean(graph)
    variance, axes = np.linalg.eigh(centered.T @ centered / n)
    kept = variance > _RANK_TOLERANCE * variance.max(initial=0)
    variance, axes = variance[kept], axes[:, kept]
    whiten = axes / np.sqrt(variance)
    scores = centered @ whiten
    around = mean @ scores
    likeness = scores.T @ around / n
    autocorrelation, rotation = np.linalg.eigh((likeness + likeness.T) / 2)
    autocorrelation, rotation = autocorrelation[::-1], rotation[:, ::-1]
    both_ways = (mean + mean.T) / 2
    back = (axes * np.sqrt(variance) @ rotation).T
    lonely = np.diff(graph.indptr) == 0
    around -= scores
    around[lonely] = 0
    n_met = n - int(np.count_nonzero(lonely))
    return Directions(
        autocorrelation=autocorrelation,
        threshold=2 * np.sqrt(len(variance)) * float(sp.linalg.norm(both_ways)) / n,
        variance=np.sum(back**2, axis=1),
        noise=_noise(variance, n / max(n_features, len(variance))) @ rotation**2,
        difference=np.sum(rotation * (around.T @ around @ rotation), axis=0) / max(n_met, 1),
        n_met=n_met,
        spread=float(sp.linalg.norm(mean) ** 2 / max(n_met, 1)),
        into=whiten @ rotation,
        back=back,
    )


def _noise(variance: NDArray[np.float64], c: float) -> NDArray[np.float64]:
    """Share of noise in principal components of these variances, the least first."""
    if len(variance) == 0:
        return variance
    least = int(np.argmax(np.append(variance[:-1] >= _GAP * variance[1:], True)))
    times = (1 + np.sqrt(c)) ** 2 * np.maximum(variance / variance[least], 1)
    half = (times - 1 - c) / 2
    t = half + np.sqrt(np.maximum(half**2 - c, 0))
    return c * (1 + t) / (t * (t + c))


def best_share(modalities: Sequence[Directions], *, weighted: bool) -> float:
    """The neighbours' share of an average that loses the most noise and the least signal.

    An average of a spot and, with a share s, the mean of its k neighbours strays from what the
    spot would be without noise by ``(1 − s)² F + s² (F/k + D)``, where F is the noise and D how
    much else spot and neighbours differ. Its least is at ``s = F / (F + F/k + D)``, and the whole
    denominator is what spots and the mean of their neighbours are seen to differ by. F and it are
    summed over directions, by their variance and each for itself, and over modalities, by the
    spots that have neighbours: one share serves all, and their proportions stay. Never more than
    one half, lest neighbours outweigh a spot where what seems noise is none. Modalities of less
    than ten directions have no say, since noise cannot be told of them; of such alone it is 0.35.

    Parameters
    ----------
    modalities
        Directions of each.
    weighted
        Whether directions count by their weight in space.

    Returns
    -------
    s, from 0 to 0.5.
    """
    noise = difference = least = 0.0
    for one in modalities:
        if not one.tells_noise:
            continue
        size = one.n_met * (one.variance * one.weight**2 if weighted else one.variance)
        noise += float(size @ one.noise)
        difference += float(size @ one.difference)
        least += float(size @ one.noise) * (1 + one.spread)
    if noise == 0:
        return _USUAL_SHARE
    return min(noise / max(difference, least), _MOST_SHARE)
