"""Series and tables are matched by the names of their rows."""

import numpy as np
import pandas as pd
import pytest

import smartcore as sm
from smartcore import metrics

NAMES = [f"s{i}" for i in range(60)]
RNG = np.random.default_rng(0)
TRUTH = pd.Series(np.repeat(list("abc"), 20), index=NAMES)
FOUND = TRUTH.where(RNG.random(60) > 0.2, "a")
SECTIONS = pd.Series(np.tile(list("xyz"), 20), index=NAMES)
POINTS = pd.DataFrame(RNG.normal(size=(60, 2)) + 3 * np.repeat(np.eye(3)[:, :2], 20, 0), NAMES)
SHUFFLED = RNG.permutation(60)

SCORES = {
    "ari": lambda one, other: metrics.ari(TRUTH, other(FOUND)),
    "scores": lambda one, other: metrics.scores(TRUTH, other(FOUND))["nmi"],
    "section_ari": lambda one, other: metrics.section_ari(TRUTH, other(FOUND), SECTIONS).sum(),
    "domain_proportions": lambda one, other: (
        metrics.domain_proportions(FOUND, other(SECTIONS)).to_numpy().std()
    ),
    "silhouette": lambda one, other: metrics.silhouette(POINTS, other(TRUTH)),
    "davies_bouldin": lambda one, other: metrics.davies_bouldin(other(POINTS), TRUTH),
    "chaos": lambda one, other: metrics.chaos(TRUTH, other(POINTS), SECTIONS),
    "pas": lambda one, other: metrics.pas(TRUTH, POINTS, other(SECTIONS)),
    "spatial_silhouette": lambda one, other: metrics.spatial_silhouette(TRUTH, other(POINTS)),
    "ilisi": lambda one, other: metrics.ilisi(POINTS, other(TRUTH), n_neighbors=12),
    "kbet": lambda one, other: metrics.kbet(POINTS, other(TRUTH), n_neighbors=12),
    "probe": lambda one, other: metrics.blocked_knn_probe(POINTS, other(TRUTH), POINTS, radius=0.1),
    "modality_correlation": lambda one, other: (
        metrics.modality_correlation(POINTS, {"rna": other(POINTS**3)}).loc[NAMES].sum().sum()
    ),
}


@pytest.mark.parametrize("name", SCORES)
def test_rows_in_another_order_give_the_same(name):
    same = SCORES[name](None, lambda x: x)
    assert SCORES[name](None, lambda x: x.iloc[SHUFFLED]) == pytest.approx(same)


def test_rows_of_a_frame_numbered_by_pandas():
    truth = TRUTH.reset_index(drop=True)
    assert metrics.ari(truth, truth.sample(frac=1, random_state=0)) == 1
    # Numbers of rows are no names where the other has some.
    assert metrics.ari(truth, TRUTH) == 1


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (TRUTH.iloc[:50], "10 of 60 in truth are not in predicted"),
        (TRUTH.rename({"s3": "t3"}), r"1 of 60 in truth are not in predicted \(first: 's3'\)"),
        (TRUTH.rename({"s3": "s4"}), "predicted has rows of one name"),
    ],
)
def test_other_spots_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        metrics.ari(TRUTH, other)


def test_an_array_beside_tables_in_different_order_is_refused():
    with pytest.raises(ValueError, match="sections has no names"):
        metrics.section_ari(TRUTH, TRUTH.iloc[SHUFFLED], SECTIONS.to_numpy())


def test_the_plot_of_correlations_follows_the_names():
    table = metrics.modality_correlation(POINTS, {"rna": POINTS**3})
    one = sm.pl.modality_correlation(table, TRUTH)
    other = sm.pl.modality_correlation(table, TRUTH.iloc[SHUFFLED])
    lines = [[line.get_ydata() for line in ax.lines] for ax in (one, other)]
    for a, b in zip(*lines, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("which", ["features", "coords", "sections", "observed"])
def test_integrate_refuses_rows_in_another_order(which):
    given = {
        "features": {"rna": POINTS, "protein": POINTS**2},
        "coords": POINTS,
        "sections": SECTIONS,
        "observed": {"rna": pd.Series(data=True, index=NAMES)},
    }
    if which in ("features", "observed"):
        name = list(given[which])[-1]
        given[which] = given[which] | {name: given[which][name].iloc[SHUFFLED]}
    else:
        given[which] = given[which].iloc[SHUFFLED]
    with pytest.raises(ValueError, match="name the same spots in different order"):
        sm.integrate(**given, epochs=1)
