"""``smartcore demo``: the whole way on simulated data."""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smartcore import _keys
from smartcore.cli import _checks, _common, _results, _summary
from smartcore.io import StagedFiles
from smartcore.params import PRESETS

logger = logging.getLogger("smartcore")

N_DOMAINS = 5

DESCRIPTION = """\
Simulate a tissue section in which RNA, proteins and chromatin were measured, find its five domains
and compare them with the truth. It takes less than a minute and needs no data."""

EPILOG = """\
written to the folder:
  demo.h5mu          counts, principal components, embedding, domains and truth
  demo_truth.png     truth and domains side by side; other figures and tables beside it

then try, for instance:
  smartcore run smart_demo/demo.h5mu -k 5 --truth domain -o mine.h5mu"""


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "demo",
        help="try it on simulated data",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(function=run, parser=parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("smart_demo"),
        metavar="FOLDER",
        help="folder for the results, made if it is not there (default: %(default)s)",
    )
    parser.add_argument(
        "--shape",
        nargs=2,
        type=_common.whole(6),
        default=(36, 36),
        metavar=("ROWS", "COLUMNS"),
        help="size of the section in spots (default: 36 36)",
    )
    parser.add_argument(
        "--preset", choices=tuple(PRESETS), default="robust", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--epochs",
        type=_common.whole(0),
        metavar="N",
        help="greatest number of training steps; 0, the default of robust: no training",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    _common.add_machine_options(parser.add_argument_group("machine"))
    _common.add_message_options(parser)


def run(args: argparse.Namespace) -> None:
    """Simulate, integrate, cluster, compare and write."""
    from smartcore import datasets, pp, tl

    with _common.thread_limit(args.threads), _folder(args.output):
        outputs = _results.Outputs(args.output / "demo.h5mu")
        _checks.check_targets(outputs.targets(figures=True, truth=True), force=args.force)
        data = datasets.tri_omics(tuple(args.shape), seed=args.seed)
        sizes = ", ".join(f"{adata.n_vars} {name}" for name, adata in data.mod.items())
        logger.info("simulated: %d spots, features: %s", data.n_obs, sizes)
        pp.rna(data["rna"], seed=args.seed)
        pp.protein(data["protein"], seed=args.seed)
        pp.chromatin(data["chromatin"], seed=args.seed)
        tl.smart(
            data,
            preset=args.preset,
            seed=args.seed,
            device=args.device,
            progress=_common.show_progress(args),
            **({} if args.epochs is None else {"epochs": args.epochs}),
        )
        tl.cluster(data, N_DOMAINS, seed=args.seed)
        reps = dict.fromkeys(data.mod, _keys.PCA)
        summary = _summary.Summary.of(data, reps, spatial_key=_keys.SPATIAL, truth="domain")
        with StagedFiles() as files:
            outputs.write_embedding(files, data)
            outputs.write_tables(files, summary)
            outputs.write_scores(files, summary)
            files.commit()
        outputs.write_figures(data, summary, seed=args.seed)
    if summary.scores is not None:
        print(_results.score_text(summary.scores))
    print(outputs.result)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    """Make the folder if need be, and remove it again if it stays empty for an error."""
    new = not path.exists()
    try:
        path.mkdir(exist_ok=True)
    except FileNotFoundError as err:
        raise FileNotFoundError(f"cannot make {path}: there is no folder {path.parent}") from err
    except (FileExistsError, NotADirectoryError) as err:
        raise NotADirectoryError(f"cannot make {path}: a file is in its place") from err
    try:
        yield
    except BaseException:
        if new:
            path.rmdir()
        raise
