"""The network: an encoder per modality, fusion into one embedding, a decoder per modality."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import orthogonal
from torch.nn.utils.parametrize import cached

from smartcore._files import UNREADABLE, write_whole
from smartcore.network.layers import GraphTensors, make_layer
from smartcore.params import Params
from smartcore.spatial.filters import SpatialFilter

_FORMAT = 4
# Before there were filters, and names of their parameters.
_UNFILTERED = 3
_OF_OLD = {"view": "features", "principal_axes": False}


@dataclass(frozen=True)
class Scaling:
    """What the features of a modality are centred and divided by.

    Attributes
    ----------
    center
        Shape (d,), float32.
    scale
        One number for all features.
    """

    center: NDArray[np.float32]
    scale: float

    @classmethod
    def of(cls, x: NDArray[np.floating], kind: str) -> Scaling:
        """Centre and root mean square of ``x`` (n_spots, d), or 0 and 1 for ``kind="none"``."""
        if kind == "none":
            return cls(np.zeros(x.shape[1], np.float32), 1.0)
        x = x.astype(np.float64)
        center = x.mean(axis=0)
        rms = float(np.sqrt(np.mean((x - center) ** 2)))
        # A modality that says nothing stays at zero instead of becoming noise.
        scale = rms if rms > 1e-12 * np.abs(x).max() else 1.0
        return cls(center.astype(np.float32), float(np.float32(scale)))

    def apply(self, x: NDArray[np.floating]) -> NDArray[np.float32]:
        """``x`` in this scale."""
        return ((x - self.center) / self.scale).astype(np.float32)


class _GraphStack(nn.Module):
    """Graph layers, each with or without a ReLU and a scaling to length 1 behind it."""

    def __init__(self, name: str, widths: Sequence[int], relu: Sequence[bool], l2: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            make_layer(name, n_in, n_out) for n_in, n_out in pairwise(widths)
        )
        self.relu = list(relu)
        self.l2 = l2

    def forward(self, x: Tensor, graph: GraphTensors, around: Tensor | None = None) -> Tensor:
        """``around``: the mean of ``x`` over each spot's neighbours, where it is known."""
        for i, (layer, relu) in enumerate(zip(self.layers, self.relu, strict=True)):
            x = layer(x, graph, around) if around is not None and i == 0 else layer(x, graph)
            if relu:
                x = functional.relu(x)
            if self.l2:
                x = functional.normalize(x, dim=-1)
        return x


class _LinearDecoder(nn.Linear):
    def forward(self, z: Tensor, graph: GraphTensors) -> Tensor:  # type: ignore[override]
        return super().forward(z)


