"""Where nodes and links lie, as numpy arrays: what is under the pointer or in view, for thousands of nodes at once.

No Qt. A row is a node or a link; the later row is drawn above. Links are polylines of `STEPS` segments; a curve is
worked out when it is first asked for, since of many most are never near enough to be seen. So is the way of a link
around nodes: `find_ways` finds those in view, and those that an edit made doubtful.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress
from operator import attrgetter
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netbuilder.document.model import PortRef
from netbuilder.ui.canvas.returns import returning
from netbuilder.ui.canvas.routing import STEPS, distances, through
from netbuilder.ui.canvas.rows import rows_before
from netbuilder.ui.canvas.ways import Drawing, Flags, Ways

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_PIECE = 64_000  # pairs of a link and a node that are compared in one go when ways are found


class Wire(NamedTuple):
    """One link: its two ports, how far below the upper edges of their nodes they lie, and what it is led through."""

    target: PortRef
    source: PortRef
    target_y: float
    source_y: float
    via: tuple[tuple[float, float], ...] = ()


_NOWHERE = Wire(PortRef("", ""), PortRef("", ""), 0.0, 0.0)


class CanvasArrays:
    """Positions and sizes of nodes, ends and curves of links.

    Attributes:
        ids: Node id by row.
        rects: (n, 4): x, y, width, height.
        wires: Links by row.
        ends: (m, 4): x and y of the source's port, then of the target's.
        boxes: (m, 4): left, top, right, bottom within which each link runs.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.rects: Floats = np.empty((0, 4))
        self.wires: list[Wire] = []
        self.ends: Floats = np.empty((0, 4))
        self._curves: Floats = np.empty((0, STEPS + 1, 2))
        self._is_bent = np.empty(0, dtype=bool)
        self.boxes: Floats = np.empty((0, 4))
        self._row: dict[str, int] = {}
        self._order: list[PortRef] = []
        self._edge_row: dict[PortRef, int] = {}
        self._sources: Rows = np.empty(0, dtype=np.intp)
        self._targets: Rows = np.empty(0, dtype=np.intp)
        self._drops: Floats = np.empty((0, 2))
        self._via: dict[int, Floats] = {}
        self._ways = Ways(0, 0)
        self._homes: Floats = np.empty((0, 2))  # where nodes belong that are carried
        self._carried: Rows = np.empty(0, dtype=np.intp)
        self._is_moved = False  # something was, since ways were looked at

    def set_nodes(self, rects: Mapping[str, Sequence[float]]) -> None:
        """Replace all nodes; links keep meaning nodes by id and follow at the next `set_wires`."""
        self.ids = list(rects)
        self._row = {node: row for row, node in enumerate(self.ids)}
        self.rects = np.array([rects[node] for node in self.ids], dtype=np.float64).reshape(-1, 4)
        self._homes = self.rects[:, :2].copy()

    def set_wires(self, wires: Iterable[Wire]) -> None:
        """Replace all links; those whose nodes are not here are left out."""
        row = self._row
        self.wires = [wire for wire in wires if wire.source.node in row and wire.target.node in row]
        self._via = {row: np.array(wire.via) for row, wire in enumerate(self.wires) if wire.via}
        count = len(self.wires)
        self._order = list(map(attrgetter("target"), self.wires))
        self._edge_row = dict(zip(self._order, range(count), strict=True))
        ends = attrgetter("source.node"), attrgetter("target.node")
        self._sources, self._targets = (
            np.fromiter(map(row.__getitem__, map(end, self.wires)), dtype=np.intp, count=count) for end in ends
        )
        self._drops = np.empty((count, 2))
        for column, name in enumerate(("source_y", "target_y")):
            self._drops[:, column] = np.fromiter(map(attrgetter(name), self.wires), dtype=np.float64, count=count)
        self.ends = np.empty((count, 4))
        self._curves = np.empty((count, STEPS + 1, 2))
        self._is_bent = np.zeros(count, dtype=bool)
        self.boxes = np.empty((count, 4))
        self._ways = Ways(count, len(self.ids))
        self._carried = self._carried[:0]
        self._bend(np.arange(count))

    def arrange_nodes(self, ids: Iterable[str], come: Mapping[str, Sequence[float]]) -> None:
        """Take other nodes, which costs what is new; links keep their nodes, and follow at the next `arrange_wires`.

        Args:
            ids: All nodes in their order.
            come: The rectangles of those that were not here.
        """
        before, old = self._row, self.ids
        self.ids = list(ids)
        take = rows_before(old, self.ids)
        self._row = dict(zip(self.ids, range(len(self.ids)), strict=True))
        kept = np.flatnonzero(take >= 0)
        rects = np.empty((len(self.ids), 4))
        rects[kept] = self.rects[take[kept]]
        rects[self.rows(come)] = np.array(list(come.values()), dtype=np.float64).reshape(-1, 4)
        homes = rects[:, :2].copy()
        homes[kept] = self._homes[take[kept]]
        renumbered = np.full(len(before), -1, dtype=np.intp)
        renumbered[take[kept]] = kept
        self.rects, self._homes = rects, homes
        self._ways.take_nodes(take)
        self._carried = self._carried[:0]
        self._sources, self._targets = renumbered[self._sources], renumbered[self._targets]

    def arrange_wires(self, order: Iterable[PortRef], made: Mapping[PortRef, Wire]) -> None:
        """Take other links, which costs what is new.

        Args:
            order: The targets of all links in their order; what is neither known nor made is left out.
            made: Those that are new, or begin or end elsewhere than before.
        """
        targets = list(order)
        take = rows_before(self._order, targets)
        is_here = take >= 0
        is_here[[row for row in np.flatnonzero(take < 0).tolist() if targets[row] in made]] = True
        if not is_here.all():
            targets, take = list(compress(targets, is_here.tolist())), take[is_here]
        ways = {self.wires[row].target: way for row, way in self._via.items()}
        self._take_wires(targets, take)
        rows = np.array([self._edge_row[target] for target in made], dtype=np.intp)
        self._ways.forget(rows)
        self._via = {self._edge_row[target]: way for target, way in ways.items() if target in self._edge_row}
        self._sources[rows] = [self._row[wire.source.node] for wire in made.values()]
        self._targets[rows] = [self._row[wire.target.node] for wire in made.values()]
        self._enter(rows, list(made.values()))
        self._bend(np.array([*rows.tolist(), *self._via], dtype=np.intp))

    def _take_wires(self, targets: list[PortRef], take: Rows) -> None:
        """Let links be others, each with what is known of it from before; -1 takes what is to be overwritten.

        Args:
            targets: Where they end, in their order.
            take: The row that each had.
        """
        count = len(self._order)
        is_longer = len(take) >= count and bool((take[:count] == np.arange(count)).all())
        are_same = is_longer and len(take) == count
        if is_longer:  # what comes is above all that was there
            self._edge_row.update(zip(targets[count:], range(count, len(targets)), strict=True))
        else:
            self._edge_row = dict(zip(targets, range(len(targets)), strict=True))
        if not are_same:
            self.wires = list(map((self.wires or [_NOWHERE]).__getitem__, take.tolist()))
            for name in ("_sources", "_targets", "_drops", "ends", "boxes"):
                array = getattr(self, name)
                empty = np.zeros((len(take), *array.shape[1:]), dtype=array.dtype)
                setattr(self, name, array[take] if len(array) else empty)
        self._order = targets
        if not are_same:
            self._ways.take_links(take)
            self._curves = np.empty((len(targets), STEPS + 1, 2))
        self._is_bent = np.zeros(len(targets), dtype=bool)

    def _enter(self, rows: Rows, wires: Sequence[Wire]) -> None:
        """Enter links that begin or end elsewhere on their nodes, or are led otherwise."""
        if not len(rows):
            return
        self._drops[rows] = [(wire.source_y, wire.target_y) for wire in wires]
        for row, wire in zip(rows.tolist(), wires, strict=True):
            self.wires[row] = wire
            self._via.pop(row, None)
            if wire.via:
                self._via[row] = np.array(wire.via)

    def replace_wires(self, rows: Rows, wires: Sequence[Wire]) -> None:
        """Let links keep their nodes and begin or end elsewhere on them."""
        self._enter(rows, wires)
        self._bend(rows)

    def __contains__(self, node: object) -> bool:
        return node in self._row

    def row(self, node: str) -> int:
        """Return a node's row."""
        return self._row[node]

    def edge_row(self, target: PortRef) -> int | None:
        """Return the row of the link that ends at `target`, or None."""
        return self._edge_row.get(target)

    def rect(self, node: str) -> tuple[float, float, float, float]:
        """Return a node's x, y, width and height."""
        x, y, width, height = self.rects[self._row[node]].tolist()
        return x, y, width, height

    def resize(self, node: str, width: float, height: float) -> None:
        """Let a node be of another size; its links follow when they are replaced."""
        self.rects[self._row[node], 2:] = width, height
        self._is_moved = True

    def rows(self, nodes: Iterable[str]) -> Rows:
        """Return the rows of those of `nodes` that are here."""
        return np.array([row for row in map(self._row.get, nodes) if row is not None], dtype=np.intp)

    def set_corners(self, rows: Rows, corners: Floats) -> Rows:
        """Carry nodes, and their links along; returns the rows of the links. Other links let them pass."""
        self._carried = rows[(self._homes[rows] != corners).any(axis=1)]
        self.rects[rows, :2] = corners
        return self.follow(rows)

    def put(self, nodes: Sequence[str], places: Mapping[str, Sequence[float]]) -> Rows:
        """Move nodes, all of them here, without their links.

        Args:
            nodes: Which.
            places: Where to, by node.

        Returns:
            The rows of those that were elsewhere and not carried there already: their links are to be led anew.
        """
        rows = np.fromiter(map(self._row.__getitem__, nodes), dtype=np.intp, count=len(nodes))
        corners = np.fromiter(
            chain.from_iterable(map(places.__getitem__, nodes)), dtype=np.float64, count=2 * len(nodes)
        ).reshape(-1, 2)
        is_elsewhere = (self.rects[rows, :2] != corners).any(axis=1)
        self.rects[rows, :2] = self._homes[rows] = corners
        self._carried = self._carried[:0]
        stray: Rows = rows[is_elsewhere]
        return stray

    def follow(self, rows: Rows) -> Rows:
        """Bend the links of these nodes anew; returns their rows."""
        touched = self.edges_of(rows)
        self._bend(touched)
        return touched

    def way(self, row: int) -> Floats:
        """Return the points (k, 2) that a link is led through."""
        return self._via.get(row, np.empty((0, 2)))

    @property
    def led(self) -> Sequence[int]:
        """The rows of the links that are led through points."""
        return list(self._via)

    def set_ways(self, ways: Mapping[int, Floats]) -> None:
        """Lead links through other points."""
        for row, points in ways.items():
            self._via[row] = points
        self._bend(np.array(list(ways), dtype=np.intp))

    @property
    def sources(self) -> Rows:
        """(m,): the row of each link's source."""
        return self._sources

    @property
    def targets(self) -> Rows:
        """(m,): the row of each link's target."""
        return self._targets

    def edges_of(self, rows: Rows) -> Rows:
        """Return the rows of all links that begin or end at these nodes."""
        if not len(self.wires) or not len(rows):
            return np.empty(0, dtype=np.intp)
        marked = np.zeros(len(self.ids), dtype=bool)
        marked[rows] = True
        return np.flatnonzero(marked[self._sources] | marked[self._targets])

    def _bend(self, rows: Rows) -> None:
        self._is_moved = True
        if not len(rows):
            return
        source, target = self.rects[self._sources[rows]], self.rects[self._targets[rows]]
        ends = np.stack(
            [
                source[:, 0] + source[:, 2],
                source[:, 1] + self._drops[rows, 0],
                target[:, 0],
                target[:, 1] + self._drops[rows, 1],
            ],
            axis=1,
        )
        self.ends[rows] = ends
        self._is_bent[rows] = False
        self.boxes[rows] = self._ways.boxes(rows, ends)
        if self._via:
            self._lead(rows)

    def _lead(self, rows: Rows) -> None:
        """Bend those of these links that are led through points."""
        for row in self._via.keys() & set(rows.tolist()):
            curve = through(self.ends[row], self._via[row])
            self._curves[row] = curve
            self._is_bent[row] = True
            self.boxes[row] = *curve.min(axis=0), *curve.max(axis=0)

    def find_ways(
        self,
        area: tuple[float, float, float, float] | None = None,
        until: float = float("inf"),
        *,
        only_back: bool = False,
    ) -> tuple[Floats, bool]:
        """Find ways around nodes for the links whose ways are not known, or no longer hold.

        Args:
            area: Left, top, right, bottom of what is in view: only links there are looked at; None means all.
            until: When to stop, by `time.perf_counter`.
            only_back: Whether only those that run back to another row are looked at.

        Returns:
            The curves that have changed, as they were and as they are now, and whether all are found.
        """
        drawing = Drawing(self.ends, self._sources, self._targets, self.rects)
        if self._is_moved:
            self._is_moved = False
            self._ways.look(drawing, self._carried)
        rows = self._due(area)
        if only_back:
            rows = rows[returning(self.ends[rows])]
        changed, count = [np.empty((0, STEPS + 1, 2))], max(_PIECE // max(len(self.ids), 1), 8)
        while len(rows):
            some, before = rows[:count], self.curves_of(rows[:count])
            is_found = np.isin(rows, self._ways.find(some, drawing, until))
            before, found = before[is_found[:count]], rows[is_found]
            self._is_bent[found] = False
            self.boxes[found] = self._ways.boxes(found, self.ends[found])
            after = self.curves_of(found)
            is_other = (before != after).any(axis=(1, 2))
            changed += [before[is_other], after[is_other]]
            rows = rows[~is_found]
            if perf_counter() > until:
                break
        return np.concatenate(changed), not len(rows)

    def _due(self, area: tuple[float, float, float, float] | None) -> Rows:
        """Return the links in an area whose ways are to be found; those that are led through points need none."""
        is_due = self._ways.is_due.copy() if area is None else self._ways.is_due & self._touching(*area)
        is_due[list(self._via)] = False
        return np.flatnonzero(is_due)

    def curves_of(self, rows: Rows) -> Floats:
        """Return some links, flattened."""
        late = rows[~self._is_bent[rows]]
        if len(late):
            self._curves[late] = self._ways.curves(late, self.ends[late])
            self._is_bent[late] = True
        return self._curves[rows]

    def node_at(self, x: float, y: float, reach: float = 0.0) -> str | None:
        """Return the topmost node at a point, or within `reach` of it."""
        found = self.nodes_in(x - reach, y - reach, x + reach, y + reach)
        return self.ids[found[-1]] if len(found) else None

    def nodes_in(self, left: float, top: float, right: float, bottom: float) -> Rows:
        """Return the rows of nodes that touch a rectangle."""
        x, y, width, height = self.rects.T
        return np.flatnonzero((x <= right) & (x + width >= left) & (y <= bottom) & (y + height >= top))

    def edges_in(self, left: float, top: float, right: float, bottom: float) -> Rows:
        """Return the rows of links whose boxes touch a rectangle."""
        return np.flatnonzero(self._touching(left, top, right, bottom))

    def _touching(self, left: float, top: float, right: float, bottom: float) -> Flags:
        x0, y0, x1, y1 = self.boxes.T
        touching: Flags = (x0 <= right) & (x1 >= left) & (y0 <= bottom) & (y1 >= top)
        return touching

    def edge_at(self, x: float, y: float, reach: float) -> PortRef | None:
        """Return the target of the link nearest to a point, if one is within `reach`."""
        near = self.edges_in(x - reach, y - reach, x + reach, y + reach)
        if not len(near):
            return None
        distance = distances(self.curves_of(near), np.array([x, y]))
        best = int(distance.argmin())
        return self.wires[near[best]].target if distance[best] <= reach else None

    def bounds(self, rows: Rows | None = None) -> tuple[float, float, float, float] | None:
        """Return left, top, right and bottom of these nodes (of all, by default), or None without any."""
        rects = self.rects if rows is None else self.rects[rows]
        if not len(rects):
            return None
        left, top = rects[:, :2].min(axis=0).tolist()
        right, bottom = (rects[:, :2] + rects[:, 2:]).max(axis=0).tolist()
        return left, top, right, bottom
