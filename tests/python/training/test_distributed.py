"""Two processes against one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import smartcore as sm
from smartcore.cli import main
from smartcore.training.distributed import Workers

SCRIPT = """
import os, sys, numpy as np, torch
import smartcore as sm
torch.set_num_threads(1)
out = sys.argv[1]
rank = os.environ.get("RANK", "one")
grid = np.argwhere(np.ones((18, 14))).astype(float)
xy = grid + np.random.default_rng(7).uniform(-0.2, 0.2, grid.shape)
rng = np.random.default_rng(1)
band = (grid[:, 0] // 6).astype(int)
x = {"rna": rng.normal(size=(252, 6)) + 3 * np.eye(3, 6)[band],
     "protein": rng.normal(size=(252, 4)) + 3 * np.eye(3, 4)[band]}
seen = {"protein": xy[:, 0] > 6}
cases = {
    "whole": {},
    "tiles": {"step_spots": 90},
    "missing": {"observed": seen},
    "missing tiles": {"observed": seen, "step_spots": 90, "sections": band // 2},
    "decoder": {"preset": "paper", "encoder": "gcn", "step_spots": 90},
    "attention": {"preset": "paper", "encoder": "gatv2"},
    "published": {"preset": "published"},
    "kept": {"checkpoint": out + "_state", "checkpoint_seconds": 0, "redraw": False},
}
results = {}
for name, case in cases.items():
    def stop(epoch, losses):
        if epoch == 12:
            raise KeyboardInterrupt
    if name == "kept":
        try:
            sm.integrate(x, xy, distributed=rank != "one", epochs=30, callback=stop, **case)
        except KeyboardInterrupt:
            pass
    r = sm.integrate(x, xy, distributed=rank != "one", epochs=30, stop_slope=0, **case) \\
        if name != "kept" else sm.integrate(x, xy, distributed=rank != "one", epochs=30, **case)
    results[name] = r.embedding
    results[name + " history"] = r.history.to_numpy()
np.savez(out + "_" + rank, **results)
"""


def environment():
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    return {**env, "PYTHONPATH": str(Path(sm.__file__).parents[1]), "OMP_NUM_THREADS": "1"}


def torchrun(*args):
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *command, *map(str, args)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_two_processes_do_as_one(tmp_path):
    """Sums in another order differ by some 1e-7; thirty steps of Adam made up to 3e-4 of it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = torchrun(script, tmp_path / "z")
    assert done.returncode == 0, done.stderr
    alone = [sys.executable, script, tmp_path / "z"]
    subprocess.run(alone, env=environment(), check=True, timeout=240)
    one, first, second = (np.load(f"{tmp_path / 'z'}_{rank}.npz") for rank in ("one", 0, 1))
    for name in one:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].shape == one[name].shape
        size = np.sqrt(np.mean(one[name] ** 2))
        assert np.abs(first[name] - one[name]).max() < 1e-3 * size, name


def test_an_error_in_one_process_ends_all(tmp_path):
    script = tmp_path / "script.py"
    text = SCRIPT.replace("results = {}", "results = {}\nif rank == '1': raise OSError('no luck')")
    script.write_text(text)
    done = torchrun(script, tmp_path / "z")
    assert done.returncode != 0
    assert "no luck" in done.stderr


def test_what_the_first_process_finds_wrong_is_said(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace('"whole": {}', '"whole": {"lam": 7}'))
    done = torchrun(script, tmp_path / "z")
    assert done.returncode != 0
    assert "lam=7 must be a number from 0 to 1" in done.stderr


def test_one_process_has_nobody_to_join(tissue, monkeypatch):
    features, coords, _ = tissue
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="start them by torchrun"):
        sm.integrate(features, coords, distributed=True, epochs=1)
    assert Workers().from_first(lambda: 3) == 3


def test_the_command_line(tmp_path):
    mdata = sm.datasets.tri_omics((14, 14))
    mdata.write_h5mu(tmp_path / "in.h5mu")
    common = ["run", tmp_path / "in.h5mu", "--epochs", 10, "--step-spots", 60, "-k", 3]
    common += ["--cluster-method", "gmm", "--n-comps", 10, "--no-figures"]
    two, one, state = (tmp_path / name for name in ("two.h5mu", "one.h5mu", "state.pt"))
    done = torchrun("-m", "smartcore", *common, "--checkpoint", state, "-o", two)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(two)]
    assert not state.exists()
    assert main([*map(str, common), "-o", str(one)]) == 0
    a, b = (sm.io.read_mudata(path).obsm["X_smart"] for path in (one, two))
    np.testing.assert_allclose(b, a, atol=1e-4 * np.sqrt(np.mean(a**2)))


def test_a_command_that_fails_is_no_hang(tmp_path):
    none, out = tmp_path / "none.h5mu", tmp_path / "out.h5mu"
    done = torchrun("-m", "smartcore", "run", none, "-o", out)
    assert done.returncode != 0
    assert "smartcore: error: " in done.stderr
    assert "none.h5mu" in done.stderr
