"""Ways to make the target of the reconstruction, by the blocked kNN probe of the target itself.

No network is trained: this asks what is worth reconstructing. Each row is a lead; the last
column but one is the mean of the groups' means. Then the choice is made anew without one group
at a time, and scored on the group left out: how would it have fared on data it did not see?
First of all, the share that neighbours get in the default's average of each set.

    python benchmarks/leads_0_1.py [--sets her2st_A1 …]

With --ari two more tables: ARI of mclust's clusters of the target, mean over K−2 … K+3, and the
same when each spot has gone to the cluster of most of it and its neighbours. They take minutes a
lead; --leads names those wanted.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.neighbors import kneighbors_graph
from suite import sets
from suite.clusters import mclust
from suite.methods import complete
from suite.scoring import ari_by_k, around, n_kinds

from smartcore.metrics import blocked_knn_probe
from smartcore.params import Params
from smartcore.spatial.directions import Directions, best_share, spatial_directions
from smartcore.spatial.graph import guess_n_neighbors, neighbor_mean, smooth, spatial_graph
from smartcore.targets.reconstruction import make_targets, twin_graph


@dataclass
class Case:
    """A set with its graph and each modality at mean 0 and root mean square 1."""

    labelled: sets.LabelledSet
    features: dict[str, np.ndarray]
    graph: sp.csr_matrix
    directions: dict[str, Directions]
    share: float


def case(name: str) -> Case:
    """The case of a set."""
    labelled = sets.load(name)
    centered = {m: x - x.mean(axis=0) for m, x in complete(labelled).items()}
    features = {m: (x / np.sqrt(np.mean(x**2))).astype(np.float32) for m, x in centered.items()}
    k = guess_n_neighbors(labelled.coords)
    graph = spatial_graph(labelled.coords, n_neighbors=k)
    directions = {m: spatial_directions(x, graph) for m, x in features.items()}
    if not any(one.varies for one in directions.values()):
        return Case(labelled, features, graph, directions, 0.0)
    return Case(
        labelled, features, graph, directions, best_share([*directions.values()], weighted=True)
    )


def by_params(**changes: object) -> Callable[[Case], np.ndarray]:
    """What smartcore makes with these changes to the default."""

    def lead(c: Case) -> np.ndarray:
        observed = {name: np.ones(len(x), bool) for name, x in c.features.items()}
        targets, _, _ = make_targets(c.features, observed, c.graph, Params(**changes))
        return np.hstack(list(targets.values()))

    return lead


def weighted(c: Case, exponent: int = 1) -> dict[str, np.ndarray]:
    """Features with their directions weighted, to that power; as they are where none varies."""
    if not c.share:
        return c.features
    return {
        m: x @ np.linalg.matrix_power(c.directions[m].matrix, exponent)
        for m, x in c.features.items()
    }


def averaged(x: np.ndarray, c: Case) -> np.ndarray:
    """Averaged once in space, as much as the default."""
    return smooth(x.astype(np.float32), c.graph, 1, c.share)


def power(exponent: int) -> Callable[[Case], np.ndarray]:
    """Weights of directions to that power; a high one cuts at the threshold."""

    def lead(c: Case) -> np.ndarray:
        return with_twins(averaged(np.hstack(list(weighted(c, exponent).values())), c))

    return lead


def with_twins(x: np.ndarray) -> np.ndarray:
    """Half itself, half its twins, as the default."""
    return smooth(x, twin_graph(x, 15), 1, 0.5)


def one_length(c: Case) -> np.ndarray:
    """Each spot at length 1 once its directions are weighted, before it is averaged."""
    x = np.hstack(list(weighted(c).values()))
    return with_twins(averaged(x / np.linalg.norm(x, axis=1, keepdims=True), c))


def beside(c: Case) -> np.ndarray:
    """Own directions and their neighbours' mean, half each, beside each other as in BANKSY."""
    x = np.hstack(list(weighted(c).values())).astype(np.float32)
    return with_twins(np.hstack([x, neighbor_mean(c.graph) @ x]))


def all_modalities(exponent: int) -> Callable[[Case], np.ndarray]:
    """Directions of all modalities together, weighted to that power."""

    def lead(c: Case) -> np.ndarray:
        x = np.hstack(list(c.features.values()))
        matrix = spatial_directions(x, c.graph).matrix
        return with_twins(averaged(x @ np.linalg.matrix_power(matrix, exponent), c))

    return lead


