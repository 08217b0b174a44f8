"""The core as the R package calls it: arrays and lists in, arrays and dicts out."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from smartcore import _keys, pp
from smartcore._feedback import Notify, Report, interruptible, relayed, unless_ended
from smartcore.clustering import (
    NPcs,
    _mclust,
    check_embedding,
    check_integer,
    cluster_embedding,
    distinct_rows,
    find_clusters,
    reduce_embedding,
    resolve_n_pcs,
    row_order,
)
from smartcore.clustering import by_size as _by_size
from smartcore.integration import choose_device, integrate
from smartcore.metrics import modality_correlation
from smartcore.params import Params, resolve_params
from smartcore.pp._embedding import check_dimensions
from smartcore.pp._kept import no_controls
from smartcore.tl._n_clusters import draw, score_labels, score_n_clusters

logger = logging.getLogger("smartcore")

INTERFACE = 11
"""Raised when a function here changes in what it takes or gives: the R package checks it."""

_NOT_COUNTED = ("other", "embedding")
_MIN_CORRELATED = 4
_N_REFERENCE = 1000
"""Spots that distances are taken to: enough for a correlation to within 0.03, and quick."""


def versions() -> dict[str, str]:
    """Return the versions of what computes."""
    return {
        "smartcore": version("spatialsmart"),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def parameters() -> list[str]:
    """Return the names of the method's parameters."""
    return [field.name for field in fields(Params)]


def check(preset: str, params: Mapping[str, Any], device: str) -> None:
    """Raise what :func:`run` would for these, before there is anything to run it on."""
    resolve_params(preset, _whole_numbers(params))
    choose_device(device)


