"""The nodes of a graph by their type, followed from edit to edit."""

from __future__ import annotations

import random
from dataclasses import replace

from netbuilder.document.kinds import by_type, data_nodes, of_type
from netbuilder.document.model import Node


def plain(nodes: dict[str, Node]) -> dict[str, dict[str, Node]]:
    found: dict[str, dict[str, Node]] = {}
    for id, node in nodes.items():
        found.setdefault(node.type, {})[id] = node
    return found


def test_they_are_those_of_the_graph_after_any_edit() -> None:
    chance, types = random.Random(3), ("relu", "output", "data.digits", "data.table")
    nodes = {f"n{at}": Node(id=f"n{at}", type=chance.choice(types), label=f"l{at}") for at in range(40)}
    other = {f"m{at}": Node(id=f"m{at}", type="relu", label=f"l{at}") for at in range(5)}  # of the block in sight
    for step in range(60):
        assert by_type(nodes) == plain(nodes)
        assert by_type(other) == plain(other)
        nodes = dict(nodes)
        for id in chance.sample(sorted(nodes), min(3, len(nodes))):
            if chance.random() < 0.4:
                del nodes[id]
            else:
                nodes[id] = replace(nodes[id], type=chance.choice(types))
        nodes[f"x{step}"] = Node(id=f"x{step}", type=chance.choice(types), label=f"x{step}")


def test_an_answer_stays_as_it_was_when_the_graph_goes_on() -> None:
    nodes = {"a": Node(id="a", type="relu", label="a")}
    before = by_type(nodes)
    by_type({**nodes, "b": Node(id="b", type="relu", label="b")})
    assert before == {"relu": {"a": nodes["a"]}}
    assert by_type(nodes) is before


def test_data_nodes_are_those_of_all_sources() -> None:
    types = {"a": "data.digits", "b": "relu", "c": "data.table", "d": "output"}
    nodes = {id: Node(id=id, type=type, label=id) for id, type in types.items()}
    assert data_nodes(nodes).keys() == {"a", "c"}
    assert of_type(nodes, "output") == {"d": nodes["d"]}
    assert of_type(nodes, "dropout") == {}
    assert by_type({}) == {}
