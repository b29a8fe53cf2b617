"""Exported graphs: an exported program as plain values, whichever way it came in. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from netbuilder.exchange.incoming.operation import Scope
from netbuilder.layers.tensor import TensorType


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is a tensor made before."""

    name: str


@dataclass(frozen=True, slots=True)
class SizeRef:
    """An argument that is a size worked out before."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """One call of an operator.

    Attributes:
        target: Its name as torch writes it, without "torch.ops.": "aten.conv2d.default".
        arguments: By the names in the operator's schema; tensors and sizes as `Ref` and `SizeRef`, lists as lists.
        outputs: The names of what it gives, lists laid out flat; "" for what is nothing.
        scope: The modules it was called in, the outermost first, the network itself left out.
    """

    target: str
    arguments: Mapping[str, Any]
    outputs: tuple[str, ...]
    scope: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter, buffer or constant of the program.

    Attributes:
        name: What the program calls it ("encoder.layers.0.weight").
        tensor: Its values.
        learned: Whether it is a parameter.
    """

    name: str
    tensor: Tensor
    learned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedGraph:
    """An exported program.

    Attributes:
        title: What to call it.
        entries: (Argument's name, value) of what is passed in, in order.
        exits: Values that are given, in order.
        steps: Calls, each after what it reads.
        weights: Value -> what it holds.
        types: Value -> its type; sizes that vary are affine expressions of the program's own symbols.
        sizes: Name of a size -> what it is.
        notes: Sentences for the user.
    """

    title: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    exits: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    weights: Mapping[str, Weight] = field(default_factory=dict)
    types: Mapping[str, TensorType] = field(default_factory=dict)
    sizes: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
