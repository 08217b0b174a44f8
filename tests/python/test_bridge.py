"""What the R package hears from the core while it trains."""

import ctypes
import signal

import numpy as np
import pytest

from smartcore import _bridge, _feedback


def embed(epochs, hear):
    xy = np.argwhere(np.ones((6, 6))).astype(float)
    x = np.random.default_rng(0).normal(size=(36, 12)) + np.sin(xy[:, :1])
    return _bridge.run(
        {"rna": x},
        {"rna": np.arange(36)},
        xy,
        on_epoch=hear,
        params={"epochs": epochs, "stop_slope": 0.0},
    )["history"]


@pytest.mark.parametrize("epochs", [1, 7])
@pytest.mark.parametrize("seconds", [0.0, np.inf])
def test_reports_are_few_but_the_first_and_the_last(epochs, seconds, monkeypatch):
    monkeypatch.setattr(_feedback, "BETWEEN_REPORTS", seconds)
    heard = []
    history = embed(epochs, lambda *told: heard.append(told))
    every = list(zip(history["epoch"], [epochs] * epochs, history["total"], strict=True))
    expected = every if seconds == 0 else list(dict.fromkeys([every[0], every[-1]]))
    assert heard == expected


def test_who_hears_of_epochs_may_end_the_training():
    heard = []
    with pytest.raises(KeyboardInterrupt):
        embed(1000, lambda *told: heard.append(told) or True)
    assert len(heard) == 1


def test_an_interrupt_is_python_s_while_it_works_and_handlers_come_back():
    below = ctypes.pythonapi.PyOS_getsig
    below.restype = ctypes.c_void_p
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        before = below(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            embed(1000, lambda *_: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        assert below(signal.SIGINT) == before
    finally:
        signal.signal(signal.SIGINT, mine)
