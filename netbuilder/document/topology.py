"""Topology: orders, cycles and reachability of a graph of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import ROOT, Document, Graph, PortRef
from netbuilder.foundation.problem import NetbuilderError, Problem

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.DiGraph[str]:
    """Return the graph for networkx: a node an id, an edge wherever at least one link goes."""
    import networkx  # on demand: it takes a fifth of a second, and no edit needs it

    result: networkx.DiGraph[str] = networkx.DiGraph()
    result.add_nodes_from(graph.nodes)
    result.add_edges_from((source.node, target.node) for target, source in graph.edges.items())
    return result


def order(graph: Graph) -> list[str]:
    """Return all node ids so that each comes after what feeds it; where that leaves a choice, in document order.

    Raises:
        NetbuilderError: When links form a circle; the problem is on one of its nodes.
    """
    import networkx

    position = {node: index for index, node in enumerate(graph.nodes)}
    try:
        return list(networkx.lexicographical_topological_sort(to_networkx(graph), key=position.__getitem__))
    except networkx.NetworkXUnfeasible:
        circle = cycles(graph)[0]
        names = " -> ".join(graph.nodes[id].label for id in [*circle, circle[0]])
        message = f"The links form a circle: {names}. Remove one of them."
        raise NetbuilderError(Problem(code="graph.cycle", message=message, node=circle[0])) from None


def flow(graph: Graph) -> list[str]:
    """Return all node ids so that each comes after what feeds it, and soon after; nodes in circles come last.

    It asks for nothing but the graph and never fails: for lists that people read, such as an outline. A chain stays
    together: after a node comes the first of those it feeds that waits for nothing else.
    """
    waiting: dict[str, int] = dict.fromkeys(graph.nodes, 0)
    followers: dict[str, list[str]] = {}
    for target, source in graph.edges.items():
        if target.node in waiting and source.node in waiting:
            waiting[target.node] += 1
            followers.setdefault(source.node, []).append(target.node)
    ready = [node for node, count in waiting.items() if not count][::-1]
    found: list[str] = []
    while ready:
        node = ready.pop()
        found.append(node)
        for follower in reversed(followers.get(node, ())):
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    circling = dict.fromkeys(found)
    return found + [node for node in graph.nodes if node not in circling]


def cycles(graph: Graph) -> list[list[str]]:
    """Return circles of links as lists of node ids, one for each knot of nodes that depend on one another."""
    import networkx

    whole = to_networkx(graph)
    found = []
    for knot in networkx.strongly_connected_components(whole):
        first = next(iter(knot))
        if len(knot) > 1 or whole.has_edge(first, first):
            start = min(knot, key=list(graph.nodes).index)
            found.append([source for source, _ in networkx.find_cycle(whole.subgraph(knot), start)])
    return sorted(found, key=lambda circle: list(graph.nodes).index(circle[0]))


def ancestors(graph: Graph, nodes: Iterable[str]) -> set[str]:
    """Return the ids of all nodes upstream of these, without these unless they feed one another."""
    sources: dict[str, list[str]] = {}
    for target, source in graph.edges.items():
        sources.setdefault(target.node, []).append(source.node)
    return _reach(sources, nodes)


def descendants(graph: Graph, nodes: Iterable[str]) -> set[str]:
    """Return the ids of all nodes downstream of these, without these unless they feed one another."""
    return _reach(_followers(graph), nodes)


def reachable(graph: Graph, node: str) -> set[str]:
    """Return the ids of all nodes downstream of `node`."""
    return descendants(graph, (node,))


def would_cycle(document: Document, source: PortRef, target: PortRef, scope: str = ROOT) -> bool:
    """Return whether a link from `source` to `target` would close a circle.

    The link that it would replace counts as gone. Fast enough for every movement of a mouse: it walks downstream of
    the target only.
    """
    if source.node == target.node:
        return True
    # A link into the target, such as the one to be replaced, is on no way that begins there.
    return source.node in _reach(_followers(document.scope(scope)), (target.node,))


_last: tuple[Mapping[PortRef, PortRef], Mapping[str, Sequence[str]]] = ({}, {})


def _followers(graph: Graph) -> Mapping[str, Sequence[str]]:
    """Return the nodes that each node feeds; those of the last graph are kept, since gestures ask again and again.

    What an edit changed since then is mended.
    """
    global _last
    edges, known = _last
    if edges is not graph.edges:
        known = _mended(known, edges, graph.edges)
        _last = graph.edges, known  # replaced as a whole: several threads may ask
    return known


def _mended(
    followers: Mapping[str, Sequence[str]], old: Mapping[PortRef, PortRef], new: Mapping[PortRef, PortRef]
) -> Mapping[str, Sequence[str]]:
    """Return the followers after an edit, from those before it."""
    fresh, lost = fresh_keys(old, new), lost_keys(old, new)
    if len(fresh) + len(lost) > len(new) // 4:
        anew: dict[str, list[str]] = {}
        for target, source in new.items():
            anew.setdefault(source.node, []).append(target.node)
        return anew
    found = dict(followers)
    for target in (*lost, *(target for target in fresh if target in old)):
        left = list(found[old[target].node])
        left.remove(target.node)
        found[old[target].node] = left
    for target in fresh:
        found[new[target].node] = [*found.get(new[target].node, ()), target.node]
    return {node: each for node, each in found.items() if each} if lost else found


def _reach(next_nodes: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        for node in next_nodes.get(waiting.pop(), ()):
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen
