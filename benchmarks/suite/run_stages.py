"""`smartcore run` in a process of its own, with the seconds and the memory of each stage.

    python -m suite.run_stages TIMES.json run --rna … -o …

Stages are timed around functions of the package, which know nothing of it. Those that another
version does not have are passed over, and their time is that of the stage around them.
"""

from __future__ import annotations

import time

_START = time.perf_counter()

import functools  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

OTHER = "imports and the rest"
STAGES: tuple[tuple[str, str, str], ...] = (
    ("smartcore.cli._inputs", "load", "reading"),
    ("smartcore.pp", "rna", "RNA: normalising"),
    ("smartcore.pp", "protein", "proteins: normalising"),
    ("smartcore.pp._modality", "principal_components", "PCA"),
    ("smartcore.cli._run", "make_writable", "checking for writing"),
    ("smartcore.cli._run", "check_writable", "checking for writing"),
    ("smartcore.tl", "smart", "matching spots"),
    ("smartcore.preparation", "graph_of", "graph"),
    ("smartcore.preparation", "without_batches", "Harmony"),
    ("smartcore.preparation", "fit_views", "filters"),
    ("smartcore.preparation", "view", "filters"),
    ("smartcore.preparation", "make_targets", "targets and twins"),
    ("smartcore.preparation", "TripletSampler", "triplets"),
    ("smartcore.preparation", "start_from_data", "training"),
    ("smartcore.integration", "train", "training"),
    ("smartcore.integration", "principal_axes", "embedding"),
    ("smartcore.integration", "encode", "embedding"),
    ("smartcore.tl", "choose_n_clusters", "choosing K"),
    ("smartcore.tl", "cluster", "clustering"),
    ("smartcore.cli._results:Outputs", "write_embedding", "writing the embedding"),
    ("smartcore.cli._results:Outputs", "add_domains", "writing domains"),
    ("smartcore.cli._results:Outputs", "write_tables", "writing domains"),
    ("smartcore.cli._summary:Summary", "of", "summary"),
)
"""Module (and class), function, stage."""


class Stages:
    """Seconds of the clock and of the processor, and peak memory, of stages that may be nested.

    What a stage within another takes is not counted for the outer one.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, float]] = {}
        self._open = [OTHER]
        self._since = (_START, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens within for `name`."""
        self._close()
        self._open.append(name)
        try:
            yield
        finally:
            self._close()
            self._open.pop()

    def finish(self) -> dict[str, dict[str, float]]:
        """All stages."""
        self._close()
        return self.rows

    def _close(self) -> None:
        """Add what passed since the last call to the innermost stage."""
        now = time.perf_counter(), _processor_seconds()
        row = self.rows.setdefault(self._open[-1], {"seconds": 0.0, "processor": 0.0, "peak": 0.0})
        row["seconds"] += now[0] - self._since[0]
        row["processor"] += now[1] - self._since[1]
        row["peak"] = max(row["peak"], _peak_since_last())
        self._since = now


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_since_last() -> float:
    """Peak of the resident memory in GB since the last call; NaN where Linux does not tell."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return float("nan")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    Path("/proc/self/clear_refs").write_text("5")
    return int(lines["VmHWM"].split()[0]) / 2**20


def watch(stages: Stages) -> None:
    """Have all stages timed from now on."""
    for place, name, stage in STAGES:
        module, _, owner = place.partition(":")
        try:
            holder: Any = importlib.import_module(module)
            holder = getattr(holder, owner) if owner else holder
            function = getattr(holder, name)
        except (ImportError, AttributeError):
            continue
        timed = _timed(function, stage, stages)
        bound_to_class = isinstance(vars(holder).get(name), classmethod)
        setattr(holder, name, staticmethod(timed) if bound_to_class else timed)
    results = importlib.import_module("smartcore.cli._results")
    results.draw = _each_timed(results.draw, stages)


def _timed(function: Callable, stage: str, stages: Stages) -> Callable:
    @functools.wraps(function)
    def run(*args: Any, **settings: Any) -> Any:
        within = f"{stages._open[-1].partition(':')[0]}: {stage}" if stage == "PCA" else stage
        with stages.stage(within):
            return function(*args, **settings)

    return run


def _each_timed(draw: Callable, stages: Stages) -> Callable:
    """The figures one by one: each is drawn and written before the next is asked for."""

    def run(*args: Any, **settings: Any) -> Iterator[Any]:
        for name, figure in draw(*args, **settings):
            with stages.stage(f"figure: {name}"):
                yield name, figure

    return run


def main() -> None:
    """Run the command line, and write what each stage took."""
    file, *arguments = sys.argv[1:]
    from smartcore.cli import main as smartcore

    stages = Stages()
    watch(stages)
    status = smartcore(arguments)
    Path(file).write_text(json.dumps(stages.finish()))
    sys.exit(status)


if __name__ == "__main__":
    main()
