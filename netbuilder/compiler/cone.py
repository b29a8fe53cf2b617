"""Cone: what an edit changed of the types in a graph, found without a look at the rest of it."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final

from netbuilder.document.identity import fresh_keys, lost_keys

if TYPE_CHECKING:
    from netbuilder.compiler.shapes import Pass

MOST: Final = 512
"""Nodes that changed by themselves; when there are more, a walk through all of them takes no longer."""


def follow(work: Pass, last: Pass, touched: frozenset[str]) -> bool:
    """Look at the nodes that an edit changed, and downstream of them as far as types change.

    Args:
        work: A pass over the graph as it is, which is filled in.
        last: The pass over the graph as it was.
        touched: The nodes whose inputs are linked otherwise.

    Returns:
        Whether that was enough; if not, `work` is of no use: something has to wait, or too much is new.
    """
    if last.pending or not last.wiring.is_sound:
        return False
    fresh = fresh_keys(last.graph.nodes, work.graph.nodes)
    gone = lost_keys(last.graph.nodes, work.graph.nodes, fresh)
    seeds = {*fresh, *touched, *fresh_keys(last.document.schemas, work.document.schemas), *last.special}
    seeds.update(id for id in last.document.schemas if id not in work.document.schemas)
    seeds &= work.graph.nodes.keys()
    if len(seeds) + len(gone) > MOST:
        return False
    _take_over(work, last)
    for id in gone:
        _drop(work, last, id)
    for id in touched & last.graph.nodes.keys():
        _unlink(work, last, id)
    return _spread(work, seeds)


def _take_over(work: Pass, last: Pass) -> None:
    """Begin with copies of what the last pass found: what was handed out stays as it is."""
    work.types, work.shown = dict(last.types), dict(last.shown)
    work.known, work.special = set(last.known), set(last.special)
    work.derived, work.weights = dict(last.derived), dict(last.weights)


def _drop(work: Pass, last: Pass, id: str) -> None:
    """Forget a node that is gone."""
    _unlink(work, last, id)
    for port, _ in work.shown.pop(id).outputs:
        work.types.pop(port, None)
    work.forget(id)


def _unlink(work: Pass, last: Pass, id: str) -> None:
    """Forget the types of a node's linked inputs."""
    for target, _ in last.wiring.incoming.get(id, ()):
        work.types.pop(target, None)


def _spread(work: Pass, seeds: set[str]) -> bool:
    """Look at nodes in order, and at those they feed wherever what they give has changed."""
    rank = work.wiring.rank
    waiting = [(rank[id], id) for id in seeds]
    heapify(waiting)
    seen = set(seeds)
    while waiting:
        _, id = heappop(waiting)
        before = work.shown.get(id)
        outputs = before.outputs if before is not None else ()
        for port, _ in outputs:
            work.types.pop(port, None)
        for target, _ in work.wiring.incoming.get(id, ()):
            work.types.pop(target, None)
        found = work.look(id, before)
        if found is None:
            return False
        if found is before:
            continue
        work.forget(id)
        work.note(id, found)
        if found.outputs != outputs:
            for follower in set(work.wiring.followers.get(id, ())) - seen:
                seen.add(follower)
                heappush(waiting, (rank[follower], follower))
    return True