@interruptible()
def components(
    kind: str,
    parts: Sequence[sp.csr_matrix] | Mapping[str, Sequence[sp.csr_matrix]],
    *,
    features: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    sections: NDArray[np.integer] | None = None,
    batches: NDArray[np.integer] | None = None,
    align_sections: bool = True,
    n_comps: int | None = None,
    n_features: float | None = None,
    min_spots: int | None = None,
    clr: str | None = None,
    steps: str | Sequence[str] | None = None,
    controls: bool = False,
    check_counts: bool = True,
    seed: int = 0,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Principal components of counts, or of other values.

    Parameters
    ----------
    kind
        ``"rna"``, ``"protein"`` or ``"chromatin"``; ``"other"`` for :func:`smartcore.pp.features`,
        ``"embedding"`` for :func:`smartcore.pp.embedding`.
    parts
        Spots × features; matrices of different spots, one below the other. For objects whose
        features may differ a dict of such, by object.
    features
        Names of the features, by which controls are known; for a dict object → names: those that
        all share are used, peaks by genomic overlap.
    sections
        Shape (n_spots,): codes of the sections, over which variable genes are chosen, and within
        which features are centred and scaled.
    batches
        Shape (n_spots,): codes of the batches, within which features are centred and scaled
        instead.
    align_sections, n_comps, n_features, min_spots, clr, controls
        As for :mod:`smartcore.pp`, where ``n_features`` is called ``n_top_genes``; ``None``: the
        default there. Infinite ``n_features``: all.
    steps, check_counts, seed
        As for :mod:`smartcore.pp`; ``None``: the steps of the default there.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``components`` (n_measured, n_comps); ``measured``, the rows of the spots that have values; and
    ``n_features``: how many there were to start from.
    """
    functions: dict[str, Callable[..., object]] = {
        "rna": pp.rna,
        "protein": pp.protein,
        "chromatin": pp.chromatin,
        "other": pp.features,
        "embedding": pp.embedding,
    }
    if kind not in functions:
        raise ValueError(f"kind={kind!r} is not known; use one of {', '.join(functions)}.")
    given: dict[str, Any] = {"n_comps": n_comps}
    counted = kind not in _NOT_COUNTED
    if not counted:
        given["steps"] = steps
    elif kind == "protein":
        given["clr"] = clr
    else:
        given["min_spots"] = min_spots
    settings = {name: value for name, value in given.items() if value is not None}
    if kind == "rna" and n_features is not None:
        settings["n_top_genes"] = None if np.isinf(n_features) else n_features
    with relayed(notify):
        if isinstance(parts, Mapping):
            sections_given = {
                name: _named(_stacked(own), _names_of(features, name), counted=counted)
                for name, own in parts.items()
            }
            if kind == "embedding":
                check_dimensions(sections_given)
            adata = pp.join_sections(
                sections_given,
                by="overlap" if kind == "chromatin" else "name",
            )
        else:
            counts = _stacked(parts)
            # Names that repeat would be warned of, though nothing here goes by them.
            if features is not None and not controls:
                keep = no_controls(list(features), kind)
                counts = counts if keep.all() else counts[:, keep]
            names = None if counted or isinstance(features, Mapping) else features
            adata = _named(counts, names, counted=counted)
        if sections is not None:
            adata.obs[_keys.SECTION] = sections
            settings["section_key"] = _keys.SECTION
        if batches is not None:
            adata.obs[_keys.BATCH] = batches
            settings["batch_key"] = _keys.BATCH
        settings["align_sections"] = align_sections
        if kind in ("rna", "protein"):
            settings["controls"] = controls
        if counted:
            settings["check_counts"] = check_counts
        functions[kind](adata, seed=seed, **settings)
    x = np.asarray(adata.obsm[_keys.PCA])
    measured = ~np.isnan(x).any(axis=1)
    return {
        "components": x[measured],
        "measured": np.flatnonzero(measured).astype(np.int32),
        "n_features": adata.n_vars,
    }


def _named(values: sp.csr_matrix, features: Sequence[str] | None, *, counted: bool) -> AnnData:
    """Values with the names of their features; where messages name spots, numbered from 1."""
    var = None if features is None else pd.DataFrame(index=list(features))
    if counted:
        return AnnData(values, var=var)
    cells = pd.DataFrame(index=[f"cell {i}" for i in range(1, values.shape[0] + 1)])
    return AnnData(values, obs=cells, var=var)


def _names_of(features: Mapping[str, Sequence[str]] | Sequence[str] | None, name: str) -> list[str]:
    if not isinstance(features, Mapping):
        raise TypeError("features must be a dict object → names, as parts are.")
    return list(features[name])


def _stacked(parts: Sequence[sp.csr_matrix]) -> sp.csr_matrix:
    return parts[0] if len(parts) == 1 else sp.vstack(parts, format="csr")


@interruptible()
def run(
    features: Mapping[str, NDArray[np.floating]],
    rows: Mapping[str, NDArray[np.integer]],
    coords: NDArray[np.floating],
    sections: NDArray[np.integer] | None = None,
    batches: NDArray[np.integer] | None = None,
    *,
    preset: str = "robust",
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | None = None,
    checkpoint_seconds: float = 60.0,
    on_epoch: Callable[[int, int, float], object] | None = None,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Embed spots.

    Parameters
    ----------
    features
        Modality → (n_measured, d).
    rows
        Modality → (n_measured,): the row in ``coords`` of each spot of ``features``, from 0.
    coords
        Shape (n_spots, 2) or (n_spots, 3).
    sections
        Shape (n_spots,), codes that sort as the names of the sections do.
    batches
        Shape (n_spots,), the same of the batches; ``None``: the sections.
    preset, params, seed, device, checkpoint, checkpoint_seconds
        As for :func:`smartcore.integrate`; whole numbers in ``params`` may be floats.
    on_epoch
        Called after the first epoch, five times a second and after the last with the epoch's
        number, the most epochs there can be and the loss. ``True`` from it ends the training, as an
        interrupt does.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``embedding`` (n_spots, latent_dim); ``history``, ``params``, ``n_triplets``; ``directions`` and
    ``scales``, tables as dicts of columns; and ``contributions`` (n_spots, n_modalities), of
    :func:`smartcore.metrics.modality_correlation`.
    """
    changes = _whole_numbers(params or {})
    epochs = resolve_params(preset, changes).epochs
    n_spots = len(coords)
    aligned: dict[str, NDArray[np.floating]] = {}
    observed: dict[str, NDArray[np.bool_]] = {}
    for name, x in features.items():
        aligned[name] = np.full((n_spots, x.shape[1]), np.nan, np.result_type(x.dtype, np.float32))
        aligned[name][rows[name]] = x
        observed[name] = np.zeros(n_spots, bool)
        observed[name][rows[name]] = True

    report = Report(on_epoch, epochs) if on_epoch else None
    with relayed(notify):
        result = integrate(
            aligned,
            coords,
            sections=sections,
            batches=batches,
            observed=observed,
            preset=preset,
            seed=seed,
            device=device,
            callback=report,
            checkpoint=checkpoint,
            checkpoint_seconds=checkpoint_seconds,
            **changes,
        )
        if report:
            report.finish()
        logger.info("Contributions of the modalities to the embedding.")
        contributions = [
            _correlation(result.embedding, x, observed[name], seed) for name, x in aligned.items()
        ]
    plain = {k: v for k, v in result.params.plain().items() if v is not None}
    return {
        "embedding": result.embedding,
        "history": _columns(result.history.rename_axis("epoch").reset_index()),
        "params": {"preset": preset, "seed": seed, **plain},
        "n_triplets": result.n_triplets,
        "directions": _columns(result.directions),
        "scales": _columns(result.scales),
        "contributions": np.column_stack(contributions),
    }


@interruptible()
def cluster(
    embedding: NDArray[np.floating],
    n_clusters: int | None,
    method: str,
    *,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    resolution: float | None = None,
    seed: int = 0,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Cluster by a method other than mclust, which R calls itself.

    Parameters are those of :func:`smartcore.clustering.find_clusters`.

    Returns
    -------
    ``labels`` (n_spots,) from 0, the largest; ``n_pcs``; and where there are such ``resolution``,
    ``far`` and ``model``, the arrays of the mixture by name.
    """
    with relayed(notify):
        found = find_clusters(
            _narrow(embedding),
            n_clusters,
            method=method,
            n_pcs=n_pcs,
            n_neighbors=n_neighbors,
            resolution=resolution,
            seed=seed,
        )
    given = {
        "n_pcs": found.n_pcs,
        "resolution": found.resolution,
        "far": found.far,
        "model": None if found.mixture is None else found.mixture.arrays(),
    }
    return {"labels": found.labels} | {k: v for k, v in given.items() if v is not None}


@interruptible()
def choose(
    embedding: NDArray[np.floating],
    n_clusters: Sequence[int],
    method: str,
    *,
    n_pcs: NPcs = "auto",
    n_neighbors: int = 50,
    seed: int = 0,
    labels: Sequence[Sequence[NDArray[np.integer]] | str] | None = None,
    on_clustering: Callable[[int, int], object] | None = None,
    notify: Notify | None = None,
) -> dict[str, Any]:
    """Score numbers of clusters.

    Parameters
    ----------
    embedding, n_clusters, method, n_pcs, n_neighbors, seed
        As for :func:`smartcore.tl._n_clusters.score_n_clusters`.
    labels
        For each of the numbers, in increasing order, the labels of each part of
        :func:`choose_input`, or why there are none; ``None``: found here.
    on_clustering
        Called after each clustering with the number of those done and of all. ``True`` from it ends
        the comparison, as an interrupt does.
    notify
        Who hears of warnings and of what is logged.

    Returns
    -------
    ``table``, a dict of columns; ``criteria``, names of those among them that are criteria, and
    ``lower``, whether lower is better, of each; ``suggested``, the best number; and ``n_spots``,
    how many spots were compared.
    """
    x = _narrow(embedding)
    told = unless_ended(on_clustering) if on_clustering else None
    with relayed(notify):
        if labels is None:
            table = score_n_clusters(
                x,
                n_clusters,
                method=method,
                n_pcs=n_pcs,
                n_neighbors=n_neighbors,
                seed=seed,
                progress=False,
                callback=told,
            )
        else:
            drawn = draw(x, n_clusters, seed=seed)
            by_number = dict(zip(drawn.numbers, labels, strict=True))

            def labels_of(k: int, part: int) -> NDArray[np.int32]:
                found = by_number[k]
                if isinstance(found, str):
                    raise RuntimeError(found)
                return np.asarray(found[part], np.int32)

            z = reduce_embedding(drawn.x, resolve_n_pcs(n_pcs, method))
            table = score_labels(drawn, z, labels_of, method=method)
    criteria: dict[str, bool] = table.attrs["lower_is_better"]
    return {
        "table": _columns(table.reset_index()),
        "criteria": list(criteria),
        "lower": list(criteria.values()),
        "suggested": table.attrs["suggested"],
        "n_spots": table.attrs["n_spots"],
    }


@interruptible()
def choose_input(
    embedding: NDArray[np.floating],
    n_clusters: Sequence[int],
    method: str,
    n_pcs: NPcs = "auto",
    seed: int = 0,
) -> dict[str, Any]:
    """Return what R is to cluster so that :func:`choose` can compare numbers of clusters.

    Returns
    -------
    ``numbers``, in increasing order; and ``parts``: for each the array to cluster as it is, shape
    (n_rows, n_components).
    """
    drawn = draw(_narrow(embedding), n_clusters, seed=seed)
    z = reduce_embedding(drawn.x, resolve_n_pcs(n_pcs, method))
    parts = [z if rows is None else z[rows] for rows in drawn.parts]
    return {"numbers": drawn.numbers, "parts": parts}


@interruptible()
def mclust_input(
    embedding: NDArray[np.floating], n_clusters: int, n_pcs: NPcs = "auto", seed: int = 0
) -> dict[str, Any]:
    """Return what mclust is to cluster, just as ``cluster_embedding`` hands it over.

    Returns
    -------
    Either ``x``, shape (n_spots, n_components), ``order``, the spot of each of its rows, and
    ``partition``, clusters of these from 0 up to start from, of length 0 where there are none; or
    ``labels``, where there is nothing to fit. In either case ``n_pcs``, if there is a number.
    """
    x = check_embedding(_narrow(embedding))
    k = check_integer("n_clusters", n_clusters, 1, len(x), "the number of spots")
    kept = resolve_n_pcs(n_pcs, "mclust")
    used = {} if kept is None else {"n_pcs": kept}
    z = reduce_embedding(x, kept)
    if k == 1 or not z.shape[1] or distinct_rows(x, k + 1).max() < k:
        # One cluster, a cluster for each distinct spot, or too few spots: no method is asked.
        return {"labels": cluster_embedding(x, k, method="gmm", n_pcs=kept)} | used
    order = row_order(z)
    x, partition = _mclust.mclust_input(z[order], k, seed)
    start = np.array([] if partition is None else partition, dtype=np.int32)
    return {"x": x, "order": order.astype(np.int32), "partition": start} | used


def mclust_code() -> str:
    """Return R code whose value is the function that fits mclust's mixtures to such input."""
    return _mclust.mclust_code()


def by_size(
    labels: NDArray[np.integer], order: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """Renumber labels from 0, the largest cluster first; back from ``order`` where it is given."""
    given = np.asarray(labels)
    if order is None:
        return _by_size(given)
    back = np.empty_like(given)
    back[np.asarray(order)] = given
    return _by_size(back)


def _narrow(embedding: NDArray[np.floating]) -> NDArray[np.floating]:
    """Float32 where nothing is lost: R knows only float64, and rounding depends on the type."""
    x = np.asarray(embedding)
    # Whatever is not finite is for check_embedding to refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = x.astype(np.float32)
    return narrow if np.array_equal(narrow, x) else x


def _whole_numbers(params: Mapping[str, Any]) -> dict[str, Any]:
    """R's 300 is 300.0; what else is wrong with a value is for ``Params`` to say."""
    hints = get_type_hints(Params)

    def convert(name: str, value: Any) -> Any:
        hint = hints.get(name)
        takes_int = hint is int or int in get_args(hint)
        return int(value) if takes_int and isinstance(value, float) and value % 1 == 0 else value

    return {name: convert(name, value) for name, value in params.items()}


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    """A table as R takes it: text as lists, numbers as arrays."""
    return {
        str(name): column.to_numpy() if is_numeric_dtype(column) else column.tolist()
        for name, column in table.items()
    }


def _correlation(
    embedding: NDArray[np.float32],
    x: NDArray[np.floating],
    observed: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.float64]:
    if observed.sum() < _MIN_CORRELATED:
        return np.full(len(x), np.nan)
    return modality_correlation(embedding, {"": x}, n_reference=_N_REFERENCE, seed=seed)[
        ""
    ].to_numpy()
