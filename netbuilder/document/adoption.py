"""Adoption: how definitions from elsewhere (a file, the clipboard) become a document's own.

What the document holds already in an equal form is used as it is; everything else gets a free key and fresh ids. Two
definitions are equal when they mean the same: ids, keys and places do not count, labels do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from netbuilder.document.blocks import BLOCK, block_key, contains, is_block, uses
from netbuilder.document.model import ROOT, Definition, Document, Graph, Layout, Node, PortRef, new_id
from netbuilder.document.names import identifier
from netbuilder.document.records import plain, plain_definition
from netbuilder.foundation.limits import BLOCKS, EDGES, KEY_LENGTH, NODES
from netbuilder.foundation.problem import NetbuilderError, Problem


def fingerprint(key: str, blocks: Mapping[str, Definition]) -> str:
    """Return a text that is the same for definitions that mean the same.

    Args:
        key: The definition's key.
        blocks: Definitions by key, with all that it is made of; none holds itself.
    """
    known: dict[str, str] = {}
    return _fingerprint(key, blocks, known)


def _fingerprint(key: str, blocks: Mapping[str, Definition], known: dict[str, str]) -> str:
    if key not in known:
        known[key] = ""  # a block that holds itself comes to an end here
        block = blocks[key]
        labels = {id: node.label for id, node in block.graph.nodes.items()}
        nodes = []
        for node in block.graph.nodes.values():
            inner = block_key(node)
            type_ = _fingerprint(inner, blocks, known) if is_block(node) and inner in blocks else node.type
            own = {"id": node.label, "type": type_, "tied_to": labels.get(node.tied_to, "")}
            nodes.append({**plain(node), **own})
        edges = sorted(
            [labels[source.node], source.port, labels[target.node], target.port]
            for target, source in block.graph.edges.items()
        )
        value = {**plain_definition(block), "graph": {"nodes": nodes, "edges": edges}}
        known[key] = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return known[key]


def adopt(
    document: Document, blocks: Mapping[str, Definition], layout: Layout | None = None
) -> tuple[Document, dict[str, str]]:
    """Add definitions to a document.

    Args:
        document: Where they go.
        blocks: The definitions by key, with all that they are made of.
        layout: Where their nodes and frames lie.

    Returns:
        The document, and each definition's key -> its key in the document.

    Raises:
        NetbuilderError: When the document would become too large.
    """
    layout = layout or Layout()
    mine = {fingerprint(key, document.blocks): key for key in document.blocks}
    keys: dict[str, str] = {}
    for key in _inner_first(blocks):
        found = mine.get(fingerprint(key, blocks))
        if found is None:
            found = free_key(document, key)
            document = _added(document, found, blocks[key], keys, layout)
            mine[fingerprint(found, document.blocks)] = found
        keys[key] = found
    if len(document.blocks) > BLOCKS or node_count(document) > NODES or edge_count(document) > EDGES:
        most = f"{BLOCKS:,} blocks, {NODES:,} nodes and {EDGES:,} links"
        message = f"A project holds at most {most}; with these there would be more."
        raise NetbuilderError(Problem(code="edit.limit", message=message))
    return document, keys


def node_count(document: Document) -> int:
    """Return how many nodes a document holds, those in blocks included."""
    return len(document.graph.nodes) + sum(len(block.graph.nodes) for block in document.blocks.values())


def edge_count(document: Document) -> int:
    """Return how many links a document holds, those in blocks included."""
    return len(document.graph.edges) + sum(len(block.graph.edges) for block in document.blocks.values())


def free_key(document: Document, wish: str) -> str:
    """Return a key like `wish` (any text) that no definition of the document has."""
    base = identifier(wish)[: KEY_LENGTH - len(BLOCK) - 4]
    key, number = base, 1
    while key in document.blocks:
        number += 1
        key = f"{base}_{number}"
    return key


def free_title(document: Document, wish: str) -> str:
    """Return a title like `wish` that no definition of the document has."""
    taken = {block.title for block in document.blocks.values()}
    title, number = wish, 1
    while title in taken:
        number += 1
        title = f"{wish} {number}"
    return title


def copied(document: Document, key: str, new: str, title: str) -> Document:
    """Return the document with a copy of one of its definitions under a free key, its nodes and frames with fresh ids.

    Args:
        document: What to change.
        key: The definition to copy.
        new: The copy's key.
        title: The copy's title.
    """
    same = {inner: inner for inner in document.blocks}
    return _added(document, new, replace(document.blocks[key], title=title), same, document.layout, frames_of=key)


def holds_scope(document: Document, node: Node, scope: str) -> bool:
    """Whether a node put into a scope would make a block hold itself."""
    return scope != ROOT and is_block(node) and contains(document, block_key(node), scope)


def _inner_first(blocks: Mapping[str, Definition]) -> Iterator[str]:
    """Yield the keys so that each comes after those it is made of."""
    done: set[str] = set()

    def visit(key: str) -> Iterator[str]:
        if key in done or key not in blocks:
            return
        done.add(key)
        for inner in uses(blocks[key].graph):
            yield from visit(inner)
        yield key

    for key in blocks:
        yield from visit(key)


def _added(
    document: Document, key: str, block: Definition, keys: Mapping[str, str], layout: Layout, frames_of: str = ""
) -> Document:
    """Return the document with a definition under a key of its own, with fresh ids."""
    fresh = {id: new_id() for id in block.graph.nodes}
    graph = renewed(block.graph, fresh, keys)
    places = {fresh[id]: layout.places[id] for id in fresh if id in layout.places}
    frames = {}
    for frame in layout.frames.values():
        if frame.scope == (frames_of or block.key):
            id = new_id("f")
            frames[id] = replace(frame, id=id, scope=key)
    routes = {
        PortRef(fresh[target.node], target.port): points
        for target, points in layout.routes.items()
        if target.node in fresh
    }
    own = document.layout
    return replace(
        document,
        blocks={**document.blocks, key: replace(block, key=key, graph=graph)},
        layout=replace(
            own,
            places={**own.places, **places},
            frames={**own.frames, **frames},
            routes={**own.routes, **routes},
        ),
    )


def renewed(graph: Graph, fresh: Mapping[str, str], keys: Mapping[str, str]) -> Graph:
    """Return a graph with other ids, its instances being of other definitions.

    Args:
        graph: What to copy.
        fresh: Old id -> new id, for every node.
        keys: Old key -> new key, for the definitions that have another one.
    """
    nodes = {}
    for node in graph.nodes.values():
        changes: dict[str, Any] = {"id": fresh[node.id], "tied_to": fresh.get(node.tied_to, "")}
        if is_block(node) and block_key(node) in keys:
            changes["type"] = BLOCK + keys[block_key(node)]
        nodes[fresh[node.id]] = replace(node, **changes)
    edges = {PortRef(fresh[t.node], t.port): PortRef(fresh[s.node], s.port) for t, s in graph.edges.items()}
    return replace(graph, nodes=nodes, edges=edges)


__all__ = [
    "adopt",
    "copied",
    "fingerprint",
    "free_key",
    "free_title",
    "holds_scope",
    "node_count",
    "renewed",
]
