"""Dissolving a block: an instance is written out where it stands, every repeat of it, with its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netbuilder.document.adoption import node_count, renewed
from netbuilder.document.blocks import INPUT, OUTPUT, REPEAT, block_key, signature
from netbuilder.document.edits.blocks import instance_of
from netbuilder.document.edits.registry import edit, graph_of, refuse, with_graph
from netbuilder.document.expressions import ExpressionError, is_expression, substitute, text_of
from netbuilder.document.layout import GAP, NODE_WIDTH
from netbuilder.document.model import (
    ROOT,
    Definition,
    Document,
    Frame,
    Graph,
    Group,
    Layout,
    Node,
    Place,
    Plan,
    PortRef,
    new_id,
)
from netbuilder.document.names import free_label
from netbuilder.foundation.limits import NODES


@edit
def dissolve_block(document: Document, node: str, scope: str = ROOT) -> Document:
    """Put the layers of a block in the place of one of its instances; the definition stays.

    Args:
        document: What to change.
        node: The instance.
        scope: The graph it is in.
    """
    instance = instance_of(document, node, scope)
    graph = graph_of(document, scope)
    if instance.tied_to or any(other.tied_to == node for other in graph.nodes.values()):
        message = f"{instance.label} shares weights with another block: give it weights of its own first."
        refuse("edit.tie", message, node)
    definition = document.blocks[block_key(instance)]
    if block_key(instance) == scope:
        refuse("edit.endless", f"{instance.label} holds itself, so that it has no end.", node)
    repeat = instance.parameters.get(REPEAT, 1)
    if type(repeat) is not int or repeat < 1:
        refuse("edit.repeat", f"{instance.label} is repeated as often as an expression says: set a number first.", node)
    inner = [each for each in definition.graph.nodes.values() if each.type not in (INPUT, OUTPUT)]
    if node_count(document) + repeat * len(inner) > NODES:
        refuse("edit.limit", f"A project holds at most {NODES:,} nodes; written out there would be more.", node)
    return _Writing(document, scope, graph, instance, definition).run(repeat)


@dataclass(slots=True)
class _Writing:
    """An instance being written out."""

    document: Document
    scope: str
    graph: Graph
    instance: Node
    definition: Definition
    values: dict[str, Any] = field(default_factory=dict)
    copies: list[tuple[Mapping[str, str], Graph]] = field(default_factory=list)

    def run(self, repeat: int) -> Document:
        """Return the document with the layers."""
        declared = signature(self.definition)
        self.values = {
            each.name: self.instance.parameters.get(each.name, each.default)
            for each in declared.parameters
            if each.name != REPEAT
        }
        taken = {node.label for node in self.graph.nodes.values() if node.id != self.instance.id}
        nodes: dict[str, Node] = {}
        for _ in range(repeat):
            fresh = {id: new_id() for id in self.definition.graph.nodes}
            copy = renewed(self.definition.graph, fresh, {})
            self.copies.append((fresh, copy))
            for node in copy.nodes.values():
                if node.type not in (INPUT, OUTPUT):
                    label = free_label(taken, node.label)
                    taken.add(label)
                    nodes[node.id] = replace(node, label=label, parameters=self._resolved(node))
        graph = replace(self.graph, nodes=self._put(nodes), edges=self._edges(nodes))
        document = with_graph(self.document, graph, self.scope)
        plan = _regrouped(document.plan, self.instance.id, tuple(nodes))
        return replace(document, layout=self._layout(nodes), plan=plan)

    def _resolved(self, node: Node) -> dict[str, Any]:
        """Return a node's parameters with the instance's values in its expressions."""
        found = {}
        for name, value in node.parameters.items():
            try:
                found[name] = substitute(text_of(value), self.values) if is_expression(value) else value
            except ExpressionError as error:
                message = f"{node.label} has an expression for {name} without a value: {error}."
                refuse("edit.expression", message, self.instance.id, field=name)
        return found

    def _put(self, written: Mapping[str, Node]) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        for id, node in self.graph.nodes.items():
            if id == self.instance.id:
                nodes |= written
            else:
                nodes[id] = node
        return nodes

    def _edges(self, written: Mapping[str, Node]) -> dict[PortRef, PortRef]:
        edges: dict[PortRef, PortRef] = {}
        for target, source in self.graph.edges.items():
            if target.node == self.instance.id:
                continue
            if source.node != self.instance.id:
                edges[target] = source
                continue
            found = self._leaving(len(self.copies) - 1, source.port)
            if found is not None:
                edges[target] = found
        for number, (_, copy) in enumerate(self.copies):
            for target, source in copy.edges.items():
                origin = self._origin(number, source)
                if target.node in written and origin is not None:
                    edges[target] = origin
        return edges

    def _origin(self, number: int, source: PortRef) -> PortRef | None:
        """Return what a port inside a copy has its value from; None when nothing is linked."""
        node = self.copies[number][1].nodes.get(source.node)
        if node is None or node.type != INPUT:
            return source if node is not None else None
        ports = self._labels(INPUT)
        outputs = self._labels(OUTPUT)
        if number and ports.index(node.label) < len(outputs):
            return self._leaving(number - 1, outputs[ports.index(node.label)])
        return self.graph.edges.get(PortRef(self.instance.id, node.label))

    def _leaving(self, number: int, port: str) -> PortRef | None:
        """Return what a copy gives out at an output port."""
        fresh, copy = self.copies[number]
        exit = next(
            (id for id, node in self.definition.graph.nodes.items() if node.type == OUTPUT and node.label == port), None
        )
        found = copy.edges.get(PortRef(fresh[exit], "x")) if exit is not None else None
        return self._origin(number, found) if found is not None else None

    def _labels(self, type: str) -> Sequence[str]:
        return [node.label for node in self.definition.graph.nodes.values() if node.type == type]

    def _layout(self, written: Mapping[str, Node]) -> Layout:
        """Lay the copies out side by side where the instance was, and move what lies to the right aside."""
        layout = self.document.layout
        places, frames = dict(layout.places), dict(layout.frames)
        at = places.pop(self.instance.id, None)
        known = {
            id: layout.places[id]
            for id, node in self.definition.graph.nodes.items()
            if id in layout.places and node.type not in (INPUT, OUTPUT)
        }
        if at is None or not known:
            return replace(layout, places=places)
        left, top = min(each.x for each in known.values()), min(each.y for each in known.values())
        width = max(each.x for each in known.values()) + NODE_WIDTH - left
        aside = len(self.copies) * (width + GAP) - GAP - NODE_WIDTH
        for id in self.graph.nodes:
            if id in places and places[id].x > at.x and aside > 0:
                places[id] = Place(places[id].x + aside, places[id].y)
        bottom = max(each.y for each in known.values())
        for number, (fresh, _) in enumerate(self.copies):
            dx = at.x - left + number * (width + GAP)
            dy = round(at.y - (top + bottom) / 2)
            for old, place in known.items():
                places[fresh[old]] = Place(place.x + dx, place.y + dy)
            frames |= {frame.id: frame for frame in self._frames(dx, dy)}
        return replace(layout, places=places, frames=frames)

    def _frames(self, dx: float, dy: float) -> list[Frame]:
        return [
            replace(frame, id=new_id("f"), scope=self.scope, x=frame.x + dx, y=frame.y + dy)
            for frame in self.document.layout.frames.values()
            if frame.scope == self.definition.key
        ]


def _regrouped(plan: Plan, gone: str, written: tuple[str, ...]) -> Plan:
    """Return the plan with the layers in the parameter groups that named the block."""
    phases = tuple(
        replace(phase, groups=tuple(_named(group, gone, written) for group in phase.groups)) for phase in plan.phases
    )
    return plan if phases == plan.phases else replace(plan, phases=phases)


def _named(group: Group, gone: str, written: tuple[str, ...]) -> Group:
    if gone not in group.nodes:
        return group
    return replace(group, nodes=tuple(id for node in group.nodes for id in (written if node == gone else (node,))))
