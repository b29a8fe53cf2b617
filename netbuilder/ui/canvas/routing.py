"""The course of links: level curves from port to port, and around nodes that would lie on top of them.

A link that would run below other nodes takes a lane beside them, as a careful hand would draw it. numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

STEPS = 32
"""Segments a link is flattened into."""

ROUTED = 400
"""More links than this all run straight to their goal: finding ways around would cost more than a frame."""

_DETOURS = 40  # at most; the links that are left over run straight

_CLEARANCE = 16.0  # from a lane to the nodes beside it
_LANE = 10.0  # between two lanes
_TURNS = (26.0, 60.0, 110.0)  # how much room the bend into a lane may take
_NEAR = 8.0  # a link that passes a node so closely is led around it, too
_SLACK = 2.0  # so near to a node counts as on it


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


def route(ends: Floats, sources: Rows, targets: Rows, rects: Floats) -> Floats:
    """Return curves as `bend` does, led around the nodes that lie on them.

    Args:
        ends: (m, 4): the links' ends.
        sources: Row in `rects` of each link's source.
        targets: Row of its target.
        rects: (n, 4): x, y, width, height of all nodes.
    """
    curves = bend(ends)
    lanes: list[tuple[float, float, float]] = []
    for row in _crossing(curves, sources, targets, rects)[:_DETOURS]:
        x0, y0, x1, y1 = ends[row].tolist()
        if x1 - x0 > 2 * _TURNS[0]:
            others = np.delete(rects, [sources[row], targets[row]], axis=0)
            curves[row], lane = _best_detour((x0, y0, x1, y1), curves[row], others, lanes)
            lanes.append((lane, x0, x1))
    return curves


def _crossing(curves: Floats, sources: Rows, targets: Rows, rects: Floats) -> list[int]:
    """Return the rows of links that run over a node which is not one of their ends."""
    low, high = curves.min(axis=1), curves.max(axis=1)
    near, far = rects[:, :2] - _NEAR, rects[:, :2] + rects[:, 2:] + _NEAR
    touch = ((low[:, None] <= far) & (high[:, None] >= near)).all(axis=2)
    touch[np.arange(len(curves)), sources] = False
    touch[np.arange(len(curves)), targets] = False
    links, nodes = np.nonzero(touch)
    points = curves[links]
    inside = np.logical_and(points > near[nodes, None], points < far[nodes, None]).all(axis=2)
    crossing = links[np.any(inside, axis=1)]
    return sorted(set(crossing.tolist()))


def _best_detour(
    ends: tuple[float, float, float, float], direct: Floats, rects: Floats, lanes: list[tuple[float, float, float]]
) -> tuple[Floats, float]:
    """Return the way that crosses the least of other nodes, and among equals the shortest; with its lane's height."""
    x0, y0, x1, y1 = ends
    best, best_cost, best_lane = direct, (_covered(direct, rects) + 1, 0.0), (y0 + y1) / 2
    for lane in _lanes(x0, y0, x1, y1, rects, lanes):
        for turn in _TURNS:
            curve = _detour(x0, y0, x1, y1, lane, turn)
            # A way up passes the other ports of its node, which lie above: below is better unless it is much longer.
            # Wide turns are calmer: a narrow one has to save a crossing.
            length = (abs(lane - y0) + abs(lane - y1)) * (1.5 if lane < y0 else 1.0)
            cost = (_covered(curve, rects), length - turn * 0.1)
            if cost < best_cost:
                best, best_cost, best_lane = curve, cost, lane
    return best, best_lane


def _covered(curve: Floats, rects: Floats) -> int:
    """Return how many of a curve's points lie on nodes."""
    low, high = curve.min(axis=0) - _SLACK, curve.max(axis=0) + _SLACK
    rects = rects[((rects[:, :2] < high) & (rects[:, :2] + rects[:, 2:] > low)).all(axis=1)]  # few of all are near
    near, far = rects[:, None, :2] - _SLACK, rects[:, None, :2] + rects[:, None, 2:] + _SLACK
    return int(((curve > near) & (curve < far)).all(axis=2).sum())


def _lanes(
    x0: float, y0: float, x1: float, y1: float, rects: Floats, lanes: list[tuple[float, float, float]]
) -> tuple[float, float]:
    """Return the nearest heights below and above both ends where a level line is clear of nodes and of other lanes."""
    left, right = rects[:, 0] - _CLEARANCE, rects[:, 0] + rects[:, 2] + _CLEARANCE
    blocking = rects[(left < x1 - _TURNS[0]) & (right > x0 + _TURNS[0])]
    spans = [(y - _CLEARANCE, y + height + _CLEARANCE) for _, y, _, height in blocking.tolist()]
    spans += [(y - _LANE, y + _LANE) for y, start, end in lanes if start < x1 and end > x0]
    below, above = max(y0, y1), min(y0, y1)
    for top, bottom in sorted(spans):
        if top < below < bottom:
            below = bottom
    for top, bottom in sorted(spans, key=lambda span: -span[1]):
        if top < above < bottom:
            above = top
    return below, above


def _detour(x0: float, y0: float, x1: float, y1: float, lane: float, turn: float) -> Floats:
    """Return a curve that bends into a lane, follows it and bends out again."""
    room = (x1 - x0) / 2
    first, second = (min(max(abs(lane - y) * 0.6, _TURNS[0]), turn, room) for y in (y0, y1))
    into = np.array([[x0, y0], [x0 + first / 2, y0], [x0 + first / 2, lane], [x0 + first, lane]])
    out = np.array([[x1 - second, lane], [x1 - second / 2, lane], [x1 - second / 2, y1], [x1, y1]])
    return level_out(into, out)


def level_out(into: Floats, out: Floats) -> Floats:
    """Return the curve (STEPS + 1, 2) of a link that bends into a lane, follows it and bends out again.

    Args:
        into: (4, 2): the control points of the first bend, which ends in the lane.
        out: (4, 2): those of the second, which begins in it.
    """
    return np.concatenate([_FIRST.T @ into, _SECOND.T @ out])
