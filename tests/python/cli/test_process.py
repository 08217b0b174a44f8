"""The command line as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import smartcore as sm

pytestmark = pytest.mark.usefixtures("no_pulling")


def process(*args: object, **more) -> subprocess.Popen:
    source = Path(sm.__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), *sys.path])}
    # R, once started in this process, puts the system's libraries before this Python's own.
    if "/R/" in env.get("LD_LIBRARY_PATH", ""):
        del env["LD_LIBRARY_PATH"]
    command = [sys.executable, "-m", "smartcore", *map(str, args)]
    return subprocess.Popen(
        command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
    )


def test_process_exits_with_the_code_and_one_line(tmp_path):
    args = ["run", "--rna", tmp_path / "none.h5ad", "-o", tmp_path / "out.h5mu"]
    with process(*args) as running:
        text, error = running.communicate(timeout=120)
    assert running.returncode == 1
    assert text == ""
    assert error.count("\n") == 1
    assert error.startswith("smartcore: error: ")


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_process_is_interrupted_cleanly(section, out):
    options = ["--epochs", 10**6, "-k", 3, "-v", "--save-model", out.with_name("m.pt")]
    started = time.monotonic()
    args = ["run", "--rna", section / "rna.h5ad", "-o", out, *options]
    # A shell ignores the signal in what it runs in the background.
    heeded = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with process(*args, preexec_fn=heeded) as running:
        assert running.stderr is not None
        while "epoch" not in (line := running.stderr.readline()):
            assert line, "the process ended before it trained"
            assert time.monotonic() - started < 120
        running.send_signal(signal.SIGINT)
        text, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert text == ""
    assert error.rstrip().endswith("interrupted; no output was written")
    assert not list(out.parent.iterdir())
