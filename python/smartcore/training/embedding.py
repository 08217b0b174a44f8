"""The embedding of all spots by a network, and its principal axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from smartcore.network.model import SMART
from smartcore.training.tiles import Halo, Tiles


def encode(
    model: SMART,
    inputs: Sequence[NDArray[np.float32]],
    around: Sequence[NDArray[np.float32]] | None,
    halo: Halo,
    tiles: Tiles,
    device: torch.device,
) -> NDArray[np.float32]:
    """Z of all spots, shape (n_spots, latent_dim)."""
    z = np.empty((len(inputs[0]), model.params.latent_dim), np.float32)
    for spots, own in _parts(model, inputs, around, halo, tiles, device):
        z[spots] = own
    return z


def principal_axes(
    model: SMART,
    inputs: Sequence[NDArray[np.float32]],
    around: Sequence[NDArray[np.float32]] | None,
    halo: Halo,
    tiles: Tiles,
    device: torch.device,
) -> NDArray[np.float32]:
    """Principal axes of Z over all spots, in columns, most variance first.

    The entry of each axis that is largest in magnitude is positive.

    Returns
    -------
    An orthonormal matrix, shape (latent_dim, latent_dim).
    """
    width = model.params.latent_dim
    sums, products = np.zeros(width), np.zeros((width, width))
    for _, own in _parts(model, inputs, around, halo, tiles, device):
        z = own.astype(np.float64)
        sums += z.sum(axis=0)
        products += z.T @ z
    n = len(inputs[0])
    axes = np.linalg.eigh(products / n - np.outer(sums, sums) / n**2)[1][:, ::-1]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(width)]
    return (axes * np.sign(largest)).astype(np.float32)


def _parts(
    model: SMART,
    inputs: Sequence[NDArray[np.float32]],
    around: Sequence[NDArray[np.float32]] | None,
    halo: Halo,
    tiles: Tiles,
    device: torch.device,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Spots and their Z, as many at a time as a step of the training has."""
    model.eval()
    with torch.inference_mode():
        for spots in tiles.once():
            part = halo.part(spots, model.hops(decode=False), device)
            means = None if around is None else [part.take(x) for x in around]
            own = model.encode([part.take(x) for x in inputs], part.graph, means)
            yield spots, part.of_core(own).cpu().numpy()
