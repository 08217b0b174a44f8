"""Run the Python code of a page of the documentation: python tools/example.py docs/sections.md."""

import re
import sys
from pathlib import Path


def code(page: Path) -> str:
    """All blocks of Python code, one below the other."""
    return "\n".join(
        re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    exec(compile(code(Path(sys.argv[1])), sys.argv[1], "exec"), {})
