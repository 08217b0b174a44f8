"""Graph convolutions by name, and the graph in the form they take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GATv2Conv, GCNConv, GraphConv, SAGEConv

from smartcore.spatial.graph import neighbor_mean
from smartcore.spatial.tensors import csr_tensor


@dataclass(frozen=True)
class GraphTensors:
    """A spatial graph on a device, or the part of it around some spots.

    Attributes
    ----------
    mean, mean_transposed
        Sparse (n_spots, n_spots): times X, the mean over each spot's neighbours; and its
        transpose, for the backward pass.
    degree
        Shape (n_spots,): the number of neighbours that each spot has in the whole graph.
    """

    mean: Tensor
    mean_transposed: Tensor
    degree: Tensor

    @classmethod
    def from_scipy(cls, graph: sp.csr_matrix, device: torch.device | str = "cpu") -> GraphTensors:
        """From a graph as :func:`smartcore.spatial.graph.spatial_graph` makes it."""
        mean = neighbor_mean(graph)
        return cls.from_mean(mean, np.diff(mean.indptr), device)

    @classmethod
    def from_mean(
        cls, mean: sp.csr_matrix, degree: NDArray[np.integer], device: torch.device | str = "cpu"
    ) -> GraphTensors:
        """From rows of :func:`smartcore.spatial.graph.neighbor_mean` and their degrees."""
        mean.sort_indices()
        return cls(
            csr_tensor(mean).to(device),
            csr_tensor(sp.csr_matrix(mean.T)).to(device),
            torch.from_numpy(degree.astype(np.float32)).to(device),
        )

    @cached_property
    def edge_index(self) -> Tensor:
        """Shape (2, n_edges): sending spots, receiving spots."""
        start = self.mean.crow_indices()
        receiving = torch.arange(len(start) - 1, device=start.device)
        return torch.stack([self.mean.col_indices(), receiving.repeat_interleave(start.diff())])


class _NeighborMean(torch.autograd.Function):
    """Sparse times dense, without a message per edge and with the transpose at hand."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: GraphTensors) -> Tensor:
        ctx.graph = graph
        return graph.mean @ x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.graph.mean_transposed @ grad.contiguous(), None


class SAGE(SAGEConv):
    """PyG's ``SAGEConv`` with mean aggregation, computed without a message per edge.

    Same parameters, same result: W_l · mean_neighbours(x) + b + W_r · x (Hamilton et al. 2017).
    """

    def forward(self, x: Tensor, graph: GraphTensors, around: Tensor | None = None) -> Tensor:
        """``x`` (n_spots, in_channels) to (n_spots, out_channels).

        ``around`` is the mean over each spot's neighbours, where that is known already.
        """
        if around is not None:
            neighbors = self.lin_l(around)
        elif self.out_channels < self.in_channels:
            neighbors = _NeighborMean.apply(x @ self.lin_l.weight.T, graph) + self.lin_l.bias
        else:
            neighbors = self.lin_l(_NeighborMean.apply(x, graph))
        return torch.addmm(neighbors, x, self.lin_r.weight.T)


class GCN(GCNConv):
    """PyG's ``GCNConv``, whose degrees are those of the whole graph where only a part is seen."""

    def forward(self, x: Tensor, graph: GraphTensors) -> Tensor:
        """``x`` (n_spots, in_channels) to (n_spots, out_channels)."""
        itself = torch.arange(len(x), device=x.device).expand(2, -1)
        edges = torch.cat([graph.edge_index, itself], dim=1)
        root = (graph.degree + 1).pow(-0.5)
        return super().forward(x, edges, root[edges[0]] * root[edges[1]])


class _OnEdges(nn.Module):
    """One of PyG's convolutions that send a message along each edge."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor, graph: GraphTensors) -> Tensor:
        return self.conv(x, graph if isinstance(self.conv, GCN) else graph.edge_index)


def make_layer(name: str, n_in: int, n_out: int) -> nn.Module:
    """The graph convolution ``name`` of :class:`smartcore.Params`, called as ``layer(x, graph)``.

    Attention has two heads, averaged, as in the published package's comparison.
    """
    match name:
        case "sage":
            return SAGE(n_in, n_out)
        case "gcn":
            return _OnEdges(GCN(n_in, n_out, normalize=False))
        case "gat":
            return _OnEdges(GATConv(n_in, n_out, heads=2, concat=False))
        case "gatv2":
            return _OnEdges(GATv2Conv(n_in, n_out, heads=2, concat=False))
        case "graphconv":
            return _OnEdges(GraphConv(n_in, n_out))
    raise ValueError(f"Encoder {name!r} is not known; use sage, gcn, gat, gatv2 or graphconv.")
