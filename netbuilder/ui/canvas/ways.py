"""Ways: which links are led along lanes, around nodes or back to another row, and for which that is still to be found.

A way that was found holds until the link's ends or the nodes near it move relative to each other: a network that is
moved as a whole keeps all of them. A link whose way is to be found anew runs in its old lane until then, so that an
edit costs nothing for the ways at once; they are found a few at a time. numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from netbuilder.ui.canvas.returns import REACH, find_lane_back, lead_back, returning
from netbuilder.ui.canvas.routing import (
    CLEARANCE,
    LANE,
    LEAST,
    NEAR,
    Floats,
    Rows,
    bend,
    crossing,
    detours,
    find_lane,
    hulls,
)

Flags = NDArray[np.bool_]

_MOST = 100_000
"""Pairs of a link and a node; where more would have to be compared, the links' ways are found anew instead."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What ways are found in.

    Attributes:
        ends: (m, 4): where links begin and end.
        sources: (m,): the row in `rects` of each link's source.
        targets: (m,): that of its target.
        rects: (n, 4): x, y, width, height of the nodes.
    """

    ends: Floats
    sources: Rows
    targets: Rows
    rects: Floats


class Ways:
    """The ways of links, by their rows.

    Attributes:
        is_due: (m,): whether a link's way is to be found.
    """

    def __init__(self, links: int, nodes: int) -> None:
        """Begin with so many links, whose ways are all to be found, and nodes."""
        self.is_due: Flags = np.ones(links, dtype=bool)
        self._drops: Floats = np.full(links, np.nan)  # from where a link begins down to its lane; NaN without one
        self._turns: Floats = np.full(links, np.nan)
        self._spans: Floats = np.full((links, 2), np.nan)  # from its beginning to its end when its way was found
        self._reaches: Floats = np.full((links, 4), np.nan)  # what was looked at then, from where it begins
        self._begins: Floats = np.full((links, 2), np.nan)  # where it began at the last look
        self._seen: Floats = np.full((nodes, 4), np.nan)  # the nodes at the last look; NaN for those that came since
        self._gone: Floats = np.empty((0, 4))  # those that went since

    def take_links(self, take: Rows) -> None:
        """Let links be others: by row, where each was before; -1 for those that are new."""
        is_new = take < 0
        for name in ("_drops", "_turns", "_spans", "_reaches", "_begins"):
            before = getattr(self, name)
            after = np.full((len(take), *before.shape[1:]), np.nan)
            after[~is_new] = before[take[~is_new]]
            setattr(self, name, after)
        due, self.is_due = self.is_due, is_new
        self.is_due[~is_new] = due[take[~is_new]]

    def take_nodes(self, take: Rows) -> None:
        """Let nodes be others: by row, where each was before; -1 for those that are new."""
        is_kept = np.zeros(len(self._seen), dtype=bool)
        is_kept[take[take >= 0]] = True
        self._gone = np.concatenate([self._gone, self._seen[~is_kept]])
        seen = np.full((len(take), 4), np.nan)
        seen[take >= 0] = self._seen[take[take >= 0]]
        self._seen = seen

    # What is drawn -------------------------------------------------------------------------------------------------

    def curves(self, rows: Rows, ends: Floats) -> Floats:
        """Return the curves (k, STEPS + 1, 2) of links with these ends (k, 4), as far as their ways are known."""
        result = bend(ends)
        around, back = self._led(rows, ends)
        lanes = ends[:, 1] + self._drops[rows]
        result[around] = detours(ends[around], lanes[around], self._turns[rows[around]])
        result[back] = lead_back(ends[back], lanes[back])
        return result

    def boxes(self, rows: Rows, ends: Floats) -> Floats:
        """Return (k, 4): left, top, right, bottom within which `curves` leads links with these ends (k, 4)."""
        result = hulls(ends)
        around, back = self._led(rows, ends)
        lanes = ends[:, 1] + self._drops[rows]
        result[back, 0], result[back, 2] = ends[back, 2] - REACH, ends[back, 0] + REACH
        led = around | back
        result[led, 1] = np.minimum(result[led, 1], lanes[led])
        result[led, 3] = np.maximum(result[led, 3], lanes[led])
        return result

    def _led(self, rows: Rows, ends: Floats) -> tuple[Flags, Flags]:
        """Return which of these links run around nodes, and which back to another row."""
        has_lane, across = ~np.isnan(self._drops[rows]), ends[:, 2] - ends[:, 0]
        return has_lane & (across > LEAST), has_lane & (across < 0)

    # What is found -------------------------------------------------------------------------------------------------

    def forget(self, rows: Rows) -> None:
        """Have the ways of some links found anew."""
        self.is_due[rows] = True

    def look(self, drawing: Drawing, carried: Rows) -> None:
        """Have those ways found anew that no longer hold.

        Args:
            drawing: Where everything lies now.
            carried: Nodes that a gesture carries. Links that it does not carry along let them pass, and nothing is
                noted before it ends.
        """
        ends, now, was = drawing.ends, drawing.rects, self._seen
        begins = ends[:, :2]
        self.is_due |= ~_equal(ends[:, 2:] - begins, self._spans).all(axis=1)
        if len(self._gone):
            now = np.concatenate([now, np.full_like(self._gone, np.nan)])
            was = np.concatenate([was, self._gone])
        is_other = ~(now == was).all(axis=1)
        is_other[carried] = False
        has_moved = ~_equal(begins, self._begins).all(axis=1)
        self._compare(np.flatnonzero(has_moved & ~self.is_due), begins, was, now)
        self._compare(np.flatnonzero(~has_moved & ~self.is_due), begins, was[is_other], now[is_other])
        self._part(np.flatnonzero(has_moved & ~self.is_due), ends)
        if not len(carried):
            self._begins, self._seen, self._gone = begins.copy(), drawing.rects.copy(), self._gone[:0]

    def _compare(self, links: Rows, begins: Floats, was: Floats, now: Floats) -> None:
        """Mark those of some links (k,) that had or have a node near that has moved otherwise than they did."""
        if not len(links) or not len(now):
            return
        if len(links) * len(now) > _MOST:
            self.is_due[links] = True
            return
        reaches, old, new = self._reaches[links], self._begins[links], begins[links]
        near = _touch(reaches + np.tile(old, 2), was) | _touch(reaches + np.tile(new, 2), now)
        moves, shifts = now - was, new - old
        is_same = _equal(moves[:, 0], shifts[:, None, 0]) & _equal(moves[:, 1], shifts[:, None, 1])
        is_same &= (moves[:, 2:] == 0).all(axis=1)
        self.is_due[links[(near & ~is_same).any(axis=1)]] = True

    def _part(self, links: Rows, ends: Floats) -> None:
        """Mark those of some links whose lane has come to lie on that of another."""
        known, lanes = self._lanes(ends)
        moved = np.flatnonzero(np.isin(known, links))
        if len(moved) * len(known) > _MOST:
            self.is_due[known[moved]] = True
            return
        y, start, end = lanes.T
        beside = np.abs(y[moved, None] - y) < LANE
        beside &= (start[moved, None] < end) & (end[moved, None] > start) & (known[moved, None] != known)
        self.is_due[known[moved[beside.any(axis=1)]]] = True

    def _lanes(self, ends: Floats) -> tuple[Rows, Floats]:
        """Return the links that are led around nodes for sure, and height, beginning and end of their lanes."""
        rows = np.flatnonzero(~np.isnan(self._drops) & ~self.is_due & (ends[:, 2] > ends[:, 0]))
        x0, y0, x1, _ = ends[rows].T
        return rows, np.stack([y0 + self._drops[rows], x0, x1], axis=1)

    def find(self, rows: Rows, drawing: Drawing, until: float) -> Rows:
        """Find the ways of some links; at least one more is known then.

        Args:
            rows: Which, few enough to be compared with all nodes at once.
            drawing: Where everything lies.
            until: When to stop, by `time.perf_counter`.

        Returns:
            The links whose ways are known now.
        """
        ends, sources, targets, rects = drawing.ends[rows], drawing.sources[rows], drawing.targets[rows], drawing.rects
        direct = bend(ends)
        reaches = hulls(ends) + np.array([-NEAR, -NEAR, NEAR, NEAR])
        back, is_straight = set(returning(ends).tolist()), np.ones(len(rows), dtype=bool)
        others = sorted(back.union(crossing(direct, sources, targets, rects).tolist()))
        is_straight[others] = False
        straight = np.flatnonzero(is_straight)
        self._note(rows[straight], ends[straight], np.full((len(straight), 2), np.nan), reaches[straight])
        found, lanes = rows[straight].tolist(), self._lanes(drawing.ends)[1]
        for index in others:
            row, end, number = rows[index : index + 1], ends[index], int(sources[index])
            if index in back:
                lane, reach = _back(end, rects, number), reaches[index]
            else:
                is_other = np.ones(len(rects), dtype=bool)
                is_other[[number, targets[index]]] = False
                lane, reach = _around(end, direct[index], rects[is_other], reaches[index], lanes)
                lanes = np.concatenate([lanes, [[end[1] + lane[0], end[0], end[2]]]])
            self._note(row, end[None], np.array([lane]), reach[None])
            found.append(int(row[0]))
            if perf_counter() > until:
                break
        return np.array(found, dtype=np.intp)

    def _note(self, rows: Rows, ends: Floats, lanes: Floats, reaches: Floats) -> None:
        """Keep the ways of links: their lanes (k, 2) with the turns, and what was looked at."""
        begins = ends[:, :2]
        self._drops[rows], self._turns[rows] = lanes.T
        self._spans[rows], self._begins[rows] = ends[:, 2:] - begins, begins
        self._reaches[rows] = reaches - np.tile(begins, 2)
        self.is_due[rows] = False


def _back(end: Floats, rects: Floats, number: int) -> tuple[float, float]:
    """Return how far below its beginning the lane of a link lies that runs back, NaN where none is free; and NaN."""
    height = find_lane_back(end, rects, number)
    return (np.nan if height is None else height - float(end[1])), np.nan


def _around(
    end: Floats, direct: Floats, others: Floats, reach: Floats, lanes: Floats
) -> tuple[tuple[float, float], Floats]:
    """Return how far below its beginning the lane of a link lies, its turn, and what was looked at."""
    if end[2] - end[0] <= LEAST:
        return (np.nan, np.nan), reach
    lane = find_lane(end, direct, others, lanes)
    left, top, right, bottom = reach.tolist()
    start, stop = float(end[0]), float(end[2])
    reach = np.array(
        [
            min(left, start - CLEARANCE),
            min(top, lane.above - CLEARANCE),
            max(right, stop + CLEARANCE),
            max(bottom, lane.below + CLEARANCE),
        ]
    )
    return (np.nan if lane.y is None else lane.y - float(end[1]), lane.turn), reach


def _touch(boxes: Floats, rects: Floats) -> Flags:
    """Return (k, n): which boxes (k, 4) of left, top, right, bottom touch which rectangles (n, 4)."""
    result: Flags = (boxes[:, None, 0] <= rects[:, 0] + rects[:, 2]) & (boxes[:, None, 2] >= rects[:, 0])
    result &= (boxes[:, None, 1] <= rects[:, 1] + rects[:, 3]) & (boxes[:, None, 3] >= rects[:, 1])
    return result


def _equal(one: Floats, other: Floats) -> Flags:
    """Return where two are equal but for rounding; what is not a number is equal to nothing."""
    result: Flags = np.abs(one - other) < 1e-6
    return result
