"""Boxes and bars."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from helpers.pl import legend_of
from smartcore import pl
from smartcore.pl._colors import MISSING, PALETTE

pytestmark = pytest.mark.usefixtures("no_side_effects")


def test_modality_correlation():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(-1, 1, (60, 2)), columns=["rna", "protein"])
    labels = np.array([f"d{i % 3 + 9}" for i in range(60)], dtype=object)
    table.iloc[0, 0] = np.nan
    table.loc[labels == "d11", "protein"] = np.nan
    labels[1] = None
    ax = pl.modality_correlation(table, labels)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["d9", "d10", "d11"]
    assert ax.get_ylabel() == "Correlation of distances"
    assert legend_of(ax) == {"rna": PALETTE[0], "protein": PALETTE[1]}
    medians = sorted(
        (line.get_xdata().mean(), line.get_ydata()[0])
        for line in ax.get_lines()
        if line.get_color() == "black" and line.get_linewidth() == 1.4
    )
    expected = []
    for i, name in enumerate(["d9", "d10", "d11"]):
        for m, modality in enumerate(table):
            values = table.loc[labels == name, modality].dropna()
            if len(values):
                expected.append((i + (m - 0.5) * 0.4, values.median()))
    np.testing.assert_allclose(medians, expected, atol=1e-12)
    boxes = [patch for patch in ax.patches if patch.get_path().vertices.shape[0] > 4]
    assert [to_hex(b.get_facecolor()).upper() for b in boxes] == [PALETTE[0]] * 3 + [PALETTE[1]] * 2


def test_modality_correlation_refuses_bad_input():
    table = pd.DataFrame({"rna": [0.1, np.nan]})
    with pytest.raises(ValueError, match="2 rows and labels 3"):
        pl.modality_correlation(table, ["a", "b", "b"])
    with pytest.raises(ValueError, match="nothing to draw"):
        pl.modality_correlation(table, [None, "b"])
    with pytest.raises(TypeError, match="DataFrame"):
        pl.modality_correlation(np.ones((2, 1)), ["a", "b"])


def test_domain_sizes(adata):
    other = adata[:46].copy()
    other.obs["codes"] = [i // 4 for i in range(46)]
    other.obs["codes"] = other.obs["codes"].astype("Int64")
    other.obs.loc["spot0", "codes"] = pd.NA
    ax = pl.domain_sizes(other, "codes")
    assert [int(b.get_height()) for b in ax.patches] == [3, *[4] * 10, 2, 1]
    assert [t.get_text() for t in ax.get_xticklabels()] == [*map(str, range(12)), "missing"]
    assert [to_hex(b.get_facecolor()).upper() for b in ax.patches] == [*PALETTE[:12], MISSING]
    assert [t.get_text() for t in ax.texts] == ["3", *["4"] * 10, "2", "1"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("codes", "Number of spots")


def test_domain_shares_of_sections(adata):
    ax = pl.domain_sizes(adata, section_key="section")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["s2", "s10"]
    shares = pd.crosstab(adata.obs["smart"], adata.obs["section"], normalize="columns")
    heights = np.array([b.get_height() for b in ax.patches]).reshape(12, 2)
    np.testing.assert_allclose(heights, shares.loc[[str(i) for i in range(12)], ["s2", "s10"]])
    bottoms = np.array([b.get_y() for b in ax.patches]).reshape(12, 2)
    np.testing.assert_allclose(bottoms[:-1], (bottoms + heights)[1:])
    np.testing.assert_allclose(bottoms[-1], 0, atol=1e-12)
    assert legend_of(ax) == {str(i): PALETTE[i] for i in range(12)}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("section", "Proportion of spots")
    other = adata.copy()
    other.obs.loc["spot3", "section"] = None
    with pytest.raises(ValueError, match=r"obs\['section'\] is missing for 1 spots"):
        pl.domain_sizes(other, section_key="section")


def test_long_names_are_slanted(adata):
    other = adata.copy()
    other.obs["long"] = [f"a rather long name {i % 9}" for i in range(48)]
    ax = pl.domain_sizes(other, "long")
    ax.figure.draw_without_rendering()
    extents = [t.get_window_extent() for t in ax.get_xticklabels()]
    assert all(t.get_rotation() == 45 for t in ax.get_xticklabels())
    assert all(e.y0 >= 0 for e in extents)
    assert all(t.get_rotation() == 0 for t in pl.domain_sizes(adata).get_xticklabels())
