"""Changes: what leads from one document to the next, as JSON; what a journal's lines are made of.

The way forth compares two documents, identities first, and writes down each entity that is another, whole. The way back
works on JSON values by id and believes nothing: what comes of it goes through the reader of files.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import Struct

from netbuilder.document.diff import compare
from netbuilder.document.model import ROOT, Definition, Document, Frame, Graph, Layout, Node, PortRef
from netbuilder.document.records import Id, Json, Key, plain, plain_definition

End: TypeAlias = tuple[str, str]
T = TypeVar("T")

_STRETCH: Final = 50
_BREATH: Final = 0.0002


class Listed(Struct, frozen=True, omit_defaults=True):
    """Changes of entities that stand in an order.

    Attributes:
        put: New and changed ones.
        drop: Ids of those that went.
        order: All ids, where appending the new ones to the old gives another order.
    """

    put: list[Json] = []
    drop: list[Id] = []
    order: list[Id] | None = None


class Keyed(Struct, frozen=True, omit_defaults=True):
    """Changes of a mapping: what is put, by key, and the keys that went."""

    put: dict[str, Any] = {}
    drop: list[Key] = []


class Links(Struct, frozen=True, omit_defaults=True):
    """Changes of links: `[source, target]` of those put, the targets of those that went."""

    put: list[tuple[End, End]] = []
    drop: list[End] = []


class Routed(Struct, frozen=True, omit_defaults=True):
    """Changes of routes: `[target, points]` of those put, the targets of those that went."""

    put: list[tuple[End, list[Any]]] = []
    drop: list[End] = []


class GraphChanges(Struct, frozen=True, omit_defaults=True):
    """Changes of one graph."""

    nodes: Listed = Listed()
    edges: Links = Links()


class Changes(Struct, frozen=True, omit_defaults=True):
    """What leads from one document to the next.

    Attributes:
        about: The new one, if it is another; likewise `plan`.
        graph: Of the main graph.
        inside: Block -> changes of its graph, where nothing else of it changed.
        blocks: Blocks that came, went or changed otherwise, whole.
        schemas: Of data nodes.
        places: Of nodes.
        frames: Of the layout.
        routes: Of links.
    """

    about: Json | None = None
    plan: Json | None = None
    graph: GraphChanges = GraphChanges()
    inside: dict[Key, GraphChanges] = {}
    blocks: Keyed = Keyed()
    schemas: Keyed = Keyed()
    places: Keyed = Keyed()
    frames: Listed = Listed()
    routes: Routed = Routed()


NOTHING: Final = Changes()

_TOLD: Final = ("graph", "blocks", "plan", "schemas", "layout", "about")
_TOLD_OF_LAYOUT: Final = ("places", "frames", "routes")
_TOLD_OF_GRAPH: Final = ("nodes", "edges")


def changes(old: Document, new: Document) -> Changes | None:
    """Return what leads from one document to the other.

    Returns:
        None when something changed that `Changes` has no words for, such as keys kept for a newer program: then the
        whole document is to be kept.
    """
    if _rest(old, _TOLD) != _rest(new, _TOLD) or _rest(old.layout, _TOLD_OF_LAYOUT) != _rest(
        new.layout, _TOLD_OF_LAYOUT
    ):
        return None
    if _rest(old.graph, _TOLD_OF_GRAPH) != _rest(new.graph, _TOLD_OF_GRAPH):
        return None
    inside = {}
    whole: dict[str, Any] = {}
    gone, come, other = compare(old.blocks, new.blocks)
    for key in come | other:
        before, after = old.blocks.get(key), new.blocks[key]
        if before is not None and _differ_in_graph_only(before, after):
            inside[key] = _graph(before.graph, after.graph)
        else:
            whole[key] = plain_definition(after)
    return Changes(
        about=plain(new.about) if old.about != new.about else None,
        plan=plain(new.plan) if old.plan is not new.plan and old.plan != new.plan else None,
        graph=_graph(old.graph, new.graph),
        inside=inside,
        blocks=Keyed(put=whole, drop=sorted(gone)),
        schemas=_keyed(old.schemas, new.schemas),
        places=_keyed(old.layout.places, new.layout.places),
        frames=_listed(old.layout.frames, new.layout.frames),
        routes=_routed(old.layout.routes, new.layout.routes),
    )


def _differ_in_graph_only(old: Definition, new: Definition) -> bool:
    same = _rest(old, ("graph",)) == _rest(new, ("graph",))
    return same and _rest(old.graph, _TOLD_OF_GRAPH) == _rest(new.graph, _TOLD_OF_GRAPH)


def _rest(value: Document | Layout | Graph | Definition, told: tuple[str, ...]) -> tuple[object, ...]:
    """Return the fields of a value other than those named."""
    return tuple(getattr(value, each.name) for each in fields(value) if each.name not in told)


def _graph(old: Graph, new: Graph) -> GraphChanges:
    if old is new:
        return GraphChanges()
    gone, come, other = compare(old.edges, new.edges)
    links = Links(
        put=[(_end(new.edges[target]), _end(target)) for target in sorted(come | other)],
        drop=[_end(target) for target in sorted(gone)],
    )
    return GraphChanges(nodes=_listed(old.nodes, new.nodes), edges=links)


def _routed(old: Mapping[PortRef, Any], new: Mapping[PortRef, Any]) -> Routed:
    gone, come, other = compare(old, new)
    put = [(_end(target), plain(new[target])) for target in sorted(come | other)]
    return Routed(put=put, drop=[_end(target) for target in sorted(gone)])


def _end(port: PortRef) -> End:
    return port.node, port.port


def _listed(old: Mapping[str, Node] | Mapping[str, Frame], new: Mapping[str, Node] | Mapping[str, Frame]) -> Listed:
    gone, come, other = compare(old, new)
    put = [id for id in new if id in come] if come else []
    order = None
    if gone or come:
        expected = [id for id in old if id not in gone] + put
        order = list(new) if expected != list(new) else None
    return Listed(put=[plain(new[id]) for id in unhurried((*put, *sorted(other)))], drop=sorted(gone), order=order)


def _keyed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Keyed:
    gone, come, other = compare(old, new)
    return Keyed(put={key: plain(new[key]) for key in unhurried(sorted(come | other))}, drop=sorted(gone))


def unhurried(values: Iterable[T]) -> Iterator[T]:
    """Yield values and let other threads run now and then.

    Python hands over to a thread that asks only every 5 ms, and a window that paints asks many times a frame.
    """
    for number, value in enumerate(values):
        if number % _STRETCH == _STRETCH - 1:
            time.sleep(_BREATH)
        yield value


class ChangeError(ValueError):
    """Changes do not fit the document that they are to be applied to."""


@dataclass(slots=True)
class _Scope:
    """A graph's JSON value by ids."""

    rest: Json
    nodes: dict[str, Json] = field(default_factory=dict)
    edges: dict[End, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, raw: Json) -> _Scope:
        edges = {(target[0], target[1]): [source, target] for source, target in raw.get("edges", [])}
        return cls(raw, {node["id"]: node for node in raw.get("nodes", [])}, edges)

    def apply(self, made: GraphChanges) -> None:
        _apply_listed(self.nodes, made.nodes)
        for target in made.edges.drop:
            self.edges.pop(target, None)
        self.edges.update({target: [source, target] for source, target in made.edges.put})

    def raw(self) -> Json:
        return {**self.rest, "nodes": list(self.nodes.values()), "edges": list(self.edges.values())}


