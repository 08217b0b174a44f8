"""Runs killed at random moments lose nothing; ``make test-hostile`` kills fifty of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "kill_runs.py"


@pytest.mark.skipif(os.name == "nt", reason="signals differ on Windows")
def test_killed_runs_lose_nothing_and_go_on():
    env = dict(os.environ)
    # R, once started in this process, puts the system's libraries before this Python's own.
    if "/R/" in env.get("LD_LIBRARY_PATH", ""):
        del env["LD_LIBRARY_PATH"]
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "5", "--fills", "0"],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "5 runs killed, 0 disks filled: nothing was lost"
