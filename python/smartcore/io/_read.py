"""Modalities from files: AnnData, MuData and 10x's formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
from anndata import AnnData

from smartcore import _keys
from smartcore.io._features import (
    FEATURE_TYPES,
    Kind,
    check_kind,
    check_matrices,
    kinds_in,
    listed,
    names_checked_later,
    select_kind,
    types_in,
    unique_names,
)
from smartcore.io._files import existing, hdf5_content, reading
from smartcore.io._lazy import check_zarr, is_zarr, read_lazily
from smartcore.io._tenx import read_folder, read_h5

if TYPE_CHECKING:
    from mudata import MuData

EXPECTED = "an .h5ad file, a .zarr store, a 10x .h5 file or a Space Ranger 'outs' folder"


def read_modality(
    path: str | Path,
    kind: Kind | None = "rna",
    *,
    spatial_key: str = _keys.SPATIAL,
    lazy: bool = False,
    in_tissue: bool = True,
) -> AnnData:
    """Read one modality.

    Parameters
    ----------
    path
        An ``.h5ad`` file, a ``.zarr`` store, a 10x ``.h5`` file, or a folder: Space Ranger's ``outs`` (or one
        ``binned_outputs/square_*`` of Visium HD), or a ``filtered_feature_bc_matrix`` of text
        files. What an HDF5 file holds is told by its content, not its name.
    kind
        Which features to keep where the file has several types: "rna" keeps "Gene Expression",
        "protein" keeps "Antibody Capture" and "Protein Expression", "chromatin" keeps "Peaks".
        Files that name no feature types are taken whole, as all are with ``None``.
    spatial_key
        Where in ``obsm`` to put the coordinates that an ``outs`` folder brings.
    lazy
        Leave the counts on disk, as :func:`read_lazily` does.
    in_tissue
        Of an ``outs`` folder, leave out the spots outside the tissue, which a log message counts.

    Returns
    -------
    AnnData
        Spots × features, the values as stored. From an ``outs`` folder, the spots in the tissue,
        with ``obsm[spatial_key]`` = (``pxl_col_in_fullres``, ``pxl_row_in_fullres``) in pixels
        and ``in_tissue``, ``array_row`` and ``array_col`` in ``obs``; images are not read.
        Repeated feature names are numbered, with a warning.

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
    with names_checked_later():
        adata = _read_any(source, spatial_key, lazy, in_tissue)
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
) -> dict[str, AnnData]:
    """Read every modality of one file or folder that states its feature types.

    Parameters
    ----------
    path
        As for :func:`read_modality`; the features must have types, as 10x's files do.
    spatial_key, lazy, in_tissue
        As for :func:`read_modality`.

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
    with names_checked_later():
        adata = _read_any(source, spatial_key, lazy, in_tissue)
        check_matrices(adata, str(source))
    kinds = kinds_in(adata.var)
    if not kinds:
        types = types_in(adata.var)
        found = (
            f"var['feature_types'] holds {listed(types)}"
            if types
            else f"it has no var['feature_types'] (var has {', '.join(adata.var) or 'nothing'})"
        )
        known = ", ".join(name for names in FEATURE_TYPES.values() for name in names)
        raise ValueError(
            f"{source} does not say which modality it is: {found} (known types: {known}); "
            "name its kind instead: rna, protein or chromatin"
        )
    with names_checked_later():
        parts = {str(kind): select_kind(adata, kind, source=str(source)) for kind in kinds}
    return {kind: unique_names(part, source=f"{source} ({kind})") for kind, part in parts.items()}


def _read_any(path: Path, spatial_key: str, lazy: bool, in_tissue: bool) -> AnnData:
    """Read all features of `path`."""
    if lazy:
        return read_lazily(path)
    if is_zarr(path):
        check_zarr(path)
        with reading(path, "AnnData (.zarr)"):
            return ad.read_zarr(path)
    if path.is_dir():
        return read_folder(path, spatial_key=spatial_key, in_tissue=in_tissue)
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
