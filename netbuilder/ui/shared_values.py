"""Values that several nodes have in common: which parameters they share, and setting one of them in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from netbuilder.data import schemas
from netbuilder.data.settings import SHARED
from netbuilder.document import edits
from netbuilder.document.blocks import plain_parameter
from netbuilder.document.expressions import evaluate, is_expression, text_of
from netbuilder.document.model import Document, Graph, Node, Schema
from netbuilder.foundation.declaration import Declaration
from netbuilder.foundation.parameter import Kind, Parameter, Values
from netbuilder.foundation.problem import NetbuilderError, Problem
from netbuilder.project import declaration_for
from netbuilder.ui.workspace import Workspace

_APART = (Kind.CODE, Kind.FILE, Kind.FOLDER, Kind.COLUMN, Kind.COLUMNS)
"""Kinds that need more than one field: a file is read before its node changes, code is trusted."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One value for a parameter of several nodes, checked.

    Attributes:
        name: The parameter's.
        title: What the parameter is called.
        values: Node id -> the value by the parameter's name, in the canonical form of that node's parameter.
        schemas: Data node id -> what it yields then.
        refused: A problem for each node that does not accept it.
    """

    name: str
    title: str
    values: Mapping[str, Mapping[str, Any]]
    schemas: Mapping[str, Schema]
    refused: tuple[Problem, ...]

    def apply(self, workspace: Workspace, merge: str = "") -> None:
        """Set the value where it is accepted, as one undo entry."""
        if self.values:
            many = f" of {len(self.values)} nodes" if len(self.values) > 1 else ""
            change = partial(edits.set_values, values=self.values, schemas=self.schemas, scope=workspace.scope)
            workspace.edit(f"Change {self.title.lower()}{many}", change, merge)


def assign(document: Document, graph: Graph, nodes: Iterable[str], name: str, value: Any, block: Values) -> Assignment:
    """Check a value with each node's own parameter.

    Args:
        document: What is edited.
        graph: The graph that the nodes are in.
        nodes: Their ids; all of them have the parameter.
        name: The parameter's name.
        value: A value, or an expression of the block's parameters.
        block: The parameters of the block that the nodes are in, for expressions.
    """
    values: dict[str, Mapping[str, Any]] = {}
    found: dict[str, Schema] = {}
    refused: list[Problem] = []
    title = name
    for id in nodes:
        node, declaration = graph.nodes[id], declaration_for(document, graph.nodes[id].type)
        assert declaration is not None, "a node with this parameter is declared"
        parameter = declaration.by_name[name]
        title = parameter.title
        try:
            accepted = parameter.normalize(evaluate(text_of(value), block) if is_expression(value) else value)
            if node.type.startswith("data.") and name not in SHARED:
                found[id] = schemas.describe(node.type, {**node.parameters, name: accepted})
        except NetbuilderError as error:
            refused.extend(replace(problem, node=id, field=name) for problem in error.problems)
            continue
        except ValueError as error:  # an ExpressionError, too
            words = f"{node.label}: {error}"
            refused.append(Problem(code="edit.value", message=words.rstrip(".") + ".", node=id, field=name))
            continue
        values[id] = {name: value if is_expression(value) else accepted}
    return Assignment(name, title, values, found, tuple(refused))


def promote(workspace: Workspace, nodes: Sequence[str], parameter: Parameter) -> None:
    """Make a parameter of layers inside a block one of the block, under its own name, as one undo entry.

    Args:
        workspace: What is edited, with the block in sight.
        nodes: Their ids; the parameter is that of the first, and all of them read the block's from then on.
        parameter: The layers' parameter, its default being the value that the block's gets.
    """
    change = partial(_promoted, nodes=tuple(nodes), parameter=parameter, scope=workspace.scope)
    workspace.edit(f"Make {parameter.title.lower()} a parameter", change)


def _promoted(document: Document, nodes: tuple[str, ...], parameter: Parameter, scope: str) -> Document:
    first, name = nodes[0], parameter.name
    declared = plain_parameter(parameter)
    document = edits.promote_parameter(document, scope=scope, node=first, parameter=name, declared=declared)
    value = document.scope(scope).nodes[first].parameters[name]
    return edits.set_values(document, {node: {name: value} for node in nodes[1:]}, scope=scope)


def shared_parameters(document: Document, nodes: tuple[Node, ...]) -> tuple[Parameter, ...]:
    """Return the parameters that all these nodes declare alike, each accepting what any of them accepts.

    Of data nodes these are only those that leave their schema alone.
    """
    common: dict[str, Parameter] | None = None
    for node in {node.type: node for node in nodes}.values():
        declaration = declaration_for(document, node.type)
        mine = {p.name: p for p in declaration.parameters if p.kind is not Kind.CODE} if declaration else {}
        if node.type.startswith("data."):
            mine = {name: p for name, p in mine.items() if name in SHARED}
        if common is None:
            common = mine
        else:
            common = {n: _either(p, mine[n]) for n, p in common.items() if n in mine and _are_alike(p, mine[n])}
    return tuple((common or {}).values())


def sharers(document: Document, graph: Graph, nodes: Iterable[str], node: str, name: str) -> tuple[str, ...]:
    """Return a node and those others that declare one of its parameters alike.

    Args:
        document: What is edited.
        graph: The graph that they are in.
        nodes: The others.
        node: The id of the node.
        name: The parameter's name.
    """
    own = _settable(document, graph.nodes[node], name)
    assert own is not None, "the node has this parameter"
    found = [node]
    for other in nodes:
        parameter = _settable(document, graph.nodes[other], name) if other != node else None
        if parameter is not None and _are_alike(own, parameter):
            found.append(other)
    return tuple(found)


def _settable(document: Document, node: Node, name: str) -> Parameter | None:
    declaration = declaration_for(document, node.type)
    parameter = declaration.by_name.get(name) if declaration is not None else None
    return parameter if declaration is not None and parameter is not None and is_plain(declaration, parameter) else None


def is_plain(declaration: Declaration, parameter: Parameter) -> bool:
    """Whether a value can be set at once, with nothing to read and nobody to ask first.

    Args:
        declaration: What declares it.
        parameter: One of its parameters.
    """
    if parameter.kind in _APART:
        return False
    reads_files = any(each.kind in (Kind.FILE, Kind.FOLDER) for each in declaration.parameters)
    return parameter.name in SHARED or not reads_files


def _are_alike(one: Parameter, other: Parameter) -> bool:
    return (one.kind, one.choices, one.length, one.optional) == (
        other.kind,
        other.choices,
        other.length,
        other.optional,
    )


def _either(one: Parameter, other: Parameter) -> Parameter:
    """Return a parameter that accepts what one of two alike accepts: who refuses a value is said when it is set."""
    if (one.minimum, one.maximum) == (other.minimum, other.maximum):
        return one
    lows, highs = (one.minimum, other.minimum), (one.maximum, other.maximum)
    return replace(
        one,
        minimum=None if None in lows else min(low for low in lows if low is not None),
        maximum=None if None in highs else max(high for high in highs if high is not None),
    )
