"""Curves of losses."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from mudata import MuData

from smartcore import pl

pytestmark = pytest.mark.usefixtures("no_side_effects")


@pytest.fixture
def history():
    epochs = np.arange(5, 25)
    return pd.DataFrame(
        {
            "total": 50.0 / epochs,
            "reconstruction": 100.0 / epochs,
            "triplet": 0.1 / epochs,
            "reconstruction_rna": 70.0 / epochs,
            "reconstruction_protein": 30.0 / epochs,
            "triplet_rna": 0.06 / epochs,
            "seconds": epochs * 0.1,
        },
        index=pd.Index(epochs, name="epoch"),
    )


def lines_of(panel):
    return {line.get_label(): line.get_xydata() for line in panel.get_lines()}


def test_losses(history):
    panels = pl.losses(history)
    assert [p.get_ylabel() for p in panels] == ["Total", "Reconstruction", "Triplet"]
    assert panels[-1].get_xlabel() == "Epoch"
    expected = [
        {"all": "total"},
        {"all": "reconstruction", "rna": "reconstruction_rna", "protein": "reconstruction_protein"},
        {"all": "triplet", "rna": "triplet_rna"},
    ]
    for panel, columns in zip(panels, expected, strict=True):
        lines = lines_of(panel)
        assert set(lines) == set(columns)
        for label, column in columns.items():
            np.testing.assert_array_equal(lines[label][:, 0], history.index)
            np.testing.assert_array_equal(lines[label][:, 1], history[column])
        low, high = panel.get_ylim()  # its own scale
        assert high < 1.2 * max(line[:, 1].max() for line in lines.values())
        assert low <= min(line[:, 1].min() for line in lines.values())
    rna = [next(x for x in p.get_lines() if x.get_label() == "rna") for p in panels[1:]]
    assert rna[0].get_color() == rna[1].get_color()
    assert panels[0].get_legend() is None
    assert [t.get_text() for t in panels[1].get_legend().get_texts()] == ["all", "rna", "protein"]


@pytest.mark.parametrize("kind", ["frame", "lists", "arrays", "mudata"])
def test_losses_from_an_object(adata, history, kind):
    table = history.reset_index()
    value = {
        "frame": history,
        "lists": {c: table[c].tolist() for c in table},
        "arrays": {c: table[c].to_numpy() for c in table},
        "mudata": {c: table[c].to_numpy() for c in table},
    }[kind]
    other = adata.copy() if kind != "mudata" else MuData({"rna": adata.copy()})
    other.uns["smart"] = {"history": value}
    panels = pl.losses(other)
    np.testing.assert_array_equal(lines_of(panels[2])["all"][:, 0], history.index)
    np.testing.assert_array_equal(lines_of(panels[2])["all"][:, 1], history["triplet"])


def test_losses_count_epochs_from_one(history):
    (panel,) = pl.losses({"triplet": history["triplet"].to_numpy()})
    np.testing.assert_array_equal(lines_of(panel)["all"][:, 0], np.arange(1, 21))


def test_losses_in_given_axes(history):
    left, right = Figure().subplots(1, 2)
    panels = pl.losses(history, left)
    left.figure.draw_without_rendering()
    frame = left.get_window_extent()
    tops = [p.get_window_extent() for p in panels]
    assert all(frame.x0 <= t.x0 + 1e-6 and t.x1 <= frame.x1 + 1e-6 for t in tops)
    assert all(upper.y0 > lower.y1 for upper, lower in itertools.pairwise(tops))
    assert not left.axison
    assert not right.has_data()
    panels[0].set_xlim(6, 9)
    assert panels[2].get_xlim() == (6, 9)


def test_losses_refuse_bad_input(adata):
    with pytest.raises(KeyError, match=r"has none of the columns .*; it has: loss"):
        pl.losses(pd.DataFrame({"loss": [1.0]}))
    with pytest.raises(ValueError, match="nothing was trained"):
        pl.losses(pd.DataFrame({"total": []}))
    with pytest.raises(TypeError, match="not list"):
        pl.losses([1.0, 2.0])
    other = adata.copy()
    other.uns["smart"] = {"params": 1}
    with pytest.raises(KeyError, match="'history' is not in uns\\['smart'\\], which has: params"):
        pl.losses(other)
