"""The accuracy benchmark's command, on a simulated set."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[3] / "benchmarks" / "accuracy.py"


@pytest.fixture
def run(tmp_path):
    def call(*args):
        where = ["--cache", tmp_path, "--results", tmp_path / "results"]
        where += ["--docs", tmp_path / "docs", "--data", tmp_path / "none"]
        # R, once started in this process, puts the system's libraries before this Python's own.
        env = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        command = [sys.executable, COMMAND, *args, *where]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def table(file):
    with file.open(newline="") as lines:
        return {(row["method"], int(row["seed"])): row for row in csv.DictReader(lines)}


def test_scores_are_kept_and_reported(run, tmp_path):
    chosen = ["--methods", "coordinates", "pca_1hop", "robust:epochs=2", "robust@rna"]
    first = run(*chosen, "--sets", "sim_rna", "her2st_A1", "--seeds", "0,1", "--clusters")
    assert "her2st_A1: left out" in first
    results = tmp_path / "results"
    found = {name: table(results / f"{name}.csv") for name in ("baselines", "trials", "singles")}
    assert set(found["baselines"]) == {("coordinates", 0), ("pca_1hop", 0)}
    assert set(found["trials"]) == {("robust:epochs=2", 0), ("robust:epochs=2", 1)}
    assert found["singles"]["robust@rna", 1]["status"] == "not applicable"
    baselines = found["baselines"]
    assert float(baselines["coordinates", 0]["probe"]) < 0.6
    assert float(baselines["pca_1hop", 0]["probe"]) > 0.95
    assert float(baselines["pca_1hop", 0]["memory_mb"]) > 50
    assert baselines["pca_1hop", 0]["ari_shrunk"] == ""

    assert run(*chosen, "--sets", "sim_rna", "--seeds", "0,1", "--clusters") == ""

    run("--report")
    page = (tmp_path / "docs" / "accuracy.md").read_text()
    probe = float(baselines["pca_1hop", 0]["probe"])
    assert f"| `pca_1hop` | **{probe:.3f}** |" in page
    assert "| `robust@rna` |" not in page
    assert (tmp_path / "docs" / "images" / "accuracy.png").stat().st_size > 10_000


def test_clusters_are_added_to_what_is_there(run, tmp_path):
    chosen = ["--methods", "pca_1hop", "--sets", "sim_rna", "--seeds", "0"]
    run(*chosen, "--clusters")
    file = tmp_path / "results" / "baselines.csv"
    before = table(file)["pca_1hop", 0]
    embedding = next(tmp_path.glob("embeddings/sim_rna/pca_1hop/0.npz"))
    made = embedding.stat().st_mtime_ns
    run(*chosen)
    after = table(file)["pca_1hop", 0]
    assert embedding.stat().st_mtime_ns == made
    assert {name for name in after if after[name] != before[name]} >= {"ari_shrunk", "chaos", "pas"}
    assert after["probe"] == before["probe"]
    assert len(after["ari_by_k"].split()) == 6
    # Two averages of clean squares: any mixture tells them apart.
    assert float(after["ari_shrunk"]) > 0.9
