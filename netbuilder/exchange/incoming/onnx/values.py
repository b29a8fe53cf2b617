"""Values: what is known of a name of an ONNX graph while it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netbuilder.layers.tensor import Dim, Size, TensorType

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers that stand in the file, or were worked out from such.

    Attributes:
        array: The numbers.
        name: The initializer's name; "" when they were worked out.
        learned: Whether they look like weights: training may change them.
    """

    array: Array
    name: str = ""
    learned: bool = False


@dataclass(frozen=True, slots=True)
class Sizes:
    """Whole numbers of which some depend on the number of samples or on a length.

    Attributes:
        entries: The numbers in order.
        scalar: Whether it is one number without an axis.
    """

    entries: tuple[Dim, ...]
    scalar: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """One number everywhere, in a shape that depends on the number of samples or on a length.

    Attributes:
        value: The number, as an array without axes.
        dims: The shape.
    """

    value: Array
    dims: tuple[Dim, ...]


COUNTS: Final = (2, 3)
"""For which numbers of samples a value is worked out that depends on nothing else."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Numbers that depend on the number of samples alone.

    Attributes:
        arrays: What they are for each number of samples in `COUNTS`.
    """

    arrays: tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a layer gives.

    Attributes:
        name: The name of the value among the operations.
        type: Its shape and dtype; None when an opaque operator gave it and the file does not say.
    """

    name: str
    type: TensorType | None


Value: TypeAlias = Constant | Sizes | Fill | Sampled | Tensor


class Unfit(Exception):
    """No layer computes what an operator does with these settings; the text ends a sentence about the operator."""


def counted(axis: int, rank: int) -> int:
    """Return an axis counted from the front.

    Raises:
        Unfit: When there is no such axis.
    """
    if not -rank <= axis < rank:
        raise Unfit(f"names axis {axis} of {rank}")
    return axis % rank


def sizes_value(entries: tuple[Dim, ...], scalar: bool = False) -> Constant | Sizes:
    """Return whole numbers as a constant where all are known, else as sizes."""
    if all(isinstance(entry, int) for entry in entries):
        array = np.array(entries, dtype=np.int64)
        return Constant(array.reshape(()) if scalar else array)
    return Sizes(entries, scalar)


def dims_of(value: Value) -> tuple[Dim, ...]:
    """Return the shape of a value.

    Raises:
        Unfit: When it is not known.
    """
    if isinstance(value, Constant):
        return tuple(value.array.shape)
    if isinstance(value, Fill):
        return value.dims
    if isinstance(value, Sampled):
        return _sampled_dims(value)
    if isinstance(value, Sizes):
        return () if value.scalar else (len(value.entries),)
    return type_of(value).dims


def _sampled_dims(value: Sampled) -> tuple[Dim, ...]:
    first, second = (array.shape for array in value.arrays)
    if len(first) != len(second):
        raise Unfit("has a shape that depends on the number of samples")
    dims: list[Dim] = []
    for one, other in zip(first, second, strict=True):
        factor, offset = other - one, one - COUNTS[0] * (other - one)
        dims.append(Size("N", factor, offset) if factor else one)
    return tuple(dims)


def type_of(tensor: Tensor) -> TensorType:
    """Return the type of a layer's value.

    Raises:
        Unfit: When it is not known.
    """
    if tensor.type is None:
        raise Unfit("has an input whose shape the file does not tell")
    return tensor.type
