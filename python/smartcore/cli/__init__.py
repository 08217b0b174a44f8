"""The command line: ``smartcore run``, ``demo``, ``score`` and ``export``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from smartcore.cli import _demo, _export, _run, _score
from smartcore.cli._common import FAILED, INTERRUPTED, OK, USAGE, UsageError, messages, report
from smartcore.cli._words import for_the_command_line

DESCRIPTION = """\
Find tissue domains in spatial omics data: RNA, proteins and chromatin, alone or together.

SMART (Du et al., Nat Commun 17, 2876, 2026) embeds every spot by what was measured in it and
around it; spots alike in the embedding make a domain."""

EPILOG = """\
examples:
  smartcore demo
      see it work on simulated data, in less than a minute
  smartcore run --rna rna.h5ad --protein protein.h5ad --n-clusters 7 -o lymph_node.h5mu
      two modalities of one section
  smartcore run outs -o section.h5mu
      all modalities of a Space Ranger folder; the number of domains is chosen
  smartcore score lymph_node.h5mu --truth annotation
      compare the domains with an annotation
  smartcore export lymph_node.h5mu --to qupath -o domains.geojson
      the domains as annotations of QuPath

exit codes: 0 all went well, 1 something is wrong with the data or files, 2 something is wrong
with the command, 130 interrupted"""


def build_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    from smartcore import __version__

    parser = argparse.ArgumentParser(
        prog="smartcore",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"smartcore {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for module in (_run, _demo, _score, _export):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0 all went well, 1 something is wrong with the data or files, 2 something
        is wrong with the command, 130 interrupted.
    """
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
        if args.command is None:
            parser.print_help()
            return USAGE
        with messages(quiet=args.quiet, verbose=args.verbose):
            try:
                args.function(args)
            except UsageError as err:
                args.parser.error(for_the_command_line(str(err)))
            except KeyboardInterrupt as stop:
                report(str(stop) or "interrupted; no output was written")
                return INTERRUPTED
            except Exception as err:
                report(err, verbose=args.verbose)
                return FAILED
    except SystemExit as stop:  # argparse's way out of --help, --version and bad usage
        return stop.code if isinstance(stop.code, int) else OK
    return OK
