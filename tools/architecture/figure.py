"""What the figure shows, and what it has been drawn from."""

import json
import re
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from PIL import Image
from sources import PACKAGE, PLACES, ROOT, Code, StaleError

FIGURE = ROOT / "docs" / "images" / "architecture.png"

# Those that put others together, or serve all: no step of their own on the way of the data.
NO_STEPS = {"datasets", "preparation", "integration", "tl", "cli"}


def figure_data(code: Code) -> dict[str, object]:
    """All that the figure shows.

    Wings of the lowest layer stand in a row of their own: nearly all import from them, so that
    arrows to them are left out.
    """
    base = code.layers[PACKAGE][-1]
    wings = [wing for wing in code.wings if wing not in base]
    arrows = reduced((a, b) for a, b in code.imports if a and b not in base)
    depth = depths(arrows)
    rows = [[w for w in wings if depth.get(w, 0) == i] for i in range(max(depth.values()) + 1)]
    steps = [w for w in wings if w not in NO_STEPS and not w.startswith("_")]
    return {
        "places": PLACES,
        "rows": [*rows, [wing for wing in code.wings if wing in base]],
        "modules": {wing: code.modules(wing) for wing in code.wings},
        "arrows": sorted(map(list, arrows)),
        "steps": {wing: i for i, wing in enumerate(steps, start=1)},
        "public": sorted(b for a, b in code.imports if not a),
        "from R": _called_from_r(),
    }


def _called_from_r() -> str:
    """The wing that the R package imports."""
    text = (ROOT / "R" / "python.R").read_text(encoding="utf-8")
    found = re.search(rf'^core_module <- "{PACKAGE}\.(\w+)"', text, re.MULTILINE)
    if not found:
        raise StaleError("R/python.R no longer names the Python module it imports as core_module.")
    return found[1]


def reduced(pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """The fewest of these pairs from which all of them follow."""
    direct = _direct(pairs)
    below: dict[str, set[str]] = {}
    for a in _imported_first(direct):
        below[a] = direct[a].union(*(below[b] for b in direct[a]))
    return {(a, b) for a in direct for b in direct[a] if all(b not in below[c] for c in direct[a])}


def depths(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many imports one upon another lead to a wing at most."""
    direct = _direct(pairs)
    depth = dict.fromkeys(direct, 0)
    for a in reversed(_imported_first(direct)):
        for b in direct[a]:
            depth[b] = max(depth[b], depth[a] + 1)
    return depth


def _direct(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """What each imports itself."""
    direct: dict[str, set[str]] = {}
    for a, b in pairs:
        direct.setdefault(a, set()).add(b)
        direct.setdefault(b, set())
    return direct


def _imported_first(direct: dict[str, set[str]]) -> list[str]:
    try:
        return list(TopologicalSorter(direct).static_order())
    except CycleError as err:
        raise StaleError(f"These import each other: {', '.join(err.args[1])}.") from err


def drawn_data() -> object:
    """The data that the figure was drawn from, which it keeps; ``None`` if there are none."""
    if not FIGURE.exists():
        return None
    with Image.open(FIGURE) as image:
        return json.loads(image.info.get("Description", "null"))
