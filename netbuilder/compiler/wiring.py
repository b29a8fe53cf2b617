"""Wiring: the links of a graph by node, and an order in which each node comes after what feeds it.

After an edit of a few links the order is mended where they are instead of being worked out anew: a node that comes is
ranked between its neighbours, and where a link runs against the order, only the nodes between its ends change places
(Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", 2006).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import inf
from typing import Final

from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import Graph, PortRef

FEW: Final = 128
"""Links between nodes that were there before; when more come, everything is worked out anew."""

PART: Final = 4
"""When a larger part than one of so many of the nodes or links comes or goes, everything is worked out anew."""

Incoming = Mapping[str, Sequence[tuple[PortRef, PortRef]]]


@dataclass(frozen=True)
class Wiring:
    """The links of a graph by node, and an order of its nodes.

    Attributes:
        graph: The graph.
        rank: Node -> a number larger than those of all nodes that feed it; nodes on or behind circles have none.
        incoming: Node -> its linked inputs as (target, source), strays left out.
        followers: Node -> the nodes that it feeds, once for each link.
        has_strays: Whether links lead to or from nodes that are not there.
    """

    graph: Graph
    rank: Mapping[str, float]
    incoming: Incoming
    followers: Mapping[str, Sequence[str]]
    has_strays: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether no links form a circle."""
        return len(self.rank) == len(self.graph.nodes)

    @cached_property
    def order(self) -> Sequence[str]:
        """The nodes by rank."""
        return sorted(self.rank, key=self.rank.__getitem__)


def wire(graph: Graph) -> Wiring:
    """Return the links of a graph by node and an order of its nodes; nodes on or behind circles are left out."""
    incoming: dict[str, list[tuple[PortRef, PortRef]]] = {}
    followers: dict[str, list[str]] = {}
    waits = dict.fromkeys(graph.nodes, 0)
    for target, source in graph.edges.items():
        if target.node in waits and source.node in waits:
            incoming.setdefault(target.node, []).append((target, source))
            followers.setdefault(source.node, []).append(target.node)
            waits[target.node] += 1
    links = sum(waits.values())
    order = [id for id, count in waits.items() if not count]
    for id in order:
        for follower in followers.get(id, ()):
            waits[follower] -= 1
            if not waits[follower]:
                order.append(follower)
    rank = dict(zip(order, map(float, range(len(order))), strict=True))
    return Wiring(graph, rank, incoming, followers, has_strays=links < len(graph.edges))


_sound: tuple[Graph, ...] = ()  # the last graphs that were found to be free of circles

_KEPT: Final = 4


def is_sound(graph: Graph) -> bool:
    """Whether no links of a graph form a circle; what was wired or rewired lately is not looked at again."""
    nodes, edges = graph.nodes, graph.edges
    return any(each.nodes is nodes and each.edges is edges for each in _sound) or _noted(wire(graph)).is_sound


def _noted(wiring: Wiring) -> Wiring:
    global _sound
    if wiring.is_sound:
        _sound = (wiring.graph, *_sound[: _KEPT - 1])  # replaced as a whole: several threads may ask
    return wiring


def rewire(before: Wiring, graph: Graph) -> tuple[Wiring, frozenset[str] | None]:
    """Return the wiring of a graph after an edit, and the nodes whose inputs are linked otherwise than before.

    Args:
        before: The wiring of the graph as it was.
        graph: The graph as it is.

    Returns:
        The wiring; the nodes, or None where links form circles or lead nowhere, before or now.
    """
    mending = _Mending(before, graph)
    if mending.is_idle:
        same = replace(before, graph=graph)
        if "order" in vars(before):
            vars(same)["order"] = before.order
        return _noted(same), frozenset()
    if not before.is_sound or before.has_strays:
        return wire(graph), None
    if not mending.is_small or not mending.mend():
        anew = wire(graph)
        return anew, mending.ends() if anew.is_sound and not anew.has_strays else None
    return _noted(Wiring(graph, mending.rank, mending.incoming, mending.followers)), mending.ends()


