"""Making a block of nodes: what was between them and the rest of the graph becomes the block's ports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from netbuilder.document.adoption import free_key, free_title, node_count
from netbuilder.document.blocks import BLOCK, INPUT, OUTPUT, REPEAT
from netbuilder.document.edits.registry import edit, graph_of, refuse
from netbuilder.document.expressions import ExpressionError, expression, is_expression, names_in, text_of
from netbuilder.document.layout import GAP, NODE_HEIGHT, NODE_WIDTH
from netbuilder.document.model import (
    ROOT,
    Definition,
    Document,
    Graph,
    Group,
    Layout,
    Node,
    Place,
    Plan,
    PortRef,
    new_id,
)
from netbuilder.document.names import free_label, unique_label
from netbuilder.document.topology import ancestors, descendants
from netbuilder.foundation.limits import BLOCKS, NODES

DEFAULT_TITLE: Final = "Block"
"""What a block is called until the user gives it a title."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """What leads into a set of nodes and out of it.

    Attributes:
        entrances: For each value that comes in: its source (None where nothing is linked yet), the ports it goes to.
        exits: The ports inside whose values go out.
    """

    entrances: tuple[tuple[PortRef | None, tuple[PortRef, ...]], ...]
    exits: tuple[PortRef, ...]


def boundary(
    graph: Graph, nodes: Collection[str], inputs: Iterable[PortRef] = (), outputs: Iterable[PortRef] = ()
) -> Boundary:
    """Return what leads into nodes and out of them, in the order of the nodes.

    Args:
        graph: Where they are.
        nodes: Their ids.
        inputs: Input ports that nothing is linked to and that a block of them should have nevertheless.
        outputs: Output ports that lead nowhere, likewise.
    """
    position = {id: number for number, id in enumerate(graph.nodes)}
    fed: dict[PortRef, list[PortRef]] = {}
    exits: dict[PortRef, None] = {}
    for target in sorted(graph.edges, key=lambda port: position[port.node]):
        source = graph.edges[target]
        if target.node in nodes and source.node not in nodes:
            fed.setdefault(source, []).append(target)
        elif source.node in nodes and target.node not in nodes:
            exits[source] = None
    exits.update(dict.fromkeys(port for port in outputs if port.node in nodes))
    entrances: list[tuple[PortRef | None, tuple[PortRef, ...]]] = [(source, tuple(to)) for source, to in fed.items()]
    entrances += [(None, (port,)) for port in inputs if port.node in nodes and port not in graph.edges]
    return Boundary(tuple(entrances), tuple(sorted(exits, key=lambda port: position[port.node])))


@edit
def make_block(
    document: Document,
    nodes: Collection[str],
    title: str = DEFAULT_TITLE,
    scope: str = ROOT,
    key: str = "",
    id: str = "",
    inputs: Sequence[PortRef] = (),
    outputs: Sequence[PortRef] = (),
    samples: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """Make a block of nodes and put one instance of it in their place.

    Args:
        document: What to change.
        nodes: Their ids; data nodes, and the graph's own inputs and outputs, cannot be among them.
        title: The block's title, made unique.
        scope: The graph they are in.
        key: The definition's key; "" makes one from the title.
        id: The instance's id; "" draws one.
        inputs: Unlinked input ports that become ports of the block.
        outputs: Output ports leading nowhere that become ports of the block.
        samples: Parameters of the block's input nodes, in the order of `boundary`: what it was fed with when it was
            made, for looking at it on its own.
    """
    graph = graph_of(document, scope)
    chosen = {each: node for each, node in graph.nodes.items() if each in nodes}
    _check(document, graph, chosen)
    found = boundary(graph, chosen.keys(), inputs, outputs)
    if not found.exits:
        refuse("edit.block", "Nothing comes out of these nodes, so that a block of them would be of no use.")
    work = _Making(document, graph, scope, chosen, found, samples)
    return work.run(free_title(document, title.strip() or DEFAULT_TITLE), key, id or new_id())


def _check(document: Document, graph: Graph, chosen: Mapping[str, Node]) -> None:
    if not chosen:
        refuse("edit.block", "Select the layers that the block is to be made of.")
    if len(document.blocks) >= BLOCKS or node_count(document) + 2 >= NODES:
        refuse("edit.limit", f"A project holds at most {BLOCKS:,} blocks and {NODES:,} nodes.")
    for node in chosen.values():
        if node.type.startswith("data."):
            refuse("edit.data", f"{node.label} is a data source: it stays outside of blocks.", node.id)
        if node.type in (INPUT, OUTPUT):
            what = "an input" if node.type == INPUT else "an output"
            refuse("edit.block", f"{node.label} is {what} of the graph: it stays outside of the block.", node.id)
    _check_ties(graph, chosen)
    between = descendants(graph, chosen) & ancestors(graph, chosen) - chosen.keys()
    if between:
        middle = graph.nodes[next(each for each in graph.nodes if each in between)]
        message = (
            f"{middle.label} lies between these nodes: with it outside, the block would feed itself. Select it too."
        )
        refuse("edit.cycle", message, middle.id)


def _check_ties(graph: Graph, chosen: Mapping[str, Node]) -> None:
    for node in graph.nodes.values():
        if node.tied_to in graph.nodes and (node.id in chosen) is not (node.tied_to in chosen):
            other = graph.nodes[node.tied_to].label
            message = f"{node.label} shares the weights of {other}: select both, or give it weights of its own."
            refuse("edit.tie", message, node.id)


@dataclass(slots=True)
class _Making:
    """A block in the making."""

    document: Document
    graph: Graph
    scope: str
    chosen: Mapping[str, Node]
    boundary: Boundary
    samples: Sequence[Mapping[str, Any]]
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[PortRef, PortRef] = field(default_factory=dict)
    outer: dict[PortRef, PortRef] = field(default_factory=dict)

    def run(self, title: str, key: str, id: str) -> Document:
        """Return the document with the block."""
        key = key or free_key(self.document, title)
        self.nodes, self.edges = {}, {}
        inner = {t: s for t, s in self.graph.edges.items() if t.node in self.chosen and s.node in self.chosen}
        names = {node.label for node in self.chosen.values()}
        entrances = self._entrances(id, names)
        self.nodes.update(self.chosen)
        exits = self._exits(id, names)
        self.edges.update(inner)
        parameters, values = self._parameters()
        definition = Definition(
            key=key, title=title, graph=Graph(nodes=self.nodes, edges=self.edges), parameters=parameters
        )
        rest = {each: node for each, node in self.graph.nodes.items() if each not in self.chosen}
        instance = Node(
            id=id,
            type=BLOCK + key,
            label=unique_label(replace(self.graph, nodes=rest), title),
            parameters={REPEAT: 1, **values},
        )
        graph = replace(self.graph, nodes=_put(self.graph, self.chosen, instance), edges=self._outer_edges())
        document = replace(self.document, blocks={**self.document.blocks, key: definition})
        if self.scope:
            outer = replace(document.blocks[self.scope], graph=graph)
            document = replace(document, blocks={**document.blocks, self.scope: outer})
        else:
            document = replace(document, graph=graph)
        layout = self._layout(key, id, entrances, exits)
        return replace(document, layout=layout, plan=_regrouped(document.plan, self.chosen, id))

    def _entrances(self, id: str, taken: set[str]) -> list[str]:
        """Make the input nodes."""
        made = []
        single = len(self.boundary.entrances) == 1
        for number, (source, targets) in enumerate(self.boundary.entrances):
            wish = "x" if single else targets[0].port
            if not single and (wish == "x" or wish in taken):
                wish = self.graph.nodes[(source or targets[0]).node].label
            name = free_label(taken, wish)
            taken.add(name)
            sample = dict(self.samples[number]) if number < len(self.samples) else {}
            node = Node(id=new_id(), type=INPUT, label=name, parameters=sample)
            self.nodes[node.id] = node
            self.edges.update(dict.fromkeys(targets, PortRef(node.id, "y")))
            if source is not None:
                self.outer[PortRef(id, name)] = source
            made.append(node.id)
        return made

    def _exits(self, id: str, taken: set[str]) -> list[str]:
        """Make the output nodes."""
        made = []
        for source in self.boundary.exits:
            wish = "y" if len(self.boundary.exits) == 1 else f"{self.graph.nodes[source.node].label}_out"
            name = free_label(taken, wish)
            taken.add(name)
            node = Node(id=new_id(), type=OUTPUT, label=name)
            self.nodes[node.id] = node
            self.edges[PortRef(node.id, "x")] = source
            for target, origin in self.graph.edges.items():
                if origin == source and target.node not in self.chosen:
                    self.outer[target] = PortRef(id, name)
            made.append(node.id)
        return made

    def _outer_edges(self) -> dict[PortRef, PortRef]:
        apart = {t: s for t, s in self.graph.edges.items() if t.node not in self.chosen and s.node not in self.chosen}
        return {**apart, **self.outer}

    def _parameters(self) -> tuple[tuple[Mapping[str, Any], ...], dict[str, Any]]:
        """Declare those of the outer block's parameters that expressions inside read, and pass them on."""
        if not self.scope:
            return (), {}
        used: set[str] = set()
        for node in self.chosen.values():
            for value in node.parameters.values():
                if is_expression(value):
                    try:
                        used |= names_in(text_of(value))
                    except ExpressionError:  # it cannot be read, which the compiler tells
                        continue
        declared = tuple(each for each in self.document.blocks[self.scope].parameters if each.get("name") in used)
        return declared, {str(each["name"]): expression(str(each["name"])) for each in declared}

    def _layout(self, key: str, id: str, entrances: list[str], exits: list[str]) -> Layout:
        layout = self.document.layout
        places, frames = dict(layout.places), dict(layout.frames)
        known = [places[each] for each in self.chosen if each in places]
        if known:
            left, right = min(at.x for at in known), max(at.x for at in known)
            top, bottom = min(at.y for at in known), max(at.y for at in known)
            middle = (top + bottom) / 2
            places[id] = Place(round((left + right) / 2), round(middle))
            places |= _column(entrances, left - NODE_WIDTH - GAP, middle)
            places |= _column(exits, right + NODE_WIDTH + GAP, middle)
        for frame in layout.frames.values():
            inside = [
                each
                for each in self.graph.nodes
                if frame.scope == self.scope and each in layout.places and _covers(frame, layout.places[each])
            ]
            if inside and all(each in self.chosen for each in inside):
                frames[frame.id] = replace(frame, scope=key)
        return replace(layout, places=places, frames=frames)


