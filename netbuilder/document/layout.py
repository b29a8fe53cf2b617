"""Automatic layout: data flows left to right, in columns; long networks fold into rows like text.

A layered drawing (Sugiyama): columns by longest path, order in a column by barycentres and swaps, heights by least
squares under the condition that nothing overlaps, the longest chain pulled straight. Equal input gives equal output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from netbuilder.document.crossings import count_crossings, swap_neighbours
from netbuilder.document.model import Graph, Place
from netbuilder.foundation.job import Job

NODE_WIDTH: Final = 190.0
NODE_HEIGHT: Final = 120.0
GAP: Final = 60.0
ROW_GAP: Final = 100.0

_SWEEPS: Final = 6
_VIRTUAL: Final = 20_000  # waypoints of long links, at most; beyond, long links do without
_CHAIN_WEIGHT: Final = 1e6  # so much that its neighbours do not push it off its line by a pixel
_FOLD_COLUMNS: Final = 14  # shorter networks stay on one row
_ASPECT: Final = 1.8  # a screen's, roughly
_SLACK: Final = 0.2  # by which part of its width a row may be longer or shorter to end where few links lead on

Sizes = Mapping[str, tuple[float, float]]


@dataclass(slots=True)
class _Sketch:
    """A layered graph: cells are nodes (below `real`) and waypoints of long links, known by number."""

    heights: list[float]
    rank: list[int] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    after: list[list[int]] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)


def arrange(graph: Graph, sizes: Sizes, job: Job | None = None) -> dict[str, Place]:
    """Return a place for every node of `graph`.

    Args:
        graph: Nodes and links.
        sizes: Node id -> (width, height); nodes that are not in it count as ordinary.
        job: Is told the progress; stops the work when cancelled.

    Returns:
        Node id -> top-left corner; nothing overlaps, the top left is at (0, 0).

    Raises:
        Cancelled: When `job` was cancelled.
    """
    ids = list(graph.nodes)
    number = {id: index for index, id in enumerate(ids)}
    size = [sizes.get(id, (NODE_WIDTH, NODE_HEIGHT)) for id in ids]
    links = sorted({(number[source.node], number[target.node]) for target, source in graph.edges.items()})
    links = _without_circles(len(ids), [(a, b) for a, b in links if a != b])
    places: dict[str, Place] = {}
    top = 0.0
    components = _components(len(ids), links)
    for index, members in enumerate(components):
        if job is not None:
            job.report(index / len(components), "Arranging")
        inner = {cell: position for position, cell in enumerate(members)}
        part = [(inner[a], inner[b]) for a, b in links if a in inner] if len(components) > 1 else links
        spots = _arrange_component([size[cell] for cell in members], part, job)
        for cell, (x, y) in zip(members, spots, strict=True):
            places[ids[cell]] = Place(x, y + top)
        top += max(y + size[cell][1] for cell, (_, y) in zip(members, spots, strict=True)) + ROW_GAP
    return places


def _arrange_component(
    size: Sequence[tuple[float, float]], links: list[tuple[int, int]], job: Job | None
) -> list[tuple[float, float]]:
    sketch = _layered(size, links)
    _order(sketch, job)
    _straighten(sketch)
    return _fold(sketch, size)


def _order(sketch: _Sketch, job: Job | None) -> None:
    """Sweep over the columns and keep the order with the fewest crossings: a sweep may also make it worse."""
    best, fewest = sketch.columns, count_crossings(sketch.columns, sketch.after, sketch.rank)
    for sweep in range(_SWEEPS):
        if job is not None:
            job.report(None, f"Ordering, {sweep + 1} of {_SWEEPS}")
        sketch.columns = [list(column) for column in sketch.columns]
        _reorder(sketch, forward=sweep % 2 == 0)
        swap_neighbours(sketch.columns, sketch.before, sketch.after)
        crossings = count_crossings(sketch.columns, sketch.after, sketch.rank)
        if crossings < fewest:
            best, fewest = sketch.columns, crossings
        if not fewest:
            break
    sketch.columns = best


def _without_circles(count: int, links: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out the links that close circles, as met in document order."""
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        after[a].append(b)
    state = [0] * count  # 0 unseen, 1 on the path, 2 done
    closing: set[tuple[int, int]] = set()
    for root in range(count):
        path = [(root, iter(after[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while path:
            cell, rest = path[-1]
            following = next(rest, None)
            if following is None:
                state[cell] = 2
                path.pop()
            elif state[following] == 1:
                closing.add((cell, following))
            elif state[following] == 0:
                state[following] = 1
                path.append((following, iter(after[following])))
    return [link for link in links if link not in closing]


def _components(count: int, links: list[tuple[int, int]]) -> list[list[int]]:
    """Return the connected parts, the largest first, each in document order."""
    parent = list(range(count))

    def root(cell: int) -> int:
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    for a, b in links:
        parent[max(root(a), root(b))] = min(root(a), root(b))
    parts: dict[int, list[int]] = {}
    for cell in range(count):
        parts.setdefault(root(cell), []).append(cell)
    return sorted(parts.values(), key=lambda part: (-len(part), part[0]))


def _layered(size: Sequence[tuple[float, float]], links: list[tuple[int, int]]) -> _Sketch:
    """Give every node a column and long links a waypoint in each column they pass."""
    count = len(size)
    rank = _ranks(count, links)
    sketch = _Sketch(heights=[height for _, height in size], rank=rank, weight=[1.0] * count)
    sketch.before = [[] for _ in range(count)]
    sketch.after = [[] for _ in range(count)]
    budget = _VIRTUAL
    for a, b in links:
        span = rank[b] - rank[a]
        if span > 1 and span - 1 <= budget:
            budget -= span - 1
            for between in range(rank[a] + 1, rank[b]):
                a = _link(sketch, a, _waypoint(sketch, between))
        _link(sketch, a, b)
    for cell in _main_chain(count, rank, links):
        sketch.weight[cell] = _CHAIN_WEIGHT
    sketch.columns = [[] for _ in range(max(rank, default=-1) + 1)]
    for cell in _depth_first(sketch):
        sketch.columns[rank[cell]].append(cell)
    return sketch


def _ranks(count: int, links: list[tuple[int, int]]) -> list[int]:
    """Return columns by longest path; what nothing feeds stands right before what it feeds."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        after[a].append(b)
        before[b].append(a)
    rank = [0] * count
    waiting = [len(each) for each in before]
    ready = [cell for cell in range(count) if not waiting[cell]]
    for cell in ready:
        for following in after[cell]:
            rank[following] = max(rank[following], rank[cell] + 1)
            waiting[following] -= 1
            if not waiting[following]:
                ready.append(following)
    for cell in range(count):
        if not before[cell] and after[cell]:
            rank[cell] = min(rank[following] for following in after[cell]) - 1
    return rank


def _waypoint(sketch: _Sketch, rank: int) -> int:
    sketch.heights.append(0.0)
    sketch.rank.append(rank)
    sketch.weight.append(0.5)
    sketch.before.append([])
    sketch.after.append([])
    return len(sketch.rank) - 1


def _link(sketch: _Sketch, a: int, b: int) -> int:
    sketch.after[a].append(b)
    sketch.before[b].append(a)
    return b


def _main_chain(count: int, rank: list[int], links: list[tuple[int, int]]) -> list[int]:
    """Return the longest chain of nodes, the earliest in the document where several are."""
    length = [1] * count
    best: list[int | None] = [None] * count
    for a, b in sorted(links, key=lambda link: (rank[link[1]], link)):
        if length[a] + 1 > length[b]:
            length[b], best[b] = length[a] + 1, a
    cell: int | None = max(range(count), key=lambda each: (length[each], -each))
    chain = []
    while cell is not None:
        chain.append(cell)
        cell = best[cell]
    return chain


def _depth_first(sketch: _Sketch) -> Iterable[int]:
    """Yield all cells so that branches begin side by side."""
    seen = [False] * len(sketch.rank)
    for root in sorted(range(len(sketch.rank)), key=lambda cell: (sketch.rank[cell], cell)):
        waiting = [root]
        while waiting:
            cell = waiting.pop()
            if not seen[cell]:
                seen[cell] = True
                yield cell
                waiting.extend(reversed(sketch.after[cell]))


def _reorder(sketch: _Sketch, forward: bool) -> None:
    """Sort each column by the mean position of its neighbours in the column before (or after)."""
    neighbours = sketch.before if forward else sketch.after
    position = [0.0] * len(sketch.rank)
    for column in sketch.columns:
        for index, cell in enumerate(column):
            position[cell] = index / len(column)
    for column in sketch.columns if forward else reversed(sketch.columns):
        wish = {
            cell: sum(position[other] for other in neighbours[cell]) / len(neighbours[cell])
            if neighbours[cell]
            else position[cell]
            for cell in column
        }
        column.sort(key=wish.__getitem__)
        for index, cell in enumerate(column):
            position[cell] = index / len(column)


def _straighten(sketch: _Sketch) -> None:
    """Choose heights: near the neighbours', nothing overlapping, the main chain on one line."""
    sketch.y = [0.0] * len(sketch.rank)
    for column in sketch.columns:
        _settle(sketch, column, dict.fromkeys(column, 0.0))
    both = [[*b, *a] for b, a in zip(sketch.before, sketch.after, strict=True)]
    for neighbours in (sketch.before, sketch.after, sketch.before, both, both):
        columns = reversed(sketch.columns) if neighbours is sketch.after else iter(sketch.columns)
        for column in columns:
            wish = {}
            for cell in column:
                near = neighbours[cell]
                total = sum(sketch.weight[other] for other in near)
                chained = sketch.weight[cell] == _CHAIN_WEIGHT
                mean = sum(sketch.y[other] * sketch.weight[other] for other in near) / total if near else sketch.y[cell]
                wish[cell] = 0.0 if chained else mean
            _settle(sketch, column, wish)


def _settle(sketch: _Sketch, column: list[int], wish: Mapping[int, float]) -> None:
    """Place a column's cells as near to their wishes as order and heights allow (weighted isotonic regression)."""
    offset = 0.0
    offsets = []
    blocks: list[tuple[float, float, int]] = []  # (mean, weight, cells)
    for cell in column:
        offsets.append(offset)
        mean, weight, cells = wish[cell] - offset, sketch.weight[cell], 1
        while blocks and blocks[-1][0] >= mean:
            other, other_weight, other_cells = blocks.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight += other_weight
            cells += other_cells
        blocks.append((mean, weight, cells))
        offset += sketch.heights[cell] + (GAP / 2 if sketch.heights[cell] else GAP / 4)
    settled = (mean for mean, _, cells in blocks for _ in range(cells))
    for cell, start, base in zip(column, settled, offsets, strict=True):
        sketch.y[cell] = start + base


def _fold(sketch: _Sketch, size: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give columns their left edges, breaking into rows what would be far wider than a screen is high."""
    real = len(size)
    columns = [[cell for cell in column if cell < real] for column in sketch.columns]
    widths = [max((size[cell][0] for cell in column), default=0.0) + GAP for column in columns]
    spots = [(0.0, 0.0)] * real
    top = 0.0
    for row in _rows(widths, _extent(sketch, columns, size), _leading_on(sketch)):
        cells = [cell for index in row for cell in columns[index]]
        highest = min(sketch.y[cell] for cell in cells)
        left = 0.0
        for index in row:
            for cell in columns[index]:
                spots[cell] = (float(round(left)), float(round(top + sketch.y[cell] - highest)))
            left += widths[index]
        top = max(spots[cell][1] + size[cell][1] for cell in cells) + ROW_GAP
    return spots


def _extent(sketch: _Sketch, columns: list[list[int]], size: Sequence[tuple[float, float]]) -> float:
    cells = [cell for column in columns for cell in column]
    return max(sketch.y[cell] + size[cell][1] for cell in cells) - min(sketch.y[cell] for cell in cells)


def _leading_on(sketch: _Sketch) -> list[tuple[int, int]]:
    """Return from how many ends links go from each column to the next, and how many: one end is between blocks."""
    counts = ([len(sketch.after[cell]) for cell in column if sketch.after[cell]] for column in sketch.columns)
    return [(len(links), sum(links)) for links in counts]


def _rows(widths: list[float], height: float, leading_on: list[tuple[int, int]]) -> list[list[int]]:
    """Break columns into rows of about equal width, as many as bring the whole near a screen's shape.

    A row ends where the least leads on, so that few links have to run back to the beginning of the next.
    """
    whole = sum(widths)
    count = 1
    if len(widths) > _FOLD_COLUMNS:
        count = max(1, round((whole / ((height + ROW_GAP) * _ASPECT)) ** 0.5))
    edges = list(accumulate(widths))
    rows: list[list[int]] = []
    begin = 0
    for missing in range(min(count, len(widths)), 1, -1):
        end = _row_end(edges, begin, missing, leading_on)
        rows.append(list(range(begin, end)))
        begin = end
    rows.append(list(range(begin, len(widths))))
    return [row for row in rows if row]


def _row_end(edges: list[float], begin: int, missing: int, leading_on: list[tuple[int, int]]) -> int:
    """Return the column before which the row that begins at `begin` ends, with `missing` rows to come."""
    left = edges[begin - 1] if begin else 0.0
    wish = (edges[-1] - left) / missing
    miss = {end: abs(edges[end - 1] - left - wish) for end in range(begin + 1, len(edges))}
    near = [end for end in miss if miss[end] <= _SLACK * wish] or sorted(miss, key=miss.__getitem__)[:1] or [begin]
    return min(near, key=lambda end: (leading_on[end - 1], miss.get(end, 0.0)))
