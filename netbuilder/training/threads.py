"""How many threads torch may use inside one operation while a session runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_MACS = 2_000_000
"""Multiply-adds a batch up to which one thread is fastest: waking others takes longer than the work."""


def intra_op_threads(macs: int, batch_size: int, cores: int | None = None) -> int:
    """Return how many threads suit a network.

    The window and the other programs keep one core: when all are taken, torch's threads wait for one another in busy
    loops, which is slower by an order of magnitude.

    Args:
        macs: Multiply-adds of one sample's forward pass.
        batch_size: Samples a step.
        cores: Cores of this machine; None asks the system.
    """
    available = cores or _cores()
    return 1 if macs * batch_size <= SMALL_MACS else max(1, available - 1)


def _cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Use `count` threads inside operations; afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
