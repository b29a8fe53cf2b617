"""Links that run back: from the end of one row of a folded network to the beginning of the next.

A curve straight to the goal would lie across everything in between. Such a link turns right behind its source, takes a
lane where no node is, and turns again right before its target, like the carriage of a typewriter. numpy only.
"""

from __future__ import annotations

import numpy as np

from netbuilder.ui.canvas.routing import Floats, Rows, level_out

_TURN = 36.0  # how far the turns reach out, before they are rounded

REACH = 0.75 * _TURN
"""How far a link runs beyond its ends."""

_BACK = 60.0  # so far to the left a link has to go, and
_DOWN = 90.0  # so far up or down, to need a lane
_CLEAR = 10.0  # from a lane to the nodes beside it
_LANES = 5  # side by side in one gap
_MOST = 400  # links
_PITCH = 8.0  # between them, at most


def returning(ends: Floats) -> Rows:
    """Return which links (m, 4) run back to another row; none where so many do that no lane would be left."""
    back, down = ends[:, 0] - ends[:, 2], np.abs(ends[:, 3] - ends[:, 1])
    found = np.flatnonzero((back > _BACK) & (down > _DOWN))
    return found if len(found) <= _MOST else found[:0]


def lead_back(ends: Floats, lanes: Floats) -> Floats:
    """Return the curves (m, STEPS + 1, 2) of links that run back along lanes.

    Args:
        ends: (m, 4): where they begin and end.
        lanes: (m,): the heights of their lanes.
    """
    x0, y0, x1, y1 = ends.T
    into = np.stack([x0, y0, x0 + _TURN, y0, x0 + _TURN, lanes, x0, lanes], axis=1)
    out = np.stack([x1, lanes, x1 - _TURN, lanes, x1 - _TURN, y1, x1, y1], axis=1)
    return level_out(into.reshape(-1, 4, 2), out.reshape(-1, 4, 2))


def find_lane_back(end: Floats, rects: Floats, number: int) -> float | None:
    """Return the height of a lane for one link in the widest gap between the rows, or None where none is free.

    Args:
        end: (4,): where it begins and ends.
        rects: (n, 4): x, y, width, height of all nodes.
        number: The row of its source: links from one node share a lane, those from others take the ones beside it.
    """
    x0, _, x1, _ = end.tolist()
    low, high = sorted((float(end[1]), float(end[3])))
    tops, bottoms = rects[:, 1] - _CLEAR, rects[:, 1] + rects[:, 3] + _CLEAR
    beside = (rects[:, 0] < x0 + _TURN) & (rects[:, 0] + rects[:, 2] > x1 - _TURN) & (bottoms > low) & (tops < high)
    order = np.argsort(tops[beside])
    starts, stops = tops[beside][order], bottoms[beside][order]
    reached = np.maximum.accumulate(np.concatenate([[low], stops]))
    gaps = np.concatenate([starts, [high]]) - reached
    if not gaps.max() > 0.0:
        return None
    best = int(gaps.argmax())
    pitch = min(_PITCH, float(gaps[best]) / _LANES)
    return float(reached[best] + gaps[best] / 2) + (number % _LANES - _LANES // 2) * pitch