class _Mending:
    """A wiring while it is brought up to date; what it shares with the one before is replaced, never changed."""

    def __init__(self, before: Wiring, graph: Graph) -> None:
        old = before.graph
        self.old, self.graph = old, graph
        self.edges = fresh_keys(old.edges, graph.edges)
        self.cut = lost_keys(old.edges, graph.edges)
        fresh = fresh_keys(old.nodes, graph.nodes)
        self.come = [id for id in fresh if id not in old.nodes]
        self.gone = lost_keys(old.nodes, graph.nodes)
        self.is_idle = not (self.edges or self.cut or self.come or self.gone)
        self.is_small = self._is_small()
        self.rank, self.incoming, self.followers = dict(before.rank), dict(before.incoming), dict(before.followers)

    def _is_small(self) -> bool:
        """Return whether mending the order takes less than working it out anew."""
        nodes, links = len(self.come) + len(self.gone), len(self.edges) + len(self.cut)
        if links <= FEW and nodes <= FEW:
            return True
        come, edges = set(self.come), self.graph.edges
        led = sum(target.node not in come and edges[target].node not in come for target in self.edges)
        return led <= FEW and nodes <= len(self.graph.nodes) // PART and links <= len(edges) // PART

    def ends(self) -> frozenset[str]:
        """Return the nodes whose inputs are linked otherwise, and those that have come."""
        targets = {target.node for target in (*self.cut, *self.edges)}
        return frozenset((targets | set(self.come)) - set(self.gone))

    def mend(self) -> bool:
        """Bring everything up to date; returns False when it has to be worked out anew."""
        for target in (*self.cut, *(target for target in self.edges if target in self.old.edges)):
            self._unlink(target, self.old.edges[target])
        for id in self.gone:
            if self.followers.pop(id, ()) or self.incoming.pop(id, ()):
                return False  # a link is left that leads to a node which is not there
            del self.rank[id]
        ends = {node for target in self.edges for node in (target.node, self.graph.edges[target].node)}
        if not ends <= self.graph.nodes.keys() or not self._rank_new():
            return False
        # One link after another: each finds an order that is right for all links before it.
        return all(self._link(target, self.graph.edges[target]) for target in self.edges)

    def _unlink(self, target: PortRef, source: PortRef) -> None:
        self.incoming[target.node] = [link for link in self.incoming[target.node] if link[0] != target]
        followers = list(self.followers[source.node])
        followers.remove(target.node)
        self.followers[source.node] = followers

    def _link(self, target: PortRef, source: PortRef) -> bool:
        """Add a link and have its source before its target; returns False for a circle."""
        self.incoming[target.node] = [*self.incoming.get(target.node, ()), (target, source)]
        self.followers[source.node] = [*self.followers.get(source.node, ()), target.node]
        return self._straighten(target)

    def _rank_new(self) -> bool:
        """Rank the nodes that have come right before the first node that they feed, or behind all others.

        Those before the same node share the room there evenly.
        """
        rank = self.rank
        coming = {target: self.graph.edges[target] for target in self.edges}
        ranked = list(wire(Graph(nodes={id: self.graph.nodes[id] for id in self.come}, edges=coming)).rank)
        targets: dict[str, list[str]] = {}
        for target, source in coming.items():
            targets.setdefault(source.node, []).append(target.node)
        first = dict[str, float]()
        for id in reversed(ranked):
            below = targets.get(id, ())
            first[id] = min((first[node] if node in first else rank.get(node, inf) for node in below), default=inf)
        known, before = sorted(rank.values()), dict[float, list[str]]()
        for id in ranked:
            before.setdefault(first[id], []).append(id)
        for high, ids in before.items():
            at = bisect_left(known, high)
            low = known[at - 1] if at else min(high, 0.0) - len(ids) - 1
            step = (high - low) / (len(ids) + 1) if high < inf else 1.0
            ranks = [low + step * number for number in range(1, len(ids) + 1)]
            if any(above <= below for below, above in pairwise((low, *ranks, high))):
                return False  # no number is left between the two
            rank.update(zip(ids, ranks, strict=True))
        return len(rank) == len(self.graph.nodes)

    def _straighten(self, target: PortRef) -> bool:
        rank, source = self.rank, self.graph.edges[target].node
        low, high = rank[target.node], rank[source]
        if high < low:
            return True
        ahead = _reach(target.node, lambda id: self.followers.get(id, ()), lambda id: rank[id] <= high)
        if source in ahead:
            return False
        behind = _reach(
            source, lambda id: [each.node for _, each in self.incoming.get(id, ())], lambda id: rank[id] >= low
        )
        moved = [*sorted(behind, key=rank.__getitem__), *sorted(ahead, key=rank.__getitem__)]
        rank.update(zip(moved, sorted(rank[id] for id in moved), strict=True))
        return True


def _reach(start: str, neighbours: Callable[[str], Iterable[str]], is_near: Callable[[str], bool]) -> set[str]:
    """Return what can be reached from a node over neighbours that are near, the node included."""
    seen, waiting = {start}, [start]
    while waiting:
        for other in neighbours(waiting.pop()):
            if other not in seen and is_near(other):
                seen.add(other)
                waiting.append(other)
    return seen
