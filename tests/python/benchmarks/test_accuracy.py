"""The accuracy benchmark's command, on a simulated set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[3] / "benchmarks" / "accuracy.py"


@pytest.fixture
def run(tmp_path):
    def call(*args):
        where = ["--cache", tmp_path, "--docs", tmp_path / "docs", "--data", tmp_path / "none"]
        # R, once started in this process, puts the system's libraries before this Python's own.
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        command = [sys.executable, COMMAND, *args, *where]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_scores_are_kept_and_reported(run, tmp_path):
    chosen = ["--methods", "coordinates", "pca_1hop", "robust:epochs=2", "robust@rna"]
    first = run(*chosen, "--sets", "sim_rna", "her2st_A1", "--seeds", "0,1", "--probe-only")
    assert "her2st_A1: left out" in first
    rows = [json.loads(line) for line in (tmp_path / "accuracy.jsonl").read_text().splitlines()]
    last = {(row["method"], row["seed"]): row for row in rows}
    assert set(last) == {
        ("coordinates", 0),
        ("pca_1hop", 0),
        *((name, seed) for name in ("robust:epochs=2", "robust@rna") for seed in (0, 1)),
    }
    assert last["robust@rna", 1]["status"] == "not applicable"
    probes = {key: row["scores"]["truth"]["probe"] for key, row in last.items() if row["scores"]}
    assert probes["coordinates", 0] < 0.6
    assert probes["pca_1hop", 0] > 0.95
    assert last["pca_1hop", 0]["memory_mb"] > 50

    assert run(*chosen, "--sets", "sim_rna", "--seeds", "0,1", "--probe-only") == ""

    run("--report")
    page = (tmp_path / "docs" / "accuracy.md").read_text()
    assert f"| `pca_1hop` | **{probes['pca_1hop', 0]:.3f}** |" in page
    assert "| `robust@rna` |" not in page
    assert (tmp_path / "docs" / "images" / "accuracy.png").stat().st_size > 10_000
