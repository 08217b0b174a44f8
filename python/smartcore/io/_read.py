"""Modalities from files: AnnData, MuData and 10x's formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
from anndata import AnnData

from smartcore import _keys
from smartcore.given.feature_types import column_in
from smartcore.io._features import (
    Kind,
    check_kind,
    check_matrices,
    names_checked_later,
    select_kind,
    split_kinds,
    unique_names,
    unique_names_each,
)
from smartcore.io._files import existing, hdf5_content, reading
from smartcore.io._lazy import check_zarr, read_lazily
from smartcore.io._machine_folders import Images, is_folder, read_contents
from smartcore.io._stores import is_zarr
from smartcore.io._tenx import read_h5
from smartcore.io.machines import Folder

if TYPE_CHECKING:
    from mudata import MuData

EXPECTED = "an .h5ad file, a .zarr store, a 10x .h5 file or the output folder of a machine"


def read_modality(
    path: str | Path,
    kind: Kind | None = "rna",
    *,
    spatial_key: str = _keys.SPATIAL,
    lazy: bool = False,
    in_tissue: bool = True,
    images: Images = False,
    machine: str | None = None,
    **choices: Any,
) -> AnnData:
    """Read one modality.

    Parameters
    ----------
    path
        An ``.h5ad`` file, a ``.zarr`` store, a 10x ``.h5`` file, or a folder that
        :func:`read_folder` reads, such as Space Ranger's ``outs`` or a
        ``filtered_feature_bc_matrix`` of text files. What an HDF5 file holds is told by its
        content, not its name.
    kind
        Which features to keep where the file has several types: "rna" keeps "Gene Expression",
        "protein" keeps "Antibody Capture" and "Protein Expression", "chromatin" keeps "Peaks".
        Files that name no feature types are taken whole, as all are with ``None``.
    spatial_key
        Where in ``obsm`` to put the coordinates that a folder brings.
    lazy
        Leave the counts on disk, as :func:`read_lazily` does.
    in_tissue
        Of a folder, leave out the spots outside the tissue, which a log message counts.
    images
        Of an ``outs`` folder, keep the images of the tissue and their scale factors in
        ``uns["spatial"]``, as scanpy does, for :func:`smartcore.pl.spatial` to draw. The library
        is named for the folder. Pixels are of uint8, a quarter the size of scanpy's.
    machine, **choices
        Of a folder, as for :func:`read_folder`.

    Returns
    -------
    AnnData
        Spots × features, the values as stored. From a folder, as :func:`read_folder` gives the
        modality. Repeated feature names are numbered, with a warning.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or the folder is none of the above.
    ValueError
        If the content cannot be read, has no feature of the kind asked for, repeats a spot's
        name, or if `kind` is not known.

    Examples
    --------
    >>> import tempfile, numpy as np, anndata as ad
    >>> from pathlib import Path
    >>> from smartcore import io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "protein.h5ad"
    ...     io.write_h5ad(ad.AnnData(np.ones((4, 3), dtype=np.float32)), path)
    ...     io.read_modality(path, "protein").shape
    (4, 3)
    """
    if kind is not None:
        check_kind(kind)
    source = existing(path, EXPECTED)
    given = {"spatial_key": spatial_key, "in_tissue": in_tissue, "images": images}
    if folder := _folder(source, lazy, machine, choices, given):
        return unique_names(_modality(folder, kind, source), source=str(source))
    with names_checked_later():
        adata = _read_any(source, lazy)
        check_matrices(adata, str(source))
        if kind is not None:
            adata = select_kind(adata, kind, source=str(source))
    return unique_names(adata, source=str(source))


def read_modalities(
    path: str | Path,
    *,
    spatial_key: str = _keys.SPATIAL,
    lazy: bool = False,
    in_tissue: bool = True,
    images: Images = False,
    machine: str | None = None,
    **choices: Any,
) -> dict[str, AnnData]:
    """Read every modality of one file or folder that states its feature types.

    Parameters
    ----------
    path
        As for :func:`read_modality`; the features must have types, as 10x's files do.
    spatial_key, lazy, in_tissue, images, machine, **choices
        As for :func:`read_modality`; the modalities share one copy of the images.

    Returns
    -------
    dict
        "rna", "protein" and "chromatin", as far as present, each spots × features of that kind.

    Raises
    ------
    FileNotFoundError, ValueError
        As for :func:`read_modality`; also if no feature has a known type.
    """
    source = existing(path, EXPECTED)
    given = {"spatial_key": spatial_key, "in_tissue": in_tissue, "images": images}
    if folder := _folder(source, lazy, machine, choices, given):
        return unique_names_each(folder.modalities, source=str(source))
    with names_checked_later():
        adata = _read_any(source, lazy)
        check_matrices(adata, str(source))
    return unique_names_each(split_kinds(adata, str(source)), source=str(source))


def _folder(
    path: Path,
    lazy: bool,
    machine: str | None,
    choices: dict[str, Any],
    given: dict[str, Any],
) -> Folder | None:
    """What a machine's folder holds; ``None`` where the path is to be read as something else."""
    if not lazy and is_folder(path):
        return read_contents(path, machine, **given, **choices)
    if machine is not None or choices:
        named = ", ".join([*(["machine"] if machine is not None else []), *choices])
        raise ValueError(f"{path} is no folder of a machine, for which alone {named} would count")
    return None


def _modality(folder: Folder, kind: Kind | None, source: Path) -> AnnData:
    """The modality of a kind; the only one, where nothing says of which kind it is."""
    found = folder.modalities
    if kind in found:
        return found[str(kind)]
    (first, *others) = found.values()
    if not others and (kind is None or column_in(first.var) is None):
        return first
    there = ", ".join(found)
    if kind is None:
        raise ValueError(f"{source} holds {there}: name one of these kinds")
    raise ValueError(f"{source} has no {kind} features: it holds {there}")


def _read_any(path: Path, lazy: bool) -> AnnData:
    """Read all features of a file."""
    if lazy:
        return read_lazily(path)
    if is_zarr(path):
        check_zarr(path)
        with reading(path, "AnnData (.zarr)"):
            return ad.read_zarr(path)
    content = hdf5_content(path)
    if content == "mudata":
        raise ValueError(
            f"{path} holds a MuData of several modalities; expected {EXPECTED} "
            "(read_mudata reads it)"
        )
    if content == "10x":
        return read_h5(path)
    with reading(path, "AnnData (.h5ad)"):
        return ad.read_h5ad(path)


def read_mudata(path: str | Path) -> MuData:
    """Read a MuData object from an ``.h5mu`` file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    MuData
        The object as stored.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it is of another format, truncated, or holds no modality.
    """
    import mudata

    source = existing(path, "a MuData file (.h5mu)")
    content = hdf5_content(source)
    if content != "mudata":
        what = {"anndata": "an AnnData object (.h5ad)", "10x": "a 10x matrix"}[content]
        raise ValueError(f"{source} holds {what}; expected a MuData file (.h5mu)")
    # Pulling would add a copy of every modality's columns at each reading and writing.
    with reading(source, "MuData (.h5mu)"), mudata.set_options(pull_on_update=False):
        mdata = mudata.read_h5mu(source)
    if not mdata.mod:
        raise ValueError(f"{source} holds no modality")
    for name, adata in mdata.mod.items():
        if isinstance(adata, AnnData):
            check_matrices(adata, f"modality {name!r} of {source}")
    return mdata
