"""Cost: parameters, multiply-adds and memory of each layer and of the whole network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from netbuilder.compiler.expansion import enclosing
from netbuilder.compiler.flow import is_entry, is_loss, spec_of
from netbuilder.compiler.shapes import Shapes
from netbuilder.document.model import Document, Node
from netbuilder.layers.spec import LayerSpec
from netbuilder.layers.tensor import TensorType

_BYTES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("bool", "uint8", "int8"), 1),
    **dict.fromkeys(("int16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "float32"), 4),
    **dict.fromkeys(("int64", "float64"), 8),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a layer, or a network, costs.

    Attributes:
        parameters: Numbers in its weights; shared weights count where they belong, once.
        trainable: Those of them that training changes.
        macs: Multiply-adds for one sample.
        elements: Numbers in its outputs for one sample.
        bytes: Memory of its outputs for one sample.
    """

    parameters: int = 0
    trainable: int = 0
    macs: int = 0
    elements: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Costs of a graph.

    Attributes:
        nodes: Node path -> its cost, for every layer whose shapes are known; a block's is the sum of what is in it.
        total: The sum of all layers.
        complete: Whether every layer's shapes are known; else the total is a lower bound.
    """

    nodes: Mapping[str, Cost] = field(default_factory=dict)
    total: Cost = Cost()
    complete: bool = True


def count_costs(document: Document, shapes: Shapes) -> Costs:
    """Count what the layers of a document cost, those in blocks too; sizes that vary count as 1.

    Args:
        document: What to count.
        shapes: Its shapes.
    """
    graph = shapes.expansion.of(document).graph
    inputs: dict[str, dict[str, TensorType]] = {}
    for target in graph.edges:
        if target in shapes.types:
            inputs.setdefault(target.node, {})[target.port] = shapes.types[target]
    outputs: dict[str, dict[str, TensorType]] = {}
    for (id, port), type_ in shapes.types.items():
        if port not in inputs.get(id, {}) or (id, port) not in graph.edges:
            outputs.setdefault(id, {})[port] = type_
    nodes, complete = {}, True
    for id, node in graph.nodes.items():
        spec = spec_of(node)
        if spec is None or is_entry(node) or is_loss(node):
            continue
        if id not in shapes.done:
            complete = False
            continue
        owner = graph.nodes.get(node.tied_to, node)
        nodes[id] = _cost(spec, owner, shapes, id, inputs.get(id, {}), outputs.get(id, {}))
    total = _sum(nodes.values())
    if shapes.expansion.copies:
        inside: dict[str, list[Cost]] = {path: [] for path in shapes.expansion.copies}
        for id, cost in nodes.items():
            for block in enclosing(id):
                inside[block].append(cost)
        nodes |= {path: _sum(each) for path, each in inside.items()}
    return Costs(nodes=nodes, total=total, complete=complete)


def _cost(
    spec: LayerSpec,
    owner: Node,
    shapes: Shapes,
    id: str,
    inputs: Mapping[str, TensorType],
    outputs: Mapping[str, TensorType],
) -> Cost:
    weights = shapes.weights.get(id)
    values = spec.resolve(owner.parameters)
    sizes = {port: elements(type_) for port, type_ in outputs.items()}
    return Cost(
        parameters=weights.total if weights else 0,
        trainable=weights.trainable if weights else 0,
        macs=spec.macs(values, inputs, outputs) if spec.macs else 0,
        elements=sum(sizes.values()),
        bytes=sum(size * _BYTES.get(outputs[port].dtype, 4) for port, size in sizes.items()),
    )


def elements(type_: TensorType) -> int:
    """Return how many numbers one sample of a type holds, a size that varies counting as 1."""
    total = 1
    for dim in type_.dims[1:]:
        total *= dim if isinstance(dim, int) else 1
    return total


def _sum(costs: Iterable[Cost]) -> Cost:
    every = list(costs)
    return Cost(
        parameters=sum(each.parameters for each in every),
        trainable=sum(each.trainable for each in every),
        macs=sum(each.macs for each in every),
        elements=sum(each.elements for each in every),
        bytes=sum(each.bytes for each in every),
    )
