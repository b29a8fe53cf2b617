"""Finding: the index, the bar over the canvas, and what stands out while it is open."""

from __future__ import annotations

import pytest

from netbuilder.document import edits
from netbuilder.document.model import Document, Frame, Graph, Node, PortRef
from netbuilder.document.topology import flow
from netbuilder.project import declarations
from netbuilder.ui.canvas.finding import Index
from netbuilder.ui.standpoint import Standpoint
from tests.ui.canvas.conftest import DIGITS, DROPOUT, LINEAR, LOSS, RELU, add, small_network
from tests.ui.canvas.gestures import ALT, SHIFT, Key


@pytest.fixture
def index() -> Index:
    document = small_network()
    document = add(document, "n00000006", "conv2d", 0, 400, "stem")
    document = edits.set_parameters(document, "n00000006", {"kernel_size": (3, 3), "filters": 32})
    document = edits.set_note(document, "n00000006", "After He et al., 2015")
    index = Index(declarations())
    index.build(document, lambda scope: Standpoint(scope), {})
    return index


@pytest.mark.parametrize(
    "query",
    ["stem", "STEM", "conv2d", "stem conv", "kernel_size=3", "kernel size = 3", "kernel=3x3", "kernel_size=3 × 3",
     "filters=32", "he et al", "2015 stem", "filters="],
)  # fmt: skip
def test_a_node_is_found_by_what_is_written_on_it(index, query):
    assert "n00000006" in [found.node for found in index.search(query)]


@pytest.mark.parametrize("query", ["", "   ", "filters=3", "kernel_size=33", "stem relu", "((", "[", "filters=32 relu"])
def test_what_does_not_answer_is_not_found(index, query):
    assert "n00000006" not in [found.node for found in index.search(query)]


def test_shapes_are_found_with_either_sign(view, workspace, qtbot, hands):
    workspace.torch_loaded()
    qtbot.waitUntil(lambda: not workspace.shapes.pending)
    view.find_bar.open()
    for text in ("1x8x8", "1×8×8", "1 x 8 x 8"):
        view.find_bar.field.setText(text)
        assert {found.node for found in view.find_bar.found} >= {DIGITS}, text


def test_what_answers_stands_out_and_the_rest_steps_back(view, hands, workspace):
    camera, before = view.camera, workspace.document
    view.find_bar.open()
    assert view.faded() == frozenset()
    hands.type("re")
    assert view.find_bar.count.text() == "1 of 2"  # relu; the loss by its title's letters
    assert view.faded() == view.graph.nodes.keys() - {found.node for found in view.find_bar.found}
    hands.type("lu")
    assert [found.node for found in view.find_bar.found] == [RELU]
    assert view.find_bar.place.text() == "relu · ReLU"
    assert view.faded() == {DIGITS, LINEAR, LOSS, DROPOUT}
    assert not workspace.selection
    hands.key(Key.Key_Escape)
    assert not view.find_bar.isVisible()
    assert view.faded() == frozenset()
    assert view.camera == camera
    assert view.hasFocus()
    assert workspace.document is before


def test_enter_goes_on_and_shift_enter_back(view, hands, workspace):
    view.find_bar.open()
    hands.type("n")
    order = [found.node for found in view.find_bar.found]
    assert len(order) > 2
    seen = []
    for _ in range(len(order) + 1):
        hands.key(Key.Key_Return)
        seen += workspace.selection
    assert seen == [*order, order[0]]
    hands.key(Key.Key_Return, SHIFT)
    assert workspace.selection == {order[-1]}
    assert view.find_bar.count.text() == f"{len(order)} of {len(order)}"


def test_one_far_away_is_brought_into_view_and_escape_goes_back(view, hands, workspace):
    view.set_camera(view.camera.moved(-4000, -3000))
    away = view.camera
    view.find_bar.open()
    hands.type("dropout")
    assert view.rect().contains(view.node_rect(DROPOUT).toRect())
    hands.key(Key.Key_Escape)
    assert view.camera == away
    view.find_bar.open()
    hands.type("dropout")
    hands.key(Key.Key_Return)
    hands.key(Key.Key_Escape)
    assert view.rect().contains(view.node_rect(DROPOUT).toRect())
    assert workspace.selection == {DROPOUT}


