"""Several processes that train together, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")

# The first process prepares the data alone; torchrun ends all when one fails.
_PATIENCE = timedelta(days=7)


def under_torchrun() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def rank_under_torchrun() -> int:
    """Number of this process among those that ``torchrun`` started; 0 if it did not."""
    return int(os.environ["RANK"]) if under_torchrun() else 0


class _Gather(torch.autograd.Function):
    """Rows of all processes; the losses of all of them have a gradient for each row."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, rank: int, sizes: Sequence[int]) -> Tensor:
        ctx.rank, ctx.sizes = rank, sizes
        padded = z.new_zeros(max(sizes), z.shape[1])
        padded[: len(z)] = z
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:n] for part, n in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        total = grad.contiguous().clone()
        dist.all_reduce(total)
        return total.split(ctx.sizes)[ctx.rank], None, None


def is_first() -> bool:
    """Whether this process is the only or the first of those that train together."""
    return not dist.is_initialized() or dist.get_rank() == 0


@dataclass(frozen=True)
class Workers:
    """The processes that train together; one process is the case of one.

    Attributes
    ----------
    rank, size
        Number of this process, from 0, and of all.
    device
        By which objects travel; ``None``: as the group has it.
    """

    rank: int = 0
    size: int = 1
    device: torch.device | None = None

    @classmethod
    def join(cls, device: torch.device) -> Workers:
        """Join the process group, which is made from ``torchrun``'s environment if need be.

        Raises
        ------
        ValueError
            If there is neither a group nor such an environment.
        """
        if not dist.is_initialized():
            if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
                raise ValueError(
                    "distributed=True is for several processes: start them by torchrun, or call "
                    "torch.distributed.init_process_group first."
                )
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
        # Else all processes of a machine would send by its first GPU, which nccl refuses.
        by = device if dist.get_backend() == "nccl" else None
        return cls(dist.get_rank(), dist.get_world_size(), by)

    def wrap(self, model: nn.Module) -> nn.Module:
        """``model`` with the gradients of all processes averaged."""
        if self.size == 1:
            return model
        return nn.parallel.DistributedDataParallel(model)

    def gather(self, z: Tensor, sizes: Sequence[int]) -> Tensor:
        """Rows of all processes, one below the other; gradients go back to their process."""
        if self.size == 1:
            return z
        gathered: Tensor = _Gather.apply(z, self.rank, sizes)
        return gathered

    def mean(self, terms: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean over the processes of each number."""
        values = torch.stack([term.detach() for term in terms.values()])
        if self.size > 1:
            dist.all_reduce(values)
            values /= self.size
        return dict(zip(terms, values.tolist(), strict=True))

    def from_first(self, make: Callable[[], T]) -> T:
        """What ``make`` returns in the first process, in all; what it raises is raised in all."""
        if self.size == 1:
            return make()
        content: list[Any] = [None, None]
        failure: Exception | None = None
        if self.rank == 0:
            try:
                content[0] = make()
            except Exception as err:
                failure, content[1] = err, f"{type(err).__name__}: {err}"
        dist.broadcast_object_list(content, src=0, device=self.device)
        if failure is not None:
            raise failure
        if content[1] is not None:
            raise RuntimeError(f"The first process failed: {content[1]}")
        return content[0]
