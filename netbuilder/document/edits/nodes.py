"""Edits of nodes: adding, removing, naming, setting."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import compress
from operator import attrgetter, itemgetter, or_
from typing import Any

from netbuilder.document import clipboard
from netbuilder.document.adoption import holds_scope
from netbuilder.document.edits.appearance import move_nodes
from netbuilder.document.edits.ports import remove_ports, rename_port
from netbuilder.document.edits.registry import edit, graph_of, node_of, refuse, with_graph, with_node
from netbuilder.document.model import ROOT, Document, Graph, Node, Place, Plan, PortRef, Schema
from netbuilder.document.names import unique_label
from netbuilder.document.values import freeze_mapping
from netbuilder.foundation.limits import NODES, TEXT_LENGTH


@edit
def add_node(
    document: Document, node: Node, place: Place | None = None, schema: Schema | None = None, scope: str = ROOT
) -> Document:
    """Add a node.

    Args:
        document: What to change.
        node: With a fresh id; its label becomes a unique identifier.
        place: Where it lies; None leaves that to the canvas.
        schema: What it yields, for a data node.
        scope: The graph it goes into.
    """
    graph = graph_of(document, scope)
    if any(node.id in each.nodes for each in _graphs(document)):
        refuse("edit.id", f"The id {node.id!r} is taken.", node=node.id)
    if sum(len(each.nodes) for each in _graphs(document)) >= NODES:
        refuse("edit.limit", f"A project holds at most {NODES:,} nodes.")
    if holds_scope(document, node, scope):
        refuse("edit.endless", f"{document.blocks[scope].title} cannot hold itself.", node=node.id)
    label = unique_label(graph, node.label or node.type)
    node = replace(node, label=label, parameters=_frozen(node.parameters, node.id))
    document = with_node(document, node, scope)
    if schema is not None:
        document = replace(document, schemas={**document.schemas, node.id: schema})
    return document if place is None else move_nodes(document, {node.id: place})


@edit
def remove_nodes(document: Document, nodes: Collection[str], scope: str = ROOT) -> Document:
    """Remove nodes with their links, places and schemas; what referred to them no longer does."""
    graph = graph_of(document, scope)
    gone = frozenset(nodes) & graph.nodes.keys()
    if not gone:
        return document
    return _without_nodes(document, gone, [target for target, _ in _links_of(graph, gone)], scope)


def _links_of(graph: Graph, nodes: Collection[str]) -> list[tuple[PortRef, PortRef]]:
    """Return the links from and to some nodes, as (target, source); the loops run in the interpreter's C code."""
    from_here, to_here = (
        map(nodes.__contains__, map(itemgetter(0), ends)) for ends in (graph.edges.values(), graph.edges)
    )
    return list(compress(graph.edges.items(), map(or_, from_here, to_here)))


def _without_nodes(document: Document, gone: frozenset[str], links: Iterable[PortRef], scope: str) -> Document:
    """Remove nodes, with these links, which are all from and to them."""
    graph = document.scope(scope)
    edges, kept = dict(graph.edges), dict(graph.nodes)
    for target in links:
        del edges[target]
    for id in gone:
        del kept[id]
    for id in list(compress(kept, map(gone.__contains__, map(attrgetter("tied_to"), kept.values())))):
        kept[id] = replace(kept[id], tied_to="")
    document = with_graph(document, replace(graph, nodes=kept, edges=edges), scope)
    if scope != ROOT:
        document = remove_ports(document, scope, (graph.nodes[id] for id in gone))
    places = dict(document.layout.places)
    for id in gone:
        places.pop(id, None)
    schemas = document.schemas
    if not gone.isdisjoint(schemas):
        schemas = {id: schema for id, schema in schemas.items() if id not in gone}
    return replace(
        document,
        schemas=schemas,
        layout=replace(document.layout, places=places),
        plan=_without(document.plan, gone),
    )


@edit
def remove_and_heal(document: Document, nodes: Collection[str], scope: str = ROOT) -> Document:
    """Remove nodes and keep the flow: what they fed is fed by what fed them (their first input)."""
    graph = graph_of(document, scope)
    gone = frozenset(nodes) & graph.nodes.keys()
    touched = _links_of(graph, gone)
    feeds: dict[str, PortRef] = {}
    for target, source in touched:
        if target.node in gone:
            feeds.setdefault(target.node, source)
    healed, lost = dict(graph.edges), []
    for target, source in touched:
        found = _before(source, gone, feeds) if target.node not in gone else None
        if found is not None:
            healed[target] = found
        else:
            lost.append(target)
    return _without_nodes(with_graph(document, replace(graph, edges=healed), scope), gone, lost, scope)


