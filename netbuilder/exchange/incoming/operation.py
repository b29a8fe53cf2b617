"""Operations: the form between what a front end read and the document that is built of it. Imports torch.

A front end folds shape arithmetic, constants and dead code away before it gets here; what is left is a list of
operations in an order in which each follows what it reads. Values are named by text; each is given once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from netbuilder.layers.tensor import TensorType


class Scope(NamedTuple):
    """One module that an operation was in.

    Attributes:
        path: Its place in the hierarchy ("encoder.layers.0"); equal for all operations of one use of it.
        kind: Its class's name ("BertLayer"), or "" when the file does not tell.
        package: Where its class is from, as text ("torch.nn.modules.linear"), or "".
    """

    path: str
    kind: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One step of the computation.

    Attributes:
        type: The key of the layer spec that computes the same; "" when there is none, which makes it opaque.
        origin: What the file calls it ("aten.conv2d", "onnx.Conv"); the coverage table counts by it.
        parameters: Values of the spec's parameters that differ from its defaults; for an opaque one whatever tells a
            reader more about it, in values that JSON can hold.
        inputs: Input port -> the value it reads.
        outputs: Output port -> the value it gives.
        weights: Parameter or buffer name in the layer's module ("weight", "in_proj_weight") -> tensor.
        shares: Operations with the same text here share their weights; "" shares with nobody.
        scope: The modules it was in, the outermost first, the network itself left out.
        label: What to call it; any text.
        merges: The origins of other operators that it stands for as well.
        counts: Whether it stands for an operator at all, not only for what links others.
        reason: Why it is opaque, as the end of a sentence about it ("has no layer that computes the same").
    """

    type: str = ""
    origin: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    shares: str = ""
    scope: tuple[Scope, ...] = ()
    label: str = ""
    merges: tuple[str, ...] = ()
    counts: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value that somebody passes in.

    Attributes:
        name: What the argument is called.
        value: The name of the value that it gives.
        type: Its shape and dtype; the first axis counts the samples (`layers.tensor.BATCH`).
    """

    name: str
    value: str
    type: TensorType


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """A whole network as a front end read it.

    Attributes:
        title: What to call it.
        entries: What is passed in.
        exits: (Name, value) of what it gives.
        operations: The steps, each after what it reads.
        types: Value -> shape and dtype, so far as they are known; those of opaque operations' outputs are needed.
        folded: Origin -> how many operations a front end worked out while reading (shape arithmetic, constants).
        notes: Sentences for the user: what is different from the original.
    """

    title: str = ""
    entries: tuple[Entry, ...] = ()
    exits: tuple[tuple[str, str], ...] = ()
    operations: tuple[Operation, ...] = ()
    types: Mapping[str, TensorType] = field(default_factory=dict)
    folded: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def alive(operations: Sequence[Operation], exits: Iterable[str]) -> list[Operation]:
    """Return the operations that some exit depends on, in their order.

    Args:
        operations: All of them.
        exits: The values that are given.
    """
    wanted = set(exits)
    kept = []
    for operation in reversed(operations):
        if wanted.intersection(operation.outputs.values()):
            kept.append(operation)
            wanted.update(operation.inputs.values())
    kept.reverse()
    return kept
