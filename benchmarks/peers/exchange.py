"""What every peer's script does alike: read its input, time itself, write what it found."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.sparse as sp

Arrays = dict[str, Any]


class Section:
    """The section to be embedded.

    ``features``: modality → components (n_spots, d); ``counts``: modality → CSR, where the peer
    needs them; ``coords``; and of the settings ``method``, ``seed``, ``group`` and ``n_clusters``.
    """

    def __init__(self, arrays: Arrays, settings: dict[str, Any]) -> None:
        names = arrays["modalities"].tolist()
        self.features = {name: arrays[f"x/{name}"] for name in names}
        self.counts = {}
        for name in names:
            if f"counts/{name}/data" in arrays:
                data, indices, indptr, shape = (
                    arrays[f"counts/{name}/{part}"]
                    for part in ("data", "indices", "indptr", "shape")
                )
                self.counts[name] = sp.csr_matrix((data, indices, indptr), shape=tuple(shape))
        self.coords = arrays["coords"]
        self.method = settings["method"]
        self.seed = settings["seed"]
        self.group = settings["group"]
        self.n_clusters = settings["n_clusters"]


def main(embed: Callable[[Section], Arrays], package: str) -> None:
    """Run `embed`, which returns ``embedding`` and perhaps ``clusters``, on the files given.

    `package` is the distribution whose version is recorded.
    """
    given, made, settings = sys.argv[1:]
    with np.load(given) as arrays:
        section = Section(dict(arrays), json.loads(settings))
    start = time.process_time()
    found = embed(section)
    seconds = time.process_time() - start
    torch = version("torch").partition("+")[0] if "torch" in sys.modules else ""
    peer = f"{package} {version(package)}"
    np.savez(made, seconds=seconds, peer=peer, torch=torch, **found)


def side_by_side(section: Section) -> np.ndarray:
    """All modalities' components, each modality at root mean square 1."""
    columns = [x - x.mean(axis=0) for x in section.features.values()]
    return np.hstack([x / np.sqrt(np.mean(x**2) * x.shape[1]) for x in columns])
