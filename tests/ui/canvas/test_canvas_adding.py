"""Adding layers by real mouse and key events, each one undo entry."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from netbuilder.document.model import PortRef
from tests.ui.canvas.conftest import LEFT, LINEAR, RELU
from tests.ui.canvas.gestures import ALT, Key, types, undoes


def test_a_layer_dropped_on_empty_canvas_lies_where_it_was_dropped(view, hands, workspace):
    before = workspace.document
    at = hands.at(420, 300)
    assert hands.drop("conv2d", at)
    (new,) = workspace.selection
    assert workspace.document.graph.nodes[new].type == "conv2d"
    assert hands.header(new).x() == pytest.approx(at.x(), abs=2)
    assert view.node_rect(new).contains(QPointF(at))
    assert workspace.history.undo_title == "Add Conv2d"
    undoes(workspace, before)


def test_a_dropped_data_source_brings_its_schema(hands, workspace):
    hands.drop("data.iris", hands.at(420, 300))
    (new,) = workspace.selection
    assert [field.name for field in workspace.document.schemas[new].fields] == ["features", "label"]


def test_a_data_source_without_a_file_yet_is_added_and_says_what_it_lacks(hands, workspace, qtbot):
    with qtbot.waitSignal(workspace.message) as heard:
        hands.drop("data.table", hands.at(420, 300))
    assert "file" in heard.args[0]
    assert "data.table" in types(workspace)


def test_a_layer_dropped_on_a_link_goes_into_it(view, hands, workspace):
    before = workspace.document
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("tanh", ((start + end) / 2).toPoint())
    (new,) = workspace.selection
    edges = workspace.document.graph.edges
    assert edges[PortRef(RELU, "x")] == PortRef(new, "y")
    assert edges[PortRef(new, "x")] == PortRef(LINEAR, "y")
    undoes(workspace, before)


def test_a_loss_ends_a_network_and_so_goes_into_no_link(view, hands, workspace):
    edges = workspace.document.graph.edges
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("mse_loss", ((start + end) / 2).toPoint())
    assert "mse_loss" in types(workspace)
    assert workspace.document.graph.edges == edges


def test_alt_keeps_a_dropped_layer_out_of_the_link(view, hands, workspace):
    edges = workspace.document.graph.edges
    start, end = (view.port_point(LINEAR, "y", False), view.port_point(RELU, "x", True))
    hands.drop("tanh", ((start + end) / 2).toPoint(), ALT)
    assert "tanh" in types(workspace)
    assert workspace.document.graph.edges == edges


def test_an_unknown_key_is_not_taken(hands, workspace):
    before = workspace.document
    assert not hands.drop("no_such_layer", hands.at(420, 300))
    assert workspace.document is before


def test_tab_and_some_letters_add_a_layer(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_Tab)
    assert view.quick_add.isVisible()
    hands.type("maxpool2")
    hands.key(Key.Key_Return)
    assert not view.quick_add.isVisible()
    assert types(workspace)[-1] == "max_pool2d"
    assert view.hasFocus()
    undoes(workspace, before)


def test_a_network_is_built_from_the_keyboard_alone(view, hands, workspace):
    workspace.new()
    for word in ("digits", "flatten", "linear", "relu", "linear", "crossentropy"):
        hands.key(Key.Key_Tab)
        hands.type(word)
        hands.key(Key.Key_Return)
    graph = workspace.document.graph
    nodes = list(graph.nodes)
    sources = [[source.node for target, source in graph.edges.items() if target.node == node] for node in nodes]
    assert sources == [[], *([node] for node in nodes[:-1])]
    places = [view.content.arrays.rect(node) for node in nodes]
    assert [x for x, *_ in places] == sorted({x for x, *_ in places})
    assert len({y for _, y, *_ in places}) == 1


def test_a_layer_called_by_its_name_comes_first_and_is_linked_though_it_does_not_fit(view, hands, workspace, qtbot):
    workspace.new()
    workspace.torch_loaded()
    for word in ("digits", "linear"):
        qtbot.waitUntil(lambda: not workspace.shapes.pending)
        hands.key(Key.Key_Tab)
        hands.type(word)
        hands.key(Key.Key_Return)
    assert types(workspace) == ["data.digits", "linear"]
    linear = list(workspace.document.graph.nodes)[1]
    assert PortRef(linear, "x") in workspace.document.graph.edges
    qtbot.waitUntil(lambda: workspace.is_settled)
    (fix, *_) = [fix for problem in workspace.problems if problem.node == linear for fix in problem.fixes]
    assert fix.title.startswith("Insert Flatten")
    workspace.apply_fix(fix)
    assert "flatten" in types(workspace)


def test_a_layer_that_cannot_go_on_from_the_selected_one_stands_alone(view, hands, workspace):
    workspace.new()
    for word in ("digits", "spiral"):
        hands.key(Key.Key_Tab)
        hands.type(word)
        hands.key(Key.Key_Return)
    assert types(workspace) == ["data.digits", "data.spiral"]
    assert not workspace.document.graph.edges


def test_double_click_on_nothing_asks_for_a_layer_and_escape_leaves(view, hands, workspace):
    before = workspace.document
    QTest.mouseDClick(view, LEFT, Qt.KeyboardModifier.NoModifier, hands.at(500, 320))
    assert view.quick_add.isVisible()
    hands.key(Key.Key_Escape)
    assert not view.quick_add.isVisible()
    assert workspace.document is before


def test_a_search_for_nothing_known_adds_nothing(view, hands, workspace):
    before = workspace.document
    hands.key(Key.Key_Tab)
    hands.type("qqqqqq")
    hands.key(Key.Key_Return)
    assert workspace.document is before
    assert view.quick_add.list.count() == 0


def test_add_finds_a_free_spot(view, workspace):
    for _ in range(4):
        view.add("relu")
    rects = [view.node_rect(node) for node in workspace.document.graph.nodes]
    for index, one in enumerate(rects):
        assert not any(one.intersects(other) for other in rects[index + 1 :])
