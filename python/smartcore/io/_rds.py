"""Objects of R: Seurat and SingleCellExperiment, saved by ``saveRDS``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from smartcore import _keys
from smartcore._r import call_r, require_r
from smartcore.io._features import names_checked_later, unique_names
from smartcore.io._files import existing

if TYPE_CHECKING:
    from mudata import MuData

logger = logging.getLogger("smartcore")

EXPECTED = (
    "a Seurat, SingleCellExperiment or SpatialExperiment object, saved in R by "
    "saveRDS(object, 'file.rds')"
)

COORDINATE_COLUMNS = (
    ("x", "y"),
    ("imagecol", "imagerow"),
    ("pxl_col_in_fullres", "pxl_row_in_fullres"),
    ("x_centroid", "y_centroid"),
    ("centerx_global_px", "centery_global_px"),
    ("center_x", "center_y"),
    ("x_location", "y_location"),
    ("coord_x", "coord_y"),
    ("x_coord", "y_coord"),
    ("xcoord", "ycoord"),
    ("spatial_x", "spatial_y"),
    ("spatial_1", "spatial_2"),
    ("sdimx", "sdimy"),
)
"""Columns of the metadata, in lower case, that are taken for coordinates where no image is there."""


def read_rds(
    path: str | Path,
    *,
    assays: Sequence[str] | None = None,
    spatial_key: str = _keys.SPATIAL,
) -> MuData:
    """Read a Seurat or SingleCellExperiment object that was saved by ``saveRDS``.

    Parameters
    ----------
    path
        The ``.rds`` file. Objects of Seurat 3 and later, SingleCellExperiment and
        SpatialExperiment can be read.
    assays
        Assays (of Seurat) or experiments (main and alternative ones) to read; ``None``: all that
        hold raw counts, but none that SCTransform derived.
    spatial_key
        Key in ``obsm`` of the coordinates.

    Returns
    -------
    MuData
        One modality per assay or experiment, of the same name (the main experiment is ``"rna"``
        where it has none): raw counts, spots × features, sparse; metadata of features in ``var``.
        Layers of Seurat 5 that are split by sample are joined over the features that all have.
        Jointly, the metadata of spots in ``obs`` (text as categories), coordinates in
        ``obsm[spatial_key]`` (x, y as R has them) and the name of image or sample in
        ``obs["image"]``. Reductions named ``umap`` or ``UMAP`` are in ``obsm["X_umap"]``, those
        of one assay in that modality; so is the embedding of ``RunSMART()`` in
        ``obsm["X_smart"]``. Colours that ``Misc(object)`` or ``metadata(object)`` keeps
        as ``<column>_colors``, named by category, are in ``uns``. An image whose spots are all in another one, such as a
        crop, is left out; where there is no image, columns such as ``x`` and ``y`` of the
        metadata are the coordinates.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ImportError
        If R, rpy2, or an R package that the object needs is missing; the message names it.
    ValueError
        If the file holds something else, no raw counts, or two images that share some spots.

    Examples
    --------
    >>> from smartcore import io
    >>> mdata = io.read_rds("brain.rds")  # doctest: +SKIP
    """
    source = existing(path, EXPECTED)
    if source.is_dir():
        raise IsADirectoryError(f"{source} is a folder; expected {EXPECTED}")
    with source.open("rb"):
        pass  # permissions, which R would put into a warning
    require_r(["Matrix"], f"reading {source}")
    wanted = None if assays is None else [str(name) for name in assays]
    parts = call_r(EXPECTED, source, "read", str(source), wanted)
    skipped = {name: reason[0] for name, reason in parts["skipped"].items()}
    for name, reason in skipped.items():
        logger.info("%s: assay %s is left out (%s)", source, name, reason)
    if not parts["modalities"]:
        found = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise ValueError(f"{source} holds no assay with raw counts ({found or 'no assay at all'})")
    return _assemble(parts, source, spatial_key)


def _assemble(parts: Mapping[str, Any], source: Path, spatial_key: str) -> MuData:
    import mudata

    modalities = {name: _modality(part, source, name) for name, part in parts["modalities"].items()}
    with mudata.set_options(pull_on_update=False), warnings.catch_warnings():
        # Features of different modalities may well share a name.
        warnings.filterwarnings("ignore", message="var_names are not unique")
        mdata = mudata.MuData(modalities)
    metadata = _table(parts["metadata"], parts["cells"], source, "the metadata")
    if not metadata.index.is_unique:
        twice = metadata.index[metadata.index.duplicated()][0]
        raise ValueError(
            f"{source}: spot names must be unique, but {twice!r} occurs more than once; in R, put "
            "the sample's name before them"
        )
    rows = metadata.index.get_indexer(mdata.obs_names)
    mdata.obs = metadata.iloc[rows]
    for name, points in parts["reductions"].items():
        mdata.obsm[name] = _points(points, mdata.obs_names)
    _add_colours(mdata, parts["colours"])
    images = _separate(parts["images"], set(mdata.obs_names), source)
    if images:
        _add_images(mdata, images, source, spatial_key)
    elif (points := _reduction_as_coordinates(mdata)) is not None:
        mdata.obsm[spatial_key] = points
    else:
        _columns_as_coordinates(mdata, source, spatial_key)
    return mdata


def _add_colours(mdata: MuData, colours: Mapping[str, Any]) -> None:
    """Colours of the categories of a column, as scanpy keeps them; others are left out."""
    for column, kept in colours.items():
        if column not in mdata.obs or not isinstance(mdata.obs[column].dtype, pd.CategoricalDtype):
            continue
        categories = [str(category) for category in mdata.obs[column].cat.categories]
        named = dict(zip(kept["levels"] or categories, kept["values"], strict=False))
        if set(categories) <= set(named):
            mdata.uns[f"{column}_colors"] = [named[category] for category in categories]


def _modality(part: Mapping[str, Any], source: Path, name: str) -> AnnData:
    counts = part["counts"]
    data = counts["data"]
    single = data.astype(np.float32)
    if np.array_equal(single, data):
        data = single
    shape = (len(counts["cells"]), len(counts["features"]))
    matrix = sp.csr_matrix((data, counts["indices"], counts["indptr"]), shape=shape)
    where = f"the features of {name}"
    var = _table(part["features"], counts["features"], source, where)
    obs = _table(part.get("metadata"), counts["cells"], source, f"the metadata of {name}")
    with names_checked_later():
        adata = AnnData(matrix, obs=obs, var=var)
        for reduction, points in part["reductions"].items():
            adata.obsm[reduction] = _points(points, adata.obs_names)
    return unique_names(adata, source=f"{source} ({name})")


def _table(
    table: Mapping[str, Any] | None, names: Sequence[str], source: Path, where: str
) -> pd.DataFrame:
    index = pd.Index(names, dtype=object)
    if table is None:
        return pd.DataFrame(index=index)
    if table["dropped"]:
        warnings.warn(
            f"{source}: columns {', '.join(table['dropped'])} of {where} hold neither numbers, "
            "text, factors nor dates and were left out",
            UserWarning,
            stacklevel=5,
        )
    columns = {name: _column(column) for name, column in table["columns"].items()}
    return pd.DataFrame(columns, index=index)


def _column(column: Mapping[str, Any]) -> Any:
    values = column["values"]
    kind = column["type"][0]
    if kind == "factor":
        levels = column["levels"] or []
        ordered = bool(column["ordered"][0])
        return pd.Categorical.from_codes(values, categories=levels, ordered=ordered)
    if kind == "logical":
        missing = column["missing"].astype(bool)
        known = values.astype(bool)
        return pd.arrays.BooleanArray(known, missing) if missing.any() else known
    return values


def _points(points: Mapping[str, Any], names: pd.Index) -> np.ndarray:
    """Points in the order of the spots; NaN for spots that have none."""
    values = points["values"]
    if not points["cells"]:
        return values
    rows = pd.Index(points["cells"]).get_indexer(names)
    out = values[rows]
    out[rows < 0] = np.nan
    return out


def _separate(images: Mapping[str, Any], known: set[str], source: Path) -> dict[str, Any]:
    """Images of different spots; such as lie in another one are left out.

    Raises
    ------
    ValueError
        If two images share some of their spots.
    """
    spots = {name: known.intersection(points["cells"]) for name, points in images.items()}
    kept: dict[str, Any] = {}
    # The widest come first, so that what is met again lies in one of them.
    for name in sorted(images, key=lambda name: -len(spots[name])):
        around = next((other for other in kept if spots[name] & spots[other]), None)
        if around is None:
            kept[name] = images[name]
        elif spots[name] <= spots[around]:
            logger.info(
                "%s: image %s is left out, as its spots are all in %s", source, name, around
            )
        else:
            raise ValueError(
                f"{source}: images {around!r} and {name!r} share "
                f"{len(spots[name] & spots[around])} of their {len(spots[around])} and "
                f"{len(spots[name])} spots, so which place these are at is not clear; in R, "
                "remove one of the images"
            )
    return {name: kept[name] for name in images if name in kept and spots[name]}


def _add_images(mdata: MuData, images: Mapping[str, Any], source: Path, spatial_key: str) -> None:
    names = mdata.obs_names
    width = min(points["values"].shape[1] for points in images.values())
    coordinates = np.full((mdata.n_obs, width), np.nan)
    image = np.full(mdata.n_obs, -1)
    for code, points in enumerate(images.values()):
        rows = names.get_indexer(points["cells"])
        coordinates[rows[rows >= 0]] = points["values"][rows >= 0, :width]
        image[rows[rows >= 0]] = code
    if (image < 0).any():
        warnings.warn(
            f"{source}: {(image < 0).sum()} of {mdata.n_obs} spots are in no image and have no "
            "coordinates",
            UserWarning,
            stacklevel=4,
        )
    mdata.obsm[spatial_key] = coordinates
    if _keys.IMAGE in mdata.obs:
        logger.info("%s: column %s of the metadata makes way for the images", source, _keys.IMAGE)
    mdata.obs[_keys.IMAGE] = pd.Categorical.from_codes(image, categories=list(images))


def _reduction_as_coordinates(mdata: MuData) -> np.ndarray | None:
    """Take a reduction called spatial from where it is; write_rds() makes such."""
    for holder in (mdata, *mdata.mod.values()):
        if _keys.SPATIAL in holder.obsm and holder.n_obs == mdata.n_obs:
            points: np.ndarray = holder.obsm.pop(_keys.SPATIAL)
            return points
    return None


def _columns_as_coordinates(mdata: MuData, source: Path, spatial_key: str) -> None:
    numbers = {
        str(name).lower(): name
        for name, column in mdata.obs.items()
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    }
    for pair in COORDINATE_COLUMNS:
        if set(pair) <= set(numbers):
            columns = [numbers[name] for name in pair]
            logger.info("%s: no image; columns %s and %s are the coordinates", source, *columns)
            mdata.obsm[spatial_key] = mdata.obs[columns].to_numpy(np.float64)
            return
    logger.info("%s: no image and no coordinates", source)
