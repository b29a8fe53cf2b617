"""Flow: which nodes the network's forward holds and in what order, what it takes, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Final, TypeAlias

from netbuilder.compiler.shapes import DATA
from netbuilder.document.blocks import definition_of, signature
from netbuilder.document.expressions import is_expression
from netbuilder.document.model import Document, Graph, Node, Phase, PortRef
from netbuilder.document.names import RESERVED, free_label, identifier
from netbuilder.layers.catalog import catalog
from netbuilder.layers.spec import LayerSpec

LOCAL: Final = frozenset({"model", "batch", "tap"})
"""Names of the generated functions' own arguments: no field, input or variable may have them."""

TARGET: Final = "target"
"""A loss's port that takes what should have been predicted."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes where.

    Attributes:
        forward: Ids of the nodes that `forward` holds, each after what feeds it.
        outputs: What `forward` returns: port -> its name.
        losses: Ids of the losses in use, in document order.
        phases: Each phase with the ids of its nodes outside `forward` (its losses last) in order.
        entries: Ports of data and input nodes in use -> their name as an argument and in a batch.
    """

    forward: tuple[str, ...]
    outputs: Mapping[PortRef, str]
    losses: tuple[str, ...]
    phases: tuple[tuple[Phase, tuple[str, ...]], ...]
    entries: Mapping[PortRef, str]

    @property
    def used(self) -> frozenset[str]:
        """Ids of all nodes that the network and its losses consist of, data and inputs included."""
        inner = (id for _, ids in self.phases for id in ids)
        return frozenset((*self.forward, *inner, *self.losses, *(port.node for port in (*self.entries, *self.outputs))))


Links: TypeAlias = Mapping[str, Sequence[tuple[str, PortRef]]]
"""Node path -> its linked inputs as (port, source), in the order of its ports."""


def is_entry(node: Node) -> bool:
    """Whether a node is where values enter: data or an Input."""
    return _is_entry(node.type)


def _is_entry(type: str) -> bool:
    return type.startswith(DATA) or type == "input"


def _types(graph: Graph) -> set[str]:
    """Return the types of all nodes: few, of maybe thousands."""
    return set(map(attrgetter("type"), graph.nodes.values()))


def spec_of(node: Node) -> LayerSpec | None:
    """Return a node's spec; None for data and unknown types."""
    return catalog().get(node.type)


def is_loss(node: Node) -> bool:
    """Whether a node is a loss."""
    spec = spec_of(node)
    return spec is not None and spec.is_loss


def sources_of(
    graph: Graph, port_names: Callable[[str], Sequence[str]] | None = None
) -> dict[str, list[tuple[str, PortRef]]]:
    """Return node id -> its linked inputs as (port, source), in the order of its ports, strays left out.

    Args:
        graph: The graph.
        port_names: Returns the names of a node's input ports, where they are known already.
    """
    found: dict[str, list[tuple[str, PortRef]]] = {}
    for target, source in graph.edges.items():
        if target.node in graph.nodes and source.node in graph.nodes:
            found.setdefault(target.node, []).append((target.port, source))
    for id, links in found.items():
        if len(links) > 1:
            names = port_names(id) if port_names is not None else _port_names(graph.nodes[id])
            if names and [port for port, _ in links[: len(names)]] == list(names[: len(links)]):
                continue
            position = {name: index for index, name in enumerate(names)}
            # By name where the ports are not known: never by the order in which the links were drawn.
            links.sort(key=lambda link: (position.get(link[0], len(position)), link[0]))
    return found


def _port_names(node: Node) -> Sequence[str]:
    spec = spec_of(node)
    if spec is None:
        return ()
    # What an expression in a block gives is not known here; the ports follow from the other settings nearly always.
    plain = {name: value for name, value in node.parameters.items() if not is_expression(value)}
    try:
        return [port.name for port in spec.input_ports(spec.resolve(plain))]
    except ValueError:
        return ()


def trace(document: Document, known: Links | None = None) -> Flow:
    """Find out what goes where in the main graph, which must be free of circles; blocks are nodes like others.

    Args:
        document: What to look at.
        known: Its links as `sources_of` gives them, where they are known already.
    """
    graph = document.graph
    links = sources_of(graph, partial(_inputs_of, document)) if known is None else known
    of_losses = {type for type in _types(graph) if (spec := catalog().get(type)) is not None and spec.is_loss}
    losses = [id for id, node in graph.nodes.items() if node.type in of_losses]
    exits = [
        (node.label, source)
        for id, node in graph.nodes.items()
        if node.type == "output"
        for _, source in links.get(id, ())
    ]
    predicted = [source for id in losses for port, source in links.get(id, ()) if port != TARGET]
    wanted = [source for _, source in exits] + predicted
    if not wanted:
        wanted = _loose_ends(document, losses)
    forward = ordered(graph, links, (port.node for port in wanted), set())
    inside = set(forward)
    phases = []
    for phase in document.plan.phases:
        chosen = [id for id in losses if not phase.losses or id in phase.losses]
        phases.append((phase, tuple(ordered(graph, links, chosen, inside))))
    outside = [id for _, ids in phases for id in ids]
    outputs = _outputs(graph, links, exits, predicted or wanted, inside, outside)
    entries = _entries(document, links, [*forward, *outside], outputs)
    return Flow(tuple(forward), outputs, tuple(losses), tuple(phases) if losses else (), entries)


