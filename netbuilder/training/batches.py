"""Batches: prepared data as one tensor a field on the device, shuffled by index.

No DataLoader: an epoch is one permutation, a batch one `index_select` a field, which is several times faster for data
that fits in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
import torch

from netbuilder.data.spec import Prepared, rows_of

Batch: TypeAlias = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Source:
    """One data node's rows of one part: its fields share rows.

    Attributes:
        node: The data node's id.
        tensors: The field's name in batches -> all rows, on the device.
        rows: How many.
    """

    node: str
    tensors: Mapping[str, torch.Tensor]
    rows: int


@dataclass(frozen=True, slots=True)
class Part:
    """One part (training, validation, test) of all data nodes; the longest source drives, shorter ones are cycled."""

    sources: tuple[Source, ...]

    @property
    def rows(self) -> int:
        """Rows in one pass; 0 when any source has none."""
        counts = [source.rows for source in self.sources]
        return max(counts) if counts and all(counts) else 0

    def batch_count(self, size: int, done: int = 0) -> int:
        """Return how many batches `shuffled` yields."""
        return len(batch_sizes(self.rows, size, done))

    def shuffled(self, size: int, generators: Mapping[str, torch.Generator], done: int = 0) -> Iterator[Batch]:
        """Yield one epoch of training batches.

        Args:
            size: Rows a batch.
            generators: Data node id -> the generator that shuffles it.
            done: How many rows of the epoch to leave out.
        """
        rows = self.rows
        sizes = batch_sizes(rows, size, done)
        orders = []
        for source in self.sources:
            passes = [
                torch.randperm(source.rows, generator=generators[source.node]) for _ in range(0, rows, source.rows)
            ]
            order = torch.cat(passes)[done : done + sum(sizes)]
            device = next(iter(source.tensors.values())).device
            orders.append(torch.split(order.to(device), sizes))
        for indexes in zip(*orders, strict=True):
            yield {
                name: tensor.index_select(0, index)
                for source, index in zip(self.sources, indexes, strict=True)
                for name, tensor in source.tensors.items()
            }

    def in_order(self, size: int) -> Iterator[Batch]:
        """Yield all rows once, unshuffled, for validation."""
        for first in range(0, self.rows, size):
            yield self.rows_at(first, min(first + size, self.rows))

    def rows_at(self, first: int, last: int) -> Batch:
        """Return the rows from `first` up to but not including `last`."""
        return {
            name: _cycled(tensor, source.rows, first, last)
            for source in self.sources
            for name, tensor in source.tensors.items()
        }


def renamed(part: Part, keys: Mapping[str, str]) -> Part:
    """Return the same rows under other names.

    Args:
        part: The rows.
        keys: A field's name in batches -> its name from now on; fields that are not named are left out.
    """
    sources = []
    for source in part.sources:
        tensors = {keys[key]: tensor for key, tensor in source.tensors.items() if key in keys}
        if tensors:
            sources.append(Source(source.node, tensors, source.rows))
    return Part(tuple(sources))


def count_rows(batch: Batch) -> int:
    """Return how many rows a batch has."""
    return len(next(iter(batch.values())))


def grouped(batches: Iterator[Batch], size: int) -> Iterator[Sequence[Batch]]:
    """Yield `size` batches at a time; the last ones of an epoch may be fewer."""
    while several := tuple(islice(batches, size)):
        yield several


def batch_sizes(rows: int, size: int, done: int = 0) -> list[int]:
    """Return the sizes of one epoch's batches, or of those that are left when some of its rows are done.

    A last batch of a single row is left out, unless it is the only one: batch normalization cannot train on it.
    """
    sizes = [min(size, rows - first) for first in range(done, rows, size)]
    return sizes[:-1] if (len(sizes) > 1 or done) and sizes[-1:] == [1] and size > 1 else sizes


def shuffling(seed: int, node: str) -> torch.Generator:
    """Return the generator that shuffles one data node: its own, so that nothing else changes the order of rows."""
    # Both in 32 bits: torch's generator for the CPU looks at no more of what it is seeded with.
    return torch.Generator().manual_seed(zlib.crc32(f"{seed}:{node}".encode()))


def make_part(
    prepared: Mapping[str, Prepared], part: str, names: Mapping[tuple[str, str], str], device: torch.device
) -> Part:
    """Put one part of all data nodes on the device.

    Args:
        prepared: Data node id -> its rows.
        part: "train", "validation" or "test".
        names: (data node id, field) -> the field's name in batches; fields that are not named are left out.
        device: Where to.
    """
    sources = []
    for node, data in prepared.items():
        columns = data.parts.get(part, {})
        tensors = {
            names[node, name]: _tensor(column).to(device) for name, column in columns.items() if (node, name) in names
        }
        if tensors or not columns:
            sources.append(Source(node, tensors, rows_of(columns) if columns else 0))
    return Part(tuple(sources))


def _tensor(column: np.ndarray) -> torch.Tensor:
    # Prepared arrays are shared with later callers; torch warns about read-only ones although nobody writes.
    return torch.from_numpy(column if column.flags.writeable else column.copy())


def _cycled(tensor: torch.Tensor, rows: int, first: int, last: int) -> torch.Tensor:
    if last <= rows:
        return tensor[first:last]
    return tensor.index_select(0, torch.arange(first, last, device=tensor.device) % rows)
