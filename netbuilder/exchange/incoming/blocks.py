"""Blocks of an import: groups of nodes become definitions and instances. Imports torch, for the weights' type.

Groups of one class and one structure share a definition; parameters in which they differ become the definition's own.
Equal instances in a row become one that is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from torch import Tensor

from netbuilder.document.blocks import BLOCK, KINDS, REPEAT, block_key, is_block, plain_parameter, signature
from netbuilder.document.expressions import expression
from netbuilder.document.model import Definition, Document, Graph, Node, PortRef, new_id
from netbuilder.document.names import free_label, identifier
from netbuilder.exchange.incoming.grouping import Group, group_nodes
from netbuilder.exchange.incoming.operation import Scope
from netbuilder.exchange.incoming.repeats import repeated
from netbuilder.foundation.parameter import Parameter
from netbuilder.layers.catalog import catalog

MOST_PARAMETERS: Final = 6
"""In how many ways instances of one definition may differ; with more, each kind has a definition of its own."""

Held: TypeAlias = Mapping[str, Mapping[str, Tensor]]


@dataclass(slots=True)
class Draft:
    """A level on its way to a definition, or to the main graph.

    Attributes:
        graph: What it holds, its ports included.
        needs: Ports of the flat graph around it that feed it, in the order of its input ports.
        gives: Ports of the flat graph inside it that others read, in the order of its output ports.
        paths: Path of a node inside -> the id of the flat node.
    """

    graph: Graph
    needs: tuple[PortRef, ...] = ()
    gives: tuple[PortRef, ...] = ()
    paths: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Settled:
    """A group whose definition is known.

    Attributes:
        draft: What was made of it.
        key: Its definition.
        values: What it gives for the definition's parameters.
        names: Its own node's id -> the id of the same node in the definition.
    """

    draft: Draft
    key: str
    values: Mapping[str, Any]
    names: Mapping[str, str]

    def paths(self) -> Iterator[tuple[str, str]]:
        """Yield (path inside the definition, flat node's id)."""
        for path, id in self.draft.paths.items():
            head, slash, rest = path.partition("/")
            yield self.names[head] + slash + rest, id


def with_blocks(document: Document, weights: Held, scopes: Mapping[str, Sequence[Scope]]) -> tuple[Document, Held]:
    """Return a flat document with blocks for the modules that its nodes were in, and its weights by node path.

    Args:
        document: The document; its nodes are in an order in which each follows what it reads.
        weights: Node id -> its weights.
        scopes: Node id -> the modules it was in, the outermost first.
    """
    blocks = _Blocks(document.graph)
    draft = blocks.build(group_nodes(document.graph, scopes))
    held = {path: weights[id] for path, id in draft.paths.items() if id in weights}
    return replace(document, graph=draft.graph, blocks=blocks.definitions), held


class _Blocks:
    """Makes definitions, those without blocks inside first."""

    def __init__(self, flat: Graph) -> None:
        self.flat = flat
        self.definitions: dict[str, Definition] = {}
        self.settled: dict[int, Settled] = {}
        self.incoming: dict[str, list[tuple[PortRef, PortRef]]] = {}
        self.readers: dict[str, list[tuple[PortRef, PortRef]]] = {}
        for target, source in flat.edges.items():
            self.incoming.setdefault(target.node, []).append((target, source))
            self.readers.setdefault(source.node, []).append((source, target))

    def build(self, tree: Sequence[str | Group]) -> Draft:
        """Return the main graph."""
        heights: dict[int, list[Group]] = {}
        for group in _groups(tree):
            heights.setdefault(_height(group), []).append(group)
        for height in sorted(heights):
            self._settle(heights[height])
        return self._draft(tree)

    # -- levels --------------------------------------------------------------------------------------------------------

    def _draft(self, members: Sequence[str | Group], ports: bool = False) -> Draft:
        """Return one level, whose groups are settled, as a graph.

        Args:
            members: What it holds.
            ports: Whether it becomes a definition, with ports.
        """
        leaves = set(_leaves(members))
        needs = self._needs(members, leaves) if ports else ()
        gives = self._gives(members, leaves) if ports else ()
        level = _Level()
        for source in needs:
            reader = next(target for target, origin in self._reads(members) if origin == source)
            level.at[source] = PortRef(level.add("input", reader.port, catalog()["input"].defaults()), "y")
        for member in members:
            if isinstance(member, str):
                level.keep(self.flat.nodes[member])
            else:
                level.place(self.settled[id(member)], self.definitions, member.scope)
        for target, source in self._reads(members):
            if target.node in level.nodes:
                level.edges[target] = level.at.get(source, source)
        for instance, ports_of in level.instances.items():
            for port, source in ports_of:
                level.edges[PortRef(instance, port)] = level.at.get(source, source)
        for source in gives:
            exit = level.add("output", "y", {})
            level.edges[PortRef(exit, "x")] = level.at.get(source, source)
        graph, paths = repeated(Graph(nodes=level.nodes, edges=level.edges), level.paths, self.definitions)
        return Draft(graph, needs, gives, paths)

    def _reads(self, members: Sequence[str | Group]) -> Iterator[tuple[PortRef, PortRef]]:
        for leaf in _leaves(members):
            yield from self.incoming.get(leaf, ())

    def _needs(self, members: Sequence[str | Group], leaves: set[str]) -> tuple[PortRef, ...]:
        return tuple(dict.fromkeys(source for _, source in self._reads(members) if source.node not in leaves))

    def _gives(self, members: Sequence[str | Group], leaves: set[str]) -> tuple[PortRef, ...]:
        found = (
            source
            for leaf in _leaves(members)
            for source, target in self.readers.get(leaf, ())
            if target.node not in leaves
        )
        return tuple(dict.fromkeys(found))

    # -- definitions ---------------------------------------------------------------------------------------------------

    def _settle(self, groups: Sequence[Group]) -> None:
        """Give groups of one height their definitions."""
        clusters: dict[tuple[Any, ...], list[tuple[Group, Draft]]] = {}
        for group in groups:
            draft = self._draft(group.members, ports=True)
            clusters.setdefault((group.scope.kind, *_structure(draft.graph)), []).append((group, draft))
        for cluster in clusters.values():
            varying = self._varying([draft for _, draft in cluster])
            if varying is not None:
                self._define(cluster, varying)
                continue
            exact: dict[tuple[Any, ...], list[tuple[Group, Draft]]] = {}
            for group, draft in cluster:
                key = tuple(_frozen(node.parameters) for node in draft.graph.nodes.values())
                exact.setdefault(key, []).append((group, draft))
            for each in exact.values():
                self._define(each, {})

    def _varying(self, drafts: Sequence[Draft]) -> dict[tuple[Any, ...], list[tuple[int, str]]] | None:
        """Return where drafts differ: values, one a draft -> (node's number, parameter) each.

        Returns:
            None when they differ in too many ways, or in something that no block's parameter can be.
        """
        found: dict[tuple[Any, ...], list[tuple[int, str]]] = {}
        nodes = [list(draft.graph.nodes.values()) for draft in drafts]
        for number, same in enumerate(zip(*nodes, strict=True)):
            for name in same[0].parameters:
                values = tuple(node.parameters.get(name) for node in same)
                if all(type(value) is type(values[0]) and value == values[0] for value in values):
                    continue
                parameter = self._parameter(same[0], name)
                if parameter is None or parameter.kind not in KINDS or any(_is_odd(value) for value in values):
                    return None
                found.setdefault((parameter.kind, parameter.length, *values), []).append((number, name))
        return found if len(found) <= MOST_PARAMETERS else None

    def _parameter(self, node: Node, name: str) -> Parameter | None:
        if is_block(node):
            declared = signature(self.definitions[block_key(node)]).parameters
            return next((each for each in declared if each.name == name and name != REPEAT), None)
        spec = catalog().get(node.type)
        return spec.by_name.get(name) if spec is not None else None

    def _define(
        self, cluster: Sequence[tuple[Group, Draft]], varying: Mapping[tuple[Any, ...], list[tuple[int, str]]]
    ) -> None:
        """Add a definition for groups that differ only as said, and settle them."""
        scope, first = cluster[0][0].scope, cluster[0][1]
        nodes = list(first.graph.nodes.values())
        declared: list[dict[str, Any]] = []
        values: list[dict[str, Any]] = [{} for _ in cluster]
        taken = {"x", "model", "batch", "tap", "layer", "layers", REPEAT}
        for (_, _, *column), places in varying.items():
            number, name = places[0]
            parameter = self._parameter(nodes[number], name)
            assert parameter is not None
            wish = name if name not in taken else f"{nodes[number].label}_{name}"
            own = free_label(taken, wish)
            taken.add(own)
            plain = replace(parameter, name=own, default=column[0], optional=False, shown_when=None)
            declared.append(plain_parameter(plain))
            for given, value in zip(values, column, strict=True):
                given[own] = value
            for number, name in places:
                node = nodes[number]
                nodes[number] = replace(node, parameters={**node.parameters, name: expression(own)})
        title = scope.kind or scope.path.rpartition(".")[2]
        key = free_label(self.definitions, identifier(title))
        graph = replace(first.graph, nodes={node.id: node for node in nodes})
        self.definitions[key] = Definition(key=key, title=title, graph=graph, parameters=tuple(declared))
        for (group, draft), given in zip(cluster, values, strict=True):
            names = dict(zip(draft.graph.nodes, graph.nodes, strict=True))
            self.settled[id(group)] = Settled(draft, key, given, names)


class _Level:
    """One level's graph while it is put together."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.edges: dict[PortRef, PortRef] = {}
        self.at: dict[PortRef, PortRef] = {}
        self.instances: dict[str, list[tuple[str, PortRef]]] = {}
        self.paths: dict[str, str] = {}
        self.labels: set[str] = set()
        self.last: dict[str, int] = {}

    def label(self, wish: str) -> str:
        """Return a label that is free here, and take it."""
        label = free_label(self.labels, wish, self.last)
        self.labels.add(label)
        return label

    def add(self, type: str, wish: str, parameters: Mapping[str, Any]) -> str:
        """Add a fresh node."""
        id = new_id()
        self.nodes[id] = Node(id=id, type=type, label=self.label(wish), parameters=parameters)
        return id

    def keep(self, node: Node) -> None:
        """Add a node of the flat graph."""
        self.nodes[node.id] = replace(node, label=self.label(_stem(node.label)))
        self.paths[node.id] = node.id

    def place(self, settled: Settled, definitions: Mapping[str, Definition], scope: Scope) -> None:
        """Add an instance."""
        *_, parent, last = ("", "", *scope.path.split("."))
        wish = f"{parent}_{last}" if last.isdigit() and parent else last or scope.kind
        instance = self.add(BLOCK + settled.key, wish, {**settled.values, REPEAT: 1})
        ports = signature(definitions[settled.key])
        self.instances[instance] = list(zip(ports.inputs, settled.draft.needs, strict=True))
        for port, source in zip(ports.outputs, settled.draft.gives, strict=True):
            self.at[source] = PortRef(instance, port)
        for path, id in settled.paths():
            self.paths[f"{instance}/0/{path}"] = id


def _stem(label: str) -> str:
    """Return a label without the number that made it unique in the flat graph."""
    stem, _, digits = label.rpartition("_")
    return stem if stem and digits.isdigit() and len(digits) < 5 else label


def _leaves(members: Sequence[str | Group]) -> Iterator[str]:
    for member in members:
        if isinstance(member, str):
            yield member
        else:
            yield from member.leaves()


def _groups(members: Sequence[str | Group]) -> Iterator[Group]:
    for member in members:
        if isinstance(member, Group):
            yield member
            yield from _groups(member.members)


def _height(group: Group) -> int:
    return max((1 + _height(member) for member in group.members if isinstance(member, Group)), default=0)


def _structure(graph: Graph) -> tuple[Any, ...]:
    """Return what two graphs have in common that can be one definition."""
    numbers = {id: number for number, id in enumerate(graph.nodes)}
    nodes = tuple(
        (node.type, tuple(node.parameters), numbers.get(node.tied_to, -1), node.parameters.get(REPEAT))
        for node in graph.nodes.values()
    )
    edges = sorted((numbers[t.node], t.port, numbers[s.node], s.port) for t, s in graph.edges.items())
    return nodes, tuple(edges)


def _is_odd(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(item)) for key, item in value.items()))
    if isinstance(value, (tuple, list)):
        return tuple(map(_frozen, value))
    return type(value).__name__, value
