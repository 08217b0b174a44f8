"""``python -m smartcore``: the command line."""

from __future__ import annotations

import sys

from smartcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
