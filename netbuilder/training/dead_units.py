"""Dead units: those of an activation that give 0, or one of its ends, whatever they are shown; they learn no more.

A unit is a channel of images and volumes, at all positions, and each value of anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import torch

from netbuilder.document.model import Node
from netbuilder.foundation.parameter import Values
from netbuilder.layers.catalog import catalog

NEAR: Final = 0.01
"""A value is at an end of an activation's range when it is nearer than this part of the range."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The values at which an activation's slope is 0, or nearly.

    Attributes:
        low: The lower end of its range.
        high: The upper end; equal to `low` for activations that have one flat side, at exactly that value.
    """

    low: float = 0.0
    high: float = 0.0

    @property
    def words(self) -> str:
        """What is said of a unit that is always there."""
        if self.low == self.high:
            return f"{self.low:g}"
        return f"within 1 % of {self.low:g} or {self.high:g}"


def _rest(low: float, high: float) -> Callable[[Values], Rest]:
    return lambda values: Rest(low, high)


_RESTS: Final[Mapping[str, Callable[[Values], Rest]]] = {
    **dict.fromkeys(("relu", "relu6", "hardshrink", "softshrink", "hardswish"), _rest(0.0, 0.0)),
    **dict.fromkeys(("sigmoid", "hardsigmoid"), _rest(0.0, 1.0)),
    **dict.fromkeys(("tanh", "softsign"), _rest(-1.0, 1.0)),
    "hardtanh": lambda values: Rest(float(values["lower"]), float(values["upper"])),
    "threshold": lambda values: Rest(float(values["value"]), float(values["value"])),
}
"""Layer type -> where it rests, from its resolved parameters."""


def rest_of(node: Node) -> Rest | None:
    """Return where an activation rests; None for a layer that cannot die.

    Args:
        node: Of a network written out, whose parameters are plain values.
    """
    find = _RESTS.get(node.type)
    return find(catalog()[node.type].resolve(node.parameters)) if find is not None else None


def count_dead(value: torch.Tensor, rest: Rest) -> tuple[torch.Tensor, int, str]:
    """Return how many units rest for every sample, as a scalar on the value's device, of how many, and their name.

    Args:
        value: An activation's output (N, ...), at least two axes.
        rest: Where it rests.
    """
    # The largest distance rather than whether all are there: torch finds it seven times as fast.
    apart = (value - rest.low).abs()
    if rest.low != rest.high:
        apart = torch.minimum(apart, (value - rest.high).abs())
    is_image = value.dim() > 3
    farthest = apart.amax(dim=(0, *range(2, value.dim())) if is_image else 0)
    dead = farthest <= NEAR * (rest.high - rest.low)
    noun = "channels" if is_image else "units" if value.dim() == 2 else "values"
    return dead.sum(), dead.numel(), noun
