"""Counts that stay on disk."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from anndata import AnnData

from smartcore.cli._common import UsageError

logger = logging.getLogger("smartcore")

_TIMES = 2
"""Memory that preprocessing takes, in units of the counts' own."""


def wanted(args: argparse.Namespace, path: Path) -> bool:
    """Whether to leave the counts of a file on disk: as told, or where they would not fit."""
    from smartcore.io._lazy import values_in_memory

    if args.backed is not None:
        return args.backed
    size, there = values_in_memory(path) or 0, psutil.virtual_memory().available
    if _TIMES * size <= there:
        return False
    logger.info(
        "%s: its counts take %.1f GB, of %.1f GB that are free: they are read in blocks "
        "(--no-backed loads them)",
        path,
        size / 1e9,
        there / 1e9,
    )
    return True


def refuse(args: argparse.Namespace, path: Path) -> None:
    """Refuse to read other files in blocks.

    Raises
    ------
    UsageError
        If that was asked for.
    """
    if args.backed:
        raise UsageError(
            f"--backed reads .h5ad files and .zarr stores, not {path}: give each modality as one "
            "by --rna, --protein or --chromatin"
        )


@contextmanager
def workers(args: argparse.Namespace) -> Iterator[None]:
    """Let dask work on the cluster that was named, or else in as many threads as were.

    Raises
    ------
    ImportError
        If a cluster is named and dask.distributed is not there.
    OSError
        If the cluster cannot be reached.
    """
    if args.dask_cluster:
        try:
            import dask
            from distributed import Client
        except ImportError as err:
            raise ImportError("--dask-cluster needs pip install 'spatialsmart[scale]'") from err
        try:
            # A default client that cannot connect stays the default, and dask would wait for it.
            client = Client(args.dask_cluster, timeout=10, set_as_default=False)
        except (OSError, ValueError) as err:
            raise OSError(f"--dask-cluster {args.dask_cluster}: {err}") from err
        with client, dask.config.set(scheduler=client):
            logger.info("dask cluster: %s", client.dashboard_link)
            yield
    elif args.threads:
        try:
            import dask
        except ImportError:  # and then nothing is read by it
            yield
        else:
            with dask.config.set(num_workers=args.threads):
                yield
    else:
        yield


def leave_counts(modalities: Mapping[str, AnnData]) -> None:
    """Take what is on disk out of the objects, so that no result has to hold or copy it."""
    from smartcore.pp._on_disk import is_lazy

    for name, adata in modalities.items():
        left = [key for key, layer in adata.layers.items() if is_lazy(layer)]
        for key in left:
            del adata.layers[key]
        if is_lazy(adata.X):
            del adata.X
            left.append("X")
        if left:
            logger.info("%s: the result has no counts; they stay where they are", name)
