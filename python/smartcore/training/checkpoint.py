"""The state of a training in a file, from which it goes on."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smartcore._files import UNREADABLE, write_whole

_FORMAT = 2


def fingerprint(arrays: Iterable[NDArray[Any]]) -> str:
    """Hash that differs where an array differs in shape, type or a value."""
    digest = hashlib.blake2b(digest_size=16)
    for x in arrays:
        digest.update(f"{x.dtype}{x.shape}".encode())
        digest.update(np.ascontiguousarray(x).data)
    return digest.hexdigest()


class Checkpoint:
    """The file in which the state of a training is kept while it runs.

    Parameters
    ----------
    path
        The file; it need not be there yet.
    seconds
        The state is written after the first step that ends so long after the last writing; 0:
        after every step.
    keep
        Leave the file there after the training: whoever made the checkpoint removes it, once the
        results are written.

    Raises
    ------
    ValueError
        If ``path`` is a folder or in none, or ``seconds`` is negative.
    """

    def __init__(
        self, path: str | os.PathLike[str], seconds: float = 60.0, *, keep: bool = False
    ) -> None:
        self.path = Path(path)
        if self.path.is_dir() or not os.access(self.path.resolve().parent, os.W_OK):
            raise ValueError(
                f"checkpoint={os.fspath(path)!r} must be a file in a folder that is there and can "
                "be written to."
            )
        if self.path.is_file() and not zipfile.is_zipfile(self.path):
            raise ValueError(
                f"checkpoint={os.fspath(path)!r} holds no state of a training. Remove it to start "
                "anew, or name another file."
            )
        if not seconds >= 0:
            raise ValueError(f"checkpoint_seconds={seconds!r} must be a number from 0 up.")
        self._seconds, self._keep = seconds, keep
        self._written = time.monotonic()
        self._of: dict[str, Any] = {}

    def open(self, params: Mapping[str, Any], data: str, seed: int) -> dict[str, Any] | None:
        """What the file holds of this training; ``None`` if there is no file.

        Parameters
        ----------
        params, data, seed
            What the training is of: parameters, :func:`fingerprint` of the data, the seed.

        Raises
        ------
        ValueError
            If it holds no state, or one of other data, parameters or another seed.
        """
        self._of = {"format": _FORMAT, "params": dict(params), "data": data, "seed": seed}
        if not self.path.exists():
            return None
        where = f"checkpoint={os.fspath(self.path)!r}"
        remedy = "Remove it to start anew, or name another file."
        try:
            content: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
            there = {name: content[name] for name in self._of}
            state: dict[str, Any] = content["state"]
        except UNREADABLE as err:
            raise ValueError(f"{where} holds no state of a training. {remedy}") from err
        if there == self._of:
            return state
        if there["format"] != _FORMAT:
            other = f"another version of smartcore (format {there['format']}, not {_FORMAT})"
        elif there["params"] != self._of["params"]:
            own, old = self._of["params"], there["params"]
            names = [n for n in sorted({*own, *old}) if own.get(n) != old.get(n)]
            # It may follow from the data.
            what = "other data or parameters" if names == ["neighbor_share"] else "other parameters"
            other = f"{what}: " + ", ".join(
                f"{n}={old.get(n)!r}, not {own.get(n)!r}" for n in names
            )
        elif there["seed"] != seed:
            other = f"another seed: {there['seed']}, not {seed}"
        else:
            other = "other data"
        raise ValueError(f"{where} is the state of a training with {other}. {remedy}")

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written >= self._seconds

    def write(self, state: Mapping[str, Any]) -> None:
        """Write ``state``: tensors and plain values."""
        write_whole({**self._of, "state": dict(state)}, self.path)
        self._written = time.monotonic()

    def trained(self) -> None:
        """Remove the file after the training, unless it is to be kept."""
        if not self._keep:
            self.remove()

    def remove(self) -> None:
        """Remove the file, once the result is there."""
        self.path.unlink(missing_ok=True)


def rng_state(rng: np.random.Generator) -> str:
    """State of ``rng`` as text."""
    return json.dumps(rng.bit_generator.state)


def set_rng_state(rng: np.random.Generator, state: str) -> None:
    """Put ``rng`` in a state that :func:`rng_state` gave."""
    rng.bit_generator.state = json.loads(state)