def _inputs_of(document: Document, id: str) -> Sequence[str]:
    """Return the names of the input ports of a node of the main graph, which may be a block."""
    definition = definition_of(document, document.graph.nodes[id])
    return tuple(signature(definition).inputs) if definition else _port_names(document.graph.nodes[id])


def _loose_ends(document: Document, losses: Sequence[str]) -> list[PortRef]:
    """Return an output port of each layer that feeds nothing, for a network without outputs and losses."""
    graph = document.graph
    feeding = {source.node for source in graph.edges.values()}
    ends = []
    for id, node in graph.nodes.items():
        if id in feeding or is_entry(node) or id in losses:
            continue
        definition = definition_of(document, node)
        names = tuple(signature(definition).outputs) if definition else _output_names(node)
        ends += [PortRef(id, name) for name in names[:1]]
    return ends


def _output_names(node: Node) -> Sequence[str]:
    spec = spec_of(node)
    try:
        return [port.name for port in spec.output_ports(spec.resolve(node.parameters))] if spec else ()
    except ValueError:
        return ()


def ordered(
    graph: Graph, links: Mapping[str, Sequence[tuple[str, PortRef]]], ends: Iterable[str], done: set[str]
) -> list[str]:
    """Return the layers upstream of `ends`, chain by chain, without those `done` and without data and inputs."""
    of_entries = {type for type in _types(graph) if _is_entry(type)}
    seen, order = done | {id for id, node in graph.nodes.items() if node.type in of_entries}, []
    for end in ends:
        stack = [(end, False)]
        while stack:
            id, ready = stack.pop()
            if ready:
                order.append(id)
                continue
            if id in seen:
                continue
            seen.add(id)
            stack.append((id, True))
            stack.extend([(source.node, False) for _, source in reversed(links.get(id, ()))])
    return order


def _outputs(
    graph: Graph,
    links: Mapping[str, Sequence[tuple[str, PortRef]]],
    exits: Sequence[tuple[str, PortRef]],
    others: Sequence[PortRef],
    inside: set[str],
    outside: Sequence[str],
) -> dict[PortRef, str]:
    """Return what `forward` returns: the Output nodes' values, else the predictions; then whatever else losses read."""
    read = [source for id in outside for _, source in links.get(id, ()) if source.node in inside]
    outputs: dict[PortRef, str] = {}
    taken: set[str] = set()
    wishes = [*exits] or [(graph.nodes[source.node].label, source) for source in others]
    wishes += [(graph.nodes[source.node].label, source) for source in read]
    for wish, source in wishes:
        if source not in outputs and not (source.node not in inside and not exits):
            outputs[source] = free_label(taken, wish)
            taken.add(outputs[source])
    return outputs


def _entries(
    document: Document,
    links: Mapping[str, Sequence[tuple[str, PortRef]]],
    nodes: Sequence[str],
    outputs: Iterable[PortRef],
) -> dict[PortRef, str]:
    """Return the ports of data and inputs in use, in document order, each with a name of its own."""
    graph = document.graph
    read = {source for id in nodes for _, source in links.get(id, ())} | set(outputs)
    ports = [
        port
        for id, node in graph.nodes.items()
        if is_entry(node)
        for port in _entry_ports(document, node)
        if port in read
    ]
    wishes = {port: _entry_name(graph.nodes[port.node], port) for port in ports}
    names: dict[PortRef, str] = {}
    taken = {*RESERVED, *LOCAL}
    for port, wish in wishes.items():
        if list(wishes.values()).count(wish) > 1:
            wish = identifier(f"{graph.nodes[port.node].label}_{wish}")
        names[port] = free_label(taken, wish)
        taken.add(names[port])
    return names


def _entry_ports(document: Document, node: Node) -> list[PortRef]:
    if node.type == "input":
        return [PortRef(node.id, "y")]
    schema = document.schemas.get(node.id)
    return [PortRef(node.id, field.name) for field in schema.fields] if schema else []


def _entry_name(node: Node, port: PortRef) -> str:
    return identifier(node.label if node.type == "input" else port.port)
