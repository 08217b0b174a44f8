"""Kill `smartcore run` at random moments, and fill its disk, to see that nothing is lost.

    python tools/kill_runs.py                        # fifty kills, ten full disks
    python tools/kill_runs.py --kills 5 --fills 0

After each the inputs must be as they were, an output either whole or not there, and the same
command must go on and give what an undisturbed run gives. Disks are filled on a small tmpfs, which
needs root. It ends with the number of runs, or with the first that went wrong and exit code 1.

A run is a fork of this process, which has imported all that it needs: imports would take most of
its time, and most of the kills.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pandas as pd

import smartcore as sm
from smartcore.cli import main as smartcore

IMPORTED = (
    *("scanpy", "mudata", "skmisc.loess", "torch_geometric", "smartcore.integration"),
    *("smartcore.clustering", "smartcore.io", "smartcore.pp", "smartcore.tl", "smartcore.cli._run"),
)
OUTPUTS = ("out.h5mu", "out_domains.csv", "model.pt")


@dataclass
class Work:
    """A section in files, and the command that embeds it.

    Attributes
    ----------
    inputs
        Folder with the files.
    expected
        Embedding and domains of an undisturbed run.
    seconds
        That it took.
    """

    inputs: Path
    expected: tuple[np.ndarray, list[str]]
    seconds: float

    @classmethod
    def begin(cls, folder: Path) -> Work:
        """Write the inputs, and run undisturbed."""
        inputs, outputs = folder / "inputs", folder / "expected"
        inputs.mkdir()
        outputs.mkdir()
        mdata = sm.datasets.tri_omics((20, 20), modalities=["rna", "protein"], seed=1)
        for name, adata in mdata.mod.items():
            adata.write_h5ad(inputs / f"{name}.h5ad")
        start = time.monotonic()
        status, said = run(inputs, outputs)
        if status:
            raise SystemExit(f"the undisturbed run failed: {said}")
        work = cls(inputs, (np.empty(0), []), time.monotonic() - start)
        work.expected = result(outputs / "out.h5mu")
        return work

    def digest(self) -> str:
        """Of all inputs."""
        digest = hashlib.sha256()
        for path in sorted(self.inputs.iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def check(self, outputs: Path, before: str, what: str) -> None:
        """Whether inputs are untouched, outputs whole, and the same command goes on."""
        self.look(outputs, before, what)
        status, said = run(self.inputs, outputs)
        if status:
            raise SystemExit(f"{what}: run again, it failed: {said}")
        self.look(outputs, before, f"{what}, run again")
        left = sorted(path.name for path in outputs.iterdir())
        if left != sorted(OUTPUTS):
            raise SystemExit(f"{what}: run again, it leaves {left}")

    def look(self, outputs: Path, before: str, what: str) -> None:
        """Whether inputs are untouched, and outputs whole or not there."""
        if self.digest() != before:
            raise SystemExit(f"{what}: an input was changed")
        if (file := outputs / "out.h5mu").exists():
            embedding, domains = result(file)
            same = np.array_equal(embedding, self.expected[0])
            if not same or domains not in ([], self.expected[1]):
                raise SystemExit(f"{what}: {file} holds something else")
        if (file := outputs / "out_domains.csv").exists():
            table = pd.read_csv(file, dtype=str)
            if list(table["domain"]) != self.expected[1]:
                raise SystemExit(f"{what}: {file} holds something else")
        if (file := outputs / "model.pt").exists():
            sm.SMART.load(file)


def command(inputs: Path, outputs: Path) -> list[str]:
    """The run; started again it goes on from its checkpoint."""
    options = ["--epochs", "60", "-k", "5", "--no-figures", "-q", "--force", "--threads", "1"]
    files = ["--checkpoint", outputs / "state.pt", "--save-model", outputs / "model.pt"]
    sources = ["--rna", inputs / "rna.h5ad", "--protein", inputs / "protein.h5ad"]
    return ["run", *map(str, [*sources, "-o", outputs / "out.h5mu", *options, *files])]


def start(inputs: Path, outputs: Path, errors: Path) -> BaseProcess:
    """A run in a process of its own; what it says goes to `errors`."""
    running = multiprocessing.get_context("fork").Process(
        target=_child, args=(command(inputs, outputs), errors)
    )
    running.start()
    return running


def _child(arguments: list[str], errors: Path) -> None:
    with open(os.devnull, "w") as nowhere, errors.open("w") as file:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = nowhere, file
        status = smartcore(arguments)
    sys.exit(status)


def run(inputs: Path, outputs: Path) -> tuple[int, str]:
    """Exit status of an undisturbed run, and what it says."""
    with tempfile.NamedTemporaryFile("r") as errors:
        running = start(inputs, outputs, Path(errors.name))
        running.join()
        assert running.exitcode is not None
        return running.exitcode, errors.read()


def result(path: Path) -> tuple[np.ndarray, list[str]]:
    """Embedding and domains, if there are such, of a result."""
    mdata = sm.io.read_mudata(path)
    domains = mdata.obs["smart"].astype(str).tolist() if "smart" in mdata.obs else []
    return np.asarray(mdata.obsm["X_smart"]), domains


def kill(work: Work, folder: Path, n: int, rng: np.random.Generator) -> None:
    """Kill runs at random moments."""
    before = work.digest()
    for i in range(n):
        outputs = folder / f"killed_{i}"
        outputs.mkdir()
        after = float(rng.uniform(0, 1.1 * work.seconds))
        running = start(work.inputs, outputs, Path(os.devnull))
        running.join(after)
        running.kill()
        running.join()
        there = ", ".join(sorted(path.name for path in outputs.iterdir())) or "nothing"
        work.check(outputs, before, f"killed after {after:.2f} s of {work.seconds:.2f} s")
        print(f"killed after {after:5.2f} s: {there}", flush=True)


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk in memory that is soon full."""
    folder.mkdir()
    size = f"size={kilobytes}k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(work: Work, folder: Path, n: int, rng: np.random.Generator) -> None:
    """Run where the disk is full after a random number of bytes."""
    before = work.digest()
    needed = sum((folder / "expected" / name).stat().st_size for name in OUTPUTS) // 1024
    for i in range(n):
        kilobytes = int(rng.integers(16, 2 * needed))
        with small_disk(folder / f"filled_{i}", kilobytes) as outputs:
            status, printed = run(work.inputs, outputs)
            said = printed.strip().splitlines()[-1:] or [""]
            if status and not said[0].startswith("smartcore: error: "):
                raise SystemExit(f"disk of {kilobytes} kB: no clear error: {printed}")
            work.look(outputs, before, f"disk of {kilobytes} kB")
            larger = ["mount", "-o", f"remount,size={40 * needed}k", str(outputs)]
            subprocess.run(larger, check=True)
            work.check(outputs, before, f"disk of {kilobytes} kB")
        print(f"disk of {kilobytes} kB: exit {status} {said[0][:90]}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Kill and fill as often as asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--fills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    if given.fills and os.geteuid():
        raise SystemExit("filling a disk needs root: --fills 0 does without")
    for name in IMPORTED:
        importlib.import_module(name)
    rng = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory() as name:
        work = Work.begin(Path(name))
        kill(work, Path(name), given.kills, rng)
        fill(work, Path(name), given.fills, rng)
    print(f"{given.kills} runs killed, {given.fills} disks filled: nothing was lost")


if __name__ == "__main__":
    main()
