"""Differences: complete, and cheap where little changed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from netbuilder.document import edits
from netbuilder.document.diff import Difference, diff
from netbuilder.document.model import About, Definition, Document, Frame, Graph, Layout, Place, Plan, PortRef, Schema
from tests.builders import link, node, tiny_cnn, tiny_mlp
from tests.document.strategies import documents

START = replace(tiny_mlp(), blocks={"b": Definition(key="b", title="B", graph=Graph(nodes={"in": node("in", "relu")}))})
LINK = link("digits.image", "flat.x")
OTHER = link("digits.label", "flat.x")
AROUND_ACT = {link("hidden.y", "act.x"), link("act.y", "scores.x")}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (START, {}),
        (replace(START), {}),
        (edits.add_node(START, node("n1", "relu"), Place(0, 0)), {"added": {"n1"}}),
        (edits.remove_nodes(START, ["act"]), {"removed": {"act"}, "edges_removed": AROUND_ACT}),
        (edits.set_parameters(START, "hidden", {"units": 3}), {"changed": {"hidden"}}),
        (edits.rename(START, "hidden", "wide"), {"changed": {"hidden"}}),
        (edits.set_note(START, "hidden", "hm"), {"changed": {"hidden"}}),
        (edits.move_nodes(START, {"flat": Place(1, 2)}), {"moved": {"flat"}}),
        (replace(START, layout=replace(START.layout, places={})), {"moved": set(START.graph.nodes)}),
        (edits.disconnect(START, LINK[0]), {"edges_removed": {LINK}}),
        (edits.connect(START, *OTHER), {"edges_removed": {LINK}, "edges_added": {OTHER}}),
        (edits.set_schema(START, "digits", Schema()), {"schemas": {"digits"}}),
        (edits.set_schema(START, "flat", Schema()), {"schemas": {"flat"}}),
        (edits.add_frame(START, Frame(id="f")), {"frames": {"f"}}),
        (edits.change_plan(START, {"epochs": 1}), {"plan_changed": True}),
        (edits.set_about(START, About()), {"about_changed": True}),
        (replace(START, extra={"x": 1}), {"about_changed": True}),
        (replace(START, layout=replace(START.layout, extra={"x": 1})), {"about_changed": True}),
        (replace(START, graph=replace(START.graph, extra={"x": 1})), {"about_changed": True}),
        (edits.set_note(START, "in", "hm", scope="b"), {"changed": {"in"}, "blocks": {"b"}}),
        (replace(START, blocks={}), {"removed": {"in"}, "blocks": {"b"}}),
        (replace(START, blocks={**START.blocks, "c": Definition(key="c", title="C")}), {"blocks": {"c"}}),
    ],
)  # fmt: skip
def test_each_kind_of_change(end: Document, expected: dict[str, Any]) -> None:
    found = diff(START, end)
    assert found == Difference(**{name: frozenset(v) if isinstance(v, set) else v for name, v in expected.items()})
    assert found.is_empty == (not expected)
    assert found.is_layout_only == (bool(expected) and set(expected) <= {"moved", "frames"})


def test_a_node_that_went_into_a_block_is_removed_and_added() -> None:
    inside = Definition(key="c", title="C", graph=Graph(nodes={"act": START.graph.nodes["act"]}))
    found = diff(START, replace(edits.remove_nodes(START, ["act"]), blocks={**START.blocks, "c": inside}))
    assert "act" in found.added
    assert "act" in found.removed
    assert "act" not in found.changed


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), documents())
def test_a_difference_is_empty_exactly_when_documents_are_equal(old: Document, new: Document) -> None:
    assert diff(old, new).is_empty == (old == new)
    there, back = diff(old, new), diff(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert (there.edges_added, there.edges_removed) == (back.edges_removed, back.edges_added)
    for each in fields(Difference):
        if each.name not in ("added", "removed", "edges_added", "edges_removed"):
            assert getattr(there, each.name) == getattr(back, each.name)


class Counting(dict[Any, Any]):
    """A mapping that counts how often it is walked or asked."""

    walks = 0

    def __iter__(self) -> Any:
        self.walks += 1
        return super().__iter__()

    def items(self) -> Any:
        self.walks += 1
        return super().items()


def test_what_is_shared_is_not_looked_into() -> None:
    start = tiny_cnn()
    watched = Counting(start.layout.places)
    edges = Counting(start.graph.edges)
    start = replace(start, layout=Layout(places=watched), graph=replace(start.graph, edges=edges))
    end = edits.set_parameters(start, "stem", {"filters": 3})
    watched.walks = edges.walks = 0
    assert diff(start, end).changed == {"stem"}
    assert (watched.walks, edges.walks) == (0, 0)
    diff(replace(end, graph=replace(end.graph, edges={**edges})), start)
    assert edges.walks > 0, "the counter does not count"


def test_values_are_compared_after_identities() -> None:
    start = tiny_mlp()
    nodes = {id: replace(each) for id, each in start.graph.nodes.items()}
    copy = replace(start, plan=Plan(), graph=Graph(nodes=nodes, edges={**start.graph.edges}))
    assert diff(start, copy).is_empty
    assert diff(Document(), Document(graph=Graph(edges={PortRef("a", "x"): PortRef("b", "y")}))).edges_added
