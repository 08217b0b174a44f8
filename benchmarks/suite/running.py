"""One run: a method on a set with a seed, in a process of its own; kept for the next time."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import scoring
from .methods import Method, NotApplicable
from .sets import LabelledSet

_PROCESSES = multiprocessing.get_context("fork")


def import_libraries() -> None:
    """Import, once and for all runs, what would else count among a method's seconds."""
    for name in ("smartcore.training.loop", "scanpy", "smart.train"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # bio-SMART asks for all cores when imported, whatever the environment says.
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


class Store:
    """Scores in a file of JSON lines, the later of two of a run counting; embeddings beside it."""

    def __init__(self, results: Path, cache: Path) -> None:
        self.results = results
        self._embeddings = cache / "embeddings"
        self.rows = read(results)

    def embedding(self, method: str, labelled: str, seed: int) -> Path:
        """Where the embedding of a run lies."""
        return self._embeddings / labelled / method.replace("/", "_") / f"{seed}.npz"

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row, with what an earlier one of the same run had besides."""
        key = key_of(row)
        self.rows[key] = self.rows.get(key, {}) | row
        self.results.parent.mkdir(parents=True, exist_ok=True)
        with self.results.open("a") as file:
            file.write(json.dumps(self.rows[key]) + "\n")


def key_of(row: dict[str, Any]) -> tuple[str, str, int]:
    """What makes a run."""
    return row["method"], row["set"], row["seed"]


def read(results: Path) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Rows by run."""
    lines = results.read_text().splitlines() if results.is_file() else []
    return {key_of(row): row for row in map(json.loads, lines)}


def run(
    method: Method,
    labelled: LabelledSet,
    seed: int,
    store: Store,
    *,
    timeout: float,
    with_clusters: bool,
    force: bool,
) -> None:
    """Embed and score, as far as that is not done yet.

    A row's ``status`` is "done", "not applicable", "failed" or "timeout", and its ``note`` says
    why; ``scores`` has a labeling's scores by its name.
    """
    key = (method.name, labelled.name, seed)
    row: dict[str, Any] = dict(zip(("method", "set", "seed"), key, strict=True))
    row |= {"group": labelled.group}
    file = store.embedding(*key)
    before = {} if force else store.rows.get(key, {})
    if before.get("status") in ("not applicable", "timeout"):
        return
    if not (file.is_file() and before.get("status") == "done"):
        row |= {"scores": {}}
        row |= _apart(lambda: _embed(method, labelled, seed, file), timeout)
        store.add(row)
        before = row
        if row["status"] != "done":
            _tell(row)
            return
    done = before.get("scores", {})
    missing = [name for name in labelled.truths if "probe" not in done.get(name, {})]
    unclustered = [name for name in labelled.truths if "ari_by_k" not in done.get(name, {})]
    parts: list[Callable[[], dict[str, dict[str, Any]]]] = []
    with np.load(file) as stored:
        embedding, own = stored["embedding"], stored.get("clusters")
    if missing:
        parts.append(lambda: scoring.probe(embedding, labelled))
    if with_clusters and unclustered:
        parts.append(lambda: scoring.clusters(embedding, labelled, seed, own))
    for part in parts:
        found = _apart(lambda part=part: {"status": "done", "found": part()}, None)
        if found["status"] != "done":
            row |= {"status": "done", "note": f"scores: {found['note']}"}
            break
        for name, scores in found["found"].items():
            done = done | {name: done.get(name, {}) | scores}
    if parts:
        row |= {"scores": done}
        store.add(row)
        _tell(store.rows[key])


def _embed(method: Method, labelled: LabelledSet, seed: int, file: Path) -> dict[str, Any]:
    # Of the processor, since other work on the machine stretches those of the clock.
    start = time.process_time()
    result = method.run(labelled, seed)
    seconds = time.process_time() - start
    embedding = np.asarray(result.embedding)
    if embedding.shape[:1] != labelled.coords.shape[:1] or not np.isfinite(embedding).all():
        raise ValueError(f"its embedding, of shape {embedding.shape}, is not finite or not whole")
    file.parent.mkdir(parents=True, exist_ok=True)
    own = {} if result.clusters is None else {"clusters": result.clusters}
    np.savez(file, embedding=embedding, **own)
    peaks = [resource.getrusage(who).ru_maxrss for who in (0, resource.RUSAGE_CHILDREN)]
    return {
        "status": "done",
        "note": result.note,
        "seconds": seconds if result.seconds is None else result.seconds,
        # A peer's own process is the one that counts.
        "memory_mb": (peaks[1] or peaks[0]) / 1024,
    }


def _apart(task: Callable[[], dict[str, Any]], timeout: float | None) -> dict[str, Any]:
    """What `task` returns in a process of its own, or how it ended."""
    receiver, sender = _PROCESSES.Pipe(duplex=False)

    def work() -> None:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        try:
            sender.send(task())
        except NotApplicable as why:
            sender.send({"status": "not applicable", "note": str(why)})
        except Exception as error:  # any failure of a method is a result
            sender.send({"status": "failed", "note": f"{type(error).__name__}: {error}"})

    process = _PROCESSES.Process(target=work)
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            return {"status": "timeout", "note": f"more than {timeout:g} s"}
        return receiver.recv()
    except EOFError:
        process.join()
        return {"status": "failed", "note": f"its process ended with {process.exitcode}"}
    finally:
        _end(process)


def _end(process: Any) -> None:
    """End a process, and those that it started."""
    import psutil

    process.join(1)
    if process.is_alive():
        family = psutil.Process(process.pid)
        for one in [*family.children(recursive=True), family]:
            one.kill()
    process.join()


def _tell(row: dict[str, Any]) -> None:
    scores = row.get("scores", {})
    text = "; ".join(
        f"{name} probe {one['probe']:.3f}"
        + (f" ARI {one['ari_mean']:.3f}" if "ari_mean" in one else "")
        for name, one in scores.items()
    )
    cost = f"{row['seconds']:.1f} s" if "seconds" in row else ""
    print(
        f"{row['set']} {row['method']} {row['seed']}: {row['status']} {row['note']} {cost} {text}",
        flush=True,
    )
