"""``smartcore export``: domains in the files that viewers read."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from smartcore import _keys
from smartcore.cli import _common
from smartcore.cli._reading import read_result
from smartcore.io import VIEWERS

logger = logging.getLogger("smartcore")

DESCRIPTION = """\
Write the domains of a result, and how sure they are, in the file of a viewer.

xenium: cell groups of Xenium Explorer (.csv); loupe: a category of Loupe Browser (.csv); qupath:
outlines of the domains (.geojson); napari: points (.csv); vitessce: a folder."""

EPILOG = """\
examples:
  smartcore export out.h5ad --to xenium -o groups.csv
      domains, and in groups_confidence.csv how sure they are
  smartcore export out.h5mu --to qupath --pixel-size 0.2125 -o domains.geojson
      coordinates in micrometres; an image of 0.2125 micrometres per pixel
  smartcore export sections.h5mu --section-key section --to loupe -o category.csv
      category_a.csv, category_b.csv, ... for sections a, b, ...
  smartcore export out.h5ad --to vitessce -o viewer && python viewer/serve.py
      serve the data to Vitessce"""


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "export",
        help="write domains for Xenium Explorer, Loupe Browser, QuPath, napari or Vitessce",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(function=run, parser=parser)
    parser.add_argument("input", type=Path, metavar="RESULT", help=".h5mu or .h5ad file")
    parser.add_argument("--to", required=True, choices=VIEWERS, help="the viewer")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help="the file (.csv; .geojson for QuPath), or the folder for Vitessce; of several sections "
        "each gets its own, with its name put in",
    )
    parser.add_argument(
        "--key",
        default=_keys.DOMAINS,
        metavar="COLUMN",
        help="column of obs with the domains (default: %(default)s)",
    )
    parser.add_argument(
        "--section-key", metavar="COLUMN", help="column of obs that tells tissue sections apart"
    )
    parser.add_argument(
        "--names-key",
        metavar="COLUMN",
        help="column of obs with the barcodes or cell ids as the machine wrote them (default: the "
        "names of the spots)",
    )
    add_place_options(parser)
    parser.add_argument(
        "--spots", action="store_true", help="for QuPath, also write each spot as a detection"
    )
    parser.add_argument(
        "--port",
        type=_common.whole(1, 65535),
        default=8000,
        metavar="N",
        help="for Vitessce, the port at which the folder will be served (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    _common.add_message_options(parser)


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on places in an image."""
    parser.add_argument(
        "--spatial-key",
        default=_keys.SPATIAL,
        metavar="KEY",
        help="where in obsm the coordinates are (default: %(default)s)",
    )
    parser.add_argument(
        "--pixel-size",
        type=_common.number(0, above=True),
        metavar="X",
        help="length of a pixel of the image in the unit of the coordinates: micrometres per pixel "
        "where these are in micrometres, 1 where they are pixels (default: 1 for data of Space "
        "Ranger)",
    )


def run(args: argparse.Namespace) -> None:
    """Write the files, and print their paths.

    Raises
    ------
    FileNotFoundError, FileExistsError, KeyError, ValueError
        If the input is missing or wrong, or an output is there.
    """
    from smartcore import io

    written = io.export(
        read_result(args.input),
        args.to,
        args.output,
        key=args.key,
        section_key=args.section_key,
        names_key=args.names_key,
        spatial_key=args.spatial_key,
        pixel_size=args.pixel_size,
        spots=args.spots,
        port=args.port,
        overwrite=args.force,
    )
    for file in written:
        logger.info("wrote %s", file)
