"""The registry of edits, and what the edits have in common: scopes, look-ups and refusals."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, NoReturn, TypeVar, get_type_hints

import msgspec

from netbuilder.document.adoption import edge_count
from netbuilder.document.model import ROOT, Document, Graph, Node, PortRef
from netbuilder.foundation.limits import EDGES
from netbuilder.foundation.problem import NetbuilderError, Problem

F = TypeVar("F", bound=Callable[..., Document])


@dataclass(frozen=True)
class Edit:
    """A registered edit.

    Attributes:
        name: The function's name.
        function: Takes a document and the edit's arguments.
    """

    name: str
    function: Callable[..., Document]

    @cached_property
    def arguments(self) -> type[msgspec.Struct]:
        """A struct type with the edit's arguments, into which plain JSON is converted."""
        hints = get_type_hints(self.function)
        fields: list[Any] = []
        for parameter in list(inspect.signature(self.function).parameters.values())[1:]:
            required = parameter.default is parameter.empty
            hint = hints[parameter.name]
            fields.append((parameter.name, hint) if required else (parameter.name, hint, parameter.default))
        return msgspec.defstruct(self.name, fields, kw_only=True, forbid_unknown_fields=True)


EDITS: Final[dict[str, Edit]] = {}
"""Every edit by name; fixes name one, with plain JSON arguments."""


def edit(function: F) -> F:
    """Register an edit under its name."""
    EDITS[function.__name__] = Edit(function.__name__, function)
    return function


def apply(document: Document, name: str, arguments: Mapping[str, Any]) -> Document:
    """Apply the edit called `name`.

    Args:
        document: What to change.
        name: A key of `EDITS`.
        arguments: Its arguments as plain JSON: lists for tuples, objects for values.

    Returns:
        The changed document.

    Raises:
        NetbuilderError: When there is no such edit, an argument is missing, unknown or of a wrong type, or the edit
            refuses.
    """
    known = EDITS.get(name)
    if known is None:
        refuse("edit.unknown", f"There is no edit called {name!r}.")
    try:
        struct = msgspec.convert(dict(arguments), known.arguments)
    except msgspec.ValidationError as error:
        problem = Problem(code="edit.arguments", message=f"The edit {name!r} was given wrong arguments: {error}.")
        raise NetbuilderError(problem) from error
    return known.function(document, **{key: getattr(struct, key) for key in struct.__struct_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of several edits that are made together.

    Attributes:
        edit: A key of `EDITS`.
        arguments: Its arguments as plain JSON.
    """

    edit: str
    arguments: Mapping[str, Any]


@edit
def apply_several(document: Document, parts: tuple[Part, ...]) -> Document:
    """Apply several edits one after the other, as one: a fix that changes several layers, or a layer and the plan."""
    for part in parts:
        document = apply(document, part.edit, part.arguments)
    return document


def refuse(code: str, message: str, node: str = "", port: str = "", field: str = "") -> NoReturn:
    """Refuse an edit.

    Raises:
        NetbuilderError: Always.
    """
    raise NetbuilderError(Problem(code=code, message=message, node=node, port=port, field=field))


def graph_of(document: Document, scope: str) -> Graph:
    """Return the graph of `scope`, or refuse."""
    if scope != ROOT and scope not in document.blocks:
        refuse("edit.scope", f"There is no block called {scope!r} any more.")
    return document.scope(scope)


def node_of(graph: Graph, node: str) -> Node:
    """Return the node with the id `node`, or refuse."""
    if node not in graph.nodes:
        refuse("edit.node", f"The node {node!r} is not in the graph any more.", node=node)
    return graph.nodes[node]


def with_graph(document: Document, graph: Graph, scope: str) -> Document:
    """Return `document` with `graph` in the place of the graph of `scope`; links that are gone lose their routes."""
    document = _without_lost_routes(document, document.scope(scope).edges, graph.edges)
    if scope == ROOT:
        return replace(document, graph=graph)
    definition = replace(document.blocks[scope], graph=graph)
    return replace(document, blocks={**document.blocks, scope: definition})


def _without_lost_routes(
    document: Document, before: Mapping[PortRef, PortRef], after: Mapping[PortRef, PortRef]
) -> Document:
    routes = document.layout.routes
    if before is after or not routes:
        return document
    lost = {target for target in routes if target in before and after.get(target) != before[target]}
    if not lost:
        return document
    kept = {target: points for target, points in routes.items() if target not in lost}
    return replace(document, layout=replace(document.layout, routes=kept))


def with_node(document: Document, node: Node, scope: str) -> Document:
    """Return `document` with `node` in the place of the node with its id; the order of the nodes stays."""
    graph = document.scope(scope)
    return with_graph(document, replace(graph, nodes={**graph.nodes, node.id: node}), scope)


def with_edges(document: Document, edges: Mapping[PortRef, PortRef], scope: str) -> Document:
    """Return `document` with these edges in the graph of `scope`."""
    graph = document.scope(scope)
    if len(edges) > len(graph.edges) and edge_count(document) - len(graph.edges) + len(edges) > EDGES:
        refuse("edit.limit", f"A project holds at most {EDGES:,} links.")
    return with_graph(document, replace(graph, edges=edges), scope)
