"""Two ways to divide the spots that the data cannot tell apart."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from smartcore.clustering._embedding import Floats

if TYPE_CHECKING:
    from smartcore.clustering._shrunk import Fit

# Standard errors of the difference within which likelihoods are taken for equal.
_ERRORS = 2.0
# Neighbours in the tissue are alike, so that further spots tell no more.
_MOST_SPOTS = 5_000


def warn_of_rival(z: Floats, fits: list[Fit]) -> None:
    """Warn if a second mixture fits as well as the first but divides the spots differently.

    Log-likelihoods of spots are compared in pairs (Vuong, Econometrica 57, 307 (1989)).

    Parameters
    ----------
    z
        Scores, shape (n_spots, n_scores).
    fits
        One mixture, or two whose partitions differ.

    Warns
    -----
    UserWarning
        With the difference of their likelihoods and the adjusted Rand index between them.
    """
    from sklearn.metrics import adjusted_rand_score

    if len(fits) < 2:
        return
    gain = fits[0].log_densities(z) - fits[1].log_densities(z)
    error = float(gain.std()) / np.sqrt(min(len(z), _MOST_SPOTS))
    if gain.mean() > _ERRORS * error:
        return
    alike = adjusted_rand_score(fits[0].labels(z), fits[1].labels(z))
    n_clusters = len(fits[0].weights)
    warnings.warn(
        f"two different ways to divide the spots into {n_clusters} clusters fit about equally well: "
        f"the mean log-likelihood of a spot is {gain.mean():.4f} ± {error:.4f} higher in the one that "
        f"is returned, and their adjusted Rand index is {alike:.2f}. Borders between these clusters "
        f"are uncertain; consider another number of clusters than {n_clusters}",
        stacklevel=4,
    )
