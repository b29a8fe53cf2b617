"""Edits of definitions: adding, copying, removing, and what they declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from netbuilder.document.adoption import adopt, copied, free_key, free_title
from netbuilder.document.blocks import BLOCK, INPUT, OUTPUT, REPEAT, block_key, instances, is_block, parameter_from
from netbuilder.document.edits.registry import edit, graph_of, node_of, refuse, with_graph, with_node
from netbuilder.document.expressions import (
    ExpressionError,
    expression,
    is_expression,
    names_in,
    substitute,
    text_of,
)
from netbuilder.document.model import ROOT, Definition, Document, Layout, Node
from netbuilder.document.names import free_label
from netbuilder.document.values import freeze_mapping
from netbuilder.foundation.limits import NAME_LENGTH, TEXT_LENGTH


@edit
def add_definitions(document: Document, blocks: Mapping[str, Definition], layout: Layout | None = None) -> Document:
    """Add definitions; those that the document holds in an equal form are not added again.

    Args:
        document: What to change.
        blocks: The definitions by key, with all that they are made of.
        layout: Where their nodes and frames lie.
    """
    return adopt(document, blocks, layout)[0]


@edit
def make_unique(document: Document, node: str, key: str = "", scope: str = ROOT) -> Document:
    """Give an instance a definition of its own, so that a change of it changes no other instance.

    Args:
        document: What to change.
        node: The instance.
        key: The new definition's key; "" makes one.
        scope: The graph it is in.
    """
    old = instance_of(document, node, scope)
    block = document.blocks[block_key(old)]
    if old.tied_to or any(other.tied_to == node for other in document.scope(scope).nodes.values()):
        refuse("edit.tie", f"{old.label} shares weights with another block: give it weights of its own first.", node)
    title = free_title(document, block.title)
    new = key or free_key(document, title)
    document = copied(document, block.key, new, title)
    return with_node(document, replace(old, type=BLOCK + new), scope)


@edit
def remove_block(document: Document, key: str) -> Document:
    """Remove a definition that nothing is an instance of any more."""
    block = _definition(document, key)
    used = next(instances(document, key), None)
    if used is not None:
        scope, node = used
        where = f" in {document.blocks[scope].title}" if scope else ""
        message = f"{block.title} is still used: {node.label}{where} is an instance of it."
        refuse("edit.used", message, node.id)
    gone = block.graph.nodes.keys()
    places = {id: place for id, place in document.layout.places.items() if id not in gone}
    frames = {id: frame for id, frame in document.layout.frames.items() if frame.scope != key}
    return replace(
        document,
        blocks={other: each for other, each in document.blocks.items() if other != key},
        layout=replace(document.layout, places=places, frames=frames),
    )


@edit
def set_block(
    document: Document,
    key: str,
    title: str | None = None,
    description: str | None = None,
    reference: str | None = None,
    parameters: Sequence[Mapping[str, Any]] | None = None,
    renamed: Mapping[str, str] | None = None,
) -> Document:
    """Change what a definition says and declares; None leaves a part as it is.

    Args:
        document: What to change.
        key: The definition's key.
        title: What the interface calls it, and the origin of its class's name.
        description: What it does.
        reference: The paper or page it comes from.
        parameters: All its parameters, as JSON objects (see `document.blocks.parameter_from`), in their order.
        renamed: Old name -> new name, for parameters that are the old ones under another name: expressions inside and
            the values of instances follow.
    """
    block = _definition(document, key)
    if title is not None and not (title.strip() and len(title) <= NAME_LENGTH):
        refuse("edit.title", "A block needs a title.")
    if len(description or "") > TEXT_LENGTH or len(reference or "") > NAME_LENGTH:
        refuse("edit.text", "The text is too long.")
    changed = replace(
        block,
        title=block.title if title is None else title.strip(),
        description=block.description if description is None else description,
        reference=block.reference if reference is None else reference,
    )
    if changed != block:
        document = replace(document, blocks={**document.blocks, key: changed})
    return document if parameters is None else _declare(document, key, parameters, renamed or {})


@edit
def promote_parameter(
    document: Document, scope: str, node: str, parameter: str, declared: Mapping[str, Any]
) -> Document:
    """Make a parameter of a layer inside a block one of the block, with the layer's value as its default.

    Args:
        document: What to change.
        scope: The block's key.
        node: The layer.
        parameter: The layer's parameter.
        declared: The block's new parameter (see `document.blocks.parameter_from`); its name is made unique.
    """
    block = _definition(document, scope)
    old = node_of(block.graph, node)
    if is_expression(old.parameters.get(parameter)):
        refuse("edit.expression", f"{parameter} of {old.label} is an expression already.", node, field=parameter)
    taken = {str(each.get("name")) for each in block.parameters} | {REPEAT}
    name = free_label(taken, str(declared.get("name") or parameter))
    document = _declare(document, scope, (*block.parameters, {**declared, "name": name}), {})
    values = {**old.parameters, parameter: expression(name)}
    return with_node(document, replace(old, parameters=values), scope)


@edit
def move_port(document: Document, scope: str, node: str, steps: int) -> Document:
    """Move an input or output of a block among its like: their order is the order of the block's ports.

    Args:
        document: What to change.
        scope: The block's key.
        node: The input or output node.
        steps: How many places down; negative for up.
    """
    block = _definition(document, scope)
    moved = node_of(block.graph, node)
    if moved.type not in (INPUT, OUTPUT):
        refuse("edit.port", f"{moved.label} is no input or output of the block.", node)
    like = [id for id, each in block.graph.nodes.items() if each.type == moved.type]
    index = like.index(node)
    to = min(max(index + steps, 0), len(like) - 1)
    if to == index:
        return document
    like.insert(to, like.pop(index))
    ordered = iter(like)
    nodes = {}
    for id, each in block.graph.nodes.items():
        place = next(ordered) if each.type == moved.type else id
        nodes[place] = block.graph.nodes[place]
    return with_graph(document, replace(block.graph, nodes=nodes), scope)


def _declare(
    document: Document, key: str, parameters: Sequence[Mapping[str, Any]], renamed: Mapping[str, str]
) -> Document:
    """Return the document with other declared parameters; what refers to them follows."""
    block = document.blocks[key]
    try:
        frozen = tuple(freeze_mapping(each) for each in parameters)
        declared = [parameter_from(each) for each in frozen]
    except ValueError as error:
        refuse("edit.parameter", f"{error}.")
    names = [each.name for each in declared]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        refuse("edit.parameter", f"{block.title} has a parameter called {twice!r} already.", field=twice)
    kept = {renamed.get(str(each.get("name")), str(each.get("name"))) for each in block.parameters}
    gone = kept - set(names)
    graph, nodes = block.graph, {}
    for node in graph.nodes.values():
        changed = {name: _followed(node, name, value, renamed, gone) for name, value in node.parameters.items()}
        nodes[node.id] = node if changed == node.parameters else replace(node, parameters=changed)
    if nodes != graph.nodes:
        graph = replace(graph, nodes=nodes)
    if frozen == block.parameters and graph is block.graph:
        return document
    document = replace(document, blocks={**document.blocks, key: replace(block, graph=graph, parameters=frozen)})
    for scope, node in tuple(instances(document, key)):
        values = {REPEAT: node.parameters.get(REPEAT, 1)}
        given = {renamed.get(name, name): value for name, value in node.parameters.items()}
        for parameter in declared:
            values[parameter.name] = _fitting(parameter, given.get(parameter.name, parameter.default))
        if values != node.parameters:
            document = with_node(document, replace(node, parameters=values), scope)
    return document


def _fitting(parameter: Any, value: Any) -> Any:
    """Return a value that the parameter accepts: this one where it does, else its default."""
    if is_expression(value):
        return value
    try:
        return parameter.normalize(value)
    except ValueError:
        return parameter.default


def _followed(node: Node, name: str, value: Any, renamed: Mapping[str, str], gone: set[str]) -> Any:
    """Return a value inside a block whose parameters are called otherwise now."""
    if not is_expression(value):
        return value
    try:
        used = names_in(text_of(value))
        if not used.isdisjoint(renamed):
            value = substitute(text_of(value), {old: expression(new) for old, new in renamed.items() if old in used})
            used = names_in(text_of(value))
    except ExpressionError:  # it cannot be read: the compiler tells, and nothing in it can follow
        return value
    for missing in used & gone:
        message = f"{missing} is still used: {node.label} has {name} = {text_of(value)}."
        refuse("edit.used", message, node.id, field=name)
    return value


def _definition(document: Document, key: str) -> Definition:
    if key not in document.blocks:
        refuse("edit.scope", f"There is no block called {key!r} any more.")
    return document.blocks[key]


def instance_of(document: Document, node: str, scope: str) -> Node:
    """Return an instance of a block, or refuse."""
    found = node_of(graph_of(document, scope), node)
    if not is_block(found) or block_key(found) not in document.blocks:
        refuse("edit.block", f"{found.label} is not an instance of a block.", node)
    return found
