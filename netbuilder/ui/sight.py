"""What is known of the graph that the user looks at, with its nodes by id, whichever graph that is.

Shapes, costs and problems are found on the network written out, where a node inside a block has a path. Here they are
those of the nodes in sight: in the copy of the block that the user came through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netbuilder.compiler.cost import Cost, Costs
from netbuilder.compiler.expansion import Expansion
from netbuilder.compiler.shapes import Shapes
from netbuilder.document.blocks import INPUT, OUTPUT, block_key, is_block, signature
from netbuilder.document.expressions import ExpressionError, evaluate, is_expression, text_of
from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.document.samples import PREFIX
from netbuilder.foundation.problem import Problem
from netbuilder.layers.tensor import TensorType
from netbuilder.ui.standpoint import Standpoint, shown_as


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is known of the graph in sight.

    Attributes:
        types: Port -> the type on it.
        pending: Nodes whose shapes are not known yet.
        costs: Node -> its cost; an instance's is that of all in it.
        problems: Node -> what is wrong with it, or with anything in it.
        values: The block's parameters in this copy; {} in the main graph.
        sources: Node -> the path of the layer whose value is its output's; what the run's pictures are known by.
    """

    types: Mapping[PortRef, TensorType] = field(default_factory=dict)
    pending: frozenset[str] = frozenset()
    costs: Mapping[str, Cost] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def present(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return parameters with each expression's value in its place; one without a value is left out."""
        return present(parameters, self.values)


def present(parameters: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters with each expression's value in its place; one without a value is left out.

    Args:
        parameters: A node's parameters.
        values: The parameters of the block that it is in.
    """
    if not any(is_expression(value) for value in parameters.values()):
        return parameters
    found = {}
    for name, value in parameters.items():
        if not is_expression(value):
            found[name] = value
            continue
        try:
            found[name] = evaluate(text_of(value), values)
        except ExpressionError:  # the compiler reports it at the node
            continue
    return found


def look(document: Document, at: Standpoint, shapes: Shapes, costs: Costs, problems: Iterable[Problem]) -> Sight:
    """Return what is known of the graph in sight.

    Args:
        document: What is edited.
        at: Where the user stands.
        shapes: The shapes of the document, or of the definition's sample.
        costs: Likewise.
        problems: Likewise.
    """
    prefix, expansion, graph = at.prefix, shapes.expansion, document.scope(at.scope)
    own = PREFIX if at.sample else ""
    found = _problems_by_node(document, at, [each for each in problems if each.node.startswith(own)])
    if not prefix:
        return Sight(
            types=shapes.types,
            pending=shapes.pending,
            costs=costs.nodes,
            problems=found,
            sources=_sources(graph, document, expansion, ""),
        )
    instance = expansion.instances.get(at.block)
    return Sight(
        types={
            PortRef(id, port.port): kind for port, kind in shapes.types.items() if (id := _local(port.node, prefix))
        },
        pending=frozenset(id for path in shapes.pending if (id := _local(path, prefix))),
        costs={id: cost for path, cost in costs.nodes.items() if (id := _local(path, prefix))},
        problems=found,
        values=instance.values if instance is not None else _defaults(document, at.scope),
        sources=_sources(graph, document, expansion, prefix),
    )


def _local(path: str, prefix: str) -> str:
    """Return the id of a node that is shown; "" for one elsewhere or further in."""
    if not path.startswith(prefix):
        return ""
    id = path[len(prefix) :]
    return "" if "/" in id else id


def _defaults(document: Document, scope: str) -> dict[str, Any]:
    return {each.name: each.default for each in signature(document.blocks[scope]).parameters}


def _problems_by_node(
    document: Document, at: Standpoint, problems: Iterable[Problem]
) -> dict[str, tuple[Problem, ...]]:
    """Return each shown node's problems: those of its own and those of what is in it, in whichever copy."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        id = shown_as(document, problem.node, at)
        if id:
            found.setdefault(id, []).append(problem)
    return {id: tuple(each) for id, each in found.items()}


def _sources(graph: Graph, document: Document, expansion: Expansion, prefix: str) -> dict[str, str]:
    """Return the paths of nodes that are not their own: instances, and the inputs and outputs of blocks."""
    if not prefix and not expansion.copies:
        return {}
    found = {}
    # In the main graph all others are their own, and there may be thousands.
    nodes = graph.nodes if prefix else {id: graph.nodes[id] for id in expansion.copies if id in graph.nodes}
    for id, node in nodes.items():
        port = _value_of(node, document, bool(prefix))
        flat = expansion.ports.get(PortRef(prefix + id, port)) if port else None
        if flat is not None:
            found[id] = flat.node
        elif prefix:
            found[id] = prefix + id
    return found


def _value_of(node: Node, document: Document, is_inside: bool) -> str:
    if is_block(node):
        definition = document.blocks.get(block_key(node))
        return next(iter(signature(definition).outputs), "") if definition is not None else ""
    if is_inside and node.type in (INPUT, OUTPUT):
        return "y" if node.type == INPUT else "x"
    return ""
