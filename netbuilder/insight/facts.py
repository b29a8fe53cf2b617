"""Facts: what rules need to know of a network beside what its run tells, found once before the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from netbuilder.compiler.bypass import in_force
from netbuilder.compiler.cost import Costs, count_costs
from netbuilder.compiler.shapes import ShapeInference, Shapes
from netbuilder.document.model import Document, Node
from netbuilder.document.topology import flow
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import Task

RECTIFIERS: Final = frozenset({"relu", "relu6", "hardshrink", "softshrink", "hardswish", "threshold"})
"""Activations with one flat side: a unit there is dead."""

SATURATING: Final = frozenset({"sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign", "logsigmoid"})
"""Activations that are flat at both ends, or whose slope is below 1 everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the network written out.

    Attributes:
        path: Its node path.
        label: Its name, for people.
        type: The key of its declaration.
        weights: Numbers in its weights that training changes.
        feeds_loss: Whether a loss reads its output directly.
    """

    path: str
    label: str
    type: str
    weights: int = 0
    feeds_loss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """One loss.

    Attributes:
        path: Its node path.
        label: Its name in series, where there are several losses.
        type: The key of its declaration.
        task: What it trains for.
        classes: How many classes its target has; 0 when it has none.
        data: The id of the data node that gives its target; "" when that is computed.
    """

    path: str
    label: str
    type: str
    task: Task | None = None
    classes: int = 0
    data: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a network.

    Attributes:
        layers: All layers by path, what comes first in the network first; losses and data are not among them.
        losses: Its losses.
        data: Ids of the data nodes that something reads.
    """

    layers: Mapping[str, Layer] = field(default_factory=dict)
    losses: tuple[Judge, ...] = ()
    data: tuple[str, ...] = ()

    @cached_property
    def trained(self) -> tuple[Layer, ...]:
        """The layers that have weights of their own which training changes, in the network's order."""
        return tuple(layer for layer in self.layers.values() if layer.weights)


def find_facts(document: Document) -> Facts:
    """Return what is known of a network; imports torch, which knows the shapes.

    Args:
        document: What is trained.
    """
    document = in_force(document)
    shapes = ShapeInference().infer(document)
    return collect_facts(shapes, count_costs(document, shapes))


def collect_facts(shapes: Shapes, costs: Costs) -> Facts:
    """Return what is known of a network whose shapes and costs are known already.

    Args:
        shapes: Its shapes, with nothing pending.
        costs: Its costs.
    """
    flat = shapes.expansion.flat
    graph = flat.graph
    known = catalog()
    losses = {id for id, node in graph.nodes.items() if _category(node) == "loss"}
    judged = {source.node for target, source in graph.edges.items() if target.node in losses}
    layers = {}
    for id in flow(graph):
        node = graph.nodes[id]
        if node.type not in known or id in losses:
            continue
        cost = costs.nodes.get(id)
        layers[id] = Layer(
            path=id,
            label=node.label,
            type=node.type,
            weights=cost.trainable if cost is not None else 0,
            feeds_loss=id in judged,
        )
    return Facts(
        layers=layers,
        losses=tuple(_judge(flat, graph.nodes[id]) for id in graph.nodes if id in losses),
        data=tuple(
            dict.fromkeys(
                source.node for source in graph.edges.values() if graph.nodes[source.node].type.startswith("data.")
            )
        ),
    )


def _category(node: Node) -> str:
    spec = catalog().get(node.type)
    return spec.category if spec is not None else ""


def _judge(document: Document, node: Node) -> Judge:
    spec = catalog()[node.type]
    data, classes = "", 0
    for target, source in document.graph.edges.items():
        if target.node == node.id and target.port == "target" and source.node in document.schemas:
            data = source.node
            fields = document.schemas[data].fields
            classes = next((len(each.classes) for each in fields if each.name == source.port), 0)
    return Judge(path=node.id, label=node.label, type=node.type, task=spec.task, classes=classes, data=data)
