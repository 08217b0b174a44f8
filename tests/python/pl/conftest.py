"""What tests of plots share."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData


@pytest.fixture
def adata():
    """A grid of 8 x 6 with twelve domains named 0 to 11, a quantity and an embedding."""
    rng = np.random.default_rng(0)
    rows, cols = np.divmod(np.arange(48), 6)
    obs = pd.DataFrame(
        {
            "smart": pd.Categorical([str(i) for i in np.arange(48) // 4]),
            "depth": np.linspace(0, 5, 48),
            "section": np.where(cols < 3, "s2", "s10"),
        },
        index=[f"spot{i}" for i in range(48)],
    )
    adata = AnnData(rng.poisson(2.0, (48, 3)).astype(np.float32), obs=obs)
    adata.var_names = ["A", "B", "C"]
    adata.obsm["spatial"] = np.column_stack([cols, rows]) * 10.0
    adata.obsm["X_smart"] = rng.normal(size=(48, 5)) + (np.arange(48) // 24)[:, None] * 8
    return adata


@pytest.fixture
def no_side_effects(request):
    """No figure is left with pyplot, and the object is as before."""
    import matplotlib.pyplot as plt

    before = None
    if "adata" in request.fixturenames:
        adata = request.getfixturevalue("adata")
        before = adata.copy()
    yield
    assert plt.get_fignums() == []
    if before is not None:
        pd.testing.assert_frame_equal(adata.obs, before.obs)
        assert set(adata.obsm) == set(before.obsm)
        assert dict(adata.uns) == dict(before.uns)
        for key in before.obsm:
            np.testing.assert_array_equal(adata.obsm[key], before.obsm[key])
