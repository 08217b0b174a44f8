"""Write what docs/architecture.md says of the modules, and draw its figure, from the code.

python tools/architecture           writes the page's tables and docs/images/architecture.png
python tools/architecture --check   says what no longer agrees with the code, and fails
"""

import sys

from figure import FIGURE, drawn_data, figure_data
from page import PAGE, page_parts, with_parts, wrong_links
from sources import ROOT, StaleError, read_code


def main(arguments: list[str]) -> int:
    """Write page and figure, or check them."""
    if arguments == ["--check"]:
        found = complaints()
        print(*found or ["docs/architecture.md and its figure agree with the code."], sep="\n")
        return int(bool(found))
    if arguments:
        print(__doc__)
        return 2
    from drawing import draw

    try:
        code = read_code()
        page = with_parts(PAGE.read_text(encoding="utf-8"), page_parts(code))
        draw(figure_data(code), FIGURE)
    except StaleError as err:
        print(err)
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


def complaints() -> list[str]:
    """What of page and figure does not agree with the code."""
    try:
        code = read_code()
        page = PAGE.read_text(encoding="utf-8")
        found = []
        if with_parts(page, page_parts(code)) != page:
            found.append(f"The tables of {PAGE.relative_to(ROOT)} are not those of the code.")
        if drawn_data() != figure_data(code):
            found.append(f"{FIGURE.relative_to(ROOT)} does not show the imports of the code.")
        if found:
            found.append("Run `make architecture`, and look at the figure.")
    except StaleError as err:
        return [str(err)]
    return found + wrong_links(page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
