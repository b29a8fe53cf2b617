"""The clipboard: copies are whole, fresh and checked like a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from netbuilder.document import clipboard, edits
from netbuilder.document.clipboard import copy, is_clipboard, paste
from netbuilder.document.diff import diff
from netbuilder.document.files import dumps, loads
from netbuilder.document.model import Definition, Document, Frame, Place, PortRef
from netbuilder.foundation.limits import NODES
from netbuilder.foundation.problem import NetbuilderError
from tests.builders import node, tiny_cnn, tiny_mlp
from tests.document.strategies import documents


def labelled(document: Document, ids: tuple[str, ...]) -> dict[str, str]:
    return {document.graph.nodes[id].label: id for id in ids if id in document.graph.nodes}


def test_pasting_gives_fresh_ids_unique_labels_and_the_inner_links() -> None:
    start = tiny_mlp()
    end, ids = paste(start, copy(start, ["hidden", "act", "digits", "ghost"]))
    new = labelled(end, ids)
    assert set(new) == {"hidden_2", "act_2", "digits_2"}
    assert not set(ids) & set(start.graph.nodes)
    assert end.graph.edges[PortRef(new["act_2"], "x")] == PortRef(new["hidden_2"], "y")
    assert PortRef(new["hidden_2"], "x") not in end.graph.edges
    assert end.schemas[new["digits_2"]] == start.schemas["digits"]
    assert end.graph.nodes[new["hidden_2"]].parameters == start.graph.nodes["hidden"].parameters
    assert diff(start, end).removed == diff(start, end).changed == frozenset()
    assert loads(dumps(end)) == end


def test_inputs_are_kept_only_when_asked() -> None:
    start = tiny_mlp()
    text = copy(start, ["hidden"])
    kept, (id,) = paste(start, text, keep_inputs=True)
    assert kept.graph.edges[PortRef(id, "x")] == PortRef("flat", "y")
    elsewhere, _ = paste(Document(), text, keep_inputs=True)
    assert elsewhere.graph.edges == {}


def test_copies_go_where_the_pointer_is_or_beside() -> None:
    start = tiny_mlp()
    text = copy(start, ["flat", "hidden"])
    end, ids = paste(start, text, at=Place(1000, 2000))
    new = labelled(end, ids)
    assert end.layout.places[new["flat_2"]] == Place(1000, 2000)
    assert end.layout.places[new["hidden_2"]] == Place(1260, 2000)
    beside, ids = paste(start, text)
    flat = start.layout.places["flat"]
    assert beside.layout.places[labelled(beside, ids)["flat_2"]] == Place(flat.x + 40, flat.y + 40)


def test_nodes_without_places_paste_without_places() -> None:
    start = replace(tiny_mlp(), layout=replace(tiny_mlp().layout, places={}))
    end, ids = paste(start, copy(start, ["flat"]), at=Place(1, 2))
    assert ids
    assert end.layout.places == {}


def test_frames_come_along() -> None:
    start = edits.add_frame(tiny_mlp(), Frame(id="f1", title="Stem", x=10, y=20))
    end, ids = paste(start, copy(start, ["f1", "flat"]), at=Place(0, 0))
    (frame,) = (end.layout.frames[id] for id in ids if id in end.layout.frames)
    assert (frame.title, frame.id != "f1") == ("Stem", True)
    assert frame.y == 20.0  # the flattening lies higher


def test_weights_stay_tied_to_the_copy_else_to_the_original() -> None:
    start = edits.tie_weights(tiny_mlp(), "scores", "hidden")
    both, ids = paste(start, copy(start, ["hidden", "scores"]))
    new = labelled(both, ids)
    assert both.graph.nodes[new["scores_2"]].tied_to == new["hidden_2"]
    one, (id,) = paste(start, copy(start, ["scores"]))
    assert one.graph.nodes[id].tied_to == "hidden"
    other, (id,) = paste(Document(), copy(start, ["scores"]))
    assert other.graph.nodes[id].tied_to == ""


def test_pasting_into_a_block() -> None:
    start = replace(tiny_mlp(), blocks={"b": Definition(key="b", title="B")})
    end, ids = paste(start, copy(start, ["flat"]), scope="b")
    assert set(end.blocks["b"].graph.nodes) == set(ids)
    assert end.graph is start.graph


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_can_be_copied_and_pasted(document: Document) -> None:
    text = copy(document, [*document.graph.nodes, *document.layout.frames])
    assert is_clipboard(text)
    end, ids = paste(Document(), text)
    assert len(ids) == len(document.graph.nodes) + len(document.layout.frames)
    assert [node.label for node in end.graph.nodes.values()] == [node.label for node in document.graph.nodes.values()]
    assert loads(dumps(end)) == end


@pytest.mark.parametrize("text", ["", "hello", "{}", "[]", '{"format": "netbuilder"}', "import os", dumps(tiny_mlp())])
def test_other_text_is_not_offered_and_not_pasted(text: str) -> None:
    assert not is_clipboard(text)
    with pytest.raises(NetbuilderError, match=r"[Cc]lipboard"):
        paste(Document(), text)


def edge(raw: dict[str, Any]) -> None:
    raw["graph"]["edges"].append([["ghost", "y"], ["flat", "x"]])


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(version=2),
        lambda raw: raw["graph"]["nodes"].append(raw["graph"]["nodes"][0]),
        lambda raw: raw["graph"]["nodes"][0].update(label="import"),
        lambda raw: raw["graph"]["nodes"][0].update(id="../x"),
        lambda raw: raw["graph"]["nodes"][0].update(parameters={"a": "x" * 100_001}),
        lambda raw: raw["places"].update(flat=[1e99, 0]),
        lambda raw: raw["graph"].update(nodes={}),
        edge,
    ],
)
def test_hostile_text_is_refused_as_a_whole(change: Callable[[dict[str, Any]], object]) -> None:
    start = tiny_cnn()
    raw = json.loads(copy(start, ["flat", "pool"]))
    paste(start, json.dumps(raw))
    change(raw)
    before = dumps(start)
    with pytest.raises(NetbuilderError, match=r"[Cc]lipboard"):
        paste(start, json.dumps(raw))
    assert dumps(start) == before


def test_half_a_character_is_refused() -> None:
    with pytest.raises(NetbuilderError):
        paste(Document(), '{"a": "\ud800"}')


def test_a_project_does_not_grow_past_its_limit() -> None:
    start = Document()
    for _ in range(2):
        nodes = {f"n{i}": node(f"n{i}", "relu") for i in range(NODES // 2 + 1)}
        start = Document(graph=replace(start.graph, nodes=nodes))
    with pytest.raises(NetbuilderError, match="at most 10,000"):
        paste(start, copy(start, list(start.graph.nodes)))


def test_the_text_and_the_mime_type_are_ours() -> None:
    assert clipboard.MIME.startswith("application/x-netbuilder")
    assert f'"format": "{clipboard.FORMAT}"' in copy(tiny_mlp(), ["flat"])


def test_what_was_copied_here_is_what_its_text_says() -> None:
    document = edits.set_note(tiny_mlp(), "flat", "why it is here")
    taken = clipboard.take(document, list(document.graph.nodes))
    text = clipboard.write(taken)
    assert clipboard.read(text) is taken, "the last text that was written needs no reading"
    clipboard.write(clipboard.take(document, ["flat"]))
    assert clipboard.read(text) == taken
    assert list(clipboard.read(text).graph.edges) == list(taken.graph.edges)


def test_a_pasted_node_differs_in_its_names_only() -> None:
    document = edits.set_bypassed(edits.set_note(tiny_mlp(), "flat", "why"), ["flat"], True)
    node = replace(document.graph.nodes["flat"], extra={"newer": 1})
    document = replace(document, graph=replace(document.graph, nodes={**document.graph.nodes, "flat": node}))
    new, (fresh,) = paste(document, copy(document, ["flat"]))
    pasted = new.graph.nodes[fresh]
    assert replace(pasted, id="flat", label=node.label) == node
    assert pasted.label != node.label
