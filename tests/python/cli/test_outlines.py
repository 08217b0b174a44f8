"""``smartcore run --outlines``: maps of cells as outlines."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.image import imread

from helpers.cli import FAST, run
from smartcore.cli import _figures

pytestmark = pytest.mark.usefixtures("no_pulling", "quick_umap")


@pytest.fixture
def write(section, tmp_path):
    """Write a diamond around each spot of the section, as Xenium writes outlines of cells."""

    def outlines(name="cell_boundaries.csv", half=0.2, called=str, keep=slice(None)):
        adata = ad.read_h5ad(section / "rna.h5ad")[keep]
        corners = half * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
        places = (adata.obsm["spatial"][:, None] + corners).reshape(-1, 2)
        cells = np.repeat([called(name) for name in adata.obs_names], 4)
        table = pd.DataFrame(places, columns=["vertex_x", "vertex_y"]).assign(cell_id=cells)
        table.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return outlines


@pytest.fixture
def drawn(monkeypatch):
    """The maps of domains as they are drawn: panels, by their collection of outlines or None."""
    panels = []
    real = _figures.maps

    def keep(*args):
        figure = real(*args)
        for ax in figure.axes:
            if ax.collections:
                own = ax.collections[0]
                panels.append(own if isinstance(own, PolyCollection) else None)
        return figure

    monkeypatch.setattr(_figures, "maps", keep)
    return panels


def corners(collection):
    """Vertices of each outline, without the one that closes it."""
    return np.array([path.vertices[:-1] for path in collection.get_paths()])


def test_cells_are_drawn_as_they_are_outlined(section, out, write, drawn):
    path = write()
    assert run("--rna", section / "rna.h5ad", "--outlines", path, "-k", 3, "-o", out, *FAST) == 0
    (cells,) = drawn
    expected = pd.read_csv(path)[["vertex_x", "vertex_y"]].to_numpy().reshape(-1, 4, 2)
    np.testing.assert_allclose(corners(cells), expected)
    # Each has the colour of its domain.
    domains = pd.read_csv(out.parent / "out_domains.csv", dtype=str)["domain"]
    colors = pd.Series([str(color) for color in cells.get_facecolors()], name="color")
    assert (pd.crosstab(domains, colors) > 0).to_numpy().sum() == domains.nunique() == 3
    # Diamonds are 8 % of the squares that spots would be.
    image = imread(out.parent / "out_domains.png")[..., :3]
    assert 0 < (np.ptp(image, axis=-1) > 0.1).mean() < 0.08


def test_a_folder_and_annotations(section, out, write, drawn):
    folder = write().parent
    args = ["--outlines", folder, "--truth", "domain", "-k", 3, "-o", out, *FAST]
    assert run("--rna", section / "rna.h5ad", *args) == 0
    assert [len(corners(cells)) for cells in drawn] == [144] * 3


def test_cells_without_an_outline_are_counted(section, out, write, drawn, capsys):
    path = write(keep=slice(100))
    assert run("--rna", section / "rna.h5ad", "--outlines", path, "-k", 3, "-o", out, *FAST) == 0
    assert len(corners(drawn[0])) == 100
    assert "44 of 144 cells have no outline and are not drawn" in capsys.readouterr().err


def test_each_section_has_its_outlines(section, out, write, drawn):
    rna = section / "rna.h5ad"
    files = ["--rna", rna, rna, rna, "--section-names", "a", "b", "c"]
    outlines = ["--outlines", write("a.csv"), "-", write("c.csv", half=0.4)]
    assert run(*files, *outlines, "-k", 3, "-o", out, *FAST) == 0
    first, second, third = drawn
    assert second is None
    for cells, half in ((first, 0.2), (third, 0.4)):
        assert np.ptp(corners(cells)[:, :, 0], axis=1) == pytest.approx(2 * half)


def test_outlines_of_machines(shared_data, tmp_path, drawn):
    for machine, n in {"xenium": 526, "cosmx": 27, "merscope": 96}.items():
        folder = shared_data / "formats" / machine
        out = tmp_path / f"{machine}.h5ad"
        assert run(folder, "--outlines", folder, "-k", 3, "-o", out, *FAST) == 0
        assert len(drawn.pop().get_paths()) == n


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--outlines", "PATH", "PATH"], "2 for 1 (- stands for a section without outlines)"),
        (["--outlines", "PATH", "--no-figures"], "--outlines is for the maps"),
        (["--outlines", "nowhere.csv"], "nowhere.csv does not exist"),
    ],
)
def test_what_is_refused(section, out, write, capsys, options, message):
    options = [write() if option == "PATH" else option for option in options]
    assert run("--rna", section / "rna.h5ad", *options, "-k", 3, "-o", out) != 0
    assert message in capsys.readouterr().err
    assert not list(out.parent.iterdir())


def test_outlines_of_other_data_are_refused_before_the_work(section, out, write, capsys):
    rna, other = section / "rna.h5ad", write(called=lambda name: f"other_{name}")
    assert run("--rna", rna, "--outlines", other, "-k", 3, "-o", out) == 1
    error = capsys.readouterr().err
    assert f"--outlines {other}: none of the 144 cells has an outline there" in error
    assert "('other_" in error
    pair = ["--rna", rna, rna, "--section-names", "a", "b", "--outlines", write("a.csv"), other]
    assert run(*pair, "-k", 3, "-o", out) == 1
    assert f"--outlines {other}: none of the 144 cells" in capsys.readouterr().err
    assert not list(out.parent.iterdir())


def test_outlines_are_not_written_over(section, tmp_path, write, capsys):
    path = write("out_domains.csv")
    before = path.read_bytes()
    args = ["--outlines", path, "-k", 3, "-o", tmp_path / "out.h5mu", "--force"]
    assert run("--rna", section / "rna.h5ad", *args) == 2
    assert "would be written over the input" in capsys.readouterr().err
    assert path.read_bytes() == before
