"""Kinds: the nodes of a graph by their type, followed from edit to edit.

Several parts of the program ask at every edit for the few data nodes or outputs among thousands of layers. What was
found for the graph before the edit is brought up to date with what the edit changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import Node

Kinds: TypeAlias = Mapping[str, Mapping[str, Node]]
"""Type -> the nodes of that type by id."""

_KEPT: Final = 4
"""Graphs whose nodes are kept: an edit's old and new ones, of the main graph and of the block in sight."""

_recent: tuple[tuple[Mapping[str, Node], Kinds], ...] = ()


def by_type(nodes: Mapping[str, Node]) -> Kinds:
    """Return the nodes of a graph by their type; types that no node has are left out.

    Args:
        nodes: Those of a graph: a value, which may not be changed once it was asked about.
    """
    global _recent
    for known, kinds in _recent:
        if known is nodes:
            return kinds
    first = next(iter(nodes), None)
    before = next((each for each in _recent if first is not None and next(iter(each[0]), None) == first), ({}, {}))
    kinds = _after(before[1], before[0], nodes)
    _recent = ((nodes, kinds), *_recent[: _KEPT - 1])  # replaced as a whole: several threads may ask
    return kinds


def of_type(nodes: Mapping[str, Node], type: str) -> Mapping[str, Node]:
    """Return the nodes of one type, by id."""
    return by_type(nodes).get(type, {})


def data_nodes(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Return the nodes of all types of data sources, by id."""
    found: dict[str, Node] = {}
    for type, some in by_type(nodes).items():
        if type.startswith("data."):
            found.update(some)
    return found


def _after(kinds: Kinds, old: Mapping[str, Node], new: Mapping[str, Node]) -> Kinds:
    """Return the kinds of the nodes that an edit left, from those before it."""
    found = dict(kinds)
    own: dict[str, dict[str, Node]] = {}  # those that are copies of ours already

    def of(type: str) -> dict[str, Node]:
        if type not in own:
            own[type] = found[type] = dict(found.get(type, ()))
        return own[type]

    fresh = fresh_keys(old, new)
    for id in lost_keys(old, new):
        del of(old[id].type)[id]
    for id in fresh:
        if id in old:
            del of(old[id].type)[id]
    for id in fresh:
        of(new[id].type)[id] = new[id]
    return {type: some for type, some in found.items() if some}
