"""``smartcore run``: from files to domains."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from smartcore import _keys
from smartcore.cli import (
    _checks,
    _common,
    _components,
    _input_options,
    _inputs,
    _lazy,
    _method_options,
    _outlines,
    _paths,
    _results,
    _summary,
)
from smartcore.cli._common import STORE, PartialResultError
from smartcore.io import StagedFiles
from smartcore.io._writable import check_writable, make_writable

logger = logging.getLogger("smartcore")

DESCRIPTION = """\
Find domains in one or more tissue sections, from raw counts of one or more modalities.

Each modality is preprocessed and reduced to principal components, SMART joins them with the
places of the spots in one embedding, and spots alike in it become domains."""

EPILOG = """\
examples:
  smartcore run --rna rna.h5ad --protein protein.h5ad --n-clusters 7 -o out.h5mu
      two modalities, seven domains; spots are matched by name
  smartcore run outs -o out.h5mu
      the output folder of Visium or another machine; the number of domains is chosen
  smartcore run --rna counts.h5ad --coords places.csv --n-clusters 4-12 -o out.h5mu
      coordinates from a table; the best number of domains from 4 to 12
  smartcore run --rna a.h5ad --chromatin b.h5ad --no-preprocess -k 10 -o out.h5mu
      principal components that are there already, in obsm["X_pca"]
  smartcore run --rna a_rna.h5ad b_rna.h5ad --protein a_adt.h5ad b_adt.h5ad -k 7 -o out.h5mu
      two sections as one, over the genes and proteins they share; spots become "section:spot"
  smartcore run --rna rna.h5ad --other msi=pixels.h5ad --steps msi=total,log1p,scale \\
      --place msi=30 -o out.h5mu
      RNA, and mass spectrometry on another grid: pixels within 30 of a spot
  smartcore run both.h5mu --section-key sample -k 7 -o out.h5mu
      the sections of one file, told apart by obs["sample"]
  smartcore run both.h5mu --section-key sample --batch-key slide -k 7 -o out.h5mu
      several of them on a slide: batch effects are between slides
  torchrun --nproc-per-node 4 -m smartcore run big.h5mu -k 12 --checkpoint state.pt -o out.h5mu
      four processes train together; started again after an interrupt, they go on
  smartcore run sample.zarr --table table -k 7 -o results.zarr
      a SpatialData store; the result is a copy of it, with the domains in its table
  smartcore run section.h5mu --truth annotation -k 6 -o out.h5mu
      compare with an annotation in obs["annotation"]

written beside each other; the embedding first, so that nothing that follows can lose it:
  out.h5mu           data with the embedding (obsm["X_smart"]) and the domains (obs["smart"]);
                     out.zarr: a copy of the SpatialData store with both in its tables
  out_domains.csv    spot, domain, coordinates
  out_domains.png    map of the domains, on the image of the tissue where there is one
  out_umap.png       UMAP of the embedding
  out_losses.png     course of the training, where there was one (--epochs)
  out_scales.png     how widely spots are averaged with their surroundings (where they are)
  out_sizes.png      number of spots in each domain
  out_modalities.png which modality the embedding of each domain follows (two or more modalities)
  out_scores.csv, out_truth.png   agreement with the annotation (with --truth)
  out_n_clusters.csv how well each number of domains fits (where the number is chosen)"""


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "run",
        usage="smartcore run (INPUT ... | [--rna FILE ...] [--protein FILE ...] [--chromatin FILE ...] "
        "[--other NAME=FILE ...] [--embedding NAME=FILE ...]) -o FILE [options]",
        help="find the domains of a tissue section",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(function=run, parser=parser)
    _input_options.add_input_options(parser)
    _input_options.add_preprocessing_options(parser)
    _method_options.add_method_options(parser)
    _method_options.add_output_options(parser)
    _common.add_message_options(parser)


def run(args: argparse.Namespace) -> None:
    """Do what the arguments ask for.

    Raises
    ------
    UsageError
        If options contradict each other.
    """
    from smartcore.training.checkpoint import Checkpoint
    from smartcore.training.distributed import rank_under_torchrun

    if rank_under_torchrun():
        from smartcore.integration import assist

        # The first process reads, preprocesses, clusters and writes.
        with _common.thread_limit(args.threads):
            assist(args.device)
        return
    _inputs.check_sources(args)
    _checks.check_method(args)
    single = _inputs.n_named(args) == 1
    _checks.check_suffix(args.output, single=single or bool(args.input))
    outputs = _results.Outputs(args.output, args.input[0] if args.output.suffix == STORE else None)
    choosing = args.resolution is None and (args.n_clusters is None or len(args.n_clusters) > 1)
    targets = outputs.targets(figures=args.figures, truth=args.truth is not None, choice=choosing)
    if args.save_model:
        _checks.refuse_twice("--save-model", args.save_model, targets)
        targets.append(args.save_model)
    _paths.check_apart(args, [*targets, *filter(None, [args.checkpoint])])
    _checks.check_targets(targets, force=args.force)
    checkpoint = None
    if args.checkpoint:
        _checks.refuse_twice("--checkpoint", args.checkpoint, targets)
        checkpoint = Checkpoint(args.checkpoint, keep=True)
    with _common.thread_limit(args.threads):
        inputs = _inputs.load(args)
        outlines = _outlines.read(args.outlines, inputs.sections, inputs.spots)
        _checks.check_suffix(args.output, single=len(inputs.modalities) == 1)
        _checks.check_n_clusters(args.n_clusters, len(inputs.spots))
        _checks.check_truth(inputs.data, args.truth)
        with _lazy.workers(args):
            reps = _components.preprocess(args, inputs)
        _lazy.leave_counts(inputs.modalities)
        for sentence in make_writable(inputs.data):
            logger.warning("%s", sentence)
        check_writable(inputs.data)
        with StagedFiles() as files:
            model = files.stage(args.save_model) if args.save_model else None
            result = _integrate(args, inputs, reps, model, checkpoint)
            logger.info("writing the embedding to %s", args.output)
            outputs.write_embedding(files, result)
            files.commit()
            for stale in {*targets} - {args.output, args.save_model}:
                stale.unlink(missing_ok=True)  # of the results that were there before
        try:
            summary = _domains(args, outputs, result, reps)
            if checkpoint is not None:
                checkpoint.remove()
            if args.figures:
                # Coordinates of a table, or under another key, may be in other units.
                images = not args.coords and args.spatial_key == _keys.SPATIAL
                outputs.write_figures(
                    result,
                    summary,
                    seed=args.seed,
                    max_spots=args.figure_spots,
                    images=images,
                    outlines=outlines,
                )
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted; the embedding is in {args.output}") from None
    if summary.scores is not None:
        print(_results.score_text(summary.scores))
    print(args.output)


def _domains(
    args: argparse.Namespace, outputs: _results.Outputs, result: Any, reps: dict[str, str]
) -> _summary.Summary:
    """Cluster the embedding, which is in its file already, and write what comes of it.

    Raises
    ------
    PartialResultError
        If that cannot be done; the message says that the embedding is there.
    """
    try:
        choice = _cluster(args, result)
        summary = _summary.Summary.of(
            result,
            reps,
            spatial_key=args.spatial_key,
            section_key=args.section_key,
            batch_key=args.batch_key,
            truth=args.truth,
        )
        summary.choice = choice
        logger.info("writing the domains to %s", args.output)
        with StagedFiles() as files:
            outputs.add_domains(files, result)
            outputs.write_tables(files, summary)
            outputs.write_scores(files, summary)
            files.commit()
    except (ArithmeticError, ImportError, OSError, RuntimeError, ValueError) as err:
        kept = args.checkpoint is not None and args.checkpoint.exists()
        again = f", and {args.checkpoint} is kept to go on from" if kept else ""
        raise PartialResultError(
            f"the embedding is in {args.output}{again}, but there are no domains: {err}"
        ) from err
    return summary


def _integrate(
    args: argparse.Namespace,
    inputs: _inputs.Inputs,
    reps: dict[str, str],
    model: Path | None,
    checkpoint: Any,
) -> Any:
    from smartcore import tl
    from smartcore.training.distributed import under_torchrun

    data: Any = inputs.data
    if args.output.suffix == ".h5ad":
        (data,) = inputs.modalities.values()
    result = tl.smart(
        data,
        reps=reps,
        spatial_key=args.spatial_key,
        section_key=args.section_key,
        batch_key=args.batch_key,
        preset=args.preset,
        n_neighbors=args.n_neighbors,
        link_sections=args.link_sections,
        in_tissue=not args.keep_off_tissue,
        check_names=not args.no_check_names,
        seed=args.seed,
        device=args.device,
        progress=_common.show_progress(args),
        save_model=model,
        checkpoint=checkpoint,
        distributed=under_torchrun(),
        **_checks.changes(args),
    )
    return data if result is None else result


def _cluster(args: argparse.Namespace, data: Any) -> pd.DataFrame | None:
    """Cluster the embedding; return the criteria if the number of domains was to be chosen."""
    from smartcore import tl

    numbers, method = args.n_clusters, args.cluster_method
    if args.resolution is not None:
        tl.cluster(data, method=method, resolution=args.resolution, seed=args.seed)
        return None
    if numbers is not None and len(numbers) == 1:
        tl.cluster(data, numbers[0], method=method, seed=args.seed)
        return None
    # Subsamples of 80 % must hold that many spots.
    numbers = numbers or range(2, max(2, min(15, data.n_obs // 2)) + 1)
    table = tl.choose_n_clusters(
        data, numbers, method=method, seed=args.seed, progress=_common.show_progress(args)
    )
    n_clusters = int(table.attrs["suggested"])
    logger.info(
        "%d domains were chosen from %d to %d (-k N sets the number):\n%s",
        n_clusters,
        numbers[0],
        numbers[-1],
        table.round(3).to_string(),
    )
    tl.cluster(data, n_clusters, method=method, seed=args.seed)
    return table
