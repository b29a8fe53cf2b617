"""Edits of links: connecting, disconnecting, inserting a layer into a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netbuilder.document.edits.nodes import add_node
from netbuilder.document.edits.registry import edit, graph_of, node_of, refuse, with_edges
from netbuilder.document.layout import GAP, NODE_HEIGHT, NODE_WIDTH
from netbuilder.document.model import ROOT, Document, Graph, Node, Place, PortRef, new_id
from netbuilder.document.topology import reachable, would_cycle


@edit
def connect(document: Document, target: PortRef, source: PortRef, scope: str = ROOT) -> Document:
    """Link an output port to an input port; the input's old link is replaced.

    Args:
        document: What to change.
        target: The input port.
        source: The output port.
        scope: The graph they are in.
    """
    graph = graph_of(document, scope)
    to, origin = node_of(graph, target.node), node_of(graph, source.node)
    if graph.edges.get(target) == source:
        return document
    if to.id == origin.id:
        refuse("edit.cycle", f"{to.label} cannot feed itself.", to.id, target.port)
    if would_cycle(document, source, target, scope):
        message = f"{origin.label} already depends on {to.label}: this link would close a circle."
        refuse("edit.cycle", message, to.id, target.port)
    return with_edges(document, {**graph.edges, target: source}, scope)


@edit
def disconnect(document: Document, target: PortRef, scope: str = ROOT) -> Document:
    """Remove the link into an input port."""
    graph = graph_of(document, scope)
    if target not in graph.edges:
        return document
    edges = dict(graph.edges)
    del edges[target]
    return with_edges(document, edges, scope)


@edit
def insert_layer(
    document: Document,
    node: str,
    port: str,
    type: str,
    parameters: Mapping[str, Any],
    label: str = "",
    input: str = "x",
    output: str = "y",
    id: str = "",
    scope: str = ROOT,
) -> Document:
    """Insert a new layer into the link to an input port, moving what comes after it aside when there is no room.

    Args:
        document: What to change.
        node: The node whose input is linked.
        port: Its input port.
        type: The new layer's key.
        parameters: All parameters of the new layer.
        label: Its label's wish; "" takes the type's key.
        input: The new layer's port that takes the value.
        output: The new layer's port that gives it on.
        id: The new node's id; "" draws one.
        scope: The graph.
    """
    graph = graph_of(document, scope)
    follower = node_of(graph, node)
    target = PortRef(node, port)
    source = graph.edges.get(target)
    if source is None:
        message = f"Nothing is linked to {port!r} of {follower.label}, so nothing can be inserted there."
        refuse("edit.link", message, node, port)
    new = Node(id=id or new_id(), type=type, label=label or type, parameters=parameters)
    place, document = _make_room(document, graph, source.node, node)
    document = add_node(document, new, place, scope=scope)
    edges = dict(document.scope(scope).edges)
    edges[target] = PortRef(new.id, output)
    edges[PortRef(new.id, input)] = source
    return with_edges(document, edges, scope)


def _make_room(document: Document, graph: Graph, source: str, target: str) -> tuple[Place | None, Document]:
    """Return where a node between two nodes lies, and the document with room made for it downstream."""
    places = document.layout.places
    if source not in places or target not in places:
        return None, document
    start, end = places[source], places[target]
    y = (start.y + end.y) / 2
    room = end.x - start.x - NODE_WIDTH
    if room < 0 and abs(end.y - start.y) > NODE_HEIGHT + GAP:  # a folded row: the next node lies below, to the left
        return Place(start.x + NODE_WIDTH + GAP, start.y), document
    missing = max(0.0, NODE_WIDTH + 2 * GAP - room)
    if not missing:
        return Place(start.x + NODE_WIDTH + (room - NODE_WIDTH) / 2, y), document
    aside = [id for id in (target, *reachable(graph, target)) if id in places]
    before = [places[id] for id in aside]
    after = map(Place._make, zip([x + missing for x, _ in before], [y for _, y in before], strict=True))
    moved = {**places, **dict(zip(aside, after, strict=True))}
    return Place(start.x + NODE_WIDTH + GAP, y), replace(document, layout=replace(document.layout, places=moved))
