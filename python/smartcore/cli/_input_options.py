"""The options of ``smartcore run`` on input and preprocessing."""

from __future__ import annotations

import argparse
from pathlib import Path

from smartcore import _keys
from smartcore.cli import _common, _machines
from smartcore.cli._kinds import parse_kind, parse_own, parse_place, parse_steps
from smartcore.io import KINDS


def add_input_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on input."""
    group = parser.add_argument_group("input: one file with all modalities, or one file for each")
    group.add_argument(
        "input",
        nargs="*",
        type=Path,
        metavar="INPUT",
        help=".h5mu file, .rds file of R (Seurat, SingleCellExperiment), 10x .h5 file, SpatialData "
        "store (.zarr), or output folder of a spatial machine, packed or not, with one or more "
        "modalities; several are tissue sections, which are embedded together",
    )
    for kind, what in {
        "rna": "RNA counts",
        "protein": "protein (antibody) counts",
        "chromatin": "chromatin counts (ATAC, histone marks) in peaks or bins",
    }.items():
        group.add_argument(
            f"--{kind}",
            nargs="+",
            type=Path,
            metavar="FILE",
            help=f"{what}: .h5ad file, .zarr store, 10x .h5 file or output folder of a machine; one "
            "for each section (- for none)",
        )
    for kind, what in {
        "other": "measurements of any other sort (metabolites, lipids, intensities of mass "
        "spectrometry, copy numbers …)",
        "embedding": "vectors that are ready (features of the histology from a foundation model, "
        "topics …)",
    }.items():
        group.add_argument(
            f"--{kind}",
            nargs="+",
            action="append",
            metavar=("NAME=FILE", "FILE"),
            help=f"{what}, under a name of your own: .h5ad file or .zarr store; the files of "
            "further sections follow; once for each such modality",
        )
    group.add_argument(
        "--image-colors",
        action="store_true",
        help="use the colours of the H&E image under each spot as a modality, 'image': of a Space "
        "Ranger folder, or of uns['spatial'] as scanpy keeps it",
    )
    group.add_argument(
        "--place",
        nargs="+",
        action="extend",
        type=parse_place,
        metavar="NAME[=RADIUS]",
        help="bring a modality of --other or --embedding that was measured at other places of the "
        "same section, in the same coordinates, to the spots of the first other modality: a spot "
        "gets what was measured within the radius, in units of the coordinates (default: half the "
        "median distance between neighbouring spots); with --section-key, in its own section only",
    )
    group.add_argument(
        "--place-method",
        choices=("nearest", "mean"),
        default="nearest",
        help="what that is: the nearest pixel, or the mean of all within the radius "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--kind",
        nargs="+",
        type=parse_kind,
        metavar="NAME=KIND",
        help="kind (rna, protein, chromatin, other or embedding) of a modality of INPUT whose name "
        "does not tell it, such as MyAssay=rna",
    )
    _machines.add_options(group)
    group.add_argument(
        "--table",
        nargs="+",
        metavar="NAME",
        help="tables of a SpatialData store to use (default: all)",
    )
    group.add_argument(
        "--coordinate-system",
        metavar="NAME",
        help="coordinate system of a SpatialData store for the places of spots (default: the only "
        "one, or global)",
    )
    group.add_argument(
        "--coords",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="table of spot name, x, y (and z), for data without coordinates; it replaces those "
        "that are there; one for each section",
    )
    group.add_argument(
        "--coords-columns",
        nargs="+",
        metavar="COLUMN",
        help="columns of that table with x and y (and z), where they are not recognised by their "
        "names or others are meant",
    )
    group.add_argument(
        "--coords-names",
        metavar="COLUMN",
        help="column of that table with the names of the spots (default: barcode, cell_id or the "
        "like, or else the first)",
    )
    group.add_argument(
        "--keep-off-tissue",
        action="store_true",
        help="use spots that are marked as lying outside the tissue, too (in_tissue 0)",
    )
    group.add_argument(
        "--no-check-names",
        action="store_true",
        help="go on where modalities share fewer spots than they would if the names lacked a "
        "prefix or suffix",
    )
    group.add_argument(
        "--spatial-key",
        default=_keys.SPATIAL,
        metavar="KEY",
        help="where in obsm the coordinates are (default: %(default)s)",
    )
    group.add_argument(
        "--section-key",
        metavar="COLUMN",
        help="column of obs that tells tissue sections of one file apart; batch effects between "
        "sections are taken out, and spots of different ones are no neighbours",
    )
    group.add_argument(
        "--batch-key",
        metavar="COLUMN",
        help="column of obs with the batch of each spot (its slide, run or donor), between which "
        "batch effects are taken out (default: the section)",
    )
    group.add_argument(
        "--section-names",
        nargs="+",
        metavar="NAME",
        help="names of the sections, where several files are given (default: from the files)",
    )
    group.add_argument(
        "--link-sections",
        action="store_true",
        help="let spots of different sections be neighbours, by 3-D coordinates in which the "
        "sections are registered",
    )
    group.add_argument(
        "--backed",
        action=argparse.BooleanOptionalAction,
        help="leave the counts of .h5ad files and .zarr stores on disk and read them in blocks of "
        "spots; the result then has no counts (default: where they would not fit in memory)",
    )
    group.add_argument(
        "--dask-cluster",
        metavar="ADDRESS",
        help="scheduler of a dask cluster that reads and works on these blocks, such as "
        "tcp://host:8786 (default: threads of this process)",
    )


def add_preprocessing_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on preprocessing."""
    group = parser.add_argument_group("preprocessing")
    group.add_argument(
        "--layer",
        metavar="KEY",
        help="layer that holds the raw counts; raw: those of AnnData's raw (default: X)",
    )
    for kind in KINDS:
        group.add_argument(f"--{kind}-layer", metavar="KEY", help=f"the same for {kind} alone")
    group.add_argument(
        "--other-layer",
        nargs="+",
        action="extend",
        type=parse_own,
        metavar="NAME=KEY",
        help="layer that holds the values of a modality of --other (default: X)",
    )
    group.add_argument(
        "--embedding-key",
        nargs="+",
        action="extend",
        type=parse_own,
        metavar="NAME=KEY",
        help="obsm key that holds the vectors of a modality of --embedding (default: X)",
    )
    group.add_argument(
        "--steps",
        nargs="+",
        action="extend",
        type=parse_steps,
        metavar="NAME=STEPS",
        help="how to normalise a modality of --other, steps separated by commas: total (each "
        "spot's total, or ion count, to the median), log1p, scale (each feature to variance 1), or "
        "none; raw intensities usually need total,log1p,scale (default: scale; of --embedding, "
        "which takes scale, none)",
    )
    group.add_argument(
        "--n-top-genes",
        type=_common.whole(1),
        default=3000,
        metavar="N",
        help="highly variable genes to use (default: %(default)s)",
    )
    group.add_argument(
        "--min-spots",
        type=_common.whole(1),
        metavar="N",
        help="spots in which a gene or peak must be counted to be used (default: 10)",
    )
    group.add_argument(
        "--n-comps",
        type=_common.whole(1),
        metavar="N",
        help="principal components of each modality (default: 30; for proteins at most as many "
        "as there are)",
    )
    group.add_argument(
        "--clr",
        choices=("protein", "spot"),
        default="protein",
        help="centre the log-ratios of proteins over each protein or each spot "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--keep-controls",
        action="store_true",
        help="use control probes and isotype controls, too, which are recognised by their names",
    )
    group.add_argument(
        "--no-align-sections",
        action="store_true",
        help="centre and scale features over all sections together, not within each section or "
        "batch (where sections have hardly a kind of spots in common)",
    )
    group.add_argument(
        "--not-counts",
        action="store_true",
        help="accept values that are not whole numbers (corrected counts, say)",
    )
    existing = group.add_mutually_exclusive_group()
    existing.add_argument(
        "--no-preprocess",
        action="store_true",
        help=f"use the principal components that are there in obsm, as {_keys.PCA}",
    )
    existing.add_argument(
        "--rep", metavar="KEY", help="use this obsm key of each modality as it is"
    )
    for kind in KINDS:
        group.add_argument(f"--{kind}-rep", metavar="KEY", help=f"the same for {kind} alone")
