"""The course of links: level curves from port to port, and along lanes beside nodes that lie in between.

A link that would run below other nodes takes a lane beside them, as a careful hand would draw it. Here are the curves,
and the search for the lane of one link; which links need one is `ways`' business. numpy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

STEPS = 32
"""Segments a link is flattened into."""

NEAR = 8.0
"""A link that passes a node so closely is led around it, too."""

CLEARANCE = 16.0
"""From a lane to the nodes beside it."""

LANE = 10.0
"""Between two lanes."""

_TURNS = (26.0, 60.0, 110.0)  # how much room the bend into a lane may take

LEAST = 2 * _TURNS[0]
"""So far to the right a link has to go to be led around nodes: the bends need room."""

_SLACK = 2.0  # so near to a node counts as on it


_PIECES = np.arange(0, STEPS, 4)[:, None] + np.arange(5)  # the points of the pieces of a link


def _bernstein(count: int) -> Floats:
    t = np.linspace(0.0, 1.0, count)
    return np.stack([(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3])


_WHOLE = _bernstein(STEPS + 1)
_FIRST = _bernstein(STEPS // 2)
_SECOND = _bernstein(STEPS + 1 - STEPS // 2)


def bend(ends: Floats) -> Floats:
    """Return curves (m, STEPS + 1, 2) from `ends[:, :2]` to `ends[:, 2:]`: level at both ends."""
    pull = _pull(ends)
    xs = np.stack([ends[:, 0], ends[:, 0] + pull, ends[:, 2] - pull, ends[:, 2]], axis=1)
    ys = np.stack([ends[:, 1], ends[:, 1], ends[:, 3], ends[:, 3]], axis=1)
    return np.stack([xs @ _WHOLE, ys @ _WHOLE], axis=2)


def hulls(ends: Floats) -> Floats:
    """Return (m, 4): left, top, right, bottom within which `bend` leads each link, without bending it."""
    pull = _pull(ends)
    corners = np.stack([ends[:, 0], ends[:, 2], ends[:, 0] + pull, ends[:, 2] - pull])
    return np.stack(
        [corners.min(axis=0), ends[:, 1::2].min(axis=1), corners.max(axis=0), ends[:, 1::2].max(axis=1)], axis=1
    )


def _pull(ends: Floats) -> Floats:
    """Return how far each link runs level out of its source and into its target."""
    across = ends[:, 2] - ends[:, 0]
    down = np.abs(ends[:, 3] - ends[:, 1])
    ahead = np.minimum(np.maximum(across * 0.5, 24.0), 140.0)
    back = np.clip(24.0 - across * 0.6, 24.0, 260.0)
    # Two ports at almost one height need no swing: the curve is a line.
    result: Floats = np.minimum(np.where(across >= 0, ahead, back), down + np.abs(across) * 0.5 + 1.0)
    return result


def through(end: Floats, points: Floats) -> Floats:
    """Return the curve (STEPS + 1, 2) of one link that is led through points, level at each of them.

    Args:
        end: (4,): where it begins and ends.
        points: (k, 2): what it is led through; k is less than half of `STEPS`.
    """
    stops = np.concatenate([end[None, :2], points, end[None, 2:]])
    pieces = bend(np.concatenate([stops[:-1], stops[1:]], axis=1))
    count = len(pieces)
    parts = [STEPS * (index + 1) // count - STEPS * index // count for index in range(count)]
    taken = [
        piece[np.round(np.linspace(0, STEPS, part + 1)).astype(int)[1:]]
        for piece, part in zip(pieces, parts, strict=True)
    ]
    return np.concatenate([stops[:1], *taken])


def distances(curves: Floats, point: Floats) -> Floats:
    """Return the distance of each curve (m, STEPS + 1, 2) to a point."""
    start, along = curves[:, :-1], np.diff(curves, axis=1)
    length = np.maximum((along**2).sum(axis=2), 1e-12)
    at = np.clip(((point - start) * along).sum(axis=2) / length, 0.0, 1.0)
    nearest = start + at[..., None] * along
    result: Floats = np.sqrt(((nearest - point) ** 2).sum(axis=2)).min(axis=1)
    return result


def crossing(curves: Floats, sources: Rows, targets: Rows, rects: Floats) -> Rows:
    """Return which curves (m, STEPS + 1, 2) run over a node, or close to one, that is not one of their ends.

    Args:
        curves: The links.
        sources: Row in `rects` of each link's source.
        targets: Row of its target.
        rects: (n, 4): x, y, width, height of all nodes.
    """
    low, high = curves.min(axis=1), curves.max(axis=1)
    near, far = rects[:, :2] - NEAR, rects[:, :2] + rects[:, 2:] + NEAR
    some = np.flatnonzero(((near <= high.max(axis=0)) & (far >= low.min(axis=0))).all(axis=1))  # few of all
    place = np.full(len(rects), len(some))
    place[some], near, far = np.arange(len(some)), near[some], far[some]
    touch = np.zeros((len(curves), len(some) + 1), dtype=bool)  # the last column stands for all other nodes
    touch[:, :-1] = (low[:, None, 0] <= far[:, 0]) & (high[:, None, 0] >= near[:, 0])
    touch[:, :-1] &= (low[:, None, 1] <= far[:, 1]) & (high[:, None, 1] >= near[:, 1])
    every = np.arange(len(curves))
    touch[every, place[sources]] = False
    touch[every, place[targets]] = False
    links, nodes = np.nonzero(touch)
    low, high = _extents(curves)
    close = (low[links] <= far[nodes, None]) & (high[links] >= near[nodes, None])
    is_close = (close[..., 0] & close[..., 1]).any(axis=1)
    links, nodes = links[is_close], nodes[is_close]
    x, y = np.moveaxis(curves[links], 2, 0)
    (left, top), (right, bottom) = near[nodes].T[..., None], far[nodes].T[..., None]
    inside = (x > left) & (x < right) & (y > top) & (y < bottom)
    is_crossing = np.zeros(len(curves), dtype=bool)
    is_crossing[links[inside.any(axis=1)]] = True
    return np.flatnonzero(is_crossing)


@dataclass(frozen=True, slots=True)
class Lane:
    """How a link is led around nodes.

    Attributes:
        y: The height at which it passes them; None where running straight is no worse.
        turn: How much room its bends take at most.
        above: Nothing above this was looked at to decide so,
        below: nor below this.
    """

    y: float | None
    turn: float
    above: float
    below: float


def find_lane(end: Floats, direct: Floats, rects: Floats, lanes: Floats) -> Lane:
    """Return the way that crosses the least of other nodes, and among equals the shortest.

    Args:
        end: (4,): where the link begins and ends, at least `LEAST` further to the right.
        direct: (STEPS + 1, 2): how it would run straight.
        rects: (n, 4): the other nodes.
        lanes: (k, 3): height, beginning and end of the lanes that other links have taken.
    """
    x0, y0, x1, y1 = end.tolist()
    below, above = _free_heights(x0, y0, x1, y1, rects, lanes)
    ways = [(y, turn) for y in (below, above) for turn in _TURNS]
    heights, turns = np.array(ways).T
    curves = detours(np.broadcast_to(end, (len(ways), 4)), heights, turns)
    covered = _covered(np.concatenate([direct[None], curves]), rects).tolist()
    # A way up passes the other ports of its node, which lie above: below is better unless it is much longer.
    # Wide turns are calmer: a narrow one has to save a crossing.
    costs = [
        (nodes, (abs(y - y0) + abs(y - y1)) * (1.5 if y < y0 else 1.0) - turn * 0.1, number)
        for number, (nodes, (y, turn)) in enumerate(zip(covered[1:], ways, strict=True))
    ]
    nodes, length, number = min(costs)
    if (nodes, length) >= (covered[0] + 1, 0.0):
        return Lane(None, 0.0, above, below)
    return Lane(*ways[number], above, below)


def _covered(curves: Floats, rects: Floats) -> Rows:
    """Return how many points of each curve (m, STEPS + 1, 2) lie on nodes."""
    low, high = curves.min(axis=(0, 1)) - _SLACK, curves.max(axis=(0, 1)) + _SLACK
    near, far = rects[:, :2] - _SLACK, rects[:, :2] + rects[:, 2:] + _SLACK
    is_near = (near[:, 0] < high[0]) & (far[:, 0] > low[0]) & (near[:, 1] < high[1]) & (far[:, 1] > low[1])
    near, far = near[is_near], far[is_near]  # few of all
    low, high = (extent.reshape(-1, 2) for extent in _extents(curves))
    is_near = (low[:, None, 0] <= far[:, 0]) & (high[:, None, 0] >= near[:, 0])
    is_near &= (low[:, None, 1] <= far[:, 1]) & (high[:, None, 1] >= near[:, 1])
    near, far = near[is_near.any(axis=0)], far[is_near.any(axis=0)]  # and fewer of those
    x, y = curves[..., 0, None], curves[..., 1, None]
    inside = (x > near[:, 0]) & (x < far[:, 0]) & (y > near[:, 1]) & (y < far[:, 1])
    result: Rows = inside.sum(axis=(1, 2))
    return result


def _extents(curves: Floats) -> tuple[Floats, Floats]:
    """Return the upper left and lower right corners (m, k, 2) of the boxes around the pieces of curves."""
    pieces = curves[:, _PIECES]
    return pieces.min(axis=2), pieces.max(axis=2)


def _free_heights(x0: float, y0: float, x1: float, y1: float, rects: Floats, lanes: Floats) -> tuple[float, float]:
    """Return the nearest heights below and above both ends where a level line is clear of nodes and of other lanes."""
    left, right = rects[:, 0] - CLEARANCE, rects[:, 0] + rects[:, 2] + CLEARANCE
    blocking = rects[(left < x1 - _TURNS[0]) & (right > x0 + _TURNS[0])]
    lines = lanes[(lanes[:, 1] < x1) & (lanes[:, 2] > x0), 0]
    tops = np.concatenate([blocking[:, 1] - CLEARANCE, lines - LANE])
    bottoms = np.concatenate([blocking[:, 1] + blocking[:, 3] + CLEARANCE, lines + LANE])
    below, above = max(y0, y1), min(y0, y1)
    return _pass(below, tops, bottoms), -_pass(-above, -bottoms, -tops)


def _pass(height: float, tops: Floats, bottoms: Floats) -> float:
    """Return the first height from one on downwards that lies in none of some spans."""
    ahead = bottoms > height
    spans = sorted(zip(tops[ahead].tolist(), bottoms[ahead].tolist(), strict=True))
    for top, bottom in spans:
        if top >= height:
            break
        height = max(height, bottom)
    return height


def detours(ends: Floats, lanes: Floats, turns: Floats) -> Floats:
    """Return curves (m, STEPS + 1, 2) that bend into a lane, follow it and bend out again.

    Args:
        ends: (m, 4): where they begin and end, at least `LEAST` further to the right.
        lanes: (m,): the heights of their lanes.
        turns: (m,): how much room their bends take at most.
    """
    x0, y0, x1, y1 = ends.T
    most = np.minimum(turns, (x1 - x0) / 2)
    first, second = (np.minimum(np.maximum(np.abs(lanes - y) * 0.6, _TURNS[0]), most) for y in (y0, y1))
    into = np.stack([x0, y0, x0 + first / 2, y0, x0 + first / 2, lanes, x0 + first, lanes], axis=1)
    out = np.stack([x1 - second, lanes, x1 - second / 2, lanes, x1 - second / 2, y1, x1, y1], axis=1)
    return level_out(into.reshape(-1, 4, 2), out.reshape(-1, 4, 2))


def level_out(into: Floats, out: Floats) -> Floats:
    """Return curves (m, STEPS + 1, 2) of links that bend into a lane, follow it and bend out again.

    Args:
        into: (m, 4, 2): the control points of the first bend, which ends in the lane.
        out: (m, 4, 2): those of the second, which begins in it.
    """
    return np.concatenate([_FIRST.T @ into, _SECOND.T @ out], axis=1)
