"""UMAP, against umap-learn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from helpers.pl import drawn, legend_of
from smartcore import pl
from smartcore.pl._colors import PALETTE

pytestmark = pytest.mark.usefixtures("no_side_effects")


def test_umap_equals_umap_learn(adata):
    from umap import UMAP

    ax = pl.umap(adata, n_neighbors=10, min_dist=0.2, seed=3)
    model = UMAP(n_neighbors=10, min_dist=0.2, random_state=3, n_jobs=1)
    expected = model.fit_transform(adata.obsm["X_smart"])
    spots = drawn(ax)
    np.testing.assert_allclose(spots.get_offsets(), expected, atol=1e-5)
    assert [to_hex(c).upper() for c in spots.get_facecolor()] == [
        PALETTE[int(name)] for name in adata.obs["smart"]
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("UMAP 1", "UMAP 2")
    assert len(legend_of(ax)) == 12


def test_umap_already_there(adata):
    other = adata.copy()
    other.obsm["X_umap"] = np.random.default_rng(1).normal(size=(48, 2))
    ax = pl.umap(other, "depth", basis="X_umap", size=7)
    spots = drawn(ax)
    np.testing.assert_array_equal(spots.get_offsets(), other.obsm["X_umap"])
    np.testing.assert_array_equal(spots.get_array(), adata.obs["depth"])
    assert spots.get_sizes() == [7]


def test_umap_refuses_bad_input(adata):
    with pytest.raises(ValueError, match="below the number of spots, 48, not 48"):
        pl.umap(adata, n_neighbors=48)
    other = adata.copy()
    other.obsm["X_smart"][3, 0] = np.nan
    with pytest.raises(ValueError, match="not finite for 1 spots"):
        pl.umap(other)
