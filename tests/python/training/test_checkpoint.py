"""Interrupted trainings go on to the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import smartcore as sm
from smartcore.training.checkpoint import Checkpoint, fingerprint

QUICK = {"epochs": 9, "latent_dim": 8}


def interrupted(tissue, path, at=5, **given):
    features, coords, _ = tissue

    def stop(epoch, losses):
        if epoch == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.integrate(
            features, coords, callback=stop, checkpoint=path, checkpoint_seconds=0, **given
        )


@pytest.mark.parametrize("preset", sm.PRESETS)
@pytest.mark.parametrize("step_spots", [None, 60])
def test_goes_on_to_the_same_bits(tissue, tmp_path, preset, step_spots):
    features, coords, _ = tissue
    observed = {"protein": np.arange(len(coords)) % 5 > 0}
    given = {"preset": preset, "step_spots": step_spots, "observed": observed, **QUICK}
    path = tmp_path / "state.pt"
    interrupted(tissue, path, **given)
    assert os.listdir(tmp_path) == ["state.pt"]
    seen = []
    again = sm.integrate(
        features, coords, checkpoint=path, callback=lambda epoch, _: seen.append(epoch), **given
    )
    whole = sm.integrate(features, coords, **given)
    assert seen == [6, 7, 8, 9]
    np.testing.assert_array_equal(again.embedding, whole.embedding)
    pd.testing.assert_frame_equal(again.history, whole.history)
    assert not path.exists()


def test_goes_on_where_it_would_have_stopped(tissue, tmp_path):
    features, coords, _ = tissue
    given = {"stop_slope": 0.5, "stop_window": 10, "epochs": 100}
    interrupted(tissue, tmp_path / "state.pt", at=15, **given)
    again = sm.integrate(features, coords, checkpoint=tmp_path / "state.pt", **given)
    assert len(again.history) == 19


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.01}, "other parameters: lr=0.001, not 0.01"),
        ({"step_spots": 60}, "other parameters: step_spots=None, not 60"),
        ({"seed": 4}, "another seed: 0, not 4"),
        ({"features": 2.0}, "other data"),
        ({"adjacency": True}, "other parameters: n_neighbors"),
    ],
)
def test_refuses_the_state_of_another_training(tissue, tmp_path, change, message):
    import scipy.sparse as sp

    features, coords, _ = tissue
    path = tmp_path / "state.pt"
    interrupted(tissue, path, **QUICK)
    before = path.read_bytes()
    factor = change.pop("features", None)
    if factor:
        features = {**features, "rna": features["rna"] + factor * coords[:, :1]}
    if change.pop("adjacency", None):
        change["adjacency"] = sp.eye(len(coords), k=1, format="csr")
    with pytest.raises(ValueError, match=f"state.pt' is the state of a training with {message}"):
        sm.integrate(features, coords, checkpoint=path, **{**QUICK, **change})
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04cut off"])
def test_refuses_what_is_no_state(tissue, tmp_path, content):
    features, coords, _ = tissue
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no state of a training"):
        sm.integrate(features, coords, checkpoint=path, **QUICK)
    sm.SMART({"a": 3}, sm.Params()).save(path)
    with pytest.raises(ValueError, match="holds no state of a training"):
        sm.integrate(features, coords, checkpoint=path, **QUICK)


def test_refuses_a_path_that_cannot_be_written(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "state.pt"):
        with pytest.raises(ValueError, match="must be a file in a folder that is there"):
            Checkpoint(path)
    with pytest.raises(ValueError, match="checkpoint_seconds=-1"):
        Checkpoint(tmp_path / "state.pt", -1)


def test_an_interrupt_while_writing_leaves_the_last_state(tissue, tmp_path, monkeypatch):
    features, coords, _ = tissue
    path = tmp_path / "state.pt"
    save, written = torch.save, []

    def cut_off(content, file):
        written.append(file)
        if len(written) == 4:
            Path(file).write_bytes(b"half")
            raise KeyboardInterrupt
        save(content, file)

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        sm.integrate(features, coords, checkpoint=path, checkpoint_seconds=0, **QUICK)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["state.pt"]
    seen = []
    sm.integrate(
        features, coords, checkpoint=path, callback=lambda epoch, _: seen.append(epoch), **QUICK
    )
    assert seen[0] == 4


def test_fingerprint_sees_value_shape_and_type():
    x = np.arange(6.0)
    others = [x + np.eye(6)[2] * 1e-12, x.reshape(2, 3), x.astype(np.float32), x[:5]]
    assert len({fingerprint([y]) for y in [x, *others]}) == 5
    assert fingerprint([x, x]) == fingerprint([x.copy(), x.copy()]) != fingerprint([x])


SCRIPT = """
import sys, numpy as np, smartcore as sm
grid = np.argwhere(np.ones((12, 10))).astype(float)
x = {"rna": np.random.default_rng(0).normal(size=(120, 5)) + grid[:, :1]}
def tell(epoch, losses):
    print(epoch, flush=True)
    if epoch == 5 and sys.argv[2] == "wait":
        sys.stdin.read()
r = sm.integrate(x, grid, epochs=9, latent_dim=8, step_spots=40, callback=tell,
                 checkpoint=sys.argv[1], checkpoint_seconds=0)
np.save(sys.argv[1] + ".npy", r.embedding)
"""


def run_script(*args):
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    env["PYTHONPATH"] = str(Path(sm.__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, args)],
        env=env,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_a_killed_process_is_taken_up(tmp_path):
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    started = time.monotonic()
    with run_script(killed, "wait") as process:
        while process.stdout.readline().strip() != "5":
            assert time.monotonic() - started < 120
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert killed.exists()
    with run_script(killed, "go") as process:
        text = process.communicate(timeout=120)[0]
    assert text.split() == ["6", "7", "8", "9"]
    with run_script(calm, "go") as process:
        process.communicate(timeout=120)
    np.testing.assert_array_equal(np.load(f"{killed}.npy"), np.load(f"{calm}.npy"))