def _covers(frame: Any, at: Place) -> bool:
    return bool(frame.x <= at.x <= frame.x + frame.width and frame.y <= at.y <= frame.y + frame.height)


def _column(nodes: list[str], x: float, middle: float) -> dict[str, Place]:
    top = middle - (len(nodes) - 1) * (NODE_HEIGHT + GAP / 2) / 2
    return {node: Place(x, round(top + row * (NODE_HEIGHT + GAP / 2))) for row, node in enumerate(nodes)}


def _put(graph: Graph, chosen: Mapping[str, Node], instance: Node) -> dict[str, Node]:
    """Return the graph's nodes with the instance where the first of those chosen was."""
    nodes: dict[str, Node] = {}
    for each, node in graph.nodes.items():
        if each in chosen:
            nodes.setdefault(instance.id, instance)
        else:
            nodes[each] = node
    return nodes


def _regrouped(plan: Plan, chosen: Mapping[str, Node], id: str) -> Plan:
    """Return the plan with the block in the parameter groups that named nodes of it."""
    phases = tuple(
        replace(phase, groups=tuple(_named(group, chosen, id) for group in phase.groups)) for phase in plan.phases
    )
    return plan if phases == plan.phases else replace(plan, phases=phases)


def _named(group: Group, chosen: Mapping[str, Node], id: str) -> Group:
    if not any(node in chosen for node in group.nodes):
        return group
    return replace(group, nodes=tuple(dict.fromkeys(id if node in chosen else node for node in group.nodes)))
