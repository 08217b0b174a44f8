"""Files for viewers, and regions drawn in one, as the R package calls for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray

from smartcore import _keys, io
from smartcore._feedback import Notify, interruptible, relayed
from smartcore.io._viewers import Viewer

_BARCODE, _SECTION = "barcode in R", "section in R"
"""Columns beside that of the domains, which may have any other name."""


@interruptible()
def export(
    to: Viewer,
    path: str,
    names: Sequence[str],
    codes: NDArray[np.integer],
    domains: Sequence[str],
    *,
    column: str,
    colors: Sequence[str] | None = None,
    confidence: NDArray[np.floating] | None = None,
    coords: NDArray[np.floating] | None = None,
    sections: Sequence[str] | None = None,
    embeddings: Mapping[str, NDArray[np.floating]] | None = None,
    features: Mapping[str, Mapping[str, Any]] | None = None,
    pixel_size: float | None = None,
    spots: bool = False,
    port: int = 8000,
    overwrite: bool = False,
    notify: Notify | None = None,
) -> list[str]:
    """Write domains in the files that a viewer reads.

    Parameters
    ----------
    to, path, pixel_size, spots, port, overwrite
        As for :func:`smartcore.io.export`; whole numbers may be floats.
    names
        Barcodes or cell ids, shape (n_spots,).
    codes
        Shape (n_spots,): the domain of each spot, an index into ``domains``; -1 for none.
    domains
        Names of the domains.
    column
        What the domains are called.
    colors
        A colour for each domain, such as ``"#E69F00"``; None: those of the plots.
    confidence
        Shape (n_spots,): probability of each spot's domain.
    coords
        Shape (n_spots, 2), x first.
    sections
        Section of each spot; None: one section.
    embeddings
        Key of ``obsm`` → (n_spots, d).
    features
        Modality → ``values``, a sparse matrix spots × features, and the ``names`` of the features.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    The files or folders that were written.
    """
    index = pd.Index([f"{i}" for i in range(len(names))], dtype=object)
    obs = pd.DataFrame(
        {
            column: pd.Categorical.from_codes(np.asarray(codes, int), categories=list(domains)),
            _BARCODE: np.asarray(names, dtype=object),
        },
        index=index,
    )
    if sections is not None:
        obs[_SECTION] = np.asarray(sections, dtype=object)
    x, var = _matrix(features or {})
    adata = AnnData(x, obs=obs, var=var)
    if colors is not None:
        adata.uns[f"{column}_colors"] = list(colors)
    if confidence is not None:
        adata.obsm[f"{column}_memberships"] = np.asarray(confidence, np.float64).reshape(-1, 1)
    if coords is not None:
        adata.obsm[_keys.SPATIAL] = np.asarray(coords, np.float64)
    for key, values in (embeddings or {}).items():
        adata.obsm[key] = np.asarray(values)
    with relayed(notify):
        paths = io.export(
            adata,
            to,
            path,
            key=column,
            section_key=None if sections is None else _SECTION,
            names_key=_BARCODE,
            pixel_size=pixel_size,
            spots=spots,
            port=int(port),
            overwrite=overwrite,
        )
    return [str(one) for one in paths]


@interruptible()
def regions(
    path: str,
    coords: NDArray[np.floating],
    *,
    pixel_size: float,
    overlap: Literal["error", "smallest"] = "error",
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Label spots by regions that were drawn in QuPath.

    Parameters
    ----------
    path, pixel_size, overlap
        As for :func:`smartcore.io.read_regions`.
    coords
        Shape (n_spots, 2), x first.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``codes`` (n_spots,), an index into ``labels`` or -1; and ``labels``.
    """
    with relayed(notify):
        found = io.read_regions(
            path, np.asarray(coords, np.float64), pixel_size=pixel_size, overlap=overlap
        )
    return {
        "codes": found.cat.codes.to_numpy(np.int32),
        "labels": [str(label) for label in found.cat.categories],
    }


def _matrix(
    features: Mapping[str, Mapping[str, Any]],
) -> tuple[sp.csc_matrix | None, pd.DataFrame | None]:
    """Features of all modalities side by side; names that repeat get the modality in front."""
    if not features:
        return None, None
    names = [(kind, str(name)) for kind, part in features.items() for name in part["names"]]
    index = pd.Index([name for _, name in names], dtype=object)
    if not index.is_unique:
        index = pd.Index([f"{kind}:{name}" for kind, name in names], dtype=object)
    # A viewer reads a feature at a time: by columns.
    x = sp.hstack([part["values"] for part in features.values()], format="csc", dtype=np.float32)
    return x, pd.DataFrame(index=index)
