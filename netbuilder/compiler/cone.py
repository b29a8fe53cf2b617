"""Cone: what an edit changed of the types in a graph, found without a look at the rest of it.

Nodes are looked at in an order in which each comes after what feeds it, so that one look at each is enough. When the
time is over, what is left is pending, and the next pass goes on with it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from netbuilder.document.identity import fresh_keys, lost_keys

if TYPE_CHECKING:
    from netbuilder.compiler.shapes import Pass

AT_LEAST: Final = 400
"""In graphs of so many nodes and fewer nothing ever waits for want of time."""

PIECE: Final = 64
"""Nodes between two looks at the clock."""


def follow(work: Pass, last: Pass | None, touched: frozenset[str] | None) -> None:
    """Look at the nodes that an edit changed, and downstream of them as far as types change.

    Args:
        work: A pass over the graph as it is, which is filled in.
        last: The pass over the graph as it was; None looks at all nodes.
        touched: The nodes whose inputs are linked otherwise; None looks at all nodes, whatever was found before.
    """
    nodes = work.graph.nodes
    if last is None or touched is None:
        if last is not None:
            work.shown = {id: found for id, found in last.shown.items() if id in work.wiring.rank}
        _spread(work, set(work.wiring.rank), is_anew=True)
        return
    fresh = fresh_keys(last.graph.nodes, nodes)
    gone = lost_keys(last.graph.nodes, nodes)
    schemas, before = work.document.schemas, last.document.schemas
    seeds = {*fresh, *touched, *fresh_keys(before, schemas), *last.special, *last.pending}
    seeds.update(id for id in before if id not in schemas)
    _take_over(work, last)
    for id in gone:
        _drop(work, last, id)
    for id in touched & last.graph.nodes.keys():
        _unlink(work, last, id)
    _spread(work, seeds & work.wiring.rank.keys())


def _take_over(work: Pass, last: Pass) -> None:
    """Begin with copies of what the last pass found: what was handed out stays as it is."""
    work.types, work.shown = dict(last.types), dict(last.shown)
    work.known, work.special = set(last.known), set(last.special)
    work.derived, work.weights = dict(last.derived), dict(last.weights)


def _drop(work: Pass, last: Pass, id: str) -> None:
    """Forget a node that is gone."""
    _unlink(work, last, id)
    found = work.shown.pop(id, None)
    for port, _ in found.outputs if found is not None else ():
        work.types.pop(port, None)
    work.forget(id)


def _unlink(work: Pass, last: Pass, id: str) -> None:
    """Forget the types of a node's linked inputs."""
    for target, _ in last.wiring.incoming.get(id, ()):
        work.types.pop(target, None)


def _spread(work: Pass, seeds: set[str], *, is_anew: bool = False) -> None:
    """Look at nodes in order, and at those they feed wherever what they give has changed."""
    rank, followers = work.wiring.rank, work.wiring.followers
    waiting = sorted((rank[id], id) for id in seeds)  # which is a heap
    seen, number = set(seeds), 0
    while waiting:
        number += 1
        if not number % PIECE and len(rank) > AT_LEAST and work.is_late():
            _postpone(work, [id for _, id in waiting], is_anew)
            return
        _, id = heappop(waiting)
        before = work.shown.get(id)
        outputs = before.outputs if before is not None else ()
        for port, _ in outputs:
            work.types.pop(port, None)
        for target, _ in work.wiring.incoming.get(id, ()):
            work.types.pop(target, None)
        found = work.look(id, before)
        work.forget(id)
        if found is not None:
            work.note(id, found)
        elif before is not None:  # what it gave before is shown meanwhile
            work.types.update(outputs)
            work.note(id, before)
        if found is None or found.outputs != outputs:
            for follower in followers.get(id, ()):
                if follower not in seen and follower in rank:
                    seen.add(follower)
                    heappush(waiting, (rank[follower], follower))


def _postpone(work: Pass, late: list[str], is_anew: bool) -> None:
    """Leave nodes for the next time, with all that is downstream of them."""
    seen = set(late)
    while late:
        for follower in work.wiring.followers.get(late.pop(), ()):
            if follower not in seen:
                seen.add(follower)
                late.append(follower)
    ranked = seen & work.wiring.rank.keys()
    work.pending |= ranked
    work.known -= ranked
    work.special -= ranked
    if is_anew:  # else it was taken over
        for id in ranked & work.shown.keys():
            work.types.update(work.shown[id].outputs)
            work.note(id, work.shown[id])
