"""The options of ``smartcore run`` for output folders of machines."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anndata import AnnData

from smartcore import _keys
from smartcore.io import _machine_folders
from smartcore.io.machines import MACHINES, Choice


def add_options(group: argparse._ArgumentGroup) -> None:
    """Add an option for what the machine is, and for each thing that a machine leaves open."""
    group.add_argument(
        "--machine",
        type=_checked(lambda text: _machine_folders.named(text).name),
        metavar="NAME",
        help="machine that wrote the folder, where its files fit several: "
        + ", ".join(machine.name for machine in MACHINES),
    )
    for choice in _all():
        group.add_argument(
            choice.option,
            dest=_dest(choice),
            type=_checked(choice.type),
            metavar=choice.metavar,
            help=choice.help,
        )


def choices(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments of ``read_folder`` that options give."""
    given = {choice.name: getattr(args, _dest(choice)) for choice in _all()}
    given["machine"] = args.machine
    return {name: value for name, value in given.items() if value is not None}


def given(args: argparse.Namespace) -> str:
    """The options that were given, as text."""
    options = {choice.name: choice.option for choice in _all()} | {"machine": "--machine"}
    return ", ".join(options[name] for name in choices(args))


def is_folder(path: Path) -> bool:
    """Whether an input is the folder of a machine, packed or not; files that are missing are not."""
    return _machine_folders.is_folder(path.expanduser())


def _all() -> list[Choice]:
    return list({c.name: c for machine in MACHINES for c in machine.choices}.values())


def _dest(choice: Choice) -> str:
    return f"machine_{choice.name}"


def _checked(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argument type that says what is wrong, as argparse would not."""

    def convert_or_say(text: str) -> Any:
        try:
            return convert(text)
        except ValueError as err:
            raise argparse.ArgumentTypeError(str(err)) from err

    return convert_or_say


def intensities(adata: AnnData) -> list[str]:
    """Modalities whose values are no counts, by what is kept of the folder they were read from."""
    return list(adata.uns.get(_keys.FOLDER, {}).get("intensities", ()))
