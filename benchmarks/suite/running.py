"""One run: a method on a set with a seed, in a process of its own; kept for the next time."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import scoring
from .methods import Method, NotApplicable
from .provenance import digest, origin
from .registry import family_of
from .sets import LabelledSet
from .store import SCORES, Row, Store

_PROCESSES = multiprocessing.get_context("fork")


def import_libraries() -> None:
    """Import, once and for all runs, what would else count among a method's seconds."""
    for name in ("smartcore.training.loop", "scanpy", "smart.train"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # bio-SMART asks for all cores when imported, whatever the environment says.
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def run(
    method: Method,
    labelled: LabelledSet,
    seed: int,
    store: Store,
    *,
    timeout: float,
    clusters: Sequence[str],
    force: bool,
) -> None:
    """Embed and score, as far as the tables lack it.

    A row's ``status`` is "done", "not applicable", "failed" or "timeout", and its ``note`` says
    why. An embedding in the cache serves if it is the one that the rows are of; else it is made
    anew, and if it comes out different, so are all its scores.
    """
    family = family_of(method.name)
    before = {} if force else store.run(family, method.name, labelled.name, seed)
    if any(row["status"] in ("not applicable", "timeout") for row in before.values()):
        return
    rows = [before.get(name, {}) for name in labelled.truths]
    if not any(row.get("status") != "done" or scoring.lacking(row, clusters) for row in rows):
        return
    file = store.embedding(method.name, labelled.name, seed)
    known = next((row["embedding"] for row in before.values()), "")
    common = {"set": labelled.name, "group": labelled.group, "method": method.name, "seed": seed}
    made: dict[str, Any] = {}
    if not known or digest(file) != known:
        made = origin() | _apart(lambda: _embed(method, labelled, seed, file), timeout)
        if made["status"] != "done":
            store.put(family, [common | made])
            _tell(common | made, {})
            return
        if made["embedding"] != known:
            before = {}
    scores = {name: _scores(before.get(name)) for name in labelled.truths}
    note = made.get("note", next((row["note"] for row in before.values()), ""))
    note = _score(scores, labelled, seed, file, clusters) or note
    store.put(
        family,
        [
            common | before.get(name, {}) | made | {"labeling": name, "note": note} | scores[name]
            for name in labelled.truths
        ],
    )
    _tell(common | made | {"status": "done", "note": note}, scores)


def _scores(row: Row | None) -> dict[str, Any]:
    return {name: row[name] for name in SCORES if row[name]} if row else {}


def _score(
    scores: dict[str, dict[str, Any]],
    labelled: LabelledSet,
    seed: int,
    file: Path,
    clusters: Sequence[str],
) -> str:
    """Add to `scores` what is lacking; returns what went wrong, if anything did."""
    with np.load(file) as stored:
        embedding, own = stored["embedding"], stored.get("clusters")

    def lacks(name: str) -> bool:
        return any(name not in found for found in scores.values())

    parts: list[Callable[[], dict[str, dict[str, Any]]]] = []
    if lacks("probe"):
        parts.append(lambda: scoring.probe(embedding, labelled))
    if clusters and own is not None and lacks("own_ari"):
        parts.append(lambda: scoring.own(labelled, own))
    for name in clusters:
        if lacks(f"ari_{name}"):
            parts.append(lambda name=name: scoring.clusters(embedding, labelled, seed, name))
    for part in parts:
        found = _apart(lambda part=part: {"status": "done", "found": part()}, None)
        if found["status"] != "done":
            return f"scores: {found['note']}"
        for name, values in found["found"].items():
            scores[name] |= values
    return ""


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
    partial = file.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as out:
        np.savez(out, embedding=embedding, **own)
    partial.replace(file)
    peaks = [resource.getrusage(who).ru_maxrss for who in (0, resource.RUSAGE_CHILDREN)]
    return {
        "status": "done",
        "note": result.note,
        "seconds": float(seconds if result.seconds is None else result.seconds),
        # A peer's own process is the one that counts.
        "memory_mb": (peaks[1] or peaks[0]) / 1024,
        "embedding": digest(file),
    } | result.versions


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


def _tell(row: dict[str, Any], scores: dict[str, dict[str, Any]]) -> None:
    text = "; ".join(
        " ".join([name, *(f"{s} {float(one[s]):.3f}" for s in _TOLD if one.get(s))])
        for name, one in scores.items()
    )
    cost = f"{row['seconds']:.1f} s" if "seconds" in row else ""
    where = f"{row['set']} {row['method']} {row['seed']}"
    print(f"{where}: {row['status']} {row['note']} {cost} {text}", flush=True)


_TOLD = ("probe", "ari_shrunk", "ari_mean", "ari_gmm", "ari_mclust")
