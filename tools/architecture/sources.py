"""What the sources of the core say of its modules and their imports."""

import ast
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "smartcore"

# The wings (what lies right below the package) in the order of the data, with their place across
# the figure, in inches. How high they stand in it follows from their imports.
PLACES = {
    "io": 1.35,
    "datasets": 2.7,
    "pp": 1.4,
    "spatial": 3.1,
    "sections": 2.1,
    "neighbors": 3.9,
    "targets": 3.9,
    "network": 6.1,
    "training": 6.1,
    "preparation": 4.0,
    "integration": 4.0,
    "clustering": 5.9,
    "metrics": 8.0,
    "tl": 4.7,
    "pl": 6.9,
    "cli": 3.2,
    "_bridge": 7.9,
    "_feedback": 8.7,
    "given": 0.9,
    "params": 2.4,
    "_keys": 3.8,
    "_files": 5.2,
    "_logs": 6.5,
    "_r": 7.8,
}
# Entry points that say nothing of the architecture.
LEFT_OUT = {"__main__"}


class StaleError(Exception):
    """Something here or on the page has to be changed by hand."""


@dataclass(frozen=True)
class Code:
    """What the sources say.

    Attributes
    ----------
    sentences
        Module, without the package's name, → first line of its docstring; "" is the package.
    imports
        Pairs (importer, imported) of different wings; "" is the package itself.
    layers
        Package → its layers, the topmost first, each a list of modules.
    """

    sentences: dict[str, str]
    imports: set[tuple[str, str]]
    layers: dict[str, list[list[str]]]

    @property
    def wings(self) -> list[str]:
        """Modules and packages right below the package, in the order of the data."""
        there = {name.split(".")[0] for name in self.sentences} - {""} - LEFT_OUT
        if there != set(PLACES):
            raise StaleError(
                "PLACES in tools/architecture must have the wings that are there, in the order "
                f"of the data. New: {sorted(there - set(PLACES))}; gone: "
                f"{sorted(set(PLACES) - there)}."
            )
        return list(PLACES)

    def modules(self, wing: str) -> list[str]:
        """Modules of a wing, those on top first; none for a wing that is a module itself."""
        named = [name for layer in self.layers.get(f"{PACKAGE}.{wing}", []) for name in layer]
        there = {name.split(".")[1] for name in self.sentences if name.startswith(f"{wing}.")}
        if set(named) != there:
            raise StaleError(
                f"The contract of {PACKAGE}.{wing} in pyproject.toml does not name the modules "
                f"that are there: {sorted(there ^ set(named))}."
            )
        return named


def read_code() -> Code:
    """Read modules, imports and contracts."""
    # These sources, wherever an installed package has its own.
    sys.path.insert(0, str(ROOT / "python"))
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    inside = {name: name.removeprefix(PACKAGE).removeprefix(".") for name in graph.modules}
    pairs = {
        (inside[importer].split(".")[0], inside[imported].split(".")[0])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    }
    return Code(
        sentences={short: _sentence(short) for short in inside.values()},
        imports={(a, b) for a, b in pairs if a != b and b and a not in LEFT_OUT},
        layers=_layers(),
    )


def path_of(module: str) -> Path:
    """File of a module, or folder of a package."""
    path = ROOT / "python" / PACKAGE / Path(*module.split("."))
    return path if path.is_dir() else path.with_suffix(".py")


def _sentence(module: str) -> str:
    path = path_of(module)
    text = (path / "__init__.py" if path.is_dir() else path).read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text))
    if not said:
        raise StaleError(f"{path.relative_to(ROOT)} has no docstring to say what it is for.")
    first = said.splitlines()[0].replace("``", "`").replace("|", r"\|")
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", first)


def _layers() -> dict[str, list[list[str]]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        container: [layer.split(" | ") for layer in contract["layers"]]
        for contract in settings["tool"]["importlinter"]["contracts"]
        for container in contract["containers"]
        if container.split(".")[0] == PACKAGE
    }
