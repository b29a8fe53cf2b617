"""What depends on the number of samples alone: worked out for two numbers of them.

Exporters write masks and positions for every sample, although they are the same for all: Range up to N, Expand to
N × T. Worked out for two numbers of samples, the axis that differs is that of the samples; where all entries along it
are equal, one of them stands for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from netbuilder.exchange.incoming.onnx.arithmetic import ELEMENTS, work_out
from netbuilder.exchange.incoming.onnx.graph import OnnxNode
from netbuilder.exchange.incoming.onnx.values import (
    COUNTS,
    Array,
    Constant,
    Fill,
    Sampled,
    Sizes,
    Unfit,
    Value,
    dims_of,
)
from netbuilder.layers.tensor import BATCH, Dim, Size

_BEGINS: Final = frozenset(("Range", "Expand", "Tile", "ConstantOfShape"))
"""Operators that make something for each sample out of the number of samples."""


def work_out_for_samples(node: OnnxNode, operands: Sequence[Value | None]) -> tuple[Value, ...] | None:
    """Return what an operator makes of values that depend on the number of samples alone; None when they do not.

    Args:
        node: The operator.
        operands: What is known of its inputs.

    Raises:
        Unfit: When its settings and inputs do not go together, or the result would be too large.
    """
    if node.kind not in _BEGINS and not any(isinstance(operand, (Sampled, Fill)) for operand in operands):
        return None
    if any(isinstance(operand, Constant) and operand.learned for operand in operands):
        return None
    both = []
    for place, count in enumerate(COUNTS):
        arrays = [None if operand is None else _at(operand, place, count) for operand in operands]
        if any(array is None and operand is not None for array, operand in zip(arrays, operands, strict=True)):
            return None
        worked = work_out(node, arrays)
        if worked is None:
            return None
        both.append(worked)
    return tuple(_kept(first, second) for first, second in zip(*both, strict=True))


def _at(value: Value, place: int, count: int) -> Array | None:
    """Return what a value is for a number of samples; None when it depends on something else."""
    if isinstance(value, Constant):
        return value.array
    if isinstance(value, Sampled):
        return value.arrays[place]
    if isinstance(value, Sizes):
        numbers = [_number(entry, count) for entry in value.entries]
        return None if None in numbers else np.array(numbers[0] if value.scalar else numbers, np.int64)
    if isinstance(value, Fill):
        dims = [_number(size, count) for size in value.dims]
        small = [size for size in dims if size is not None]
        if len(small) < len(dims) or np.prod(small, dtype=float) > ELEMENTS:
            return None
        return np.broadcast_to(value.value, small)
    return None


def _number(size: Dim, count: int) -> int | None:
    if isinstance(size, Size):
        return size.factor * count + size.offset if size.symbol == BATCH.symbol else None
    return size


def _kept(first: Array, second: Array) -> Value:
    if first.shape == second.shape and np.array_equal(first, second):
        return Constant(first)
    found = Sampled((first, second))
    if first.size and first.ndim and bool(np.all(first == first.flat[0])) and bool(np.all(second == first.flat[0])):
        return Fill(np.asarray(first.flat[0]), dims_of(found))
    return found


def one_for_all(value: Sampled | Fill) -> Constant:
    """Return what a value is for each sample, with a size of 1 on the samples' axis.

    Raises:
        Unfit: When it is not the same for every sample.
    """
    if isinstance(value, Fill):
        small = [size if isinstance(size, int) else 1 for size in value.dims]
        if np.prod(small, dtype=float) > ELEMENTS:
            raise Unfit("fills a very large shape with one number")
        return Constant(np.array(np.broadcast_to(value.value, small)))
    first, second = value.arrays
    axes = [axis for axis, size in enumerate(dims_of(value)) if size == BATCH]
    if len(axes) == 1:
        one = first.take([0], axis=axes[0])
        if bool(np.all(first == one)) and bool(np.all(second == one)):
            return Constant(one)
    raise Unfit("gives each sample something else, by its number")


def group_for_all(value: Sampled) -> Constant | None:
    """Return what a value is for each sample where the samples have several entries each on the first axis.

    Windows of pictures are laid out like that: the first axis is as long as samples times windows. The result has a
    size of 1 on an axis for the samples before them. None when the value is not so.

    Raises:
        Unfit: When it is so, but not the same for every sample.
    """
    dims = dims_of(value)
    lead = dims[0] if dims else None
    if not isinstance(lead, Size) or lead.factor < 2 or lead.offset:
        return None
    first, second = (array.reshape(-1, lead.factor, *array.shape[1:]) for array in value.arrays)
    if not bool(np.all(first == first[:1])) or not bool(np.all(second == first[:1])):
        raise Unfit("gives each sample something else, by its number")
    return Constant(first[:1])