class Replay:
    """Applies changes, one after another, to the JSON value of a document that the reader has accepted."""

    def __init__(self, raw: Json) -> None:
        """Begin with a document as it stands in a file."""
        self._raw = dict(raw)
        self._scopes = {ROOT: _Scope.of(raw.get("graph", {}))}
        self._blocks: dict[str, Json] = dict(raw.get("blocks", {}))
        self._scopes.update({key: _Scope.of(block["graph"]) for key, block in self._blocks.items()})
        layout: Json = raw.get("layout", {})
        self._layout = layout
        self._schemas: dict[str, Any] = dict(raw.get("schemas", {}))
        self._places: dict[str, Any] = dict(layout.get("places", {}))
        self._frames: dict[str, Json] = {frame["id"]: frame for frame in layout.get("frames", [])}
        self._routes: dict[End, Any] = {(target[0], target[1]): points for target, points in layout.get("routes", [])}

    def apply(self, made: Changes) -> None:
        """Apply one entry's changes.

        Raises:
            ChangeError: When they do not fit; the replay is of no use then.
        """
        for name, value in (("about", made.about), ("plan", made.plan)):
            if value is not None:
                self._raw[name] = value
        for key in made.blocks.drop:
            self._blocks.pop(key, None)
            self._scopes.pop(key, None)
        for key, block in made.blocks.put.items():
            graph = block.get("graph") if isinstance(block, dict) else None
            if not key or not isinstance(graph, dict) or not _is_graph(graph):
                raise ChangeError(f"the block {key!r} is none")
            self._blocks[key], self._scopes[key] = block, _Scope.of(graph)
        for scope, inner in ((ROOT, made.graph), *made.inside.items()):
            if scope not in self._scopes:
                raise ChangeError(f"there is no block {scope!r}")
            self._scopes[scope].apply(inner)
        _apply_keyed(self._schemas, made.schemas)
        _apply_keyed(self._places, made.places)
        _apply_listed(self._frames, made.frames)
        for target in made.routes.drop:
            self._routes.pop(target, None)
        self._routes.update(made.routes.put)

    def raw(self) -> Json:
        """Return the document as it stands in a file; the reader has yet to accept it."""
        blocks = {key: {**block, "graph": self._scopes[key].raw()} for key, block in self._blocks.items()}
        layout = {
            **self._layout,
            "places": self._places,
            "frames": list(self._frames.values()),
            "routes": [[target, points] for target, points in self._routes.items()],
        }
        graph = self._scopes[ROOT].raw()
        return {**self._raw, "graph": graph, "blocks": blocks, "schemas": self._schemas, "layout": layout}


