"""Does training help? Molecules held out of the counts say so."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from mudata import MuData
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

from smartcore import _keys, pp
from smartcore.given.feature_types import kind_of_modality
from smartcore.integration import choose_device
from smartcore.params import check_number
from smartcore.preparation import Prepared, prepare
from smartcore.tl._matching import match_mudata, to_mudata
from smartcore.training.embedding import encode
from smartcore.training.loop import train

logger = logging.getLogger(__name__)

Preprocess = Callable[[AnnData], object]

EPOCHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 300)
_FOLDS = 5
# R² that training must add, before it is said to have helped.
_LEAST = 1e-3


def held_out_molecules(
    data: AnnData | MuData | Mapping[str, AnnData],
    *,
    preset: str = "robust",
    max_epochs: int = 50,
    spatial_key: str = _keys.SPATIAL,
    section_key: str | None = None,
    preprocess: Mapping[str, Preprocess] | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    **params: Any,
) -> pd.DataFrame:
    """Measure after how many epochs the embedding predicts best what it has not seen.

    The molecules of every spot are split into two halves at random, which are independent given
    what the spot expresses (count splitting [1]_). One half is preprocessed and embedded, before
    any training and again after 1, 2, 5, 10, 20, 50 … epochs. From each embedding the principal
    components of the other half are predicted by ridge regression, for each fifth of the spots from
    the other four fifths. An epoch is of use only while this prediction becomes better. No labels
    are needed. The number tells whether training helps one preset on one set of data. It does not
    compare presets: what sets a single spot apart, such as its cell type, counts in it, too.

    Parameters
    ----------
    data
        Raw counts in ``X``: MuData, a dict modality → AnnData, or one AnnData, which is taken as
        RNA. It is not changed.
    preset, device
        As for :func:`smartcore.tl.smart`.
    max_epochs
        Epochs to train for.
    spatial_key, section_key
        As for :func:`smartcore.tl.smart`.
    preprocess
        Modality → function that writes ``obsm["X_pca"]`` of an AnnData of counts, such as
        ``functools.partial(smartcore.pp.rna, n_top_genes=2000)``. Other modalities are
        preprocessed by the function of :mod:`smartcore.pp` that their name says.
    seed
        Of the split, the training and the folds.
    progress
        Show a progress bar.
    **params
        Changes to the preset, as for :func:`smartcore.tl.smart`.

    Returns
    -------
    A row for each number of epochs, the index ``epoch``; 0 is the start. Column ``held_out``: the
    explained share of the variance of the held-out components (R²), the mean over modalities; and
    a column for each modality. The log says which number of epochs is best. A warning says so
    where training did not help, or where the embedding predicts no better than the mean.

    Raises
    ------
    ValueError
        If there are no counts, or a modality's name does not say how it is preprocessed.
    KeyError
        If there are no coordinates.

    References
    ----------
    .. [1] Neufeld et al., "Inference after latent variable estimation for single-cell RNA
       sequencing data", Biostatistics 25, 270 (2023).

    Examples
    --------
    >>> import warnings
    >>> import smartcore as sm
    >>> mdata = sm.datasets.tri_omics((12, 12))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     table = sm.tl.held_out_molecules(mdata, max_epochs=2, progress=False)
    >>> list(table.index), list(table.columns)
    ([0, 1, 2], ['held_out', 'rna', 'protein', 'chromatin'])
    """
    max_epochs = check_number("max_epochs", max_epochs, 1, float("inf"), True)
    seed = check_number("seed", seed, 0, 2**32 - 1, True)
    if not isinstance(data, AnnData | MuData | Mapping):
        raise TypeError(
            "data must be a MuData, an AnnData or a dict modality → AnnData, of raw counts, not "
            f"{type(data).__name__}; sections go in one object, with section_key."
        )
    if "epochs" in params:
        raise TypeError("epochs cannot be given here: use max_epochs.")
    given = {"rna": data} if isinstance(data, AnnData) else data
    whole = given if isinstance(given, MuData) else to_mudata(given)
    rng = np.random.default_rng(seed)
    if unknown := sorted(set(preprocess or ()) - set(whole.mod)):
        raise KeyError(f"preprocess names {unknown}; the modalities are {list(whole.mod)}.")
    steps = {name: _preprocess(name, preprocess) for name in whole.mod}
    seen, unseen = _halves(whole, rng, spatial_key, section_key)
    for name, step in steps.items():
        logger.info("Preprocessing both halves of the molecules of %s.", name)
        step(seen.mod[name])
        step(unseen[name])
    matched = match_mudata(seen, None, spatial_key, section_key, None).kept(in_tissue=True)
    target = choose_device(device)
    prepared = prepare(
        matched.features,
        matched.coords,
        matched.sections,
        matched.batches,
        matched.observed,
        None,
        preset,
        params | {"epochs": max_epochs},
        seed,
        target,
    )
    names = seen.obs_names[matched.inside]
    held = {
        name: pd.DataFrame(adata.obsm[_keys.PCA], index=adata.obs_names)
        .reindex(names)
        .to_numpy()[prepared.order]
        for name, adata in unseen.items()
    }
    table = _course(prepared, held, seed, target, progress)
    _tell(table)
    return table


def _preprocess(name: str, given: Mapping[str, Preprocess] | None) -> Preprocess:
    if given is not None and name in given:
        return given[name]
    kind = kind_of_modality(name)
    if kind is None:
        raise ValueError(
            f"The name of modality {name!r} does not say how its counts are preprocessed. Give "
            f"preprocess={{{name!r}: function}}, a function that writes obsm['X_pca']."
        )
    return partial(getattr(pp, kind), progress=False)


def _halves(
    data: MuData, rng: np.random.Generator, spatial_key: str, section_key: str | None
) -> tuple[MuData, dict[str, AnnData]]:
    """Two halves of the molecules, without anything else but places and sections."""
    seen: dict[str, AnnData] = {}
    unseen: dict[str, AnnData] = {}
    for name, adata in data.mod.items():
        counts = sp.csr_matrix(adata.X)
        values = counts.data
        wrong = ~np.isfinite(values) | (values < 0) | (values != np.round(values))
        if wrong.any():
            raise ValueError(
                f"X of modality {name!r} holds values that are no counts, such as "
                f"{values[wrong][0]:g}. Molecules can be split in raw counts only: put them in X."
            )
        first = counts.copy()
        first.data = rng.binomial(values.astype(np.int64), 0.5).astype(np.float32)
        obs = adata.obs[[c for c in (section_key, "in_tissue") if c in adata.obs]]
        obsm = {spatial_key: adata.obsm[spatial_key]} if spatial_key in adata.obsm else {}
        for half, x in ((seen, first), (unseen, sp.csr_matrix(counts - first))):
            half[name] = AnnData(x, obs=obs.copy(), var=adata.var.copy(), obsm=dict(obsm))
    half = MuData(seen)
    if section_key in data.obs and section_key not in half.obs:
        half.obs[section_key] = data.obs[section_key]
    if spatial_key in data.obsm and spatial_key not in half.obsm:
        half.obsm[spatial_key] = data.obsm[spatial_key]
    return half, unseen


def _course(
    prepared: Prepared,
    held: Mapping[str, NDArray[np.floating]],
    seed: int,
    device: Any,
    progress: bool,
) -> pd.DataFrame:
    task, model, rows = prepared.task, prepared.model, {}
    last = prepared.settings.epochs
    looked_at = {*(e for e in EPOCHS if e < last), last}

    def look(epoch: int, losses: object = None) -> None:
        if epoch in looked_at:
            z = encode(model, task.inputs, task.around, task.halo, task.tiles, device)
            model.train()
            rows[epoch] = {name: told(z, x, seed) for name, x in held.items()}

    model.to(device)
    look(0)
    settings = replace(prepared.settings, stop_slope=0.0)
    train(model, task, settings, seed=seed, device=device, callback=look, progress=progress)
    table = pd.DataFrame(rows).T
    table.insert(0, "held_out", table.mean(axis=1))
    return table.rename_axis("epoch")


def told(z: NDArray[np.floating], held: NDArray[np.floating], seed: int) -> float:
    """R² of held-out components (n_spots, r), of which rows may be NaN, from ``z`` (n_spots, f)."""
    there = ~np.isnan(held).any(axis=1)
    x, y = z[there].astype(np.float64), held[there].astype(np.float64)
    y = y - y.mean(axis=0)
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    guess = cross_val_predict(Ridge(1.0), x / (x.std() or 1), y, cv=folds)
    return float(1 - np.sum((y - guess) ** 2) / (np.sum(y**2) or 1))


def _tell(table: pd.DataFrame) -> None:
    course = table["held_out"]
    best, start = int(course.idxmax()), float(course.loc[0])
    logger.info(
        "The embedding explains %.1f %% of the variance of the held-out molecules before training, "
        "and %.1f %% after %d epochs, which is the most.",
        100 * start,
        100 * course.loc[best],
        best,
    )
    if course.max() <= 0:
        warnings.warn(
            "The embedding predicts held-out molecules no better than their mean: it holds nothing "
            "that repeats. Check the counts, their preprocessing and the parameters.",
            stacklevel=3,
        )
    elif course.loc[best] < start + _LEAST:
        warnings.warn(
            f"Training does not help: the embedding predicts held-out molecules with R² = "
            f"{start:.4f} before it, {course.loc[best]:.4f} at best, after {best} epochs, and "
            f"{course.iloc[-1]:.4f} after {course.index[-1]} epochs.",
            stacklevel=3,
        )
