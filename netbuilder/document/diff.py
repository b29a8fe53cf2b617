"""Differences: what changed between two documents, as sets of ids.

Identity is compared first: a part that both documents share is not looked into, so that one edit of a large
document costs a walk over one mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import compress, filterfalse
from operator import ne
from typing import Any, TypeAlias, TypeVar

from netbuilder.document.identity import fresh_keys, lost_keys
from netbuilder.document.model import ROOT, Document, Graph, PortRef

Edge: TypeAlias = tuple[PortRef, PortRef]
"""(target port, source port), as in `Graph.edges`."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between an old and a new document; node ids are unique, so that blocks need no telling apart.

    Attributes:
        added: Nodes that only the new document has.
        removed: Nodes that only the old document has.
        changed: Nodes whose type, parameters, label, tie, note or kept keys changed: their meaning or their face.
        moved: Nodes of both documents whose place changed.
        edges_added: Links that only the new document has; a link led elsewhere is removed and added.
        edges_removed: Links that only the old document has.
        schemas: Data nodes whose schema was added, removed or changed.
        frames: Frames that were added, removed or changed.
        routes: Links (by their targets) that are led through other points.
        blocks: Definitions that were added, removed or changed in any way.
        plan_changed: Whether the training plan changed.
        about_changed: Whether the title, the description or keys kept for a newer program changed.
    """

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    edges_added: frozenset[Edge] = frozenset()
    edges_removed: frozenset[Edge] = frozenset()
    schemas: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()
    routes: frozenset[PortRef] = frozenset()
    blocks: frozenset[str] = frozenset()
    plan_changed: bool = False
    about_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the documents are equal."""
        return not any(getattr(self, each.name) for each in fields(self))

    @property
    def is_layout_only(self) -> bool:
        """Whether only places, frames and routes changed: neither shapes nor training nor any face needs a look."""
        rest = (each.name for each in fields(self) if each.name not in ("moved", "frames", "routes"))
        return not self.is_empty and not any(getattr(self, name) for name in rest)


def diff(old: Document, new: Document) -> Difference:
    """Compare two documents.

    Args:
        old: The document before.
        new: The document after.

    Returns:
        What has changed; empty when they are equal.
    """
    if old is new:
        return Difference()
    added: set[str] = set()
    removed: set[str] = set()
    changed: set[str] = set()
    edges_added: set[Edge] = set()
    edges_removed: set[Edge] = set()
    for before, after in _graphs(old, new):
        gone, come, other = compare(before.nodes, after.nodes)
        removed |= gone
        added |= come
        changed |= other
        gone_edges, come_edges, led_elsewhere = compare(before.edges, after.edges)
        edges_removed |= {(target, before.edges[target]) for target in gone_edges | led_elsewhere}
        edges_added |= {(target, after.edges[target]) for target in come_edges | led_elsewhere}
    moved = _differing(old.layout.places, new.layout.places)
    moved.difference_update(added, removed)
    strayed = added & removed  # a node that went from one graph to another: to be drawn anew
    return Difference(
        added=frozenset(added),
        removed=frozenset(removed),
        changed=frozenset(changed - strayed),
        moved=frozenset(moved),
        edges_added=frozenset(edges_added),
        edges_removed=frozenset(edges_removed),
        schemas=frozenset(_differing(old.schemas, new.schemas)),
        frames=frozenset(_differing(old.layout.frames, new.layout.frames)),
        routes=frozenset(_differing(old.layout.routes, new.layout.routes)),
        blocks=frozenset(_differing(old.blocks, new.blocks)),
        plan_changed=old.plan is not new.plan and old.plan != new.plan,
        about_changed=_kept(old) != _kept(new),
    )


def _graphs(old: Document, new: Document) -> Iterator[tuple[Graph, Graph]]:
    """Pair the graphs of every scope that may differ; a scope that one document lacks is an empty graph there."""
    for scope in [ROOT, *({**old.blocks, **new.blocks} if old.blocks is not new.blocks else ())]:
        before = old.scope(scope) if scope == ROOT or scope in old.blocks else Graph()
        after = new.scope(scope) if scope == ROOT or scope in new.blocks else Graph()
        if before is not after:
            yield before, after


def _kept(document: Document) -> tuple[object, ...]:
    return document.about, document.extra, document.layout.extra, document.graph.extra


def compare(old: Mapping[K, Any], new: Mapping[K, Any]) -> tuple[set[K], set[K], set[K]]:
    """Return the keys that went, that came and whose value is another."""
    if old is new:
        return set(), set(), set()
    fresh = fresh_keys(old, new)
    gone = set(lost_keys(old, new))
    come = set(filterfalse(old.__contains__, fresh))
    common = [key for key in fresh if key not in come] if come else fresh
    differs = map(ne, map(old.__getitem__, common), map(new.__getitem__, common))
    return gone, come, set(compress(common, differs))


def _differing(old: Mapping[K, Any], new: Mapping[K, Any]) -> set[K]:
    gone, come, other = compare(old, new)
    other.update(gone, come)
    return other
