"""Draw the modules of the core and their imports."""

import json
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sources import StaleError

# Inches.
WIDTH, MARGIN, GAP = 9.5, 0.12, 0.5
TITLE, LINE, PAD = 0.21, 0.135, 0.07
# Between an arrow and a box that it passes, between two arrows, and at either end of an edge.
CLEAR, APART, CORNER = 0.14, 0.12, 0.14
COLORS = ["#4269d0", "#c77800", "#d6336c", "#2b8a3e", "#8339d4", "#7a4b32", "#0b8f8f", "#5c6773"]


class Box:
    """A wing: its name, and below it its modules."""

    def __init__(self, name: str, x: float, modules: list[str]) -> None:
        self.name, self.x = name, x
        words = ", ".join(modules)
        self.lines = textwrap.wrap(words, 22 if len(words) < 120 else 34, break_on_hyphens=False)
        letters = max([len(name) * 1.3, *map(len, self.lines)])
        self.width = max(0.7, 0.064 * letters + 2 * PAD)
        self.height = TITLE + LINE * len(self.lines) + 2 * PAD
        self.top = 0.0

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.top - self.height

    def port(self, place: int, n: int) -> float:
        """Where on an edge the arrow of this place, of ``n``, begins or ends."""
        half = min(self.width / 2 - CORNER, 0.16 * (n - 1))
        return self.x + (half * (2 * place / (n - 1) - 1) if n > 1 else 0)


def draw(data: dict[str, Any], path: Path) -> None:
    """Draw ``data`` (``figure_data`` of figure.py makes it), and keep it in the file."""
    boxes = {name: Box(name, x, data["modules"][name]) for name, x in data["places"].items()}
    rows = [[boxes[name] for name in row] for row in data["rows"]]
    y = 0.0
    for row in rows:
        for box in row:
            box.top = y
        _check_apart(row)
        y -= max(box.height for box in row) + GAP
    low, high = y + GAP - MARGIN - 0.2, MARGIN + 0.45
    figure = Figure(figsize=(WIDTH, high - low), dpi=180)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(low, high))
    axes.axis("off")
    _note(axes, MARGIN, low + MARGIN, "Many import from the lowest row; arrows to it are left out.")
    entry = boxes[data["from R"]]
    _note(axes, entry.x, 0.4, "R package, through reticulate", ha="center")
    _draw_arrow(axes, [(entry.x, 0.3), (entry.x, 0.0)], "#5c6773", "--")
    for importer, points in _routes(data["arrows"], rows, boxes):
        _draw_arrow(axes, points, COLORS[list(boxes).index(importer) % len(COLORS)])
    for name, box in boxes.items():
        _draw_box(axes, box, data["steps"].get(name), public=name in data["public"])
    canvas.draw()
    kept = PngInfo()
    kept.add_text("Description", json.dumps(data))
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(64).save(path, pnginfo=kept, optimize=True)


def _check_apart(row: list[Box]) -> None:
    for a, b in pairwise(sorted(row, key=lambda box: box.x)):
        if b.x - a.x < (a.width + b.width) / 2:
            raise StaleError(f"{a.name} and {b.name} overlap in the figure: change their PLACES.")


def _routes(
    arrows: list[list[str]], rows: list[list[Box]], boxes: dict[str, Box]
) -> list[tuple[str, list[tuple[float, float]]]]:
    """Importer and points of each arrow, which passes the rows between beside their boxes."""
    row_of = {box.name: i for i, row in enumerate(rows) for box in row}
    taken: dict[int, list[float]] = {}
    between: dict[tuple[str, str], list[tuple[float, float]]] = {}
    # The steepest first: they have the least choice.
    for a, b in sorted(arrows, key=lambda ab: abs(boxes[ab[0]].x - boxes[ab[1]].x)):
        above, below = boxes[a], boxes[b]
        between[a, b] = []
        for i in range(row_of[a] + 1, row_of[b]):
            upper, lower = rows[i][0].top, min(box.bottom for box in rows[i])
            share = (above.bottom - upper) / (above.bottom - below.top)
            x = _free(above.x + share * (below.x - above.x), rows[i], taken.setdefault(i, []))
            taken[i].append(x)
            between[a, b] += [(x, upper), (x, lower)]
    # Along an edge in the order in which they come, so that they do not cross there.
    turns = {(a, b): [boxes[a].x, *(x for x, _ in p), boxes[b].x] for (a, b), p in between.items()}
    routes = []
    for a, b in between:
        out = sorted((ab for ab in turns if ab[0] == a), key=lambda ab: turns[ab][1])
        into = sorted((ab for ab in turns if ab[1] == b), key=lambda ab: turns[ab][-2])
        start = boxes[a].port(out.index((a, b)), len(out)), boxes[a].bottom
        end = boxes[b].port(into.index((a, b)), len(into)), boxes[b].top
        routes.append((a, [start, *between[a, b], end]))
    return routes


def _free(wanted: float, row: list[Box], taken: list[float]) -> float:
    """The place nearest to ``wanted`` that is neither in a box of the row nor at an arrow."""
    places = np.arange(MARGIN, WIDTH - MARGIN, 0.01)
    good = np.ones(len(places), bool)
    for box in row:
        good &= np.abs(places - box.x) > box.width / 2 + CLEAR
    for x in taken:
        good &= np.abs(places - x) > APART
    return float(places[good][np.abs(places[good] - wanted).argmin()])


def _draw_arrow(
    axes: Axes, points: list[tuple[float, float]], color: str, style: str = "-"
) -> None:
    """Through the gaps between rows as an S, through rows straight."""
    path, codes = [points[0]], [Curve.MOVETO]
    for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if i % 2:
            path, codes = [*path, (x1, y1)], [*codes, Curve.LINETO]
        else:
            middle = (y0 + y1) / 2
            path = [*path, (x0, middle), (x1, middle), (x1, y1)]
            codes = [*codes, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4]
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(path, codes),
            arrowstyle="-|>,head_length=5,head_width=2.5",
            color=color,
            linestyle=style,
            linewidth=1.3,
            shrinkA=0,
            shrinkB=0,
        )
    )


def _draw_box(axes: Axes, box: Box, step: int | None, *, public: bool) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.width / 2, box.bottom),
            box.width,
            box.height,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor="#dfeaff" if public else "#f5f5f5",
            edgecolor="#39414f",
            linewidth=0.8,
        )
    )
    y = box.top - PAD
    title = box.name if step is None else f"{step}  {box.name}"
    axes.text(box.x, y - TITLE / 2, title, size=10, weight="bold", ha="center", va="center")
    for i, line in enumerate(box.lines):
        at = y - TITLE - (i + 0.5) * LINE
        axes.text(box.x, at, line, size=7.2, color="#39414f", ha="center", va="center")


def _note(axes: Axes, x: float, y: float, text: str, ha: str = "left") -> None:
    axes.text(x, y, text, size=8, color="#5c6773", va="center", ha=ha)
