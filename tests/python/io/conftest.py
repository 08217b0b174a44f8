"""What tests of files share."""

import shutil
import subprocess

import numpy as np
import pytest

from helpers.io import BARCODES, NAMES


@pytest.fixture
def counts() -> np.ndarray:
    """Spots × features."""
    return np.random.default_rng(0).poisson(2, (len(BARCODES), len(NAMES))).astype(np.int32)


@pytest.fixture(scope="module")
def rscript():
    """Run R in a process of its own; skip where it is missing."""
    if not shutil.which("Rscript"):
        pytest.skip("R is not here")

    def run(*args: str, code: str | None = None) -> str:
        command = ["Rscript", *args] if code is None else ["Rscript", "-"]
        done = subprocess.run(command, input=code, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
