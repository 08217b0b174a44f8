"""Domains of an AnnData or MuData: clusters of its embedding."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from smartcore._keys import DOMAINS, EMBEDDING
from smartcore.clustering import GRAPH_METHODS, find_clusters
from smartcore.given.left_out import rows_there
from smartcore.tl._matching import copy_of

if TYPE_CHECKING:
    from anndata import AnnData
    from mudata import MuData

    from smartcore.clustering import NPcs

    Data: TypeAlias = AnnData | MuData
    Sectioned: TypeAlias = Data | Sequence[Data] | Mapping[str, Data]

logger = logging.getLogger("smartcore")


def cluster(
    data: Sectioned,
    n_clusters: int | None = None,
    *,
    method: str | None = None,
    use_rep: str = EMBEDDING,
    key_added: str = DOMAINS,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    resolution: float | None = None,
    seed: int = 0,
    copy: bool = False,
) -> Sectioned | None:
    """Cluster the spots into a given number of domains.

    Parameters
    ----------
    data
        AnnData or MuData with the embedding in ``obsm``; or a list or dict of such, one for each
        section, whose spots are clustered together.
    n_clusters
        Number of domains, from 1 to the number of distinct spots. Leave it out where
        ``resolution`` is given.
    method
        ``"shrunk"``, ``"mclust"``, ``"gmm"``, ``"leiden"``, ``"louvain"`` or ``"kmeans"``,
        described at :func:`smartcore.clustering.find_clusters`; None: ``"shrunk"``. The paper
        takes ``"mclust"``, and ``"gmm"`` is the same model without R.
    use_rep
        Key in ``obsm`` of the embedding, shape (n_spots, n_dims).
    key_added
        Key in ``obs`` of the domains.
    n_pcs
        Principal components of the embedding to cluster; ``"auto"``: 15 for ``"shrunk"`` and 20
        for the others; None clusters it as it is.
    n_neighbors
        Neighbours of a spot in the graph of ``"leiden"`` and ``"louvain"``.
    resolution
        Resolution of ``"leiden"`` and ``"louvain"``, above 0, instead of a number of domains.
    seed
        Seed of all random numbers, in [0, 2**31).
    copy
        Return a copy with the domains instead of writing to ``data``.

    Returns
    -------
    None, or the copy, or list or dict of copies. Written are

    - ``obs[key_added]``: domains, categories "0" (the largest), "1", ...; missing for spots
      without an embedding (rows of NaN).
    - ``obsm[f"{key_added}_memberships"]``: probability of each domain for each spot, shape
      (n_spots, n_domains), columns in the order of the categories; by ``"shrunk"`` only.
    - ``uns[f"{key_added}_clusters"]``: the method taken and its parameters (``n_pcs`` where the
      embedding was reduced, ``n_neighbors`` and ``resolution`` where used); by ``"shrunk"`` also
      ``far``, the share of spots that are far from every domain, and ``model``, the arrays of
      :class:`smartcore.clustering.Mixture`, which ``Mixture.from_arrays`` takes.

    Nothing is written where anything fails.

    Warns
    -----
    UserWarning
        As :func:`smartcore.clustering.find_clusters`.

    Raises
    ------
    KeyError
        If ``obsm`` has no ``use_rep``.
    TypeError, ValueError, ImportError, RuntimeError
        As :func:`smartcore.clustering.find_clusters`.

    References
    ----------
    Du et al., Nature Communications 17, 2876 (2026).

    Examples
    --------
    >>> import anndata as ad
    >>> import numpy as np
    >>> from smartcore.tl._cluster import cluster
    >>> rng = np.random.default_rng(0)
    >>> adata = ad.AnnData(shape=(80, 0))
    >>> adata.obsm["X_smart"] = np.repeat([[0.0] * 4, [9.0] * 4], [30, 50], axis=0)
    >>> adata.obsm["X_smart"] += rng.normal(size=(80, 4))
    >>> cluster(adata, 2)
    >>> adata.obs["smart"].value_counts().to_dict()
    {'0': 50, '1': 30}
    >>> adata.obsm["smart_memberships"].shape
    (80, 2)
    >>> adata.uns["smart_clusters"]["method"]
    'shrunk'
    """
    embedding = embedding_of(data, use_rep)
    for part in parts_of(data):
        if part.isbacked and part.is_view:
            raise ValueError(
                "A view of backed data cannot be written to or copied: load it by .to_memory(), or "
                "give the whole object."
            )
    if not isinstance(key_added, str) or not key_added:
        raise TypeError(f"key_added={key_added!r}: give a non-empty string")
    there = rows_there(embedding)
    logger.info("Looking for domains among %d spots.", np.count_nonzero(there))
    found = find_clusters(
        embedding[there],
        n_clusters,
        method=method,
        n_pcs=n_pcs,
        n_neighbors=n_neighbors,
        resolution=resolution,
        seed=seed,
    )
    params: dict[str, Any] = {
        "method": found.method,
        "n_clusters": found.n_clusters if n_clusters is None else int(n_clusters),
        "use_rep": use_rep,
        "seed": int(seed),
    }
    if found.n_pcs is not None:
        params["n_pcs"] = found.n_pcs
    if found.method in GRAPH_METHODS:
        params["n_neighbors"] = int(n_neighbors)
    if found.resolution is not None:
        params["resolution"] = found.resolution
    memberships = None
    if found.mixture is not None:
        memberships = np.full((len(embedding), found.n_clusters), np.nan, np.float32)
        memberships[there] = found.mixture.memberships(embedding[there])
        params |= {"far": found.far, "model": found.mixture.arrays()}

    labels = np.full(len(embedding), -1)
    labels[there] = found.labels
    categories = [str(i) for i in range(found.n_clusters)]
    targets = [copy_of(part) if copy else part for part in parts_of(data)]
    ends = np.cumsum([part.n_obs for part in targets])
    for target, rows in zip(targets, np.split(np.arange(len(embedding)), ends[:-1]), strict=True):
        target.obs[key_added] = pd.Categorical.from_codes(labels[rows], categories=categories)
        target.uns[f"{key_added}_clusters"] = dict(params)
        if memberships is not None:
            target.obsm[f"{key_added}_memberships"] = memberships[rows]
        elif f"{key_added}_memberships" in target.obsm:
            # Those of other clusters.
            del target.obsm[f"{key_added}_memberships"]
    if not copy:
        return None
    if isinstance(data, Mapping):
        return dict(zip(data, targets, strict=True))
    return targets if isinstance(data, Sequence) else targets[0]


def parts_of(data: object) -> list[Any]:
    """The sections of a list or dict; another object by itself."""
    if isinstance(data, Mapping):
        return list(data.values())
    return list(data) if isinstance(data, Sequence) and not isinstance(data, str) else [data]


def embedding_of(data: object, use_rep: str) -> np.ndarray:
    """Return ``data.obsm[use_rep]`` as an array.

    Parameters
    ----------
    data
        AnnData or MuData, or a list or dict of such, whose arrays are put one below the other.
    use_rep
        Key in ``obsm``.

    Returns
    -------
    Array as it lies there, shape (n_spots, n_dims).

    Raises
    ------
    TypeError
        If ``data`` is no AnnData or MuData.
    KeyError
        If ``obsm`` has no such key; the message lists those it has.
    ValueError
        If there is no section, or their embeddings have different widths.
    """
    arrays = [_embedding_of(part, use_rep) for part in parts_of(data)]
    if len(arrays) == 1:
        return arrays[0]
    if not arrays:
        raise ValueError("the list of sections is empty: give at least one")
    widths = [np.shape(x)[1] for x in arrays]
    if len(set(widths)) > 1:
        raise ValueError(
            f"embeddings of the sections have different widths, {widths}: give smartcore.tl.smart "
            "all sections together"
        )
    return np.concatenate(arrays)


def _embedding_of(data: Any, use_rep: str) -> np.ndarray:
    if not all(hasattr(data, name) for name in ("obs", "obsm", "uns")):
        raise TypeError(f"data is a {type(data).__name__}: give an AnnData or MuData")
    if use_rep not in data.obsm:
        # MuData keeps its modalities' membership in obsm too.
        there = [key for key in data.obsm if key not in getattr(data, "mod", {})]
        raise KeyError(
            f"no embedding {use_rep!r} in obsm, which has {', '.join(map(repr, there)) or 'no key'}"
            ": run smartcore.tl.smart first, or name another by use_rep"
        )
    stored = data.obsm[use_rep]
    return stored.to_numpy() if isinstance(stored, pd.DataFrame) else stored
