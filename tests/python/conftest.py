"""What tests share."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.register_assert_rewrite("helpers")

R_PACKAGES = ["mclust", "Matrix", "SeuratObject", "SingleCellExperiment"]


def pytest_sessionstart(session):
    """Where SMART_REQUIRE_R is "true", nothing is skipped because R is missing: it is an error."""
    if os.environ.get("SMART_REQUIRE_R") != "true" or hasattr(session.config, "workerinput"):
        return
    # In a process of its own: R, once started, gives all later ones the system's libraries.
    code = f"from smartcore._r import missing_in_r; print(missing_in_r({R_PACKAGES}) or '')"
    asked = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    reason = asked.stderr if asked.returncode else asked.stdout.strip()
    if not reason and not find_spec("anndata2ri"):
        reason = "Python's package anndata2ri is missing"
    if reason:
        pytest.exit(f"SMART_REQUIRE_R is true, but {reason}", returncode=4)


def pytest_collection_modifyitems(items):
    """Skip tests of SpatialData where it is not, unless SMART_REQUIRE_SPATIALDATA is "true"."""
    if find_spec("spatialdata"):
        return
    if os.environ.get("SMART_REQUIRE_SPATIALDATA") == "true":
        pytest.exit("SMART_REQUIRE_SPATIALDATA is true, but spatialdata is missing", returncode=4)
    reason = pytest.mark.skip(reason="spatialdata is not here: make test-spatialdata")
    for item in items:
        if item.get_closest_marker("spatialdata"):
            item.add_marker(reason)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    # Small problems are slower on more threads, where other work shares the cores.
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the repository; tests that need it are skipped without."""
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data (../shared/data) are not here")
    return folder


@pytest.fixture
def no_pulling():
    """Tables of a MuData are its own."""
    # Tests of the core alone need none: see tools/gpu_check.py.
    import mudata

    with mudata.set_options(pull_on_update=False):
        yield


@pytest.fixture
def tissue():
    """Two modalities on a jittered 18 x 14 lattice with three bands; (features, coords, band)."""
    rng = np.random.default_rng(7)
    grid = np.argwhere(np.ones((18, 14))).astype(float)
    coords = grid + rng.uniform(-0.2, 0.2, grid.shape)
    band = (grid[:, 0] // 6).astype(int)
    features = {
        "rna": rng.normal(size=(len(grid), 6)) + 3 * np.eye(3, 6)[band],
        "protein": rng.normal(size=(len(grid), 4)) + 3 * np.eye(3, 4)[band],
    }
    return features, coords, band
