"""The quality of the automatic layout, measured on networks of known forms."""

from __future__ import annotations

from itertools import pairwise

import pytest

from netbuilder.document import layout
from netbuilder.document.crossings import count_crossings, swap_neighbours
from netbuilder.document.layout import NODE_HEIGHT, NODE_WIDTH, arrange
from netbuilder.document.model import Graph
from tests.document.test_layout import network, overlaps
from tests.document.test_topology import graph_of

Links = set[tuple[int, int]]


def unet(depth: int) -> Graph:
    last = 4 * depth
    links = {(cell, cell + 1) for cell in range(last)}
    return graph_of(last + 1, links | {(2 * level + 1, last - 2 * level - 1) for level in range(depth)})


def residual(blocks: int) -> Graph:
    links: Links = set()
    for start in range(0, 4 * blocks, 4):
        links |= {(start + step, start + step + 1) for step in range(4)} | {(start, start + 4)}
    return graph_of(4 * blocks + 1, links)


def inception(blocks: int) -> Graph:
    links: Links = set()
    for start in range(0, 8 * blocks, 8):
        for branch in ((1,), (2, 3), (4, 5, 6), (7,)):
            way = [start, *(start + cell for cell in branch), start + 8]
            links |= set(pairwise(way))
    return graph_of(8 * blocks + 1, links)


KNOWN = {
    "U-Net": unet(4),
    "residual, 61 nodes": residual(15),
    "inception": inception(4),
    "chain": graph_of(30, {(cell, cell + 1) for cell in range(29)}),
}


def crossings_of(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many links of the arranged graph cross between its columns."""
    found = 0
    straighten = layout._straighten

    def count(sketch) -> None:
        nonlocal found
        found += count_crossings(sketch.columns, sketch.after, sketch.rank)
        straighten(sketch)

    monkeypatch.setattr(layout, "_straighten", count)
    arrange(graph, {})
    return found


@pytest.mark.parametrize("name", KNOWN)
def test_networks_of_known_forms_have_no_crossings_and_no_overlaps(name, monkeypatch) -> None:
    graph = KNOWN[name]
    assert crossings_of(graph, monkeypatch) == 0
    places = arrange(graph, {})
    assert overlaps(places, {}) == []
    width = max(at.x for at in places.values()) + NODE_WIDTH
    height = max(at.y for at in places.values()) + NODE_HEIGHT
    assert width / height < 12 if len(graph.nodes) < 20 else width / height < 4


def test_rows_end_between_blocks() -> None:
    graph = KNOWN["residual, 61 nodes"]
    places = arrange(graph, {})
    back = {source.node for target, source in graph.edges.items() if places[source.node].x > places[target.node].x}
    rows = {at.y for at in places.values() if at.x == 0}
    assert len(rows) > 1
    assert len(back) == len(rows) - 1  # a block that is broken in two is left at two ends


@pytest.mark.parametrize("name", ["U-Net", "inception, one module"])
def test_the_longest_chain_does_not_leave_its_line_by_a_pixel(name) -> None:
    graph = KNOWN[name] if name in KNOWN else inception(1)
    places = arrange(graph, {})
    heights = [at.y for at in places.values()]
    level = max(set(heights), key=heights.count)
    assert {at.x for at in places.values() if at.y == level} == {at.x for at in places.values()}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_kept_is_never_worse_than_the_sweeps_alone(seed, monkeypatch) -> None:
    graph = network(300, seed)
    kept = crossings_of(graph, monkeypatch)
    monkeypatch.undo()

    def sweep(sketch, job) -> None:
        for number in range(layout._SWEEPS):
            layout._reorder(sketch, forward=number % 2 == 0)

    monkeypatch.setattr(layout, "_order", sweep)
    assert kept <= crossings_of(graph, monkeypatch)


def test_crossings_are_counted_and_a_swap_undoes_one() -> None:
    columns, rank = [[0, 1], [2, 3]], [0, 0, 1, 1]
    after: list[list[int]] = [[3], [2], [], []]
    before: list[list[int]] = [[], [], [1], [0]]
    assert count_crossings(columns, after, rank) == 1
    swap_neighbours(columns, before, after)
    assert count_crossings(columns, after, rank) == 0


def test_links_from_one_cell_do_not_cross() -> None:
    assert count_crossings([[0], [1, 2]], [[1, 2], [], []], [0, 1, 1]) == 0