class _Decoders(nn.ModuleList):
    """A decoder of its own for each modality."""

    def forward(self, z: Tensor, graph: GraphTensors) -> list[Tensor]:
        return [decoder(z, graph) for decoder in self]

    def seen(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        return weight, bias

    def linear_map(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of linear decoders, all modalities one below the other."""
        linear = [module for module in self if isinstance(module, nn.Linear)]
        return torch.cat([d.weight for d in linear]), torch.cat([d.bias for d in linear])

    def set_linear(self, matrix: Tensor, bias: Tensor) -> None:
        """Weights of linear decoders, for all modalities one below the other."""
        linear = [module for module in self if isinstance(module, nn.Linear)]
        sizes = [decoder.out_features for decoder in linear]
        for decoder, w, b in zip(linear, matrix.split(sizes), bias.split(sizes), strict=True):
            decoder.weight.copy_(w)
            decoder.bias.copy_(b)


class _IsometricDecoders(nn.Module):
    """One orthonormal matrix that turns Z to the features of all modalities."""

    def __init__(self, width: int, n_features: Sequence[int]) -> None:
        super().__init__()
        self.n_features = list(n_features)
        self.linear = orthogonal(nn.Linear(width, sum(self.n_features)))

    def forward(self, z: Tensor, graph: GraphTensors) -> list[Tensor]:
        return list(self.linear(z).split(self.n_features, dim=1))

    def linear_map(self) -> tuple[Tensor, Tensor]:
        """Weight and bias."""
        return self.linear.weight, self.linear.bias  # type: ignore[return-value]

    def set_linear(self, matrix: Tensor, bias: Tensor) -> None:
        """Weights; rows or columns of ``matrix``, whichever are fewer, are orthonormal."""
        self.linear.weight = matrix
        self.linear.bias = nn.Parameter(bias)

    def seen(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias of a linear layer to the part of Z that is decoded.

        That is all of Z, unless it is wider than the features.
        """
        matrix: Tensor = self.linear.weight  # type: ignore[assignment]
        if matrix.shape[0] >= matrix.shape[1]:
            return weight, bias
        part = matrix.T @ matrix
        return part @ weight, part @ bias


class SMART(nn.Module):
    """SMART's network (Du et al. 2026, Fig. 1 and Methods).

    Parameters
    ----------
    n_features
        Modality → number of features; its order is that of the fusion layer.
    params
        Those that shape the network: encoder, decoder, n_layers, latent_dim, relu, l2,
        trainable, scale.
    filters
        Modality → the filter that its features pass before the encoder; ``None``: they pass none.
    seed
        Of the initial weights. The global generator is left as it was.
    """

    def __init__(
        self,
        n_features: Mapping[str, int],
        params: Params,
        *,
        filters: Mapping[str, SpatialFilter] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.params = params
        self.n_features = dict(n_features)
        self.filters = None if filters is None else dict(filters)
        width, depth = params.latent_dim, params.n_layers
        hidden = [params.relu != "none"] * (depth - 1)
        # Made on the CPU, whatever a program's default device is: weights hang on the seed alone.
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):
            # torch.manual_seed would seed the GPUs, too.
            torch.default_generator.manual_seed(seed)
            self.encoders = nn.ModuleList(
                _GraphStack(
                    params.encoder,
                    [d] + [width] * depth,
                    [*hidden, params.relu == "all"],
                    params.l2 != "none",
                )
                for d in self.widths.values()
            )
            self.fusion = nn.Linear(width * len(self.n_features), width)
            self.decoders = self._make_decoders(hidden)
        if params.trainable == "fusion":
            self.encoders.requires_grad_(False)
            self.decoders.requires_grad_(False)
        for i, d in enumerate(self.n_features.values()):
            self.register_buffer(f"center_{i}", torch.zeros(d, device="cpu"))
            self.register_buffer(f"scale_{i}", torch.ones((), device="cpu"))

    def _make_decoders(self, hidden: Sequence[bool]) -> _Decoders | _IsometricDecoders:
        params, widths = self.params, self.widths.values()
        width = params.latent_dim
        if params.decoder == "isometric":
            return _IsometricDecoders(width, list(widths))
        if params.decoder == "linear":
            return _Decoders(_LinearDecoder(width, d) for d in widths)
        through = [width] * params.n_layers
        return _Decoders(
            _GraphStack(params.encoder, [*through, d], [*hidden, False], params.l2 == "all")
            for d in widths
        )

    @property
    def modalities(self) -> list[str]:
        """Names of the modalities, in the order of encoders and decoders."""
        return list(self.n_features)

    @property
    def widths(self) -> dict[str, int]:
        """Modality → columns that its encoder takes and its decoder gives."""
        if self.filters is None:
            return self.n_features
        return {name: self.filters[name].width for name in self.n_features}

    def set_scaling(self, scaling: Mapping[str, Scaling]) -> None:
        """Keep what features are centred and divided by."""
        for i, name in enumerate(self.modalities):
            getattr(self, f"center_{i}").copy_(torch.from_numpy(scaling[name].center))
            getattr(self, f"scale_{i}").fill_(scaling[name].scale)

    def standardize(self, features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """``features`` as float32 in the scale that the network was fitted in."""
        return {
            name: Scaling(
                getattr(self, f"center_{i}").cpu().numpy(), getattr(self, f"scale_{i}").item()
            ).apply(features[name])
            for i, name in enumerate(self.modalities)
        }

    @property
    def takes_around(self) -> bool:
        """Whether the first layer can be given the means over neighbours of its input."""
        return self.params.encoder == "sage"

    def hops(self, *, decode: bool) -> int:
        """How far from a spot the spots are that its Z (or decoded values) depend on.

        Of the inputs and, where the network :attr:`takes_around`, their means over neighbours.
        """
        decoder = decode and self.params.decoder == "graph"
        return self.params.n_layers * (1 + decoder) - self.takes_around

    def encode(
        self,
        features: Sequence[Tensor],
        graph: GraphTensors,
        around: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Standardized features, each (n_spots, n_features), to Z (n_spots, latent_dim).

        ``around``: their means over neighbours, a constant of the training (``takes_around``).
        """
        units = self.encode_apart(features, graph, around)
        return functional.linear(units, *self.decoders.seen(self.fusion.weight, self.fusion.bias))

    def encode_apart(
        self,
        features: Sequence[Tensor],
        graph: GraphTensors,
        around: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """What the fusion layer is given, shape (n_spots, latent_dim · modalities)."""
        means: Sequence[Tensor | None] = around or [None] * len(features)
        parts = [e(x, graph, m) for e, x, m in zip(self.encoders, features, means, strict=True)]
        return torch.cat(parts, dim=1)

    def forward(
        self,
        features: Sequence[Tensor],
        graph: GraphTensors,
        around: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Z (n_spots, latent_dim), and what each decoder makes of it."""
        with cached():
            z = self.encode(features, graph, around)
            return z, self.decoders(z, graph)

    def turn(self, axes: NDArray[np.float32], *, seed: int = 0) -> None:
        """Turn Z to new axes, and the decoder with it, so that decoded values stay as they are.

        Parameters
        ----------
        axes
            Orthonormal columns, shape (latent_dim, latent_dim).
        seed
            Of the part of an isometric decoder's parameters that nothing depends on.
        """
        home = self.fusion.weight.device
        # A GPU would complete an orthonormal matrix by its own global generator.
        self.cpu()
        turned = torch.from_numpy(axes)
        with torch.no_grad():
            weight, bias = self.decoders.seen(self.fusion.weight, self.fusion.bias)
            self.fusion.weight.copy_(turned.T @ weight)
            self.fusion.bias.copy_(turned.T @ bias)
            with torch.random.fork_rng(devices=[]):
                # An orthonormal matrix is completed to a square one at random.
                torch.default_generator.manual_seed(seed)
                matrix, offset = self.decoders.linear_map()
                self.decoders.set_linear(matrix @ turned, offset)
        self.to(home)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights, scales and parameters to ``path``, whole or not at all."""
        content = {
            "format": _FORMAT,
            "n_features": self.n_features,
            "params": self.params.plain(),
            "filters": self._plain_filters(),
            "state": self.state_dict(),
        }
        write_whole(content, path)

    def _plain_filters(self) -> dict[str, dict[str, Tensor]] | None:
        if self.filters is None:
            return None
        return {
            name: {key: torch.from_numpy(np.array(x)) for key, x in one.arrays().items()}
            for name, one in self.filters.items()
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SMART:
        """Read what :meth:`save` wrote.

        Raises
        ------
        ValueError
            If the file is not a saved model.
        """
        try:
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            if content["format"] == _UNFILTERED:
                content["params"] |= _OF_OLD
                content["filters"] = None
            elif content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}, not {_FORMAT}")
            model = cls(
                content["n_features"],
                Params(**content["params"]),
                filters=_filters_of(content["filters"]),
            )
            model.load_state_dict(content["state"])
        except UNREADABLE as err:
            raise ValueError(
                f"{os.fspath(path)!r} is not a model saved by smartcore: {err}"
            ) from err
        return model.eval()


def _filters_of(
    content: Mapping[str, Mapping[str, Tensor]] | None,
) -> dict[str, SpatialFilter] | None:
    """Filters from what a file holds of them."""
    if content is None:
        return None
    return {
        name: SpatialFilter.from_arrays({key: x.numpy() for key, x in arrays.items()})
        for name, arrays in content.items()
    }
