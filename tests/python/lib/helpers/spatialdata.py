"""Made SpatialData objects; to be imported where spatialdata is."""

import hashlib
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

import smartcore as sm

MOVE = np.array([[0.0, -2.0, 30.0], [0.5, 0.0, -7.0], [0.0, 0.0, 1.0]])
"""A rotation with other scales and a shift: x → y, y → −x."""


def affine(matrix=MOVE):
    from spatialdata.transformations import Affine

    return Affine(matrix, input_axes=("x", "y"), output_axes=("x", "y"))


def identity():
    from spatialdata.transformations import Identity

    return Identity()


def moved(xy, matrix=MOVE):
    """Places after the transformation, by hand."""
    return np.array([[matrix[0] @ (x, y, 1), matrix[1] @ (x, y, 1)] for x, y in xy])


def circles(xy, index, **transformations):
    from spatialdata.models import ShapesModel

    return ShapesModel.parse(
        np.asarray(xy, float),
        geometry=0,
        radius=1.0,
        index=pd.Index(index),
        transformations=transformations or None,
    )


def polygons(xy, index, **transformations):
    """Triangles whose centroids are `xy`."""
    import geopandas
    import shapely
    from spatialdata.models import ShapesModel

    corner = np.array([[-1, -1], [2, -1], [-1, 2]])
    shapes = [shapely.Polygon(place + corner) for place in np.asarray(xy, float)]
    frame = geopandas.GeoDataFrame(geometry=shapes, index=pd.Index(index))
    return ShapesModel.parse(frame, transformations=transformations or None)


def labels(shape, n, *, seed=0, chunks=None, **transformations):
    """An image whose pixels belong to the nearest of `n` cells, and some to none."""
    import dask.array as da
    from spatialdata.models import Labels2DModel

    rng = np.random.default_rng(seed)
    seeds = rng.uniform((0, 0), shape, (n, 2))
    pixels = np.argwhere(np.ones(shape, bool))
    distance = np.linalg.norm(pixels[:, None] - seeds[None], axis=2)
    image = np.where(distance.min(1) < 6, distance.argmin(1) * 3 + 5, 0).reshape(shape)
    array = da.from_array(image.astype(np.int32), chunks=chunks or shape)
    return Labels2DModel.parse(array, dims=("y", "x"), transformations=transformations or None)


def table(x, region, instances, *, names=None, types=None, **more):
    """A table; `region` is one name, or one for each row."""
    from spatialdata.models import TableModel

    obs = pd.DataFrame({"place": region, "cell": instances})
    obs["place"] = obs["place"].astype("category")
    obs.index = [f"c{i}" for i in range(len(obs))] if names is None else names
    adata = ad.AnnData(sp.csr_matrix(np.asarray(x, np.float32)), obs=obs, **more)
    adata.var_names = [f"f{i}" for i in range(adata.n_vars)]
    if types is not None:
        adata.var["feature_types"] = types
    regions = list(dict.fromkeys(obs["place"]))
    return TableModel.parse(
        adata,
        region=regions if len(regions) > 1 else regions[0],
        region_key="place",
        instance_key="cell",
    )


def sample(side=12, seed=1, *, region="cells", names=None):
    """RNA and protein of a simulated section in one table, which annotates polygons."""
    import spatialdata as sd

    mdata = sm.datasets.tri_omics((side, side), n_genes=60, n_proteins=20, n_peaks=60, seed=seed)
    rna, protein = mdata["rna"], mdata["protein"]
    order = np.random.default_rng(seed).permutation(rna.n_obs)
    counts = np.hstack([np.asarray(sp.csr_matrix(m.X).todense()) for m in (rna, protein)])[order]
    xy = np.asarray(rna.obsm["spatial"], float)[order]
    ids = np.arange(100, 100 + len(order))
    types = ["Gene Expression"] * rna.n_vars + ["Antibody Capture"] * protein.n_vars
    cells = polygons(xy, ids, **{"global": affine()})
    own = table(counts, region, ids, types=types, names=names)
    own.obs["truth"] = pd.Categorical(rna.obs["domain"].astype(str).to_numpy()[order])
    return sd.SpatialData(shapes={region: cells}, tables={"table": own})


def hashes(folder: Path) -> dict[str, str]:
    """What all files of a folder hold."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
