"""Grouping: which modules of the original become blocks, as a tree over the nodes of a flat graph.

A module becomes a block when its operations can be one step: nothing leaves them and comes back, and no weights are
shared across its edge. A module with a single operation is that layer; one with all operations of what is around it
adds nothing. Those are taken apart, and what is in them stands where they stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netbuilder.document.model import Graph
from netbuilder.exchange.incoming.operation import Scope

DEEPEST: Final = 16
"""How deeply blocks are nested; what lies deeper is taken apart."""


@dataclass(slots=True)
class Group:
    """A module that becomes a block.

    Attributes:
        scope: The module.
        members: Nodes by id and groups, each at the place of its first node.
    """

    scope: Scope
    members: list[str | Group] = field(default_factory=list)

    def leaves(self) -> Iterator[str]:
        """Yield the ids of all nodes in it, in order."""
        for member in self.members:
            if isinstance(member, str):
                yield member
            else:
                yield from member.leaves()


def group_nodes(graph: Graph, scopes: Mapping[str, Sequence[Scope]]) -> list[str | Group]:
    """Return the nodes of a graph as a tree.

    Args:
        graph: A flat graph, its nodes in an order in which each follows what it reads.
        scopes: Node id -> the modules it was in, the outermost first; nodes that are left out were in none.
    """
    edges = sorted({(source.node, target.node) for target, source in graph.edges.items()})
    ties = [(node.tied_to, id) for id, node in graph.nodes.items() if node.tied_to]
    chains = {id: tuple(scopes.get(id, ())) for id in graph.nodes}
    return _Grouping(edges, ties, set(scopes)).group(list(graph.nodes), chains, 0)


class _Grouping:
    """The walk from the outermost modules inwards."""

    def __init__(self, edges: Sequence[tuple[str, str]], ties: Sequence[tuple[str, str]], inner: set[str]) -> None:
        self.edges, self.ties, self.inner = edges, ties, inner

    def group(self, ids: Sequence[str], chains: Mapping[str, tuple[Scope, ...]], depth: int) -> list[str | Group]:
        """Return nodes that stand side by side, those of one module as a group where that can be."""
        here = set(ids)
        edges = [(a, b) for a, b in self.edges if a in here and b in here]
        owner: dict[str, str] = {}
        chains = dict(chains)
        waiting = self._modules(ids, chains, owner)
        inside = [id for id in ids if id in self.inner]
        while waiting:
            scope, members = waiting.pop(0)
            whole = len(members) == len(inside)
            if depth < DEEPEST and len(members) > 1 and not whole and self._can_be_one(scope, members, owner, edges):
                owner.update(dict.fromkeys(members, scope.path))
                continue
            for id in members:
                chains[id] = chains[id][1:]
            waiting[:0] = self._modules(members, chains, owner)
        return self._tree(ids, chains, owner, depth)

    def _modules(
        self, ids: Iterable[str], chains: Mapping[str, tuple[Scope, ...]], owner: Mapping[str, str]
    ) -> list[tuple[Scope, list[str]]]:
        found: dict[str, tuple[Scope, list[str]]] = {}
        for id in ids:
            if chains[id] and id not in owner:
                scope = chains[id][0]
                found.setdefault(scope.path, (scope, []))[1].append(id)
        return list(found.values())

    def _can_be_one(
        self, scope: Scope, members: Sequence[str], owner: Mapping[str, str], edges: Sequence[tuple[str, str]]
    ) -> bool:
        chosen = set(members)
        if any((a in chosen) != (b in chosen) for a, b in self.ties):
            return False
        owner = {**owner, **dict.fromkeys(members, scope.path)}
        waits: dict[str, set[str]] = {}
        feeds: dict[str, set[str]] = {}
        for a, b in edges:
            first, second = f"/{owner[a]}" if a in owner else a, f"/{owner[b]}" if b in owner else b
            if first != second:
                waits.setdefault(second, set()).add(first)
                feeds.setdefault(first, set()).add(second)
        ready = [each for each in feeds if not waits.get(each)]
        while ready:
            each = ready.pop()
            for after in feeds.pop(each, ()):
                waits[after].discard(each)
                if not waits[after]:
                    ready.append(after)
        return not feeds

    def _tree(
        self, ids: Sequence[str], chains: Mapping[str, tuple[Scope, ...]], owner: Mapping[str, str], depth: int
    ) -> list[str | Group]:
        found: list[str | Group] = []
        members: dict[str, list[str]] = {}
        groups: dict[str, Group] = {}
        for id in ids:
            path = owner.get(id)
            if path is None:
                found.append(id)
                continue
            if path not in groups:
                groups[path] = Group(chains[id][0])
                found.append(groups[path])
            members.setdefault(path, []).append(id)
        for path, group in groups.items():
            inner = {id: chains[id][1:] for id in members[path]}
            group.members = self.group(members[path], inner, depth + 1)
        return found
