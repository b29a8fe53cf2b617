"""Tensor types: the shape and dtype of a port, with symbolic batch and sequence lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Size:
    """A symbolic size: `factor * symbol + offset`, e.g. N, 2T, T-1."""

    symbol: str
    factor: int = 1
    offset: int = 0

    def __str__(self) -> str:
        text = self.symbol if self.factor == 1 else f"{self.factor}{self.symbol}"
        return text + (f"{self.offset:+d}" if self.offset else "")


Dim: TypeAlias = int | Size | None
"""A number, a symbolic size, or None where nothing is known ("?")."""

BATCH = Size("N")
TIME = Size("T")

FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})
INTS = frozenset({"uint8", "int8", "int16", "int32", "int64"})


@dataclass(frozen=True, slots=True)
class TensorType:
    """The type of the value on a port.

    Attributes:
        dims: All axes, the batch axis first.
        dtype: torch's name of the dtype ("float32", "int64", "bool", ...).
        classes: How many classes a class index distinguishes (targets), or 0.
        vocabulary: How many distinct tokens an index distinguishes, or 0.
    """

    dims: tuple[Dim, ...]
    dtype: str = "float32"
    classes: int = 0
    vocabulary: int = 0

    @property
    def rank(self) -> int:
        """The number of axes, the batch axis included."""
        return len(self.dims)

    @property
    def is_float(self) -> bool:
        """Whether gradients can flow through it."""
        return self.dtype in FLOATS

    def __str__(self) -> str:
        """All axes, e.g. "N × 32 × 8 × 8"."""
        return " × ".join(_text(dim) for dim in self.dims) or "a single number"

    @property
    def short(self) -> str:
        """One sample's axes for the node's face, e.g. "32×8×8"; "" for one number a sample."""
        dims = self.dims[1:] if self.dims and self.dims[0] == BATCH else self.dims
        return "×".join(_text(dim) for dim in dims)

    @property
    def elements(self) -> int | None:
        """The number of elements of one sample; None when a size is not a number."""
        total = 1
        for dim in self.dims[1:] if self.dims and self.dims[0] == BATCH else self.dims:
            if not isinstance(dim, int):
                return None
            total *= dim
        return total


_BYTES: Mapping[str, int] = {
    **dict.fromkeys(("bool", "uint8", "int8"), 1),
    **dict.fromkeys(("int16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "float32"), 4),
    **dict.fromkeys(("int64", "float64"), 8),
}


def itemsize(dtype: str) -> int:
    """Return how many bytes a number of a dtype takes."""
    return _BYTES[dtype]


def numbers_a_sample(found: TensorType) -> int:
    """Return how many numbers a type holds for each sample; a length that varies counts as 1."""
    return prod(dim if isinstance(dim, int) else 1 if dim is None else _times(dim) for dim in found.dims)


def bytes_a_sample(found: TensorType) -> int:
    """Return how much memory a type takes for each sample; a length that varies counts as 1."""
    return numbers_a_sample(found) * itemsize(found.dtype)


def _times(size: Size) -> int:
    return size.factor if size.symbol == BATCH.symbol else 1


def may_equal(one: Dim, other: Dim) -> bool:
    """Whether two sizes are equal so far as is known."""
    return one is None or other is None or one == other


def _text(dim: Dim) -> str:
    return "?" if dim is None else str(dim)
