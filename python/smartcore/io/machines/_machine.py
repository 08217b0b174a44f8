"""What the package knows of a machine, and what reading its folder gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from anndata import AnnData

from smartcore.io.machines._contents import Contents

MICROMETRES = "micrometre"
PIXELS = "full-resolution pixel"


@dataclass(frozen=True)
class Folder:
    """What was read from the output folder of a machine.

    Attributes
    ----------
    machine
        Its name.
    modalities
        "rna", "protein" and others → spots or cells × features, raw counts in ``X``. Places are in
        ``obsm["spatial"]``, x first. Spots that a column ``in_tissue`` of ``obs`` marks by 0 are
        left out by the caller.
    unit
        Unit of the places; ``None`` where there are none.
    used
        The files that were read.
    left_out
        A sentence for each thing that was there and was not read, or was dropped, with the reason.
    notes
        A sentence for what else the user should know of places and values, such as how they were
        scaled.
    pixel_size
        Length of a pixel of the full-resolution image in the unit of the places; ``None`` where it
        is not known.
    pictures
        Folder with ``spatial``, which holds images of that full resolution reduced; ``None`` where
        there is none.
    version
        The machine's software, such as "Space Ranger 2.0.0", where a file tells it.
    section_key
        Column of ``obs`` that tells the sections apart, where there are several.
    intensities
        Modalities whose values are mean intensities of cells, and no whole numbers.
    """

    machine: str
    modalities: Mapping[str, AnnData]
    unit: str | None
    used: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pixel_size: float | None = None
    pictures: Path | None = None
    version: str | None = None
    section_key: str | None = None
    intensities: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """What is kept with the data: of these, all that files can hold and that is known."""
        known = {
            "machine": self.machine,
            "unit": self.unit,
            "pixel_size": self.pixel_size,
            "version": self.version,
            "section_key": self.section_key,
            "intensities": np.array(self.intensities, dtype=object) if self.intensities else None,
            "left_out": np.array(self.left_out, dtype=object) if self.left_out else None,
            "notes": np.array(self.notes, dtype=object) if self.notes else None,
        }
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True)
class Choice:
    """Something that the user may choose; an argument of ``read_folder`` and an option of ``run``.

    Attributes
    ----------
    name
        Name of the argument; the option is ``--name``, with - in place of _.
    type
        Makes its value from the text of the command line, and raises ValueError if it cannot.
    help
        What it does, for the command line.
    metavar
        What stands for its value there.
    """

    name: str
    type: Callable[[str], Any]
    help: str
    metavar: str = "N"

    @property
    def option(self) -> str:
        """The option of the command line."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class Machine:
    """How the folder of a machine is recognised and read.

    Attributes
    ----------
    name
        As its maker writes it.
    marks
        Patterns of file names below the folder. One that fits is enough to take the folder for
        this machine's; whether all is there that is needed, `read` says.
    needs
        What is read, in words and names of files, for messages.
    read
        ``read(contents, **choices)`` reads the folder.
    unless
        Patterns of names that tell that the folder is another machine's.
    choices
        What the user may choose.
    last
        Take the folder for this machine's only where no other one's marks fit.
    folder_only
        Whether one file without the others is not enough.
    """

    name: str
    marks: tuple[str, ...]
    needs: str
    read: Callable[..., Folder]
    unless: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = field(default=())
    last: bool = False
    folder_only: bool = False

    def recognises(self, contents: Contents) -> bool:
        """Whether the names of the files are those of this machine."""
        if self.folder_only and contents.only is not None:
            return False
        return bool(contents.find(*self.marks)) and not contents.find(*self.unless)


def check_version(version: str, newest: tuple[int, ...], file: Path, software: str) -> None:
    """Refuse files of a version newer than is known.

    Parameters
    ----------
    version
        As `file` states it, such as "xenium-3.1.0.4"; without digits it passes.
    newest
        The last one that is known, such as (4, 0): any version with these first numbers passes.
    software
        Its name, for messages.

    Raises
    ------
    ValueError
        If it is newer.
    """
    numbers = re.search(r"\d+(\.\d+)*", version)
    if numbers is None:
        return
    found = tuple(int(number) for number in numbers[0].split("."))
    if found[: len(newest)] > newest:
        raise ValueError(
            f"{file} is of {software} {numbers[0]}; versions up to "
            f"{'.'.join(map(str, newest))} can be read"
        )
