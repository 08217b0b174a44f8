"""Agreement of two labelings: the seven scores of the SMART paper, through scikit-learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

from smartcore.given.aligned import aligned

from ._labels import Labels, encode, report_missing


def _paired(truth: Labels, predicted: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Codes of both labelings, without the spots whose truth is missing."""
    truth, predicted = aligned(truth=truth, predicted=predicted)
    true_codes, _ = encode(truth, "truth")
    codes, _ = encode(predicted, "predicted")
    if len(true_codes) != len(codes):
        raise ValueError(
            f"truth has {len(true_codes)} labels and predicted {len(codes)}: "
            "give both for the same spots, in the same order"
        )
    known = report_missing(true_codes, "truth")
    n_missing = int((codes[known] < 0).sum())
    if n_missing:
        raise ValueError(
            f"predicted lacks a label for {n_missing} spots whose truth is known: "
            "leave these spots out of both, or give them a label of their own"
        )
    return true_codes[known], codes[known]


def ari(truth: Labels, predicted: Labels) -> float:
    """Adjusted Rand index.

    Parameters
    ----------
    truth
        True labels, shape (n_spots,). Spots whose truth is missing (None, NaN, NA) are left
        out; how many goes to the log.
    predicted
        Predicted labels of the same spots in the same order, shape (n_spots,).

    Returns
    -------
    1 for the same partition, about 0 for a random one; from -0.5 to 1.

    Raises
    ------
    ValueError
        If the lengths differ, no truth is known, or a spot with a known truth lacks a
        prediction.

    References
    ----------
    Hubert and Arabie, "Comparing partitions", J Classif 2, 193 (1985).

    Examples
    --------
    >>> ari(["a", "a", "b", "b"], [1, 1, 0, 0])
    1.0
    """
    return float(sk.adjusted_rand_score(*_paired(truth, predicted)))


def ami(truth: Labels, predicted: Labels) -> float:
    """Mutual information adjusted for chance, arithmetic mean of the entropies.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    1 for the same partition, about 0 for a random one.

    References
    ----------
    Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison",
    JMLR 11, 2837 (2010).
    """
    return float(sk.adjusted_mutual_info_score(*_paired(truth, predicted)))


def nmi(truth: Labels, predicted: Labels) -> float:
    """Mutual information over the arithmetic mean of the entropies.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    From 0 to 1. Not adjusted for chance: more clusters give a higher value.
    """
    return float(sk.normalized_mutual_info_score(*_paired(truth, predicted)))


def homogeneity(truth: Labels, predicted: Labels) -> float:
    """How far each predicted cluster holds one true domain only.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    From 0 to 1; not symmetric, and 1 when every spot is its own cluster.

    References
    ----------
    Rosenberg and Hirschberg, "V-measure", EMNLP-CoNLL (2007).
    """
    return float(sk.homogeneity_score(*_paired(truth, predicted)))


def mutual_info(truth: Labels, predicted: Labels) -> float:
    """Mutual information of two labelings.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    In nats: from 0 to the smaller entropy of the two.
    """
    return float(sk.mutual_info_score(*_paired(truth, predicted)))


def v_measure(truth: Labels, predicted: Labels) -> float:
    """Harmonic mean of homogeneity and completeness.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    From 0 to 1; equal to `nmi` with the arithmetic mean.

    References
    ----------
    Rosenberg and Hirschberg, "V-measure", EMNLP-CoNLL (2007).
    """
    return float(sk.v_measure_score(*_paired(truth, predicted)))


def fmi(truth: Labels, predicted: Labels) -> float:
    """Fowlkes-Mallows index: geometric mean of precision and recall over pairs of spots.

    Parameters, missing labels and errors as in `ari`.

    Returns
    -------
    From 0 to 1.

    References
    ----------
    Fowlkes and Mallows, "A method for comparing two hierarchical clusterings",
    JASA 78, 553 (1983).
    """
    return float(sk.fowlkes_mallows_score(*_paired(truth, predicted)))


_SCORES: dict[str, Callable[..., float]] = {
    "ari": sk.adjusted_rand_score,
    "ami": sk.adjusted_mutual_info_score,
    "nmi": sk.normalized_mutual_info_score,
    "homogeneity": sk.homogeneity_score,
    "mutual_info": sk.mutual_info_score,
    "v_measure": sk.v_measure_score,
    "fmi": sk.fowlkes_mallows_score,
}


def scores(truth: Labels, predicted: Labels) -> dict[str, float]:
    """All seven scores by which the SMART paper compares domains with a truth.

    Parameters
    ----------
    truth
        True labels, shape (n_spots,): strings, integers or categories. Spots whose truth is
        missing (None, NaN, NA) are left out; how many goes to the log ("smartcore", INFO).
    predicted
        Predicted labels of the same spots in the same order, shape (n_spots,).

    Returns
    -------
    ``ari``, ``ami``, ``nmi``, ``homogeneity``, ``mutual_info`` (nats), ``v_measure`` and
    ``fmi``; each is the function of that name.

    Raises
    ------
    ValueError
        If the lengths differ, no truth is known, or a spot with a known truth lacks a
        prediction.

    References
    ----------
    Du et al., "SMART: spatial multi-omic aggregation using graph neural networks and metric
    learning", Nat Commun 17, 2876 (2026).

    Examples
    --------
    >>> result = scores(["a", "a", "b", "b", None], [0, 0, 0, 1, 1])
    >>> sorted(result)
    ['ami', 'ari', 'fmi', 'homogeneity', 'mutual_info', 'nmi', 'v_measure']
    >>> round(result["fmi"], 3)
    0.408
    """
    pair = _paired(truth, predicted)
    return {name: float(score(*pair)) for name, score in _SCORES.items()}
