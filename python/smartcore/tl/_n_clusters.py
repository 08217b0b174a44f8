"""How many domains: criteria for each number of clusters."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from smartcore._keys import EMBEDDING
from smartcore.clustering import (
    ClusterCountError,
    check_embedding,
    check_integer,
    distinct_rows,
    partitioner,
    resolve_method,
)
from smartcore.given.left_out import rows_there
from smartcore.tl._cluster import embedding_of

if TYPE_CHECKING:
    from smartcore.clustering import NPcs
    from smartcore.tl._cluster import Sectioned

logger = logging.getLogger("smartcore")

_MOST_SPOTS = 5_000
_SILHOUETTE_SPOTS = 3_000  # its cost is quadratic
_CRITERIA = {"silhouette": False, "davies_bouldin": True, "stability": False}  # lower is better?

Told = Callable[[int, int], object]
LabelsOf = Callable[[int, int], npt.NDArray[np.int32]]


def choose_n_clusters(
    data: Sectioned,
    n_clusters: Iterable[int] = range(2, 16),
    *,
    method: str | None = None,
    use_rep: str = EMBEDDING,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    n_repeats: int = 5,
    subsample: float = 0.8,
    seed: int = 0,
    progress: bool = True,
) -> pd.DataFrame:
    """Score numbers of clusters of the embedding by three criteria.

    Reads ``data.obsm[use_rep]`` and writes nothing to ``data``. For what the
    criteria mean, what they are biased to, the other parameters, the table
    returned and the errors see :func:`score_n_clusters`.

    Parameters
    ----------
    data
        AnnData or MuData with the embedding in ``obsm``, or a list or dict of such.
    n_clusters, method, n_pcs, n_neighbors, n_repeats, subsample, seed, progress
        As in :func:`score_n_clusters`.
    use_rep
        Key in ``obsm`` of the embedding, shape (n_spots, n_dims).

    Returns
    -------
    Table of one row per number of clusters; ``attrs["suggested"]`` is the number
    of smallest mean rank.

    Raises
    ------
    KeyError
        If ``obsm`` has no ``use_rep``.
    TypeError, ValueError, ImportError
        As :func:`score_n_clusters`.

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> from smartcore.tl._n_clusters import choose_n_clusters
    >>> rng = np.random.default_rng(0)
    >>> adata = ad.AnnData(shape=(90, 0))
    >>> adata.obsm["X_smart"] = np.repeat(np.eye(3) * 9, 30, axis=0) + rng.normal(size=(90, 3))
    >>> table = choose_n_clusters(adata, range(2, 6), progress=False)
    >>> list(table.columns)
    ['silhouette', 'davies_bouldin', 'stability', 'rank']
    >>> table.attrs["suggested"]
    3
    """
    embedding = embedding_of(data, use_rep)
    logger.info("Comparing numbers of clusters.")
    return score_n_clusters(
        embedding[rows_there(embedding)],
        n_clusters,
        method=method,
        n_pcs=n_pcs,
        n_neighbors=n_neighbors,
        n_repeats=n_repeats,
        subsample=subsample,
        seed=seed,
        progress=progress,
    )


def score_n_clusters(
    embedding: npt.ArrayLike,
    n_clusters: Iterable[int] = range(2, 16),
    *,
    method: str | None = None,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    n_repeats: int = 5,
    subsample: float = 0.8,
    seed: int = 0,
    progress: bool = True,
    callback: Told | None = None,
) -> pd.DataFrame:
    """Score numbers of clusters of an array by three criteria.

    Where there are more than 5,000 spots, 5,000 are drawn once and stand for all.

    - *silhouette* [1]_ (higher is better), in the principal components that are
      clustered; above 3,000 spots on 3,000 of them drawn once.
    - *Davies-Bouldin index* [2]_ (lower is better), there too.
    - *stability* [3]_ (higher is better): the mean adjusted Rand index between
      clusterings of every two of ``n_repeats`` random subsamples, on the spots
      that both hold.

    None of them knows the right number. Silhouette and Davies-Bouldin measure
    Euclidean distances and favour few, round, compact clusters of like size; they
    mark down elongated domains, domains that grade into one another, and small
    ones. Stability is high whenever the coarsest split is plain, so it too leans to
    few clusters, and it can be high for a number that is plainly too low. The mean
    rank weighs the three alike, depends on which numbers are compared, and is no
    test: read the curves, and let the tissue decide.

    Parameters
    ----------
    embedding
        Array of shape (n_spots, n_dims), finite.
    n_clusters
        Numbers of clusters to compare, each from 2 to the spots of a subsample;
        taken in increasing order, each once.
    method
        Clustering method, as in :func:`smartcore.clustering.find_clusters`. The default,
        ``"shrunk"``, starts in each subsample from the mixture of all spots as well as anew, and
        takes seconds; ``"gmm"`` and ``"mclust"`` take minutes.
    n_pcs, n_neighbors
        As in :func:`smartcore.clustering.find_clusters`.
    n_repeats
        Number of subsamples, at least 2; each number of clusters takes
        ``n_repeats + 1`` clusterings.
    subsample
        Fraction of the (at most 5,000) spots in a subsample, above 0.5 and below 1.
    seed
        Seed of all random numbers, in [0, 2**31).
    progress
        Show a progress bar on standard error.
    callback
        Called after each clustering with the number of those done and of all; what it raises ends
        the comparison.

    Returns
    -------
    Table indexed by ``n_clusters`` with columns ``silhouette``, ``davies_bouldin``,
    ``stability`` and ``rank`` (the mean rank over the three, 1 being best).
    ``attrs["suggested"]`` is the number of smallest mean rank, the fewer clusters
    on a tie; ``attrs["method"]`` the method taken, ``attrs["n_spots"]`` how many spots were
    clustered, ``attrs["lower_is_better"]`` says it of each criterion. A number that the method
    cannot reach, or for which a criterion is undefined, has NaN and a warning.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or no number could be scored.
    ImportError
        If ``method="mclust"`` and R, mclust or rpy2 is absent.

    References
    ----------
    .. [1] Rousseeuw, J. Comput. Appl. Math. 20, 53 (1987).
    .. [2] Davies & Bouldin, IEEE Trans. Pattern Anal. 1, 224 (1979).
    .. [3] Ben-Hur, Elisseeff & Guyon, Pac. Symp. Biocomput. 7, 6 (2002).

    Examples
    --------
    >>> import numpy as np
    >>> from smartcore.tl._n_clusters import score_n_clusters
    >>> rng = np.random.default_rng(0)
    >>> x = np.repeat(np.eye(3) * 9, 30, axis=0) + rng.normal(size=(90, 3))
    >>> score_n_clusters(x, [2, 3, 4], progress=False).attrs["suggested"]
    3
    """
    method = resolve_method(method)
    drawn = draw(embedding, n_clusters, n_repeats=n_repeats, subsample=subsample, seed=seed)
    z, partition = partitioner(drawn.x, method, n_pcs=n_pcs, n_neighbors=n_neighbors, seed=seed)
    return score_labels(
        drawn,
        z,
        lambda k, part: partition(k, drawn.parts[part]),
        method=method,
        progress=progress,
        callback=callback,
    )


@dataclass(frozen=True)
class Drawn:
    """Spots that numbers of clusters are compared on.

    Attributes
    ----------
    x
        Embedding of these spots.
    numbers
        The numbers of clusters, in increasing order.
    parts
        What is clustered into each number: None, for all rows of ``x``, and rows of subsamples.
    rng
        For what is drawn after these.
    """

    x: npt.NDArray
    numbers: list[int]
    parts: list[npt.NDArray[np.intp] | None]
    rng: np.random.Generator


def draw(
    embedding: npt.ArrayLike,
    n_clusters: Iterable[int],
    *,
    n_repeats: int = 5,
    subsample: float = 0.8,
    seed: int = 0,
) -> Drawn:
    """Draw the spots and subsamples of :func:`score_n_clusters`, whose parameters these are."""
    x = check_embedding(embedding)
    n_repeats = check_integer("n_repeats", n_repeats, 2)
    seed = check_integer("seed", seed, 0, 2**31 - 1)
    rng = np.random.default_rng(seed)
    n_all = len(x)
    if n_all > _MOST_SPOTS:
        x = x[np.sort(rng.choice(n_all, _MOST_SPOTS, replace=False))]
        logger.info("Numbers of clusters are compared on %d of the %d spots.", len(x), n_all)
    samples = _subsamples(x, subsample, n_repeats, rng)
    return Drawn(x, _numbers(x, n_clusters, samples), [None, *samples], rng)


def score_labels(
    drawn: Drawn,
    z: npt.NDArray[np.floating],
    labels_of: LabelsOf,
    *,
    method: str,
    progress: bool = False,
    callback: Told | None = None,
) -> pd.DataFrame:
    """Score clusters of what was drawn.

    Parameters
    ----------
    drawn
        From :func:`draw`; its generator is used up.
    z
        What is clustered of ``drawn.x``, shape (n_spots, n_components).
    labels_of
        Of a number of clusters and an index of ``drawn.parts``: the labels of these rows.
        ``RuntimeError`` or ``ClusterCountError`` from it leaves the number without scores.
    method, progress, callback
        As for :func:`score_n_clusters`, whose table is returned.
    """
    from sklearn.metrics import pairwise_distances
    from tqdm.auto import tqdm

    numbers, samples = drawn.numbers, [part for part in drawn.parts if part is not None]
    seen = np.arange(len(z))
    if len(z) > _SILHOUETTE_SPOTS:
        seen = np.sort(drawn.rng.choice(len(z), _SILHOUETTE_SPOTS, replace=False))
    apart = pairwise_distances(z[seen])

    rows = []
    total = len(numbers) * len(drawn.parts)
    with tqdm(total=total, desc="clustering", disable=not progress) as bar:
        done = 0

        def advance(to: int) -> None:
            nonlocal done
            bar.update(to - done)
            done = to
            if callback is not None:
                callback(done, total)

        for place, k in enumerate(numbers, start=1):
            found = []
            for part in range(len(drawn.parts)):
                try:
                    found.append(labels_of(k, part))
                except (ClusterCountError, RuntimeError) as error:
                    warnings.warn(f"n_clusters={k} is not scored: {error}", stacklevel=3)
                    break
                advance(done + 1)
            if len(found) == len(drawn.parts):
                rows.append(_scores(z, seen, apart, found[0], samples, found[1:]))
            else:
                rows.append(dict.fromkeys(_CRITERIA, np.nan))
                advance(place * len(drawn.parts))

    table = pd.DataFrame(rows, index=pd.Index(numbers, name="n_clusters"))
    complete = table.dropna()
    if complete.empty:
        raise ValueError(
            f"none of the numbers of clusters {numbers} could be scored with method={method!r}; "
            "the warnings say why"
        )
    ranks = [complete[name].rank(ascending=lower) for name, lower in _CRITERIA.items()]
    table["rank"] = pd.concat(ranks, axis=1).mean(axis=1)
    table.attrs["suggested"] = int(table["rank"].idxmin())
    table.attrs["method"] = method
    table.attrs["n_spots"] = len(z)
    table.attrs["lower_is_better"] = dict(_CRITERIA)
    return table


def _scores(
    z: npt.NDArray[np.floating],
    seen: npt.NDArray[np.intp],
    apart: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int32],
    samples: list[npt.NDArray[np.intp]],
    labels_of_samples: list[npt.NDArray[np.int32]],
) -> dict[str, float]:
    """All criteria of one number of clusters; ``apart``: distances between the spots ``seen``."""
    from sklearn.metrics import adjusted_rand_score, davies_bouldin_score
    from sklearn.metrics import silhouette_score as silhouette_of

    def silhouette(labels: npt.NDArray[np.int32]) -> float:
        return float(silhouette_of(apart, labels[seen], metric="precomputed"))

    agreement = []
    clusterings = zip(samples, labels_of_samples, strict=True)
    parts = [pd.Series(found, index=spots) for spots, found in clusterings]
    for one, other in combinations(parts, 2):
        both = one.index.intersection(other.index)
        agreement.append(adjusted_rand_score(one[both], other[both]))
    return {
        "silhouette": _defined(silhouette, labels, labels[seen]),
        "davies_bouldin": _defined(lambda found: davies_bouldin_score(z, found), labels, labels),
        "stability": float(np.mean(agreement)),
    }


def _subsamples(
    x: npt.NDArray, subsample: float, n_repeats: int, rng: np.random.Generator
) -> list[npt.NDArray[np.intp]]:
    """Draw random subsets of the rows, any two of which share rows."""
    if isinstance(subsample, bool) or not isinstance(subsample, (int, float, np.number)):
        raise TypeError(f"subsample={subsample!r} is not a number")
    if not 0.5 < subsample < 1:
        raise ValueError(f"subsample={subsample!r}: give a fraction above 0.5 and below 1")
    size = int(subsample * len(x))
    if 2 * size - len(x) < 2:
        raise ValueError(
            f"{len(x)} spots are too few to compare subsamples of {size} spots: two of them may "
            "share fewer than 2"
        )
    return [np.sort(rng.choice(len(x), size, replace=False)) for _ in range(n_repeats)]


def _numbers(
    x: npt.NDArray, n_clusters: Iterable[int], samples: list[npt.NDArray[np.intp]]
) -> list[int]:
    """Check the numbers of clusters against what the subsamples hold."""
    if isinstance(n_clusters, str) or not isinstance(n_clusters, Iterable):
        raise TypeError(f"n_clusters={n_clusters!r}: give several integers, as range(2, 16)")
    numbers = sorted({check_integer("n_clusters", k, 2) for k in n_clusters})
    if not numbers:
        raise ValueError("n_clusters is empty: give integers of at least 2, as range(2, 16)")
    most = min(len(samples[0]), len(x) - 1)
    what = f"a subsample has {len(samples[0])} of the {len(x)} spots"
    if numbers[-1] <= most:
        most = min(int(distinct_rows(x[rows], numbers[-1]).max()) + 1 for rows in samples)
        what = f"a subsample has as few as {most} distinct spots"
    if numbers[-1] > most:
        raise ValueError(
            f"n_clusters goes up to {numbers[-1]}, but {what}: ask for at most {most} clusters"
        )
    return numbers


def _defined(
    score: Callable[[npt.NDArray[np.int32]], float],
    labels: npt.NDArray[np.int32],
    scored: npt.NDArray[np.int32],
) -> float:
    """Score the clusters, NaN where the score is undefined for the number of those scored."""
    return float(score(labels)) if 2 <= len(np.unique(scored)) < len(scored) else np.nan
