"""Topology: orders, circles, reachability."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.document.model import Definition, Document, Graph, Node, PortRef
from netbuilder.document.topology import ancestors, cycles, descendants, order, reachable, would_cycle
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import document, node, tiny_cnn, tiny_mlp


def graph_of(count: int, links: set[tuple[int, int]]) -> Graph:
    nodes = {f"n{i}": node(f"n{i}", "add") for i in range(count)}
    return Graph(nodes=nodes, edges={PortRef(f"n{b}", f"x{a}"): PortRef(f"n{a}", "y") for a, b in links})


graphs = st.integers(1, 8).flatmap(
    lambda count: st.builds(
        graph_of, st.just(count), st.sets(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=12)
    )
)


def test_the_order_follows_the_links_then_the_document() -> None:
    assert order(tiny_mlp().graph) == ["digits", "flat", "hidden", "act", "scores", "loss"]
    assert order(graph_of(3, set())) == ["n0", "n1", "n2"]
    assert order(graph_of(3, {(2, 0)})) == ["n1", "n2", "n0"]
    assert order(Graph()) == []


@given(graphs)
def test_a_graph_has_an_order_or_a_circle(graph: Graph) -> None:
    circles = cycles(graph)
    for circle in circles:
        for source, target in zip(circle, [*circle[1:], circle[0]], strict=True):
            assert any(to.node == target and origin.node == source for to, origin in graph.edges.items())
    if circles:
        with pytest.raises(NetbuilderError, match="form a circle") as caught:
            order(graph)
        assert caught.value.problems[0].node == circles[0][0]
    else:
        position = {id: index for index, id in enumerate(order(graph))}
        assert sorted(position) == sorted(graph.nodes)
        assert all(position[source.node] < position[target.node] for target, source in graph.edges.items())


@given(graphs)
def test_reachability_goes_both_ways(graph: Graph) -> None:
    for a in graph.nodes:
        for b in descendants(graph, [a]):
            assert a in ancestors(graph, [b])
        assert reachable(graph, a) == descendants(graph, [a])


@given(graphs, st.integers(0, 7), st.integers(0, 7))
def test_would_cycle_agrees_with_cycles(graph: Graph, a: int, b: int) -> None:
    ids = list(graph.nodes)
    source, target = PortRef(ids[a % len(ids)], "y"), PortRef(ids[b % len(ids)], "x0")
    if not cycles(graph):
        after = replace(graph, edges={**graph.edges, target: source})
        assert would_cycle(Document(graph=graph), source, target) == bool(cycles(after))


def test_several_circles_are_told_apart() -> None:
    graph = graph_of(6, {(0, 1), (1, 0), (3, 4), (4, 3), (5, 5)})
    assert cycles(graph) == [["n0", "n1"], ["n3", "n4"], ["n5"]]


def test_ancestors_and_descendants() -> None:
    graph = tiny_cnn().graph
    assert ancestors(graph, ["norm"]) == {"digits", "stem"}
    assert descendants(graph, ["flat"]) == {"scores", "loss"}
    assert descendants(graph, []) == set()


def test_would_cycle_looks_into_its_block() -> None:
    inner = document([node("a", "relu"), node("b", "relu")], [("a.y", "b.x")])
    outer = Document(blocks={"b": Definition(key="b", title="B", graph=inner.graph)})
    assert would_cycle(outer, PortRef("b", "y"), PortRef("a", "x"), scope="b")
    assert not would_cycle(outer, PortRef("b", "y"), PortRef("a", "x"))


def test_reachability_follows_the_graph_from_edit_to_edit() -> None:
    chance = random.Random(5)
    nodes = {f"n{at}": Node(id=f"n{at}", type="add", label=f"n{at}") for at in range(60)}
    edges = {PortRef(f"n{at}", "a"): PortRef(f"n{at - 1}", "y") for at in range(1, 60)}
    for _ in range(40):
        graph = Graph(nodes=nodes, edges=edges)
        start = f"n{chance.randrange(60)}"
        found, waiting = set(), [start]
        while waiting:
            at = waiting.pop()
            new = {target.node for target, source in edges.items() if source.node == at} - found
            found |= new
            waiting += new
        assert reachable(graph, start) == found
        edges = dict(edges)
        for target in chance.sample(sorted(edges), min(len(edges), chance.choice((1, 2, 30)))):
            del edges[target]
        for _ in range(chance.choice((1, 2, 30))):
            low, high = sorted(chance.sample(range(60), 2))
            edges[PortRef(f"n{high}", chance.choice("ab"))] = PortRef(f"n{low}", "y")
