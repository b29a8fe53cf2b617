"""Where data lie: named relative to the project's folder as far as they are in it, so that it can be moved."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from netbuilder.data.sources import registry
from netbuilder.document.model import Document, Node
from netbuilder.foundation.parameter import Kind


def placed(document: Document, base: str | Path, folder: str | Path) -> Document:
    """Return a document as it is written into a folder: data in it or below are named relative to it, others in full.

    Args:
        document: The document.
        base: The folder that its relative paths are relative to now.
        folder: The folder of the file that is written.
    """
    nodes = {id: _placed(node, Path(base), Path(folder)) for id, node in document.graph.nodes.items()}
    if all(node is document.graph.nodes[id] for id, node in nodes.items()):
        return document
    return replace(document, graph=replace(document.graph, nodes=nodes))


def has_relative(document: Document) -> bool:
    """Whether a data node names its file or folder relative to the project's folder."""
    return any(
        not PurePath(value).is_absolute() for node in document.graph.nodes.values() for value in _paths(node).values()
    )


def _paths(node: Node) -> dict[str, Any]:
    """Return a data node's files and folders by parameter."""
    source = registry().get(node.type) if node.type.startswith("data.") else None
    if source is None:
        return {}
    names = [parameter.name for parameter in source.parameters if parameter.kind in (Kind.FILE, Kind.FOLDER)]
    return {name: value for name in names if isinstance(value := node.parameters.get(name), str) and value}


def _placed(node: Node, base: Path, folder: Path) -> Node:
    paths = _paths(node)
    home = os.path.abspath(folder)
    # A relative name that leads nowhere from here may be right where the project will be.
    found = {
        name: _named(os.path.abspath(base / value), home) if os.path.isabs(value) or (base / value).exists() else value
        for name, value in paths.items()
    }
    return node if found == paths else replace(node, parameters={**node.parameters, **found})


def _named(path: str, home: str) -> str:
    inside = PurePath(path)
    return inside.relative_to(home).as_posix() if inside.is_relative_to(home) else path
