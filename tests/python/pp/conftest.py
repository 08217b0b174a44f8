"""What tests of preprocessing share."""

import pytest

from smartcore.pp import _on_disk


@pytest.fixture
def small_blocks(monkeypatch):
    """So that the data here are of many blocks."""
    monkeypatch.setattr(_on_disk, "_BLOCK", 4000)
