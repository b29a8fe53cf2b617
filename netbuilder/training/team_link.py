"""What the processes of a team hand one another: weights, rows and gradients, as one tensor each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from netbuilder.training.batches import Part

PATIENCE: Final = timedelta(days=30)
"""How long a process may wait for the others: as long as a pause. One that has ended is noticed at once."""

NEW_NETWORK: Final = -1.0
"""Stands where the number of a phase would: a network comes in place of the rows of a batch."""

Layout = Mapping[str, tuple[str, Sequence[int]]]
"""The name of each field of a batch -> its dtype, and its shape without the rows."""


def layout_of(part: Part) -> Layout:
    """Return what batches of a part are made of."""
    return {
        name: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape[1:]))
        for source in part.sources
        for name, tensor in source.tensors.items()
    }


def join_group(rank: int, size: int, store: str, device: torch.device) -> None:
    """Join the processes; returns when all are there.

    Args:
        rank: Which this one is; 0 is the session's.
        size: How many there are.
        store: A file through which they find one another.
        device: Where this one computes.

    Raises:
        RuntimeError: When it fails.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    else:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")  # nobody else's
    backend = "nccl" if device.type == "cuda" else "gloo"
    meeting = dist.FileStore(store, size)  # type: ignore[attr-defined]  # torch's own guide calls it so
    dist.init_process_group(backend, store=meeting, rank=rank, world_size=size, timeout=PATIENCE)


def pack(tensors: Sequence[Tensor]) -> Tensor:
    """Return the content of tensors, one behind the other, as bytes."""
    return torch.cat([tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in tensors])


def unpack(data: Tensor, like: Sequence[tuple[torch.dtype, Sequence[int]]]) -> Iterator[Tensor]:
    """Yield the tensors whose content `pack` returned.

    Args:
        data: Bytes.
        like: The dtype and shape of each.
    """
    at = 0
    for dtype, shape in like:
        size = dtype.itemsize * int(torch.Size(shape).numel())
        yield data[at : at + size].clone().view(dtype).reshape(tuple(shape))  # a clone is aligned
        at += size


def held(model: nn.Module) -> list[Tensor]:
    """Return what a network computes with: its weights and its statistics."""
    return [tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.numel()]


def collect(parameters: Sequence[nn.Parameter], values: Sequence[float]) -> Tensor:
    """Return all gradients and some values in one tensor; a gradient that there is none of counts as zeros."""
    gradients = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    told = torch.tensor(values, dtype=torch.float32, device=gradients[0].device)
    return torch.cat([*(each.reshape(-1).float() for each in gradients), told])


def shares(rows: int, size: int) -> list[int]:
    """Return how many rows each process gets; the first ones have one more where they do not come out even."""
    least, more = divmod(rows, size)
    return [least + (number < more) for number in range(size)]
