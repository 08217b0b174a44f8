"""Centroids of SpatialData's elements in a coordinate system."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def systems_of(element: Any) -> list[str]:
    """Coordinate systems that an element can be transformed into."""
    from spatialdata.transformations import get_transformation

    return list(get_transformation(element, get_all=True))


def centroids(element: Any, system: str) -> pd.DataFrame:
    """Centroids of what an element consists of, in a coordinate system.

    Parameters
    ----------
    element
        Shapes (circles or polygons), points or labels. Labels are read in the blocks in which they
        are stored, so that they may be larger than memory.
    system
        One of :func:`systems_of`.

    Returns
    -------
    pandas.DataFrame
        One row an instance, indexed as the element is (labels by their values, without the
        background 0); columns x, y and, if the element has it, z.

    Raises
    ------
    TypeError
        If the element is an image, or none that is known.
    """
    from spatialdata.models import get_axes_names
    from spatialdata.transformations import get_transformation

    own = _own_centroids(element)
    axes = tuple(axis for axis in "xyz" if axis in get_axes_names(element) and axis in own)
    matrix = get_transformation(element, system).to_affine_matrix(axes, axes)
    points = own[list(axes)].to_numpy(np.float64)
    moved = points @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return pd.DataFrame(moved, index=own.index, columns=list(axes))


def _own_centroids(element: Any) -> pd.DataFrame:
    """Centroids as the element itself has them."""
    import dask.dataframe as dd
    import geopandas
    import xarray as xr

    if isinstance(element, geopandas.GeoDataFrame):
        middle = element.geometry.centroid
        return pd.DataFrame({"x": middle.x, "y": middle.y}, index=element.index)
    if isinstance(element, dd.DataFrame):
        return element[[axis for axis in "xyz" if axis in element]].compute()
    if isinstance(element, xr.DataTree):  # the finest of several resolutions
        (element,) = element["scale0"].values()
    if not isinstance(element, xr.DataArray) or "c" in element.dims:
        raise TypeError("it is an image, or of an unknown kind: no spots can lie in it")
    return _label_centroids(element)


def _label_centroids(labels: Any) -> pd.DataFrame:
    """Means of the places of the pixels of each label."""
    import dask.array as da

    array = da.asarray(labels.data)
    places = [np.asarray(labels[axis].values, np.float64) for axis in labels.dims]
    edges = [np.concatenate([[0], np.cumsum(sizes)]) for sizes in array.chunks]
    parts = []
    for block in np.ndindex(*array.numblocks):
        values = np.asarray(array.blocks[block].compute())
        ids, which = np.unique(values, return_inverse=True)
        which = which.reshape(values.shape)
        part = {"pixels": np.bincount(which.ravel(), minlength=len(ids))}
        for i, axis in enumerate(labels.dims):
            own = places[i][edges[i][block[i]] : edges[i][block[i] + 1]]
            shape = [-1 if j == i else 1 for j in range(values.ndim)]
            weights = np.broadcast_to(own.reshape(shape), values.shape)
            part[str(axis)] = np.bincount(which.ravel(), weights.ravel(), len(ids))
        parts.append(pd.DataFrame(part, index=ids))
    sums = pd.concat(parts).groupby(level=0).sum().drop(index=0, errors="ignore")
    return sums.div(sums.pop("pixels"), axis=0)
