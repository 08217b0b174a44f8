"""Figures of ``smartcore run``."""

from pathlib import Path

import numpy as np
import pytest

from helpers.cli import FAST, run

pytestmark = pytest.mark.usefixtures("no_pulling")


def read_image(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return imread(path)[..., :3]


@pytest.mark.usefixtures("quick_umap")
def test_figures_stand_beside_the_result(section, out):
    sources = ["--rna", section / "rna.h5ad", "--protein", section / "protein.h5ad"]
    assert run(*sources, "-k", 4, "--truth", "domain", "-o", out, *FAST, "-q") == 0
    names = {"domains", "losses", "modalities", "scales", "sizes", "truth", "umap"}
    figures = {p.stem: read_image(p) for p in out.parent.glob("*.png")}
    assert set(figures) == {f"out_{name}" for name in names}
    for image in figures.values():
        assert min(image.shape[:2]) >= 600
        assert image.std() > 0.05
    # The map of domains shows exactly as many colours of spots as there are domains.
    colours, counts = np.unique(
        (figures["out_domains"].reshape(-1, 3) * 255).round(), axis=0, return_counts=True
    )
    large = colours[counts > 0.005 * counts.sum()]
    assert len([c for c in large if np.ptp(c) > 30]) == 4


@pytest.mark.usefixtures("quick_umap")
def test_figures_of_one_modality_in_two_sections(section, out, change):
    def edit(adata):
        adata.obs["slice"] = np.where(adata.obsm["spatial"][:, 0] < 6, "left", "right")

    args = ["--rna", change("rna", edit), "--section-key", "slice", "-k", 3, "-o", out]
    assert run(*args, *FAST, "-q") == 0
    assert {p.name for p in out.parent.glob("*.png")} == {
        f"out_{name}.png" for name in ("domains", "losses", "sizes", "umap")
    }
    for name in ("domains", "umap"):
        # Two maps: one for each section; by section and by domain.
        assert read_image(out.parent / f"out_{name}.png").shape[1] == 2 * 6 * 200
