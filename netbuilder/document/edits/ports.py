"""Ports of blocks: what changes around a block's instances when an input or output in its definition changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netbuilder.document.blocks import BLOCK, INPUT, OUTPUT
from netbuilder.document.edits.registry import with_edges
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef


def rename_port(document: Document, key: str, port: Node, name: str) -> Document:
    """Return the document with the links of a block's instances led to a port's new name.

    Args:
        document: What to change.
        key: The block's key.
        port: The input or output node as it was; for any other node nothing changes.
        name: The port's new name.
    """
    return _follow(document, key, [port], lambda ref: PortRef(ref.node, name))


def remove_ports(document: Document, key: str, ports: Iterable[Node]) -> Document:
    """Return the document without the links of a block's instances to ports that are gone.

    Args:
        document: What to change.
        key: The block's key.
        ports: The input and output nodes as they were; others change nothing.
    """
    return _follow(document, key, ports, lambda ref: None)


def _follow(
    document: Document, key: str, ports: Iterable[Node], change: Callable[[PortRef], PortRef | None]
) -> Document:
    inputs, outputs = set[str](), set[str]()
    for port in ports:
        if port.type in (INPUT, OUTPUT):
            (inputs if port.type == INPUT else outputs).add(port.label)
    if not inputs and not outputs:
        return document
    for scope in (ROOT, *document.blocks):
        graph = document.scope(scope)
        instances = {id for id, node in graph.nodes.items() if node.type == BLOCK + key}
        if instances:
            edges = _changed(graph, instances, inputs, outputs, change)
            document = document if edges == graph.edges else with_edges(document, edges, scope)
    return document


def _changed(
    graph: Graph,
    instances: set[str],
    inputs: set[str],
    outputs: set[str],
    change: Callable[[PortRef], PortRef | None],
) -> dict[PortRef, PortRef]:
    edges = {}
    for target, source in graph.edges.items():
        to = change(target) if target.node in instances and target.port in inputs else target
        origin = change(source) if source.node in instances and source.port in outputs else source
        if to is not None and origin is not None:
            edges[to] = origin
    return edges
