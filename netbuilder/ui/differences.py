"""Differences in words: what became of a network from one state to another."""

from __future__ import annotations

from netbuilder.document.diff import Difference, diff
from netbuilder.document.model import Document
from netbuilder.ui.text import counted


def describe_difference(old: Document, new: Document) -> str:
    """Return what differs, in one line: "2 nodes added, 1 changed, 3 links added"."""
    difference = diff(old, new)
    words = [*_nodes(difference), *_links(difference), *_rest(difference)]
    return ", ".join(words) if words else "no difference"


def describe_size(document: Document) -> str:
    """Return how large a network is: "12 nodes, 14 links, 2 blocks"."""
    graphs = [document.graph, *(block.graph for block in document.blocks.values())]
    words = [
        counted(sum(len(graph.nodes) for graph in graphs), "node"),
        counted(sum(len(graph.edges) for graph in graphs), "link"),
    ]
    if document.blocks:
        words.append(counted(len(document.blocks), "block"))
    return ", ".join(words)


def _nodes(difference: Difference) -> list[str]:
    parts = (
        (difference.added, "added"),
        (difference.removed, "removed"),
        (difference.changed, "changed"),
        (difference.moved, "moved"),
    )
    return _told(parts, "node")


def _links(difference: Difference) -> list[str]:
    return _told(((difference.edges_added, "added"), (difference.edges_removed, "removed")), "link")


def _told(parts: tuple[tuple[frozenset[object], str], ...], noun: str) -> list[str]:
    """Return "2 nodes added", "1 changed": the noun stands with the first alone."""
    words: list[str] = []
    for found, verb in parts:
        if found:
            words.append(f"{len(found):,} {verb}" if words else f"{counted(len(found), noun)} {verb}")
    return words


def _rest(difference: Difference) -> list[str]:
    words = []
    if difference.blocks:
        words.append(f"{counted(len(difference.blocks), 'block')} changed")
    if difference.frames:
        words.append(f"{counted(len(difference.frames), 'frame')} changed")
    if difference.routes:
        words.append(f"{counted(len(difference.routes), 'link')} led otherwise")
    if difference.plan_changed:
        words.append("the training plan changed")
    if difference.about_changed:
        words.append("the description changed")
    return words