@edit
def rename(document: Document, node: str, label: str, scope: str = ROOT) -> Document:
    """Give a node another label, made a unique identifier; a block's input or output keeps its links outside."""
    graph = graph_of(document, scope)
    old = node_of(graph, node)
    new = unique_label(graph, label, (node,))
    if new == old.label:
        return document
    document = with_node(document, replace(old, label=new), scope)
    return rename_port(document, scope, old, new) if scope else document


@edit
def set_note(document: Document, node: str, note: str, scope: str = ROOT) -> Document:
    """Set a node's comment."""
    old = node_of(graph_of(document, scope), node)
    if len(note) > TEXT_LENGTH:
        refuse("edit.text", f"A note holds at most {TEXT_LENGTH:,} characters.", node=node)
    return document if note == old.note else with_node(document, replace(old, note=note), scope)


@edit
def set_parameters(
    document: Document, node: str, values: Mapping[str, Any], schema: Schema | None = None, scope: str = ROOT
) -> Document:
    """Set some of a node's parameters; the others stay.

    Args:
        document: What to change.
        node: Its id.
        values: The new values by name.
        schema: For a data node: what it yields with them.
        scope: The graph it is in.
    """
    old = node_of(graph_of(document, scope), node)
    parameters = {**old.parameters, **_frozen(values, node)}
    if not _same(parameters, old.parameters):
        document = with_node(document, replace(old, parameters=parameters), scope)
    return document if schema is None else set_schema(document, node, schema)


@edit
def set_values(
    document: Document,
    values: Mapping[str, Mapping[str, Any]],
    schemas: Mapping[str, Schema] | None = None,
    scope: str = ROOT,
) -> Document:
    """Set some parameters of several nodes; the others stay.

    Args:
        document: What to change.
        values: Node id -> the new values by name.
        schemas: Data node id -> what it yields with them.
        scope: The graph they are in.
    """
    graph = graph_of(document, scope)
    changed = {}
    for node, given in values.items():
        old = node_of(graph, node)
        parameters = {**old.parameters, **_frozen(given, node)}
        if not _same(parameters, old.parameters):
            changed[node] = replace(old, parameters=parameters)
    if changed:
        document = with_graph(document, replace(graph, nodes={**graph.nodes, **changed}), scope)
    for node, schema in (schemas or {}).items():
        document = set_schema(document, node, schema)
    return document


@edit
def set_schema(document: Document, node: str, schema: Schema) -> Document:
    """Set what a data node yields. Links from fields that are gone stay, and are reported, until the user decides."""
    if document.schemas.get(node) == schema:
        return document
    return replace(document, schemas={**document.schemas, node: schema})


@edit
def replace_type(
    document: Document,
    node: str,
    type: str,
    parameters: Mapping[str, Any],
    label: str = "",
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    schema: Schema | None = None,
    scope: str = ROOT,
) -> Document:
    """Make another layer of a node: same id, same place, same links as far as they fit.

    Args:
        document: What to change.
        node: Its id.
        type: The new layer's key.
        parameters: All parameters of the new layer.
        label: The new label's wish; "" keeps the old one.
        inputs: Old input port -> new input port; links to others are removed. None keeps all.
        outputs: Old output port -> new output port; links from others are removed. None keeps all.
        schema: What it yields, for a data node.
        scope: The graph it is in.
    """
    graph = graph_of(document, scope)
    old = node_of(graph, node)
    name = unique_label(graph, label, (node,)) if label else old.label
    new = Node(id=node, type=type, label=name, parameters=_frozen(parameters, node), note=old.note)
    edges: dict[PortRef, PortRef] = {}
    for target, source in graph.edges.items():
        to = _renamed(target, node, inputs)
        origin = _renamed(source, node, outputs)
        if to is not None and origin is not None:
            edges[to] = origin
    if holds_scope(document, new, scope):
        refuse("edit.endless", f"{document.blocks[scope].title} cannot hold itself.", node=node)
    document = with_graph(document, Graph(nodes={**graph.nodes, node: new}, edges=edges, extra=graph.extra), scope)
    if scope != ROOT and type != old.type:
        document = remove_ports(document, scope, (old,))
    schemas = {id: each for id, each in document.schemas.items() if id != node}
    if schema is not None:
        schemas[node] = schema
    return replace(document, schemas=schemas) if schemas != document.schemas else document


