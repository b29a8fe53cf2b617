"""Edits: pure, sharing, refusing what cannot be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from netbuilder.document import edits
from netbuilder.document.diff import diff
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import (
    About,
    Definition,
    Document,
    Frame,
    Graph,
    Group,
    Layout,
    Phase,
    Place,
    Plan,
    PortRef,
    Schema,
    Setting,
)
from netbuilder.document.plan import PLAN_PARAMETERS
from netbuilder.document.records import PlanRecord
from netbuilder.foundation.limits import NODES
from netbuilder.foundation.parameter import defaults
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import DIGITS, chain, document, link, node, tiny_cnn, tiny_mlp


def refused(code: str, name: str, document: Document, **arguments: Any) -> str:
    before = dumps(document)
    with pytest.raises(NetbuilderError) as caught:
        edits.apply(document, name, arguments)
    assert caught.value.problems[0].code == code
    assert dumps(document) == before
    return caught.value.problems[0].message


def relus(*ids: str) -> Document:
    """Return a chain of ReLUs."""
    nodes = [node(id, "relu") for id in ids]
    return document(nodes, chain(*nodes))


def edges(document: Document) -> set[str]:
    return {
        f"{source.node}.{source.port}>{target.node}.{target.port}" for target, source in document.graph.edges.items()
    }


def test_every_edit_is_registered_and_described() -> None:
    functions = {name for name in edits.__all__ if name not in ("EDITS", "apply", "edit")}
    assert set(edits.EDITS) == functions
    for each in edits.EDITS.values():
        assert each.function.__doc__
        assert each.arguments.__struct_fields__


def test_apply_converts_plain_json() -> None:
    start = tiny_mlp()
    assert edits.apply(start, "disconnect", {"target": ["flat", "x"]}) == edits.disconnect(start, PortRef("flat", "x"))
    moved = edits.apply(start, "move_nodes", {"places": {"flat": [1, 2]}})
    assert moved.layout.places["flat"] == Place(1.0, 2.0)
    set_ = edits.apply(start, "set_parameters", {"node": "flat", "values": {"a": [1, [2]]}})
    assert set_.graph.nodes["flat"].parameters == {"a": (1, (2,))}
    schema = {"fields": [{"name": "image", "dims": [1, 8, 8]}], "rows": 3}
    assert edits.apply(start, "set_schema", {"node": "digits", "schema": schema}).schemas["digits"].rows == 3
    assert edits.apply(start, "set_plan", {"plan": {"epochs": 3}}).plan == Plan(epochs=3)


def test_several_edits_are_made_together_or_not_at_all() -> None:
    start = tiny_mlp()
    relabel = {"edit": "rename", "arguments": {"node": "flat", "label": "flattened"}}
    longer = {"edit": "change_plan", "arguments": {"values": {"epochs": 7}}}
    both = edits.apply(start, "apply_several", {"parts": [relabel, longer]})
    assert both.graph.nodes["flat"].label == "flattened"
    assert both.plan.epochs == 7
    assert edits.apply(start, "apply_several", {"parts": []}) is start
    wrong = {"edit": "rename", "arguments": {"node": "nowhere", "label": "x"}}
    assert "nowhere" in refused("edit.node", "apply_several", start, parts=[relabel, wrong])


def test_apply_refuses_unknown_edits_and_wrong_arguments() -> None:
    start = tiny_mlp()
    assert "'explode'" in refused("edit.unknown", "explode", start)
    assert "`nodes`" in refused("edit.arguments", "remove_nodes", start)
    assert "unknown field" in refused("edit.arguments", "remove_nodes", start, nodes=[], force=True)
    assert "$.nodes" in refused("edit.arguments", "remove_nodes", start, nodes=[1])
    assert "scope" in refused("edit.arguments", "remove_nodes", start, nodes=[], scope=None)
    refused("edit.scope", "remove_nodes", start, nodes=["flat"], scope="gone")


def test_add_node_makes_the_label_unique_and_stores_all() -> None:
    start = tiny_mlp()
    end = edits.add_node(start, node("n1", "linear", "Hidden", a=[1]), Place(3, 4), Schema(rows=2))
    assert list(end.graph.nodes)[-1] == "n1"
    assert end.graph.nodes["n1"].label == "hidden_2"
    assert end.graph.nodes["n1"].parameters == {"a": (1,)}
    assert end.layout.places["n1"] == Place(3, 4)
    assert end.schemas["n1"].rows == 2
    assert "n1" not in start.graph.nodes
    bare = edits.add_node(start, replace(node("n1", "linear"), label=""))
    assert bare.graph.nodes["n1"].label == "linear"
    assert bare.layout is start.layout
    assert loads(dumps(end)) == end


def test_add_node_refuses_taken_ids_bad_values_and_too_many() -> None:
    start = tiny_mlp()
    for wrong in (node("flat", "relu"), node("inner", "relu")):
        block = Definition(key="b", title="B", graph=Graph(nodes={"inner": node("inner", "relu")}))
        with pytest.raises(NetbuilderError, match="is taken"):
            edits.add_node(replace(start, blocks={"b": block}), wrong)
    for value in (math.nan, {1: 2}, object(), "x" * 100_001):
        with pytest.raises(NetbuilderError, match="cannot be set: a: expected"):
            edits.add_node(start, node("n1", "relu", a=value))
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    with pytest.raises(NetbuilderError, match="nested"):
        edits.add_node(start, node("n1", "relu", a=deep))
    full = Document(graph=Graph(nodes={f"n{i}": node(f"n{i}", "relu") for i in range(NODES)}))
    with pytest.raises(NetbuilderError, match="at most 10,000"):
        edits.add_node(full, node("more", "relu"))


def test_remove_nodes_takes_all_that_refers_to_them() -> None:
    start = edits.tie_weights(tiny_mlp(), "scores", "hidden")
    end = edits.remove_nodes(start, ["digits", "hidden", "ghost"])
    assert edges(end) == {"act.y>scores.x", "scores.y>loss.prediction"}
    assert end.graph.nodes["scores"].tied_to == ""
    assert not end.schemas
    assert set(end.layout.places) == set(end.graph.nodes)
    assert edits.remove_nodes(start, ["ghost"]) is start
    assert edits.remove_nodes(start, ["flat"]).schemas is start.schemas


def test_remove_nodes_takes_them_from_the_plan() -> None:
    first = Phase(name="one", losses=("loss",), groups=(Group(nodes=("hidden", "scores")), Group(nodes=("hidden",))))
    second = Phase(name="two", losses=("loss", "other"), groups=(Group(),))
    start = replace(tiny_mlp(), plan=Plan(phases=(first, second)))
    groups = edits.remove_nodes(start, ["hidden"]).plan.phases
    assert groups == (replace(first, groups=(Group(nodes=("scores",)),)), second)
    losses = edits.remove_nodes(start, ["loss"]).plan.phases
    assert losses == (replace(second, losses=("other",)),)
    only = replace(start, plan=Plan(phases=(first,)))
    assert edits.remove_nodes(only, ["loss"]).plan.phases == (replace(first, losses=()),)
    assert edits.remove_nodes(start, ["act"]).plan is start.plan


def test_remove_and_heal_keeps_the_flow() -> None:
    end = edits.remove_and_heal(tiny_mlp(), ["hidden", "act"])
    assert "flat.y>scores.x" in edges(end)
    ends = relus("a", "b", "c")
    assert edges(edits.remove_and_heal(ends, ["a"])) == {"b.y>c.x"}
    assert edges(edits.remove_and_heal(ends, ["c"])) == {"a.y>b.x"}
    assert edits.remove_and_heal(ends, ["ghost"]) == ends


def test_remove_and_heal_takes_the_first_input_and_survives_circles() -> None:
    start = tiny_cnn()
    assert "conv.y>pool.x" in edges(edits.remove_and_heal(start, ["sum"]))
    circle = document(
        [node("a", "relu"), node("b", "relu"), node("c", "relu")], [("a.y", "b.x"), ("b.y", "a.x"), ("b.y", "c.x")]
    )
    assert edges(edits.remove_and_heal(circle, ["a", "b"])) == set()


def test_connect_replaces_and_refuses() -> None:
    start = relus("a", "b", "c")
    end = edits.connect(start, *link("a.y", "c.x"))
    assert edges(end) == {"a.y>b.x", "a.y>c.x"}
    assert edits.connect(start, *link("a.y", "b.x")) is start
    assert "cannot feed itself" in refused("edit.cycle", "connect", start, target=["b", "x"], source=["b", "y"])
    assert "close a circle" in refused("edit.cycle", "connect", start, target=["a", "x"], source=["c", "y"])
    refused("edit.node", "connect", start, target=["ghost", "x"], source=["c", "y"])
    refused("edit.node", "connect", start, target=["a", "x"], source=["ghost", "y"])


def test_a_link_may_turn_around_when_it_is_replaced() -> None:
    start = document([node("a", "add"), node("b", "relu")], [("b.y", "a.x")])
    refused("edit.cycle", "connect", start, target=["b", "x"], source=["a", "y"])
    loop = document([node("a", "add"), node("b", "relu")], [("a.y", "b.x")])
    assert edges(edits.connect(loop, PortRef("b", "x"), PortRef("a", "other"))) == {"a.other>b.x"}


def test_disconnect() -> None:
    start = relus("a", "b")
    assert edges(edits.disconnect(start, PortRef("b", "x"))) == set()
    assert edits.disconnect(start, PortRef("a", "x")) is start


def test_insert_layer_goes_between_and_makes_room() -> None:
    start = relus("a", "b", "c")
    start = edits.add_node(start, node("aside", "relu"), Place(300.0, 500.0))
    end = edits.insert_layer(start, "b", "x", "flatten", {"d": [1]}, id="n1", input="in", output="out")
    assert edges(end) == {"a.y>n1.in", "n1.out>b.x", "b.y>c.x"}
    assert end.graph.nodes["n1"].label == "flatten"
    assert end.graph.nodes["n1"].parameters == {"d": (1,)}
    at = end.layout.places
    assert at["a"].x < at["n1"].x < at["b"].x < at["c"].x
    assert at["c"].x - at["b"].x == start.layout.places["c"].x - start.layout.places["b"].x
    assert at["aside"] == start.layout.places["aside"]
    again = edits.insert_layer(end, "b", "x", "flatten", {}, label="Flat one")
    assert {each.label for each in again.graph.nodes.values()} >= {"flatten", "flat_one"}


def test_insert_layer_moves_nothing_where_there_is_room() -> None:
    start = edits.move_nodes(relus("a", "b"), {"b": Place(1000.0, 100.0)})
    end = edits.insert_layer(start, "b", "x", "relu", {}, id="n1")
    assert diff(start, end).moved == frozenset()
    assert end.layout.places["n1"] == Place(500.0, 50.0)


def test_insert_layer_at_the_end_of_a_folded_row_or_without_places() -> None:
    start = edits.move_nodes(relus("a", "b"), {"a": Place(3000.0, 0.0), "b": Place(0.0, 400.0)})
    end = edits.insert_layer(start, "b", "x", "relu", {}, id="n1")
    assert diff(start, end).moved == frozenset()
    assert end.layout.places["n1"].x > 3000
    bare = replace(start, layout=Layout())
    assert edits.insert_layer(bare, "b", "x", "relu", {}, id="n1").layout == Layout()


def test_insert_layer_needs_a_link() -> None:
    assert "Nothing is linked" in refused(
        "edit.link", "insert_layer", relus("a"), node="a", port="x", type="relu", parameters={}
    )


def test_rename_makes_a_unique_identifier() -> None:
    start = relus("a", "b")
    assert edits.rename(start, "a", "My Layer!").graph.nodes["a"].label == "my_layer"
    assert edits.rename(start, "a", "b").graph.nodes["a"].label == "b_2"
    assert edits.rename(start, "a", "forward").graph.nodes["a"].label == "forward_1"
    assert edits.rename(start, "a", "A") is start
    refused("edit.node", "rename", start, node="ghost", label="x")


def test_set_note() -> None:
    start = relus("a")
    assert edits.set_note(start, "a", "hm").graph.nodes["a"].note == "hm"
    assert edits.set_note(start, "a", "") is start
    refused("edit.text", "set_note", start, node="a", note="x" * 100_001)


def test_set_parameters_changes_some_and_keeps_the_rest() -> None:
    start = tiny_mlp()
    end = edits.set_parameters(start, "hidden", {"units": 5})
    assert end.graph.nodes["hidden"].parameters == {**start.graph.nodes["hidden"].parameters, "units": 5}
    assert list(end.graph.nodes) == list(start.graph.nodes)
    assert end.graph.nodes["flat"] is start.graph.nodes["flat"]
    assert end.graph.edges is start.graph.edges
    assert edits.set_parameters(start, "hidden", {"units": 32}) is start
    typed = edits.set_parameters(start, "hidden", {"units": 32.0}).graph.nodes["hidden"].parameters
    assert type(typed["units"]) is float
    refused("edit.value", "set_parameters", start, node="hidden", values={"a": "x" * 100_001})


def test_set_parameters_with_a_schema_is_one_edit() -> None:
    start = tiny_mlp()
    schema = replace(DIGITS, rows=10)
    end = edits.set_parameters(start, "digits", {"part": "some"}, schema)
    assert end.schemas["digits"] == schema
    assert edges(end) == edges(start)
    assert edits.set_schema(start, "digits", DIGITS) is start


def test_replace_type_keeps_the_links_that_fit() -> None:
    start = tiny_mlp()
    end = edits.replace_type(
        start, "loss", "mse_loss", {"a": 1}, label="mean error", inputs={"prediction": "prediction"}
    )
    new = end.graph.nodes["loss"]
    assert (new.type, new.label, new.parameters) == ("mse_loss", "mean_error", {"a": 1})
    assert "scores.y>loss.prediction" in edges(end)
    assert "digits.label>loss.target" not in edges(end)
    assert end.schemas is start.schemas
    kept = edits.replace_type(start, "hidden", "tanh", {})
    assert edges(kept) == edges(start)
    assert kept.graph.nodes["hidden"].label == "hidden"
    renamed = edits.replace_type(start, "hidden", "lstm", {}, outputs={"y": "sequence"})
    assert "hidden.sequence>act.x" in edges(renamed)


def test_replace_type_of_a_data_node_replaces_its_schema() -> None:
    start = tiny_mlp()
    end = edits.replace_type(start, "digits", "data.iris", {}, outputs={"label": "label"}, schema=Schema(rows=150))
    assert end.schemas == {"digits": Schema(rows=150)}
    assert "digits.image>flat.x" not in edges(end)
    assert not edits.replace_type(start, "digits", "relu", {}).schemas


def test_tie_weights() -> None:
    start = tiny_mlp()
    end = edits.tie_weights(start, "scores", "hidden")
    assert end.graph.nodes["scores"].tied_to == "hidden"
    assert edits.tie_weights(end, "scores", "hidden") is end
    assert edits.tie_weights(end, "scores", "") == start
    assert "itself" in refused("edit.tie", "tie_weights", start, node="scores", other="scores")
    assert "own type" in refused("edit.tie", "tie_weights", start, node="scores", other="act")
    assert "no weights of its own" in refused("edit.tie", "tie_weights", end, node="hidden", other="scores")


def test_duplicate_copies_the_links_among_them() -> None:
    start = tiny_mlp()
    end = edits.duplicate(start, ["hidden", "act"])
    new = diff(start, end).added
    labels = {end.graph.nodes[id].label: id for id in new}
    assert set(labels) == {"hidden_2", "act_2"}
    assert f"{labels['hidden_2']}.y>{labels['act_2']}.x" in edges(end)
    assert len(end.graph.edges) == len(start.graph.edges) + 1
    assert end.layout.places[labels["act_2"]].y == 40.0
    fed = edits.duplicate(start, ["hidden"], keep_inputs=True)
    assert len(fed.graph.edges) == len(start.graph.edges) + 1


def test_edits_inside_a_block() -> None:
    block = Definition(key="b", title="B", graph=relus("a", "b").graph)
    start = replace(tiny_mlp(), blocks={"b": block})
    end = edits.rename(edits.add_node(start, node("c", "relu"), scope="b"), "a", "first", scope="b")
    assert set(end.blocks["b"].graph.nodes) == {"a", "b", "c"}
    assert end.graph is start.graph
    assert edits.connect(end, *link("b.y", "c.x"), scope="b").scope("b").edges[PortRef("c", "x")].node == "b"
    assert len(edits.duplicate(end, ["a"], scope="b").blocks["b"].graph.nodes) == 4
    assert set(edits.remove_nodes(end, ["a"], scope="b").blocks["b"].graph.nodes) == {"b", "c"}


def test_move_nodes() -> None:
    start = tiny_mlp()
    end = edits.move_nodes(start, {"flat": Place(7, 8)})
    assert diff(start, end).is_layout_only
    assert edits.move_nodes(end, {"flat": Place(7, 8)}) is end
    refused("edit.place", "move_nodes", start, places={"flat": [1e9, 0]})
    with pytest.raises(NetbuilderError, match="can lie at nan"):
        edits.move_nodes(start, {"flat": Place(math.nan, 0)})


def test_frames() -> None:
    start = edits.add_frame(tiny_mlp(), Frame(id="f1", title="Stem", extra={"x-new": 1}))
    refused("edit.id", "add_frame", start, frame={"id": "f1"})
    refused("edit.frame", "add_frame", start, frame={"id": "f2", "width": 0})
    end = edits.change_frame(start, "f1", {"title": "Head", "x": 5})
    assert end.layout.frames["f1"] == Frame(id="f1", title="Head", x=5.0, extra={"x-new": 1})
    assert edits.change_frame(end, "f1", {"title": "Head"}) is end
    refused("edit.frame", "change_frame", start, frame="ghost", values={})
    refused("edit.frame", "change_frame", start, frame="f1", values={"height": -1})
    refused("edit.value", "change_frame", start, frame="f1", values={"title": 5})
    refused("edit.value", "change_frame", start, frame="f1", values={"depth": 5})
    refused("edit.value", "change_frame", start, frame="f1", values={"id": "f2"})
    assert edits.remove_frames(end, ["f1"]).layout.frames == {}
    assert edits.remove_frames(end, ["ghost"]) is end


def test_set_about() -> None:
    start = tiny_mlp()
    assert edits.set_about(start, About(title="New")).about.title == "New"
    assert edits.set_about(start, start.about) is start


def test_the_plan() -> None:
    start = tiny_mlp()
    assert edits.change_plan(start, {"epochs": 3.0, "seed": 9}).plan == Plan(epochs=3, seed=9)
    assert edits.change_plan(start, {"epochs": 20}) is start
    assert "from 1 to" in refused("edit.plan", "change_plan", start, values={"epochs": 0})
    refused("edit.plan", "change_plan", start, values={"phases": []})
    with pytest.raises(NetbuilderError):
        edits.set_plan(start, Plan(phases=()))
    sgd = edits.set_optimizer(start, "sgd", {"lr": 0.1, "betas": [0.9, 0.99]})
    assert sgd.plan.phases[0].optimizer == Setting(key="sgd", values={"lr": 0.1, "betas": (0.9, 0.99)})
    cosine = edits.set_schedule(sgd, "cosine", {"warmup": 5})
    assert cosine.plan.phases[0].schedule == Setting(key="cosine", values={"warmup": 5})
    assert cosine.plan.phases[0].optimizer is sgd.plan.phases[0].optimizer
    refused("edit.plan", "set_optimizer", start, key="sgd", values={}, phase=1)
    refused("edit.plan", "set_schedule", start, key="step", values={"a": "x" * 100_001})


def test_the_plan_s_declarations_are_the_model_s_and_the_file_s() -> None:
    plan, record = Plan(), PlanRecord()
    for name, default in defaults(PLAN_PARAMETERS).items():
        assert getattr(plan, name) == default == getattr(record, name)


@pytest.mark.parametrize(
    "parameter", [each for each in PLAN_PARAMETERS if each.minimum is not None], ids=lambda each: each.name
)
def test_the_plan_s_ranges_are_the_file_s(parameter: Any) -> None:
    for value in (parameter.minimum, parameter.maximum):
        loads(dumps(edits.change_plan(tiny_mlp(), {parameter.name: value})))
    for value in (parameter.minimum - 1, parameter.maximum + 1):
        with pytest.raises(NetbuilderError):
            edits.change_plan(tiny_mlp(), {parameter.name: value})
        with pytest.raises(NetbuilderError):
            loads(dumps(replace(tiny_mlp(), plan=replace(Plan(), **{parameter.name: type(parameter.default)(value)}))))


def test_values_are_set_in_several_nodes_at_once() -> None:
    start = tiny_mlp()
    schema = Schema(fields=start.schemas["digits"].fields, rows=3)
    values = {"flat": {"a": 1}, "digits": {"split_seed": 7}}
    document = edits.set_values(start, values, {"digits": schema})
    assert document.graph.nodes["flat"].parameters["a"] == 1
    assert document.graph.nodes["digits"].parameters["split_seed"] == 7
    assert document.schemas["digits"].rows == 3
    assert list(document.graph.nodes) == list(start.graph.nodes)
    assert edits.set_values(document, values, {"digits": schema}) is document
    with pytest.raises(NetbuilderError, match="not in the graph"):
        edits.set_values(start, {"flat": {"a": 1}, "gone": {"a": 1}})
