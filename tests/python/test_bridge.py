"""What the R package hears from the core while it trains."""

from __future__ import annotations

import numpy as np
import pytest

from smartcore import _bridge


def embed(epochs: int, **kwargs: object) -> tuple[list[tuple[int, int, float]], dict]:
    xy = np.argwhere(np.ones((6, 6))).astype(float)
    x = np.random.default_rng(0).normal(size=(36, 12)) + np.sin(xy[:, :1])
    heard: list[tuple[int, int, float]] = []
    found = _bridge.run(
        {"rna": x},
        {"rna": np.arange(36)},
        xy,
        on_epoch=lambda *told: heard.append(told),
        params={"epochs": epochs, "stop_slope": 0.0},
        **kwargs,
    )
    return heard, found["history"]


@pytest.mark.parametrize("epochs", [1, 7])
@pytest.mark.parametrize("seconds", [0.0, np.inf])
def test_reports_are_few_but_the_first_and_the_last(
    epochs: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bridge, "_BETWEEN_REPORTS", seconds)
    heard, history = embed(epochs)
    every = list(zip(history["epoch"], [epochs] * epochs, history["total"], strict=True))
    expected = every if seconds == 0 else list(dict.fromkeys([every[0], every[-1]]))
    assert heard == expected
