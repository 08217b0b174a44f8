"""A folder that Vitessce shows: its view config and the data that this refers to."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.io._lazy import in_memory
from smartcore.io._viewer_spots import Spots
from smartcore.pl._colors import MISSING
from smartcore.pl._lattice import lattice

CONFIG = "vitessce.json"
"""Name of the view config in the folder."""

_STORE = "data.zarr"
_VERSION = "1.0.17"  # of the view config's schema
_SETS = "Domain"
_CHUNK = 10
"""Features in a chunk of a dense matrix: one at a time is looked at."""

_SERVER = '''\
"""Serve this folder to Vitessce: python serve.py [PORT]."""

import functools
import http.server
import pathlib
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self):
        # Vitessce's page is of another origin.
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


port = int(sys.argv[1]) if len(sys.argv) > 1 else {port}
folder = str(pathlib.Path(__file__).resolve().parent)
handler = functools.partial(Handler, directory=folder)
print(f"Open https://vitessce.io/#?url=http://localhost:{{port}}/{config}")
http.server.ThreadingHTTPServer(("localhost", port), handler).serve_forever()
'''


def check_zarr() -> None:
    """Refuse to begin where zarr is missing.

    Raises
    ------
    ImportError
        If it is; the message says how to get it.
    """
    try:
        import zarr  # noqa: F401
    except ImportError as err:
        raise ImportError(
            "Vitessce reads .zarr, which needs the package zarr: pip install 'spatialsmart[export]', "
            "or pip install 'anndata>=0.12' 'zarr>=2.18.7'"
        ) from err


def write_folder(
    folder: Path, spots: Spots, coords: NDArray[np.float64], *, title: str, port: int
) -> None:
    """Write the view config, the data and a script that serves both.

    Parameters
    ----------
    folder
        An empty folder.
    spots
        The spots.
    coords
        Their places, shape (n_spots, 2), x first.
    title
        What Vitessce calls the data.
    port
        Port of this computer at which the data will be served.
    """
    adata = viewer_data(spots, coords)
    # Stores of zarr's format 2 are read by all versions of Vitessce.
    with ad.settings.override(zarr_write_format=2), warnings.catch_warnings():
        # AnnData recommends its format 3 to whoever asks for 2.
        warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)
        dense = isinstance(adata.X, np.ndarray)
        adata.write_zarr(folder / _STORE, chunks=(adata.n_obs, _CHUNK) if dense else None)
    config = view_config(adata, spots, title=title, url=f"http://localhost:{port}/{_STORE}")
    (folder / CONFIG).write_text(json.dumps(config, indent=1, allow_nan=False), encoding="utf-8")
    script = _SERVER.format(port=port, config=CONFIG)
    (folder / "serve.py").write_text(script, encoding="utf-8")


def viewer_data(spots: Spots, coords: NDArray[np.float64]) -> AnnData:
    """An AnnData of what is shown: domains, confidence, places, embeddings and features."""
    labels = pd.Categorical(spots.labels(_none(spots)), categories=_sets(spots))
    obs = pd.DataFrame({"domain": labels}, index=spots.names.astype(object))
    if spots.confidence is not None:
        obs["confidence"] = spots.confidence.astype(np.float32)
    obsm = {"spatial": coords.astype(np.float32)}
    for key, name in (("X_umap", "X_umap"), (_keys.EMBEDDING, _keys.EMBEDDING)):
        if key in spots.data.obsm and np.shape(spots.data.obsm[key])[1] >= 2:
            # A viewer shows two dimensions: the embedding lies on its principal axes.
            values = np.asarray(spots.data.obsm[key])[spots.rows, :2]
            obsm[name] = values.astype(np.float32)
    x, names = _features(spots)
    return AnnData(X=x, obs=obs, var=pd.DataFrame(index=names), obsm=obsm)


def view_config(adata: AnnData, spots: Spots, *, title: str, url: str) -> dict[str, Any]:
    """Vitessce's view config: a map, the domains, features and an embedding.

    Parameters
    ----------
    adata
        As :func:`viewer_data` makes it.
    spots
        The spots.
    title
        Name of the data.
    url
        Where the store will be.
    """
    sets: dict[str, Any] = {"name": _SETS, "path": "obs/domain"}
    if "confidence" in adata.obs:
        sets["scorePath"] = "obs/confidence"
    embeddings = {"X_umap": "UMAP", _keys.EMBEDDING: "SMART"}
    shown = [(key, name) for key, name in embeddings.items() if key in adata.obsm]
    options: dict[str, Any] = {
        "obsSpots": {"path": "obsm/spatial"},
        "obsLocations": {"path": "obsm/spatial"},
        "obsSets": [sets],
        "obsEmbedding": [{"path": f"obsm/{key}", "embeddingType": name} for key, name in shown],
    }
    if adata.n_vars:
        options["obsFeatureMatrix"] = {"path": "X"}
    names = _sets(spots)
    colors = [*spots.colors, MISSING][: len(names)]
    shared = ("obsType", "obsColorEncoding", "obsSetSelection", "obsSetColor", "featureSelection")
    scopes = {"dataset": "A", **dict.fromkeys(shared, "A")}
    layer = "init_A_obsSpots_0"  # Vitessce's own name for the first layer of spots
    width = lattice(np.asarray(adata.obsm["spatial"], dtype=np.float64))[0]
    spatial = {**scopes, "metaCoordinationScopes": [layer], "metaCoordinationScopesBy": [layer]}
    views = [("obsSets", scopes)]
    if adata.n_vars:
        views.append(("featureList", scopes))
    if shown:
        views.append(("scatterplot", {**scopes, "embeddingType": "A"}))
    return {
        "version": _VERSION,
        "name": title,
        "description": "Domains of a tissue",
        "datasets": [
            {
                "uid": "A",
                "name": title,
                "files": [
                    {
                        "fileType": "anndata.zarr",
                        "url": url,
                        "coordinationValues": {"obsType": "spot"},
                        "options": options,
                    }
                ],
            }
        ],
        "coordinationSpace": {
            "dataset": {"A": "A"},
            "obsType": {"A": "spot"},
            "embeddingType": {"A": shown[0][1]} if shown else {},
            "obsColorEncoding": {"A": "cellSetSelection"},
            "obsSetSelection": {"A": [[_SETS, name] for name in names]},
            "obsSetColor": {
                "A": [
                    {"path": [_SETS, name], "color": [round(255 * c) for c in to_rgb(color)]}
                    for name, color in zip(names, colors, strict=True)
                ]
            },
            "featureSelection": {"A": None},
            "spotLayer": {layer: "__dummy__"},
            "spatialSpotRadius": {layer: width / 2},
            "metaCoordinationScopes": {layer: {"spotLayer": [layer]}},
            "metaCoordinationScopesBy": {
                layer: {
                    "spotLayer": {
                        "spatialSpotRadius": {layer: layer},
                        **{name: {layer: "A"} for name in shared},
                    }
                }
            },
        },
        "layout": [
            _view("spatialBeta", spatial, 0, 0, 8, 12),
            *(
                _view(name, own, 8, 12 * i // len(views), 4, 12 // len(views))
                for i, (name, own) in enumerate(views)
            ),
        ],
        "initStrategy": "auto",
    }


def _view(
    component: str, scopes: Mapping[str, Any], x: int, y: int, w: int, h: int
) -> dict[str, Any]:
    return {
        "component": component,
        "coordinationScopes": dict(scopes),
        **{"x": x, "y": y, "w": w, "h": h},
    }


def _sets(spots: Spots) -> list[str]:
    return spots.domains if spots.known.all() else [*spots.domains, _none(spots)]


def _none(spots: Spots) -> str:
    return spots.free_name("no domain")


def _features(spots: Spots) -> tuple[Any, pd.Index]:
    """Features of all modalities over the spots, 0 where a modality lacks a spot."""
    data = spots.data
    parts = getattr(data, "mod", None) or {"": data}
    blocks, names = [], []
    for modality, part in parts.items():
        if part.X is None or not part.n_vars:
            continue
        rows = part.obs_names.get_indexer(data.obs_names[spots.rows])
        own = in_memory(part.X[rows[rows >= 0]])
        own = own if sp.issparse(own) else np.asarray(own)
        if (rows < 0).any():
            place = sp.csr_matrix(
                (np.ones((rows >= 0).sum()), (np.flatnonzero(rows >= 0), range((rows >= 0).sum()))),
                shape=(len(rows), own.shape[0]),
            )
            own = place @ own
        blocks.append(own)
        names += [(modality, str(name)) for name in part.var_names]
    if not blocks:
        return None, pd.Index([], dtype=object)
    plain = pd.Index([name for _, name in names], dtype=object)
    if not plain.is_unique:
        plain = pd.Index([f"{modality}:{name}" for modality, name in names], dtype=object)
    if all(isinstance(block, np.ndarray) for block in blocks):
        return np.hstack(blocks).astype(np.float32), plain
    # A feature at a time is looked at: by columns.
    return sp.hstack([sp.csc_matrix(block, dtype=np.float32) for block in blocks], "csc"), plain
