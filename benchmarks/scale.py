"""Time and memory of smartcore, bio-SMART and SpatialGlue by the number of spots.

Each method runs on each size in a process of its own, to its own stop, with all its defaults
("smartcore, trained": the same with epochs=50):
the peak of memory is that of the process, libraries and input included; seconds are from
components in memory (with --counts: from counts) to the embedding. What was run before is kept.
--report writes docs/scale.md. --quality asks instead what tiles and approximate neighbours
change. Needs `make test`'s environment; SpatialGlue in one of its own (benchmarks/peers). On a
GPU (--device cuda), smartcore and bio-SMART alone: tools/gpu_check.py asks for that.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from suite.machine import machine

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
RESULTS = HERE / "results" / "scale.jsonl"
SIZES = (2_001, 9_752, 30_652, 189_867, 756_430)
COUNTS_SIZE = 10_000
METHODS = ("smartcore", "smartcore, trained", "bio-SMART", "SpatialGlue")


def main() -> None:
    """Run what is asked for and not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--counts", action="store_true", help="from counts, of 10,000 spots")
    parser.add_argument("--quality", action="store_true", help="ARI of tiles and approximations")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu, cuda or cuda:N")
    parser.add_argument("--max-minutes", type=float, default=30, help="a run ends then")
    parser.add_argument("--max-gb", type=float, help="of memory; four fifths of the machine's")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--environments", type=Path, default=CACHE / "environments")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="also what was run before")
    parser.add_argument("--report", action="store_true", help="write docs/scale.md and its plot")
    parser.add_argument("--child", nargs=4, metavar=("METHOD", "CASE", "INPUT", "OUTPUT"))
    args = parser.parse_args()
    if args.child:
        _child(*args.child, args.device)
        return
    if args.report:
        from suite.scale_report import write

        rows = [
            row
            for row in _read(args.results)
            # ARI does not hang on threads.
            if (row["threads"] == args.threads and _key(row)[-1] == args.device)
            or row["case"] == "quality"
        ]
        write(rows, HERE.parent / "docs")
        return
    if args.quality:
        cases = [("quality", name, 0) for name in ("tri_omics_sim", "grid of 200 × 200")]
    elif args.counts:
        cases = [("counts", method, COUNTS_SIZE) for method in args.methods]
    else:
        cases = [("components", method, n) for n in sorted(args.sizes) for method in args.methods]
    done = {} if args.again else {_key(row): row for row in _read(args.results)}
    for case, method, n_spots in cases:
        row = {"case": case, "method": method, "n_spots": n_spots, "threads": args.threads}
        row["device"] = args.device
        if method == "SpatialGlue" and (case == "counts" or args.device != "cpu"):
            continue
        if _key(row) in done:
            _tell(done[_key(row)])
            continue
        row |= {"machine": machine(), "load": round(os.getloadavg()[0], 1)}
        row |= _run(row, args)
        _tell(row)
        if row["status"] == "absent":
            continue
        args.results.parent.mkdir(parents=True, exist_ok=True)
        with args.results.open("a") as file:
            file.write(json.dumps(row) + "\n")


def _key(row: dict[str, Any]) -> tuple:
    # Rows without a device are older than the choice.
    named = tuple(row[name] for name in ("case", "method", "n_spots", "threads"))
    return (*named, row.get("device", "cpu"))


def _read(results: Path) -> list[dict[str, Any]]:
    """Rows, of two of a run the later."""
    lines = results.read_text().splitlines() if results.is_file() else []
    return list({_key(row): row for row in map(json.loads, lines)}.values())


def _tell(row: dict[str, Any]) -> None:
    head = f"{row['case']:10} {row['n_spots']:>7,} {row['method']:18} {row['status']:8}"
    if row["status"] == "done" and "total" in row:
        stages = ", ".join(f"{k} {v:.2f}" for k, v in row["seconds"].items())
        if row["steps"]:
            each = 1000 * row["seconds"]["training"] / row["steps"]
            stages += f"; {row['steps']} steps, {each:.0f} ms each"
        memory = f"{row['gpu_gb']:.2f} GB of the GPU, " if "gpu_gb" in row else ""
        head += f" {row['total']:.1f} s ({stages}) {memory}"
    print(head, f"{row['peak_gb']:.2f} GB", row.get("note", ""), flush=True)


def _run(row: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """A run's seconds and peak of memory, or why there are none."""
    method, case = row["method"], row["case"]
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "in.npz"), Path(folder, "out.json")
        itself = [sys.executable, __file__, "--child"]
        if case == "quality":
            command = [*itself, method, case, given, made]
        else:
            simulated = CACHE / "grids" / f"{case}_{row['n_spots']}.npz"
            if not simulated.is_file():
                simulated.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run([*itself, str(row["n_spots"]), case, "", simulated], check=True)
            command = [*itself, method, case, simulated, made, "--device", args.device]
            if method == "SpatialGlue":
                python = args.environments / "spatialglue" / "bin" / "python"
                if not python.is_file():
                    note = f"no environment {python.parents[1]}: see benchmarks/peers"
                    return {"status": "absent", "note": note, "peak_gb": 0.0}
                script = HERE / "peers" / "run_spatialglue_stages.py"
                command = [python, script, simulated, made]
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        limit = int(args.max_gb * 1e9 if args.max_gb else 0.8 * memory)
        status, peak, error = _wait(command, args, limit)
        if status == 0:
            return {"status": "done", "peak_gb": peak, **json.loads(made.read_text())}
        if status is None:
            note = f"not done within {args.max_minutes:g} minutes"
            return {"status": "timeout", "note": note, "peak_gb": peak}
        last = (error.strip().splitlines() or [f"exit status {status}"])[-1]
        if "MemoryError" in last or "alloc" in last.lower() or status == -signal.SIGKILL:
            last = f"more than {limit / 1e9:.0f} GB of memory: {last}"
        return {"status": "failed", "note": last[:300], "peak_gb": peak}


def _wait(command: list, args: argparse.Namespace, limit: int) -> tuple[int | None, float, str]:
    """Exit status (None: ended for its time), peak of resident memory in GB, standard error."""
    environment = os.environ | {
        name: str(args.threads)
        for name in (
            "OMP_NUM_THREADS",
            "MKL_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "NUMBA_NUM_THREADS",
        )
    }
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
            preexec_fn=partial(_limit, None if args.device.startswith("cuda") else limit),
        )
        end, late = time.monotonic() + 60 * args.max_minutes, False
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if not late and time.monotonic() > end:
                    process.kill()
                    late = True
                time.sleep(0.1)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        return None if late else process.returncode, usage.ru_maxrss / 2**20, errors.read()


def _limit(n_bytes: int | None) -> None:
    """The addresses of this process; CUDA takes those of all memory there is, used or not."""
    if n_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


def _child(method: str, case: str, given: str, made: str, device: str) -> None:
    """In a process of its own."""
    if case == "quality":
        from suite.quality import compare

        found: dict[str, Any] = compare(method)
    else:
        from suite import staged

        if method.isdigit():
            staged.simulate(case, int(method), Path(made))
            return
        found = staged.run(method, case, Path(given), device)
    Path(made).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
