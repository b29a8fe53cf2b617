"""Custom layers before they run: what stands in their way, what of them is trusted, whose names collide.

Nothing here runs a text, and what is not trusted is not even parsed. Imports no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from netbuilder.compiler.wording import Trouble
from netbuilder.document.model import Document, Graph, Node
from netbuilder.foundation.problem import Problem
from netbuilder.foundation.trust import is_trusted
from netbuilder.layers.catalog import catalog
from netbuilder.layers.custom import settings
from netbuilder.layers.custom_code import CodeError, is_port, parse_names, read
from netbuilder.layers.spec import LayerSpec

UNTRUSTED: Final = "custom.untrusted"
"""The code of the problem that a text is not trusted."""

TRUST: Final = "trust"
"""The interface's action that lets the user look at a text and trust it."""

WHY_UNTRUSTED: Final = "contains Python of its own, which is not run until you have read it and trust it"


@cache
def own_texts() -> frozenset[str]:
    """Return the support texts that may always run: those that the catalog declares, and a fresh node's code."""
    declared = (spec.support for spec in catalog() if isinstance(spec.support, str))
    examples = (spec.support_text(spec.defaults()) for spec in catalog() if spec.is_custom)
    return frozenset((*declared, *examples))


def may_run(text: str) -> bool:
    """Whether a support text is the catalog's own, or one that the user trusts."""
    return text in own_texts() or is_trusted(text)


def untrusted(document: Document) -> dict[str, tuple[str, ...]]:
    """Return the texts in a document that may not run yet, with the labels of the nodes that hold each.

    Args:
        document: What to look through, its blocks included.
    """
    found: dict[str, list[str]] = {}
    for node in _nodes(document):
        text = node.parameters.get("code")
        spec = catalog().get(node.type)
        if spec is not None and spec.is_custom and isinstance(text, str) and not may_run(text):
            found.setdefault(text, []).append(node.label)
    return {text: tuple(labels) for text, labels in found.items()}


def _nodes(document: Document) -> Iterator[Node]:
    graphs: Iterable[Graph] = (document.graph, *(block.graph for block in document.blocks.values()))
    for graph in graphs:
        yield from graph.nodes.values()


def find_obstacle(spec: LayerSpec, values: Mapping[str, Any]) -> Trouble | None:
    """Return why a custom layer cannot be tried; None when it can, and for all other layers.

    Args:
        spec: The layer.
        values: Its resolved parameters.
    """
    if not spec.is_custom:
        return None
    if not may_run(spec.support_text(values)):
        return Trouble(code=UNTRUSTED, message=f"{WHY_UNTRUSTED}.", actions=(TRUST,))
    try:
        code = read(values["code"])
    except CodeError as error:
        return Trouble(code="custom.code", message=str(error), parameter="code", line=error.line)
    ports = _port_trouble(values, code.declared)
    if ports is not None:
        return ports
    try:
        settings(code, values)
    except CodeError as error:
        return Trouble(code="custom.arguments", message=str(error), parameter="arguments")
    return None


def _port_trouble(values: Mapping[str, Any], declared: str) -> Trouble | None:
    """Return what is wrong with the names of the ports."""
    for title in ("inputs", "outputs"):
        names = [name.removesuffix("?") for name in values[title].replace(",", " ").split()]
        bad = next((name for name in names if not is_port(name) or names.count(name) > 1), None)
        if bad is not None or (title == "outputs" and any(optional for _, optional in parse_names(values[title]))):
            message = f"has an unsuitable name among its {title}: {bad or values[title]!r:.60}"
            return Trouble(code="custom.ports", message=message, parameter=title)
    if parse_names(values["inputs"]) != parse_names(declared):
        return Trouble(
            code="custom.ports",
            message="has other inputs than its code takes",
            parameter="inputs",
            expected=declared or "none",
            found=values["inputs"] or "none",
            set={"inputs": declared},
        )
    return None


def names_bound(text: str) -> Mapping[str, str]:
    """Return the names that a support text binds in the text around it, with the statement that binds each."""
    if text in own_texts():
        return {each.name: text for each in ast.parse(text).body if isinstance(each, (ast.ClassDef, ast.FunctionDef))}
    try:
        return read(text).binds
    except CodeError:
        return {}


def find_collisions(document: Document, supported: Iterable[str], arguments: Iterable[str]) -> Iterator[Problem]:
    """Find custom layers that cannot stand in one text: two things of one name.

    Args:
        document: The document written out.
        supported: The nodes in use that bring text of their own into it.
        arguments: Names that functions of the text have for their arguments.
    """
    layers = [
        (node, spec.support_text(spec.resolve(node.parameters)), spec.is_custom)
        for node in map(document.graph.nodes.__getitem__, supported)
        if (spec := catalog().get(node.type)) is not None and _is_sound(spec, node)
    ]
    if not any(is_custom for _, _, is_custom in layers):
        return
    bound: dict[str, tuple[str, Node]] = {}
    fixed = set(arguments)
    for node, text, is_custom in sorted(layers, key=lambda each: each[2]):  # what the user can rename comes last
        for name, statement in names_bound(text).items():
            other = bound.setdefault(name, (statement, node))
            if other[0] != statement:
                message = f"{node.label} defines or imports {name}, and so does {other[1].label}, as something else"
            elif is_custom and name in fixed:
                message = f"{node.label} defines or imports {name}, which is also the name of an input of the network"
            else:
                continue
            yield Problem(code="custom.name", message=f"{message}: rename one of them.", node=node.id, field="code")
            break


def _is_sound(spec: LayerSpec, node: Node) -> bool:
    """Whether a layer could be tried."""
    try:
        return find_obstacle(spec, spec.resolve(node.parameters)) is None
    except ValueError:  # a value that is reported by itself
        return False
