"""What ``smartcore run`` refuses before anything is computed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from smartcore.cli import _lookup
from smartcore.cli._common import STORE, UsageError
from smartcore.clustering import GRAPH_METHODS
from smartcore.io import check_destination
from smartcore.params import resolve_params

_METHOD = (
    *("regions", "latent_dim", "epochs", "step_spots", "lr", "lam", "encoder"),
    *("section_triplets", "harmony_theta", "harmony_rounds"),
)


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """Changes to the preset."""
    given = {name: getattr(args, name) for name in _METHOD}
    return {name: value for name, value in given.items() if value is not None}


def check_method(args: argparse.Namespace) -> None:
    """Refuse parameters that do not go together, before anything is computed."""
    if args.resolution is not None:
        if args.cluster_method not in GRAPH_METHODS:
            raise UsageError(
                "--resolution needs --cluster-method leiden or louvain; other methods take a "
                "number of domains, --n-clusters"
            )
        if args.n_clusters is not None:
            raise UsageError("give either --n-clusters or --resolution")
    try:
        resolve_params(args.preset, changes(args))
    except ValueError as err:
        raise UsageError(str(err)) from err


def check_suffix(path: Path, *, single: bool) -> None:
    if path.suffix == ".h5ad" and not single:
        raise UsageError(f"{path}: several modalities go to an .h5mu file, one to .h5ad or .h5mu")
    if path.suffix not in (".h5mu", ".h5ad", STORE):
        raise UsageError(
            f"{path}: the output must end in .h5mu (or .h5ad, for a single modality; {STORE}, for a "
            f"SpatialData store), not in {path.suffix or 'nothing'!r}"
        )


def refuse_twice(option: str, path: Path, targets: list[Path]) -> None:
    if path.expanduser().resolve() in {p.expanduser().resolve() for p in targets}:
        raise UsageError(f"{option} and another output would both write {path}")


def check_targets(targets: list[Path], *, force: bool) -> None:
    """Refuse outputs that exist or cannot be written, before anything is computed.

    Raises
    ------
    OSError
        If there are such; the message says what would do.
    """
    resolved = [check_destination(path, store=path.suffix == STORE) for path in targets]
    there = [str(path) for path, real in zip(targets, resolved, strict=True) if real.exists()]
    if there and not force:
        verb = "exists" if len(there) == 1 else "exist"
        raise FileExistsError(
            f"{', '.join(there)} {verb} already; --force overwrites, or choose another name by -o"
        )


def check_truth(data: Any, column: str | None) -> None:
    """Refuse an annotation that is not there, or labels no spot, before anything is computed."""
    if column is None:
        return
    found = _lookup.find_labels(data, column)
    if found.values.empty:
        raise ValueError(f"--truth {column}: {found.place} holds no label")


def check_n_clusters(numbers: range | None, n_spots: int) -> None:
    if numbers is not None and numbers[-1] > n_spots:
        raise ValueError(
            f"--n-clusters {numbers[-1]}: there cannot be more domains than the {n_spots} spots"
        )
