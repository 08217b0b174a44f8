"""The embedding on AnnData and MuData."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from mudata import MuData
from numpy.typing import NDArray

from smartcore import _keys
from smartcore.integration import Integration, integrate
from smartcore.tl._forgotten import warn_of_forgotten_sections
from smartcore.tl._matching import Matched, match_anndata, match_mudata
from smartcore.tl._units import Given, Units, match_units, units_of
from smartcore.training.checkpoint import Checkpoint
from smartcore.training.distributed import is_first
from smartcore.training.loop import Callback


def smart(
    data: Given,
    *,
    reps: str | Mapping[str, str] | None = None,
    spatial_key: str = _keys.SPATIAL,
    section_key: str | None = None,
    batch_key: str | None = None,
    preset: str = "robust",
    n_neighbors: int | None = None,
    regions: float | None = None,
    in_tissue: bool = True,
    check_names: bool = True,
    key_added: str = _keys.RESULT,
    seed: int = 0,
    device: str = "auto",
    callback: Callback | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    checkpoint_seconds: float = 60.0,
    distributed: bool = False,
    save_model: str | os.PathLike[str] | None = None,
    copy: bool = False,
    **params: Any,
) -> Any:
    """Embed the spots of a tissue from all their modalities and their places.

    Spots are matched by name, in any order; a spot that some modalities lack is embedded from
    those it has.

    Parameters
    ----------
    data
        MuData; a dict modality → AnnData; or one AnnData, of one modality or of several (see
        ``reps``). Names of spots are unique within a modality. For several sections also a list
        or dict (section → …) of such objects, all of one kind, with components that
        :mod:`smartcore.pp` found for all together; a section may lack a modality, and sections
        may use the same names of spots. A dict of AnnData is one of modalities, unless
        :mod:`smartcore.pp` was given it as one of sections.
    reps
        Key in ``obsm`` of the features, for all modalities or for each; ``None``: ``"X_pca"``,
        as :mod:`smartcore.pp` writes it. For one AnnData with several modalities a dict modality
        → key. Rows that are wholly NaN count as not measured.
    spatial_key
        Key in ``obsm`` of the coordinates, (n_spots, 2) or (n_spots, 3). For MuData the joint
        ``obsm`` comes first, then those of the modalities, which must agree.
    section_key
        Column in ``obs`` with the section of each spot, found in the same way; ``None``: one
        section, or one for each object of a list.
    batch_key
        Column in ``obs`` with the batch of each spot, such as its slide, run or donor, between
        which Harmony takes batch effects out, found in the same way; of a list each object has it.
        ``None``: the section.
    preset
        ``"robust"``, ``"robust-0.1"`` (the default of version 0.1), ``"paper"`` or
        ``"published"``; see :data:`smartcore.PRESETS`.
    n_neighbors
        Spatial neighbours; ``None``: 4 or 6, from the layout; 0: none.
    regions
        What domains are to be, from 0 to 1. 1: regions of tissue, for which spots are averaged
        with their surroundings, as widely as the data ask for. 0: kinds of spots or cells,
        wherever these lie; spots are not averaged. A number between them is a compromise.
        ``None``: the preset's, 1. Presets other than ``"robust"`` have no such choice.
    in_tissue
        Leave out spots that ``obs["in_tissue"]`` marks by 0, as those measured in no modality are
        left out: their rows of the embedding are NaN, and :func:`smartcore.tl.cluster` gives them
        no domain. False embeds the former, too, if they have features.
    check_names
        Refuse modalities of which each has spots that the other lacks, where names with another
        prefix or suffix would match more. False takes the names as they are.
    key_added
        The embedding goes to ``obsm["X_" + key_added]``, all else to ``uns[key_added]``.
    seed, device, callback, progress, checkpoint, checkpoint_seconds, distributed, **params
        As for :func:`smartcore.integrate`.
    save_model
        File for the fitted network; :meth:`smartcore.SMART.load` reads it.
    copy
        Return a changed copy instead of changing ``data``.

    Returns
    -------
    ``None``, or the copy. For a dict always a MuData that holds its AnnDatas, which stay as
    they are, with the joint coordinates. It has ``obsm["X_smart"]`` (n_spots, latent_dim) float32,
    ``obsp["smart_connectivities"]`` (the spatial graph) and ``uns["smart"]`` (parameters,
    history, directions and scales as of :class:`smartcore.Integration`, versions). Of several
    objects each has its spots' part, and copies come as
    a list or dict, as the objects were given.

    Raises
    ------
    KeyError
        If a key is not there; the message lists those that are.
    ValueError
        If spots cannot be matched or placed, or as :func:`smartcore.integrate`. ``data`` is then
        as it was, as it is after an interrupt.
    TypeError
        For other containers.

    References
    ----------
    Du et al., Nat Commun 17, 2876 (2026).

    Examples
    --------
    >>> import smartcore as sm
    >>> mdata = sm.datasets.tri_omics((12, 12))
    >>> sm.pp.rna(mdata["rna"], n_comps=10)
    >>> sm.pp.protein(mdata["protein"], n_comps=10)
    >>> sm.pp.chromatin(mdata["chromatin"], n_comps=10)
    >>> sm.tl.smart(mdata, epochs=20, progress=False)
    >>> mdata.obsm["X_smart"].shape
    (144, 64)
    """
    units = units_of(data)
    matched = match_units(
        units,
        lambda one: (
            match_anndata(one, reps, spatial_key, section_key, batch_key)
            if isinstance(one, AnnData)
            else match_mudata(
                one,
                _reps_there(reps, one, units),
                spatial_key,
                section_key,
                batch_key,
                check_names=check_names,
            )
        ),
    )
    coords = matched.coords
    if matched.sections is None:
        warn_of_forgotten_sections(next(iter(units.objects.values())), coords, batch_key)
    matched = matched.kept(in_tissue=in_tissue)
    if save_model is not None:
        _check_path(save_model)
    if not isinstance(key_added, str) or not key_added:
        raise TypeError(f"key_added={key_added!r} must be a string, such as 'smart'.")
    for one in units.objects.values():
        if one.isbacked and (isinstance(one, MuData) if copy else one.is_view):
            raise ValueError(
                "A backed MuData cannot be copied, a view of backed data not written to: load it "
                "into memory first."
            )
    if own := sorted({"adjacency", "batches", "observed", "sections"} & set(params)):
        raise TypeError(
            f"{', '.join(own)} cannot be given here, where spots are matched by name: use "
            "section_key, batch_key, rows of NaN, or smartcore.integrate on arrays."
        )
    if n_neighbors is not None:
        params["n_neighbors"] = n_neighbors
    if regions is not None:
        params["regions"] = regions
    result = integrate(
        matched.features,
        matched.coords,
        sections=matched.sections,
        batches=matched.batches,
        observed=matched.observed,
        preset=preset,
        seed=seed,
        device=device,
        callback=callback,
        progress=progress,
        checkpoint=checkpoint,
        checkpoint_seconds=checkpoint_seconds,
        distributed=distributed,
        **params,
    )
    if save_model is not None and is_first():
        result.model.save(save_model)
    made = units.made
    if copy:
        units = units.copies()
    embedding, graph = _over_all(result, matched.inside)
    for one, rows in units.places():
        if made:
            one.obsm[spatial_key] = coords[rows]
        one.obsm[f"X_{key_added}"] = embedding[rows]
        one.obsp[f"{key_added}_connectivities"] = graph[rows, rows]
        one.uns[key_added] = _record(result, matched, batch_key, preset, seed)
    return units.out()


def _over_all(
    result: Integration, kept: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], sp.csr_matrix]:
    """Embedding and graph over all spots, where some were left out."""
    n = len(kept)
    if len(result.embedding) == n:
        return result.embedding, result.graph
    rows = np.flatnonzero(kept)
    embedding = np.full((n, result.embedding.shape[1]), np.nan, result.embedding.dtype)
    embedding[rows] = result.embedding
    graph = sp.coo_matrix(result.graph)
    graph = sp.csr_matrix((graph.data, (rows[graph.row], rows[graph.col])), shape=(n, n))
    return embedding, graph


def _reps_there(
    reps: str | Mapping[str, str] | None, mdata: MuData, units: Units
) -> str | Mapping[str, str] | None:
    """``reps`` of the modalities that a section has; all of them must be in some section."""
    if units.form is None or not isinstance(reps, Mapping):
        return reps
    known = dict.fromkeys(m for one in units.objects.values() for m in one.mod)
    if unknown := sorted(set(reps) - set(known)):
        raise KeyError(f"reps names {unknown}; the modalities are {list(known)}.")
    return {m: key for m, key in reps.items() if m in mdata.mod}


def _check_path(path: str | os.PathLike[str]) -> None:
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise ValueError(f"save_model={os.fspath(path)!r}: there is no such folder.")
    if Path(path).is_dir():
        raise ValueError(f"save_model={os.fspath(path)!r} is a folder; name a file in it.")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"save_model={os.fspath(path)!r}: the folder cannot be written to.")


def _record(
    result: Integration, matched: Matched, batch_key: str | None, preset: str, seed: int
) -> dict[str, Any]:
    """What goes to ``uns``: only what h5ad and h5mu can hold."""
    plain = {k: v for k, v in result.params.plain().items() if v is not None}
    groups: dict[str, Any] = {} if batch_key is None else {"batch_key": batch_key}
    for one, many, values in (
        ("section", "sections", matched.sections),
        ("batch", "batches", matched.batches),
    ):
        if values is not None:
            names, sizes = np.unique(values.astype(str), return_counts=True)
            groups |= {many: names.astype(object), f"{one}_sizes": sizes}
    return {
        "params": {"preset": preset, "seed": seed, **plain},
        "history": {
            "epoch": result.history.index.to_numpy(),
            **{name: column.to_numpy() for name, column in result.history.items()},
        },
        "modalities": np.array(list(matched.features)),
        "reps": matched.reps,
        "n_observed": {name: int(mask.sum()) for name, mask in matched.observed.items()},
        "n_triplets": result.n_triplets,
        "directions": result.directions,
        "scales": result.scales,
        "version": version("spatialsmart"),
        **groups,
    }
