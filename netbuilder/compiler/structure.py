"""Structure: what of a document stays the same while only sizes and settings change, and what follows from it.

Which nodes there are, of which kind, with which ports and names, and how they are linked: an edit of a parameter
changes none of it. `Outline` therefore gives the same `Structure` again, and all that was worked out for it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from netbuilder.compiler.expansion import Expansion
from netbuilder.compiler.flow import Flow, is_entry, sources_of, spec_of, trace
from netbuilder.compiler.shapes import DATA
from netbuilder.document.identity import fresh_keys
from netbuilder.document.model import Document, Graph, Node, PortRef
from netbuilder.foundation.steps import Steps
from netbuilder.layers.spec import LayerSpec, Port

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a node is, whatever its settings.

    Attributes:
        spec: Its layer's declaration; None for data and unknown types.
        is_entry: Whether values enter there: data or an Input.
        inputs: Its input ports; None where they are not known.
        outputs: The names of its output ports; None where they are not known.
        label: Its name.
        tied_to: Whose weights it shares, or "".
    """

    spec: LayerSpec | None
    is_entry: bool
    inputs: tuple[Port, ...] | None
    outputs: frozenset[str] | None
    label: str
    tied_to: str

    @property
    def is_loss(self) -> bool:
        """Whether it is a loss."""
        return self.spec is not None and self.spec.is_loss


class Structure:
    """The structure of a document.

    Attributes:
        drawn: The document as it was drawn; its settings may be old ones.
        flat: The same written out, without blocks.
        expansion: How it was written out.
        kinds: Node path -> what the node is.
    """

    def __init__(self, drawn: Document, flat: Document, expansion: Expansion, kinds: Mapping[str, Kind]) -> None:
        """Keep what everything else follows from."""
        self.drawn, self.flat, self.expansion, self.kinds = drawn, flat, expansion, kinds
        self._port_names: dict[int, list[str]] = {}  # by the identity of the ports, which the kinds hold
        self._made: dict[Callable[[Structure], Any], Any] = {}

    def remember(self, work: Callable[[Structure], T]) -> T:
        """Return what `work` makes of this structure, worked out only once; it must look at nothing else."""
        if work not in self._made:
            self._made[work] = work(self)
        made: T = self._made[work]
        return made

    def remember_in_steps(self, work: Callable[[Structure], Steps[T]]) -> Steps[T]:
        """Return what `work` makes of this structure, in steps the first time; see `remember`."""
        if work not in self._made:
            self._made[work] = yield from work(self)
        made: T = self._made[work]
        return made

    def prepare(self) -> Steps[None]:
        """Work out what nearly everything asks for."""
        for name in ("links", "flow", "used", "roots", "is_open", "position"):
            if name not in vars(self):
                yield
                getattr(self, name)

    @property
    def graph(self) -> Graph:
        """The flat graph."""
        return self.flat.graph

    @cached_property
    def links(self) -> Mapping[str, Sequence[tuple[str, PortRef]]]:
        """Node path -> its linked inputs as (port, source), in the order of its ports."""
        kinds, names = self.kinds, self.port_names
        return sources_of(self.graph, lambda id: names(kinds[id].inputs or ()))

    def port_names(self, ports: tuple[Port, ...]) -> Sequence[str]:
        """Return the names of a node's input ports, which those of thousands of nodes share."""
        names = self._port_names.get(id(ports))
        if names is None:
            names = self._port_names[id(ports)] = [port.name for port in ports]
        return names

    @cached_property
    def flow(self) -> Flow:
        """What goes where."""
        return trace(self.flat, self.links)

    @cached_property
    def used(self) -> frozenset[str]:
        """Paths of the nodes that the network and its losses consist of."""
        return self.flow.used

    @cached_property
    def roots(self) -> frozenset[str]:
        """Ids of the nodes of the main graph that the network and its losses consist of, blocks included."""
        return self.used if self.drawn is self.flat else trace(self.drawn).used

    @cached_property
    def is_open(self) -> bool:
        """Whether there is neither a loss nor an Output, so that everything counts as used."""
        return not (self.flow.losses or any(node.type == "output" for node in self.graph.nodes.values()))

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Node path -> its place in document order."""
        return {id: index for index, id in enumerate(self.graph.nodes)}

    @cached_property
    def loose(self) -> Sequence[PortRef]:
        """The output ports that feed nothing, losses' left out."""
        feeding = set(self.graph.edges.values())
        return [
            PortRef(id, port)
            for id, kind in self.kinds.items()
            if not kind.is_loss
            for port in sorted(kind.outputs or ())
            if PortRef(id, port) not in feeding
        ]


class Outline:
    """Follows a document from edit to edit and gives its structure, the same object as long as that stays the same."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._structure: Structure | None = None
        self._nodes: Mapping[str, Node] = {}
        self._followed: tuple[Document, Expansion] | None = None

    def follow(self, document: Document, expansion: Expansion) -> Structure:
        """Return the structure of a document.

        Args:
            document: As it was drawn.
            expansion: The same written out.
        """
        last, before, followed = self._structure, self._nodes, self._followed
        if last is not None and followed is not None and followed[0] is document and followed[1] is expansion:
            return last
        self._followed = document, expansion
        flat = expansion.of(document)
        nodes = flat.graph.nodes
        known = last.kinds if last is not None and document.schemas == last.drawn.schemas else {}
        changed = {id: _kind(flat, nodes[id]) for id in fresh_keys(before if known else {}, nodes)}
        self._nodes = nodes
        same = last is not None and known and _same_around(last, document, flat, expansion)
        if last is not None and same and all(known[id] == kind for id, kind in changed.items()):
            return last
        kinds = {id: changed[id] if id in changed else known[id] for id in nodes}
        self._structure = structure = Structure(document, flat, expansion, kinds)
        return structure


def _same_around(last: Structure, document: Document, flat: Document, expansion: Expansion) -> bool:
    """Whether everything but the nodes themselves and the schemas is as it was."""
    graph, before = flat.graph, last.graph
    return (
        (graph.edges is before.edges or graph.edges == before.edges)
        and (document.graph.edges is last.drawn.graph.edges or document.graph.edges == last.drawn.graph.edges)
        and (graph.nodes is before.nodes or list(graph.nodes) == list(before.nodes))
        and document.blocks is last.drawn.blocks
        and document.plan.phases == last.drawn.plan.phases
        and expansion.entrances == last.expansion.entrances
        and expansion.cut == last.expansion.cut
        and expansion.copies == last.expansion.copies
    )


def _kind(document: Document, node: Node) -> Kind:
    if node.type.startswith(DATA):
        schema = document.schemas.get(node.id)
        fields = frozenset(field.name for field in schema.fields) if schema else None
        return Kind(None, True, (), fields, node.label, node.tied_to)
    spec = spec_of(node)
    inputs, outputs = _ports(spec, node) if spec is not None else (None, None)
    return Kind(spec, is_entry(node), inputs, outputs, node.label, node.tied_to)


def _ports(spec: LayerSpec, node: Node) -> tuple[tuple[Port, ...] | None, frozenset[str] | None]:
    if not callable(spec.inputs) and not callable(spec.outputs):
        return spec.inputs, frozenset(port.name for port in spec.outputs)
    try:
        values = spec.resolve(node.parameters)
    except ValueError:
        return None, None
    return spec.input_ports(values), frozenset(port.name for port in spec.output_ports(values))