def all_neighbours(c: Case) -> np.ndarray:
    """Twins need not be mutual."""
    x = by_params(n_twins=0)(c)
    return smooth(x, sp.csr_matrix(kneighbors_graph(x, 15)), 1, 0.5)


def linear_predictor(c: Case) -> np.ndarray:
    """Each component predicted from itself and its neighbours' mean, the part that does not
    vary in space (nugget) told by the decay of its autocovariance over two rings.
    """
    x = np.hstack(list(c.features.values())).astype(np.float64)
    mean = neighbor_mean(c.graph)
    second = sp.csr_matrix((c.graph @ c.graph > 0).astype(np.float32))
    second = second - second.multiply(c.graph > 0)
    second.setdiag(0)
    second.eliminate_zeros()
    around = mean @ x
    variance = np.mean(x**2, axis=0)
    near = np.clip(np.mean(x * around, axis=0) / variance, 0, 1)
    far = np.mean(x * (neighbor_mean(sp.csr_matrix(second)) @ x), axis=0) / variance
    signal = np.where(far > 0.02, np.clip(near**2 / np.maximum(far, 1e-9), near, 1), near)
    spread = np.mean(around**2, axis=0) / variance
    out = np.empty_like(x)
    for j in range(x.shape[1]):
        inner = np.array([[1, near[j]], [near[j], spread[j]]]) + 1e-9 * np.eye(2)
        own, others = np.clip(np.linalg.solve(inner, [signal[j], near[j]]), 0, None)
        out[:, j] = own * x[:, j] + others * around[:, j]
    return out


def bilateral(c: Case) -> np.ndarray:
    """Neighbours weighted by how alike they are after one average."""
    parts = []
    for x in c.features.values():
        i, j = c.graph.nonzero()
        averaged = smooth(x, c.graph, 1)
        apart = np.sum((averaged[i] - averaged[j]) ** 2, axis=1)
        weight = np.exp(-apart / np.median(apart))
        matrix = sp.csr_matrix((weight, (i, j)), shape=c.graph.shape) + sp.identity(len(x))
        parts.append(neighbor_mean(sp.csr_matrix(matrix)) @ x)
    return np.hstack(parts)


def share_by(n_features: int) -> Callable[[Case], np.ndarray]:
    """As if the components were of that many features."""

    def lead(c: Case) -> np.ndarray:
        directions = [
            spatial_directions(x, c.graph, n_features=n_features) for x in c.features.values()
        ]
        return by_params(neighbor_share=best_share(directions, weighted=True))(c)

    return lead


def share_each(c: Case) -> np.ndarray:
    """A share of its own for each modality."""
    parts = []
    for m, x in weighted(c).items():
        share = best_share([c.directions[m]], weighted=True) if c.share else 0.0
        parts.append(smooth(x.astype(np.float32), c.graph, 1, share))
    return with_twins(np.hstack(parts))


PLAIN = {"target_weights": "none", "n_twins": 0}
DEFAULT = "default: share from noise, directions, twins"
LEADS: dict[str, Callable[[Case], np.ndarray]] = {
    "components": by_params(**PLAIN, target_hops=0),
    "1 hop, neighbours' share 0.35": by_params(**PLAIN, neighbor_share=0.35),
    "1 hop, share 0.5": by_params(**PLAIN, neighbor_share=0.5),
    "2 hops, share 0.5": by_params(**PLAIN, neighbor_share=0.5, target_hops=2),
    "1 hop, share from noise": by_params(**PLAIN),
    "linear predictor with a nugget": linear_predictor,
    "neighbours weighted by likeness": bilateral,
    "share from noise, directions weighted": by_params(n_twins=0),
    "share from noise, twins": by_params(target_weights="none"),
    DEFAULT: by_params(),
    "default, share 0.2": by_params(neighbor_share=0.2),
    "default, share 0.35": by_params(neighbor_share=0.35),
    "default, share 0.5": by_params(neighbor_share=0.5),
    "default, noise of 30 features": share_by(30),
    "default, noise of 3,000 features": share_by(3000),
    "default, a share a modality": share_each,
    "default, 2 hops": by_params(target_hops=2),
    "default, own beside neighbours' mean": beside,
    "default, amplitudes for variances": power(2),
    "default, cut at the threshold": power(40),
    "default, directions of all modalities together": all_modalities(1),
    "default, those cut at the threshold": all_modalities(40),
    "default, spots at one length": one_length,
    "default, 8 twins": by_params(n_twins=8),
    "default, 30 twins": by_params(n_twins=30),
    "default, twins not mutual": all_neighbours,
}