@edit
def tie_weights(document: Document, node: str, other: str, scope: str = ROOT) -> Document:
    """Let a node use another's weights; "" gives it its own again."""
    graph = graph_of(document, scope)
    old = node_of(graph, node)
    if other == node:
        refuse("edit.tie", f"{old.label} cannot share weights with itself.", node=node)
    if other and node_of(graph, other).type != old.type:
        message = f"{old.label} can only share the weights of a layer of its own type."
        refuse("edit.tie", message, node=node)
    if other and graph.nodes[other].tied_to:
        refuse("edit.tie", f"{graph.nodes[other].label} has no weights of its own: it shares another's.", node=node)
    if other and graph.nodes[other].bypassed:
        refuse("edit.tie", f"{graph.nodes[other].label} is bypassed: use it again first.", node=node)
    return document if other == old.tied_to else with_node(document, replace(old, tied_to=other), scope)


@edit
def set_bypassed(document: Document, nodes: Collection[str], bypassed: bool, scope: str = ROOT) -> Document:
    """Leave nodes out, so that their first inputs go on from their first outputs; or use them again.

    Args:
        document: What to change.
        nodes: Their ids.
        bypassed: Whether they are left out.
        scope: The graph they are in.
    """
    graph = graph_of(document, scope)
    for id in nodes:
        old = node_of(graph, id)
        if bypassed and (user := next((each for each in graph.nodes.values() if each.tied_to == id), None)) is not None:
            refuse("edit.bypass", f"{old.label} lends its weights to {user.label}, so it cannot be bypassed.", node=id)
        if old.bypassed is not bypassed:
            document = with_node(document, replace(old, bypassed=bypassed), scope)
    return document


@edit
def duplicate(
    document: Document,
    nodes: Collection[str],
    offset: Place = Place(40.0, 40.0),  # noqa: B008 (immutable)
    keep_inputs: bool = False,
    scope: str = ROOT,
) -> Document:
    """Copy nodes beside themselves, with the links among them.

    Args:
        document: What to change.
        nodes: Their ids.
        offset: How far from the originals the copies lie.
        keep_inputs: Whether the copies are also fed by what feeds the originals.
        scope: The graph they are in.
    """
    graph_of(document, scope)
    clip = clipboard.take(document, nodes, scope)
    return clipboard.put(document, clip, offset=offset, keep_inputs=keep_inputs, scope=scope)[0]


def _frozen(values: Mapping[str, Any], node: str) -> dict[str, Any]:
    try:
        return freeze_mapping(values)
    except ValueError as error:
        refuse("edit.value", f"This value cannot be set: {error}.", node=node)


def _same(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether parameters are equal in value and type: 1, 1.0 and True are three values."""
    return new == old and repr(new) == repr(old)


def _graphs(document: Document) -> list[Graph]:
    return [document.graph, *(block.graph for block in document.blocks.values())]


def _before(source: PortRef, gone: Collection[str], feeds: Mapping[str, PortRef]) -> PortRef | None:
    """Return the first port upstream of `source` whose node stays."""
    seen: set[str] = set()
    while source.node in gone:
        if source.node in seen or source.node not in feeds:
            return None
        seen.add(source.node)
        source = feeds[source.node]
    return source


def _renamed(ref: PortRef, node: str, ports: Mapping[str, str] | None) -> PortRef | None:
    if ref.node != node or ports is None:
        return ref
    return PortRef(node, ports[ref.port]) if ref.port in ports else None


def _without(plan: Plan, gone: Collection[str]) -> Plan:
    """Return the plan without nodes that are gone; a phase without its losses goes too, unless it is the last."""
    phases = []
    for phase in plan.phases:
        losses = tuple(id for id in phase.losses if id not in gone)
        groups = tuple(
            replace(group, nodes=tuple(id for id in group.nodes if id not in gone))
            for group in phase.groups
            if not group.nodes or any(id not in gone for id in group.nodes)
        )
        if losses == phase.losses and groups == phase.groups:
            phases.append(phase)
        elif losses or not phase.losses:
            phases.append(replace(phase, losses=losses, groups=groups))
    if tuple(phases) == plan.phases:
        return plan
    return replace(plan, phases=tuple(phases) or (replace(plan.phases[0], losses=()),))