def test_alt_enter_selects_all_that_answer(view, hands, workspace):
    view.find_bar.open()
    hands.type("r")
    found = {each.node for each in view.find_bar.found}
    hands.key(Key.Key_Return, ALT)
    assert workspace.selection == found
    assert len(found) > 1
    assert not view.find_bar.isVisible()


def test_nodes_in_blocks_are_found_and_gone_to(view, hands, workspace):
    made = view.blocks.make((LINEAR, RELU), "Dense unit")
    view.find_bar.open()
    hands.type("relu")
    assert [found.node for found in view.find_bar.found] == [RELU]
    assert view.find_bar.place.text() == "Dense unit › relu · ReLU"
    assert workspace.scope == ""
    hands.key(Key.Key_Return)
    assert workspace.scope == "dense_unit"
    assert workspace.selection == {RELU}
    assert workspace.scopes.at.block == f"{made}/0"


def test_a_definition_that_nothing_uses_is_searched_too(view, hands, workspace):
    made = view.blocks.make((LINEAR, RELU), "Dense unit")
    view.commands.delete((made,))
    view.find_bar.open()
    hands.type("relu")
    hands.key(Key.Key_Return)
    assert workspace.scope == "dense_unit"
    assert workspace.selection == {RELU}


def test_frames_are_found_by_their_titles_and_notes(view, hands, workspace):
    workspace.edit("Frame", lambda document: edits.add_frame(document, Frame(id="f1", title="Encoder", x=5000, y=5000)))
    view.find_bar.open()
    hands.type("encod")
    assert view.find_bar.place.text() == "Encoder · Frame"
    assert view.faded() == view.graph.nodes.keys()
    hands.key(Key.Key_Return)
    assert workspace.selected_frames == {"f1"}
    assert view.rect().contains(view.to_view(5160, 5100).toPoint())
    hands.key(Key.Key_Escape)
    assert workspace.selected_frames == {"f1"}


def test_an_edit_is_followed_while_the_bar_is_open(view, hands, workspace, qtbot):
    view.find_bar.open()
    hands.type("dropout")
    assert len(view.find_bar.found) == 1
    view.add("dropout")
    qtbot.waitUntil(lambda: view.find_bar.count.text() == "1 of 2")
    view.commands.delete([node.id for node in view.graph.nodes.values() if node.type == "dropout"])
    qtbot.waitUntil(lambda: view.find_bar.count.text() == "None")
    workspace.new()
    qtbot.wait(20)
    assert view.find_bar.found == []


def test_next_goes_on_with_the_bar_closed(view, hands, workspace):
    view.find_bar.open()
    hands.type("dropout")
    hands.key(Key.Key_Escape)
    workspace.select(())
    view.find_bar.go_next()
    assert workspace.selection == {DROPOUT}
    assert not view.find_bar.isVisible()
    assert view.faded() == frozenset()


def test_next_without_a_search_asks_for_one(view):
    view.find_bar.go_next()
    assert view.find_bar.isVisible()
    assert view.find_bar.field.hasFocus()


def test_the_flow_is_read_in_order_and_circles_come_last():
    nodes = {id: Node(id=id, type="relu", label=id) for id in "abcdef"}
    links = {"b": "a", "c": "b", "f": "e", "e": "f"}
    graph = Graph(nodes=nodes, edges={PortRef(t, "x"): PortRef(s, "y") for t, s in links.items()})
    assert flow(graph) == ["a", "b", "c", "d", "e", "f"]
    assert flow(Document().graph) == []


def test_a_key_press_among_thousands_costs_less_than_the_index(view):
    """The promise of 50 ms a key, as a ratio: a search is a small part of what reading the document once costs."""
    from time import perf_counter

    nodes = [
        Node(id=f"n{number:08x}", type="conv2d", label=f"conv{number}", parameters={"filters": number})
        for number in range(5000)
    ]
    document = Document(graph=Graph(nodes={node.id: node for node in nodes}))
    index = Index(declarations())

    def timed(call) -> float:
        start = perf_counter()
        call()
        return perf_counter() - start

    built = timed(lambda: index.build(document, Standpoint, {}))
    assert len(index.search("conv")) == 5000
    assert [found.node for found in index.search("filters=4321")] == ["n000010e1"]
    searched = min(timed(lambda: index.search("conv2d filters=43")) for _ in range(5))
    again = min(timed(lambda: index.build(document, Standpoint, {})) for _ in range(3))
    assert searched < built
    assert again < built
