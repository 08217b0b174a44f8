"""The command line, called within the process."""

import re
from pathlib import Path

from smartcore.cli import main

FAST = ["--epochs", "3", "--latent-dim", "8", "--cluster-method", "kmeans"]
QUICK = [*FAST, "--no-figures", "-q"]
BY_HAND = {"epochs": 3, "latent_dim": 8, "progress": False}


def run(*args: object) -> int:
    return main(["run", *map(str, args)])


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def assert_fails(capsys, args, message: str, *, code: int = 1, folder: Path | None = None) -> None:
    """One clear line on standard error, nothing on standard output, no file left."""
    before = None if folder is None else sorted(folder.iterdir())
    capsys.readouterr()
    assert main([str(arg) for arg in args]) == code
    text, error = capsys.readouterr()
    assert text == ""
    assert re.search(message, last_line(error)), error
    assert "Traceback" not in error
    if code == 1:
        assert last_line(error).startswith("smartcore: error: ")
    if folder is not None:
        assert sorted(folder.iterdir()) == before
