"""What tests of clusters share."""

import numpy as np
import pytest

from smartcore.clustering import reduce_embedding


@pytest.fixture(scope="module")
def hidden():
    """Groups that four of twenty directions tell apart, none of much variance."""
    rng = np.random.default_rng(0)
    truth = rng.integers(8, size=1000)
    x = rng.normal(size=(1000, 20))
    x[:, :4] += 2 * rng.normal(size=(8, 4))[truth]
    return reduce_embedding(x * np.linspace(1, 12, 20)), truth
