"""What a row's scores come from: the embedding, the versions, the code, the day."""

from __future__ import annotations

import datetime
import functools
import hashlib
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import smartcore


def digest(file: Path) -> str:
    """First eight digits of the SHA-256 of an embedding's float32 values; empty without a file."""
    if not file.is_file():
        return ""
    with np.load(file) as stored:
        values = np.ascontiguousarray(stored["embedding"], np.float32)
    return hashlib.sha256(values.tobytes()).hexdigest()[:8]


def origin() -> dict[str, str]:
    """Versions, the commit of smartcore's code (with a + where files differ from it), the day."""
    return {
        "smartcore": version_of("spatialsmart"),
        "torch": version_of("torch"),
        "commit": _commit(),
        "date": datetime.date.today().isoformat(),
    }


def version_of(distribution: str) -> str:
    """Version of an installed distribution, empty where it is not."""
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return ""


# The code of this process is that of its start, whatever is committed meanwhile.
@functools.cache
def _commit() -> str:
    folder = Path(smartcore.__file__).parent

    def git(*command: str) -> str:
        call = ["git", "-C", str(folder), *command]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=8", "HEAD") + (
            "+" if git("status", "--porcelain", "--", ".") else ""
        )
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"No commit is recorded: {error}", file=sys.stderr)
        return ""
