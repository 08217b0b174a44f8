"""Whether a GPU gives what the CPU gives, and how long it takes.

In three steps: the tests that compute on a GPU; embeddings of both, compared; and
benchmarks/scale.py on the GPU, beside bio-SMART where that is installed. All of it takes less than
five minutes on an H200: what there is no time for is left out, and said so. The table is
benchmarks/results/gpu.csv. Without a GPU nothing is checked. The exit status is 1 where a test
fails, embeddings differ, or smartcore fails.

To try the script itself without a GPU: --device cpu --small.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import pdist
from sklearn.metrics import adjusted_rand_score

from smartcore.clustering import cluster_embedding
from smartcore.integration import integrate

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from suite import grids  # noqa: E402
from suite.provenance import origin  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "gpu.csv"
SIZES, SMALL_SIZES = (9_752, 189_867, 756_430), (2_001,)
# Of all steps together; a run that is under way when they are over is ended.
SECONDS = 285
# Under which no run is begun.
LEAST_SECONDS = 10

# A GPU adds up in another order. Features that differ by one rounding of float32 do the same to a
# CPU; `rounding` in the table is what that alone changes.
LEAST_CORRELATION, LEAST_ARI = 0.999, 0.95
COMPARED = 2_000
SETTINGS: dict[str, dict[str, Any]] = {
    "robust": {},
    "robust, tiles": {"step_spots": 1_000},
    "robust-0.1": {"preset": "robust-0.1"},
    "paper": {"preset": "paper"},
    "published": {"preset": "published"},
}
COLUMNS = [
    *("check", "set", "n_spots", "method", "device", "status", "note", "distances", "ari"),
    *("rounding", "seconds", "training", "steps", "ms_a_step", "memory_gb", "gpu_gb"),
]


def main() -> int:
    """Check, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu to try the script")
    parser.add_argument("--small", action="store_true", help="2,001 spots alone")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all steps together")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    cuda = torch.device(args.device).type == "cuda"
    if cuda and not torch.cuda.is_available():
        print(f"Nothing is checked, as torch {torch.__version__} sees no GPU.")
        return 0
    end = time.monotonic() + args.seconds
    sizes = SMALL_SIZES if args.small else SIZES
    rows = [
        *_tests(args.device, cuda),
        *_agreement(args.device, 2_001 if args.small else 9_752),
        *_times(args.device, sizes, end),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    name = torch.cuda.get_device_name(args.device) if cuda else "none"
    table = table.assign(gpu=name, cpu_threads=torch.get_num_threads(), **origin())
    args.results.parent.mkdir(parents=True, exist_ok=True)
    table.round(6).to_csv(args.results, index=False)
    bad = table[table["status"].isin(["failed", "differs"]) & (table["method"] != "bio-SMART")]
    print(f"The table is {args.results}; {len(bad)} of {len(table)} rows are bad.")
    return int(len(bad) > 0)


def _tell(row: dict[str, Any]) -> dict[str, Any]:
    shown = (f"{k} {v:.6g}" if isinstance(v, float) else str(v) for k, v in row.items() if v != "")
    print("  ".join(shown), flush=True)
    return row


def _tests(device: str, cuda: bool) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["tests/python/test_devices.py", *(["-m", "gpu"] if cuda else [])]
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
    last = (done.stdout.strip().splitlines() or ["nothing printed"])[-1]
    return [
        _tell(
            {
                "check": "tests",
                "method": "smartcore",
                "device": device,
                "status": "failed" if done.returncode else "done",
                "note": last.strip("= "),
                "seconds": time.monotonic() - start,
            }
        )
    ]


def _agreement(device: str, n_spots: int) -> list[dict[str, Any]]:
    """Embeddings of the device and of the CPU, by distances between spots and by clusters."""
    arrays = grids.components(n_spots)
    features = {key[2:]: x for key, x in arrays.items() if key.startswith("x/")}
    rng = np.random.default_rng(0)
    eps = np.finfo(np.float32).eps
    rounded = {
        name: x * (1 + eps * rng.choice([-1, 1], x.shape)).astype(np.float32)
        for name, x in features.items()
    }
    some = rng.choice(n_spots, COMPARED, replace=False)
    rows = []
    for name, settings in SETTINGS.items():

        def embed(x: dict, where: str, settings: dict = settings) -> np.ndarray:
            case = {"n_neighbors": 4, "seed": 0, "epochs": 100, **settings}
            return integrate(x, arrays["coords"], device=where, **case).embedding

        # On the CPU, which repeats itself to the bit, rounding stands in for a GPU.
        shaken, there = embed(rounded, "cpu"), embed(features, "cpu")
        here = shaken if device == "cpu" else embed(features, device)
        with warnings.catch_warnings():
            # That another number of clusters may fit better is no matter of devices.
            warnings.simplefilter("ignore", UserWarning)
            kinds = [cluster_embedding(z, grids.N_KINDS, seed=0) for z in (here, there)]
        distances = pdist(there[some])
        close, rounding = (np.corrcoef(distances, pdist(z[some]))[0, 1] for z in (here, shaken))
        ari = adjusted_rand_score(*kinds)
        truth = " and ".join(f"{adjusted_rand_score(arrays['kind'], k):.3f}" for k in kinds)
        # Embeddings of the older presets can be cut in several ways that fit alike.
        same = close >= LEAST_CORRELATION and (ari >= LEAST_ARI or "preset" in settings)
        rows.append(
            _tell(
                {
                    "check": "agreement",
                    "set": name,
                    "n_spots": n_spots,
                    "method": "smartcore",
                    "device": device,
                    "status": "done" if same else "differs",
                    "note": f"ARI to the kinds of domains: {truth}",
                    "distances": float(close),
                    "ari": float(ari),
                    "rounding": float(rounding),
                }
            )
        )
    return rows


def _times(device: str, sizes: tuple[int, ...], end: float) -> list[dict[str, Any]]:
    """Rows of benchmarks/scale.py; smartcore first, as bio-SMART may take all the time there is."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for method in ("smartcore", "smartcore, trained", "bio-SMART"):
            for n_spots in sizes:
                file = Path(folder, f"{method}_{n_spots}.jsonl")
                row = {"check": "scale", "set": "grid", "n_spots": n_spots, "method": method}
                row["device"] = device
                rows.append(_tell(row | _time(method, n_spots, device, file, end)))
    return rows


def _time(method: str, n_spots: int, device: str, file: Path, end: float) -> dict[str, Any]:
    left = end - time.monotonic()
    if left < LEAST_SECONDS:
        return {"status": "left out", "note": "no time was left"}
    script = ROOT / "benchmarks" / "scale.py"
    command = [sys.executable, script, "--device", device, "--methods", method]
    command += ["--sizes", str(n_spots), "--max-minutes", str(left / 60), "--results", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not file.is_file():
        last = (done.stderr.strip().splitlines() or ["nothing was written"])[-1]
        return {"status": "failed", "note": last}
    found = json.loads(file.read_text())
    row = {key: found[key] for key in ("status", "note") if key in found}
    row["memory_gb"] = found["peak_gb"]
    if found["status"] == "done":
        row |= {"seconds": found["total"], "steps": found["steps"]}
        if found["steps"]:
            training = found["seconds"]["training"]
            row |= {"training": training, "ms_a_step": 1000 * training / found["steps"]}
    return row | {key: found[key] for key in ("gpu_gb",) if key in found}


if __name__ == "__main__":
    sys.exit(main())