def probe(embedding: np.ndarray, labelled: sets.LabelledSet) -> float:
    """Mean over the labelings."""
    return float(
        np.mean(
            [
                blocked_knn_probe(embedding, labels, labelled.coords)
                for labels in labelled.truths.values()
            ]
        )
    )


def clusters(embedding: np.ndarray, labelled: sets.LabelledSet) -> dict[int, np.ndarray]:
    """Clusters by their number, for all numbers that are scored."""
    numbers = {k for t in labelled.truths.values() for k in around(n_kinds(t))}
    return mclust(embedding, sorted(numbers), seed=0)


def voted(found: dict[int, np.ndarray], graph: sp.csr_matrix) -> dict[int, np.ndarray]:
    """Each spot in the cluster that most of it and its spatial neighbours are in."""
    votes = graph + sp.identity(graph.shape[0], format="csr")
    return {k: np.argmax(votes @ np.eye(c.max() + 1)[c], axis=1) for k, c in found.items()}


def mean_ari(found: dict[int, np.ndarray], labelled: sets.LabelledSet) -> float:
    """Mean over the labelings and numbers of clusters."""
    truths = labelled.truths.values()
    return float(np.mean([np.mean(list(ari_by_k(t, found).values())) for t in truths]))


def grouped(rows: dict[tuple[str, str], dict[str, float]]) -> pd.DataFrame:
    """Means by group of sets, their mean, and the mean of all sets; a lead a row."""
    scores = pd.DataFrame(rows).T
    by_group = scores.groupby(level=0, sort=False).mean().T
    by_group["mean"] = by_group.mean(axis=1)
    by_group["all sets"] = scores.mean()
    return by_group


def main() -> None:
    """Print the table, and the choices made without a group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", default=sets.names(), help="of sets or of groups")
    parser.add_argument("--leads", nargs="+", choices=LEADS, default=list(LEADS), metavar="LEAD")
    parser.add_argument("--ari", action="store_true", help="score clusters, too")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    probes, aris, after_vote, shares = {}, {}, {}, {}
    for name in [one for chosen in given.sets for one in sets.groups().get(chosen, [chosen])]:
        c = case(name)
        shares[name] = c.share
        targets = {lead: LEADS[lead](c) for lead in given.leads}
        probes[c.labelled.group, name] = {
            lead: probe(target, c.labelled) for lead, target in targets.items()
        }
        if given.ari:
            found = {lead: clusters(target, c.labelled) for lead, target in targets.items()}
            aris[c.labelled.group, name] = {
                lead: mean_ari(of, c.labelled) for lead, of in found.items()
            }
            after_vote[c.labelled.group, name] = {
                lead: mean_ari(voted(of, c.graph), c.labelled) for lead, of in found.items()
            }
    by_group = grouped(probes)
    print(f"Neighbours' share\n{pd.Series(shares).round(2).to_string()}\n")
    print(by_group.round(3).to_string(), "\n")
    if given.ari:
        print(f"ARI, mean over K−2 … K+3\n{grouped(aris).round(3).to_string()}\n")
        print(f"After a vote of spatial neighbours\n{grouped(after_vote).round(3).to_string()}\n")
    if set(given.leads) != set(LEADS):
        return
    groups = by_group.columns[:-2]
    for group in groups if len(groups) > 1 else ():
        chosen = by_group[groups.drop(group)].mean(axis=1).idxmax()
        print(
            f"Chosen without {group}: {chosen}; there {by_group.loc[chosen, group]:.3f} "
            f"(the best of all leads {by_group[group].max():.3f}, "
            f"one hop {by_group.loc['1 hop, share 0.5', group]:.3f})"
        )


if __name__ == "__main__":
    main()
