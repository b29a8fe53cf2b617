"""Edits of blocks: making, dissolving, declaring, promoting, copying, and what follows around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from netbuilder.compiler.expansion import Expander
from netbuilder.document import clipboard, edits
from netbuilder.document.adoption import fingerprint
from netbuilder.document.block_files import gather
from netbuilder.document.blocks import contains
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Document, Frame, Group, Layout, Phase, Place, Plan, PortRef
from netbuilder.document.topology import cycles
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import chain, document, linear, node, tiny_cnn
from tests.compiler.blocks import define, formula, residual_block, stage_block, staged, with_blocks


def meaning(given: Document) -> tuple[set[str], set[str]]:
    """Return the layers and links of the network written out, by label and parameters, whatever blocks it has."""
    flat = Expander().expand(given).flat.graph
    names = {id: f"{each.label.rpartition('.')[2]}:{each.type}" for id, each in flat.nodes.items()}
    layers = {f"{names[id]} {sorted(each.parameters.items())!r}" for id, each in flat.nodes.items()}
    links = {f"{names[s.node]}.{s.port}>{names[t.node]}.{t.port}" for t, s in flat.edges.items()}
    return layers, links


def block_of(given: Document) -> str:
    """Return the id of the only instance in the main graph."""
    (id,) = [id for id, each in given.graph.nodes.items() if each.type.startswith("block.")]
    return id


def refusal(given: Document, name: str, **arguments: Any) -> str:
    before = dumps(given)
    with pytest.raises(NetbuilderError) as caught:
        edits.EDITS[name].function(given, **arguments)
    assert dumps(given) == before
    return caught.value.problems[0].message


@st.composite
def networks(draw: st.DrawFn) -> tuple[Document, list[str]]:
    """Return a random network of sums and ReLUs behind data, and some of its layers."""
    count = draw(st.integers(2, 9))
    nodes, links = [node("start", "input", "start")], []
    for number in range(count):
        two = draw(st.booleans())
        made = node(f"m{number}", "add" if two else "relu", f"layer_{number}")
        for port in ("a", "b") if two else ("x",):
            links.append((f"{draw(st.sampled_from(nodes)).id}.y", f"{made.id}.{port}"))
        nodes.append(made)
    ids = [each.id for each in nodes[1:]]
    chosen = draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    end = node("end", "output", "end")
    links.append((f"{ids[-1]}.y", "end.x"))
    return document([*nodes, end], links), chosen


@given(networks())
@settings(max_examples=60, deadline=None)
def test_making_and_dissolving_a_block_keep_the_meaning(case: tuple[Document, list[str]]) -> None:
    start, chosen = case
    try:
        made = edits.make_block(start, chosen, "Thing")
    except NetbuilderError as error:  # a path leaves the chosen layers and comes back, or nothing comes out of them
        event(error.problems[0].code)
        return
    assert not cycles(made.graph)
    assert loads(dumps(made)) == made
    assert meaning(made) == meaning(start)
    back = edits.dissolve_block(made, block_of(made))
    assert meaning(back) == meaning(start)
    assert {each.label for each in back.graph.nodes.values()} == {each.label for each in start.graph.nodes.values()}
    assert edits.remove_block(back, "thing").blocks == {}


def test_ports_have_good_names() -> None:
    nodes = [node("a", "input", "left"), node("b", "input", "right"), node("s", "add", "total"), node("r", "relu")]
    nodes += [node("o1", "output", "o1"), node("o2", "output", "o2")]
    start = document(nodes, [("a.y", "s.a"), ("b.y", "s.b"), ("s.y", "r.x"), ("r.y", "o1.x"), ("s.y", "o2.x")])
    made = edits.make_block(start, ["s", "r"], "Sum and more")
    graph = made.blocks["sum_and_more"].graph
    assert [each.label for each in graph.nodes.values() if each.type == "input"] == ["a", "b"]
    assert [each.label for each in graph.nodes.values() if each.type == "output"] == ["total_out", "r_out"]
    one = edits.make_block(start, ["r"])
    assert {each.label for each in one.blocks["block"].graph.nodes.values()} == {"x", "r", "y"}


def test_a_value_that_goes_to_two_layers_is_one_port() -> None:
    nodes = [node("a", "input", "start"), node("r", "relu"), node("t", "tanh"), node("s", "add"), node("o", "output")]
    start = document(nodes, [("a.y", "r.x"), ("a.y", "t.x"), ("r.y", "s.a"), ("t.y", "s.b"), ("s.y", "o.x")])
    made = edits.make_block(start, ["r", "t", "s"])
    assert len([each for each in made.blocks["block"].graph.nodes.values() if each.type == "input"]) == 1
    assert made.graph.edges == {
        PortRef(block_of(made), "x"): PortRef("a", "y"),
        PortRef("o", "x"): PortRef(block_of(made), "y"),
    }


def test_open_ports_become_ports_where_asked_for() -> None:
    start = document([node("r", "relu")], [])
    assert "Nothing comes out" in refusal(start, "make_block", nodes=["r"])
    sample = {"dims": (8,), "dtype": "float32"}
    made = edits.make_block(start, ["r"], inputs=[PortRef("r", "x")], outputs=[PortRef("r", "y")], samples=[sample])
    entrance = next(each for each in made.blocks["block"].graph.nodes.values() if each.type == "input")
    assert entrance.parameters == sample
    assert made.graph.edges == {}


def test_what_cannot_be_in_a_block_is_refused() -> None:
    start = tiny_cnn()
    data = next(id for id, each in start.graph.nodes.items() if each.type.startswith("data."))
    assert "data source" in refusal(start, "make_block", nodes=[data])
    assert "Select the layers" in refusal(start, "make_block", nodes=[])
    nodes = [node("a", "input", "start"), node("r", "relu"), node("m", "relu"), node("t", "tanh"), node("o", "output")]
    line = document(nodes, [("a.y", "r.x"), ("r.y", "m.x"), ("m.y", "t.x"), ("t.y", "o.x")])
    assert "m lies between" in refusal(line, "make_block", nodes=["r", "t"])
    assert "is an input of the graph" in refusal(line, "make_block", nodes=["a", "r"])
    tied = edits.tie_weights(line, "r", "m")
    assert "shares the weights of m" in refusal(tied, "make_block", nodes=["r"])
    assert edits.make_block(tied, ["r", "m"]).blocks


def test_frames_places_and_groups_follow() -> None:
    nodes = [linear("one", 4), linear("two", 4), linear("three", 4), node("o", "output")]
    start = document([node("i", "input"), *nodes], chain(node("i", "input"), *nodes))
    places = {"i": Place(0, 0), "one": Place(300, 100), "two": Place(600, 100), "three": Place(900, 0)}
    frames = {
        "f1": Frame(id="f1", x=280, y=80, width=200, height=200),
        "f2": Frame(id="f2", x=560, y=0, width=700, height=300),
    }
    plan = Plan(phases=(Phase(groups=(Group(nodes=("one", "two"), rate=0.1), Group())),))
    start = replace(start, layout=Layout(places=places, frames=frames), plan=plan)
    made = edits.make_block(start, ["one", "two"], "Pair")
    block = block_of(made)
    assert made.layout.frames["f1"].scope == "pair"
    assert made.layout.frames["f2"].scope == ""
    assert made.layout.places[block] == Place(450, 100)
    assert made.plan.phases[0].groups[0].nodes == (block,)
    entrance, exit = [id for id, each in made.blocks["pair"].graph.nodes.items() if each.type in ("input", "output")]
    assert made.layout.places[entrance].x < 300
    assert made.layout.places[exit].x > 600
    back = edits.dissolve_block(made, block)
    assert len(back.plan.phases[0].groups[0].nodes) == 2
    assert set(back.plan.phases[0].groups[0].nodes) <= back.graph.nodes.keys()
    spots = [back.layout.places[id] for id in back.graph.nodes if id in back.layout.places]
    assert len(set(spots)) == len(spots)


def test_making_a_block_in_a_block_passes_its_parameters_on() -> None:
    start = with_blocks([node("b", "block.residual", "b", filters=12, repeat=1)], residual_block())
    before = meaning(start)
    made = edits.make_block(start, ["r_conv", "r_norm"], "Conv and norm", scope="residual")
    block = made.blocks["conv_and_norm"]
    assert [each["name"] for each in block.parameters] == ["filters"]
    assert meaning(made) == before
    inner = next(each for each in made.blocks["residual"].graph.nodes.values() if each.type.startswith("block."))
    assert inner.parameters == {"repeat": 1, "filters": formula("filters")}
    back = edits.dissolve_block(made, inner.id, scope="residual")
    assert meaning(back) == before


def test_dissolving_writes_repeats_and_values_out() -> None:
    start = with_blocks([node("b", "block.residual", "b", filters=6, rate=0.5, repeat=3)], residual_block())
    done = edits.dissolve_block(start, "b")
    convs = [each for each in done.graph.nodes.values() if each.type == "conv2d"]
    assert len(convs) == 9
    assert {each.parameters["filters"] for each in convs} == {6}
    assert {each.parameters["p"] for each in done.graph.nodes.values() if each.type == "dropout"} == {0.5}
    flat, before = Expander().expand(done).flat.graph, Expander().expand(start).flat.graph
    assert len(flat.nodes) == len(before.nodes)
    assert len(flat.edges) == len(before.edges)
    assert len({each.label for each in done.graph.nodes.values()}) == len(done.graph.nodes)


def test_dissolving_hands_on_what_a_block_passes_through() -> None:
    through = define("wire", [node("w_in", "input", "x"), node("w_out", "output", "y")], [("w_in.y", "w_out.x")])
    start = with_blocks([node("w", "block.wire", "w", repeat=3), node("act", "relu")], through)
    done = edits.dissolve_block(start, "w")
    assert done.graph.edges[PortRef("act", "x")] == PortRef("digits", "image")


def test_an_instance_that_is_repeated_by_an_expression_or_tied_is_not_dissolved() -> None:
    given_ = staged()
    assert "as often as an expression says" in refusal(given_, "dissolve_block", node="s_block", scope="stage")
    pair = [node("a", "block.residual", "a", repeat=1), node("b", "block.residual", "b", repeat=1)]
    tied = edits.tie_weights(with_blocks(pair, residual_block()), "b", "a")
    assert "shares weights" in refusal(tied, "dissolve_block", node="a")
    assert "shares weights" in refusal(tied, "dissolve_block", node="b")
    assert "not an instance" in refusal(tied, "dissolve_block", node="flat")


def declared(name: str, default: Any = 8, kind: str = "int") -> dict[str, Any]:
    return {"name": name, "kind": kind, "default": default}


def test_renaming_a_parameter_is_followed_inside_and_outside() -> None:
    start = staged()
    wanted = [declared("channels"), declared("rate", 0.25, "float")]
    done = edits.set_block(start, "residual", parameters=wanted, renamed={"filters": "channels"})
    assert done.blocks["residual"].graph.nodes["r_conv"].parameters["filters"] == formula("channels")
    assert done.blocks["stage"].graph.nodes["s_block"].parameters["channels"] == formula("width")
    assert meaning(done) == meaning(start)


def test_a_parameter_in_use_is_not_removed() -> None:
    start = staged()
    message = refusal(start, "set_block", key="residual", parameters=[declared("filters")])
    assert "rate is still used: r_drop" in message or "rate is still used: dropout" in message
    assert "parameter called 'a' already" in refusal(
        start, "set_block", key="stage", parameters=[*start.blocks["stage"].parameters, declared("a"), declared("a")]
    )
    assert "cannot name" in refusal(start, "set_block", key="stage", parameters=[declared("class")])
    assert "needs a title" in refusal(start, "set_block", key="stage", title="  ")


def test_a_new_parameter_reaches_all_instances_and_a_wrong_value_becomes_the_default() -> None:
    start = staged()
    old = start.blocks["residual"].parameters
    done = edits.set_block(start, "residual", parameters=[*old, declared("groups", 2)])
    assert done.blocks["stage"].graph.nodes["s_block"].parameters["groups"] == 2
    narrow = [{**old[0]}, {**old[1], "maximum": 0.3}]
    done = edits.set_block(start, "residual", parameters=narrow)
    assert done.blocks["stage"].graph.nodes["s_block"].parameters["rate"] == 0.25
    assert done.blocks["stage"].graph.nodes["s_block"].parameters["filters"] == formula("width")


def test_promoting_a_parameter_keeps_the_meaning() -> None:
    start = with_blocks([node("b", "block.residual", "b", repeat=1)], residual_block())
    size = start.blocks["residual"].graph.nodes["r_conv"].parameters["kernel_size"]
    raw = {"name": "kernel_size", "kind": "ints", "length": 2, "default": size, "title": "Kernel size"}
    done = edits.promote_parameter(start, "residual", "r_conv", "kernel_size", raw)
    assert done.blocks["residual"].graph.nodes["r_conv"].parameters["kernel_size"] == formula("kernel_size")
    assert done.graph.nodes["b"].parameters["kernel_size"] == size
    assert meaning(done) == meaning(start)
    again = edits.promote_parameter(done, "residual", "r_last", "kernel_size", raw)
    assert again.blocks["residual"].graph.nodes["r_last"].parameters["kernel_size"] == formula("kernel_size_2")
    assert "expression already" in refusal(
        done, "promote_parameter", scope="residual", node="r_conv", parameter="kernel_size", declared=raw
    )


def test_a_removed_port_takes_its_links_with_it() -> None:
    start = with_blocks([node("b", "block.residual", "b", repeat=1)], residual_block())
    done = edits.remove_nodes(start, ["r_out"], scope="residual")
    assert PortRef("flat", "x") not in done.graph.edges
    done = edits.remove_and_heal(start, ["r_in"], scope="residual")
    assert PortRef("b", "x") not in done.graph.edges
    done = edits.replace_type(start, "r_in", "relu", {}, scope="residual")
    assert PortRef("b", "x") not in done.graph.edges
    assert PortRef("flat", "x") in done.graph.edges


def test_ports_are_reordered_among_their_like() -> None:
    nodes = [node("i1", "input", "a"), node("r", "relu"), node("i2", "input", "b"), node("i3", "input", "c")]
    block = define("three", [*nodes, node("o", "output", "y")], [("i1.y", "r.x"), ("r.y", "o.x")])
    start = with_blocks([node("b", "block.three", "b", repeat=1)], block)
    done = edits.move_port(start, "three", "i3", -2)
    assert list(done.blocks["three"].graph.nodes) == ["i3", "r", "i1", "i2", "o"]
    assert edits.move_port(start, "three", "i1", -1) is start
    assert "no input or output" in refusal(start, "move_port", scope="three", node="r", steps=1)


def test_a_copy_of_its_own_is_equal_and_apart() -> None:
    start = staged()
    done = edits.make_unique(start, "one")
    (new,) = done.blocks.keys() - start.blocks.keys()
    assert done.blocks[new].title == "Stage 2"
    assert done.graph.nodes["one"].type == f"block.{new}"
    assert meaning(done) == meaning(start)
    assert not done.blocks[new].graph.nodes.keys() & start.blocks["stage"].graph.nodes.keys()


def test_a_definition_in_use_stays() -> None:
    start = staged()
    assert "still used: alone is" in refusal(start, "remove_block", key="residual")
    unused = replace(start, graph=tiny_cnn().graph)
    done = edits.remove_block(edits.remove_block(unused, "stage"), "residual")
    assert done.blocks == {}


def test_no_block_can_be_put_into_itself() -> None:
    start = staged()
    again = node("again", "block.stage", "again", repeat=1)
    assert "cannot hold itself" in refusal(start, "add_node", node=again, scope="residual")
    assert "cannot hold itself" in refusal(
        start, "replace_type", node="r_act", type="block.stage", parameters={}, scope="residual"
    )
    text = clipboard.copy(start, ["one"])
    with pytest.raises(NetbuilderError, match="cannot be pasted into it"):
        clipboard.paste(start, text, scope="residual")


def test_equal_definitions_are_adopted_once() -> None:
    start = staged()
    file = gather(start, "stage")
    assert edits.add_definitions(start, file.blocks, file.layout).blocks == start.blocks
    fresh = edits.add_definitions(Document(), file.blocks, file.layout)
    assert fingerprint("stage", fresh.blocks) == fingerprint("stage", start.blocks)
    assert fresh.blocks["stage"].graph.nodes.keys().isdisjoint(start.blocks["stage"].graph.nodes)
    other = edits.set_block(start, "residual", title="Another")
    both = edits.add_definitions(other, file.blocks, file.layout)
    assert set(both.blocks) == {"residual", "stage", "residual_2", "stage_2"}
    assert contains(both, "stage_2", "residual_2")
    assert not contains(both, "stage_2", "residual")


def test_copying_an_instance_carries_what_it_needs() -> None:
    start = staged()
    text = clipboard.copy(start, ["one"])
    here, ids = clipboard.paste(start, text)
    assert here.blocks == start.blocks
    assert here.graph.nodes[ids[0]].type == "block.stage"
    there, ids = clipboard.paste(tiny_cnn(), text)
    assert set(there.blocks) == {"residual", "stage"}
    assert there.graph.nodes[ids[0]].type == "block.stage"
    assert loads(dumps(there)) == there


def test_pasted_text_that_lacks_a_block_or_has_no_end_is_refused() -> None:
    start = staged()
    text = clipboard.copy(start, ["one"])
    with pytest.raises(NetbuilderError, match="is missing"):
        clipboard.paste(Document(), text.replace('"residual": {', '"residuum": {'))
    endless = text.replace('"type": "conv2d"', '"type": "block.stage"', 1)
    with pytest.raises(NetbuilderError, match="holds itself"):
        clipboard.paste(Document(), endless)


def test_blocks_are_edited_in_blocks_too() -> None:
    start = with_blocks([node("s", "block.stage", "s", width=4, repeat=1)], stage_block(), residual_block())
    text = clipboard.copy(start, ["s_block"], "stage")
    done, ids = clipboard.paste(start, text, scope="stage")
    done = edits.connect(done, PortRef(ids[0], "x"), PortRef("s_block", "y"), scope="stage")
    done = edits.connect(done, PortRef("s_out", "x"), PortRef(ids[0], "y"), scope="stage")
    with pytest.raises(NetbuilderError, match="circle"):
        edits.connect(done, PortRef("s_block", "x"), PortRef(ids[0], "y"), scope="stage")
    assert len(Expander().expand(done).copies) == 3
