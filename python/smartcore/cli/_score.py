"""``smartcore score``: domains against an annotation."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from smartcore import _keys
from smartcore.cli import _common, _lookup, _results
from smartcore.cli._common import UsageError
from smartcore.cli._export import add_place_options
from smartcore.cli._reading import read_result

logger = logging.getLogger("smartcore")

DESCRIPTION = """\
Compare domains with an annotation of the same spots.

Printed: adjusted Rand index (ari), adjusted and normalised mutual information (ami, nmi),
homogeneity, mutual information in nats, V-measure and Fowlkes-Mallows index (fmi). Spots without
annotation are left out."""

EPILOG = """\
examples:
  smartcore score out.h5mu --truth annotation
      obs["smart"] against obs["annotation"], which may also be a modality's
  smartcore score out.h5mu --truth rna:annotation --pred leiden --moran
      another clustering, the annotation of the modality rna, and Moran's I
  smartcore score out.h5ad --regions drawn.geojson --pixel-size 0.2125
      regions drawn in QuPath as the annotation; coordinates in micrometres
  smartcore score out.h5mu --regions drawn.geojson --section-key section --section s1
      regions drawn on the image of one section of several
  smartcore score out_domains.csv --pred domain --truth layer --truth-file labels.csv
      tables whose first columns name the spots"""


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "score",
        help="compare domains with an annotation",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(function=run, parser=parser)
    parser.add_argument(
        "input", type=Path, metavar="RESULT", help=".h5mu, .h5ad or table (.csv, .tsv)"
    )
    annotation = parser.add_mutually_exclusive_group(required=True)
    annotation.add_argument("--truth", metavar="COLUMN", help="column of obs with the annotation")
    annotation.add_argument(
        "--regions",
        type=Path,
        metavar="FILE",
        help="regions drawn in QuPath, exported as GeoJSON, whose classes are the annotation",
    )
    parser.add_argument(
        "--truth-file",
        type=Path,
        metavar="FILE",
        help="another file with the annotation; spots are matched by name",
    )
    parser.add_argument(
        "--overlap",
        choices=("error", "smallest"),
        default="error",
        help="what becomes of spots in regions of different classes: an error, or the class of the "
        "smallest region (default: %(default)s)",
    )
    parser.add_argument(
        "--section-key",
        metavar="COLUMN",
        help="for --regions, the column of obs that tells tissue sections apart",
    )
    parser.add_argument(
        "--section",
        metavar="NAME",
        help="for --regions, the section that they were drawn on; others are left out",
    )
    parser.add_argument(
        "--pred",
        default=None,
        metavar="COLUMN",
        help=f"column of obs with the domains (default: {_keys.DOMAINS}; domain in a table)",
    )
    parser.add_argument(
        "--moran",
        action="store_true",
        help="also Moran's I of the domains, each by itself (1: one patch, 0: scattered), and mean",
    )
    add_place_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    _common.add_message_options(parser)


def run(args: argparse.Namespace) -> None:
    """Print the scores.

    Raises
    ------
    UsageError
        If Moran's I or regions are wanted of a table, or options do not go together.
    """
    from smartcore import metrics

    data = read_labelled(args.input)
    table = isinstance(data, _Table)
    if args.moran and table:
        raise UsageError("--moran needs coordinates, so an .h5mu or .h5ad file")
    if args.regions and table:
        raise UsageError("--regions needs coordinates, so an .h5mu or .h5ad file")
    if args.regions and args.truth_file:
        raise UsageError("--truth-file is for --truth; --regions names a file itself")
    for option in ("section_key", "section"):
        if getattr(args, option) is not None and not args.regions:
            raise UsageError(f"--{option.replace('_', '-')} is for --regions, not for --truth")
    column = args.pred or ("domain" if table else _keys.DOMAINS)
    predicted = _lookup.find_labels(data, column)
    truth = _annotation(args, data)
    common = truth.values.index.intersection(predicted.values.index)
    if not len(common):
        raise ValueError(
            f"no spot has both a domain and an annotation: {len(predicted.values)} spots have "
            f"{predicted.place}, {len(truth.values)} have {truth.place}"
        )
    logger.info("domains: %s; annotation: %s; %d spots", *_places(predicted, truth), len(common))
    left = len(truth.values) - len(common)
    if left:
        logger.warning("%d annotated spots have no domain and are left out", left)
    scores = metrics.scores(truth.values.loc[common], predicted.values.loc[common])
    moran = morans_i(data, predicted.values, args.spatial_key) if args.moran else None
    if args.json:
        report: dict[str, Any] = {
            "domains": predicted.place,
            "truth": truth.place,
            "n_spots": len(common),
            "scores": scores,
        }
        if moran is not None:
            report["morans_i"] = {
                str(k): None if pd.isna(v) else float(v) for k, v in moran.items()
            }
        print(json.dumps(report, indent=2))
        return
    if moran is not None:
        scores |= {"morans_i": float(moran.mean())}
        scores |= {f"morans_i of {name}": float(value) for name, value in moran.items()}
    print(_results.score_text(scores))


def _annotation(args: argparse.Namespace, data: Any) -> _lookup.Labels:
    if args.regions is None:
        source = read_labelled(args.truth_file) if args.truth_file else data
        return _lookup.find_labels(source, args.truth)
    from smartcore import io

    labels = io.read_regions(
        args.regions,
        data,
        spatial_key=args.spatial_key,
        pixel_size=args.pixel_size,
        overlap=args.overlap,
        section_key=args.section_key,
        section=args.section,
    )
    return _lookup.Labels(labels.astype(object).dropna(), f"regions of {args.regions}")


def _places(*labels: _lookup.Labels) -> list[str]:
    return [found.place for found in labels]


class _Table:
    """A table in the place of an AnnData: only ``obs``."""

    def __init__(self, obs: pd.DataFrame) -> None:
        self.obs = obs
        self.mod: dict[str, Any] = {}


def read_labelled(path: Path) -> Any:
    """Read an .h5mu or .h5ad file, or a table whose first column names the spots.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or wrong.
    """
    if path.suffix in (".csv", ".tsv", ".txt"):
        return _Table(read_table(path))
    return read_result(path)


def read_table(path: Path) -> pd.DataFrame:
    """Read a text table of labels, indexed by its first column.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, no table, or names a spot twice.
    """
    from smartcore.io._files import existing
    from smartcore.io._tables import as_names
    from smartcore.io._tables import read_table as read_cells

    expected = "a table of spots and labels"
    table = read_cells(existing(path, expected), expected)
    names = as_names(table.iloc[:, 0], str(path))
    # A label that is not there is an empty cell; whatever is written is a label.
    return table.iloc[:, 1:].set_axis(names, axis=0).replace("", None)


def morans_i(data: Any, domains: pd.Series, spatial_key: str) -> pd.Series:
    """Moran's I of each domain on the spatial graph, the fitted one where it is there."""
    from smartcore import metrics
    from smartcore.spatial.graph import spatial_graph

    labels = domains.reindex(data.obs_names)
    key = f"{_keys.RESULT}_connectivities"
    if key in data.obsp and data.obsp[key].nnz:
        return metrics.morans_i_clusters(labels, data.obsp[key])
    coordinates = _lookup.coordinates_of(data, spatial_key).to_numpy()
    return metrics.morans_i_clusters(labels, spatial_graph(coordinates))
