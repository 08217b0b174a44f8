"""A fitted mixture of Gaussians: the model behind domains, for spots old and new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import softmax
from scipy.stats import chi2

from smartcore.clustering._embedding import Floats, check_embedding

# Where distances are those of a Gaussian, one spot in a thousand lies beyond that radius; tails of
# real domains are heavier, and twice as far belongs to none of them.
_TAIL = 0.999
_TIMES = 2.0


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians with one covariance, and the way to it from an embedding.

    The scores of a spot are its embedding less ``center``, times ``axes``. Values below ``lower``
    or above ``upper`` are taken for these, so that an outlier pulls no mean towards it.

    Attributes
    ----------
    center
        Mean of the embedding, shape (n_dims,).
    axes
        Linear map from the centred embedding to scores, shape (n_dims, n_scores).
    lower, upper
        Bounds of the scores, shape (n_scores,); infinite where there is none.
    weights
        Share of each cluster, shape (n_clusters,), with a sum of 1.
    means
        Mean scores of each cluster, shape (n_clusters, n_scores).
    covariance
        Covariance of the scores within any cluster, shape (n_scores, n_scores).
    """

    center: Floats
    axes: Floats
    lower: Floats
    upper: Floats
    weights: Floats
    means: Floats
    covariance: Floats

    def scores(self, embedding: npt.ArrayLike) -> Floats:
        """Scores of spots within the bounds.

        Parameters
        ----------
        embedding
            Array of shape (n_spots, n_dims), finite.

        Returns
        -------
        Array of shape (n_spots, n_scores).

        Raises
        ------
        TypeError, ValueError
            If the embedding is no such array.
        """
        return np.clip(self._unbounded(embedding), self.lower, self.upper)

    def memberships(self, embedding: npt.ArrayLike) -> Floats:
        """Probability of each cluster for each spot.

        Parameters
        ----------
        embedding
            Array of shape (n_spots, n_dims), finite.

        Returns
        -------
        Array of shape (n_spots, n_clusters), rows with a sum of 1.

        Raises
        ------
        TypeError, ValueError
            If the embedding is no such array.
        """
        return np.asarray(softmax(self._discriminants(embedding), axis=1))

    def labels(self, embedding: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Most probable cluster of each spot.

        Parameters
        ----------
        embedding
            Array of shape (n_spots, n_dims), finite.

        Returns
        -------
        Array of shape (n_spots,), from 0 to n_clusters - 1.

        Raises
        ------
        TypeError, ValueError
            If the embedding is no such array.
        """
        return np.argmax(self._discriminants(embedding), axis=1)

    def distances(self, embedding: npt.ArrayLike) -> Floats:
        """Mahalanobis distance of each spot to the nearest mean, bounds left aside.

        Parameters
        ----------
        embedding
            Array of shape (n_spots, n_dims), finite.

        Returns
        -------
        Array of shape (n_spots,).

        Raises
        ------
        TypeError, ValueError
            If the embedding is no such array.
        """
        root = np.linalg.cholesky(self.covariance)
        x = solve_triangular(root, self._unbounded(embedding).T, lower=True)
        means = solve_triangular(root, self.means.T, lower=True)
        nearest = np.full(x.shape[1], np.inf)
        for mean in means.T:
            np.minimum(nearest, ((x - mean[:, None]) ** 2).sum(axis=0), out=nearest)
        return np.sqrt(nearest)

    def far(self, embedding: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Spots that belong to no cluster.

        Their distance to the nearest mean is more than twice that within which 99.9 % of the spots
        of a Gaussian lie.

        Parameters
        ----------
        embedding
            Array of shape (n_spots, n_dims), finite.

        Returns
        -------
        Array of shape (n_spots,).

        Raises
        ------
        TypeError, ValueError
            If the embedding is no such array.
        """
        return self.distances(embedding) > _TIMES * np.sqrt(chi2.ppf(_TAIL, len(self.lower)))

    def arrays(self) -> dict[str, Floats]:
        """Attributes by name, for a file or a record."""
        return {f.name: getattr(self, f.name) for f in fields(Mixture)}

    @classmethod
    def from_arrays(cls, content: Mapping[str, npt.ArrayLike]) -> Mixture:
        """Make a mixture of what :meth:`arrays` gave.

        Parameters
        ----------
        content
            Attribute → array; other entries are left aside.

        Raises
        ------
        KeyError
            If an attribute is missing.
        """
        return cls(**{f.name: np.asarray(content[f.name], np.float64) for f in fields(Mixture)})

    def _unbounded(self, embedding: npt.ArrayLike) -> Floats:
        x = check_embedding(embedding)
        if x.shape[1] != len(self.center):
            raise ValueError(
                f"the embedding has {x.shape[1]} dimensions, but the clusters were found in "
                f"{len(self.center)}: give the embedding that was clustered, or cluster this one"
            )
        return np.asarray((np.asarray(x, np.float64) - self.center) @ self.axes)

    def _discriminants(self, embedding: npt.ArrayLike) -> Floats:
        slopes, offsets = discriminants(self.weights, self.means, self.covariance)
        return np.asarray(self.scores(embedding) @ slopes.T + offsets)


def discriminants(weights: Floats, means: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Logarithm of weight times density, less what all clusters share, as a linear function.

    Parameters
    ----------
    weights, means, covariance
        As in :class:`Mixture`.

    Returns
    -------
    Slopes of shape (n_clusters, n_scores) and offsets of shape (n_clusters,).
    """
    slopes = cho_solve(cho_factor(covariance), means.T).T
    return slopes, np.log(weights) - (slopes * means).sum(axis=1) / 2
