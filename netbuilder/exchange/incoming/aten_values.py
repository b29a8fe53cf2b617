"""What a name in an exported graph can stand for while it is translated. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor

from netbuilder.layers.tensor import BATCH, Size

SAMPLES: Final = (2, 3)
"""How many samples there are in the two evaluations of what depends on their number alone."""

FOLDED_ELEMENTS: Final = 1 << 26
"""The largest constant that is worked out."""


class Unmapped(Exception):
    """An operator, or this use of it, has no layer; carries the reason as the end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that depends on an input or on learned numbers; known by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Learned:
    """A parameter, or a mere view of one.

    Attributes:
        key: Its name and what was done to it: equal for equal views.
        tensor: Its values.
        module: The path of the module that it belongs to.
    """

    key: str
    tensor: Tensor
    module: str = ""


@dataclass(frozen=True, slots=True)
class Folded:
    """A value that depends on nothing, or on the number of samples alone: its values for two such numbers."""

    one: Tensor
    two: Tensor

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for any number of samples."""
        return self.one.shape == self.two.shape and torch.equal(self.one, self.two)

    def constant(self) -> tuple[Tensor, int | None]:
        """Return its values for one sample, and the axis that grows with the samples; None when there is none.

        Raises:
            Unmapped: When the values themselves depend on the number of samples.
        """
        if self.is_constant or (self.one.shape == self.two.shape and _both_nan(self.one, self.two)):
            return self.one, None
        axes = [axis for axis, (a, b) in enumerate(zip(self.one.shape, self.two.shape, strict=True)) if a != b]
        if len(axes) == 1:
            axis = axes[0]
            size, rest = divmod(self.one.shape[axis], SAMPLES[0])
            if not rest and self.two.shape[axis] == size * SAMPLES[1]:
                part = self.one.narrow(axis, 0, size)
                both = zip((self.one, self.two), SAMPLES, strict=True)
                if all(torch.equal(each, torch.cat([part] * count, dim=axis)) for each, count in both):
                    return part.clone(), axis
        raise Unmapped("is computed from the number of samples")

    @property
    def number(self) -> bool | int | float | None:
        """The one number that stands everywhere in it; None when there are several, or none."""
        if not self.one.numel() or not (self.one == self.one.flatten()[0]).all():
            return None
        if self.two.flatten()[0] != self.one.flatten()[0] or not (self.two == self.two.flatten()[0]).all():
            return None
        value: bool | int | float = self.one.flatten()[0].item()
        return value


@dataclass(frozen=True, slots=True)
class Pile:
    """Values that lie on an axis 0 of their own, such as the last states of recurrent layers; None for unknown ones."""

    parts: Sequence[Callable[[], Computed] | None]


Known: TypeAlias = Computed | Learned | Folded | Pile


def _both_nan(one: Tensor, two: Tensor) -> bool:
    return one.is_floating_point() and torch.equal(one.nan_to_num(), two.nan_to_num())


def size_at(dim: Any, samples: int) -> int:
    """Return a size for a number of samples.

    Raises:
        Unmapped: When it depends on something else.
    """
    if isinstance(dim, int):
        return dim
    if isinstance(dim, Size) and dim.symbol == BATCH.symbol:
        return dim.factor * samples + dim.offset
    raise Unmapped("is computed from a length that varies")


def several(value: Any, count: int) -> tuple[int, ...]:
    """Return one number an axis, however many were given."""
    numbers = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if any(type(number) is not int for number in numbers):
        raise Unmapped("takes a size that varies")
    return numbers * count if len(numbers) == 1 else numbers