def _apply_keyed(values: dict[str, Any], made: Keyed) -> None:
    for key in made.drop:
        values.pop(key, None)
    values.update(made.put)


def _apply_listed(values: dict[str, Json], made: Listed) -> None:
    for id in made.drop:
        values.pop(id, None)
    for value in made.put:
        values[_id(value)] = value
    if made.order is not None:
        if set(made.order) != values.keys() or len(made.order) != len(values):
            raise ChangeError("the order names other nodes than there are")
        ordered = {id: values[id] for id in made.order}
        values.clear()
        values.update(ordered)


def _id(value: Json) -> str:
    id = value.get("id")
    if not isinstance(id, str):
        raise ChangeError("something has no id")
    return id


def _is_graph(value: Json) -> bool:
    """Whether a value has a graph's form as far as `_Scope.of` relies on it."""
    nodes, edges = value.get("nodes", []), value.get("edges", [])
    return (
        isinstance(nodes, list)
        and all(isinstance(node, dict) and isinstance(node.get("id"), str) for node in nodes)
        and isinstance(edges, list)
        and all(_is_link(edge) for edge in edges)
    )


def _is_link(edge: Any) -> bool:
    return isinstance(edge, list) and len(edge) == 2 and all(_is_end(end) for end in edge)


def _is_end(end: Any) -> bool:
    return isinstance(end, list) and len(end) == 2 and all(isinstance(part, str) for part in end)


def is_nothing(made: Changes | None) -> bool:
    """Whether changes lead nowhere."""
    return made == NOTHING


__all__ = ["ChangeError", "Changes", "Replay", "changes", "is_nothing", "unhurried"]
