"""Principal components on several threads."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp

from smartcore.pp import _pca
from smartcore.pp._blocks import InMemory
from smartcore.pp._threads import in_order, n_threads


@pytest.mark.parametrize("sections", [None, np.arange(300) % 3])
def test_threads_change_no_bit(monkeypatch, sections):
    rng = np.random.default_rng(0)
    kind = rng.lognormal(size=(4, 1100))[rng.integers(4, size=300)]
    dense = np.log1p(rng.poisson(0.3 * kind)).astype(np.float32)
    x = InMemory(sp.csr_matrix(dense))
    # Many parts, as of a large section.
    monkeypatch.setattr(_pca, "_IN_BRACKETS", 1000)
    monkeypatch.setattr("smartcore.pp._sparse._BLOCK", 5000)
    found = {}
    for threads in (1, 4):
        monkeypatch.setattr(_pca, "n_threads", lambda n=threads: n)
        found[threads] = _pca.principal_components(x, 5, scale=True, what="gene", codes=sections)
    np.testing.assert_array_equal(found[1].scores, found[4].scores)
    np.testing.assert_array_equal(found[1].loadings, found[4].loadings)
    if sections is None:
        varying = dense[:, dense.std(axis=0) > 0].astype(float)
        expected = np.linalg.eigvalsh(np.corrcoef(varying.T))[::-1][:5]
        np.testing.assert_allclose(found[4].variance, expected, rtol=1e-3)


def test_results_come_in_order_from_several_threads():
    together, seen = threading.Barrier(2, timeout=30), set()

    def square(i):
        if i < 2:
            together.wait()  # neither goes on before the other is there
        seen.add(threading.get_ident())
        return i * i

    assert list(in_order(square, range(20), 2)) == [i * i for i in range(20)]
    assert len(seen) == 2


def test_a_limit_of_threads_holds():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        assert n_threads() == 1
