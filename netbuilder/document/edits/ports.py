"""Ports of blocks: what changes around a block's instances when an input or output in its definition changes."""

from __future__ import annotations

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
    if port.type not in (INPUT, OUTPUT):
        return document
    is_input = port.type == INPUT
    for scope in (ROOT, *document.blocks):
        graph = document.scope(scope)
        instances = {id for id, node in graph.nodes.items() if node.type == BLOCK + key}
        if instances:
            edges = _renamed(graph, instances, port.label, name, is_input)
            document = document if edges == graph.edges else with_edges(document, edges, scope)
    return document


def _renamed(graph: Graph, instances: set[str], old: str, new: str, is_input: bool) -> dict[PortRef, PortRef]:
    edges = {}
    for target, source in graph.edges.items():
        if is_input and target.node in instances and target.port == old:
            target = PortRef(target.node, new)
        if not is_input and source.node in instances and source.port == old:
            source = PortRef(source.node, new)
        edges[target] = source
    return edges
