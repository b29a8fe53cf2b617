"""Clearance: where a group of nodes that was laid out anew covers none of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from netbuilder.document.layout import GAP, Sizes
from netbuilder.document.model import Place

Rect = tuple[float, float, float, float]
"""Left, top, right, bottom."""

DIRECTIONS: Final = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Down, right, up, left: as (dx, dy)."""


def bounds_of(places: Mapping[str, Place], sizes: Sizes) -> Rect:
    """Return the rectangle around nodes.

    Args:
        places: Their top-left corners; at least one.
        sizes: Their widths and heights.
    """
    rects = _rects(places, sizes)
    return (
        min(rect[0] for rect in rects),
        min(rect[1] for rect in rects),
        max(rect[2] for rect in rects),
        max(rect[3] for rect in rects),
    )


def shifted(places: Mapping[str, Place], dx: float, dy: float) -> dict[str, Place]:
    """Return all places moved, to whole units."""
    dx, dy = float(round(dx)), float(round(dy))
    return {node: Place(place.x + dx, place.y + dy) for node, place in places.items()}


def clear_of(
    places: Mapping[str, Place],
    sizes: Sizes,
    others: Sequence[Rect],
    directions: Sequence[tuple[int, int]] = DIRECTIONS,
) -> dict[str, Place]:
    """Return the places moved together, by as little as possible, so that they cover no other node.

    They stay where they are if they cover none. Otherwise the rectangle around them is pushed in each direction until
    it is free, and the shortest way is taken.

    Args:
        places: Where the group would stand.
        sizes: Widths and heights of its nodes.
        others: The rectangles of the nodes around it.
        directions: Where it may be moved to.
    """
    group = bounds_of(places, sizes)
    near = [other for other in others if _touch(group, other)]
    rects = _rects(places, sizes)
    if not any(_touch(rect, other) for other in near for rect in rects):
        return dict(places)
    ways = [_way_out(group, others, dx, dy) for dx, dy in directions]
    dx, dy = min(ways, key=lambda way: abs(way[0]) + abs(way[1]))
    return shifted(places, dx, dy)


def _way_out(group: Rect, others: Sequence[Rect], dx: int, dy: int) -> tuple[float, float]:
    """Return how far a rectangle has to go in a direction until it covers nothing."""
    left, top, right, bottom = group
    # Sorted as they are met, what has been passed is never met again: one pass is enough.
    met = sorted(others, key=lambda rect: rect[0] * dx + rect[1] * dy if dx + dy > 0 else rect[2] * dx + rect[3] * dy)
    x = y = 0.0
    for other in met:
        if _touch((left + x, top + y, right + x, bottom + y), other, GAP / 2):
            if dx:
                x = other[2] - left + GAP if dx > 0 else other[0] - right - GAP
            else:
                y = other[3] - top + GAP if dy > 0 else other[1] - bottom - GAP
    return x, y


def _rects(places: Mapping[str, Place], sizes: Sizes) -> list[Rect]:
    return [(at.x, at.y, at.x + sizes[node][0], at.y + sizes[node][1]) for node, at in places.items()]


def _touch(one: Rect, other: Rect, around: float = 0.0) -> bool:
    return (
        one[0] - around < other[2]
        and other[0] < one[2] + around
        and one[1] - around < other[3]
        and other[1] < one[3] + around
    )
