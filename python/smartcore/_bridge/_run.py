"""The embedding, for R."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartcore._bridge._values import columns_of, whole_numbers
from smartcore._feedback import Notify, Report, interruptible, relayed
from smartcore.integration import integrate
from smartcore.metrics import modality_correlation
from smartcore.params import resolve_params

logger = logging.getLogger("smartcore")

_MIN_CORRELATED = 4
_N_REFERENCE = 1000
"""Spots that distances are taken to: enough for a correlation to within 0.03, and quick."""


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
    changes = whole_numbers(params or {})
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
        "history": columns_of(result.history.rename_axis("epoch").reset_index()),
        "params": {"preset": preset, "seed": seed, **plain},
        "n_triplets": result.n_triplets,
        "directions": columns_of(result.directions),
        "scales": columns_of(result.scales),
        "contributions": np.column_stack(contributions),
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
