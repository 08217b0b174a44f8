"""The options of ``smartcore run`` on domains, method and output."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args, get_type_hints

from smartcore.cli import _common
from smartcore.cli._figures import MAX_SPOTS
from smartcore.clustering import METHODS
from smartcore.params import PRESETS, Params


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on domains and method."""
    group = parser.add_argument_group("domains")
    group.add_argument(
        "-k",
        "--n-clusters",
        type=_common.cluster_numbers,
        metavar="N",
        help="number of domains, or a range such as 4-10 from which to choose "
        "(default: chosen from 2-15)",
    )
    group.add_argument(
        "--cluster-method",
        choices=METHODS,
        help="clustering (default: shrunk; the paper's is mclust, and gmm the same without R)",
    )
    group.add_argument(
        "--resolution",
        type=_common.number(0, above=True),
        metavar="R",
        help="resolution of leiden or louvain, instead of a number of domains",
    )
    group.add_argument(
        "--truth", metavar="COLUMN", help="annotation in obs to compare the domains with"
    )
    group = parser.add_argument_group("method (defaults are the preset's)")
    group.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default="robust",
        help="robust: recommended; robust-0.1: what version 0.1 recommended; paper: the equations as "
        "published; published: behaves as the authors' package (default: %(default)s)",
    )
    group.add_argument(
        "--n-neighbors",
        type=_common.whole(0),
        metavar="N",
        help="spatial neighbours of a spot; 0 ignores places (default: 4 or 6, by the layout)",
    )
    group.add_argument(
        "--regions",
        type=_common.number(0, 1),
        metavar="X",
        help="what domains are to be, from 0 to 1; 1: regions of tissue, for which spots are averaged "
        "with their surroundings as widely as the data ask for; 0: kinds of spots or cells, "
        "wherever these lie; of preset robust alone (default: 1)",
    )
    group.add_argument(
        "--latent-dim", type=_common.whole(1), metavar="N", help="width of the embedding"
    )
    group.add_argument(
        "--epochs",
        type=_common.whole(0),
        metavar="N",
        help="greatest number of training steps; 0, the default of robust: no training",
    )
    group.add_argument(
        "--step-spots",
        type=_common.whole(1),
        metavar="N",
        help="spots that a training step sees, about; more are cut into tiles (default: 50000, or "
        "what a quarter of the memory holds)",
    )
    group.add_argument(
        "--learning-rate",
        dest="lr",
        type=_common.number(0, above=True),
        metavar="X",
        help="step size of the training",
    )
    group.add_argument(
        "--lambda",
        dest="lam",
        type=_common.number(0, 1),
        metavar="X",
        help="weight of the reconstruction loss; the triplet loss has the rest to 1",
    )
    group.add_argument(
        "--encoder",
        choices=get_args(get_type_hints(Params)["encoder"]),
        help="kind of graph convolution",
    )
    group.add_argument(
        "--section-triplets",
        choices=get_args(get_type_hints(Params)["section_triplets"]),
        help="where spots to be brought together are looked for: in other sections, in the same, "
        "or in both",
    )
    group.add_argument(
        "--harmony-theta",
        type=_common.number(0),
        metavar="X",
        help="weight of mixing sections, or batches, when batch effects are taken out",
    )
    group.add_argument(
        "--harmony-rounds",
        type=_common.whole(0),
        metavar="N",
        help="greatest number of rounds of that; 0: batch effects stay",
    )
    group.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="keep the state of the training here every minute, and go on from it if it is there; "
        "removed once trained",
    )
    _common.add_machine_options(group)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on output."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="result: .h5mu, or .h5ad for a single modality; .zarr: a copy of the SpatialData "
        "store, with the results in its tables",
    )
    group.add_argument(
        "--figures",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="write figures (PNG) beside the result, or do not",
    )
    group.add_argument(
        "--figure-spots",
        type=_common.whole_or_all(100),
        default=MAX_SPOTS,
        metavar="N",
        help="UMAP, and what the embedding follows, are computed of at most N spots, drawn at "
        f"random from every domain; 'all' takes minutes for {10 * MAX_SPOTS:,} "
        f"(default: {MAX_SPOTS})",
    )
    group.add_argument(
        "--outlines",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="draw cells as outlines in the maps, in place of spots: the file of outlines of Xenium, "
        "CosMx or MERSCOPE, or the folder that holds it; one for each section (- for none)",
    )
    group.add_argument(
        "--save-model", type=Path, metavar="FILE", help="write the trained network, too"
    )
    group.add_argument("--force", action="store_true", help="overwrite files that are there")
