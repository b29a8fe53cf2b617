"""Automatic layout: left to right, without overlaps, the main chain straight, long networks in rows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netbuilder.document.layout import NODE_HEIGHT, NODE_WIDTH, Sizes, arrange
from netbuilder.document.model import Graph, Place, PortRef
from netbuilder.foundation.job import Cancelled, Job
from tests.builders import node, tiny_cnn, tiny_mlp
from tests.document.test_topology import graph_of


def overlaps(places: dict[str, Place], sizes: Sizes) -> list[tuple[str, str]]:
    boxes = sorted((at.x, at.y, *sizes.get(id, (NODE_WIDTH, NODE_HEIGHT)), id) for id, at in places.items())
    return [
        (a[4], b[4])
        for number, a in enumerate(boxes)
        for b in boxes[number + 1 :]
        if b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
    ]


def network(count: int, seed: int = 0) -> Graph:
    """Return something like a network: a long chain with skips and side branches."""
    draw = random.Random(seed)
    links = set()
    for number in range(1, count):
        links.add((max(0, number - (1 if draw.random() < 0.9 else draw.randint(1, 6))), number))
        if draw.random() < 0.3:
            links.add((draw.randint(max(0, number - 12), number - 1), number))
    return graph_of(count, links)


graphs = st.integers(0, 12).flatmap(
    lambda count: st.builds(
        graph_of,
        st.just(count),
        st.sets(st.tuples(st.integers(0, max(0, count - 1)), st.integers(0, max(0, count - 1))), max_size=20)
        if count
        else st.just(set()),
    )
)
sizes_ = st.dictionaries(
    st.integers(0, 12).map(lambda number: f"n{number}"), st.tuples(st.floats(40, 400), st.floats(20, 500))
)


@settings(deadline=None)
@given(graphs, sizes_)
def test_every_node_gets_a_place_of_its_own(graph: Graph, sizes: dict[str, tuple[float, float]]) -> None:
    places = arrange(graph, sizes)
    assert set(places) == set(graph.nodes)
    assert overlaps(places, sizes) == []
    assert all(at.x >= 0 and at.y >= 0 for at in places.values())
    assert places == arrange(graph, sizes)


def test_control_overlaps_are_seen() -> None:
    assert overlaps({"a": Place(0, 0), "b": Place(100, 100)}, {}) == [("a", "b")]


def test_data_flows_left_to_right() -> None:
    for document in (tiny_mlp(), tiny_cnn()):
        places = arrange(document.graph, {})
        for target, source in document.graph.edges.items():
            assert places[source.node].x + NODE_WIDTH < places[target.node].x


def test_the_main_chain_is_straight() -> None:
    graph = graph_of(6, {(0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 4)})
    places = arrange(graph, {})
    assert len({places[f"n{number}"].y for number in (0, 1, 2, 3, 4)}) == 1
    assert places["n5"].y != places["n0"].y


def test_a_source_stands_right_before_what_it_feeds() -> None:
    graph = graph_of(5, {(0, 1), (1, 2), (2, 3), (4, 3)})
    places = arrange(graph, {})
    assert places["n4"].x == places["n2"].x


def test_short_networks_stay_on_one_row_and_long_ones_fold() -> None:
    short = arrange(graph_of(10, {(i, i + 1) for i in range(9)}), {})
    assert len({at.y for at in short.values()}) == 1
    long = arrange(graph_of(200, {(i, i + 1) for i in range(199)}), {})
    width = max(at.x for at in long.values())
    height = max(at.y for at in long.values())
    assert 0.5 < width / height < 5
    rows = sorted({at.y for at in long.values()})
    assert len(rows) > 3
    reading = sorted(long, key=lambda id: (long[id].y, long[id].x))
    assert reading == [f"n{number}" for number in range(200)]


def test_separate_networks_lie_below_each_other() -> None:
    places = arrange(graph_of(5, {(0, 1), (3, 4)}), {"n0": (100.0, 300.0)})
    assert places["n0"].y < places["n3"].y
    assert places["n3"].y >= 300
    assert places["n2"].y > places["n3"].y


def test_circles_are_drawn_all_the_same() -> None:
    places = arrange(graph_of(3, {(0, 1), (1, 2), (2, 0)}), {})
    assert places["n0"].x < places["n1"].x < places["n2"].x


def test_a_thousand_nodes_do_not_overlap() -> None:
    graph = network(1_000)
    places = arrange(graph, {})
    assert len(places) == 1_000
    assert overlaps(places, {}) == []


def test_very_long_links_do_without_waypoints() -> None:
    links = {(i, i + 1) for i in range(299)} | {(0, i) for i in range(2, 300)}
    places = arrange(graph_of(300, links), {})
    assert overlaps(places, {}) == []


def test_progress_is_told_and_cancelling_obeyed() -> None:
    job = Job("Arrange")
    arrange(tiny_cnn().graph, {}, job)
    assert job.detail.startswith("Ordering")
    job.cancel()
    with pytest.raises(Cancelled):
        arrange(tiny_cnn().graph, {}, job)


def test_an_empty_graph_and_links_to_itself() -> None:
    assert arrange(Graph(), {}) == {}
    alone = Graph(nodes={"a": node("a", "relu")}, edges={PortRef("a", "x"): PortRef("a", "y")})
    assert arrange(alone, {}) == {"a": Place(0.0, 0.0)}
