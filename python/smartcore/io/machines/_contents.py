"""What a folder holds, by the names of its files."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from smartcore.io._files import is_litter

_SHOWN = 20
"""Names of files that a message lists."""


@dataclass(frozen=True)
class Contents:
    """A folder, or a single file that was given in its place.

    Attributes
    ----------
    root
        The folder.
    only
        The one file of it that was given; ``None`` if all count.
    """

    root: Path
    only: Path | None = None

    @property
    def given(self) -> Path:
        """What was given, for messages."""
        return self.only or self.root

    def find(self, *patterns: str) -> list[Path]:
        """Files and folders whose place below the folder fits a pattern, such as ``spatial/*.csv``.

        Those of the first pattern come first, sorted by name.
        """
        if self.only is not None:
            name = self.only.name
            return [self.only] if any(fnmatchcase(name, pattern) for pattern in patterns) else []
        found = [path for pattern in patterns for path in sorted(self.root.glob(pattern))]
        return [path for path in dict.fromkeys(found) if not is_litter(path)]

    def one(self, *patterns: str, what: str) -> Path:
        """The file that fits the first pattern that any file fits.

        Parameters
        ----------
        *patterns
            As for :meth:`find`, the preferred ones first.
        what
            What the file holds, for messages.

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If several fit one pattern.
        """
        found = self.maybe(*patterns, what=what)
        if found is None:
            raise FileNotFoundError(
                f"{self.given} has no {what}: looked for {' or '.join(patterns)}, found {self.shown()}"
            )
        return found

    def maybe(self, *patterns: str, what: str) -> Path | None:
        """As :meth:`one`, but ``None`` if there is none.

        Raises
        ------
        ValueError
            If several fit one pattern.
        """
        for pattern in patterns:
            found = self.find(pattern)
            if len(found) > 1:
                names = ", ".join(path.relative_to(self.root).as_posix() for path in found)
                raise ValueError(
                    f"{self.root} has several files of {what}: {names}; keep one of them there"
                )
            if found:
                return found[0]
        return None

    def shown(self) -> str:
        """Names of what the folder holds, as text."""
        if self.only is not None:
            return f"the file {self.only.name}"
        names = [f"{path.name}/" if path.is_dir() else path.name for path in self.find("*")]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return (", ".join(names[:_SHOWN]) or "nothing") + more

    def folders(self) -> list[Contents]:
        """The folders directly inside, those of hidden names left out."""
        if self.only is not None:
            return []
        return [
            Contents(path)
            for path in self.find("*")
            if path.is_dir() and not path.name.startswith(".")
        ]
