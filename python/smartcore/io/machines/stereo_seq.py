"""BGI Stereo-seq: bins or cells of a chip with their counts and places."""

from __future__ import annotations

from pathlib import Path

from anndata import AnnData

from smartcore.io.machines import _gef, _gem
from smartcore.io.machines._contents import Contents
from smartcore.io.machines._machine import MICROMETRES, Choice, Folder, Machine
from smartcore.io.machines._molecules import Spots
from smartcore.io.machines._placed import made

NAME = "Stereo-seq"

BIN_SIZE = 50
"""Pixels along a bin where nothing else is asked for: 25 µm."""

_PLACES = ("", "outs/feature_expression/", "feature_expression/")
_CELL_FILES = ("*adjusted.cellbin.gef", "*cellbin.gef", "*cellbin.gem.gz", "*cellbin.gem")
_BIN_FILES = (*("*.tissue.gef", "*.gef", "*.tissue.gem.gz", "*.tissue.gem", "*.gem.gz", "*.gem"),)


def read(contents: Contents, *, bin_size: int | None = None) -> Folder:
    """Read cells where the folder has them, else square bins, with places in micrometres.

    Parameters
    ----------
    contents
        The folder or file.
    bin_size
        Edge of the bins in pixels of 0.5 µm; ``None``: cells where there are any, else 50.
    """
    if bin_size is not None and bin_size < 1:
        raise ValueError(f"bin_size={bin_size!r} must be a whole number of pixels, 1 or more")
    path = _file(contents, cells=bin_size is None)
    if path.name.endswith(".gef"):
        by_cell, pixel = _gef.has_cells(path), _gef.resolution(path)
        if by_cell and bin_size is not None:
            raise ValueError(
                f"{path} holds cells, not bins: leave bin_size away, or give the .gef or .gem "
                "file of square bins"
            )
        size = bin_size or BIN_SIZE
        spots = _gef.read_cells(path) if by_cell else _gef.read_bins(path, size)
    else:
        by_cell, pixel = _gem.header_of(path).cells is not None and bin_size is None, _gef.PIXEL
        size = bin_size or BIN_SIZE
        spots = _gem.read_gem(path, None if by_cell else size)
    if not spots.counts.nnz:
        raise ValueError(f"{path} holds no molecule" + (" in a cell" if by_cell else ""))
    return Folder(
        machine=NAME,
        modalities={"rna": _as_anndata(spots, pixel)},
        unit=MICROMETRES,
        used=(path,),
        left_out=(*spots.sentences, *_others(contents, path)),
        notes=_said(by_cell, size, pixel, bin_size),
    )


def _file(contents: Contents, *, cells: bool) -> Path:
    """The file to read: one of cells where these are wanted, HDF5 before text, tissue before all."""
    patterns = (*_CELL_FILES, *_BIN_FILES) if cells else _BIN_FILES
    for pattern in patterns:
        found = contents.find(*(place + pattern for place in _PLACES))
        if not cells:
            found = [path for path in found if "cellbin" not in path.name]
        found = [path for path in found if ".raw." not in path.name] or found
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ValueError(f"{contents.given} holds several files of counts: {names}; name one")
        if found:
            return found[0]
    return contents.one(*patterns, what="counts")


def _as_anndata(spots: Spots, pixel: float) -> AnnData:
    adata = made(spots.counts, spots.names, spots.genes, spots.places * pixel)
    if spots.gene_ids is not None:
        adata.var["gene_ids"] = spots.gene_ids.to_numpy()
    return adata


def _said(by_cell: bool, size: int, pixel: float, asked: int | None) -> tuple[str]:
    if by_cell:
        return ("the cells of the file are read (bin_size makes square bins instead).",)
    return (
        f"molecules are added up in bins of {size} × {size} pixels, {size * pixel:g} µm wide"
        + (" (bin_size makes others)." if asked is None else "."),
    )


def _others(contents: Contents, used: Path) -> list[str]:
    every = [place + end for place in _PLACES for end in ("*.gef", "*.gem", "*.gem.gz")]
    others = [path.name for path in contents.find(*every) if path != used]
    return [f"{', '.join(others)}: {used.name} is used."] if others else []


MACHINE = Machine(
    name=NAME,
    marks=tuple(place + end for place in _PLACES for end in ("*.gef", "*.gem", "*.gem.gz")),
    needs="a .gef or .gem (.gem.gz) file, as SAW writes them in outs/feature_expression",
    read=read,
    choices=(
        Choice(
            "bin_size",
            int,
            "Stereo-seq: edge of the square bins in pixels of 0.5 µm (default: cells, else 50)",
            "PIXELS",
        ),
    ),
)
