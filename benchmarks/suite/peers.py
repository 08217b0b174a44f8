"""Methods of others, each in a virtual environment of its own."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from .methods import Method, NotApplicable, Result, complete
from .scoring import n_kinds
from .sets import LabelledSet

SCRIPTS = Path(__file__).parents[1] / "peers"


@dataclass(frozen=True)
class Peer:
    """How a method is run, and on what.

    Attributes
    ----------
    script
        Name of ``benchmarks/peers/run_<script>.py``, and of the environment.
    option
        Which of the script's methods.
    counts
        Whether it needs counts.
    modalities
        Those it can take together, in order of preference; empty for any.
    at_least
        How many of them it needs.
    at_most
        How many it can take.
    """

    script: str
    option: str = ""
    counts: bool = False
    modalities: tuple[str, ...] = ()
    at_least: int = 1
    at_most: int | None = None


PEERS: dict[str, Peer] = {
    "GraphST": Peer("graphst", "", True, ("rna",), at_most=1),
    "BANKSY": Peer("banksy", "", True, ("rna",), at_most=1),
    "SpatialGlue": Peer("spatialglue", at_least=2, at_most=2),
    "CellCharter": Peer("cellcharter"),
    "MOFA+": Peer("muon", "mofa", counts=True),
    "MEFISTO": Peer("muon", "mefisto", counts=True),
    "WNN": Peer("muon", "wnn", at_least=2),
    "SNF": Peer("muon", "snf", at_least=2),
    "totalVI": Peer("scvi", "totalvi", True, ("rna", "protein"), 2),
    "MultiVI": Peer("scvi", "multivi", True, ("rna", "chromatin", "protein"), 2),
}

IMPOSSIBLE: dict[str, str] = {
    "PRESENT": "bio-present 1.0.2 pins torch 2.0.0 and versions of NumPy, SciPy and pandas as old; "
    "its loader needs METIS through torch-sparse or pyg-lib, of which PyPI has no builds",
}
"""Peers that could not be run, and why."""


def peer(name: str, environments: Path) -> Method:
    """A peer as a method; `environments` holds a virtual environment per script."""
    what = PEERS[name]

    def run(labelled: LabelledSet, seed: int) -> Result:
        chosen = _modalities(what, labelled)
        python = environments / what.script / "bin" / "python"
        if not python.is_file():
            raise FileNotFoundError(f"no environment {python.parents[1]}: see benchmarks/peers")
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder, "in.npz"), Path(folder, "out.npz")
            _write(given, labelled, chosen, what.counts)
            settings = {
                "method": what.option,
                "seed": seed,
                "group": labelled.group,
                "n_clusters": n_kinds(next(iter(labelled.truths.values()))),
            }
            done = subprocess.run(
                [python, SCRIPTS / f"run_{what.script}.py", given, made, json.dumps(settings)],
                capture_output=True,
                text=True,
                cwd=folder,
                check=False,
            )
            if done.returncode:
                lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
                raise RuntimeError(lines[-1])
            with np.load(made) as out:
                clusters = out.get("clusters")
                note = "" if len(chosen) == len(labelled.features) else "+".join(chosen)
                versions = {"peer": str(out["peer"]), "torch": str(out["torch"])}
                return Result(out["embedding"], clusters, float(out["seconds"]), note, versions)

    return Method(name, run)


def _modalities(what: Peer, labelled: LabelledSet) -> list[str]:
    """Which modalities the peer gets."""
    order = what.modalities or tuple(labelled.features)
    chosen = [name for name in order if name in labelled.features][: what.at_most]
    if len(chosen) < what.at_least:
        wanted = f" of {', '.join(what.modalities)}" if what.modalities else ""
        raise NotApplicable(f"needs {what.at_least} modalities{wanted}")
    if what.counts and not labelled.counts():
        raise NotApplicable("needs counts")
    if what.counts and labelled.observed:
        raise NotApplicable("needs counts of every spot in every modality")
    return chosen


def _write(file: Path, labelled: LabelledSet, chosen: list[str], with_counts: bool) -> None:
    features = complete(labelled)
    arrays = {f"x/{name}": features[name] for name in chosen}
    if with_counts:
        counts = labelled.counts()
        for name in chosen:
            matrix = sp.csr_matrix(counts[name].X)
            for part in ("data", "indices", "indptr", "shape"):
                arrays[f"counts/{name}/{part}"] = np.asarray(getattr(matrix, part))
    np.savez(file, coords=labelled.coords, modalities=np.array(chosen), **arrays)
