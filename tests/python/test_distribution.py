"""The distribution's own name: on the package index "smartcore" is another project's."""

import importlib
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import smartcore

ROOT = Path(__file__).parents[2]
NAME = "spatialsmart"
TEXTS = ("*.md", "*.Rmd", "*.py", "*.R", "*.Rd", "*.sh", "*.toml", "Makefile")
FOLDERS = ("python", "R", "man", "vignettes", "docs", "tools", "benchmarks", "inst", "tests")


def test_it_is_installed_by_its_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == NAME
    assert metadata.version(NAME) == smartcore.__version__ == project["version"]


def test_no_text_installs_another_projects_package():
    files = [path for pattern in TEXTS for path in ROOT.glob(pattern)]
    files += [p for f in FOLDERS for pattern in TEXTS for p in (ROOT / f).rglob(pattern)]
    wrong = re.compile(r"pip3? install[^\n`]*?['\"\s]smartcore\b(?!/)|['\"`]smartcore\[")
    found = {
        str(path.relative_to(ROOT)): wrong.findall(path.read_text(encoding="utf-8"))
        for path in set(files) - {Path(__file__)}
    }
    assert len(files) > 200
    assert not {path: texts for path, texts in found.items() if texts}


def test_a_namesake_beside_it_is_said(monkeypatch):
    monkeypatch.setattr(
        "importlib.metadata.version", lambda name: "0.1.0" if name == "smartcore" else "9.9"
    )
    with pytest.warns(UserWarning, match=r"called smartcore \(0\.1\.0\).*pip uninstall smartcore"):
        importlib.reload(smartcore)
    monkeypatch.undo()
    importlib.reload(smartcore)
