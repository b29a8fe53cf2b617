"""Snap guides: while nodes are dragged, where they line up with others, and where a link would be straight.

numpy only: of thousands of nodes, those in view are compared at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netbuilder.ui.canvas.arrays import CanvasArrays, Floats, Rows

_PARTS = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Guide:
    """A line to show: where something lines up.

    Attributes:
        is_upright: Whether it is a vertical line.
        at: Its x, when upright; else its y.
        start: Where it begins along itself.
        end: Where it ends.
    """

    is_upright: bool
    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Snap:
    """How far dragged nodes are to be moved on, and why.

    Attributes:
        dx: To the right; None where nothing lines up.
        dy: Down; None where nothing lines up.
        guides: The lines that show it.
    """

    dx: float | None = None
    dy: float | None = None
    guides: tuple[Guide, ...] = ()


def snap(arrays: CanvasArrays, moving: Rows, further: Floats, others: Rows, reach: float) -> Snap:
    """Return where nodes that are being dragged snap to.

    Args:
        arrays: Where everything lies, the dragged nodes where they were shown last.
        moving: The rows of the dragged nodes.
        further: How far the pointer has carried them since.
        others: The rows of the nodes that they may line up with.
        reach: How far they jump, in the scene.
    """
    rects = arrays.rects[moving]
    low, high = rects[:, :2].min(axis=0) + further, (rects[:, :2] + rects[:, 2:]).max(axis=0) + further
    rest = arrays.rects[others]
    straight = _straighten(arrays, moving, float(further[1]), reach)
    dx, upright = _line_up(0, low, high, rest, reach)
    dy, level = (straight, ()) if straight is not None else _line_up(1, low, high, rest, reach)
    return Snap(dx, dy, (*upright, *level))


def _straighten(arrays: CanvasArrays, moving: Rows, further: float, reach: float) -> float | None:
    """Return how far down the nodes have to go for the nearest of their links to others to be level."""
    rows = arrays.edges_of(moving)
    if not len(rows):
        return None
    is_source, is_target = np.isin(arrays.sources[rows], moving), np.isin(arrays.targets[rows], moving)
    outward = rows[is_source != is_target]
    if not len(outward):
        return None
    sign = np.where(is_source[is_source != is_target], -1.0, 1.0)  # the dragged end is the source, or the target
    ends = arrays.ends[outward]
    apart = (ends[:, 1] - ends[:, 3]) * sign - further
    best = float(apart[np.abs(apart).argmin()])
    return best if abs(best) <= reach else None


def _line_up(
    axis: int, low: Floats, high: Floats, rest: Floats, reach: float
) -> tuple[float | None, tuple[Guide, ...]]:
    """Return how far along an axis edges or middles are from those of others, with the line where they meet."""
    if not len(rest):
        return None, ()
    mine = np.array([low[axis] + part * (high[axis] - low[axis]) for part in _PARTS])
    theirs = rest[:, axis, None] + rest[:, 2 + axis, None] * np.array(_PARTS)
    apart = theirs - mine
    node, part = np.unravel_index(np.abs(apart).argmin(), apart.shape)
    best = float(apart[node, part])
    if abs(best) > reach:
        return None, ()
    across = 1 - axis
    start = min(low[across], rest[node, across])
    end = max(high[across], rest[node, across] + rest[node, 2 + across])
    return best, (Guide(axis == 0, float(theirs[node, part]), float(start), float(end)),)
