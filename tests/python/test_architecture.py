"""docs/architecture.md, its figure, CONTRIBUTING.md and the hooks say what the code says."""

import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "python" / "smartcore"
TOOL = Path("tools", "architecture")


def run(root, *arguments):
    """What the tool says of the tree at ``root``, and its exit status."""
    done = subprocess.run(
        [sys.executable, root / TOOL, *arguments], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.stdout, done.returncode


@pytest.fixture(scope="module")
def tool():
    """The tool's modules by name, which import each other as those of a script do."""
    names = ("sources", "figure")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / TOOL)
        yield SimpleNamespace(**{name: import_module(name) for name in names})
    for name in names:
        del sys.modules[name]


@pytest.fixture
def tree(tmp_path):
    """A copy of what the page is about, to be changed."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("R", "python/smartcore", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for file in ("pyproject.toml", "docs/architecture.md", "docs/images/architecture.png"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_page_and_figure_agree_with_the_code():
    said, status = run(ROOT, "--check")
    assert status == 0, said


def test_page_that_no_longer_agrees(tree):
    core = tree / "python" / "smartcore"
    change(core / "spatial" / "graph.py", '"""The spatial graph', '"""A graph')
    change(core / "spatial" / "directions.py", "def best_share", "def share")
    change(core / "network" / "model.py", "def hops", "def reach")
    change(tree / "R" / "results.R", "store_sce <- ", "keep_sce <- ")
    change(tree / "docs" / "architecture.md", "(../R/zzz.R)", "(../R/none.R)")
    said, status = run(tree, "--check")
    assert status == 1
    for complaint in (
        "The tables",
        "directions.py defines `best_share`",
        "model.py defines `SMART.hops`",
        "results.R defines `store_sce`",
        "links `.onLoad` to ../R/none.R",
        "does not link R/zzz.R",
    ):
        assert complaint in said
    assert "images/architecture.png" not in said


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("pyproject.toml", '"directions | spots"', '"spots | directions"', "The tables"),
        ("docs/architecture.md", "<!-- end of modules -->", "", "markers of 'modules'"),
        (
            "python/smartcore/sections/missing.py",
            "import numpy as np\n",
            "import numpy as np\n\nfrom smartcore.neighbors import search\n",
            "docs/images/architecture.png",
        ),
        (
            "python/smartcore/spatial/spots.py",
            "import numpy as np\n",
            "import numpy as np\n\nfrom smartcore.network import layers\n",
            "import each other: ",
        ),
    ],
)
def test_a_change_is_noticed(tree, file, old, new, complaint):
    change(tree / file, old, new)
    said, status = run(tree, "--check")
    assert status == 1
    assert complaint in said


def test_a_new_module_is_missed_until_the_page_is_written_again(tree):
    module = tree / "python" / "smartcore" / "spatial" / "filters.py"
    module.write_text('"""Filters in space."""\n')
    said, status = run(tree, "--check")
    assert status == 1
    assert "does not name the modules" in said
    assert "filters" in said
    change(tree / "pyproject.toml", '"directions | spots"', '"filters", "directions | spots"')
    assert run(tree) == ("", 0)
    page = (tree / "docs" / "architecture.md").read_text()
    row = "[`spatial.filters`](../python/smartcore/spatial/filters.py) | Filters in space. |"
    assert row in page
    assert run(tree, "--check")[1] == 0


def test_a_new_wing_needs_its_place(tree):
    (tree / "python" / "smartcore" / "extra.py").write_text('"""Something else."""\n')
    said, status = run(tree, "--check")
    assert status == 1
    assert "New: ['extra']; gone: []" in said


def test_imports_are_those_that_the_sources_name(tool):
    found = set()
    for path in CORE.rglob("*.py"):
        wing = path.relative_to(CORE).parts[0].removesuffix(".py")
        text = path.read_text()
        for name in re.findall(r"^ *from smartcore\.(\w+)[\w.]* import ", text, re.MULTILINE):
            found.add((wing, name))
        for names in re.findall(r"^ *from smartcore import ([\w, ]+)$", text, re.MULTILINE):
            found |= {(wing, name) for name in names.split(", ")}
    there = set(tool.sources.PLACES)
    found = {(a, b) for a, b in found if a != b and {a, b} <= there}
    assert found == {(a, b) for a, b in tool.sources.read_code().imports if a}


@pytest.mark.parametrize("seed", range(5))
def test_reduction_and_depths_are_those_of_networkx(tool, seed):
    upper = np.triu(np.random.default_rng(seed).random((9, 9)) < 0.4, 1)
    pairs = [(str(a), str(b)) for a, b in np.argwhere(upper)]
    graph = nx.DiGraph(pairs)
    assert tool.figure.reduced(pairs) == set(nx.transitive_reduction(graph).edges)
    generations = enumerate(nx.topological_generations(graph))
    assert tool.figure.depths(pairs) == {name: i for i, names in generations for name in names}


def test_contributing_quotes_the_code():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    sources = {
        suffix: "\n".join(
            re.sub(r"^ +", "", path.read_text(), flags=re.MULTILINE)
            for folder in ("python", "tests", "R")
            for path in (ROOT / folder).rglob(f"*{suffix}")
        )
        for suffix in (".py", ".R")
    }
    quotes = re.findall(r"^```(python|r)\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(quotes) == 4
    for language, quote in quotes:
        plain = re.sub(r"^ +", "", quote, flags=re.MULTILINE)
        assert plain in sources[".R" if language == "r" else ".py"], quote


def test_hooks_are_what_make_check_runs():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    recipe = re.search(r"^check:.*\n((\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    checks = recipe.replace("$(BIN)", ".venv/bin").replace("\t", "").splitlines()
    # The examples in docstrings take too long for every commit.
    assert re.findall(r"entry: (.+)", hooks) == [c for c in checks if "doctest" not in c]
