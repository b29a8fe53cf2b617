"""Bypassed nodes: everything but the canvas works on the document without them, linked through.

A bypassed node hands its first input on from its first output, as if it were not there; its settings and its place
stay. Leaving it out once, before anything else looks, makes shapes, problems, costs, text, training and export agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from netbuilder.document.blocks import INPUT, OUTPUT, definition_of, signature
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.layers.catalog import catalog
from netbuilder.layers.tensor import TensorType


@dataclass(frozen=True, slots=True)
class Bypass:
    """A document without its bypassed nodes.

    Attributes:
        document: What is left; the drawn document itself when nothing is bypassed.
        passes: Scope -> output port of a bypassed node -> the port whose value it hands on.
        silent: Scope -> bypassed nodes with the names of outputs that are used and hand nothing on.
    """

    document: Document
    passes: Mapping[str, Mapping[PortRef, PortRef]] = field(default_factory=dict)
    silent: Mapping[str, tuple[tuple[Node, str], ...]] = field(default_factory=dict)


def in_force(document: Document) -> Document:
    """Return a document without its bypassed nodes, linked through."""
    return leave_out(document).document


def leave_out(document: Document) -> Bypass:
    """Leave the bypassed nodes of a document out."""
    scopes = {ROOT: document.graph} | {key: block.graph for key, block in document.blocks.items()}
    found = {scope: _without(document, graph) for scope, graph in scopes.items() if has_bypassed(graph)}
    if not found:
        return Bypass(document)
    blocks = {
        key: replace(block, graph=found[key][0]) if key in found else block for key, block in document.blocks.items()
    }
    graph = found[ROOT][0] if ROOT in found else document.graph
    return Bypass(
        replace(document, graph=graph, blocks=blocks if found.keys() != {ROOT} else document.blocks),
        {scope: passes for scope, (_, passes, _) in found.items()},
        {scope: silent for scope, (_, _, silent) in found.items()},
    )


def has_bypassed(graph: Graph) -> bool:
    """Return whether a graph has bypassed nodes."""
    return any(node.bypassed for node in graph.nodes.values())


def ends(document: Document, node: Node) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the names of a node's input and output ports; None when they are not known."""
    if node.type.startswith("data."):
        return (), tuple(each.name for each in document.schemas[node.id].fields) if node.id in document.schemas else ()
    definition = definition_of(document, node)
    if definition is not None:
        declared = signature(definition)
        return tuple(declared.inputs), tuple(declared.outputs)
    spec = catalog().get(node.type)
    if spec is None:
        return None
    try:
        values = spec.resolve(node.parameters)
    except ValueError:
        values = spec.defaults()  # an expression, or a mistake that is told once the node is used again
    inputs = tuple(port.name for port in spec.input_ports(values))
    return inputs, () if spec.is_loss else tuple(port.name for port in spec.output_ports(values))


def why_not_bypassed(document: Document, graph: Graph, node: Node, types: Mapping[PortRef, TensorType]) -> str:
    """Say why a network cannot do without a node; "" when it can, as far as types are known.

    Args:
        document: The node's document.
        graph: The graph that it is in.
        node: The node.
        types: Port of the graph -> the type on it.
    """
    found = ends(document, node)
    if found is None:
        return f"{node.label} is of a layer that is not known, so nobody can say what would go on without it"
    inputs, outputs = found
    if node.type in (INPUT, OUTPUT) or not inputs or not outputs:
        return f"{node.label} has {'no output' if inputs else 'no input'}, so there is nothing to hand on"
    source = graph.edges.get(PortRef(node.id, inputs[0]))
    before, after = types.get(source) if source else None, types.get(PortRef(node.id, outputs[0]))
    if before is not None and after is not None and (before.dims, before.dtype) != (after.dims, after.dtype):
        return f"{node.label} makes {after} of {before}: what follows could not do without it"
    return ""


def _without(document: Document, graph: Graph) -> tuple[Graph, Mapping[PortRef, PortRef], tuple[tuple[Node, str], ...]]:
    """Return a graph without its bypassed nodes, what their outputs hand on, and those that hand on nothing."""
    gone = {id: node for id, node in graph.nodes.items() if node.bypassed}
    direct = dict(_steps(document, graph, gone))
    passes = {port: origin for port in direct if (origin := _origin(port, direct, gone)) is not None}
    edges: dict[PortRef, PortRef] = {}
    silent: dict[PortRef, None] = {}
    for target, source in graph.edges.items():
        if target.node in gone:
            continue
        origin = source if source.node not in gone else passes.get(source)
        if origin is not None:
            edges[target] = origin
        else:
            silent[source] = None
    nodes = {id: node for id, node in graph.nodes.items() if id not in gone}
    return replace(graph, nodes=nodes, edges=edges), passes, tuple((gone[ref.node], ref.port) for ref in silent)


def _steps(document: Document, graph: Graph, gone: Mapping[str, Node]) -> list[tuple[PortRef, PortRef]]:
    """Return each bypassed node's first output with what is linked to its first input."""
    found = []
    for id, node in gone.items():
        linked = [target.port for target in graph.edges if target.node == id]
        used = [source.port for source in graph.edges.values() if source.node == id]
        inputs, outputs = ends(document, node) or (tuple(linked), tuple(used))
        if inputs and outputs and PortRef(id, inputs[0]) in graph.edges:
            found.append((PortRef(id, outputs[0]), graph.edges[PortRef(id, inputs[0])]))
    return found


def _origin(port: PortRef, direct: Mapping[PortRef, PortRef], gone: Mapping[str, Node]) -> PortRef | None:
    """Return the port of a node that stays whose value arrives at a bypassed node's output."""
    seen = set()
    while port.node in gone:
        if port in seen or port not in direct:
            return None
        seen.add(port)
        port = direct[port]
    return port
